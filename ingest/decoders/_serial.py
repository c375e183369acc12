"""What the meter protocols share: bytes that a gateway may have written as hexadecimal text, decimal digits. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

__all__ = ["LARGEST", "bcd", "frames_in", "raw_bytes"]

F = TypeVar("F")

LARGEST: Final = 65_536
"""Bytes of one message."""
_MOST_FRAMES: Final = 128
_TEXT: Final = frozenset(b"0123456789abcdefABCDEF \t\r\n,:-\"'")


def raw_bytes(payload: bytes) -> bytes:
    """The bytes of a payload; DTUs and MQTT bridges send them raw or as hexadecimal text (``68 10 ...``, ``0x6810``).

    Raises:
        WrongValueError: It is empty, too large, or hexadecimal text of half bytes.

    Example:
        >>> raw_bytes(b'"68 1a"') == raw_bytes(bytes.fromhex("681a"))
        True
    """
    if len(payload) > LARGEST:
        raise WrongValueError(f"payload: {len(payload)} bytes are more than {LARGEST}", "too_large")
    text = payload.strip().removeprefix(b"0x").removeprefix(b"0X")
    if text and not _TEXT.issuperset(text):
        return payload
    digits = text.translate(None, b" \t\r\n,:-\"'")
    if not digits:
        raise WrongValueError("payload: there is no byte in it", "missing")
    if len(digits) % 2:
        raise WrongValueError(f"payload: {len(digits)} hexadecimal digits are no whole bytes", "wrong_type")
    return bytes.fromhex(digits.decode())


def frames_in(
    data: bytes, starts: re.Pattern[bytes], frame_at: Callable[[bytes, int], tuple[F | None, int, str]]
) -> list[F]:
    """All frames of a payload; wake-up bytes and noise of the line between them are passed over.

    Args:
        data: The bytes.
        starts: What a frame begins with.
        frame_at: Of the bytes and a place: the frame there, where it ends, and why there is none, beginning with
            ``checksum:`` or ``length:`` where that is why (``""``: nothing looks like one).

    Raises:
        WrongValueError: There is no frame, one is broken, or there are too many: ``bad_checksum``, ``missing``,
            ``no_match`` or ``too_large``.
    """
    out: list[F] = []
    at, fault = 0, ""
    while not fault and (start := starts.search(data, at)) is not None:
        found, end, why = frame_at(data, start.start())
        if found is not None:
            if len(out) == _MOST_FRAMES:
                raise WrongValueError(f"payload: more than {_MOST_FRAMES} frames", "too_large")
            out.append(found)
            at = end
        else:
            at, fault = start.start() + 1, why
    if fault or not out:
        reason = {"checksum": "bad_checksum", "length": "missing"}.get(fault.partition(":")[0], "no_match")
        raise WrongValueError(fault or "payload: there is no frame in it", reason)
    return out


def bcd(data: bytes, name: str, *, signed: bool = False) -> int | None:
    r"""A number of decimal digits, low byte first; None where the meter has none (all F).

    Args:
        data: The bytes as sent.
        name: Of the value, for the refusal.
        signed: The top bit of the last byte is the sign.

    Raises:
        WrongValueError: A digit is none.

    Example:
        >>> bcd(bytes.fromhex("3412"), "x"), bcd(bytes.fromhex("3492"), "x", signed=True), bcd(b"\xff\xff", "x")
        (1234, -1234, None)
    """
    if data and data.strip(b"\xff") == b"":
        return None
    negative = signed and bool(data) and data[-1] >= 0x80
    digits = (data[:-1] + bytes([data[-1] & 0x7F]) if negative else data)[::-1].hex()
    if not digits.isdecimal():
        raise WrongValueError(f"{name}: {data[::-1].hex()} are no decimal digits")
    return -int(digits) if negative else int(digits)
