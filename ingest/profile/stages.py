"""From the bytes of a message to documents: the first step of a profile, compiled once. Pure.

| input | gives |
|---|---|
| ``json`` | the document |
| ``lenient_json`` | the same of what people write by hand: trailing commas, comments, single quotes, bare keys, NaN |
| ``json_lines`` | a document a line |
| ``xml`` | an object: elements by local name (namespaces dropped), attributes as ``@name``, text beside them as ``#text``, an element that comes several times as a list; entities and document types are refused |
| ``key_value`` | an object of texts, from ``a=1;b=2`` (``pairs: ";"`` or a line each by default, ``equals: "="``) |
| ``form`` | an object of texts, from ``a=1&b=x+y%21`` (a query, a form); what comes several times is a list |
| ``csv`` | an object a line, by the names of the first line or of ``header: [time, temp]`` (``separator: ","``, ``skip: 1``) |
| ``fixed_width`` | an object of texts a line, by ``columns: {temp: [8, 5]}``: first character and width (``skip``) |
| ``regex`` | the named groups of ``pattern`` a line, or of the whole text (``per: message``); other lines are refused (``else: skip``) |
| ``text`` | the text itself, as ``it`` |
| ``json_or_text`` | the document, or the text itself where it is no JSON: topics of one value each |
| ``bytes`` ``hex`` ``base64`` | the bytes, or with ``frame: [...]`` the object that the byte table makes of them |
| ``msgpack`` | the document |

``charset`` says how texts are coded (default UTF-8; XML tells its own); ``empty: ignore`` passes over messages without
bytes, which others refuse; ``compression: gzip`` (``zlib``, ``deflate``) unpacks them, to at most
256 KiB. Every input gives a list of documents. The
formats of ``ingest.decoders`` are inputs too, each with its own settings.
"""  # noqa: E501 - a table

from __future__ import annotations

import codecs
import re
import zlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from brain.errors import SensorTypeError
from ingest.decoders import Message, formats
from ingest.profile import hints
from ingest.profile.frame import compile_frame
from ingest.profile.functions import FUNCTIONS, WrongValueError
from ingest.profile.markup import DEEPEST, xml_of
from ingest.profile.texts import TEXT_INPUTS, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEEPEST", "INPUTS", "ONE_DOCUMENT", "compile_input"]

_OF_ALL: Final = ("empty", "compression")
_COMPRESSIONS: Final = {"gzip": 31, "zlib": 15, "deflate": -15}  # as zlib counts its windows
_MOST_UNPACKED: Final = 262_144  # what a small message may come to
INPUTS: Final[dict[str, set[str]]] = {
    "json": {"charset"},
    "lenient_json": {"charset"},
    "json_lines": {"charset"},
    "xml": {"charset"},
    **{name: set(settings) for name, (settings, _) in TEXT_INPUTS.items()},
    "text": {"charset"},
    "json_or_text": {"charset"},
    "bytes": {"frame", "order"},
    "hex": {"frame", "order"},
    "base64": {"frame", "order"},
    "msgpack": set(),
}
ONE_DOCUMENT: Final = frozenset({"nmea", "prometheus", *INPUTS} - {"json_lines", "csv", "fixed_width", "regex"})
"""Inputs that make one document of a message; of the others each document has its place as ``key``."""
# Strings and comments that never end are taken to the end: what is tried again from every place would cost its square.
_TOKEN: Final = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*+(?:"|\Z))|(?P<single>\'(?:[^\'\\]|\\.)*+(?:\'|\Z))'
    r"|(?P<comment>//[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)|^[ \t]*#[^\n]*)|(?P<word>[A-Za-z_$][\w$-]*)",
    re.DOTALL | re.MULTILINE,
)
_LAST_COMMA: Final = re.compile(r'("(?:[^"\\]|\\.)*+(?:"|\Z))|,(?=\s*+[}\]])')
_CHARSET: Final = re.compile(
    r"utf-?8(-sig)?|utf-?16(-?[lb]e)?|(us-)?ascii|gb2312|gbk|gb18030|big5|(iso-?8859-|latin-?)\d{1,2}|(windows-|cp)125\d"
    r"|shift_jis|euc-(kr|jp)|koi8-[ru]",
    re.IGNORECASE,
)
_LONGEST_DECLARATION: Final = 200
_SURE: Final = {"true": "true", "false": "false", "null": "null", "None": "null", "True": "true", "False": "false"}
_NOTHING: Final = frozenset({"NaN", "nan", "Infinity", "undefined"})


def compile_input(spec: Any, path: str) -> Callable[[Message], list[Any]]:
    """A function from a message to its documents.

    Args:
        spec: The name of an input, or a mapping with ``format`` and its settings.
        path: Where it stands in the profile, for errors.

    Returns:
        The function; it raises ``WrongValueError`` with the reason and what is wrong with the payload.

    Raises:
        SensorTypeError: There is no such input or setting.

    Example:
        >>> compile_input({"format": "key_value", "pairs": ";"}, "input")(Message(b"T=21.5;H=40", {}, 0))
        [{'T': '21.5', 'H': '40'}]
        >>> compile_input("lenient_json", "input")(Message(b"{'temp': 21, /* old */ }", {}, 0))
        [{'temp': 21}]
    """
    settings = {"format": spec} if isinstance(spec, str) else spec
    form = settings.get("format") if isinstance(settings, dict) else None
    if isinstance(form, str) and form in formats():
        return _of_format(form, settings, path)
    if not isinstance(form, str) or form not in INPUTS:
        known = [*INPUTS, *formats()]
        raise SensorTypeError(
            path, f"{spec!r:.60} is no input; known are {', '.join(known)}{hints.of_input(form, known)}"
        )
    plain = _plain_input(form, settings, path)
    empty = settings.get("empty", "refuse")
    if empty not in ("refuse", "ignore"):
        raise SensorTypeError(f"{path}.empty", f"{empty!r:.60} is neither refuse nor ignore")
    unpack = _unpacker(settings.get("compression"), f"{path}.compression")
    if empty == "ignore":
        return lambda message: plain(unpack(message.payload)) if message.payload.strip() else []
    if unpack is _as_it_is:
        return lambda message: plain(message.payload)
    return lambda message: plain(unpack(message.payload))


def _as_it_is(payload: bytes) -> bytes:
    return payload


def _unpacker(name: Any, path: str) -> Callable[[bytes], bytes]:
    """A function that unpacks payloads, to at most 256 KiB.

    Raises:
        SensorTypeError: There is no such compression.
    """
    if name is None:
        return _as_it_is
    if name not in _COMPRESSIONS:
        raise SensorTypeError(path, f"{name!r:.60} is no compression; known are {', '.join(_COMPRESSIONS)}")

    def unpack(payload: bytes) -> bytes:
        reader = zlib.decompressobj(_COMPRESSIONS[name])
        try:
            out = reader.decompress(payload, _MOST_UNPACKED)
        except zlib.error as e:
            raise WrongValueError(f"payload: is not {name}: {str(e)[:80]}", "not_json") from None
        if reader.unconsumed_tail:
            raise WrongValueError(f"payload: unpacked it is more than {_MOST_UNPACKED} bytes", "too_large")
        if not reader.eof:
            raise WrongValueError(f"payload: ends before its {name} does", "not_json")
        return out

    return unpack


def _of_format(name: str, settings: dict[str, Any], path: str) -> Callable[[Message], list[Any]]:
    """A format that needs code, with its settings checked."""
    form = formats()[name]
    chosen = dict(form.settings)
    for key, value in settings.items():
        if key == "format":
            continue
        if key not in form.settings:
            allowed = ", ".join(form.settings) or "none"
            raise SensorTypeError(f"{path}.{key}", f"{name} has no such setting; it has {allowed}")
        default = form.settings[key]
        if default is not None and type(value) is not type(default):
            raise SensorTypeError(f"{path}.{key}", f"{value!r:.60} is no {type(default).__name__} like {default!r}")
        chosen[key] = value
    if form.check is not None:
        try:
            form.check(chosen)
        except ValueError as e:
            raise SensorTypeError(path, str(e)) from None
    return lambda message: form.read(message, chosen)


def _plain_input(form: str, settings: dict[str, Any], path: str) -> Callable[[bytes], list[Any]]:
    for key in settings:
        if key not in ("format", *_OF_ALL) and key not in INPUTS[form]:
            told = hints.of_key(str(key), {*INPUTS[form], *_OF_ALL})
            raise SensorTypeError(f"{path}.{key}", f"{form} has no such setting; {told}")
    if form in ("bytes", "hex", "base64"):
        return _of_bytes(form, settings, path)
    if form == "msgpack":
        return _msgpack
    if form == "xml":
        charset = _charset(settings["charset"], path) if "charset" in settings else None
        return lambda payload: [_xml(payload, charset)]
    read = _decoder(_charset(settings.get("charset", "utf-8"), path))
    if form == "text":
        return lambda payload: [read(payload)]
    if form in TEXT_INPUTS:
        return TEXT_INPUTS[form][1](settings, path, read)
    return {
        "json": lambda payload: [_json(read(payload))],
        "lenient_json": lambda payload: [_lenient(read(payload))],
        "json_lines": lambda payload: [_json(line) for line in lines_of(read(payload))],
        "json_or_text": lambda payload: [_json_or_text(read(payload))],
    }[form]


def _charset(name: Any, path: str) -> str:
    if not isinstance(name, str) or not _CHARSET.fullmatch(name):
        raise SensorTypeError(f"{path}.charset", f"{name!r:.60} is no charset; write one like utf-8 or gb18030")
    return codecs.lookup(name).name


def _decoder(charset: str) -> Callable[[bytes], str]:
    def read(payload: bytes) -> str:
        try:
            text = payload.decode(charset)
        except UnicodeDecodeError as e:
            told = f"payload: byte {e.start} is not {charset}{hints.of_payload(payload)}"
            raise WrongValueError(told, "not_json") from None
        return text.removeprefix("\ufeff")

    return read


def _json(text: str, hint: Callable[[str], str] = hints.of_payload) -> Any:
    text = text.rstrip("\0")  # texts of C come with their end
    if not text.strip():
        raise WrongValueError("payload: is empty", "not_json")
    try:
        document = msgspec.json.decode(text)
    except RecursionError:
        raise WrongValueError(f"payload: nested deeper than {DEEPEST} levels", "too_deep") from None
    except (msgspec.DecodeError, ValueError) as e:
        raise WrongValueError(f"payload: {str(e)[:120]}{hint(text)}", "not_json") from None
    if text.count("{") + text.count("[") > DEEPEST and isinstance(document, (dict, list)):
        _check_depth(document)
    return document


def _json_or_text(text: str) -> Any:
    try:
        return _json(text)
    except WrongValueError as e:
        if e.reason != "not_json" or text.lstrip()[:1] in ("{", "["):  # what is broken is no text
            raise
    return text.strip()


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(DEEPEST):
        inner = [v for value in level for v in (value.values() if isinstance(value, dict) else value)]
        level = [v for v in inner if isinstance(v, (dict, list))]
        if not level:
            return
    raise WrongValueError(f"payload: nested deeper than {DEEPEST} levels", "too_deep")


def _lenient(text: str) -> Any:
    def mend(found: re.Match[str]) -> str:
        kind, token = found.lastgroup, found[0]
        if kind == "string":
            return token
        if kind == "single":
            return '"' + token[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
        if kind == "comment":
            return " "
        if token in _NOTHING:
            return "null"
        return _SURE.get(token) or f'"{token}"'

    try:
        return _json(text)
    except WrongValueError as e:
        if e.reason != "not_json":
            raise
    mended = _TOKEN.sub(mend, text).replace("-null", "null")
    return _json(_LAST_COMMA.sub(lambda found: found[1] or "", mended), lambda _: "")


def _msgpack(payload: bytes) -> list[Any]:
    try:
        document = msgspec.msgpack.decode(payload, strict=False)
    except RecursionError:
        raise WrongValueError(f"payload: nested deeper than {DEEPEST} levels", "too_deep") from None
    except (msgspec.DecodeError, ValueError, TypeError) as e:
        raise WrongValueError(f"payload: is no MessagePack: {str(e)[:100]}", "not_json") from None
    if isinstance(document, (dict, list)):
        _check_depth(document)
    return [document]


def _of_bytes(form: str, settings: dict[str, Any], path: str) -> Callable[[bytes], list[Any]]:
    frame = None
    if "frame" in settings:
        frame = compile_frame(settings["frame"], f"{path}.frame", settings.get("order", "big"))

    def read(payload: bytes) -> list[Any]:
        data = payload
        if form != "bytes":
            text = payload.decode("ascii", "replace").strip().strip('"').replace(" ", "").replace("\n", "")
            data = FUNCTIONS["hex_bytes" if form == "hex" else "base64"](text)
        return [data if frame is None else frame(data)]

    return read


def _xml(payload: bytes, charset: str | None) -> Any:
    head = payload[:_LONGEST_DECLARATION]
    declared = re.match(rb"""\s*<\?xml[^>]*?encoding=["']([\w-]+)["']""", head)
    told = charset or (declared[1].decode() if declared else "utf-8")
    try:
        if not _CHARSET.fullmatch(told):  # Python knows more codecs, some of which cost the square of the length
            raise LookupError  # noqa: TRY301 - one sentence for both
        text = payload.decode("gb18030" if told.lower() in ("gb2312", "gbk") else told)
    except (LookupError, UnicodeDecodeError):
        raise WrongValueError(f"payload: is not {told[:40]}", "not_json") from None
    return xml_of(text)
