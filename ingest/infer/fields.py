"""Which fields the values of a document make: names, kinds, units; lists of names and values. Pure; for guessing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from ingest.infer.draft import DraftField, path_text
from ingest.infer.guess import unit_of_name
from ingest.infer.shape import Leaf, Shape, is_meta, shape_of
from ingest.infer.words import translated
from ingest.profile.functions import FUNCTIONS, WrongValueError
from ingest.profile.units import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Fields", "is_number", "pair_keys", "path_of"]

_NAMES_TEXT: Final = """
name n key param parameter resourcename propertyname value_type property metric measure sensor label field tag code type
item k id indicator point channel quantity factor
"""
_NAMES: Final = _NAMES_TEXT.split()
_VALUES: Final = ("value", "v", "val", "data", "reading", "measurement", "result")
_MOST_PAIRS: Final = 60
_NOTHING: Final = re.compile(
    r"-*|n/?[ad]|nan|null|none|nil|inf|unavailable|unknown|missing|no ?data|err(or)?|fault|off(line)?|invalid"
    r"|无|离线|故障",
    re.IGNORECASE,
)
_SURELY_NUMBERS: Final = 4  # for each word among them
_LONGEST_TEXT: Final = 1024


class Fields:
    """Makes fields of leaves.

    Attributes:
        left: What made no field, and why.
        unnamed: Keys whose words are not known here, so that their fields need a name.
    """

    def __init__(self) -> None:
        self.left: list[str] = []
        self.unnamed: list[str] = []

    def pairs(self, shape: Shape, root: str, path: tuple[str, ...] = ()) -> list[DraftField]:
        """A field for each name of the lists of names and values."""
        out: list[DraftField] = []
        for key, inner in shape.keys.items():
            keys = pair_keys(inner)
            if keys is not None and not is_meta(key):
                name_key, value_key, unit_key = keys
                where = path_text(root, [*path, key])
                elements = [e for one in inner.lists for e in one if isinstance(e, dict)]
                for name in dict.fromkeys(str(e.get(name_key)) for e in elements):
                    same = shape_of(e for e in elements if str(e.get(name_key)) == name)
                    found = f"find({where}, {path_text('it', [name_key])} == {json.dumps(name, ensure_ascii=False)})"
                    leaf = Leaf([name], same.keys.get(value_key, Shape()), same, found)
                    field = self._field(leaf, path_text(found, [value_key]))
                    unit = next(
                        (c for v in (same.keys[unit_key].there if unit_key in same.keys else ()) if (c := _code(v))),
                        None,
                    )
                    if field is not None and field.kind == "number" and unit is not None:
                        field.unit, field.doubt = unit, ""
                        field.unit_from = f"first({path_text(found, [unit_key])}, {json.dumps(unit)})"
                    if field is not None:
                        out.append(field)
            elif inner.objects and not is_meta(key):
                out += self.pairs(inner, root, (*path, key))
        return out

    def all_of(self, found: Sequence[Leaf]) -> list[DraftField]:
        """The fields of these leaves."""
        return [f for leaf in found if (f := self._field(leaf, path_of(leaf))) is not None]

    def _field(self, leaf: Leaf, source: str) -> DraftField | None:
        """The field of a leaf; None where nothing was ever there."""
        seen = leaf.shape.there
        out = DraftField(leaf.name, source=source, label="".join(c for c in ".".join(leaf.path) if c.isprintable()))
        if not seen and leaf.shape.lists:
            out.kind, out.source = "text", f"json_text({source})[:{_LONGEST_TEXT}]"
            out.doubt = "DOUBT: a list is kept as JSON"
            return out
        if not seen:
            self.left.append(f"{'.'.join(leaf.path)} (always null)")
            return None
        if _plain(leaf.path[-1]) in ("unit", "units", "uom") and len(leaf.beside.keys) > 1:
            return None
        if not translated(leaf.name)[1]:
            self.unnamed.append(leaf.name)
        if all(isinstance(v, bool) for v in seen):
            out.kind = "boolean"
            return out
        if _are_codes(seen):
            out.kind = "text"
            return out
        numbers = [n for n in (FUNCTIONS["only_number"](v) for v in seen) if n is not None]
        if len(numbers) == len(seen):
            return self._measured(out, leaf, numbers)
        odd = [v for v in dict.fromkeys(v for v in seen if isinstance(v, str)) if FUNCTIONS["only_number"](v) is None]
        usual = all(_NOTHING.fullmatch(v.strip()) for v in odd)
        if numbers and len(odd) <= 3 and (usual or len(numbers) >= _SURELY_NUMBERS * len(odd)):
            out.missing = odd
            self._measured(out, leaf, numbers)
            if not usual:
                out.doubt = f"DOUBT: {', '.join(odd)[:60]} is taken for nothing" + out.doubt.replace("DOUBT:", ";", 1)
            return out
        units = {_code(_quantity(v)[1]) for v in seen if isinstance(v, str)}
        if len(units) == 1 and None not in units and all(_quantity(v)[0] is not None for v in seen):
            out.source, out.unit = f"number({source})", units.pop()
            return out
        out.kind = "text"
        if any(isinstance(v, str) and len(v) > _LONGEST_TEXT for v in seen):
            out.source = f"{source}[:{_LONGEST_TEXT}]"
        return out

    def _measured(self, out: DraftField, leaf: Leaf, numbers: list[float]) -> DraftField:
        beside = next((k for k in leaf.beside.keys if _plain(k) in ("unit", "units", "uom", "u")), None)
        said = {_code(v) for v in leaf.beside.keys[beside].there} if beside else set()
        if len(said) == 1 and None not in said:
            out.unit = said.pop()
            return out
        out.unit, sure = unit_of_name(leaf.name, numbers)
        if out.unit is None:
            out.doubt = "DOUBT: the unit is not known"
        elif not sure:
            out.doubt = f"DOUBT: {out.unit} is guessed from the name"
        return out


def _are_codes(seen: Sequence[Any]) -> bool:
    """Whether texts are numbers or letters of ids: zeros stand in front, or hexadecimal digits beside decimal ones."""
    if not all(isinstance(v, str) for v in seen):
        return False
    return any(re.fullmatch(r"0\d{2,}", v) for v in seen) or (
        all(re.fullmatch(r"[0-9a-fA-F]{4,}", v) for v in seen) and any(re.search(r"[a-fA-F]", v) for v in seen)
    )


def _plain(key: str) -> str:
    """A key in small letters, a Chinese one in English."""
    return translated(key)[0].lower()


def path_of(leaf: Leaf) -> str:
    """The expression that leads to a leaf."""
    return path_text(leaf.root, list(leaf.path))


def is_number(value: Any) -> bool:
    """Whether this is a number and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _code(text: Any) -> str | None:
    return canonical(text) if isinstance(text, str) else None


def _quantity(value: Any) -> tuple[float | None, str]:
    """A number and the unit behind it."""
    if sum(c.isdigit() for c in str(value)) > 10:
        return None, ""  # 80000000000000C is no temperature
    try:
        return FUNCTIONS["number"](value), FUNCTIONS["unit"](value) or ""
    except WrongValueError:
        return None, ""


def pair_keys(shape: Shape) -> tuple[str, str, str] | None:
    """The keys of name, value and unit in a list of names and values; None: it is another list."""
    if not shape.is_records or shape.items is None:
        return None
    keys = {_plain(k): k for k in shape.items.keys}
    name = next((keys[n] for n in _NAMES if n in keys), None)
    value = next((keys[v] for v in _VALUES if v in keys), None)
    if name is None or value is None or shape.items.keys[value].objects:
        return None
    seen = shape.items.keys[name].there
    if not seen or not all(isinstance(v, str) for v in seen) or len(set(seen)) > _MOST_PAIRS:
        return None
    for one in shape.lists:
        names = [e.get(name) for e in one if isinstance(e, dict)]
        if len(set(map(str, names))) != len(names):
            return None
    return name, value, next((keys[u] for u in ("unit", "units", "u", "uom") if u in keys), "unit")
