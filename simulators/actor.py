"""One simulated device: how often it speaks and what it says. Its chance comes from the seed and its name."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from simulators.message import SECOND

__all__ = ["Actor", "Walk", "chance"]


def chance(seed: int, *names: str) -> np.random.Generator:
    """A generator for one purpose: equal for equal seed and names, in every process and on every machine.

    Example:
        >>> int(chance(1, "G1").integers(1000))
        763
    """
    digest = hashlib.sha256("/".join((str(seed), *names)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))


class Walk:
    """A value that wanders about its mean and never leaves its bounds."""

    __slots__ = ("_high", "_low", "_mean", "_pull", "_random", "_sd", "value")

    def __init__(
        self, random: np.random.Generator, mean: float, sd: float, low: float, high: float, pull: float = 0.2
    ) -> None:
        self._random, self._mean, self._sd, self._low, self._high, self._pull = random, mean, sd, low, high, pull
        self.value = mean

    def step(self, digits: int = 1) -> float:
        """The next value, rounded."""
        noise = self._sd * float(self._random.standard_normal())
        self.value += self._pull * (self._mean - self.value) + noise
        self.value = min(max(self.value, self._low), self._high)
        return round(self.value, digits)


class Actor(ABC):
    """A device that speaks every ``period_us``, first ``phase_us`` after the start.

    Attributes:
        sensor_type, device: Whose topic it uses.
        moves: True for what has a track; history samples these more coarsely.
    """

    sensor_type: str
    moves = False

    def __init__(self, seed: int, device: str, period_s: float) -> None:
        self.device = device
        self.random = chance(seed, self.sensor_type, device)
        self.period_us = int(period_s * SECOND)
        self.phase_us = int(self.random.integers(self.period_us // 1000)) * 1000

    @abstractmethod
    def body(self, at_us: int) -> dict[str, Any] | None:
        """The fields it reports at a time, or None to stay silent this time; called with growing times."""
