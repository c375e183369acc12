"""A small mutation fuzzer for where atheris is not: seeded, blind to coverage, of the standard library only."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WORDS = (
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b":",
        b",",
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"null",
        b"true",
        b"NaN",
        b"-0",
        b"1e400",
    ),
    *(
        b"18446744073709551616",
        b"9" * 400,
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xe6\xb0",
        b"/",
        b"+",
        b"#",
        b"$",
        b"..",
        b" ",
    ),
    *(b"\x1e", b"\x1f", b"Z", b"+08:00", b":60", b"&a ", b"*a", b"!!int ", b"!!timestamp ", b"? ", b"- ", b"\n", b"\t"),
    *(
        b"\x30\xff\xff\xff\x7f",
        b"\x32\x00",
        b"\x36",
        b"\xd0\x00",
        b"0001-01-01",
        b"9999-12-31",
        b"[" * 40,
        b'{"a":' * 40,
    ),
    *(b'"time":', b'"id":', b'"lon":', b'"lat":', b'"device":', b'"lel_pct":', b"city/", b"gas-detector"),
)


class Finding(NamedTuple):
    """Bytes that break a target."""

    data: bytes
    error: BaseException


def mutated(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    """A seed with one to eight small changes."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        to = min(len(data), at + chance.choice((1, 1, 2, 4, 16, 64)))
        what = chance.randrange(7)
        if what == 0 and data:
            data[at % len(data)] = chance.randrange(256)
        elif what == 1:
            data[at:at] = chance.randbytes(chance.randint(1, 8))
        elif what == 2:
            del data[at:to]
        elif what == 3:
            data[at:at] = chance.choice(WORDS)
        elif what == 4:
            data[at:to] = chance.choice(WORDS)
        elif what == 5:
            data[at:at] = data[at:to] * chance.choice((1, 2, 8, 40))
        else:
            other = chance.choice(seeds)
            start = chance.randint(0, len(other))
            data[at:] = other[start:]
    return bytes(data[:20_000])


def fuzz(
    fuzz_one: Callable[[bytes], None], seeds: Sequence[bytes], seconds: float, seed: int
) -> tuple[int, Finding | None]:
    """Run seeds, then mutations, until the time is over or something breaks: how many were run, and what broke."""
    chance = random.Random(seed)
    pool = list(seeds) or [b""]
    end = time.monotonic() + seconds
    done = 0
    while done < len(pool) or time.monotonic() < end:
        data = pool[done] if done < len(pool) else mutated(chance, pool)
        done += 1
        try:
            fuzz_one(data)
        except Exception as error:  # noqa: BLE001 - whatever a target raises is a finding
            return done, Finding(data, error)
    return done, None


def smallest(fuzz_one: Callable[[bytes], None], found: Finding, seconds: float = 5.0) -> bytes:
    """Bytes that break it in the same way, with what can be left out left out."""
    data, end = found.data, time.monotonic() + seconds
    size = max(1, len(data) // 2)
    while size and time.monotonic() < end:
        at = 0
        while at < len(data) and time.monotonic() < end:
            shorter = data[:at] + data[at + size :]
            try:
                fuzz_one(shorter)
            except Exception as error:  # noqa: BLE001 - as above
                if type(error) is type(found.error):
                    data = shorter
                    continue
            at += size
        size //= 2
    return data
