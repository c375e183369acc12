"""What values say of the device: outside its span, flat, attenuated, drifting; and devices that say so (D3-D7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from brain.model import Text, microseconds
from brain.scene_api import Fact
from scenes.device_health.notice import notice
from scenes.device_health.state import Measured
from scenes.toolkit.quality import FAIL, MISSING, SUSPECT, Checks
from scenes.toolkit.roster import roster_of
from scenes.toolkit.table import grow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from brain.model import Batch, Device
    from brain.scene_api import Evidence, World
    from scenes.device_health.state import HealthState

__all__ = ["FIELDS", "checks_of", "judge_status", "judge_values"]

#: fields whose values are judged: those that move by themselves, or that have a span
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "gas-detector": ("lel_pct", "ppm"),
    "heat-station": ("supply_bar", "makeup_m3h"),
    "traffic-detector": ("occupancy_pct",),
    "water-level": ("depth_cm",),
    "weather": ("wind_ms",),
}
BAD_STATUS: Final = frozenset({"calibrating", "maintenance", "fault"})


def checks_of(p: Mapping[str, float]) -> Checks:
    """Thresholds from the parameters in force."""
    return Checks(
        spike_mads=np.inf,  # nobody is told of a spike
        flat_s=p["flat_s"],
        flat_samples=int(p["flat_samples"]),
        attenuated_share=p["attenuated_share"],
        drift_share_per_day=p["drift_share"],
    )


def judge_values(state: HealthState, batch: Batch, world: World) -> Iterator[Evidence]:
    """Take the values of a batch, field by field."""
    for name in FIELDS[batch.sensor_type]:
        value = batch[name]
        some = np.isfinite(value)
        if some.any():
            yield from _judge(state, batch, name, np.flatnonzero(some), world)


def _judge(state: HealthState, batch: Batch, name: str, some: NDArray[np.intp], world: World) -> Iterator[Evidence]:
    words = batch["status"].tolist()
    if not BAD_STATUS.isdisjoint(words):
        some = some[[words[i] not in BAD_STATUS for i in some.tolist()]]
    if not len(some):
        return
    key = f"{batch.sensor_type}/{name}"
    measured = state.measured.get(key)
    if measured is None:
        measured = state.measured[key] = Measured()
    device, value = batch.device[some], batch[name][some]
    rows = measured.slots.of(device).astype(np.intp)
    if measured.slots.used > len(measured.outside):
        grow(measured, measured.slots.used)
    low, high = roster_of(world.registry).span(device, name) or (
        np.full(len(some), -np.inf),
        np.full(len(some), np.inf),
    )
    time = microseconds(batch.time)[some]
    verdicts = measured.series.take(rows, time, value, low, high, checks_of(world.parameters))
    full = value >= high  # at the end of its span a reading stands still without being broken
    flat = (verdicts.flat == FAIL) & ~full
    odd = (
        (verdicts.gross == FAIL) | (measured.outside[rows] > 0) | measured.told_range[rows]
        | (flat != measured.told_flat[rows])
        | ((verdicts.attenuated == SUSPECT) != measured.told_attenuated[rows])
        | ((verdicts.drift == SUSPECT) != measured.told_drift[rows])
    )  # fmt: skip
    odd &= (verdicts.gross != MISSING) & ~verdicts.repeated & ~verdicts.unordered
    if not odd.any():
        return
    for k in np.flatnonzero(np.isin(rows, rows[odd])).tolist():
        known = world.registry.by_id(int(device[k]))
        if known is None or known.extra.get("work_order") or verdicts.repeated[k] or verdicts.unordered[k]:
            continue
        row, at, position = int(rows[k]), int(time[k]), int(batch.position[some[k]])
        yield from _range(
            measured, row, known, name, float(value[k]), at, position, world, bad=bool(verdicts.gross[k] == FAIL)
        )
        if verdicts.gross[k] == FAIL:
            continue
        yield from _flat(measured, row, known, name, float(value[k]), at, position, world, on=bool(flat[k]))
        if verdicts.attenuated[k] in (1, SUSPECT):
            yield from _slow(
                measured.told_attenuated, row, known, "attenuated", at, position, world,
                on=bool(verdicts.attenuated[k] == SUSPECT), figure=float(measured.series.usual[row]),
            )  # fmt: skip
        if verdicts.drift[k] in (1, SUSPECT):
            yield from _slow(
                measured.told_drift, row, known, "drift", at, position, world,
                on=bool(verdicts.drift[k] == SUSPECT), figure=float(measured.series.slope[row]),
            )  # fmt: skip


def _range(
    measured: Measured,
    row: int,
    device: Device,
    name: str,
    value: float,
    at: int,
    position: int,
    world: World,
    *,
    bad: bool,
) -> Iterator[Evidence]:
    least = world.parameters["range_rows"]
    measured.outside[row] = measured.outside[row] + 1 if bad else 0
    count = int(measured.outside[row])
    if bad and count >= least:
        measured.told_range[row] = True
    elif not (measured.told_range[row] and not bad):
        return
    else:
        measured.told_range[row] = False
    summary = (
        Text(f"{device.name} 的 {name} 读数 {value:g} 超出量程", f"{device.name}: {name} {value:g} is outside its span")
        if bad
        else Text(f"{device.name} 读数已回到量程内", f"{device.name} reads inside its span again")
    )
    facts = (Fact("rows_outside_span", float(count), ">=", least, "1", bad),)
    yield notice(
        "device_fault", "D3.range", f"{name}/range", device, at, position, summary, facts, world, holds=bad,
        messages=max(1, count),
    )  # fmt: skip


def _flat(
    measured: Measured,
    row: int,
    device: Device,
    name: str,
    value: float,
    at: int,
    position: int,
    world: World,
    *,
    on: bool,
) -> Iterator[Evidence]:
    """A flat line; of gas it is only doubted, since neighbours decide there (rule S2 of safety production).

    What rule S2 already asked the site to look at is the same matter: one notice.
    """
    if on == bool(measured.told_flat[row]):
        return
    measured.told_flat[row] = on
    limit, least = 2 * world.parameters["flat_s"], world.parameters["flat_samples"]
    seconds, samples = (at - int(measured.series.flat_from[row])) / 1e6, float(measured.series.flat_samples[row])
    summary = (
        Text(f"{device.name} 的 {name} 读数 {value:g} 已 {seconds:.0f} 秒不变",
             f"{device.name}: {name} has stood at {value:g} for {seconds:.0f} s")
        if on
        else Text(f"{device.name} 读数已恢复变化", f"{device.name} moves again")
    )  # fmt: skip
    facts = (
        Fact("unmoved_s", round(seconds, 3), ">=", limit, "s", on),
        Fact("unmoved_samples", samples, ">=", least, "1", on),
    )
    is_gas = device.sensor_type == "gas-detector"
    yield notice(
        "device_check" if is_gas else "device_fault", "D4.flat_line", f"{name}/flat", device, at, position, summary,
        facts, world, holds=on, subject="unmoved" if is_gas else None,
    )  # fmt: skip


_SLOW_WORDS: Final = {
    "attenuated": (
        "D5.attenuated", Text("信号衰减", "its signal has faded"), "usual_range", "attenuated_share",
        Text("信号已恢复", "its signal is as before"),
    ),
    "drift": (
        "D6.drift", Text("零点漂移，请安排校准", "its zero drifts; have it calibrated"), "slope_per_day", "drift_share",
        Text("漂移已消除", "it drifts no more"),
    ),
}  # fmt: skip


def _slow(
    told: NDArray[np.bool_], row: int, device: Device, kind: str, at: int, position: int, world: World, *,
    on: bool, figure: float,
) -> Iterator[Evidence]:  # fmt: skip
    if on == bool(told[row]):
        return
    told[row] = on
    rule, word, quantity, threshold, over = _SLOW_WORDS[kind]
    said = word if on else over
    summary = Text(f"{device.name} {said.zh}", f"{device.name}: {said.en}")
    facts = (Fact(quantity, round(figure, 4), ">", world.parameters[threshold], "1", on),)
    yield notice("device_check", rule, kind, device, at, position, summary, facts, world, holds=on)


def judge_status(state: HealthState, batch: Batch, world: World) -> Iterator[Evidence]:
    """Devices that say themselves that they are broken, until they say that they are not."""
    words = batch["status"].tolist()
    if not state.faulty and "fault" not in words:
        return
    ids = batch.device.tolist()
    for i, (device_id, word) in enumerate(zip(ids, words, strict=True)):
        known = device_id in state.faulty
        if (word == "fault") == known and not known:
            continue
        device = world.registry.by_id(device_id)
        if device is None:
            continue
        time, on = int(microseconds(batch.time)[i]), word == "fault"
        state.faulty[device_id] = state.faulty.get(device_id, 0) + 1
        summary = (
            Text(f"{device.name} 自报故障", f"{device.name} says that it is broken")
            if on
            else Text(f"{device.name} 自报恢复正常", f"{device.name} says that it works again")
        )
        facts = (Fact("status", str(word or "ok"), "==", "fault", "1", on),)
        yield notice(
            "device_fault", "D7.status", "status", device, time, int(batch.position[i]), summary, facts, world,
            holds=on, messages=state.faulty[device_id],
        )  # fmt: skip
        if not on:
            del state.faulty[device_id]
