"""Faults of the line, the disk and the clock; see ``tests/faults/outside.py`` for the worlds they happen in."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from tests.faults.inject import BROKER_FORGETS, Fault, wait
from tests.faults.proxy import Line

if TYPE_CHECKING:
    import random

    from tests.faults.outside import BentClock, Cable, Outside, SmallDisk
    from tests.faults.world import World


class _LineFault(Fault):
    place = "outside"
    seconds = (3.0, 20.0)

    def line(self) -> Line:
        raise NotImplementedError

    def inject(self, world: World, chance: random.Random) -> None:
        cast("Outside", world).proxy.line = self.line()

    def heal(self, world: World) -> None:
        cast("Outside", world).proxy.line = Line()


class SlowDataBase(_LineFault):
    name = "data base 200 ms away"

    def line(self) -> Line:
        return Line(latency_s=0.2)


class NarrowLine(_LineFault):
    name = "data base behind 64 kB/s"

    def line(self) -> Line:
        return Line(bytes_per_s=64_000)


class Stall(_LineFault):
    name = "line to the data base stalls"
    seconds = (4.0, 20.0)

    def line(self) -> Line:
        return Line(stalled=True)


class Reset(Fault):
    name = "connections to the data base reset"
    place = "outside"

    def inject(self, world: World, chance: random.Random) -> None:
        for _ in range(3):
            cast("Outside", world).proxy.reset()
            wait(chance.uniform(0.05, 0.4))


class Blackhole(Fault):
    """Connections end without a word on either side: only patience tells. New ones are let in."""

    name = "connections to the data base fall silent"
    place = "outside"

    def inject(self, world: World, chance: random.Random) -> None:
        cast("Outside", world).proxy.blackhole()


class BlackholeInside(Fault):
    """The same while a transaction is open: on a slow line, where there is nearly always one. Its locks stay behind."""

    name = "connections fall silent inside a transaction"
    place = "outside"

    def inject(self, world: World, chance: random.Random) -> None:
        proxy = cast("Outside", world).proxy
        proxy.line = Line(latency_s=0.1)
        wait(chance.uniform(1.0, 2.0))
        proxy.blackhole()
        proxy.line = Line()


class Away(Fault):
    """The data base is stopped in order and comes back a while later."""

    name = "data base away"
    place = "outside"
    seconds = (5.0, 60.0)

    def inject(self, world: World, chance: random.Random) -> None:
        cast("Outside", world).away()

    def heal(self, world: World) -> None:
        cast("Outside", world).back()


class Unplugged(Fault):
    """The cable between the platform and its data base and broker."""

    name = "cable pulled"
    place = "cable"
    seconds = (5.0, 30.0)

    def inject(self, world: World, chance: random.Random) -> None:
        cast("Cable", world).cable(plugged=False)

    def heal(self, world: World) -> None:
        cast("Cable", world).cable(plugged=True)


class PacketLoss(Fault):
    name = "one packet in ten lost"
    place = "cable"
    seconds = (4.0, 20.0)

    def inject(self, world: World, chance: random.Random) -> None:
        cast("Cable", world).loss(10)

    def heal(self, world: World) -> None:
        cast("Cable", world).loss(0)


class DiskFull(Fault):
    name = "disk of the data base full"
    place = "small disk"
    seconds = (4.0, 20.0)

    def inject(self, world: World, chance: random.Random) -> None:
        cast("SmallDisk", world).fill()

    def heal(self, world: World) -> None:
        cast("SmallDisk", world).free()


class AllDiskFull(DiskFull):
    name = "disk of data base and broker full"
    place = "small disk for all"
    forgets = BROKER_FORGETS


class ClockAhead(Fault):
    """The clock of our parts jumps an hour ahead and, after a while, back."""

    name = "clock +1 h and back"
    place = "bent clock"
    seconds = (2.5, 10.0)
    jump: ClassVar[float] = 3600.0
    forgets = frozenset({"timeless"})  # ten minutes are over at once

    def inject(self, world: World, chance: random.Random) -> None:
        cast("BentClock", world).jump(self.jump)

    def heal(self, world: World) -> None:
        cast("BentClock", world).jump(0)


class ClockBehind(ClockAhead):
    name = "clock -1 h and back"
    jump = -3600.0
