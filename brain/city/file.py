"""Read a city model: bytes of YAML or JSON in, a checked ``City`` or one precise sentence out.

YAML is read by the rules of YAML 1.2, so ``from: 17:30`` is the text ``17:30`` and ``no`` is the text ``no``. A key
that stands twice is refused, and so is a document that is too large, too deep or grows by aliases. ``null`` means "not
given". A name may be a plain text instead of ``{zh, en}``. Unknown keys inside an element are ignored unless they look
like a known key misspelt.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from brain.city.check import EVENTS, SCENES, check
from brain.city.model import City
from brain.errors import CityError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["load_city", "parse_city", "read_stored_city"]

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_VALUES: Final = 5_000_000  # values of the document after aliases are followed; a large city has a tenth of it
MAX_DEPTH: Final = 64

_KIND: Final = {
    "str": "text",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object with keys",
    "null": "nothing",
}


def load_city(
    path: str | Path, *, events: Collection[str] | None = EVENTS, scenes: Collection[str] | None = SCENES
) -> City:
    """Read and check the city model in a file.

    Args:
        path: YAML or JSON; which of them is told by the content, not by the ending.
        events: Event words that ``routing`` may name; None: any.
        scenes: Scene names that ``scenes`` may name; None: any.

    Raises:
        CityError: The file cannot be read or is wrong; the sentence starts with the path inside the document.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise _too_large(file.name)
        text = file.read_bytes()
    except OSError as e:
        raise CityError("", f"cannot read {file}: {e.strerror or e}; name a readable city model") from e
    return parse_city(text, file.name, events=events, scenes=scenes)


def read_stored_city(document: bytes | None) -> City:
    """The city model a store keeps; an empty one where nobody put any.

    It was checked when it came: which scenes and events there are is not asked again, since not every process knows the
    scenes of installed packages.

    Raises:
        CityError: As ``load_city``.

    Example:
        >>> read_stored_city(b'{"scenes": [{"name": "bridge_water"}]}').scenes[0].name
        'bridge_water'
    """
    return City() if document is None else parse_city(document, "the stored city model", events=None, scenes=None)


def parse_city(
    text: bytes | str,
    name: str = "city",
    *,
    events: Collection[str] | None = EVENTS,
    scenes: Collection[str] | None = SCENES,
) -> City:
    """Check a city model given as text. ``name`` stands for the document in errors about its syntax.

    Args:
        text: YAML or JSON.
        name: Of the document, for errors.
        events: Event words that ``routing`` may name; None: any.
        scenes: Scene names that ``scenes`` may name; None: any.

    Raises:
        CityError: As ``load_city``.

    Example:
        >>> parse_city("sites: [{id: A, kind: school, lon: 120.4, lat: 36.1, radius_m: wide}]")
        Traceback (most recent call last):
        brain.errors.CityError: sites[0].radius_m: expected a number, got text
    """
    try:
        document = _document(text, name)
        _measure(document)
        document = _tidy(document, _SHAPE, "")
    except RecursionError as e:
        raise CityError("", f"{name} is nested too deeply; a city model needs {MAX_DEPTH} levels at most") from e
    try:
        city = msgspec.convert(document, City)
    except msgspec.ValidationError as e:
        raise _translated(str(e)) from None
    check(city, events=events, scenes=scenes)
    return city


def _too_large(name: str) -> CityError:
    return CityError("", f"{name} is larger than {MAX_BYTES >> 20} MiB; leave out what the city does not need")


def _document(text: bytes | str, name: str) -> Any:
    if len(text) > MAX_BYTES:
        raise _too_large(name)
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as e:
            raise CityError("", f"{name} is not UTF-8 at byte {e.start}; save it as UTF-8") from None
    looks_json = text.lstrip().startswith("{")
    if looks_json:
        try:
            return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
        except ValueError as e:  # also a number of thousands of digits
            if name.lower().endswith(".json"):
                why = f"{e.msg} at line {e.lineno}, column {e.colno}" if isinstance(e, json.JSONDecodeError) else e
                raise CityError("", f"{name} is not JSON: {why}") from None
    return _yaml(text, name)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        twice = _twice(k for k, _ in pairs)
        raise CityError("", f'the key "{twice}" stands twice in one object; put both parts into one')
    return out


def _twice(keys: Iterable[str]) -> str:
    """The first key that stands more than once, as an error may tell it."""
    return repr(next(key for key, count in Counter(keys).items() if count > 1)[:80])[1:-1]


def _no_constant(word: str) -> float:
    raise CityError("", f"{word} is not a number a city can have; leave the key out")


def _yaml(text: str, name: str) -> Any:
    import yaml  # noqa: PLC0415 - JSON cities do without it

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc, valid-type]
        """Safe, and with the scalars of YAML 1.2."""

        yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode)]
            if len(set(keys)) != len(keys):
                twice = _twice(keys)
                line = node.start_mark.line + 1
                raise CityError("", f'{name}, line {line}: the key "{twice}" stands twice; put both parts into one')
            made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
            return made

    for tag, pattern, first in (
        ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
        ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
        ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)
    # Decimal only: YAML 1.1 would read 010 as eight.
    Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))
    Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))
    try:
        return yaml.load(text, Loader=Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as e:
        mark = getattr(e, "problem_mark", None)
        problem = getattr(e, "problem", None) or "it cannot be read"
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise CityError("", f"{name} is not YAML: {problem}{where}") from None
    except (ValueError, TypeError, LookupError, AttributeError) as e:
        # the last two come out of PyYAML where a tag does not fit its value, like !!timestamp x
        raise CityError("", f"{name} is not YAML: {e}") from None


def _measure(document: Any) -> None:
    """Refuse cycles, and documents that are small on paper and huge with their aliases followed."""
    sizes: dict[int, int] = {}

    def size(value: Any, depth: int) -> int:
        if not isinstance(value, dict | list):
            return 1
        if depth > MAX_DEPTH:
            raise CityError("", f"the document is nested deeper than {MAX_DEPTH} levels; a city model is flat")
        known = sizes.get(id(value))
        if known is None:
            parts = value.values() if isinstance(value, dict) else value
            known = sizes[id(value)] = 1 + sum(size(v, depth + 1) for v in parts)
            if known > MAX_VALUES:
                raise CityError("", f"the document has more than {MAX_VALUES} values; split the city")
        return known

    size(document, 0)


_SHAPE: Final = msgspec.inspect.type_info(City)


def _tidy(value: Any, shape: Any, path: str) -> Any:
    """A copy without nulls, with plain names spelt out and unknown keys looked at."""
    if isinstance(shape, msgspec.inspect.UnionType):
        shape = next(t for t in shape.types if not isinstance(t, msgspec.inspect.NoneType))
    if isinstance(shape, msgspec.inspect.ListType) and isinstance(value, list):
        return [_tidy(v, shape.item_type, f"{path}[{i}]") for i, v in enumerate(value)]
    if not isinstance(shape, msgspec.inspect.StructType):
        return _instant(value) if path.endswith((".start", ".end", ".last_gas_test")) else value
    if isinstance(value, str) and shape.cls.__name__ == "Name":
        return {"zh": value, "en": value}
    if value is None and not path:
        return {}
    if not isinstance(value, dict):
        return value
    fields = {f.encode_name: f.type for f in shape.fields}
    out: dict[str, Any] = {}
    for key, part in value.items():
        if key in fields:
            if part is not None:
                out[key] = _tidy(part, fields[key], f"{path}.{key}" if path else key)
            continue
        near = get_close_matches(str(key), [f for f in fields if f not in value], n=1, cutoff=0.85)
        if not path:
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise CityError(
                repr(key)[:80].strip("'"), f"no such part of a city model{hint} The parts are {', '.join(fields)}"
            )
        if near:
            raise CityError(f"{path}.{key}", f'no such key; did you mean "{near[0]}"?')
    return out


def _instant(value: Any) -> Any:
    """Epoch milliseconds as RFC 3339; everything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    try:
        return datetime.fromtimestamp(value / 1000, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return value


def _translated(message: str) -> CityError:
    """The sentence of msgspec in the words of this project."""
    text, _, at = message.partition(" - at `")
    path = at.rstrip("`").removeprefix("key` in `").removeprefix("$").removeprefix(".").replace("[...]", "")
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", text):
        key = missing[1]
        return CityError(f"{path}.{key}" if path else key, "is missing; every element of this kind has it")
    if wrong := re.fullmatch(r"Expected `([^`]+)`, got `(\w+)`", text):
        wanted = wrong[1].replace(" | null", "")
        return CityError(path, f"expected {_KIND.get(wanted, wanted)}, got {_KIND.get(wrong[2], wrong[2])}")
    if length := re.fullmatch(r"Expected `array` of length (\d+)(?:, got (\d+))?", text):
        return CityError(path, f"expected a list of {length[1]} numbers{f', got {length[2]}' if length[2] else ''}")
    return CityError(path, text[:1].lower() + text[1:])
