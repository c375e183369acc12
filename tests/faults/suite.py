"""Which faults there are, and where each happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults import inject, inject_outside
from tests.faults.outside import BentClock, Cable, Outside, SmallDisk, SmallDiskForAll
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.inject import Fault

WORLDS: dict[str, type[World]] = {
    "embedded": World,
    "outside": Outside,
    "cable": Cable,
    "small disk": SmallDisk,
    "small disk for all": SmallDiskForAll,
    "bent clock": BentClock,
}


def _one(kind: type[Fault]) -> Callable[[bool], Fault]:
    return lambda long: kind(long=long)


def _two(first: type[Fault], second: type[Fault]) -> Callable[[bool], Fault]:
    return lambda long: inject.Together(first(long=long), second(long=long))


FAULTS: dict[str, Callable[[bool], Fault]] = {
    "kill-ingest": _one(inject.KillIngest),
    "kill-scenes": _one(inject.KillScenes),
    "kill-serve": _one(inject.KillServe),
    "kill-postgres": _one(inject.KillPostgres),
    "kill-backend": _one(inject.KillBackend),
    "stop-postgres": _one(inject.ImmediateStop),
    "kill-broker": _one(inject.KillBroker),
    "restart-broker": _one(inject.RestartBroker),
    "kill-all": _one(inject.KillEverything),
    "freeze-ingest": _one(inject.FreezeIngest),
    "freeze-scenes": _one(inject.FreezeScenes),
    "freeze-postgres": _one(inject.FreezePostgres),
    "two-ingest-scenes": _two(inject.KillIngest, inject.KillScenes),
    "two-broker-postgres": _two(inject.KillBroker, inject.KillPostgres),
    "two-ingest-broker": _two(inject.KillIngest, inject.KillBroker),
    "db-away": _one(inject_outside.Away),
    "db-slow": _one(inject_outside.SlowDataBase),
    "db-narrow": _one(inject_outside.NarrowLine),
    "db-stall": _one(inject_outside.Stall),
    "db-reset": _one(inject_outside.Reset),
    "db-silent": _one(inject_outside.Blackhole),
    "db-silent-inside": _one(inject_outside.BlackholeInside),
    "cable": _one(inject_outside.Unplugged),
    "packet-loss": _one(inject_outside.PacketLoss),
    "disk-full": _one(inject_outside.DiskFull),
    "disk-full-all": _one(inject_outside.AllDiskFull),
    "clock-ahead": _one(inject_outside.ClockAhead),
    "clock-behind": _one(inject_outside.ClockBehind),
}
"""By the name that `make soak FAULTS=...` takes; called with whether it is the long form."""
