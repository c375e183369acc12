"""The broker's door: messages of devices in, and acknowledgements out only when ingest says so.

``AckingSource`` keeps a persistent MQTT 3.1.1 session: what was not acknowledged comes again after a crash. It reads
with a protocol of its own (``_wire``), because client libraries acknowledge before anything is stored, or cost ten
times as much for each message (docs/decisions/0004). It reads at once while idle, under load in gulps: after a linger
of 2 ms, or when the next flush is due (``linger``), because a broker wakes us for each message by itself.

Bounds: the broker stops at its own limit of unacknowledged messages; beyond ``most_bytes`` held here the socket is not
read, so TCP pushes back. Messages of QoS 0 are shed first, and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import ssl
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple, Self, cast
from urllib.parse import unquote, urlsplit

import structlog

from brain.errors import ConfigurationError
from ingest import _wire

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["AckingSource", "BrokerAddress", "Messages", "client_id"]

log = structlog.get_logger("ingest.mqtt")

_KEEP_ALIVE_S: Final = 30
_LINGER_S: Final = 0.002
_PEEK_S: Final = 0.003  # while a flush waits for company, nobody looks oftener whether something urgent came
_LATE_S: Final = 0.001  # if nothing more comes then, either
_FEW: Final = 250  # messages; where more wait a flush is near anyhow
_GULP: Final = 65_536  # bytes; so much in one read is a gulp already, and the line shall not wait for a flush
_USUAL_BYTES: Final = 160  # of a message with one reading
_BUSY_S: Final = 0.0015  # a read so soon after the one before: there is load, so wait for more
_ANSWER_S: Final = 10.0
_CHANGE_S: Final = 1.0
_FAREWELL_S: Final = 2.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0


class BrokerAddress(NamedTuple):
    """Where a broker is, from its URL.

    Example:
        >>> BrokerAddress.parse("mqtt://ingest:p%40ss@127.0.0.1:1884").password
        'p@ss'
    """

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read ``mqtt://[user[:password]@]host[:port]`` or ``mqtts://...``.

        Raises:
            ConfigurationError: It is no such URL.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            shown = url.rsplit("@", 1)[-1][:80]  # never a password
            raise ConfigurationError(f"{shown!r} is no broker URL; write it like mqtt://127.0.0.1:1883")
        tls = parts.scheme == "mqtts"
        user = None if parts.username is None else unquote(parts.username)
        password = None if parts.password is None else unquote(parts.password)
        return cls(parts.hostname, port or (8883 if tls else 1883), user, password, tls)


class Messages(NamedTuple):
    """Messages taken together, in order of arrival: to be handed to ``ack`` once they are stored.

    Attributes:
        arrivals: Their columns.
        generation: Of the connection they came over; acknowledgements are void on another one.
    """

    arrivals: _wire.Arrivals
    generation: int

    def __len__(self) -> int:
        return len(self.arrivals)

    @property
    def load(self) -> int:
        """How much they are, in messages of a usual size."""
        return max(len(self), sum(map(len, self.arrivals.payloads)) // _USUAL_BYTES)


def client_id(data_dir: Path) -> str:
    """The secret, random client id of this installation's ingest: kept, because the broker keeps a session under it.

    Who knows it could throw ingest off the broker, so the file is readable by its owner only.
    """
    path = data_dir / "ingest-client-id"
    with contextlib.suppress(FileNotFoundError):
        known = path.read_text("ascii").strip()
        if known:
            return known
    data_dir.mkdir(parents=True, exist_ok=True)
    new = f"ingest-{secrets.token_hex(8)}"  # 23 characters, what every broker accepts
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(new)
    draft.replace(path)
    return new


class AckingSource:
    """A subscription whose messages are acknowledged by hand. An async context manager; for use by one event loop.

    It connects in the background and again for ever, with back-off; ``next_batch`` just waits meanwhile.

    Args:
        url: Of the broker.
        identity: Client id of the session.
        filters: Topic filters, subscribed at QoS 1.
        wanted: How topics begin that are ours; messages of others are acknowledged at once and only counted.
        arrived: Called whenever messages wait.
        most_waiting: Messages of QoS 0 beyond this many waiting ones are shed.
        most_bytes: Payload bytes held (waiting or not yet acknowledged) beyond which the socket is not read.

    Attributes:
        connected: Whether the subscription stands now.
        urgent: Topics whose messages shall not wait for company; set it at any time.
        ready: Whether messages wait that nobody wants to wait for company with.
        hurry: Set while something urgent waits.
        received, copies, shed, unwanted, connections: Counters: messages taken in, copies of held ones dropped,
            QoS 0 shed, of topics that are not ours, connections made.
    """

    def __init__(
        self,
        url: str,
        identity: str,
        *,
        filters: Sequence[str] = ("city/#",),
        wanted: tuple[str, ...] | None = None,
        arrived: Callable[[], None] = lambda: None,
        most_waiting: int = 2000,
        most_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.address = BrokerAddress.parse(url)
        self.connected = False
        self.received = self.copies = self.shed = self.unwanted = self.connections = 0
        self.wanted = wanted
        self.urgent: re.Pattern[str] | None = None
        self.ready = False
        self.hurry = asyncio.Event()
        self._identity = identity
        self._filters = tuple(filters)
        self._arrived = arrived
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._waiting = _wire.Arrivals()
        self._stale = _wire.Arrivals()  # what waited when a connection ended, until the next one is accepted
        self._held: dict[int, tuple[str, bytes]] = {}  # topic and payload by packet id, of this connection
        self._bytes = 0  # of all messages handed in and neither acknowledged nor, at QoS 0, taken
        self._waiting_bytes = 0
        self._generation = 0
        self._some = asyncio.Event()
        self._protocol: _Protocol | None = None
        self._paused = False
        self._closing = False
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start connecting."""
        self._runner = asyncio.get_running_loop().create_task(self._run(), name="mqtt")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send what is to be acknowledged, disconnect, and leave the session at the broker."""
        runner, self._runner, self._closing = self._runner, None, True
        if runner is not None:
            runner.cancel()
            await asyncio.wait([runner])
            if not runner.cancelled():
                runner.result()

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    @property
    def load(self) -> int:
        """How much waits, in messages of a usual size: a pack counts for as many as it is long."""
        return max(len(self._waiting), self._waiting_bytes // _USUAL_BYTES)

    def check(self) -> None:
        """Raise what ended the connecting task; nothing but an error of ours does."""
        if self._runner is not None and self._runner.done():
            self._runner.result()

    def take(self, most: int, most_bytes: int = 1 << 62) -> Messages:
        """Messages that wait, oldest first, without waiting for more; one at least where one waits."""
        waiting = self._waiting
        n = min(most, len(waiting))
        if self._waiting_bytes > most_bytes:
            sizes = list(accumulate(map(len, waiting.payloads[:n])))
            n = min(n, max(1, bisect_right(sizes, most_bytes)))
        out = waiting.cut(n)
        self.ready = len(waiting) > 0
        self.hurry.clear()
        self._waiting_bytes = self._waiting_bytes - sum(map(len, out.payloads)) if waiting else 0
        if 0 in out.packet_ids:
            self._release(sum(len(p) for p, i in zip(out.payloads, out.packet_ids, strict=True) if i == 0))
        if not waiting:
            self._some.clear()
        return Messages(out, self._generation)

    async def next_batch(self, max_messages: int, max_wait: float) -> Messages:
        """Up to so many messages, as soon as one is there; none after ``max_wait`` seconds without any."""
        if not self._waiting:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._some.wait(), max_wait)
        return self.take(max_messages)

    def ack(self, messages: Messages) -> None:
        """Acknowledge stored messages. Those of a connection that has ended are passed over: they come again."""
        if messages.generation != self._generation:
            return
        known = [(i, held) for i in messages.arrivals.packet_ids if (held := self._held.pop(i, None)) is not None]
        if known and self._protocol is not None:
            self._protocol.send(_wire.pubacks([i for i, _ in known]))
        self._release(sum(len(held[1]) for _, held in known))

    async def follow(self, filters: Sequence[str], wanted: tuple[str, ...] | None) -> None:
        """Ask for these filters from now on instead of those so far; see the arguments of the class.

        Waits a second at most for the broker's answer; where there is no connection now, the next one asks.
        """
        new, gone = set(filters) - set(self._filters), set(self._filters) - set(filters)
        self._filters, self.wanted = tuple(filters), wanted
        if self._protocol is not None:
            self._protocol.want(wanted)
            if self.connected and (new or gone):
                answer = self._protocol.change(sorted(new), sorted(gone))
                if answer is not None:
                    await asyncio.wait([answer], timeout=_CHANGE_S)

    def linger(self, until: float) -> None:
        """Nothing is done with what arrives before then (seconds of the loop's clock): it is read then, all at once."""
        if self._protocol is not None:
            self._protocol.linger(until)

    def peek(self) -> None:
        """We are awake anyhow: look whether something urgent came, also while we linger."""
        if self.urgent and self._protocol is not None:
            self._protocol.peek()

    def pause(self) -> None:
        """Receive nothing more; what is held can still be acknowledged."""
        self._paused = True
        if self._protocol is not None:
            self._protocol.hold()

    def accept(self, new: _wire.Arrivals, unwanted: list[int]) -> None:
        """Take in what one read brought (called by the protocol)."""
        held, ids = self._held, new.packet_ids
        if 0 in ids or len(set(ids)) < len(ids) or not held.keys().isdisjoint(ids):
            new.keep(self._sift(new))
        held.update(zip(ids, zip(new.topics, new.payloads, strict=True), strict=True))
        held.pop(0, None)
        self.received += len(new)
        size = sum(map(len, new.payloads))
        self._bytes += size
        self._waiting_bytes += size
        self._waiting.extend(new)
        if self.urgent and len(self._waiting) <= _FEW and any(map(self.urgent.match, new.topics)):
            self.hurry.set()
        if unwanted and self._protocol is not None:
            self.unwanted += len(unwanted)
            self._protocol.send(_wire.pubacks(unwanted))
        if self._bytes > self._most_bytes and self._protocol is not None:
            self._protocol.hold()

    def _sift(self, new: _wire.Arrivals) -> list[bool]:
        """Which arrivals to keep: not the copies of what is held, nor QoS 0 beyond the limits."""
        out: list[bool] = []
        waiting, size = len(self._waiting), self._bytes
        held = self._held  # not copied: it is large just when the broker repeats itself
        seen: dict[int, tuple[str, bytes]] = {}
        for packet_id, message in zip(new.packet_ids, zip(new.topics, new.payloads, strict=True), strict=True):
            if packet_id == 0:
                keep = waiting < self._most_waiting and size <= self._most_bytes
                self.shed += not keep
            else:
                # else the broker got impatient; the first copy is being stored
                keep = (seen.get(packet_id) or held.get(packet_id)) != message
                self.copies += not keep
                seen[packet_id] = message
            out.append(keep)
            waiting += keep
            size += len(message[1]) * keep
        return out

    def announce(self) -> None:
        """Wake who waits for messages (called by the protocol after a read)."""
        if self._waiting:
            self.ready = True
            self._some.set()
            self._arrived()

    def _release(self, size: int) -> None:
        self._bytes -= size
        if self._bytes * 2 < self._most_bytes and not self._paused and self._protocol is not None:
            self._protocol.unhold()

    async def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._closing:  # a cancellation that meets a time-out is swallowed by wait_for of Python 3.11
            try:
                await self._session()
            except (OSError, TimeoutError, _wire.WireError) as e:
                log.warning("broker_out_of_reach", host=self.address.host, port=self.address.port, error=str(e))
            if self.connected:
                pause = _FIRST_PAUSE_S
            self.connected = False
            if self._closing:
                return
            await asyncio.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311 - spreads reconnects, no secret
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _readmit(self) -> None:
        """What waited over a reconnect waits again, before what is new; nobody waits for its acknowledgement."""
        stale, self._stale = self._stale, _wire.Arrivals()
        stale.packet_ids[:] = [0] * len(stale)
        stale.extend(self._waiting)
        self._waiting = stale
        self._waiting_bytes = sum(map(len, stale.payloads))
        self._bytes = sum(len(p) for p, i in zip(stale.payloads, stale.packet_ids, strict=True) if i == 0)
        self._bytes += sum(len(p) for _, p in self._held.values())
        self.announce()

    async def _session(self) -> None:
        """One connection from its beginning to its end."""
        loop = asyncio.get_running_loop()
        context = ssl.create_default_context() if self.address.tls else None
        connecting = loop.create_connection(lambda: _Protocol(self), self.address.host, self.address.port, ssl=context)
        _, protocol = await asyncio.wait_for(connecting, _ANSWER_S)
        self._generation += 1
        self._protocol = protocol
        self._held.clear()
        self._stale.extend(self._waiting.cut(len(self._waiting)))
        self._waiting_bytes, self._bytes = 0, sum(map(len, self._stale.payloads))
        try:
            protocol.send(_wire.connect(self._identity, _KEEP_ALIVE_S, self.address.user, self.address.password))
            answer = await asyncio.wait_for(protocol.answer(_wire.CONNACK), _ANSWER_S)
            if len(answer) != 2:
                raise _wire.WireError("a CONNACK that is not of two bytes")
            flags, code = answer
            if code:
                why = _wire.REFUSALS.get(code, f"code {code}")
                raise ConnectionRefusedError(f"the broker refused the connection: {why}")
            if flags & 1:  # it kept our session, so what still waits of the connection before comes again
                self._stale.keep([h & _wire.QOS == 0 for h in self._stale.heads])
            else:
                log.info("broker_session_is_new", host=self.address.host)
            self._readmit()
            asked = self._filters
            protocol.send(_wire.subscribe(1, asked))
            codes = (await asyncio.wait_for(protocol.answer(_wire.SUBACK), _ANSWER_S))[2:]
            if len(codes) != len(asked):
                raise _wire.WireError("a SUBACK without a code for each filter")
            if any(c & 0x80 for c in codes):
                refused = ", ".join(f for f, c in zip(asked, codes, strict=True) if c & 0x80)
                raise ConnectionRefusedError(f"the broker refused the subscription; allow ingest to read {refused}")
            self.connected = True
            if self._filters != asked:  # they changed while the broker answered
                protocol.change(sorted(set(self._filters) - set(asked)), sorted(set(asked) - set(self._filters)))
            self.connections += 1
            log.info("broker_connected", host=self.address.host, port=self.address.port)
            await protocol.keep_alive(_KEEP_ALIVE_S)
        finally:
            self._protocol = None
            await protocol.close()


class _Protocol(asyncio.Protocol):
    """One connection: cuts bytes into packets, lingers under load, keeps alive."""

    def __init__(self, source: AckingSource) -> None:
        self._source = source
        self._splitter = _wire.Splitter(source.wanted)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answers: dict[int, asyncio.Future[bytes]] = {
            kind: self._loop.create_future() for kind in (_wire.CONNACK, _wire.SUBACK)
        }
        self._closed = asyncio.Event()
        self._error: Exception | None = None
        self._last_read = self._last_sent = 0.0
        self._held = False
        self._until = 0.0  # reading waits for this time
        self._lingered = 0.0  # ... for so many seconds after the last read
        self._late: asyncio.TimerHandle | None = None
        self._flush_at = 0.0  # before then only what is urgent is of interest
        self._gulped = False
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._last_read = self._last_sent = self._loop.time()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        now = self._loop.time()
        busy = now - self._last_read < _BUSY_S + self._lingered
        self._last_read = now
        arrivals, error = _wire.Arrivals(), None
        others: list[_wire.Packet] = []
        try:
            others = self._splitter.feed(data, arrivals)
        except _wire.WireError as e:
            error = e
        for packet in others:
            if (answer := self._answers.get(packet.kind)) is not None and not answer.done():
                answer.set_result(packet.body)
        unwanted, self._splitter.unwanted = self._splitter.unwanted, []
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if arrivals or unwanted:
            self._source.accept(arrivals, unwanted)
        self._gulped = len(data) >= _GULP
        self._lingered = 0.0
        peeked = now < self._flush_at and not (self._gulped or self._held or self._source.hurry.is_set())
        if not peeked:
            self._source.announce()
        if error is not None:
            self._fail(error)
            return
        if peeked:
            half = (now + self._flush_at) / 2
            self._wait_until(half if self._source.urgent and half - now >= _PEEK_S else self._flush_at)
        elif busy:
            self._wait_until(now + _LINGER_S)

    def linger(self, until: float) -> None:
        """Read when that time has come (the loop's clock), unless there is so much that the line would wait for us."""
        if not self._gulped and not self._held:
            self._flush_at = until
            self._wait_until(until)

    def peek(self) -> None:
        """Read now, and linger on if nothing urgent is in it."""
        if self._loop.time() < self._flush_at - _PEEK_S:
            self._resume()

    def _wait_until(self, until: float) -> None:
        now = self._loop.time()
        if until > max(now, self._until) and not self._held and self._transport is not None:
            self._until, self._lingered = until, until - self._last_read
            self._transport.pause_reading()
            self._loop.call_later(until - now, self._read_on, until)

    def _read_on(self, until: float) -> None:
        if until >= self._until:  # else it has become later
            self._resume()
            if until >= self._flush_at and len(self._source):  # what was peeked at is not waiting for more to come
                self._late = self._loop.call_later(_LATE_S, self._source.announce)

    def _resume(self) -> None:
        self._until = 0.0
        if not self._held and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        error = exc or self._error or ConnectionResetError("the broker closed the connection")
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
                answer.exception()  # seen: nobody may be waiting
        self._error = error
        self._transport = None
        self._closed.set()

    def send(self, data: bytes) -> None:
        """Write bytes, if the connection still stands."""
        if self._transport is not None and not self._transport.is_closing():
            self._last_sent = self._loop.time()
            self._transport.write(data)

    def want(self, wanted: tuple[str, ...] | None) -> None:
        """Take in messages of topics that begin so from now on, None: all."""
        self._splitter.want(wanted)

    def change(self, new: Sequence[str], gone: Sequence[str]) -> asyncio.Future[bytes] | None:
        """Subscribe to some filters and leave others; one that the broker refuses is told in the log.

        Returns:
            The broker's answer to come, None where nothing new was asked for.
        """
        if gone:
            self.send(_wire.unsubscribe(2, gone))
        if new:
            self._answers[_wire.SUBACK] = answer = self._loop.create_future()
            answer.add_done_callback(lambda done: self._told(new, done))
            self.send(_wire.subscribe(1, new))
            return answer
        return None

    def _told(self, filters: Sequence[str], done: asyncio.Future[bytes]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        refused = [f for f, code in zip(filters, done.result()[2:], strict=False) if code & 0x80]
        log.log(30 if refused else 20, "broker_subscribed", filters=list(filters), refused=refused)

    async def answer(self, kind: int) -> bytes:
        """Body of the answer of a kind; after its first two bytes for SUBACK come the codes."""
        return await self._answers[kind]

    def hold(self) -> None:
        """Read no more."""
        self._held = True
        if self._transport is not None:
            self._transport.pause_reading()

    def unhold(self) -> None:
        """Read again."""
        if self._held:
            self._held, self._flush_at = False, 0.0
            self._last_read = self._loop.time()
            self._resume()

    async def keep_alive(self, seconds: float) -> None:
        """Ping until the connection ends.

        Raises:
            OSError: It ended, or the broker has been silent for one and a half times ``seconds``.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), seconds / 4)
            if self._closed.is_set():
                raise self._error or ConnectionResetError("the broker closed the connection")
            now = self._loop.time()
            if now - self._last_sent >= seconds / 2 or now - self._last_read >= seconds / 2:
                self.send(_wire.PINGREQ)
            if now - self._last_read > seconds * 1.5 and not self._held:
                raise TimeoutError(f"the broker has been silent for {now - self._last_read:.0f} s")

    def _fail(self, error: Exception) -> None:
        self._error = error
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Disconnect politely: what was written before is sent first, and the broker closes.

        What it still sends is read and dropped (it comes again): closing over unread bytes would reset the connection,
        and with it acknowledgements on their way.
        """
        if self._transport is None:
            return
        self.send(_wire.DISCONNECT)
        self._deaf = True
        self._held = False
        self._resume()
        try:
            await asyncio.wait_for(self._closed.wait(), _FAREWELL_S)
        except TimeoutError:
            if self._transport is not None:
                self._transport.abort()
