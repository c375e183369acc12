"""First aid against small models of its rules, written anew: random towns, random news, the same log or not."""

from __future__ import annotations

import math
from heapq import heappop, heappush
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from scenes.first_aid import FirstAid
from tests.unit.scene_bench import Bench, at_s

TURNOUT_S = 45.0
Arc = tuple[str, str]


class Town:
    """A grid of two-way streets with lengths that make no two ways alike, 36 km/h = 10 m/s."""

    def __init__(self, dice: Random) -> None:
        wide, high = dice.randint(3, 6), dice.randint(2, 4)
        self.places = {f"N{x}_{y}": (120.0 + x * 0.011, 36.0 + y * 0.009) for x in range(wide) for y in range(high)}
        self.links: list[dict[str, Any]] = []
        self.length: dict[Arc, float] = {}
        for x in range(wide):
            for y in range(high):
                for a, b in ((f"N{x}_{y}", f"N{x + 1}_{y}"), (f"N{x}_{y}", f"N{x}_{y + 1}")):
                    if b in self.places:
                        metres = round(dice.uniform(900, 1500), 3)
                        self.links.append({"from": a, "to": b, "length_m": metres, "speed_kmh": 36})
                        self.length[a, b] = self.length[b, a] = metres
        self.kmh = dict.fromkeys(self.length, 36.0)

    def seconds(self, way: list[str]) -> list[float]:
        """From the start of a way to each node of it."""
        out = [0.0]
        for arc in pairwise(way):
            out.append(out[-1] + (self.length[arc] * 3.6 / self.kmh[arc] if self.kmh[arc] else math.inf))
        return out

    def ways(self, start: str) -> dict[str, list[str]]:
        """The quickest way from a node to each other that can be reached."""
        out: dict[str, list[str]] = {}
        todo = [(0.0, [start])]
        while todo:
            so_far, way = heappop(todo)
            if way[-1] in out:
                continue
            out[way[-1]] = way
            for arc in self.length:
                if arc[0] == way[-1] and self.kmh[arc]:
                    heappush(todo, (so_far + self.length[arc] * 3.6 / self.kmh[arc], [*way, arc[1]]))
        return out

    def document(self, units: dict[str, str], **more: Any) -> dict[str, Any]:
        """As a city model."""
        nodes = [{"id": n, "lon": lon, "lat": lat} for n, (lon, lat) in self.places.items()]
        ems = {"turnout_s": TURNOUT_S, "units": [{"id": u, "node": n} for u, n in units.items()]}
        return {"roads": {"nodes": nodes, "links": self.links}, "ems": ems | more.pop("ems", {}), **more}


@pytest.mark.parametrize("seed", range(40))
def test_the_way_is_kept_changed_and_told_as_the_rule_says(seed: int) -> None:
    dice = Random(seed)
    town = Town(dice)
    start, patient = dice.sample(sorted(town.places), 2)
    b = Bench([FirstAid()], town.document({"U": start}))
    b.say(0, "emergency-call", "C", call_id="c", complaint="stroke", priority=1, node=patient)
    way = town.ways(start)[patient]
    leaves, eta, now = TURNOUT_S, TURNOUT_S + town.seconds(way)[-1], 0.0
    passed = [TURNOUT_S + s for s in town.seconds(way)]
    wanted = [("evidence", eta, way)]
    for _ in range(dice.randint(1, 4)):
        now += dice.randint(12, 90)
        arc = dice.choice(list(pairwise(way)) if dice.random() < 0.7 else list(town.length))
        after = town.kmh | {arc: float(dice.choice([0, 3, 6, 10, 15, 20, 25, 30, 36, 50]))}
        before, town.kmh = town.kmh, after
        # Without positions it is at its station until it leaves, then on its way to the next node.
        k = 0 if now <= leaves else next((i for i, s in enumerate(passed) if s >= now), len(way) - 1)
        there = max(passed[k], leaves)
        if now >= eta - 5 or patient not in town.ways(way[k]):
            town.kmh = before
            break
        b.say(now, "road-status", "R", link_from=arc[0], link_to=arc[1], speed_kmh=after[arc])
        if arc not in pairwise(way):
            continue
        rest, best = town.seconds(way[k:])[-1], town.seconds(town.ways(way[k])[patient])[-1]
        late = there + rest - eta
        if late < 90 and late < eta / 4:
            continue
        is_new = rest - best >= 60
        way = town.ways(way[k])[patient] if is_new else way[k:]
        leaves, passed = there, [there + s for s in town.seconds(way)]
        eta = passed[-1]
        wanted.append(("reroute" if is_new else "eta_slip", eta, way))
    log = b.run()
    assert [(s["reason"], s["plan"]["route"]) for s in log] == [(reason, way) for reason, _, way in wanted]
    assert [s["plan"]["eta_s"] for s in log] == pytest.approx([eta for _, eta, _ in wanted], abs=0.06)


@pytest.mark.parametrize("seed", range(40))
def test_gaps_come_go_and_advise_as_the_rule_says(seed: int) -> None:
    dice = Random(seed)
    town, d = Town(dice), 0.0005
    units = {f"U{k}": dice.choice(sorted(town.places)) for k in range(dice.randint(1, 5))}
    zones = {f"Z{k}": n for k, n in enumerate(dice.sample(sorted(town.places), dice.randint(1, 6)))}
    target = dice.choice([150, 250, 350])
    shapes = {}
    for zone, node in zones.items():
        x, y = town.places[node]
        shapes[zone] = [[x - d, y - d], [x + d, y - d], [x + d, y + d], [x - d, y + d]]
    documents = [{"id": z, "kind": "coverage", "demand": 0.3, "polygon": shape} for z, shape in shapes.items()]
    b = Bench([FirstAid()], town.document(units, zones=documents, ems={"target_s": target}))
    far = {(u, z): town.seconds(town.ways(n)[node])[-1] for u, n in units.items() for z, node in zones.items()}

    def near(zone: str) -> list[str]:
        return [u for u in free if TURNOUT_S + far[u, zone] <= target]

    def advice(zone: str) -> str | None:
        spare = [u for u in free if all(near(z) != [u] for z in zones if z != zone)]
        return min(spare, key=lambda u: far[u, zone], default=None)

    free, now, bare, raised = list(units), 0, dict[str, int](), set[str]()
    wanted = []
    b.say(0, "ambulance", next(iter(units)), duty="available")
    for last in (False,) * dice.randint(1, 10) + (True,):
        for zone in zones:
            if near(zone):
                if bare.pop(zone, None) is not None and zone in raised:
                    raised.discard(zone)
                    wanted.append((now + 0.1, zone, "clear", None))
            else:
                bare.setdefault(zone, max(1, now))  # what is so from the beginning is seen at the first second
        now += 200 if last else dice.randint(3, 150)
        for zone, since in bare.items():
            if zone not in raised and since + 60 <= now:
                raised.add(zone)
                wanted.append((since + 60.0, zone, "raise", advice(zone)))
        if not last:
            unit, duty = dice.choice(list(units)), dice.choice(["available", "available", "off_duty", "dispatched"])
            b.say(now, "ambulance", unit, duty=duty)
            free = [u for u in units if (u in free if u != unit else duty == "available")]
    steps = [s for s in b.same_however_cut(now) if s["op"] != "update"]
    found = [
        (
            at_s(s),
            s["plan"]["zone"],
            s["op"].replace("reopen", "raise"),
            None if s["op"] == "clear" else s["plan"]["move_up"],
        )
        for s in steps
    ]
    assert sorted(found, key=str) == sorted(wanted, key=str)
