"""CBOR (RFC 8949) as an input like JSON: the document of a payload. Pure.

Keys that are numbers become texts (``it["-2"]``), byte strings stay bytes. See ``_cbor`` for tags and limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Message
from ingest.decoders._cbor import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """The document.

    Raises:
        WrongValueError: It is no CBOR.

    Example:
        >>> read(Message(bytes.fromhex("a16174f94e40"), {}, 0), {})
        [{'t': 25.0}]
    """
    return [loads(message.payload)]


FORMAT: Final = Format(name="cbor", title="CBOR, RFC 8949, any document", read=read)
