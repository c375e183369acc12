"""Checksums of meter and gateway frames by name. Pure.

Sources: CRC-16/MODBUS, CRC-16/EN-13757 and the others as in the catalogue of parametrised CRC algorithms (width,
polynomial, start, reflection, final xor); ``lrc8`` is the two's complement of the sum, as in Modbus ASCII;
``fletcher_ubx`` the two sums of UBX (u-blox interface description), the first before the second; ``crc16_hj212`` after
HJ 212-2017 appendix A: start FFFF, each byte xored into the high half that was shifted down, polynomial A001.
"""

from __future__ import annotations

import zlib
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["CHECKSUMS", "checksum_size"]


def _reflected(width: int, polynomial: int) -> list[int]:
    mask = (1 << width) - 1
    mirrored = int(f"{polynomial:0{width}b}"[::-1], 2)
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ mirrored if value & 1 else value >> 1
        table.append(value & mask)
    return table


def _plain(width: int, polynomial: int) -> list[int]:
    mask, top = (1 << width) - 1, 1 << (width - 1)
    table = []
    for byte in range(256):
        value = byte << (width - 8)
        for _ in range(8):
            value = (value << 1) ^ polynomial if value & top else value << 1
        table.append(value & mask)
    return table


def _crc_reflected(width: int, polynomial: int, start: int, final: int) -> Callable[[bytes], int]:
    table = _reflected(width, polynomial)

    def run(data: bytes) -> int:
        crc = start
        for byte in data:
            crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
        return crc ^ final

    return run


def _crc_plain(width: int, polynomial: int, start: int, final: int) -> Callable[[bytes], int]:
    table: Sequence[int] = _plain(width, polynomial)
    mask, down = (1 << width) - 1, width - 8

    def run(data: bytes) -> int:
        crc = start
        for byte in data:
            crc = table[((crc >> down) ^ byte) & 0xFF] ^ ((crc << 8) & mask)
        return crc ^ final

    return run


def _fletcher(data: bytes) -> int:
    a = b = 0
    for byte in data:
        a = (a + byte) & 0xFF
        b = (b + a) & 0xFF
    return a << 8 | b


def _hj212(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


CHECKSUMS: Final[dict[str, tuple[int, Callable[[bytes], int]]]] = {
    "sum8": (1, lambda data: sum(data) & 0xFF),
    "sum16": (2, lambda data: sum(data) & 0xFFFF),
    "lrc8": (1, lambda data: -sum(data) & 0xFF),
    "fletcher_ubx": (2, _fletcher),
    "xor8": (1, lambda data: reduce(xor, data, 0)),
    "crc8": (1, _crc_plain(8, 0x07, 0x00, 0x00)),
    "crc8_maxim": (1, _crc_reflected(8, 0x31, 0x00, 0x00)),
    "crc16_modbus": (2, _crc_reflected(16, 0x8005, 0xFFFF, 0x0000)),
    "crc16_arc": (2, _crc_reflected(16, 0x8005, 0x0000, 0x0000)),
    "crc16_ccitt": (2, _crc_plain(16, 0x1021, 0xFFFF, 0x0000)),
    "crc16_x25": (2, _crc_reflected(16, 0x1021, 0xFFFF, 0xFFFF)),
    "crc16_kermit": (2, _crc_reflected(16, 0x1021, 0x0000, 0x0000)),
    "crc16_dnp": (2, _crc_reflected(16, 0x3D65, 0x0000, 0xFFFF)),
    "crc16_xmodem": (2, _crc_plain(16, 0x1021, 0x0000, 0x0000)),
    "crc16_en13757": (2, _crc_plain(16, 0x3D65, 0x0000, 0xFFFF)),
    "crc16_hj212": (2, _hj212),
    "crc32": (4, zlib.crc32),
}
"""Name -> (bytes it takes in a frame, the function)."""


def checksum_size(name: str) -> int:
    """How many bytes a checksum takes.

    Example:
        >>> checksum_size("crc16_modbus"), hex(CHECKSUMS["crc16_modbus"][1](b"123456789"))
        (2, '0x4b37')
    """
    return CHECKSUMS[name][0]
