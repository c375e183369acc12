"""A bench for scenes: messages as a story tells them, through the engine, to the incident log. No decoder, no store."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from brain.city import parse_city
from brain.model import Batch, FieldKind, Piece
from brain.pipeline.engine import Engine
from brain.registry import Registry
from brain.times import iso, to_us
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from brain.scene_api import Scene

Row = tuple[int, str, int, int, dict[str, Any]]
T0 = to_us("2026-07-01T10:00:00+08:00")
TYPES = {t.id: t for t in load_builtin()}


class Bench:
    """Collects messages and plays them.

    Args:
        scenes: To run.
        city: A city document.
        start: Receipt time of second 0, microseconds.
    """

    def __init__(self, scenes: Iterable[Scene[Any]], city: Mapping[str, Any], start: int = T0) -> None:
        self.scenes = list(scenes)
        self.city = parse_city(json.dumps(city), "city.json")
        self.start = start
        self.messages: list[tuple[int, str, str, dict[str, Any]]] = []

    def say(self, at_s: float, sensor_type: str, device: str, delay_s: float = 0.1, **fields: Any) -> Bench:
        """A message that happened at a second of the story and was received a little later."""
        time = self.start + round(at_s * 1e6)
        self.messages.append((time + round(delay_s * 1e6), sensor_type, device, {"time": iso(time), **fields}))
        return self

    def fresh(self) -> tuple[Engine, list[Row]]:
        """An engine at the beginning, and the rows: (received, type, device, position, payload)."""
        registry = Registry(TYPES.values(), [])
        for d in self.city.devices:
            known = registry.add(d.sensor_type, d.id)
            registry.put(replace(known, lon=d.lon, lat=d.lat, extra={"watches": d.watches}))
        rows = [
            (at, kind, registry.add(kind, name).device_id, position, payload)
            for position, (at, kind, name, payload) in enumerate(sorted(self.messages, key=lambda m: m[0]))
        ]
        self.registry = registry
        return Engine(self.scenes, self.city, registry), rows

    def run(self, until_s: float | None = None, cut: int = 10_000, save_every: int = 0) -> list[dict[str, Any]]:
        """The incident log, in pieces of ``cut`` rows; the state is saved and restored every ``save_every`` pieces."""
        engine, rows = self.fresh()
        log: list[dict[str, Any]] = []
        for k, low in enumerate(range(0, len(rows), cut)):
            log += [dict(s.document) for s in engine.feed(self.piece(rows[low : low + cut]))]
            if save_every and k % save_every == 0:
                saved = engine.snapshot()
                engine = Engine(self.scenes, self.city, self.registry)
                assert engine.restore(saved) == []
        if until_s is not None:
            log += [dict(s.document) for s in engine.advance(self.start + round(until_s * 1e6))]
        return log

    def piece(self, rows: list[Row]) -> Piece:
        """Rows as batches, places of fixed devices and of nodes filled in as ingest does."""
        batches: dict[str, Batch] = {}
        nodes = {n.id: n for n in self.city.roads.nodes}
        for kind in {r[1] for r in rows}:
            mine = [r for r in rows if r[1] == kind]
            texts = [f.name for f in TYPES[kind].fields if f.kind is FieldKind.TEXT]
            numbers = [f.name for f in TYPES[kind].fields if f.kind is not FieldKind.TEXT]
            columns: dict[str, Any] = {
                n: np.array([m[4].get(n, np.nan) for m in mine], dtype=np.float64)
                for n in ("lon", "lat", "alt_m", "height_m", *numbers)
            }
            for n in ("id", "status", *texts):
                columns[n] = np.array([m[4].get(n) for m in mine] + [None], dtype=object)[:-1]
            for i, row in enumerate(mine):
                device, node = self.registry.by_id(row[2]), nodes.get(row[4].get("node", ""))
                if np.isnan(columns["lon"][i]):
                    place = (node.lon, node.lat) if node is not None else (device.lon, device.lat) if device else None
                    if place is not None and place[0] is not None:
                        columns["lon"][i], columns["lat"][i] = place
            batches[kind] = Batch(
                kind,
                np.array([m[2] for m in mine], dtype=np.int32),
                np.array([to_us(m[4]["time"]) for m in mine]).astype("M8[us]"),
                np.array([m[0] for m in mine]).astype("M8[us]"),
                np.array([m[3] for m in mine], dtype=np.int64),
                columns,
            )
        return Piece(batches)

    def same_however_cut(self, until_s: float | None = None) -> list[dict[str, Any]]:
        """The log, after checking that cuts and saving do not change it."""
        whole = self.run(until_s)
        for cut in (1, 4):
            assert self.run(until_s, cut=cut) == whole
        assert self.run(until_s, cut=5, save_every=1) == whole
        return whole


def at_s(step: Mapping[str, Any], start: int = T0) -> float:
    """Second of the story at which a step was made."""
    return (to_us(step["at"]) - start) / 1e6


def advice(step: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of a step as its scene gave it, without who could look, which is the desk's."""
    return {k: v for k, v in step["plan"].items() if k != "verify"}


def brief(log: Iterable[Mapping[str, Any]]) -> list[tuple[float, str, str, str]]:
    """(second, op, level, reason) of each step."""
    return [(at_s(s), s["op"], s["level"], s["reason"]) for s in log]
