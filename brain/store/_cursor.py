"""Opaque page cursors: the sort key of the last item of a page, as base64 of a JSON list."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from brain.errors import ConfigurationError
from brain.store._filters import is_storable
from brain.times import EARLIEST, LATEST

__all__ = ["decode_cursor", "encode_cursor"]


def encode_cursor(*key: Any) -> str:
    """The cursor of a sort key.

    Example:
        >>> decode_cursor(encode_cursor(12, "a"), int, str)
        [12, 'a']
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type) -> list[Any]:
    """The sort key of a cursor, checked to be of these kinds.

    Raises:
        ConfigurationError: It is not one of our cursors.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = msgspec.json.decode(raw, type=list[Any])
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise _wrong(cursor) from error
    if len(key) != len(kinds) or any(type(k) is not kind for k, kind in zip(key, kinds, strict=True)):
        raise _wrong(cursor)
    if any(isinstance(k, int) and not EARLIEST <= k <= LATEST for k in key):
        raise _wrong(cursor)  # a number that no time, position or record of ours has
    if not is_storable(*(k for k in key if isinstance(k, str))):
        raise _wrong(cursor)
    return key


def _wrong(cursor: str) -> ConfigurationError:
    return ConfigurationError(f"cursor {cursor[:60]!r:.62} is not one of this list; take next_cursor of its last page")
