"""M-Bus on wire: meters after EN 13757-2 and -3, through a transparent gateway or level converter. Pure.

Long frame (EN 13757-2, 5.3):

| part | bytes | holds |
|---|---|---|
| start | 4 | ``68 L L 68``: L counts from C to the last byte of data |
| C | 1 | ``08``, ``18``, ``28``, ``38``: answer of a meter, other: of the master |
| A | 1 | primary address; 253, 254: by identification |
| CI | 1 | ``72`` answer with a header of 12, ``7A`` of 4, ``78`` none, ``70`` application error |
| data | L - 3 | header and records: ``_mbus_records`` |
| checksum | 1 | sum from C on |
| end | 1 | ``16`` |

Short frames (``10 C A sum 16``) and ``E5`` hold nothing. An answer without the header of 12 does not say whose it is: it is known by its primary address.
"""  # noqa: E501 - a table

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Message
from ingest.decoders._mbus_records import header, records, status_of
from ingest.decoders._serial import frames_in, raw_bytes
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_STARTS: Final = re.compile(rb"[\x68\x10\xe5]")

_ANSWERS: Final = {0x08, 0x18, 0x28, 0x38}
_ERRORS: Final = {
    0: "unspecified error", 1: "CI field not known", 2: "too long for its buffer", 3: "too many records",
    4: "premature end of a record", 5: "more than 10 DIFE", 6: "more than 10 VIFE", 8: "busy", 9: "too many readouts",
}  # fmt: skip


def _frame_at(data: bytes, at: int) -> tuple[bytes | None, int, str]:
    """C to data of the frame that begins at a byte and where it ends, or why there is none; empty: holds nothing."""
    if data[at] == 0xE5:
        return b"", at + 1, ""
    if data[at] == 0x10 and data[at + 4 : at + 5] == b"\x16" and (data[at + 1] + data[at + 2]) & 0xFF == data[at + 3]:
        return b"", at + 5, ""
    if data[at] != 0x68 or data[at + 3 : at + 4] != b"\x68" or data[at + 1] != data[at + 2]:
        return None, at, ""
    size = data[at + 1]
    end = at + size + 6
    if size < 3:
        return None, at, f"length: {size} bytes hold no C, A and CI"
    if end > len(data):
        return None, at, f"length: the frame at byte {at} is {end - at} bytes long, {len(data) - at} are there"
    if data[end - 1] != 0x16:
        return None, at, f"end: byte {end - 1} is {data[end - 1]:02x} where 16 ends a frame"
    body = data[at + 4 : end - 2]
    wanted = sum(body) & 0xFF
    if wanted != data[end - 2]:
        return None, at, f"checksum: the frame at byte {at} says {data[end - 2]:02x}, its bytes make {wanted:02x}"
    return body, end, ""


def _document(body: bytes) -> dict[str, Any] | None:
    if not body or body[0] not in _ANSWERS:
        return None
    address, ci, data = body[1], body[2], body[3:]
    if ci == 0x70:
        code = data[0] if data else 0
        raise WrongValueError(
            f"CI 70: the meter of address {address} answers with error {code:02X} ({_ERRORS.get(code, 'reserved')})"
            " instead of data",
            "missing",
        )
    out: dict[str, Any] = {
        "id": None,
        "manufacturer": None,
        "version": None,
        "medium": None,
        "address": address,
        "access": None,
        "status": None,
    }
    size = {0x72: 12, 0x7A: 4, 0x78: 0}.get(ci)
    if size is None:
        raise WrongValueError(f"CI: {ci:02X} is none of 70, 72, 78, 7A", "not_in_list")
    if len(data) < size:
        raise WrongValueError(f"header: {len(data)} bytes are less than its {size}", "missing")
    if size == 12:
        out |= header(data)
    if size:
        access, status, *configuration = data[size - 4 : size]
        if configuration[1] & 31:
            raise WrongValueError(
                f"configuration: the answer of address {address} is encrypted (mode {configuration[1] & 31});"
                " let the gateway decrypt it",
                "encrypted",
            )
        out |= {"access": access, "status_bits": status, "status": status_of(status)}
    return out | records(data[size:])


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """The documents of a payload, one an answer of a meter.

    Raises:
        WrongValueError: A frame cannot be read, or the meter answers with an error; ``bad_checksum``, ``missing``,
            ``no_match``, ``not_in_list``, ``wrong_type``, ``encrypted``, ``too_large``.

    Example:
        >>> frame = "68 15 15 68 08 01 72 78563412 2d2c 06 04 00 00 0000 0c 06 75580600 d7 16"
        >>> read(Message(bytes.fromhex(frame), {}, 0), {})[0]["records"][0]["value"]
        65875
    """
    found = [_document(body) for body in frames_in(raw_bytes(message.payload), _STARTS, _frame_at)]
    return [document for document in found if document is not None]


FORMAT: Final = Format(name="mbus", title="M-Bus on wire, EN 13757-2 and -3, meters", read=read)
