"""Whether a scene keeps its contract: its cases give the log that lies beside them, and how it is fed changes nothing.

A case is a folder ``cases/<name>/`` beside ``scene.py`` with ``city.yaml``, ``in.jsonl`` (a traffic file) and
``expected.jsonl`` (the incident log). The scene runs together with ``device_health`` and with the scenes that the
case's city model names under ``scenes``. A line of ``expected.jsonl`` may leave keys out: what it says must hold.

``python -m brain.scene_check FOLDER SCENE CASE`` prints the log of a case; it is run with two seeds of Python's hashes
to find out whether an order of sets leaks into it.
"""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from brain.backtest import AT_ONCE, Feed, backtest_file, city_registry, file_feeds, log_line
from brain.city import City, load_city
from brain.errors import CloudBrainError
from brain.model import COMMON_NUMBERS, COMMON_TEXTS, Batch, FieldKind, Level, Piece
from brain.pipeline.codec import pack, unpack
from brain.pipeline.engine import Engine
from brain.scene_api import Bulletin, Mark, World
from ingest.sensor_types import load_builtin
from scenes import built_in, folder_of, load_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from brain.model import SensorType, Step
    from brain.registry import Registry
    from brain.scene_api import Scene

__all__ = [
    "Finding",
    "cases_of",
    "check_case",
    "check_cuts",
    "check_hashes",
    "check_page",
    "check_purity",
    "check_saving",
    "check_scene",
    "check_scene_itself",
    "check_survival",
    "write_expected",
]

IMPURE: Final = frozenset(
    {"aiomqtt", "asyncio", "asyncpg", "http", "os", "random", "requests", "secrets", "socket", "subprocess", "time"}
)
_BESIDE: Final = "device_health"


class Finding(NamedTuple):
    """One look at a scene: what was looked at, and what is wrong with it; None: it is well."""

    what: str
    wrong: str | None


# -- cases -------------------------------------------------------------------------------------------------------
def cases_of(scene: Scene[Any]) -> list[Path]:
    """The folders of a scene's cases, by name."""
    return sorted(p.parent for p in folder_of(scene).glob("cases/*/in.jsonl"))


def _running(scene: Scene[Any], city: City) -> list[Scene[Any]]:
    """Fresh scenes of a case: the one that is checked and those that run beside it, in the usual order."""
    others = {_BESIDE, *(s.name for s in city.scenes)} - {scene.name}
    beside = [s for s in built_in() if s.name in others]
    return [*beside, type(scene)()] if scene.name not in {s.name for s in built_in()} else _in_order(scene, beside)


def _in_order(scene: Scene[Any], beside: Sequence[Scene[Any]]) -> list[Scene[Any]]:
    names = [s.name for s in built_in()]
    return sorted([*beside, type(scene)()], key=lambda s: names.index(s.name))


def _city_of(case: Path) -> City:
    return load_city(case / "city.yaml", events=None, scenes=None)


def _expected(case: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in (case / "expected.jsonl").read_bytes().splitlines() if line.strip()]


def _log(scene: Scene[Any], case: Path) -> list[dict[str, Any]]:
    city = _city_of(case)
    log = backtest_file(city, case / "in.jsonl", _running(scene, city))
    return [msgspec.json.decode(msgspec.json.encode(x)) for x in log]


def write_expected(scene: Scene[Any], case: Path) -> int:
    """Write what comes out of a case beside what goes in; read the difference before it is kept. Number of steps."""
    log = _log(scene, case)
    (case / "expected.jsonl").write_bytes(b"".join(msgspec.json.encode(x) + b"\n" for x in log))
    return len(log)


def check_case(scene: Scene[Any], case: Path) -> str | None:
    """What differs between the log of a case and what is expected; None where nothing does."""
    if not (case / "expected.jsonl").exists():
        return "it has no expected.jsonl; write what should come out, or let `--write` write what does"
    try:
        got, expected = _log(scene, case), _expected(case)
    except (CloudBrainError, msgspec.DecodeError) as error:
        return str(error)
    for number, (is_there, should) in enumerate(zip(got, expected, strict=False), 1):
        for key, value in should.items():
            if is_there.get(key) != value:
                return f"step {number}: {key} is {_short(is_there.get(key))}, not {_short(value)}"
    if len(got) != len(expected):
        first = (got if len(got) > len(expected) else expected)[min(len(got), len(expected))]
        said = f"{first.get('op')} of {first.get('event')} at {first.get('at')}"
        more = "one too many is the" if len(got) > len(expected) else "the first missing is the"
        return f"{len(got)} steps instead of {len(expected)}; {more} {said}"
    return None


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 120 else text[:117] + "..."


# -- how it is fed -----------------------------------------------------------------------------------------------
class _Rows(NamedTuple):
    city: City
    registry: Registry
    piece: Piece
    clock: int

    @property
    def positions(self) -> list[int]:
        return sorted(int(p) for b in self.piece.batches.values() for p in b.position)


def _rows_of(case: Path) -> _Rows:
    """All stored rows of a case as one piece, and the last time of receipt."""
    city = _city_of(case)
    registry = city_registry(load_builtin(), city)
    feeds: list[Feed] = list(file_feeds(city, case / "in.jsonl", registry))
    if len(feeds) != 1:
        raise CloudBrainError(f"{case.name}: keep cases between 1 and {AT_ONCE} messages")
    return _Rows(city, registry, feeds[0].piece, feeds[0].clock)


def _encoded(steps: Sequence[Step]) -> list[bytes]:
    return [msgspec.json.encode(log_line(s)) for s in steps]


def _first_difference(got: list[bytes], steps: list[bytes], how: str) -> str | None:
    if got == steps:
        return None
    k = next((k for k, (a, b) in enumerate(zip(got, steps, strict=False)) if a != b), min(len(got), len(steps)))
    return f"{how} gives another log from step {k + 1} on ({len(got)} steps, not {len(steps)})"


def check_cuts(scene: Scene[Any], case: Path, seeds: int = 3) -> str | None:
    """Whether the log of a case depends on where its rows are cut into pieces: at random places, and at every row."""
    rows = _rows_of(case)

    def engine() -> Engine:
        return Engine(_running(scene, rows.city), rows.city, rows.registry)

    whole = engine()
    steps = _encoded(whole.feed(rows.piece) + whole.advance(rows.clock))
    for seed in range(seeds):
        dice = random.Random(seed)  # noqa: S311 - the same cuts every time
        cuts = sorted(dice.sample([*rows.positions, 2**62], min(len(rows.positions), 5 ** (seed + 1))))
        cut, got, low = engine(), [], 0
        for high in [*cuts, 2**62]:
            got += cut.feed(rows.piece.between(low, high))
            if dice.random() < 0.3:
                got += cut.feed(Piece({}))
            low = high
        wrong = _first_difference(_encoded(got + cut.advance(rows.clock)), steps, f"cutting before rows {cuts[:8]}")
        if wrong is not None:
            return wrong
    return None


def check_saving(scene: Scene[Any], case: Path) -> str | None:
    """Whether the log of a case changes when the state is saved and taken up again on the way."""
    rows = _rows_of(case)

    def engine() -> Engine:
        return Engine(_running(scene, rows.city), rows.city, rows.registry)

    whole = engine()
    steps = _encoded(whole.feed(rows.piece) + whole.advance(rows.clock))
    part, got, low = engine(), [], 0
    for high in [*rows.positions[:: max(1, len(rows.positions) // 12)], 2**62]:
        got += part.feed(rows.piece.between(low, high))
        try:
            data = part.snapshot()
            part = engine()
            afresh = part.restore(data)
        except CloudBrainError as error:
            return str(error)
        if afresh:
            return afresh[0]
        low = high
    return _first_difference(_encoded(got + part.advance(rows.clock)), steps, "saving the state and going on")


def check_hashes(scene: Scene[Any], case: Path) -> str | None:
    """Whether the log of a case is the same bytes in two processes with different hashes of texts."""
    command = [sys.executable, "-m", "brain.scene_check", str(folder_of(scene)), scene.name, case.name]
    logs = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=300)  # noqa: S603
        if done.returncode:
            return done.stderr.decode(errors="replace").strip().splitlines()[-1]
        logs.append(done.stdout.splitlines())
    return _first_difference(logs[1], logs[0], "another seed of Python's hashes (does it iterate over a set?)")


# -- the scene itself --------------------------------------------------------------------------------------------
def _strange(sensor_type: SensorType, device: int, n: int) -> Batch:
    """Rows of one device with nothing in them but NaN and None."""
    at = (1_000_000 * (1_782_900_000 + np.arange(n))).astype("M8[us]")
    columns: dict[str, Any] = {name: np.full(n, np.nan) for name in COMMON_NUMBERS}
    columns |= {name: np.full(n, None, object) for name in COMMON_TEXTS}
    for f in sensor_type.fields:
        columns[f.name] = np.full(n, None, object) if f.kind is FieldKind.TEXT else np.full(n, np.nan)
    return Batch(sensor_type.id, np.full(n, device, np.int32), at, at, np.arange(1, n + 1), columns)


def check_survival(scene: Scene[Any]) -> str | None:
    """Whether it survives an empty piece, NaN, unknown devices and marks, and its state can be saved."""
    registry = city_registry(load_builtin(), City())
    known = registry.add("gas-detector", "K").device_id
    world = World(City(), registry, {k: float(p.default) for k, p in scene.parameters.items()})
    what = "the initial state"
    try:
        state = scene.initial(world)
        if not isinstance(state, scene.state_type):
            return f"initial() gives a {type(state).__name__}, not its state_type {scene.state_type.__name__}"
        what = "an empty piece"
        if list(scene.step(state, Piece({}), world)):
            return "it speaks of an empty piece"
        for interest in scene.interests:
            sensor_type = registry.sensor_type(interest.sensor_type)
            if sensor_type is None:
                continue  # of a profile that is not registered here
            columns = {*COMMON_NUMBERS, *COMMON_TEXTS, *(f.name for f in sensor_type.fields)}
            for name in interest.columns:
                if name not in columns:
                    return f'it asks for the column "{name}", which {sensor_type.id} does not have'
            ours = registry.add(interest.sensor_type, "K").device_id
            for device in (4711, known, ours):
                what = f"rows of NaN of device {device} of {sensor_type.id}"
                for evidence in scene.step(state, Piece({sensor_type.id: _strange(sensor_type, device, 5)}), world):
                    if not evidence.device:
                        return f"it gives evidence without a device for {what}"
        for second in range(3):
            what = "a mark"
            list(scene.step(state, Mark(1_000_000 * (1_782_900_010 + second)), world))
        for kind in sorted(scene.hears):
            what = f"the end of a {kind}"
            bulletin = Bulletin(1_782_900_013_000_000, "x", "other", "fire", Level.YELLOW, ())
            list(scene.step(state, bulletin, world))
        what = "a question why"
        list(scene.explain(state, 120.0, 36.0, 1e6, world))
        what = "its saving"
        again = unpack(pack(state), {"brain", "scenes", scene.state_type.__module__.partition(".")[0]})
        if pack(again) != pack(state):
            return "its state changes when it is saved and read again"
    except Exception as error:  # noqa: BLE001 - whatever a scene does wrong becomes a sentence about it
        return f"{type(error).__name__} at {what}: {error}"
    return None


def check_page(scene: Scene[Any]) -> str | None:
    """Whether its page names it and every parameter, and each parameter has texts and a source."""
    page = folder_of(scene) / "README.md"
    if not page.is_file():
        return f"it has no {page.name} beside scene.py; say there what it does"
    text = page.read_text(encoding="utf-8")
    if not type(scene).__doc__:
        return "its class has no docstring; say in one sentence what it does"
    if not scene.title.zh or scene.title.zh not in text:
        return f"README.md does not name it ({scene.title.zh})"
    for name, parameter in scene.parameters.items():
        if f"`{name}`" not in text:
            return f"README.md does not name the parameter `{name}`"
        if not all((parameter.text.zh, parameter.text.en, parameter.source)):
            return f"the parameter {name} lacks a text in zh or en, or its source"
    return None


def check_purity(scene: Scene[Any]) -> str | None:
    """Whether its modules import what reaches outside: clock, chance, files, network."""
    for path in sorted(folder_of(scene).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in names:
                if name.partition(".")[0] in IMPURE:
                    return f"{path.name} imports {name}: a scene knows no clock, no chance and no outside"
    return None


def _check_loudness(scene: Scene[Any], cases: Sequence[Path]) -> str | None:
    logs = [_expected(c) for c in cases if (c / "expected.jsonl").exists()]
    loud = [any(line.get("scene", scene.name) == scene.name for line in log) for log in logs]
    if not any(loud):
        return "no case raises anything; add one that does"
    if all(loud):
        return "no case stays silent; add one where it must not speak"
    return None


def check_scene_itself(scene: Scene[Any]) -> Iterator[Finding]:
    """What a scene promises whatever its cases show: purity, page, survival, own events, a loud and a silent case."""
    yield Finding("imports nothing from outside", check_purity(scene))
    yield Finding("page and parameters", check_page(scene))
    yield Finding("survives nothing, NaN and strangers", check_survival(scene))
    taken = {p.event: s.name for s in built_in() if s.name != scene.name for p in s.policies}
    clash = next((p.event for p in scene.policies if p.event in taken), None)
    yield Finding("its events are its own", clash and f"{clash} is raised by {taken[clash]} already; name another")
    yield Finding("a case that raises and one that is silent", _check_loudness(scene, cases_of(scene)))


def check_scene(scene: Scene[Any], *, thorough: bool = True) -> Iterator[Finding]:
    """Everything a scene promises, one finding a look.

    Args:
        scene: To check; its page and cases lie beside its module.
        thorough: Also run every case in two processes with different hash seeds, which takes seconds a case.
    """
    yield from check_scene_itself(scene)
    for case in cases_of(scene):
        yield Finding(f"{case.name}: the expected log", check_case(scene, case))
        try:
            yield Finding(f"{case.name}: cut anywhere", check_cuts(scene, case))
            yield Finding(f"{case.name}: saved anywhere", check_saving(scene, case))
        except CloudBrainError as error:
            yield Finding(f"{case.name}: can be fed", str(error))
            continue
        if thorough:
            yield Finding(f"{case.name}: the same in every process", check_hashes(scene, case))


def _main(folder: str, name: str, case: str) -> None:
    inside = [s for s in built_in() if folder_of(s) == Path(folder)]
    scene = next(s for s in inside or load_folder(folder) if s.name == name)
    for line in _log(scene, Path(folder) / "cases" / case):
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")


if __name__ == "__main__":
    _main(*sys.argv[1:4])
