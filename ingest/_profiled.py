"""Messages that a profile reads: from what it makes of them to readings like the typed decoder's. Never raises."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingest._faults import Fault
from ingest._structs import LONGEST_TEXT, Kind, kind_of
from ingest.decoders import Message
from ingest.profile.mapping import Mapped, Refused, compile_mapping
from ingest.profile.native import kinds_of
from ingest.topics import TopicTree, parse_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from brain.model import SensorType
    from brain.registry import Registry
    from ingest.decoders import Memory

__all__ = ["Read", "Reader", "reader_of", "tree_of"]

_LARGEST: Final = 1_048_576


class Read(NamedTuple):
    """One reading of a message.

    Attributes:
        reading: As the decoder of ``Kind`` gives it.
        mapped: What the profile made, which knows where each value came from.
    """

    reading: Any
    mapped: Mapped


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """A profile made ready.

    Attributes:
        type: Its sensor type.
        target: Kind of the sensor type that its readings are stored as.
        run: What the mapping compiled to.
    """

    type: SensorType
    target: Kind
    run: Callable[..., list[Mapped | Refused] | None]

    def read(
        self,
        payload: bytes,
        captures: Mapping[str, str],
        received: int,
        memory: Memory,
        wrap: Callable[[Any], Any] | None = None,
    ) -> list[Read | tuple[str | None, Fault]] | None:
        """Readings, and (device, fault) of those that are refused, in order; None for a message that is ignored."""
        if len(payload) > self.type.max_bytes:
            hint = "; say max_bytes: 1048576" if len(payload) <= _LARGEST > self.type.max_bytes else ""
            told = f"payload: {len(payload)} bytes are more than {self.type.max_bytes}{hint}"
            return [(None, Fault("too_large", told))]
        try:
            made = self.run(Message(payload, captures, received, memory), wrap)
        except Exception as e:  # noqa: BLE001 - whatever a plug-in does wrong may cost its message, not ingest
            what = f"{type(e).__name__}: {e}"[:200]
            return [(None, Fault("no_match", f"payload: the decoder of {self.type.id} failed, mend it: {what}"))]
        if made is None:
            return None
        return [
            (None, Fault(one.reason, one.detail)) if isinstance(one, Refused) else self._reading(one) for one in made
        ]

    def _reading(self, mapped: Mapped) -> Read | tuple[str | None, Fault]:
        for name, value in mapped.values.items():
            fault = self._misfit(name, value)
            if fault is not None:
                return mapped.device, Fault(fault.reason, mapped.told(fault.detail))
        values = {f"v_{name}": value for name, value in mapped.values.items()}
        if mapped.time is not None:
            values["v_time"] = mapped.time / 1000
        return Read(type(self.target.blank)(**values), mapped)

    def _misfit(self, name: str, value: Any) -> Fault | None:
        """What the typed decoder would have refused before anybody judged it."""
        if isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                cut = f"; cut it: from: ...[:{LONGEST_TEXT}]" if name not in ("id", "status") else ""
                return Fault("bad_text", f"{name}: {len(value)} characters are more than {LONGEST_TEXT}{cut}")
            allowed = _lists(self.target).get(name)
            if allowed is not None and value not in allowed:
                shown = ", ".join(allowed)
                return Fault("not_in_list", f'{name}: "{value[:80]}" is none of {shown}')
        elif isinstance(value, float) and math.isinf(value):
            return Fault("out_of_range", f"{name}: infinity is beyond what a number can hold")
        return None


@lru_cache(maxsize=8192)
def _lists(kind: Kind) -> dict[str, tuple[str, ...]]:
    return {c.name: c.values for c in kind.columns if c.values is not None}


@lru_cache(maxsize=8192)
def reader_of(sensor_type: SensorType, target: SensorType) -> Reader:
    """The reader of a sensor type that has a profile; made once.

    Args:
        sensor_type: With ``profile``.
        target: What it stores as; the sensor type itself where it has no ``into``.
    """
    assert sensor_type.profile is not None
    return Reader(
        sensor_type, kind_of(target), compile_mapping(json.loads(sensor_type.profile), kinds_of(target.fields))
    )


_parsed = lru_cache(maxsize=65_536)(parse_topic)


def tree_of(registry: Registry) -> TopicTree:
    """The readers of all profiles in force, by their topics.

    Example:
        >>> from brain.registry import Registry
        >>> bool(tree_of(Registry([], [])))
        False
    """
    tree = TopicTree()
    for reader, topics in _readers(registry):
        for topic in topics:
            tree.add(_parsed(topic, "topics"), reader)
    return tree


def _readers(registry: Registry) -> Iterator[tuple[Reader, tuple[str, ...]]]:
    for sensor_type in registry.sensor_types.values():
        if sensor_type.profile is None or sensor_type.retired:
            continue
        target = sensor_type if sensor_type.into is None else registry.sensor_types.get(sensor_type.into)
        if target is not None:
            yield reader_of(sensor_type, target), sensor_type.topics
