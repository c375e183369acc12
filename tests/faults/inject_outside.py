"""Faults of the line, the disk and the clock; see ``tests/faults/outside.py`` for the worlds they happen in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tests.faults.inject import Fault, wait
from tests.faults.outside import BentClock, Cable, Outside, SmallDisk
from tests.faults.proxy import Line

if TYPE_CHECKING:
    import random

    from tests.faults.world import World


class _LineFault(Fault):
    place = "outside"
    seconds = 5.0

    def line(self) -> Line:
        raise NotImplementedError

    def inject(self, world: World, chance: random.Random) -> None:
        cast("Outside", world).proxy.line = self.line()

    def hold(self, world: World, chance: random.Random) -> None:
        wait(self.seconds)

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
    seconds = 6.0

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
    """The data base is stopped in order and comes back: 6 s in the short form, 60 s in the long one."""

    name = "data base away"
    place = "outside"

    def inject(self, world: World, chance: random.Random) -> None:
        cast("Outside", world).away()

    def hold(self, world: World, chance: random.Random) -> None:
        wait(60.0 if self.long else 6.0)

    def heal(self, world: World) -> None:
        cast("Outside", world).back()


class Unplugged(Fault):
    """The cable between the platform and data base and broker: 8 s, in the long form 30 s."""

    name = "cable pulled"
    place = "cable"

    def inject(self, world: World, chance: random.Random) -> None:
        cast("Cable", world).cable(plugged=False)

    def hold(self, world: World, chance: random.Random) -> None:
        wait(30.0 if self.long else 8.0)

    def heal(self, world: World) -> None:
        cast("Cable", world).cable(plugged=True)


class PacketLoss(Fault):
    name = "one packet in ten lost"
    place = "cable"

    def inject(self, world: World, chance: random.Random) -> None:
        cast("Cable", world).loss(10)

    def hold(self, world: World, chance: random.Random) -> None:
        wait(20.0 if self.long else 5.0)

    def heal(self, world: World) -> None:
        cast("Cable", world).loss(0)


class DiskFull(Fault):
    name = "disk of the data base full"
    place = "small disk"

    def inject(self, world: World, chance: random.Random) -> None:
        cast("SmallDisk", world).fill()

    def hold(self, world: World, chance: random.Random) -> None:
        wait(20.0 if self.long else 6.0)

    def heal(self, world: World) -> None:
        cast("SmallDisk", world).free()


class AllDiskFull(DiskFull):
    name = "disk of data base and broker full"
    place = "small disk for all"


class ClockAhead(Fault):
    """The clock of our parts jumps an hour ahead and, after a while, back."""

    name = "clock +1 h and back"
    place = "bent clock"
    seconds = 3600.0

    def inject(self, world: World, chance: random.Random) -> None:
        cast("BentClock", world).jump(self.seconds)

    def hold(self, world: World, chance: random.Random) -> None:
        wait(4.0)

    def heal(self, world: World) -> None:
        cast("BentClock", world).jump(0)


class ClockBehind(ClockAhead):
    name = "clock -1 h and back"
    seconds = -3600.0
