"""Which sensor type and which device a topic names. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest._faults import Fault, valid_id
from ingest._structs import Kind, kind_of

if TYPE_CHECKING:
    from brain.registry import Registry

__all__ = ["OURS", "UNKNOWN", "fault_of", "kind_at"]

UNKNOWN = "unknown"
"""Ledger key of messages whose topic names no registered sensor type."""


OURS = "city/"
"""How all topics begin whose messages are for ingest, well named or not."""


def kind_at(head: str, registry: Registry) -> Kind | None:
    """The kind of topics ``city/<sensor-type>/...``, from what stands before the last slash.

    Example:
        >>> from brain.registry import Registry
        >>> kind_at("city/gas-detector", Registry([], [])) is None
        True
    """
    parts = head.split("/")
    if len(parts) != 2 or parts[0] != "city" or not parts[1]:
        return None
    found = registry.sensor_type(parts[1])
    if found is not None and found.into is not None:
        found = registry.sensor_type(found.into)
    return None if found is None or found.retired else kind_of(found)


def fault_of(topic: str, registry: Registry) -> tuple[str | None, str | None, Fault]:
    """What is wrong with a topic that leads nowhere, with the sensor type and the device as far as it names them.

    Example:
        >>> from brain.registry import Registry
        >>> fault_of("city/gas-detector/G1", Registry([], []))[2].reason
        'unknown_sensor_type'
    """
    parts = topic.split("/")
    if len(parts) != 3 or parts[0] != "city" or not parts[1]:
        return None, None, Fault("bad_topic", f"topic: {topic[:140]!r:.142} is not city/<sensor-type>/<device-id>")
    found = registry.sensor_type(parts[1])
    if not valid_id(parts[2]):
        fault = Fault(
            "bad_topic",
            f"topic: {parts[2][:140]!r:.142} is no device id; use 1 to 128 characters without blanks and + #",
        )
        return None if found is None else found.id, None, fault
    if found is not None:
        return (
            found.id,
            parts[2],
            Fault("unknown_sensor_type", f"topic: sensor type {found.id} is retired; add it again"),
        )
    fault = Fault(
        "unknown_sensor_type", f"topic: no sensor type {parts[1][:60]!r:.62} is registered; register it first"
    )
    return None, parts[2], fault
