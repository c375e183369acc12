"""Byte tables: how a profile says what the bytes of a frame mean; compiled once into steps. Pure.

A table is a list of entries, read one after the other from the first byte on.

| entry | does |
|---|---|
| ``{name: temp_c, type: i16, scale: 0.1}`` | reads a value: ``u8 i8 u16 i16 u24 i24 u32 i32 u64 i64 f32 f64`` (big-endian; ``le`` behind the type or ``order: little`` in the table turn that round) |
| ``{name: serial, type: hex, size: 6}`` | ``hex``, ``ascii``, ``bytes``, ``bcd`` (a number, high digit first), ``bcd_le`` (low byte first); ``size`` is a number, the name of a value read before, or ``rest`` |
| ``{name: flags, type: u8, bits: {door: 0, mode: [1, 3]}}`` | takes bits out: the lowest is 0, ``[first, how many]`` |
| ``missing: [65535]``, ``scale``, ``offset``, ``values: {0: off, 1: on}`` | of any value: what means nothing, ``raw * scale + offset``, a look-up |
| ``{at: 4}``, ``{skip: 2}`` | goes on at a byte from the start (below 0: from the end), or further on |
| ``{expect: "68", name: head}`` | these bytes have to stand here, in hexadecimal |
| ``{check: crc16_modbus, from: 0, order: little}`` | a checksum of all bytes from there up to here stands here |
| ``{when: "version == 2", fields: [...]}`` | entries that are read where an expression over the values so far holds |
| ``{name: items, repeat: count, fields: [...]}`` | a list of objects: so many (number, name of a value, or ``rest``) |
| ``{tags: u8, cases: {"1": [...]}, length: u8, else: skip}`` | tag, length and value until the end: the entries of each tag; ``tags: [u8, u8]`` with ``"3.103"`` for channel and type; without ``length`` the entries say how long it is and an unknown tag ends it (``else: stop``) or refuses the frame (``else: refuse``) |
"""  # noqa: E501 - a table

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from brain.errors import SensorTypeError
from ingest.profile.checksums import CHECKSUMS
from ingest.profile.expression import compile_expression
from ingest.profile.functions import WrongValueError
from ingest.profile.gather import Gather

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Frame", "compile_frame"]

_INTEGERS: Final = {f"{sign}{bits}": (bits // 8, sign == "i") for sign in "ui" for bits in (8, 16, 24, 32, 64)}
_FLOATS: Final = {"f32": 4, "f64": 8}
_ORDERED: Final = frozenset({*_INTEGERS, *_FLOATS})
_SIZED: Final = frozenset({"hex", "ascii", "bytes", "bcd", "bcd_le"})
_VALUE_KEYS: Final = frozenset({"name", "type", "size", "order", "scale", "offset", "missing", "values", "bits"})
_MOST_ENTRIES: Final = 500
_MOST_READ: Final = 20_000  # values of one frame: what a small table can make of a large frame
_BYTES_A_VALUE: Final = 64  # of a checksum: as much work as reading a value
_DEEPEST: Final = 6


class _Reader:
    """A frame that is being read, and where."""

    __slots__ = ("data", "left", "pos")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pos = 0
        self.left = _MOST_READ

    def take(self, size: int, name: str) -> bytes:
        """The next bytes."""
        self.left -= 1
        end = self.pos + size
        if end > len(self.data) or size < 0:
            raise WrongValueError(f"{name}: byte {self.pos} needs {size} bytes, the frame has {len(self.data)}")
        if self.left < 0:
            raise WrongValueError(f"{name}: the frame holds more than {_MOST_READ} values")
        out = self.data[self.pos : end]
        self.pos = end
        return out


class Frame:
    """A compiled byte table.

    Example:
        >>> door = {"name": "door", "type": "u8", "values": {1: "open"}}
        >>> table = [{"name": "temp_c", "type": "i16", "scale": 0.1}, door]
        >>> compile_frame(table, "frame")(bytes.fromhex("ff9c01"))
        {'temp_c': -10.0, 'door': 'open'}
    """

    __slots__ = ("_steps",)

    def __init__(self, steps: list[Callable[[_Reader, dict[str, Any]], None]]) -> None:
        self._steps = steps

    def __call__(self, data: bytes) -> dict[str, Any]:
        """The values of a frame by name; ``None`` where a value means nothing.

        Raises:
            WrongValueError: The frame is too short, a fixed byte or a checksum is wrong, a tag is not known.
        """
        reader = _Reader(data)
        out: dict[str, Any] = {}
        for step in self._steps:
            step(reader, out)
        return out


def compile_frame(table: Any, path: str, order: str = "big") -> Frame:
    """Compile a byte table.

    Args:
        table: The list of entries.
        path: Where it stands in the profile, for errors.
        order: ``big`` or ``little``, of values that do not say theirs.

    Raises:
        SensorTypeError: Something in the table is wrong; names the path and says how to mend it.
    """
    if order not in ("big", "little"):
        raise SensorTypeError(path, f"{order!r} is neither big nor little")
    return Frame(_Compiler(order).steps(table, path, 0))


class _Compiler:
    """Makes steps of entries."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.entries = 0

    def steps(self, table: Any, path: str, depth: int) -> list[Callable[[_Reader, dict[str, Any]], None]]:
        """A step an entry."""
        if not isinstance(table, list) or not table:
            raise SensorTypeError(
                path, "a byte table is a list of entries, like [{name: temp_c, type: i16, scale: 0.1}]"
            )
        if depth > _DEEPEST:
            raise SensorTypeError(path, f"a byte table goes at most {_DEEPEST} levels deep")
        gather = Gather()
        steps: list[Callable[[_Reader, dict[str, Any]], None]] = []
        for i, entry in enumerate(table):
            with gather:
                steps.append(self._step(entry, f"{path}[{i}]", depth))
        gather.end()
        return steps

    def _step(self, entry: Any, path: str, depth: int) -> Callable[[_Reader, dict[str, Any]], None]:
        self.entries += 1
        if self.entries > _MOST_ENTRIES:
            raise SensorTypeError(path, f"a byte table has at most {_MOST_ENTRIES} entries")
        if not isinstance(entry, dict):
            raise SensorTypeError(path, "an entry is a mapping, like {name: temp_c, type: i16}")
        for word, make in (
            ("when", self._when),
            ("repeat", self._repeat),
            ("tags", self._tags),
            ("check", self._check),
            ("expect", self._expect),
            ("at", self._at),
            ("skip", self._skip),
        ):
            if word in entry:
                return make(entry, path, depth)
        return self._value(entry, path)

    def _only(self, entry: dict[str, Any], allowed: frozenset[str], path: str) -> None:
        for key in entry:
            if key not in allowed:
                raise SensorTypeError(f"{path}.{key}", f"no such key here; allowed are {', '.join(sorted(allowed))}")

    def _name(self, entry: dict[str, Any], path: str) -> str:
        name = entry.get("name")
        if not isinstance(name, str) or not name.isidentifier() or len(name) > 64:
            raise SensorTypeError(f"{path}.name", f"{name!r:.60} is no name; use letters, digits and _")
        return name

    def _little(self, entry: dict[str, Any], path: str) -> bool:
        order = entry.get("order", self.order)
        if order not in ("big", "little"):
            raise SensorTypeError(f"{path}.order", f"{order!r:.60} is neither big nor little")
        return bool(order == "little")

    def _count(self, value: Any, path: str) -> Callable[[_Reader, dict[str, Any]], int]:
        """A number, the name of a value read before, or the rest of the frame."""
        if value == "rest":
            return lambda reader, _: len(reader.data) - reader.pos
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1 << 20:
            return lambda _, __: value
        if isinstance(value, str) and value.isidentifier():

            def named(_: _Reader, out: dict[str, Any]) -> int:
                found = out.get(value)
                if not isinstance(found, (int, float)) or not 0 <= found <= 1 << 20:
                    raise WrongValueError(f"{path}: {value} = {found!r:.40} is no count")
                return int(found)

            return named
        raise SensorTypeError(path, f"{value!r:.60} is no count; write a number, the name of a value before, or rest")

    def _reads(self, entry: dict[str, Any], path: str, name: str) -> Callable[[_Reader, dict[str, Any]], Any]:
        """What reads the raw value."""
        kind = entry.get("type")
        little = self._little(entry, path)
        if _plain_type(kind) != kind:
            little = str(kind).endswith("le")
            kind = _plain_type(kind)
        if kind in _INTEGERS:
            size, signed = _INTEGERS[kind]
            end = "little" if little else "big"
            return lambda reader, _: int.from_bytes(reader.take(size, name), end, signed=signed)  # type: ignore[arg-type]
        if kind in _FLOATS:
            return _float_reader(_FLOATS[kind], little, name)
        if kind in _SIZED:
            return _sized_reader(kind, self._count(entry.get("size"), f"{path}.size"), name)
        known = ", ".join([*_INTEGERS, *_FLOATS, *sorted(_SIZED)])
        raise SensorTypeError(f"{path}.type", f"{kind!r:.60} is no type; known are {known}")

    def _value(self, entry: dict[str, Any], path: str) -> Callable[[_Reader, dict[str, Any]], None]:
        self._only(entry, _VALUE_KEYS, path)
        name = self._name(entry, path)
        read = self._reads(entry, path, name)
        bits = _bits_of(entry.get("bits"), f"{path}.bits")
        missing = entry.get("missing", [])
        if not isinstance(missing, list):
            raise SensorTypeError(f"{path}.missing", "write the values that mean nothing as a list, like [65535]")
        scale, offset = (_number(entry.get(k, d), f"{path}.{k}") for k, d in (("scale", 1), ("offset", 0)))
        values = entry.get("values")
        if values is not None and not isinstance(values, dict):
            raise SensorTypeError(f"{path}.values", "write a look-up as a mapping, like {0: closed, 1: open}")
        plain = scale == 1 and offset == 0

        def step(reader: _Reader, out: dict[str, Any]) -> None:
            value = read(reader, out)
            for key, low, mask in bits:
                out[key] = (value >> low) & mask
            if value in missing:
                value = None
            elif values is not None:
                value = values.get(value, values.get(str(value), values.get("else")))
            elif not plain and value is not None:
                value = round(value * scale + offset, 9)  # 0.1 * 3 is meant to be 0.3
            out[name] = value

        if bits and _plain_type(entry.get("type")) not in _INTEGERS:
            raise SensorTypeError(f"{path}.bits", "only whole numbers have bits; read them as u8, u16 ...")
        if not plain and entry.get("type") in ("hex", "ascii", "bytes"):
            raise SensorTypeError(f"{path}.scale", "only numbers have a scale and an offset")
        return step

    def _at(self, entry: dict[str, Any], path: str, _: int) -> Callable[[_Reader, dict[str, Any]], None]:
        self._only(entry, frozenset({"at"}), path)
        place = entry["at"]
        if not isinstance(place, int) or isinstance(place, bool):
            raise SensorTypeError(f"{path}.at", f"{place!r:.60} is no place; count bytes from 0, or back from -1")

        def step(reader: _Reader, _: dict[str, Any]) -> None:
            pos = place if place >= 0 else len(reader.data) + place
            if not 0 <= pos <= len(reader.data):
                raise WrongValueError(f"{path}: the frame of {len(reader.data)} bytes has no byte {place}")
            reader.pos = pos

        return step

    def _skip(self, entry: dict[str, Any], path: str, _: int) -> Callable[[_Reader, dict[str, Any]], None]:
        self._only(entry, frozenset({"skip"}), path)
        count = self._count(entry["skip"], f"{path}.skip")

        def step(reader: _Reader, out: dict[str, Any]) -> None:
            reader.take(count(reader, out), "skip")

        return step

    def _expect(self, entry: dict[str, Any], path: str, _: int) -> Callable[[_Reader, dict[str, Any]], None]:
        self._only(entry, frozenset({"expect", "name"}), path)
        try:
            wanted = bytes.fromhex(entry["expect"])
        except (TypeError, ValueError):
            raise SensorTypeError(f"{path}.expect", "write the bytes in hexadecimal and quotes, like '68'") from None
        name = str(entry.get("name", "expect"))[:64]

        def step(reader: _Reader, _: dict[str, Any]) -> None:
            at = reader.pos
            found = reader.take(len(wanted), name)
            if found != wanted:
                raise WrongValueError(f"{name}: byte {at} is {found.hex()} where {wanted.hex()} is wanted")

        return step

    def _check(self, entry: dict[str, Any], path: str, _: int) -> Callable[[_Reader, dict[str, Any]], None]:
        self._only(entry, frozenset({"check", "from", "order"}), path)
        found = CHECKSUMS.get(entry["check"]) if isinstance(entry["check"], str) else None
        if found is None:
            raise SensorTypeError(
                f"{path}.check", f"{entry['check']!r:.60} is no checksum; known are {', '.join(CHECKSUMS)}"
            )
        size, run = found
        start = entry.get("from", 0)
        if not isinstance(start, int) or isinstance(start, bool) or start < 0:
            raise SensorTypeError(f"{path}.from", f"{start!r:.60} is no first byte")
        end = "little" if self._little(entry, path) else "big"
        name = entry["check"]

        def step(reader: _Reader, _: dict[str, Any]) -> None:
            reader.left -= (reader.pos - start) // _BYTES_A_VALUE
            wanted = run(reader.data[start : reader.pos])
            told = int.from_bytes(reader.take(size, name), end)  # type: ignore[arg-type]
            if told != wanted:
                raise WrongValueError(
                    f"{name}: the frame says {told:0{2 * size}x}, its bytes make {wanted:0{2 * size}x}", "bad_checksum"
                )

        return step

    def _when(self, entry: dict[str, Any], path: str, depth: int) -> Callable[[_Reader, dict[str, Any]], None]:
        self._only(entry, frozenset({"when", "fields"}), path)
        if not isinstance(entry["when"], str):
            raise SensorTypeError(f"{path}.when", "write the condition as a text, like 'version == 2'")
        holds = compile_expression(entry["when"], f"{path}.when")
        steps = self.steps(entry.get("fields"), f"{path}.fields", depth + 1)

        def step(reader: _Reader, out: dict[str, Any]) -> None:
            if holds(out):
                for one in steps:
                    one(reader, out)

        return step

    def _repeat(self, entry: dict[str, Any], path: str, depth: int) -> Callable[[_Reader, dict[str, Any]], None]:
        self._only(entry, frozenset({"repeat", "fields", "name"}), path)
        name = self._name(entry, path)
        rest = entry["repeat"] == "rest"
        count = self._count(entry["repeat"], f"{path}.repeat")
        steps = self.steps(entry.get("fields"), f"{path}.fields", depth + 1)

        def step(reader: _Reader, out: dict[str, Any]) -> None:
            items: list[dict[str, Any]] = []
            out[name] = items
            times = count(reader, out)
            while (reader.pos < len(reader.data)) if rest else len(items) < times:
                before, item = reader.pos, dict[str, Any]()
                for one in steps:
                    one(reader, item)
                if reader.pos <= before:
                    raise WrongValueError(f"{name}: an element of the list takes no bytes")
                items.append(item)

        return step

    def _tags(self, entry: dict[str, Any], path: str, depth: int) -> Callable[[_Reader, dict[str, Any]], None]:
        self._only(entry, frozenset({"tags", "length", "cases", "else", "order"}), path)
        kinds = entry["tags"] if isinstance(entry["tags"], list) else [entry["tags"]]
        order = {"order": entry.get("order", self.order)}
        tags = [self._reads({"type": k, **order}, f"{path}.tags", "tag") for k in kinds]
        length = (
            self._reads({"type": entry["length"], **order}, f"{path}.length", "length") if "length" in entry else None
        )
        unknown = entry.get("else", "skip" if length else "stop")
        if unknown not in ("skip", "stop", "refuse") or (unknown == "skip" and length is None):
            raise SensorTypeError(f"{path}.else", "write skip (where there is a length), stop or refuse")
        raw = entry.get("cases")
        if not isinstance(raw, dict) or not raw:
            raise SensorTypeError(
                f"{path}.cases", 'name the entries of each tag, like {"1": [{name: temp_c, type: i16}]}'
            )
        cases = {
            _tag_of(tag, len(kinds), f"{path}.cases"): self.steps(table, f"{path}.cases.{tag}", depth + 1)
            for tag, table in raw.items()
        }

        def step(reader: _Reader, out: dict[str, Any]) -> None:
            while reader.pos < len(reader.data):
                tag = tuple(read(reader, out) for read in tags)
                size = length(reader, out) if length else None
                end = None if size is None else reader.pos + int(size)
                if end is not None and end > len(reader.data):
                    raise WrongValueError(f"tag {_dotted(tag)}: {size} bytes are more than the frame has left")
                steps = cases.get(tag)
                if steps is None:
                    if unknown == "refuse":
                        raise WrongValueError(
                            f"tag {_dotted(tag)} at byte {reader.pos} is not in the table", "no_match"
                        )
                    if end is None or unknown == "stop":
                        return
                else:
                    for one in steps:
                        one(reader, out)
                reader.pos = reader.pos if end is None else end

        return step


def _plain_type(kind: Any) -> Any:
    """A type without its order of bytes: ``i16`` of ``i16le``."""
    return kind[:-2] if isinstance(kind, str) and kind[-2:] in ("le", "be") and kind[:-2] in _ORDERED else kind


def _dotted(tag: tuple[int, ...]) -> str:
    return ".".join(map(str, tag))


def _tag_of(tag: Any, parts: int, path: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part, 0 if part[:2].lower() == "0x" else 10) for part in str(tag).split("."))
    except ValueError:
        found = ()
    if len(found) != parts:
        raise SensorTypeError(
            path, f"{tag!r:.60} is no tag of {parts} numbers; write it like {'.'.join(['3'] * parts)!r}"
        )
    return found


def _bits_of(bits: Any, path: str) -> list[tuple[str, int, int]]:
    if bits is None:
        return []
    if not isinstance(bits, dict):
        raise SensorTypeError(path, "write bits as a mapping, like {door: 0, mode: [1, 3]}")
    out = []
    for name, place in bits.items():
        low, count = place if isinstance(place, list) and len(place) == 2 else (place, 1)
        right = all(isinstance(v, int) and not isinstance(v, bool) for v in (low, count))
        if (
            not isinstance(name, str)
            or not name.isidentifier()
            or not right
            or not (0 <= low < 64 and 1 <= count <= 64)
        ):
            raise SensorTypeError(f"{path}.{name!s:.40}", "a bit is a place from 0, or [first, how many]")
        out.append((name, low, (1 << count) - 1))
    return out


def _number(value: Any, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        raise SensorTypeError(path, f"{value!r:.60} is no number")
    return value


def _float_reader(size: int, little: bool, name: str) -> Callable[[_Reader, dict[str, Any]], float | None]:
    unpack = struct.Struct(("<" if little else ">") + ("f" if size == 4 else "d")).unpack

    def read(reader: _Reader, _: Mapping[str, Any]) -> float | None:
        value: float = unpack(reader.take(size, name))[0]
        if not abs(value) < float("inf"):  # NaN and infinity mean nothing
            return None
        return float(f"{value:.8g}") if size == 4 else value  # 12.34, not the 12.34000015 its 32 bits come to

    return read


def _sized_reader(
    kind: str, count: Callable[[_Reader, dict[str, Any]], int], name: str
) -> Callable[[_Reader, dict[str, Any]], Any]:
    def read(reader: _Reader, out: dict[str, Any]) -> Any:
        data = reader.take(count(reader, out), name)
        if kind == "hex":
            return data.hex()
        if kind == "ascii":
            return data.rstrip(b"\0 ").decode("ascii", "replace")
        if kind == "bytes":
            return data
        digits = (data[::-1] if kind == "bcd_le" else data).hex()
        if not digits.isdecimal() or len(digits) > 32:
            raise WrongValueError(f"{name}: {digits[:40]} are no decimal digits")
        return int(digits)

    return read
