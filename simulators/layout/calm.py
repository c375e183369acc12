"""What a calm day looks like, as (median, mad): the baselines of the demo city, and what its meters play."""

from __future__ import annotations

from typing import Final

__all__ = ["CALM", "HEAT_CALM"]

CALM: Final = {"occupancy_pct": (11.0, 1.2), "speed_kmh": (43.0, 1.8), "flow_vph": (880.0, 50.0)}
HEAT_CALM: Final = {"makeup_m3h": (1.4, 0.12), "supply_bar": (6.0, 0.05), "supply_c": (82.0, 0.6)}
