"""Sentences that quote what somebody else sent, made fit for logs, terminals and the data base. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["printable"]

_LONGEST: Final = 380


def printable(sentence: str) -> str:
    r"""A sentence with nothing invisible in it, and not long.

    Example:
        >>> printable("id: a\u202eb")
        'id: a\\u202eb'
    """
    if not sentence.isprintable():
        sentence = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in sentence[:_LONGEST])
    return sentence if len(sentence) <= _LONGEST else sentence[: _LONGEST - 1] + "…"
