"""When the broker's line is read: at once while it is quiet, in gulps under load, all at once when a flush is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from ingest import _wire, mqtt
from ingest.mqtt import AckingSource, _Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

MESSAGE = bytes([0x32, 9]) + b"\0\4city" + b"\0\1" + b"x"


class Clock:
    """The loop's clock and timers, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[..., None], tuple[object, ...]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[..., None], *args: object) -> None:
        self.timers.append((self.now + delay, call, args))

    def go_to(self, now: float) -> None:
        self.now = now
        due = [t for t in self.timers if t[0] <= now]
        self.timers = [t for t in self.timers if t[0] > now]
        for _, call, args in due:
            call(*args)


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


def test_a_pack_weighs_as_much_as_it_is_long():
    source = AckingSource("mqtt://127.0.0.1:1", "x")
    assert source.load == 0
    source.accept(_wire.Arrivals(["city/a/b"] * 3, [b"x" * 16_000, b"y", b"z"], [1, 2, 3], [0x32] * 3), [])
    assert source.load == 100
    assert len(source.take(16, 1000)) == 1
    assert source.load == len(source) == 2
    source.take(16)
    assert source.load == 0
