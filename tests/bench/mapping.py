"""What mapping a message of ten fields costs, beside jmespath, jsonata-python and CEL in the same run.

``python -m tests.bench.mapping [--messages 20000] [--turns 5] [--without-peers]``

The peers are installed by pip into a folder that is gone afterwards; they are no dependencies. All take the bytes of a
JSON message and give ten values by name. Ours also gives device, time and the checks of kinds, as ingest does; JSON is
parsed by msgspec for all. CPU time of this process, turns of the contestants alternate, best and median of the turns.
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.decoders import Message
from ingest.profile.mapping import compile_mapping

if TYPE_CHECKING:
    from collections.abc import Callable

PEERS = ("jmespath", "jsonata-python", "common-expression-language")
PATHS = {
    "air_c": "data.env.temp",
    "humidity_pct": "data.env.hum",
    "pressure_hpa": "data.env.pres",
    "co2_ppm": "data.gas.co2",
    "tvoc_ppb": "data.gas.tvoc",
    "battery_v": "data.power.batt",
    "solar_v": "data.power.solar",
    "rssi_dbm": "radio.rssi",
    "snr_db": "radio.snr",
    "mode": "data.mode",
}
DOCUMENT = {
    "dev": "A1B2C3D4E5F60708",
    "ts": 1_782_885_590_123,
    "data": {
        "env": {"temp": 21.5, "hum": 48.25, "pres": 1002.4},
        "gas": {"co2": 612, "tvoc": 45},
        "power": {"batt": 3.61, "solar": 5.02},
        "mode": "normal",
    },
    "radio": {"rssi": -97, "snr": 6.5, "sf": 9},
}
PAYLOAD = json.dumps(DOCUMENT).encode()
WANTED = {"air_c": 21.5, "co2_ppm": 612, "rssi_dbm": -97, "mode": "normal"}


def ours() -> Callable[[], dict[str, Any]]:
    """A profile as people write it."""
    kinds = {name: "text" if name == "mode" else "number" for name in PATHS}
    profile = {
        "device": "msg.dev",
        "time": {"from": "msg.ts", "as": "unix_ms"},
        "fields": {name: {"from": f"msg.{path}"} for name, path in PATHS.items()},
    }
    read = compile_mapping(profile, kinds)
    message = Message(PAYLOAD, {"topic": "up"}, 0)

    def run() -> dict[str, Any]:
        made = read(message)
        assert made is not None
        return made[0].values

    return run


def jmespath() -> Callable[[], dict[str, Any]]:
    """One multi-select, compiled before."""
    expression = importlib.import_module("jmespath").compile(
        "{" + ", ".join(f"{name}: {path}" for name, path in PATHS.items()) + "}"
    )
    return lambda: expression.search(msgspec.json.decode(PAYLOAD))


def jsonata() -> Callable[[], dict[str, Any]]:
    """One object, compiled before."""
    text = "{" + ", ".join(f'"{name}": {path}' for name, path in PATHS.items()) + "}"
    expression = importlib.import_module("jsonata").Jsonata(text)
    return lambda: expression.evaluate(msgspec.json.decode(PAYLOAD))


def cel() -> Callable[[], dict[str, Any]]:
    """One map, compiled before where the library can."""
    module = importlib.import_module("cel")
    text = "{" + ", ".join(f'"{name}": msg.{path}' for name, path in PATHS.items()) + "}"
    if hasattr(module, "compile"):
        program = module.compile(text)
        return lambda: program.execute({"msg": msgspec.json.decode(PAYLOAD)})
    return lambda: module.evaluate(text, {"msg": msgspec.json.decode(PAYLOAD)})


def parsing() -> Callable[[], dict[str, Any]]:
    """What reading the JSON alone costs, part of every other figure."""
    return lambda: msgspec.json.decode(PAYLOAD)


def timed(run: Callable[[], Any], messages: int) -> float:
    """Microseconds of CPU a message."""
    begun = time.process_time()
    for _ in range(messages):
        run()
    return (time.process_time() - begun) / messages * 1e6


def main() -> None:
    """Install the peers, check that all agree, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--without-peers", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        makers: dict[str, Callable[[], Callable[[], dict[str, Any]]]] = {"JSON alone": parsing, "Cloud Brain": ours}
        if not asked.without_peers:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, *PEERS]
            subprocess.run(pip, check=True)
            sys.path.insert(0, folder)
            makers |= {"jmespath": jmespath, "jsonata-python": jsonata, "CEL (Rust)": cel}
        runs = {}
        for name, make in makers.items():
            runs[name] = make()
            got = runs[name]()
            assert name == "JSON alone" or {k: got[k] for k in WANTED} == WANTED, f"{name} gives {got}"
        figures: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(asked.turns):
            for name, run in runs.items():
                count = asked.messages if name in ("JSON alone", "Cloud Brain") else max(100, asked.messages // 10)
                figures[name].append(timed(run, count))
    print(f"{len(PAYLOAD)} bytes, {len(PATHS)} fields; CPU microseconds a message")
    print("| way | best | median |\n|---|---|---|")
    for name, took in figures.items():
        print(f"| {name} | {min(took):.1f} | {statistics.median(took):.1f} |")


if __name__ == "__main__":
    main()
