"""Protocol buffers by a descriptor that the profile brings. Pure.

| setting | is |
|---|---|
| ``descriptor`` | base64 of a ``FileDescriptorSet`` (``_descriptor`` says how protoc writes it) |
| ``message`` | name of the message, with its package |
| ``delimited`` | each message has its length in front (default false): a document each |

The document has the names of the .proto file. Enumerations are words (the number where it has none), maps are objects, bytes are bytes. A field of proto3
that cannot tell whether it is there is its zero when absent: a temperature of 0 is sent as nothing at all. Other absent fields are missing,
absent lists are empty.

| type on the wire | varint | 8 bytes | 4 bytes | length and bytes |
|---|---|---|---|---|
| declared | int uint sint 32/64, bool, enum | fixed64, sfixed64, double | fixed32, sfixed32, float | string, bytes, message, packed list |
"""  # noqa: E501 - tables

from __future__ import annotations

import base64
import binascii
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Message
from ingest.decoders._descriptor import Declared, Kind, message_type
from ingest.decoders._protobuf import as_text, fields_of, varint_at
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_DEEPEST: Final = 32
_MOST: Final = 20_000
_FIXED: Final = {1: "<d", 2: "<f", 6: "<Q", 7: "<I", 15: "<i", 16: "<q"}
_STRING, _MESSAGE, _BYTES, _BOOL, _ENUM = 9, 11, 12, 8, 14
_SIGNED_32, _SIGNED_64, _UNSIGNED_32, _ZIGZAG = (5, 14), (3,), (13,), (17, 18)
_ZERO: Final[dict[int, Any]] = {_STRING: "", _BYTES: b"", _BOOL: False, 1: 0.0, 2: 0.0}


class _Budget:
    """How many values may still be made of a payload."""

    def __init__(self) -> None:
        self.left = _MOST

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise WrongValueError(f"payload: more than {_MOST} values", "too_large")


def _whole(raw: int, declared: Declared) -> Any:
    """A varint by its declared type."""
    if declared.type == _BOOL:
        return bool(raw)
    if declared.type in _ZIGZAG:
        return (raw >> 1) ^ -(raw & 1)
    if declared.type in _UNSIGNED_32:
        return raw & 0xFFFF_FFFF
    if declared.type in _SIGNED_32:
        low = raw & 0xFFFF_FFFF
        raw = low - (1 << 32) if low >> 31 else low
    elif declared.type in _SIGNED_64 and raw >> 63:
        raw -= 1 << 64
    return (declared.words or {}).get(raw, raw) if declared.type == _ENUM else raw


def _single(raw: int | bytes, declared: Declared, path: str, budget: _Budget, depth: int) -> Any:
    budget.take()
    if declared.type == _STRING:
        return as_text(raw, path)
    if declared.type == _BYTES and isinstance(raw, bytes):
        return raw
    if declared.kind is not None and isinstance(raw, bytes):
        return _document(raw, declared.kind, path, budget, depth + 1)
    form = _FIXED.get(declared.type)
    if form is not None and isinstance(raw, bytes) and len(raw) == struct.calcsize(form):
        return struct.unpack(form, raw)[0]
    if form is None and declared.type not in (_STRING, _BYTES, _MESSAGE) and isinstance(raw, int):
        return _whole(raw, declared)
    raise WrongValueError(f"{path}: is not sent as the descriptor declares it")


def _packed(raw: bytes, declared: Declared, path: str, budget: _Budget) -> list[Any]:
    form = _FIXED.get(declared.type)
    out: list[Any] = []
    if form is not None:
        size = struct.calcsize(form)
        if len(raw) % size:
            raise WrongValueError(f"{path}: {len(raw)} bytes are no values of {size}")
        budget.left -= len(raw) // size
        budget.take()
        return [value for (value,) in struct.iter_unpack(form, raw)]
    at = 0
    while at < len(raw):
        number, at = varint_at(raw, at, path)
        budget.take()
        out.append(_whole(number, declared))
    return out


def _document(data: bytes, kind: Kind, path: str, budget: _Budget, depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise WrongValueError(f"payload: nested deeper than {_DEEPEST} levels", "too_deep")
    out: dict[str, Any] = {}
    parts: dict[str, tuple[Declared, bytes]] = {}
    for number, raw in fields_of(data, path or "payload"):
        declared = kind.fields.get(number)
        if declared is None:
            continue
        name = declared.name
        here = f"{path}.{name}"[-120:] if path else name
        if declared.repeated:
            packed = isinstance(raw, bytes) and declared.type not in (_STRING, _MESSAGE, _BYTES)
            values = _packed(raw, declared, here, budget) if packed and isinstance(raw, bytes) else None
            if values is None:
                values = [_single(raw, declared, here, budget, depth)]
            _gather(out, declared, values)
        elif declared.type == _MESSAGE and isinstance(raw, bytes):  # pieces of one message are laid together
            parts[name] = declared, parts[name][1] + raw if name in parts else raw
        else:
            out[name] = _single(raw, declared, here, budget, depth)
    for name, (declared, whole) in parts.items():
        out[name] = _single(whole, declared, f"{path}.{name}"[-120:] if path else name, budget, depth)
    for declared in kind.fields.values():
        if declared.name not in out and (declared.repeated or not declared.absent):
            budget.take()
            out[declared.name] = _absent(declared)
    return out


def _gather(out: dict[str, Any], declared: Declared, values: list[Any]) -> None:
    """Elements of a list, entries of a map."""
    if declared.kind is not None and declared.kind.is_entry:
        entries = out.setdefault(declared.name, {})
        for entry in values:
            key = entry.get("key", "")
            entries[str(key).lower() if isinstance(key, bool) else str(key)] = entry.get("value")
    else:
        out.setdefault(declared.name, []).extend(values)


def _absent(declared: Declared) -> Any:
    if declared.repeated:
        return {} if declared.kind is not None and declared.kind.is_entry else []
    if declared.type == _ENUM:
        return (declared.words or {}).get(0, 0)
    return _ZERO.get(declared.type, 0)


@lru_cache(maxsize=64)
def _type_of(descriptor: str, name: str) -> Kind:
    try:
        data = base64.b64decode("".join(descriptor.split()), validate=True)
    except (binascii.Error, ValueError):
        raise WrongValueError("descriptor: is no base64") from None
    return message_type(data, name)


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """The document of a payload; with ``delimited`` of each message in it.

    Raises:
        WrongValueError: It does not fit the descriptor; ``wrong_type``, ``bad_text``, ``too_deep``, ``too_large``.
    """
    kind = _type_of(settings["descriptor"], settings["message"])
    budget, data = _Budget(), message.payload
    if not settings["delimited"]:
        return [_document(data, kind, "", budget, 0)]
    out: list[Any] = []
    at = 0
    while at < len(data):
        size, at = varint_at(data, at, "length")
        if size > len(data) - at:
            raise WrongValueError(
                f"length: message {len(out)} needs {size} bytes, {len(data) - at} are left", "missing"
            )
        budget.take()
        out.append(_document(data[at : at + size], kind, "", budget, 0))
        at += size
    return out


def _check(settings: Mapping[str, Any]) -> None:
    if not settings["descriptor"] or not settings["message"]:
        raise ValueError("protobuf needs descriptor (base64 of a FileDescriptorSet) and message (its name)")
    try:
        _type_of(settings["descriptor"], settings["message"])
    except WrongValueError as e:
        raise ValueError(str(e)) from None


FORMAT: Final = Format(
    name="protobuf",
    title="Protocol buffers by a descriptor",
    read=read,
    settings={"descriptor": "", "message": "", "delimited": False},
    check=_check,
)
