"""Recipes of MQTT packets become bytes: the sixteenth kind of the corpus. The format is told in README.md."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["bytes_of", "connect", "packet"]


def packet(head: int, body: bytes) -> bytes:
    """A packet with a right length, which the code under test has no hand in."""
    size, length = len(body), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (128 if size else 0)])
        if not size:
            return bytes([head]) + length + body


def _field(raw: bytes) -> bytes:
    return struct.pack(">H", len(raw)) + raw


def _text(recipe: Any) -> bytes:
    """A text, or ``[[text, times], ...]``."""
    return (recipe if isinstance(recipe, str) else "".join(t * n for t, n in recipe)).encode()


def connect(
    *,
    id: str | list[list[Any]] = "hostile",  # noqa: A002 - as it is called in the data
    id_hex: str | None = None,
    name: str = "MQTT",
    level: int = 4,
    flags: int = 2,
    keep_alive: int = 60,
    will_topic: Any = None,
    will_payload: Any = None,
    more: str = "",
) -> bytes:
    """A CONNECT, right or wrong; ``more`` are bytes at its end."""
    body = _field(name.encode()) + struct.pack(">BBH", level, flags, keep_alive)
    body += b"\x00" if level == 5 else b""
    body += _field(_text(id) if id_hex is None else bytes.fromhex(id_hex))
    if will_topic is not None:
        body += _field(_text(will_topic)) + _field(_text(will_payload))
    return packet(0x10, body + bytes.fromhex(more))


def _publish(recipe: Mapping[str, Any]) -> bytes:
    qos = recipe.get("qos", 0)
    topic = bytes.fromhex(recipe["topic_hex"]) if "topic_hex" in recipe else _text(recipe["topic"])
    head = 0x30 | qos << 1 | (8 if recipe.get("dup") else 0) | (1 if recipe.get("retain") else 0)
    return packet(
        head, _field(topic) + (struct.pack(">H", recipe["id"]) if qos else b"") + _text(recipe.get("payload", ""))
    )


def _user_properties(count: int) -> bytes:
    """A CONNECT of MQTT 5 with so many user properties."""
    properties = (b"\x26" + _field(b"k") + _field(b"v")) * count
    size, length = len(properties), b""
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (128 if size else 0)])
        if not size:
            break
    return packet(0x10, _field(b"MQTT") + struct.pack(">BBH", 5, 2, 60) + length + properties + _field(b"five"))


def bytes_of(step: Mapping[str, Any]) -> bytes:
    """The bytes of one step of a case."""
    if "hex" in step:
        raw = bytes.fromhex(step["hex"])
    elif "text" in step:
        raw = step["text"].encode()
    elif "connect" in step:
        raw = connect(**step["connect"])
    elif "connect5" in step:
        raw = _user_properties(step["connect5"])
    elif "publish" in step:
        raw = _publish(step["publish"])
    elif "subscribe" in step:
        filters = b"".join(_field(b"none/%d" % i) + b"\x00" for i in range(step["subscribe"]))
        raw = packet(0x82, struct.pack(">H", 1) + filters)
    elif "topics" in step:
        raw = b"".join(_publish({"topic": f"once/{i}", "payload": ""}) for i in range(step["topics"]))
    else:
        raw = b""
    return raw[: step.get("first")] * int(step.get("times", 1))
