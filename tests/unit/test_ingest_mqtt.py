"""When the broker's line is read: at once while it is quiet, in gulps under load, all at once when a flush is due."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest

from brain.model import Modality
from brain.registry import Registry
from ingest import _wire, mqtt
from ingest.mqtt import AckingSource, _Protocol
from ingest.sensor_types import load_builtin
from ingest.service import _urgent

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

MESSAGE = bytes([0x32, 9]) + b"\0\4city" + b"\0\1" + b"x"


class Timer(NamedTuple):
    """A call that is to come."""

    at: float
    call: Callable[..., None]
    args: tuple[object, ...]
    gone: list[bool]

    def cancel(self) -> None:
        self.gone.append(True)


class Clock:
    """The loop's clock and timers, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[..., None], *args: object) -> Timer:
        self.timers.append(Timer(self.now + delay, call, args, []))
        return self.timers[-1]

    def go_to(self, now: float) -> None:
        self.now = now
        due = [t for t in self.timers if t.at <= now]
        self.timers = [t for t in self.timers if t.at > now]
        for timer in due:
            if not timer.gone:
                timer.call(*timer.args)


class Line:
    """A transport that only knows whether it is read."""

    def __init__(self) -> None:
        self.is_read = True

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def is_closing(self) -> bool:
        return False


@pytest.fixture
async def made(monkeypatch: pytest.MonkeyPatch) -> tuple[_Protocol, Line, Clock]:
    source = AckingSource("mqtt://127.0.0.1:1", "x")
    protocol, line, clock = _Protocol(source), Line(), Clock()
    monkeypatch.setattr(protocol, "_loop", clock)
    monkeypatch.setattr(source, "_protocol", protocol)
    protocol.connection_made(cast("asyncio.BaseTransport", line))
    clock.now += 1
    return protocol, line, clock


async def test_a_line_is_read_at_once_while_it_is_quiet_and_in_gulps_under_load(made: tuple[_Protocol, Line, Clock]):
    protocol, line, clock = made
    protocol.data_received(MESSAGE)
    assert line.is_read
    clock.now += 0.001
    protocol.data_received(MESSAGE)
    assert not line.is_read, "messages come so fast that more of them may come together"
    clock.go_to(clock.now + 0.0021)
    assert line.is_read
    clock.now += 0.001
    protocol.data_received(MESSAGE)
    assert not line.is_read, "the pause itself is no sign of quiet"
    clock.go_to(clock.now + 0.0021)
    clock.now += 0.1
    protocol.data_received(MESSAGE)
    assert line.is_read


async def test_what_is_not_wanted_before_a_time_is_read_then(made: tuple[_Protocol, Line, Clock]):
    protocol, line, clock = made
    began = clock.now
    protocol.data_received(MESSAGE)
    protocol._source.linger(began + 0.010)
    assert not line.is_read
    protocol._source.linger(began + 0.020)
    clock.go_to(began + 0.011)
    assert not line.is_read, "the later time counts"
    clock.go_to(began + 0.021)
    assert line.is_read
    protocol._source.linger(began)
    assert line.is_read, "that time has passed"


async def test_a_full_line_is_not_made_to_wait(made: tuple[_Protocol, Line, Clock]):
    protocol, line, clock = made
    protocol.data_received(MESSAGE * (mqtt._GULP // len(MESSAGE) + 1))
    protocol._source.linger(clock.now + 0.010)
    assert line.is_read


async def test_a_line_that_is_held_stays_held_when_the_time_comes(made: tuple[_Protocol, Line, Clock]):
    protocol, line, clock = made
    protocol._source.linger(clock.now + 0.010)
    protocol.hold()
    clock.go_to(clock.now + 1)
    assert not line.is_read
    protocol.unhold()
    assert line.is_read


@pytest.fixture
async def lingering(made: tuple[_Protocol, Line, Clock]) -> tuple[_Protocol, Line, Clock]:
    """Calls are urgent, and a flush may begin in 10 ms; something is read after 3, when the one before is written."""
    protocol, line, clock = made
    protocol._source.urgent = re.compile("call/")
    protocol._source.linger(clock.now + 0.010)
    clock.go_to(clock.now + 0.003)
    protocol._source.peek()
    assert line.is_read
    return protocol, line, clock


def message(topic: bytes, number: int) -> bytes:
    return bytes([0x32, len(topic) + 5, 0, len(topic)]) + topic + bytes([0, number]) + b"x"


async def test_what_is_read_early_waits_for_the_flush_and_for_what_comes_until_then(
    lingering: tuple[_Protocol, Line, Clock],
):
    protocol, line, clock = lingering
    protocol.data_received(message(b"city/a/b", 1))
    assert not line.is_read
    assert not protocol._source.ready
    clock.go_to(clock.now + 0.0036)
    assert line.is_read, "there is time for one more look"
    protocol.data_received(message(b"city/a/b", 2))
    assert not line.is_read
    clock.go_to(clock.now + 0.0036)
    assert line.is_read
    assert not protocol._source.ready, "first what has come since then"
    protocol.data_received(message(b"city/a/b", 3))
    assert protocol._source.ready
    assert len(protocol._source.take(10)) == 3
    assert not protocol._source.ready
    clock.go_to(clock.now + 0.1)
    assert not protocol._source.ready


async def test_what_is_read_early_is_not_kept_waiting_where_nothing_follows(lingering: tuple[_Protocol, Line, Clock]):
    protocol, _, clock = lingering
    protocol.data_received(message(b"city/a/b", 1))
    clock.go_to(clock.now + 0.0036)
    clock.go_to(clock.now + 0.0036)
    assert not protocol._source.ready
    clock.go_to(clock.now + 0.0011)
    assert protocol._source.ready


async def test_something_urgent_does_not_wait(lingering: tuple[_Protocol, Line, Clock]):
    protocol, *_ = lingering
    protocol.data_received(message(b"city/a/b", 1) + message(b"call/7", 2))
    assert protocol._source.ready
    assert protocol._source.hurry.is_set()
    assert protocol._source.take(10).arrivals.topics == ["city/a/b", "call/7"]
    assert not protocol._source.hurry.is_set()


async def test_a_line_that_is_held_keeps_nothing_waiting(lingering: tuple[_Protocol, Line, Clock]):
    protocol, line, _ = lingering
    protocol._source._most_bytes = 0
    protocol.data_received(message(b"city/a/b", 1))
    assert not line.is_read, "it holds too much already"
    assert protocol._source.ready


async def test_what_is_read_after_a_hold_is_announced_at_once(made: tuple[_Protocol, Line, Clock]):
    protocol, line, clock = made
    protocol._source.urgent = re.compile("call/")
    protocol.hold()
    protocol._source.linger(clock.now + 0.050)
    clock.go_to(clock.now + 0.003)
    protocol.unhold()
    assert line.is_read
    protocol.data_received(message(b"city/a/b", 1))
    assert protocol._source.ready


async def test_a_hold_ends_the_wait_for_a_flush(lingering: tuple[_Protocol, Line, Clock]):
    protocol, _, _ = lingering
    protocol.hold()
    protocol.unhold()
    protocol.data_received(message(b"city/a/b", 1))
    assert protocol._source.ready


async def test_nobody_looks_early_where_nothing_is_urgent(made: tuple[_Protocol, Line, Clock]):
    protocol, line, clock = made
    protocol._source.linger(clock.now + 0.010)
    clock.go_to(clock.now + 0.003)
    protocol._source.peek()
    assert not line.is_read


def test_calls_and_what_else_services_report_are_urgent():
    kinds = load_builtin()
    service = next(k for k in kinds if k.family is Modality.SERVICE)
    topics = ("120/{device}/call", "svc/+/{device}", "all.of.it/{device}/{rest*}")
    urgent = _urgent(Registry([*kinds, replace(service, id="desk", topics=topics)], []))
    assert urgent is not None
    for topic in ("city/emergency-call/D1", "city/emergency_call/D1", "city/desk/D1", "city/emergency-call/a\nb"):
        assert urgent.match(topic), topic
    for topic in ("120/7/call", "svc/a/7", "all.of.it/7/x/y"):
        assert urgent.match(topic), topic
    for topic in (
        "city/gas-detector/G1",
        "city/video-event/C1",
        "other/7",
        "120/7/meter",
        "svc/a/7/b",
        "all-of.it/7/x",
    ):
        assert not urgent.match(topic), topic
    assert _urgent(Registry([k for k in kinds if k.family is not Modality.SERVICE], [])) is None


def test_a_pack_weighs_as_much_as_it_is_long():
    source = AckingSource("mqtt://127.0.0.1:1", "x")
    assert source.load == 0
    source.accept(_wire.Arrivals(["city/a/b"] * 3, [b"x" * 16_000, b"y", b"z"], [1, 2, 3], [0x32] * 3), [])
    assert source.load == 100
    assert len(source.take(16, 1000)) == 1
    assert source.load == len(source) == 2
    source.take(16)
    assert source.load == 0
