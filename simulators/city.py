"""The demo city: Qingdao's districts, and over them a schematic network with some 600 simulated devices.

``python -m simulators.city`` writes ``simulators/demo/qingdao.json``; the same code writes the same bytes, and a test
holds the committed file against it.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from brain.city import City, parse_city

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEMO", "build", "demo_bytes", "demo_city"]

DEMO: Final = Path(__file__).parent / "demo" / "qingdao.json"
SEED: Final = 370200  # the city's administrative code


def demo_bytes() -> bytes:
    """The committed demo city, JSON."""
    return DEMO.read_bytes()


@cache
def demo_city() -> City:
    """The committed demo city, read and checked once."""
    return parse_city(demo_bytes(), DEMO.name)


def build() -> bytes:
    """Lay the demo city out anew; the same bytes at every call."""
    import numpy as np  # noqa: PLC0415 - readers of the committed file need neither numpy nor shapely

    from simulators.layout.calm import CALM, HEAT_CALM  # noqa: PLC0415
    from simulators.layout.devices import lay_corridors, lay_devices  # noqa: PLC0415
    from simulators.layout.ground import Ground  # noqa: PLC0415
    from simulators.layout.places import lay_places  # noqa: PLC0415
    from simulators.layout.roads import lay_roads  # noqa: PLC0415

    random = np.random.Generator(np.random.PCG64(SEED))
    ground = Ground()
    roads = lay_roads(ground, random)
    layout = lay_places(ground, roads, random)
    corridors = lay_corridors(roads)
    devices = lay_devices(layout, corridors, random)
    calm = {"traffic-detector": CALM, "heat-station": HEAT_CALM}
    document: dict[str, Any] = {
        "name": {"zh": "青岛（演示）", "en": "Qingdao (demo)"},
        "timezone": "Asia/Shanghai",
        "districts": [
            {"id": d, "name": {"zh": zh, "en": en}, "polygon": ground.ring(d)} for d, (zh, en) in ground.names.items()
        ],
        "devices": devices,
        "sites": layout.sites,
        "zones": layout.zones,
        "roads": roads.document()
        | {"corridors": [{k: v for k, v in c.items() if not k.startswith("_")} for c in corridors]},
        "baselines": [
            {"device": d["id"], "field": f, "median": median, "mad": mad}
            for d in devices
            for f, (median, mad) in calm.get(d["sensor_type"], {}).items()
        ],
        "ems": layout.ems,
        "lifts": [
            {"device": d["id"], "maintainer_eta_s": 900.0 + 60 * (i % 12), "backup_eta_s": 720.0}
            for i, d in enumerate(x for x in devices if x["sensor_type"] == "elevator")
        ],
    }
    return "\n".join(_lines(document)).encode() + b"\n"


def _lines(document: dict[str, Any]) -> Iterator[str]:
    """JSON with each element of a list on a line of its own, so that a change shows as a change of lines."""
    yield "{"
    last = len(document) - 1
    for i, (key, value) in enumerate(document.items()):
        yield from _part(key, value, "," if i < last else "", " ")
    yield "}"


def _part(key: str, value: Any, comma: str, indent: str) -> Iterator[str]:
    if isinstance(value, list) and value:
        yield f"{indent}{_json(key)}: ["
        for i, element in enumerate(value):
            yield f"{indent} {_json(element)}{',' if i < len(value) - 1 else ''}"
        yield f"{indent}]{comma}"
    elif key in {"roads", "ems"}:
        yield f"{indent}{_json(key)}: {{"
        for i, (inner, part) in enumerate(value.items()):
            yield from _part(inner, part, "," if i < len(value) - 1 else "", indent + " ")
        yield f"{indent}}}{comma}"
    else:
        yield f"{indent}{_json(key)}: {_json(value)}{comma}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


if __name__ == "__main__":
    text = build()
    parse_city(text, DEMO.name)
    DEMO.parent.mkdir(exist_ok=True)
    DEMO.write_bytes(text)
    sys.stderr.write(f"{DEMO}: {len(text)} bytes\n")
