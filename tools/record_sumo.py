"""Record detector stations of a simulated road with SUMO: blocked lanes at known times, and undisturbed hours.

A straight road of 6 km with three lanes and a station every 300 m. Each block is two vehicles that stop on two of the
lanes; SUMO says when they stood (the first of them, and both). What is written is ours: one line a period of 30 s, one
cell a station (``occupancy in 0.1 %:km/h:vehicles``), gzip. SUMO (EPL-2.0) is not part of this repository::

    python -m venv /tmp/sumo && /tmp/sumo/bin/pip install eclipse-sumo
    python tools/record_sumo.py /tmp/sumo/bin tests/unit/recordings
    python tools/record_sumo.py /tmp/sumo/bin FOLDER --undisturbed 2 3 4    # for tests.bench.undisturbed
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

LENGTH_M = 6000
SPACING_M = 300
STATIONS = [150 + SPACING_M * k for k in range(LENGTH_M // SPACING_M)]
LANES = 3
PERIOD_S = 30
LIMIT_MS = 16.67  # 60 km/h
BLOCKS = 20
BLOCK_S = 1500
QUIET_S = 12 * 3600


def run(binary: Path, *arguments: str) -> None:
    """One SUMO program, quietly."""
    subprocess.run([str(binary), *arguments], check=True, capture_output=True)


def network(bins: Path, folder: Path) -> None:
    """The road as SUMO wants it, and its loops."""
    (folder / "n.nod.xml").write_text(
        f'<nodes><node id="a" x="-1000" y="0"/><node id="b" x="0" y="0"/><node id="c" x="{LENGTH_M}" y="0"/></nodes>'
    )
    (folder / "e.edg.xml").write_text(
        "<edges>"
        + "".join(
            f'<edge id="{i}" from="{a}" to="{b}" numLanes="{LANES}" speed="{LIMIT_MS}"/>'
            for i, a, b in (("in", "a", "b"), ("road", "b", "c"))
        )
        + "</edges>"
    )
    out = str(folder / "net.xml")
    run(bins / "netconvert", "-n", str(folder / "n.nod.xml"), "-e", str(folder / "e.edg.xml"), "-o", out)
    loops = "".join(
        f'<inductionLoop id="{k}_{lane}" lane="road_{lane}" pos="{m}" freq="{PERIOD_S}" file="loops.xml"/>'
        for k, m in enumerate(STATIONS)
        for lane in range(LANES)
    )
    (folder / "loops.add.xml").write_text(f"<additional>{loops}</additional>")


def drive(bins: Path, folder: Path, seed: int, flows: list[tuple[int, int, int]], stops: str, end_s: int) -> None:
    """One run: flows of (from, until, vehicles an hour), and the vehicles that stop."""
    kinds = '<vType id="car" sigma="0.5" speedFactor="normc(1,0.1,0.8,1.2)"/>'
    depart = 'departLane="random" departSpeed="max" from="in" to="road"'
    entries = [
        f'<flow id="f{k}" type="car" begin="{begin}" end="{until}" vehsPerHour="{rate}" {depart}/>'
        for k, (begin, until, rate) in enumerate(flows)
    ]
    body = "".join(entries)
    (folder / "r.rou.xml").write_text(f"<routes>{kinds}{body}{stops}</routes>")
    run(
        bins / "sumo", "-n", str(folder / "net.xml"), "-r", str(folder / "r.rou.xml"),
        "-a", str(folder / "loops.add.xml"), "--seed", str(seed), "--end", str(end_s), "--no-step-log",
        "--time-to-teleport", "-1", "--stop-output", str(folder / "stops.xml"), "--no-warnings",
    )  # fmt: skip


def periods(folder: Path) -> list[str]:
    """Lines of the recording: what each station says at the end of each period."""
    cells: dict[int, dict[int, list[tuple[float, float, int]]]] = {}
    for item in ET.parse(folder / "loops.xml").getroot():
        station = int(item.attrib["id"].split("_")[0])
        row = float(item.attrib["occupancy"]), float(item.attrib["speed"]), int(item.attrib["nVehContrib"])
        cells.setdefault(int(float(item.attrib["end"])), {}).setdefault(station, []).append(row)
    lines = []
    for second, stations in sorted(cells.items()):
        texts = []
        for k in range(len(STATIONS)):
            lanes = stations[k]
            vehicles = sum(n for _, _, n in lanes)
            occupancy = sum(o for o, _, _ in lanes) / LANES
            kmh = 3.6 * sum(v * n for _, v, n in lanes if n) / vehicles if vehicles else -1
            texts.append(f"{occupancy * 10:.0f}:{kmh:.0f}:{vehicles}")
        lines.append(f"{second} {' '.join(texts)}")
    return lines


def block(bins: Path, folder: Path, seed: int) -> tuple[list[str], dict[str, Any]]:
    """A run with two of three lanes blocked at a seeded place and time."""
    dice = random.Random(seed)
    place, when, rate = dice.randrange(1500, 5400), dice.randrange(540, 660), dice.randrange(3900, 4600)
    first = dice.randrange(LANES - 1)
    depart = when - round((place + 1000) / (LIMIT_MS * 0.85))
    stops = "".join(
        f'<vehicle id="stop{lane}" type="car" depart="{depart}" departLane="{lane}" departSpeed="max">'
        f'<route edges="in road"/><stop lane="road_{lane}" startPos="{place - 20}" endPos="{place}" '
        f'duration="600"/></vehicle>'
        for lane in (first, first + 1)
    )
    flows = [(0, depart, rate), (depart, BLOCK_S, rate)]
    drive(bins, folder, seed, flows, stops, BLOCK_S)
    stood = [float(s.attrib["started"]) for s in ET.parse(folder / "stops.xml").getroot()]
    return periods(folder), {
        "seed": seed,
        "place_m": place,
        "from_s": min(stood),
        "both_s": max(stood),
        "vehicles_h": rate,
    }


def undisturbed(bins: Path, folder: Path, seed: int, path: Path) -> None:
    """Twelve hours of all stations in which nothing stops, through two peaks."""
    rates = [1200, 2400, 4200, 3600, 2400, 3600, 4300, 3000, 4400, 3600, 2400, 1200]
    flows = [(h * 3600, (h + 1) * 3600, r) for h, r in enumerate(rates)]
    drive(bins, folder, seed, flows, "", QUIET_S)
    write(path, {"stations_m": STATIONS, "period_s": PERIOD_S, "seed": seed}, periods(folder))


def write(path: Path, meta: dict[str, Any], lines: list[str]) -> None:
    """A recording: one line of JSON that says what it is, then the periods."""
    text = json.dumps(meta, separators=(",", ":")) + "\n" + "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def main() -> None:
    """Record everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bins", type=Path, help="folder with sumo and netconvert")
    parser.add_argument("out", type=Path, help="folder for the recordings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--undisturbed", type=int, nargs="+", metavar="SEED", help="only undisturbed hours, by seed")
    parser.add_argument("--blocks-only", action="store_true", help="leave the undisturbed hours as they are")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        network(chosen.bins, folder)
        for seed in chosen.undisturbed or ():
            undisturbed(chosen.bins, folder, seed, chosen.out / f"undisturbed-{seed}.txt.gz")
            sys.stderr.write(f"undisturbed hours, seed {seed}\n")
        if chosen.undisturbed:
            return
        for k in range(BLOCKS):
            lines, truth = block(chosen.bins, folder, chosen.seed * 1000 + k)
            write(chosen.out / f"block-{k:02}.txt.gz", {"stations_m": STATIONS, "period_s": PERIOD_S} | truth, lines)
            sys.stderr.write(f"block {k}: {truth}\n")
        if chosen.blocks_only:
            return
        undisturbed(chosen.bins, folder, chosen.seed, chosen.out / "undisturbed.txt.gz")


if __name__ == "__main__":
    main()
