"""The faults: small classes with inject, hold and heal, at points that a seed chooses."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    import random

    from tests.faults.world import World

BROKER_FORGETS: Final = frozenset({"nameless", "refused", "either"})
"""A broker that is killed may forget what it delivered: it delivers it again, and not marked as a redelivery."""


def wait(seconds: float) -> None:
    """The length of a fault."""
    threading.Event().wait(seconds)


class Fault:
    """One fault. ``inject`` begins it, ``hold`` is its length, ``heal`` ends it; recovery is waited for by others."""

    name: ClassVar[str] = ""
    place: ClassVar[str] = "embedded"
    """Which world it happens in: a key of ``tests/faults/suite.py: WORLDS``."""

    seconds: ClassVar[tuple[float, float]] = (0.0, 0.0)
    """How long it lasts, in the short and in the long form."""
    forgets: ClassVar[frozenset[str]] = frozenset()
    """Kinds of messages whose copies may count once more: see ``BROKER_FORGETS``."""

    def __init__(self, *, long: bool = False) -> None:
        self.long = long

    def inject(self, world: World, chance: random.Random) -> None:
        """Begin."""

    def hold(self, world: World, chance: random.Random) -> None:
        """Last."""
        wait(self.seconds[self.long])

    def heal(self, world: World) -> None:
        """End."""


class _KillPart(Fault):
    part: ClassVar[str]

    def inject(self, world: World, chance: random.Random) -> None:
        self._pid = world.part(self.part)
        os.kill(self._pid, signal.SIGKILL)

    def hold(self, world: World, chance: random.Random) -> None:
        world.replaced(self._pid, lambda: world.part(self.part))


class KillIngest(_KillPart):
    name = "kill -9 ingest"
    part = "ingest"


class KillScenes(_KillPart):
    name = "kill -9 scenes"
    part = "scenes"


class KillServe(_KillPart):
    name = "kill -9 serve"
    part = "serve"


class _SignalPostgres(Fault):
    signal: ClassVar[signal.Signals]

    def inject(self, world: World, chance: random.Random) -> None:
        self._pid = world.postmaster()
        os.kill(self._pid, self.signal)

    def hold(self, world: World, chance: random.Random) -> None:
        world.replaced(self._pid, world.postmaster)


class KillPostgres(_SignalPostgres):
    name = "kill -9 postgres"
    signal = signal.SIGKILL


class ImmediateStop(_SignalPostgres):
    name = "immediate stop of postgres"
    signal = signal.SIGQUIT


class KillBackend(Fault):
    name = "kill -9 a backend of postgres"

    def inject(self, world: World, chance: random.Random) -> None:
        os.kill(chance.choice(sorted(world.backends())), signal.SIGKILL)


class _SignalBroker(Fault):
    signal: ClassVar[signal.Signals]

    def inject(self, world: World, chance: random.Random) -> None:
        self._pid = world.broker()
        os.kill(self._pid, self.signal)

    def hold(self, world: World, chance: random.Random) -> None:
        world.replaced(self._pid, world.broker)


class KillBroker(_SignalBroker):
    name = "kill -9 broker"
    forgets = BROKER_FORGETS
    signal = signal.SIGKILL


class RestartBroker(_SignalBroker):
    name = "broker restart (SIGTERM)"
    signal = signal.SIGTERM


class _Freeze(Fault):
    seconds = (3.0, 6.0)

    def victims(self, world: World) -> list[int]:
        raise NotImplementedError

    def inject(self, world: World, chance: random.Random) -> None:
        self._pids = self.victims(world)
        for pid in self._pids:
            os.kill(pid, signal.SIGSTOP)

    def heal(self, world: World) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGCONT)


class FreezeIngest(_Freeze):
    name = "SIGSTOP ingest"

    def victims(self, world: World) -> list[int]:
        return [world.part("ingest")]


class FreezeScenes(_Freeze):
    name = "SIGSTOP scenes"

    def victims(self, world: World) -> list[int]:
        return [world.part("scenes")]


class FreezePostgres(_Freeze):
    name = "SIGSTOP postgres"

    def victims(self, world: World) -> list[int]:
        return [world.postmaster(), *world.backends()]


class KillEverything(Fault):
    """kill -9 of the supervisor: the kernel ends its children; the same folder is started again."""

    name = "kill -9 of everything"
    forgets = BROKER_FORGETS

    def inject(self, world: World, chance: random.Random) -> None:
        world.platform.kill()

    def heal(self, world: World) -> None:
        world.restart()


class Together(Fault):
    """Two faults at once."""

    def __init__(self, first: Fault, second: Fault) -> None:
        super().__init__()
        self._both = (first, second)
        self.name = f"{first.name} + {second.name}"  # type: ignore[misc]
        self.place = first.place  # type: ignore[misc]
        self.forgets = first.forgets | second.forgets  # type: ignore[misc]

    def inject(self, world: World, chance: random.Random) -> None:
        for fault in self._both:
            fault.inject(world, chance)

    def hold(self, world: World, chance: random.Random) -> None:
        for fault in self._both:
            fault.hold(world, chance)

    def heal(self, world: World) -> None:
        for fault in self._both:
            fault.heal(world)
