"""Wireless M-Bus telegrams after EN 13757-4, as receivers pass them on; unencrypted ones. Pure.

| part | bytes | holds |
|---|---|---|
| L | 1 | length |
| C | 1 | ``44`` of a meter that sends by itself, ``46`` installation, ``08`` answer ... |
| M | 2 | manufacturer |
| A | 6 | identification (4), version (1), medium (1) |
| CI | 1 | ``7A`` header of 4, ``72`` of 12 (the meter behind a radio module), ``78`` none; before it ``8C 8D 8E 8F`` extended link layer, ``90`` authentication layer |
| data | | header and records of EN 13757-3: ``_mbus_records`` |

Checksums CRC-16/EN-13757, high byte first. Format A (12.2): one after the first 10 bytes and after each 16 that follow, not counted by L. Format B
(12.3): one after the first 126 bytes and one at the end, counted by L. Most receivers check and remove them: then L + 1 bytes are all there is.
Encrypted telegrams are refused: keys belong into the gateway.
"""  # noqa: E501 - a table

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Message
from ingest.decoders._mbus_records import header, records, status_of
from ingest.decoders._serial import raw_bytes
from ingest.profile.checksums import CHECKSUMS
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_FIRST, _BLOCK, _LONG = 10, 16, 126
_HEADERS: Final = {0x72: 12, 0x7A: 4, 0x78: 0}
_EXTENDED: Final = {0x8C: 2, 0x8D: 8, 0x8E: 10, 0x8F: 16}
_crc: Final = CHECKSUMS["crc16_en13757"][1]


def _good(block: bytes) -> bool:
    return _crc(block[:-2]) == int.from_bytes(block[-2:], "big")


def _telegram(data: bytes) -> bytes:
    """L and what it counts, without checksums."""
    size = data[0]
    if size < _FIRST:
        raise WrongValueError(
            f"length: {size} is no telegram; it has at least {_FIRST} bytes behind its length", "missing"
        )
    body = size + 1 - _FIRST
    long = size + 1 + 2 + 2 * -(-body // _BLOCK)
    if len(data) == size + 1:
        blocks = [data[: _LONG + 2], data[_LONG + 2 :]]
        if len(blocks[0]) > _FIRST + 2 and all(_good(b) for b in blocks if b):  # format B
            return bytes([size - 2 * sum(map(bool, blocks))]) + b"".join(b[:-2] for b in blocks)[1:]
        return data
    if len(data) != long:
        raise WrongValueError(
            f"length: {len(data)} bytes where L = {size} makes {size + 1}, or {long} with checksums", "missing"
        )
    starts = [0, *range(_FIRST + 2, long, _BLOCK + 2)]
    blocks = [data[a:b] for a, b in zip(starts, [*starts[1:], long], strict=True)]
    for i, block in enumerate(blocks):
        if not _good(block):
            raise WrongValueError(
                f"checksum: block {i} says {block[-2:].hex()}, its bytes make {_crc(block[:-2]):04x}", "bad_checksum"
            )
    return b"".join(b[:-2] for b in blocks)


def _past_link_layers(data: bytes, at: int, who: str) -> int:
    """Where the CI of the application layer stands."""
    for _ in range(3):
        ci = data[at] if at < len(data) else None
        if ci in _EXTENDED:
            size = _EXTENDED[ci]
            layer = data[at + 1 : at + 1 + size]
            if ci in (0x8D, 0x8F) and len(layer) == size and layer[size - 3] >> 5:  # top bits of the session number
                raise WrongValueError(
                    f"link layer: the telegram of {who} is encrypted; let the gateway decrypt it", "encrypted"
                )
            at += 1 + size
        elif ci == 0x90 and at + 1 < len(data):
            at += 2 + data[at + 1]
        elif ci is None:
            raise WrongValueError("CI: the telegram ends before it", "missing")
        else:
            return at
    raise WrongValueError("CI: more than 2 link layers before it", "too_large")


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """The document of a telegram.

    Raises:
        WrongValueError: It cannot be read, or is encrypted; ``bad_checksum``, ``missing``, ``not_in_list``,
            ``wrong_type``, ``encrypted``, ``too_large``.

    Example:
        >>> telegram = "14 44 2d2c 78563412 01 07 7a 01 00 0000 0c 13 34120000"
        >>> got = read(Message(bytes.fromhex(telegram), {}, 0), {})[0]
        >>> got["manufacturer"], got["id"], got["records"][0]["value"]
        ('KAM', '12345678', 1.234)
    """
    data = _telegram(raw_bytes(message.payload))
    who = header(data[4:8] + data[2:4] + data[8:10])
    name = f"{who['manufacturer']} {who['id']}"
    at = _past_link_layers(data, _FIRST, name)
    ci = data[at]
    size = _HEADERS.get(ci)
    if size is None:
        raise WrongValueError(f"CI: {ci:02X} of {name} is none of 72, 78, 7A", "not_in_list")
    head, rest = data[at + 1 : at + 1 + size], data[at + 1 + size :]
    if len(head) < size:
        raise WrongValueError(f"header: {len(head)} bytes are less than its {size}", "missing")
    out: dict[str, Any] = {**who, "access": None, "status": None}
    if size == 12:
        out |= header(head)
    if size:
        access, status, low, high = head[-4:]
        mode = high & 31
        if mode and not (mode == 5 and not low >> 4):  # mode 5 says how many blocks are encrypted: none
            raise WrongValueError(
                f"configuration: the telegram of {name} is encrypted (mode {mode}); let the gateway decrypt it",
                "encrypted",
            )
        out |= {"access": access, "status_bits": status, "status": status_of(status)}
    return [out | records(rest)]


FORMAT: Final = Format(name="wmbus", title="Wireless M-Bus, EN 13757-4, telegrams of meters", read=read)
