"""Which sensor type and which device a topic names. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ingest._faults import Fault, valid_id
from ingest._structs import Kind, kind_of

if TYPE_CHECKING:
    from brain.registry import Registry

__all__ = ["UNKNOWN", "Route", "is_ours", "route_of"]

UNKNOWN = "unknown"
"""Ledger key of messages whose topic names no registered sensor type."""


class Route(NamedTuple):
    """Where a topic leads: to a kind and a device, or to a fault.

    Attributes:
        slot: The kind to decode with, None where there is a fault.
        kind: The kind the topic names, also where there is a fault.
    """

    slot: Kind | None
    kind: Kind | None
    device: str
    fault: Fault | None


def is_ours(topic: str) -> bool:
    """Whether messages of a topic are for ingest: everything under ``city/`` is, well named or not.

    Example:
        >>> is_ours("city/lamp/1/2"), is_ours("cityscape/1")
        (True, False)
    """
    return topic.startswith("city/")


def route_of(topic: str, registry: Registry) -> Route:
    """The route of ``city/<sensor-type>/<device-id>``.

    Example:
        >>> from brain.registry import Registry
        >>> route_of("city/gas-detector/G1", Registry([], [])).fault.reason
        'unknown_sensor_type'
    """
    parts = topic.split("/")
    if len(parts) != 3 or parts[0] != "city" or not parts[1]:
        return Route(
            None, None, "", Fault("bad_topic", f"topic: {topic[:140]!r} is not city/<sensor-type>/<device-id>")
        )
    found = registry.sensor_type(parts[1])
    kind = None if found is None else kind_of(found)
    if not valid_id(parts[2]):
        fault = Fault(
            "bad_topic", f"topic: {parts[2][:140]!r} is no device id; use 1 to 128 characters without blanks and + #"
        )
        return Route(None, kind, "", fault)
    if kind is None:
        fault = Fault(
            "unknown_sensor_type", f"topic: no sensor type {parts[1][:60]!r} is registered; register it first"
        )
        return Route(None, None, parts[2], fault)
    return Route(kind, kind, parts[2], None)
