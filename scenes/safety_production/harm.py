"""What an incident does to the city, and the area of those who must act, as GeoJSON; computed once for equal input."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from brain.model import Certainty, Level
from brain.scene_api import Effect, EffectKind
from scenes.toolkit.area import circle, geojson, sector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.model import Text

__all__ = ["area_round", "effects_of"]

_KEPT: Final = 256


def area_round(
    lon: float | None,
    lat: float | None,
    radius_m: float,
    wind: tuple[float, float, float] | None = None,
) -> dict[str, Any] | None:
    """A circle round a place, with a sector downwind: one polygon without holes; None without a place.

    Args:
        lon: Degrees.
        lat: Degrees.
        radius_m: Of the circle.
        wind: Direction the sector points to, its half angle (180: a circle), its reach in metres.

    Example:
        >>> area_round(120.0, 36.0, 100.0)["type"], area_round(None, None, 100.0)
        ('Polygon', None)
    """
    return None if lon is None or lat is None else _area(lon, lat, radius_m, wind)


@lru_cache(_KEPT)
def _area(lon: float, lat: float, radius_m: float, wind: tuple[float, float, float] | None) -> dict[str, Any]:
    parts = [circle(lon, lat, radius_m)]
    if wind is not None:
        parts.append(sector(lon, lat, *wind))
    return geojson(*parts)


def effects_of(
    level: Level | None, certainty: Certainty, area: Mapping[str, Any] | None, text: Text
) -> tuple[Effect, ...]:
    """From orange on, nobody passes the area and people in it are in danger; a possible incident is never orange."""
    if level is None or level.rank < Level.ORANGE.rank or certainty is Certainty.POSSIBLE or area is None:
        return ()
    return tuple(Effect(kind=kind, area=area, text=text) for kind in (EffectKind.ROAD_CLOSED, EffectKind.HAZARD))
