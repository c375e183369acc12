"""The in-memory twin's quarantine: records by number, what waits of them, and which pass a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brain.store._queries import MOST_RETRIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.store.base import Quarantined, QuarantineQuery

__all__ = ["Quarantine"]


class Quarantine:
    """Records of refused readings, numbered from 1."""

    def __init__(self) -> None:
        self.records: dict[int, dict[str, Any]] = {}
        self._top = 0

    def __len__(self) -> int:
        return len(self.records)

    def add(self, refused: Quarantined) -> None:
        """Keep a refused reading."""
        self._top += 1
        names = (
            "received_at",
            "topic",
            "sensor_type",
            "device",
            "reason",
            "detail",
            "payload",
            "size",
            "place",
            "version",
        )
        record = {n: getattr(refused, n) for n in (*names, "place", "version")}
        self.records[self._top] = {"quarantine_id": self._top, **record, "retries": 0, "mended_at": None}

    def tried(self, quarantine_id: int, refused: Sequence[tuple[str, str]], at: int) -> None:
        """Note a new try: refused again, and why, or stored; what other records of the message wait for is theirs."""
        record = self.records.get(quarantine_id)
        if record is not None:
            message = record["received_at"], record["topic"]
            others = {
                (r["reason"], r["detail"])
                for r in self.records.values()
                if refused and (r["received_at"], r["topic"]) == message and r["mended_at"] is None and r is not record
            }
            still = next((one for one in refused if one not in others), None)
            record["retries"] += 1
            record["mended_at"] = at if still is None else None
            if still is not None:
                record["reason"], record["detail"] = still

    def matching(self, query: QuarantineQuery) -> list[dict[str, Any]]:
        """Records that pass the filters, newest first."""
        return [
            r
            for r in reversed(self.records.values())
            if query.reason in (None, r["reason"])
            and query.topic in (None, r["topic"])
            and query.sensor_type in (None, r["sensor_type"])
            and (query.start is None or r["received_at"] >= query.start)
            and (query.end is None or r["received_at"] < query.end)
            and query.mended in (None, r["mended_at"] is not None)
        ]

    def waiting(self, query: QuarantineQuery, handed_in: set[int]) -> list[dict[str, Any]]:
        """Records to be tried again: those tried least first, then the oldest."""
        found = [
            r
            for r in self.matching(query)[::-1]
            if r["mended_at"] is None and len(r["payload"]) == r["size"] and r["quarantine_id"] not in handed_in
        ]
        found.sort(key=lambda r: r["retries"])
        return found[: max(1, min(query.limit, MOST_RETRIES))]

    def summary(self) -> list[dict[str, Any]]:
        """What still waits, most first."""
        groups: dict[tuple[str, str | None], dict[str, Any]] = {}
        for r in self.records.values():
            if r["mended_at"] is None:
                at = r["received_at"]
                group = groups.setdefault(
                    (r["reason"], r["sensor_type"]),
                    {"reason": r["reason"], "sensor_type": r["sensor_type"], "count": 0, "oldest": at, "newest": at},
                )
                group["count"] += 1
                group["oldest"], group["newest"] = min(group["oldest"], at), max(group["newest"], at)
        return sorted(
            groups.values(),
            key=lambda g: (-g["count"], g["reason"], g["sensor_type"] is None, g["sensor_type"] or ""),
        )

    def clean(self, before: int) -> int:
        """Forget records from before a time; how many."""
        gone = [i for i, r in self.records.items() if r["received_at"] < before]
        for i in gone:
            del self.records[i]
        return len(gone)
