"""How fast a queue grows: the shock wave between what arrives and what stands (rule T1).

``w = (q_d - q_u) / (k_d - k_u)`` with flow ``q`` (vehicles an hour) and density ``k = q / v`` (vehicles a kilometre) of
the station that stands in the queue (d) and the next one upstream that moves (u). Below zero it runs against the
traffic. Source: Lighthill, Whitham 1955; Richards 1956.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenes.travel.state import Case, Report
    from scenes.travel.ties import Context

__all__ = ["seconds_to_signal", "shock_wave_kmh"]


def shock_wave_kmh(flow_d: float, kmh_d: float, flow_u: float, kmh_u: float) -> float | None:
    """Speed of the tail of a queue, km/h, below zero where it grows upstream; None where it cannot be told.

    Example:
        >>> round(shock_wave_kmh(600, 8, 1500, 50), 1)
        -20.0
    """
    if min(kmh_d, kmh_u) <= 0 or any(math.isnan(v) for v in (flow_d, kmh_d, flow_u, kmh_u)):
        return None
    dense, thin = flow_d / kmh_d, flow_u / kmh_u
    return None if math.isclose(dense, thin) else (flow_d - flow_u) / (dense - thin)


def seconds_to_signal(ctx: Context, case: Case, tail: str, free_m: float, now: int) -> float | None:
    """Seconds until the queue fills the free storage before the signal upstream, as it grows now; None: it does not.

    Args:
        ctx: Of this step.
        case: Its source says which corridors count.
        tail: Last station in the queue.
        free_m: Metres from the tail to the signal.
        now: Microseconds.
    """
    standing = _latest(ctx, tail, now)
    for source in case.places:
        order = ctx.network.lines[source.corridor].order
        if standing is None or free_m <= 0 or tail not in order or order.index(tail) == 0:
            continue
        moving = _latest(ctx, order[order.index(tail) - 1], now)
        if moving is None:
            continue
        wave = shock_wave_kmh(standing.flow, standing.kmh, moving.flow, moving.kmh)
        if wave is not None and wave < 0:
            return free_m * 3.6 / -wave
    return None


def _latest(ctx: Context, station: str, now: int) -> Report | None:
    kept = ctx.state.stations.get(station)
    fresh = kept and now - kept[-1].time <= ctx.parameters["stale_periods"] * ctx.parameters["period_s"] * 1e6
    return kept[-1] if kept and fresh else None
