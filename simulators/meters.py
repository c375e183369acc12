"""Meters that stand still, on a calm day: nothing they say crosses a threshold of any scene."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from simulators.actor import Actor, Walk
from simulators.layout.calm import CALM, HEAT_CALM
from simulators.message import SECOND

__all__ = [
    "Consumption",
    "Crowd",
    "Elevator",
    "GasDetector",
    "HeatStation",
    "Hospital",
    "Hydrant",
    "Parking",
    "RainGauge",
    "SmokeDetector",
    "TrafficDetector",
    "WaterLevel",
    "Weather",
]


class GasDetector(Actor):
    """Combustible gas, 0.2 to 4 %LEL: far below the pre-alarm at 10."""

    sensor_type = "gas-detector"

    def __init__(self, seed: int, device: str) -> None:
        super().__init__(seed, device, 10)
        self._lel = Walk(self.random, 1.6, 0.25, 0.2, 4.0)

    def body(self, at_us: int) -> dict[str, Any]:
        """One sample."""
        return {"lel_pct": self._lel.step()}


class SmokeDetector(Actor):
    """Clean air."""

    sensor_type = "smoke-detector"

    def __init__(self, seed: int, device: str) -> None:
        super().__init__(seed, device, 60)
        self._smoke = Walk(self.random, 0.3, 0.08, 0.0, 0.9)

    def body(self, at_us: int) -> dict[str, Any]:
        """One sample."""
        return {"smoke_pct": self._smoke.step(2), "alarm": False}


class Consumption(Actor):
    """Water, gas, heat or power of one building: a counter and what flows now, more by day than by night."""

    _PEAK: ClassVar = {"water-meter": 1.8, "gas-meter": 0.9, "heat-meter": 120.0, "power-meter": 45.0}

    def __init__(self, seed: int, device: str, sensor_type: str) -> None:
        self.sensor_type = sensor_type
        super().__init__(seed, device, 60)
        self._total = float(self.random.integers(200_000, 9_000_000)) / 1000
        self._share = Walk(self.random, 0.55, 0.06, 0.1, 1.0)
        self._volt = Walk(self.random, 229.0, 0.5, 224.0, 235.0)
        self._bar = Walk(self.random, 3.2, 0.02, 2.9, 3.5)
        self._supply = Walk(self.random, 62.0, 0.3, 58.0, 66.0)
        self._battery = int(self.random.integers(70, 100))
        self._last = 0

    def body(self, at_us: int) -> dict[str, Any]:
        """Counter and flow; water and gas rest for some minutes, as households do."""
        hour = at_us / SECOND / 3600 + 8
        load = 0.65 - 0.35 * math.cos((hour - 4) / 24 * 2 * math.pi)
        now = self._PEAK[self.sensor_type] * self._share.step(3) * load
        if self.sensor_type in {"water-meter", "gas-meter"} and self.random.random() < 0.3:
            now = 0.0
        hours = (at_us - self._last) / SECOND / 3600 if self._last else 0.0
        self._last = at_us
        self._total += now * hours
        if self.sensor_type == "power-meter":
            volt = self._volt.step()
            amps = round(now * 1000 / volt / 3, 1)
            return {"total_kwh": round(self._total, 3), "power_kw": round(now, 2), "voltage_v": volt, "current_a": amps}
        if self.sensor_type == "heat-meter":
            supply = self._supply.step()
            back = round(supply - 14 - 4 * load, 1)
            flow = round(now / 1.163 / (supply - back), 3)
            return {
                "total_kwh": round(self._total, 3),
                "power_kw": round(now, 2),
                "flow_m3h": flow,
                "supply_c": supply,
                "return_c": back,
            }
        out: dict[str, Any] = {"total_m3": round(self._total, 3), "flow_m3h": round(now, 3)}
        if self.sensor_type == "water-meter":
            out["pressure_bar"] = self._bar.step(2)
        return out | {"battery_pct": self._battery}


class _Calm(Actor):
    """Values about (median, mad) pairs, never 2 mad away, so that no profile finds them unusual."""

    def __init__(self, seed: int, device: str, period_s: float, calm: dict[str, tuple[float, float]]) -> None:
        super().__init__(seed, device, period_s)
        self._walks = {k: Walk(self.random, m, 0.5 * d, m - 1.6 * d, m + 1.6 * d, 0.3) for k, (m, d) in calm.items()}

    def body(self, at_us: int) -> dict[str, Any]:
        """One sample of each field."""
        return {k: w.step(2 if k.endswith(("_m3h", "_bar")) else 1) for k, w in self._walks.items()}


class TrafficDetector(_Calm):
    """A station of a corridor in free flow; averages over 30 s."""

    sensor_type = "traffic-detector"

    def __init__(self, seed: int, device: str) -> None:
        super().__init__(seed, device, 30, CALM)

    def body(self, at_us: int) -> dict[str, Any]:
        """One period."""
        out = super().body(at_us)
        return out | {"flow_vph": float(round(out["flow_vph"]))}


class HeatStation(_Calm):
    """A heat exchange station in its usual state."""

    sensor_type = "heat-station"

    def __init__(self, seed: int, device: str) -> None:
        super().__init__(seed, device, 30, HEAT_CALM)


class Hydrant(Actor):
    """Static pressure of a street hydrant, well above 0.14 MPa."""

    sensor_type = "hydrant"

    def __init__(self, seed: int, device: str) -> None:
        super().__init__(seed, device, 120)
        self._mpa = Walk(self.random, 0.32, 0.004, 0.26, 0.38)

    def body(self, at_us: int) -> dict[str, Any]:
        """One sample."""
        return {"pressure_mpa": self._mpa.step(3)}


class WaterLevel(Actor):
    """Depth of water on a dry day, below 1 cm."""

    sensor_type = "water-level"

    def __init__(self, seed: int, device: str) -> None:
        super().__init__(seed, device, 60)
        self._cm = Walk(self.random, 0.3, 0.08, 0.0, 0.9)

    def body(self, at_us: int) -> dict[str, Any]:
        """One sample."""
        return {"depth_cm": self._cm.step()}


class RainGauge(Actor):
    """No rain."""

    sensor_type = "rain-gauge"

    def __init__(self, seed: int, device: str) -> None:
        super().__init__(seed, device, 300)

    def body(self, at_us: int) -> dict[str, Any]:
        """Rain since the last report."""
        return {"rain_mm": 0.0}


class Weather(Actor):
    """A mild day with a steady southerly breeze."""

    sensor_type = "weather"

    def __init__(self, seed: int, device: str) -> None:
        super().__init__(seed, device, 60)
        self._from = Walk(self.random, 160.0, 2.0, 130.0, 190.0)
        self._wind = Walk(self.random, 3.4, 0.1, 2.4, 4.6)
        self._air = Walk(self.random, 21.0, 0.05, 18.0, 24.0, 0.05)
        self._sight = Walk(self.random, 14000.0, 150.0, 10000.0, 18000.0)

    def body(self, at_us: int) -> dict[str, Any]:
        """One sample."""
        air = self._air.step()
        return {
            "wind_from_deg": self._from.step(),
            "wind_ms": self._wind.step(),
            "stability": "D",
            "air_c": air,
            "visibility_m": self._sight.step(0),
            "rain_mm_h": 0.0,
            "road_surface_c": round(air + 2.5, 1),
        }


class Hospital(Actor):
    """An open hospital with room."""

    sensor_type = "hospital-status"

    def __init__(self, seed: int, device: str, load: float) -> None:
        super().__init__(seed, device, 60)
        self._load = Walk(self.random, load, 0.004, max(0.0, load - 0.05), min(0.8, load + 0.05))

    def body(self, at_us: int) -> dict[str, Any]:
        """State and load."""
        return {"state": "open", "load": self._load.step(2)}


class Parking(Actor):
    """A car park between 40 and 75 % full."""

    sensor_type = "parking-lot"

    def __init__(self, seed: int, device: str, capacity: int) -> None:
        super().__init__(seed, device, 30)
        self._used = Walk(self.random, 0.58, 0.006, 0.4, 0.75, 0.02)
        self._capacity = capacity

    def body(self, at_us: int) -> dict[str, Any]:
        """Occupied places."""
        return {"occupied": int(self._capacity * self._used.step(4))}


class Elevator(Actor):
    """A lift that goes up and down; it rests at a floor or moves, and never stops between floors."""

    sensor_type = "elevator"

    def __init__(self, seed: int, device: str) -> None:
        super().__init__(seed, device, 15)
        self._floors = int(self.random.integers(12, 30))
        self._floor = 1

    def body(self, at_us: int) -> dict[str, Any]:
        """State, floor and load."""
        moving = self.random.random() < 0.45
        if moving:
            self._floor = int(self.random.integers(1, self._floors + 1))
        load = float(self.random.integers(0, 6) * 70) if moving else 0.0
        return {"state": "moving" if moving else "idle", "floor": self._floor, "load_kg": load, "mode": "normal"}


class Crowd(Actor):
    """A camera that counts the people of a square: 0.1 to 0.7 a square metre."""

    sensor_type = "video-event"

    def __init__(self, seed: int, device: str, zone: str, area_m2: float) -> None:
        super().__init__(seed, device, 10)
        self._zone, self._area = zone, area_m2
        self._density = Walk(self.random, 0.35, 0.015, 0.1, 0.7, 0.05)

    def body(self, at_us: int) -> dict[str, Any]:
        """One count."""
        count = round(self._area * self._density.step(4))
        return {"event": "crowd_count", "zone": self._zone, "count": count, "confidence": 0.9}
