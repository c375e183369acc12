"""Drive a story against a broker, or into a traffic file.

Which time a message carries:

- speed 1: the time it is sent. The story starts now; when the broker is away or the machine sleeps, the rest of the
  story moves on by that much.
- any other speed: the story's own clock, so that nothing is in the future: the start is now less the duration (the
  story's, where none is given). With a seed it is the last whole hour before that, so that the same command sends the
  same bytes again; such messages are late on arrival, so they make history rather than incidents.
- a given start: the story's own clock from that start, at every speed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import TYPE_CHECKING

from brain.model import EXERCISE
from simulators.city import demo_city
from simulators.company import FILTER, Company
from simulators.file import write_traffic
from simulators.message import SECOND, Draft, encode
from simulators.plan import Traffic
from simulators.publish import Publisher
from simulators.stage import stages
from simulators.story import load_story, story_names

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["finish", "simulate", "story_names", "unless", "until"]

HOUR_US = 3600 * SECOND
REPORT_S = 60


async def simulate(
    story: str,
    mqtt_url: str | None,
    *,
    speed: float | None = 1.0,
    seed: int | None = None,
    devices: int | None = None,
    duration_s: float | None = None,
    start_us: int | None = None,
    out: Path | None = None,
    exercise: bool = False,
    stop: asyncio.Event | None = None,
) -> None:
    """Play a story until its duration ends or ``stop`` is set; says on stderr how many messages it sent.

    Args:
        story: Its name.
        mqtt_url: The broker; not asked when ``out`` is given.
        speed: Times faster than life; None: as fast as the broker acknowledges.
        seed: As in ``simulators.plan.traffic``.
        devices: As in ``simulators.plan.traffic``.
        duration_s: Seconds of the story; None: for ever at speed 1, else the story's length.
        start_us: Its second 0; see above where it is not given.
        out: Write a traffic file (``.gz`` compresses) instead of publishing.
        exercise: As a drill beside real traffic: every device speaks as ``exercise:`` and its id.
        stop: Ends it early.

    Raises:
        ConfigurationError: No such story, or the broker's address is wrong.
    """
    stop = stop or asyncio.Event()
    live = out is None and speed == 1.0 and start_us is None
    if duration_s is None and not (out is None and speed == 1.0):
        duration_s = load_story(story).length_s
    stages(demo_city())  # the slow part of a start, before the clock is read
    if start_us is None:
        start_us = time.time_ns() // 1000
        if not live:
            start_us -= int((duration_s or 0) * SECOND)
            if seed is not None:
                start_us = start_us // HOUR_US * HOUR_US
    plan = Traffic(story, seed, start_us, devices, duration_s)
    began = time.monotonic()
    if out is not None:
        count = await asyncio.to_thread(write_traffic, out, map(_in_exercise, plan) if exercise else plan, seed or 0)
    elif mqtt_url is None:
        raise AssertionError("simulate needs a broker or a file")
    else:
        count = await _publish(plan, start_us, mqtt_url, speed, live=live, exercise=exercise, stop=stop)
    took = time.monotonic() - began
    where = str(out) if out is not None else "the broker"
    sys.stderr.write(f"{story}: {count} messages to {where} in {took:.1f} s\n")


async def _publish(
    plan: Traffic, start_us: int, url: str, speed: float | None, *, live: bool, exercise: bool, stop: asyncio.Event
) -> int:
    company = Company(time.time_ns() // 1000)
    began_us = start_us if live else time.time_ns() // 1000
    report_us = began_us + REPORT_S * SECOND
    shift_us = 0

    def heard(topic: str, payload: bytes) -> None:
        company.hear(topic, payload, time.time_ns() // 1000)

    has_company = live and not exercise  # a drill takes nobody's part and makes nobody silent
    async with Publisher(url, listen=FILTER if has_company else None, heard=heard) as publisher:
        for draft in plan:
            if speed is not None:
                due_us = began_us + int((draft.at_us - start_us) / speed) + shift_us
                await until(due_us, stop)
                if live and (behind := time.time_ns() // 1000 - due_us) > SECOND:
                    shift_us += behind // 1000 * 1000
            if stop.is_set():
                break
            now_us = time.time_ns() // 1000
            if has_company:
                claims = {k: (a + shift_us, b + shift_us) for k, (a, b) in plan.claims.items()}
                if (word := company.word(claims, now_us)) is not None:
                    publisher.offer(*word, qos=0)
                if draft.everyday and not _may_speak(company, draft, now_us):
                    continue
            message = encode(_in_exercise(draft) if exercise else draft, shift_us)
            if not publisher.offer(message.topic, message.payload):
                await unless(stop, publisher.send(message.topic, message.payload))
            if now_us >= report_us:
                report_us += REPORT_S * SECOND
                sys.stderr.write(f"{publisher.acknowledged} messages sent\n")
        await finish(publisher, stop)
        return publisher.acknowledged


def _in_exercise(draft: Draft) -> Draft:
    return draft._replace(device=EXERCISE + draft.device)


def _may_speak(company: Company, draft: Draft, now_us: int) -> bool:
    return company.plays_everyday(now_us) and not company.holds_back(draft, now_us)


async def finish(publisher: Publisher, stop: asyncio.Event) -> None:
    """Wait for the last acknowledgements; after a stop at most 5 s, and not at all for a broker that is away."""
    if stop.is_set() and not publisher.connected.is_set():
        return
    await unless(stop, publisher.drain())
    if publisher.connected.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(publisher.drain(), 5.0)


async def until(due_us: int, stop: asyncio.Event) -> None:
    """Wait for a moment of the wall clock, or for the stop."""
    wait_s = (due_us - time.time_ns() // 1000) / SECOND
    if wait_s > 0 and not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)


async def unless(stop: asyncio.Event, sending: object) -> None:
    """Send, but do not hang on a broker that is away once the stop is set."""
    task = asyncio.ensure_future(sending)  # type: ignore[call-overload]
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        task.result()
    else:
        task.cancel()
