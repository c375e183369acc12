"""Where a message without a position was: the city's zones and road nodes by id. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from shapely import Polygon

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.city import City

__all__ = ["Places"]


@dataclass(frozen=True, slots=True)
class Places:
    """Positions that stand for the ``zone`` and the ``node`` of a message; lon, lat in degrees.

    Attributes:
        zones: Middle of each zone; sites count too, where no zone bears that name (a fire lane is a site).
        nodes: Each road node.

    Example:
        >>> Places(nodes={"N5": (120.38, 36.07)}).nodes["N5"]
        (120.38, 36.07)
    """

    zones: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    nodes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, city: City) -> Self:
        """The places of a city model."""
        zones = {s.id: (s.lon, s.lat) for s in city.sites}
        for zone in city.zones:
            if len(zone.polygon) >= 3:
                middle = Polygon(zone.polygon).centroid
                zones[zone.id] = (middle.x, middle.y)
        return cls(zones=zones, nodes={n.id: (n.lon, n.lat) for n in city.roads.nodes})
