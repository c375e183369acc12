"""Message types of protocol buffers from a ``FileDescriptorSet`` (google/protobuf/descriptor.proto). Pure.

``protoc --include_imports --descriptor_set_out=x.pb x.proto; base64 -w0 x.pb``: what a device's maker has, without any
code of his. Read are names, numbers, types and labels of fields, enumerations, maps, and whether a field tells that it
is absent (proto2, ``optional``, members of a ``oneof``) or stands for its zero (proto3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ingest.decoders._protobuf import as_text, fields_of
from ingest.profile.functions import WrongValueError

__all__ = ["Declared", "Kind", "message_type"]

_MOST_FIELDS: Final = 20_000
_REPEATED, _GROUP, _MESSAGE, _ENUM = 3, 10, 11, 14


@dataclass(slots=True)
class Declared:
    """A field: its name, type (1 to 18 as in descriptor.proto), the message or enumeration of it."""

    name: str
    type: int
    repeated: bool
    type_name: str
    absent: bool
    kind: Kind | None = None
    words: dict[int, str] | None = None


@dataclass(slots=True)
class Kind:
    """A message type: fields by number; whether it is an entry of a map."""

    name: str
    fields: dict[int, Declared] = field(default_factory=dict)
    is_entry: bool = False


def _number(value: int | bytes) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise WrongValueError("descriptor: a number stands where a declaration is wanted")
    return value


def _field(data: bytes, implicit: bool) -> tuple[int, Declared]:
    name, number, label, kind, type_name, member, optional = "", 0, 1, 0, "", False, False
    for key, value in fields_of(data, "descriptor"):
        if key == 1:
            name = as_text(value, "descriptor")
        elif key == 3:
            number = _number(value)
        elif key == 4:
            label = _number(value)
        elif key == 5:
            kind = _number(value)
        elif key == 6:
            type_name = as_text(value, "descriptor")
        elif key == 9:
            member = True
        elif key == 17:
            optional = bool(value)
    if not 1 <= kind <= 18 or kind == _GROUP or not name or not number:
        raise WrongValueError(f"descriptor: field {name or number} has type {kind}; groups are not read")
    absent = not implicit or member or optional or kind == _MESSAGE
    return number, Declared(name, kind, label == _REPEATED, type_name, absent)


class _Set:
    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.words: dict[str, dict[int, str]] = {}
        self.count = 0

    def message(self, data: bytes, scope: str, implicit: bool, depth: int) -> None:
        if depth > 16:
            raise WrongValueError("descriptor: types are nested deeper than 16 levels", "too_deep")
        parts = list(fields_of(data, "descriptor"))
        name = scope + next((as_text(v, "descriptor") for k, v in parts if k == 1), "")
        kind = self.kinds[name] = Kind(name)
        for key, value in parts:
            if key == 2:
                self.count += 1
                if self.count > _MOST_FIELDS:
                    raise WrongValueError(f"descriptor: more than {_MOST_FIELDS} fields", "too_large")
                number, declared = _field(_bytes(value), implicit)
                kind.fields[number] = declared
            elif key == 3:
                self.message(_bytes(value), f"{name}.", implicit, depth + 1)
            elif key == 4:
                self.enumeration(_bytes(value), f"{name}.")
            elif key == 7:
                kind.is_entry = any(k == 7 and v for k, v in fields_of(_bytes(value), "descriptor"))

    def enumeration(self, data: bytes, scope: str) -> None:
        name, words = "", dict[int, str]()
        for key, value in fields_of(data, "descriptor"):
            if key == 1:
                name = as_text(value, "descriptor")
            elif key == 2:
                parts = dict(fields_of(_bytes(value), "descriptor"))
                number = _number(parts.get(2, 0))
                words[number - (1 << 64) if number >> 63 else number] = as_text(parts.get(1, b""), "descriptor")
        self.words[scope + name] = words

    def file(self, data: bytes) -> None:
        parts = list(fields_of(data, "descriptor"))
        package = next((as_text(v, "descriptor") for k, v in parts if k == 2), "")
        syntax = next((as_text(v, "descriptor") for k, v in parts if k == 12), "proto2")
        if syntax not in ("proto2", "proto3"):
            raise WrongValueError(f"descriptor: syntax {syntax[:20]!r:.22} is neither proto2 nor proto3", "not_in_list")
        scope = f".{package}." if package else "."
        for key, value in parts:
            if key == 4:
                self.message(_bytes(value), scope, syntax == "proto3", 0)
            elif key == 5:
                self.enumeration(_bytes(value), scope)


def message_type(descriptor: bytes, name: str) -> Kind:
    """The message type of a name (``package.Message``), with all that it is made of.

    Raises:
        WrongValueError: The bytes are no ``FileDescriptorSet``, or it has no such message; says what there is.

    Example:
        >>> message_type(bytes.fromhex("0a1612026d2e1a10"), "M")
        Traceback (most recent call last):
        ingest.profile.limits.WrongValueError: descriptor: field 1 needs 22 bytes, 6 are left
    """
    found = _Set()
    for key, value in fields_of(descriptor, "descriptor"):
        if key == 1:
            found.file(_bytes(value))
    for kind in found.kinds.values():
        for declared in kind.fields.values():
            if declared.type == _MESSAGE:
                declared.kind = found.kinds.get(declared.type_name)
            elif declared.type == _ENUM:
                declared.words = found.words.get(declared.type_name)
            if (declared.type == _MESSAGE and declared.kind is None) or (
                declared.type == _ENUM and declared.words is None
            ):
                raise WrongValueError(
                    f"descriptor: {declared.type_name[1:100]} of {kind.name[1:100]}.{declared.name[:60]} is not in it;"
                    " write it with --include_imports",
                    "missing",
                )
    wanted = found.kinds.get("." + name.removeprefix("."))
    if wanted is None:
        known = ", ".join(sorted(k[1:] for k, v in found.kinds.items() if not v.is_entry)[:10])
        raise WrongValueError(f"descriptor: no message {name[:60]!r:.62}; there are {known[:200] or 'none'}", "missing")
    return wanted
