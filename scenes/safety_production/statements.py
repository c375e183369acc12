"""The evidence safety production gives, with its facts and words in both languages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from brain.model import Certainty, Level, Modality, Text
from brain.scene_api import Evidence, Fact
from scenes.safety_production.ground import site_looked_at, site_seen
from scenes.safety_production.parameters import TOXIC
from scenes.safety_production.reading import limits_of
from scenes.safety_production.source import find_source
from scenes.safety_production.state import COMBUSTIBLE, OXYGEN
from scenes.toolkit.table import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from brain.model import Device
    from brain.scene_api import World
    from scenes.safety_production.detectors import Detectors
    from scenes.safety_production.seen import Seen
    from scenes.safety_production.state import Heat, SafetyState, Sight, SmokeAlarm, Whiff

__all__ = [
    "SUPPORTED",
    "alarm_line",
    "called_line",
    "dose_facts",
    "gas_line",
    "gas_name",
    "heat_line",
    "held_line",
    "persistence_facts",
    "rise_facts",
    "seen_line",
    "smelt_line",
]

SUPPORTED: Final = ("gas_leak", "toxic_gas")  # events that cameras and drones bear witness for
_LEVELS: Final = {1: Level.BLUE, 2: Level.YELLOW, 3: Level.ORANGE}
_RULES: Final = {1: "prealarm", 2: "level_1", 3: "level_2"}
_WORDS: Final = {1: Text("预警", "pre-alarm"), 2: Text("一级", "first alarm"), 3: Text("二级", "second alarm")}
_COMBUSTIBLE: Final = Text("可燃气体", "combustible gas")
_OXYGEN: Final = Text("氧含量", "oxygen")


def gas_name(key: str) -> Text:
    """What a table measures, for people."""
    if key == COMBUSTIBLE:
        return _COMBUSTIBLE
    return _OXYGEN if key == OXYGEN else TOXIC[key].name


def _unit(key: str) -> str:
    return "%LEL" if key == COMBUSTIBLE else "%vol" if key == OXYGEN else "ppm"


def _quantity(key: str) -> tuple[str, str]:
    return ("lel_pct", "%") if key == COMBUSTIBLE else ("outside_pct", "%") if key == OXYGEN else ("ppm", "ppm")


def _shown(value: float, digits: int = 2) -> float:
    return round(float(value), digits)


def persistence_facts(table: Detectors, row: int, key: str, stage: int, world: World) -> tuple[Fact, ...]:
    """What every alarm step of a detector asks for: the value, in enough samples, for long enough; as they stand."""
    limits = limits_of(key, world.parameters)
    quantity, unit = _quantity(key)
    k = stage - 1
    value, run, level = float(table.value[row]), int(table.run[row, k]), limits.levels[k]
    span = (int(table.time[row]) - int(table.run_from[row, k])) / 1e6 if run else 0.0
    return (
        Fact(quantity, _shown(value), ">=", _shown(level), unit, value >= level),
        Fact("samples_in_a_row", float(run), ">=", float(limits.samples), "1", run >= limits.samples),
        Fact("seconds_in_a_row", _shown(span, 3), ">=", limits.span_us / 1e6, "s", span * 1e6 >= limits.span_us),
    )


def rise_facts(table: Detectors, row: int, key: str, world: World) -> tuple[Fact, Fact]:
    """Slope and mean of combustible gas against their limits; one of them makes a pre-alarm."""
    limits = limits_of(key, world.parameters)
    rise = table.rise(row, int(table.time[row]), limits)
    slope = None if math.isnan(rise.slope) else _shown(rise.slope)
    mean = None if math.isnan(rise.mean) else _shown(rise.mean)
    return (
        Fact("slope_120s", slope, ">=", limits.slope, "%/min", rise.slope >= limits.slope),
        Fact("mean_600s", mean, ">=", limits.mean, "%", rise.mean >= limits.mean),
    )


def dose_facts(table: Detectors, row: int, key: str, world: World) -> dict[str, Fact]:
    """Means of 15 minutes (``stel``) and of 8 hours (``twa``) of toxic gas against their limits, where it has such."""
    limits, time = limits_of(key, world.parameters), int(table.time[row])
    out = {}
    if math.isfinite(limits.stel):
        stel = table.stel(row, time, limits)
        out["stel"] = Fact("mean_15min_ppm", _mean(stel), ">=", limits.stel, "ppm", stel >= limits.stel)
    if math.isfinite(limits.twa):
        twa = table.twa(row, time)
        out["twa"] = Fact("mean_8h_ppm", _mean(twa), ">=", limits.twa, "ppm", twa >= limits.twa)
    return out


def _facts(table: Detectors, row: int, key: str, stage: int, world: World) -> tuple[Fact, ...]:
    """All that bears on one alarm step of a detector, alternatives too."""
    facts = persistence_facts(table, row, key, stage, world)
    if table.dose is not None:
        return (*facts, *dose_facts(table, row, key, world).values())
    if stage == 1:
        return (*facts, *rise_facts(table, row, key, world))
    if facts[0].met:
        return facts
    floor, value = limits_of(key, world.parameters).exits[1], float(table.value[row])  # between the alarm and its exit
    quantity, unit = _quantity(key)
    return (*facts, Fact(quantity, _shown(value), ">=", _shown(floor), unit, value >= floor))


def gas_line(
    table: Detectors,
    row: int,
    key: str,
    device: Device,
    position: int,
    state: SafetyState,
    world: World,
    *,
    shift_us: int = 0,
) -> Evidence:
    """What a detector's finding says now; its end moved by ``shift_us`` to our clock where its own is far off."""
    p = world.parameters
    stage, ended = int(table.stage[row]), int(table.ended[row])
    holds = ended == NEVER
    value, time = float(table.value[row]), int(table.time[row])
    lon, lat = _place(table, row)
    limits = limits_of(key, p)
    name, unit = gas_name(key), _unit(key)
    shown = f"{_reading(value, key, p):.1f} {unit}"
    word = _WORDS[stage]
    quantity, code = _quantity(key)
    if holds:
        facts = _facts(table, row, key, stage, world)
        summary = Text(
            f"{device.name} {name.zh} {shown}（{word.zh}），连续 {int(table.run[row, stage - 1])} 次超限",
            f"{device.name}: {name.en} {shown} ({word.en}), {int(table.run[row, stage - 1])} samples in a row over",
        )
    else:
        floor = limits.exits[0 if stage == 1 else 1]
        facts = (Fact(quantity, _shown(value), "<", _shown(floor), code, value < floor),)
        summary = Text(f"{device.name} {name.zh}回落至 {shown}", f"{device.name}: {name.en} has fallen to {shown}")
    wind = state.stations.at(lon, lat, time, p["wind_fresh_s"]) if lon is not None and lat is not None else None
    news = holds and stage >= 2 and int(table.run[row, stage - 1]) > limits.samples
    source, reason = (
        find_source(state, table, row, key, wind, world, may_tell=news) if holds and stage >= 2 else (None, None)
    )
    values: dict[str, Any] = {
        "key": key,
        "stage": stage,
        "value": _shown(_reading(value, key, p), 3),
        "peak": _shown(_reading(float(table.peak[row]), key, p), 3),
        "wind": None if wind is None else [wind.from_deg, wind.speed_ms, wind.steady],
        "source": source,
        "saturated": key == COMBUSTIBLE and value >= p["saturated_pct"],
    }
    if table.dose is not None:
        values |= {"stel": _mean(table.stel(row, time, limits)), "twa": _mean(table.twa(row, time))}
    site = site_seen(world, device, lon, lat)
    weight = p[("weight_prealarm", "weight_l1", "weight_l2")[stage - 1]]
    rule = "dose" if table.dose is not None and stage == 1 else _RULES[stage]
    prefix = "S1" if key == COMBUSTIBLE else f"S1.{key}"
    return Evidence(
        event="gas_leak" if key == COMBUSTIBLE else "toxic_gas",
        rule=f"{prefix}.{rule}",
        witness=f"gas-detector/{device.name}" + ("" if key == COMBUSTIBLE else f"/{key}"),
        modality=Modality.METER,
        sensor_type=device.sensor_type,
        device=device.name,
        time=time,
        position=position,
        weight=weight,
        summary=summary,
        holds=holds,
        ended=None if holds else ended + shift_us,
        level=_LEVELS[stage],
        lon=lon,
        lat=lat,
        messages=int(table.count[row]),
        facts=facts,
        values=values,
        reason=reason,
        window=(min(int(table.since[row]), time), time) if table.since[row] != NEVER else None,
        site=None if site is None else site.id,
    )


def _mean(value: float) -> float | None:
    return None if math.isnan(value) else _shown(value, 1)


def _place(table: Detectors, row: int) -> tuple[float | None, float | None]:
    lon, lat = float(table.lon[row]), float(table.lat[row])
    return (lon, lat) if math.isfinite(lon) and math.isfinite(lat) else (None, None)


def _reading(value: float, key: str, p: Mapping[str, float]) -> float:
    """The reading as people know it: oxygen is kept as the distance outside its range, so shown from the low side."""
    return p["o2_low_pct"] - value if key == OXYGEN else value


def held_line(
    table: Detectors, row: int, device: Device, time: int, position: int, rule: str, world: World, *, holds: bool
) -> Evidence:
    """A detector whose reading looks like its own fault: to the site, to be verified.

    Args:
        table: Of combustible gas.
        row: Of the detector.
        device: Its registration.
        time: Of the row this comes from, microseconds; ``position`` is its place in the log.
        position: Of the row this comes from.
        rule: ``step_hold``, ``stuck`` or ``fell``.
        world: For thresholds.
        holds: False when it moves again.
    """
    p = world.parameters
    lon, lat = _place(table, row)
    value, seconds = float(table.value[row]), (time - int(table.same_from[row])) / 1e6
    facts: tuple[Fact, ...]
    if not holds:
        summary = Text(f"{device.name} 读数已恢复变化或退出待核实", f"{device.name} moves again, or is believed")
        facts = (Fact("lel_pct", _shown(value), "==", None, "%", True),)
    elif rule == "fell":
        summary = Text(
            f"{device.name} 由高浓度一次降为零，待核实（可能饱和或中毒）",
            f"{device.name} fell from high to nothing in one sample; to be verified (saturated or poisoned?)",
        )
        facts = (Fact("lel_pct_before", _shown(value), ">", p["fall_from_pct"], "%", value > p["fall_from_pct"]),)
    else:
        summary = Text(
            f"{device.name} 读数阶跃至 {value:.1f} %LEL 后不变，邻近探测器正常，待核实",
            f"{device.name} stepped to {value:.1f} %LEL and has not moved, its neighbour is normal; to be verified",
        )
        jump = float(table.jump[row])
        facts = (
            Fact("jump_pct", _shown(jump), ">=", p["step_min_pct"], "%", jump >= p["step_min_pct"]),
            Fact("identical_samples", float(table.same[row]), ">=", p["min_samples"], "1", True),
        )
        if rule == "stuck":
            facts += (Fact("unmoved_s", _shown(seconds, 3), ">=", p["stuck_s"], "s", seconds >= p["stuck_s"]),)
    return Evidence(
        event="device_fault" if rule == "stuck" else "device_check",
        rule=f"S2.{rule}",
        witness=f"gas-detector/{device.name}/{rule}",
        modality=Modality.METER,
        sensor_type=device.sensor_type,
        device=device.name,
        time=time,
        position=position,
        weight=p["weight_l1"],
        summary=summary,
        holds=holds,
        ended=None if holds else time,
        level=Level.BLUE,
        lon=lon,
        lat=lat,
        subject=f"gas-detector/{device.name}/{'fell' if rule == 'fell' else 'unmoved'}",  # with D4 of device health
        messages=int(table.same[row]),
        facts=facts,
        values={"rule": rule, "value": _shown(value)},
        window=(min(int(table.same_from[row]), time), time) if table.same_from[row] != NEVER else None,
    )


_CALLED: Final = Text("来电反映燃气异味或泄漏", "a caller smells gas or tells of a leak")


def called_line(seen: Seen, world: World) -> Iterator[Evidence]:
    """A call that tells of gas, for each event it bears witness for; of a leak it is likely by itself."""
    for event in SUPPORTED:
        yield Evidence(
            event=event,
            rule="S1.call",
            witness=f"emergency-call/{seen.track}",
            modality=Modality.SERVICE,
            sensor_type=seen.device.sensor_type,
            device=seen.device.name,
            time=seen.time,
            position=seen.position,
            weight=world.parameters["weight_call"],
            summary=Text(f"{seen.device.name} {_CALLED.zh}", f"{seen.device.name}: {_CALLED.en}"),
            certainty=Certainty.LIKELY if event == "gas_leak" else None,
            opens=event == "gas_leak",
            lon=None if math.isnan(seen.lon) else seen.lon,
            lat=None if math.isnan(seen.lat) else seen.lat,
            reports=1,
            facts=(Fact("complaint", seen.kind, "in", "gas_smell gas_leak", "1", True),),
            values={"called": seen.kind},
        )


_SEEN: Final = {"smoke": Text("烟雾", "smoke"), "flame": Text("明火", "flame")}


def seen_line(
    sight: Sight, kind: str, device: Device, position: int, world: World, *, holds: bool
) -> Iterator[Evidence]:
    """Smoke or flame on video, for each event it bears witness for."""
    p, what = world.parameters, _SEEN[kind]
    site = site_looked_at(world, device)
    if holds:
        summary = Text(
            f"{device.name} 识别到{what.zh}，持续 {sight.seconds:.0f} 秒",
            f"{device.name} has seen {what.en} for {sight.seconds:.0f} s",
        )
    else:
        summary = Text(f"{device.name} 不再识别到{what.zh}", f"{device.name} sees no more {what.en}")
    facts = (
        Fact("confidence", _shown(sight.confidence), ">=", p["video_confidence"], "1", True),
        Fact("seconds_on_track", _shown(sight.seconds, 3), ">=", p["video_seconds"], "s", True),
    )
    for event in SUPPORTED:
        yield Evidence(
            event=event,
            rule=f"S1.video_{kind}",
            witness=f"video-event/{device.name}/{kind}",
            modality=Modality.VIDEO,
            sensor_type=device.sensor_type,
            device=device.name,
            time=sight.last,
            position=position,
            weight=p["weight_smoke" if kind == "smoke" else "weight_flame"],
            summary=summary,
            holds=holds,
            ended=None if holds else sight.last,
            opens=False,
            lon=sight.lon,
            lat=sight.lat,
            messages=sight.count,
            facts=facts,
            values={"seen": kind},
            window=(sight.first, sight.last),
            site=None if site is None else site.id,
        )


def smelt_line(
    whiff: Whiff, device: Device, position: int, world: World, *, holds: bool, reason: str | None = None
) -> Iterator[Evidence]:
    """Methane under a drone, for each event it bears witness for."""
    p = world.parameters
    if holds:
        summary = Text(
            f"{device.name} 测得甲烷柱浓度超背景 {whiff.peak:.0f} ppm·m",
            f"{device.name} measured {whiff.peak:.0f} ppm.m of methane over background",
        )
    else:
        summary = Text(f"{device.name} 已测不到甲烷异常", f"{device.name} measures no more methane over background")
    facts = (Fact("methane_over_background", _shown(whiff.peak), ">=", p["drone_over_ppm_m"], "ppm.m", True),)
    for event in SUPPORTED[:1]:
        yield Evidence(
            event=event,
            rule="S1.drone_methane",
            witness=f"drone/{device.name}/methane",
            modality=Modality.LOW_ALTITUDE,
            sensor_type=device.sensor_type,
            device=device.name,
            time=whiff.last,
            position=position,
            weight=p["weight_drone"],
            summary=summary,
            holds=holds,
            ended=None if holds else whiff.last,
            opens=False,
            lon=whiff.lon,
            lat=whiff.lat,
            messages=whiff.count,
            facts=facts,
            values={"methane": _shown(whiff.peak)},
            reason=reason,
            window=(whiff.first, whiff.last),
        )


def heat_line(heat: Heat, device: Device, position: int, world: World, *, holds: bool) -> Evidence:
    """Heat under a drone: bears witness for a fire, never raises one (roofs and chimneys are hot)."""
    p = world.parameters
    if holds:
        summary = Text(
            f"{device.name} 热像高出环境 {heat.peak:.0f} °C",
            f"{device.name} sees {heat.peak:.0f} °C over ambient",
        )
    else:
        summary = Text(f"{device.name} 热像已恢复正常", f"{device.name} sees no more heat")
    return _eye(
        "S4.drone_thermal",
        f"drone/{device.name}/thermal",
        Modality.LOW_ALTITUDE,
        device,
        heat,
        position,
        p["weight_thermal"],
        summary,
        Fact(
            "thermal_over_ambient",
            _shown(heat.peak),
            ">=",
            p["thermal_over_c"],
            "Cel",
            heat.peak >= p["thermal_over_c"],
        ),
        {"heat": _shown(heat.peak)},
        world,
        holds=holds,
    )


def alarm_line(alarm: SmokeAlarm, device: Device, position: int, world: World, *, holds: bool) -> Evidence:
    """A smoke detector in alarm: bears witness for a fire, never raises one (most such alarms alone are false)."""
    if holds:
        summary = Text(f"{device.name} 烟感报警", f"{device.name}: smoke detector in alarm")
    else:
        summary = Text(f"{device.name} 烟感已复位", f"{device.name}: smoke detector is back to normal")
    return _eye(
        "S4.smoke_detector",
        f"smoke-detector/{device.name}",
        Modality.METER,
        device,
        alarm,
        position,
        world.parameters["weight_smoke_detector"],
        summary,
        Fact("alarm", str(holds).lower(), "==", "true", "1", holds),
        {"alarm": holds},
        world,
        holds=holds,
    )


def _eye(
    rule: str,
    witness: str,
    modality: Modality,
    device: Device,
    finding: Heat | SmokeAlarm,
    position: int,
    weight: float,
    summary: Text,
    fact: Fact,
    values: Mapping[str, Any],
    world: World,
    *,
    holds: bool,
) -> Evidence:
    site = site_looked_at(world, device)
    return Evidence(
        event="fire",
        rule=rule,
        witness=witness,
        modality=modality,
        sensor_type=device.sensor_type,
        device=device.name,
        time=finding.last,
        position=position,
        weight=weight,
        summary=summary,
        holds=holds,
        ended=None if holds else finding.last,
        opens=False,
        lon=finding.lon,
        lat=finding.lat,
        messages=finding.count,
        facts=(fact,),
        values=values,
        window=(finding.first, finding.last),
        site=None if site is None else site.id,
    )
