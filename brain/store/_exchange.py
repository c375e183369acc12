"""Many statements and COPYs in one exchange with the server: everything is written at once, then all answers are read.

A flush is a dozen statements. One after the other, each costs a round trip: two processes are woken, one to write and
one to read. Sent together (PostgreSQL's documentation, "Pipelining" and "COPY Operations"), the server works through
them without waiting, and up to the ``Sync`` at the end they are one transaction: committed there, or undone as a whole
by the first that fails, after which the server passes over the rest.

The driver can put neither statements nor COPYs in a row, so for the length of an exchange its connection, idle
meanwhile, speaks with the protocol of this module. Connecting, signing in and encryption stay the driver's.
"""

from __future__ import annotations

import asyncio
import hashlib
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import asyncpg

from brain.store.rows import EPOCH_2000

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.store._door import Connection

__all__ = [
    "Cell",
    "Line",
    "Step",
    "float8",
    "instant",
    "int4",
    "int4s",
    "int8",
    "int8s",
    "moment",
    "moments",
    "number",
    "octet_strings",
    "text",
    "texts",
]

_PATIENCE_S: Final = 60.0

Cell = bytes | None
Row = tuple[Cell, ...]


class Step(NamedTuple):
    """One statement of an exchange.

    Attributes:
        sql: One statement; a COPY says ``FROM STDIN (FORMAT binary)``.
        arguments: Binary, as the functions of this module write them; None for NULL.
        data: What a COPY takes; None for other statements.
        keep: Whether the server shall keep it prepared: for statements that every flush has.
    """

    sql: str
    arguments: Sequence[Cell] = ()
    data: bytes | None = None
    keep: bool = False


class Line:
    """A connection that is kept for one task, and what it has prepared.

    Attributes:
        connection: For statements one at a time; not while an exchange goes on.
        done: How many steps of the last exchange were done; where one failed, its index.
        in_block: Whether a transaction block is open; it is opened and closed by exchanges only.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.done = 0
        self.in_block = False
        self._prepared: set[str] = set()

    async def exchange(self, steps: Sequence[Step], *, patience_s: float = _PATIENCE_S) -> list[list[Row]]:
        """Do these steps; the rows that each gave, as binary cells.

        Outside a transaction block they are one transaction, committed when this returns.

        Raises:
            asyncpg.PostgresError: The server refused one, see ``done``; none of them has an effect.
            asyncpg.InterfaceError: The connection was lost before.
            OSError: The line broke or was too slow. The connection is ended; nobody knows whether there was a commit.
        """
        parsed: list[
            str
        ] = []  # what the server is asked to prepare, in order; without a name where it is not to be kept
        messages: list[bytes] = []
        for step in steps:
            is_known = step.keep and (step.sql in self._prepared or step.sql in parsed)
            messages += _step(step, parse=not is_known)
            if not is_known:
                parsed.append(step.sql if step.keep else "")
        self.done = 0
        if self.connection.is_closed():  # a lost one that has left its pool says so by itself
            raise asyncpg.InterfaceError("the connection to the data base was lost")
        transport = cast("asyncio.Transport", self.connection._transport)  # type: ignore[union-attr]  # noqa: SLF001
        drivers = transport.get_protocol()
        answers = _Answers(drivers)
        transport.set_protocol(answers)
        try:
            async with asyncio.timeout(patience_s):
                transport.write(b"".join([*messages, _SYNC]))
                await answers.ready
        except BaseException:
            # Answers may still be on their way: nobody could tell them from those of the next statement.
            self.connection.terminate()
            raise
        finally:
            transport.set_protocol(drivers)
            self.done = len(answers.rows)
        self.in_block = answers.in_block
        self._prepared.update(filter(None, parsed[: answers.parsed]))
        if answers.error is not None:
            raise asyncpg.PostgresError.new(answers.error)
        return answers.rows

    async def roll_back(self) -> None:
        """Undo what the open transaction block did, if there is one."""
        if self.in_block:
            await self.exchange([Step("ROLLBACK")], patience_s=5)


class _Answers(asyncio.Protocol):
    """Reads the answers of one exchange up to its end (ReadyForQuery)."""

    def __init__(self, drivers: asyncio.BaseProtocol) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rows: list[list[Row]] = []  # of each step that is done
        self.parsed = 0
        self.in_block = False
        self.error: dict[str, str] | None = None
        self._drivers = drivers
        self._rest = bytearray()
        self._wanted = 0  # bytes of the message that is not whole yet
        self._own: list[Row] = []

    def data_received(self, data: bytes) -> None:
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:  # a long message in many pieces is not copied again for each
                return
        data = bytes(self._rest or data)
        at, end, self._wanted = 0, len(data), _PREFIX
        while end - at >= _PREFIX:
            after = at + 1 + int.from_bytes(data[at + 1 : at + _PREFIX], "big")
            if after > end:
                self._wanted = after - at
                break
            kind = data[at]
            if kind == _COMMAND_COMPLETE:
                self.rows.append(self._own)
                self._own = []
            elif kind == _PARSE_COMPLETE:
                self.parsed += 1
            elif kind == _DATA_ROW:
                self._own.append(_row(data[at + _PREFIX : after]))
            elif kind == _ERROR:
                said = data[at + _PREFIX : after].split(b"\0")
                self.error = {s[:1].decode(): s[1:].decode("utf-8", "replace") for s in said if s}
            elif kind == _READY and not self.ready.done():
                self.in_block = data[at + _PREFIX : after] != b"I"
                self.ready.set_result(None)
            at = after
        self._rest = bytearray(data[at:])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            said = None if self.error is None else self.error.get("M")
            self.ready.set_exception(exc or ConnectionResetError(said or "the data base closed the connection"))
        self._drivers.connection_lost(exc)


def _row(body: bytes) -> Row:
    out: list[Cell] = []
    at = 2
    for _ in range(int.from_bytes(body[:2], "big")):
        size = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        out.append(None if size < 0 else body[at : at + size])
        at += max(size, 0)
    return tuple(out)


# -- what is sent ------------------------------------------------------------------------------------------------------
_PREFIX: Final = 5  # bytes of a message's kind and length
_PARSE_COMPLETE, _COMMAND_COMPLETE, _DATA_ROW, _ERROR, _READY = b"1CDEZ"


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


_SYNC: Final = _message(b"S", b"")
_EXECUTE: Final = _message(b"E", b"\0" + bytes(4))
_COPY_DONE: Final = _message(b"c", b"")


def _step(step: Step, *, parse: bool) -> list[bytes]:
    """Parse where it is not prepared, Bind, Execute, and the data of a COPY: what is to be written, in pieces."""
    begin, end = _frame(step.sql, step.keep, len(step.arguments))
    out = begin if parse else b""
    cells = b"".join([_NULL if a is None else len(a).to_bytes(4, "big") + a for a in step.arguments])
    out += _message(b"B", end + cells + b"\0\1\0\1") + _EXECUTE
    if step.data is None:
        return [out]
    return [out, b"d" + (len(step.data) + 4).to_bytes(4, "big"), step.data, _COPY_DONE]


@lru_cache(maxsize=16_384)
def _frame(sql: str, keep: bool, arguments: int) -> tuple[bytes, bytes]:
    """The Parse of a statement, and what its Bind begins with: no name for the portal, all binary."""
    name = b"cloudbrain_" + hashlib.blake2s(sql.encode(), digest_size=8).hexdigest().encode() if keep else b""
    parse = _message(b"P", name + b"\0" + sql.encode() + b"\0\0\0")
    return parse, b"\0" + name + b"\0\0\1\0\1" + arguments.to_bytes(2, "big")


_NULL: Final = b"\xff\xff\xff\xff"
_INT4, _INT8, _TEXT, _BYTEA, _TIMESTAMPTZ = 23, 20, 25, 17, 1184  # of pg_type.dat


def int4(number: int) -> bytes:
    """An int4."""
    return number.to_bytes(4, "big", signed=True)


def float8(number: float) -> bytes:
    """A float8."""
    return struct.pack(">d", number)


def int8(number: int) -> bytes:
    """An int8.

    Example:
        >>> int8(258).hex()
        '0000000000000102'
    """
    return number.to_bytes(8, "big", signed=True)


def moment(us: int) -> bytes:
    """A timestamptz from microseconds since 1970."""
    return int8(us - EPOCH_2000)


def number(cell: Cell) -> int:
    """An int4 or int8 of an answer.

    Example:
        >>> number(int8(-258))
        -258
    """
    return int.from_bytes(cell or b"", "big", signed=True)


def instant(cell: Cell) -> int:
    """Microseconds since 1970 of a timestamptz of an answer."""
    return number(cell) + EPOCH_2000


def text(said: str) -> bytes:
    """A text (and a bytea or a json as well, from its bytes).

    Raises:
        UnicodeEncodeError: It holds half a surrogate pair.
    """
    return said.encode()


def int8s(numbers: Sequence[int]) -> bytes:
    """An int8[].

    Example:
        >>> int8s([7]).hex(" ", 4)
        '00000001 00000000 00000014 00000001 00000001 00000008 00000000 00000007'
    """
    return _cells(_INT8, [int8(n) for n in numbers])


def int4s(numbers: Sequence[int | None]) -> bytes:
    """An int4[]; None is NULL."""
    return _cells(_INT4, [None if n is None else int4(n) for n in numbers])


def moments(us: Sequence[int]) -> bytes:
    """A timestamptz[] from microseconds since 1970."""
    return _cells(_TIMESTAMPTZ, [moment(t) for t in us])


def texts(said: Sequence[str | None]) -> bytes:
    """A text[]; None is NULL."""
    return _cells(_TEXT, [None if t is None else t.encode() for t in said])


def octet_strings(values: Sequence[bytes]) -> bytes:
    """A bytea[]."""
    return _cells(_BYTEA, values)


def _cells(oid: int, values: Sequence[Cell]) -> bytes:
    """An array of one dimension, its first index 1 (the server's array_recv); of none where there is nothing in it."""
    cells = b"".join([_NULL if v is None else len(v).to_bytes(4, "big") + v for v in values])
    n = len(values)
    return struct.pack(">iiI", 1 if n else 0, None in values, oid) + (struct.pack(">ii", n, 1) if n else b"") + cells
