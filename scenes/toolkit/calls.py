"""Emergency calls: what a complaint asks of a crew and a hospital, and which calls tell of the same patient.

Enters: ``emergency-call`` batches. Leaves: ``Call`` tuples and facts about complaints. Pure. The table is ours where no
source is named; a complaint that is not in it is a medical one of its own group that any crew and hospital can take.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from brain.model import Text
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.model import Batch
    from brain.registry import Registry

__all__ = [
    "COMPLAINTS",
    "TAKEN_BACK",
    "Call",
    "Complaint",
    "calls_of",
    "complaint_of",
    "is_medical",
    "same_patient",
]


class Complaint(NamedTuple):
    """What the dispatcher heard.

    Attributes:
        group: Complaints of one group may be two callers' words for one patient.
        title: For people.
        priority: Where the call names none; 1 is the highest.
        hospital: Capability the hospital must have, None: any. ``major`` ones ask for it at priority 1 only.
        major: See ``hospital``.
    """

    group: str
    title: Text
    priority: int = 2
    hospital: str | None = None
    major: bool = False


COMPLAINTS: Final[dict[str, Complaint]] = {
    "cardiac_arrest": Complaint("cardiac", Text("疑似心脏骤停", "Suspected cardiac arrest"), 1, "pci"),
    "stemi": Complaint("cardiac", Text("疑似急性心肌梗死", "Suspected heart attack"), 1, "pci"),
    "chest_pain": Complaint("cardiac", Text("胸痛", "Chest pain"), 2),
    "unconscious": Complaint("cardiac", Text("意识丧失", "Unconscious person"), 1),
    "stroke": Complaint("stroke", Text("疑似脑卒中", "Suspected stroke"), 1, "stroke"),
    "trauma_fall": Complaint("trauma", Text("跌倒外伤", "Injury by a fall"), 2, "trauma", major=True),
    "trauma_road": Complaint("trauma", Text("交通伤", "Road injury"), 2, "trauma", major=True),
    "entrapment": Complaint("entrapment", Text("人员被困", "Person trapped"), 2, "trauma", major=True),
}
# Words of other services (119, 110, 12345): a call with one of them is no patient.
TAKEN_BACK: Final = frozenset({"false_alarm", "cancelled", "canceled", "hoax"})  # said again of a call: it was none
NOT_MEDICAL: Final = frozenset({"fire", "smoke", "flame", "gas_smell", "gas_leak", "crime", "noise", "flood"})


def complaint_of(word: str | None) -> Complaint:
    """The facts of a complaint; unknown words are a group of their own.

    Example:
        >>> complaint_of("stemi").group, complaint_of("trauma_burn").group, complaint_of("cough").group
        ('cardiac', 'trauma', 'cough')
    """
    known = COMPLAINTS.get(word or "")
    if known is not None:
        return known
    if word and word.startswith("trauma_"):
        return Complaint("trauma", Text("外伤", "Injury"), 2, "trauma", major=True)
    return Complaint(word or "unknown", Text("医疗急救", "Medical emergency"), 2)


def is_medical(word: str | None) -> bool:
    """False for complaints that belong to other services.

    Example:
        >>> is_medical("stroke"), is_medical("gas_smell"), is_medical(None)
        (True, False, True)
    """
    return (word or "") not in NOT_MEDICAL


class Call(NamedTuple):
    """One call as it came.

    Attributes:
        call_id: The centre's number, or device and time where it gives none.
        device: Name of the device that sent it.
        priority: 1 (highest) to 3.
        lon, lat: NaN where unknown.
        pos_err_m: Radius within which the place is sure; 0 where nobody says.
        time, received_at: Microseconds.
        position: Log position.
    """

    call_id: str
    device: str
    complaint: str
    priority: int
    caller: str | None
    node: str | None
    lon: float
    lat: float
    time: int
    received_at: int
    position: int
    pos_err_m: float = 0.0


def calls_of(batch: Batch, registry: Registry) -> Iterator[Call]:
    """The calls of a batch in order."""
    time, received = batch.time.astype("M8[us]").astype(np.int64), batch.received_at.astype("M8[us]").astype(np.int64)
    for i in range(len(batch)):
        device = registry.by_id(int(batch.device[i]))
        name = device.name if device is not None else str(int(batch.device[i]))
        word, given = batch["complaint"][i], float(batch["priority"][i])
        fallback = complaint_of(word).priority
        yield Call(
            call_id=batch["call_id"][i] or f"{name}@{int(time[i])}",
            device=name,
            complaint=word or "unknown",
            priority=fallback if math.isnan(given) else min(3, max(1, int(given))),
            caller=batch["caller"][i],
            node=batch["node"][i],
            lon=float(batch["lon"][i]),
            lat=float(batch["lat"][i]),
            time=int(time[i]),
            received_at=int(received[i]),
            position=int(batch.position[i]),
            pos_err_m=0.0 if math.isnan(error := float(batch["pos_err_m"][i])) else error,
        )


def same_patient(
    a: tuple[str, float, float, int], b: tuple[str, float, float, int], radius_m: float, seconds: float
) -> bool:
    """Whether two reports (complaint group, lon, lat, time in microseconds) tell of one patient (rule F7).

    Example:
        >>> same_patient(("cardiac", 120.0, 36.0, 0), ("cardiac", 120.001, 36.0, 60_000_000), 150.0, 300.0)
        True
        >>> same_patient(("cardiac", 120.0, 36.0, 0), ("stroke", 120.0, 36.0, 0), 150.0, 300.0)
        False
    """
    if a[0] != b[0] or abs(a[3] - b[3]) > seconds * 1e6:
        return False
    if any(map(math.isnan, (a[1], a[2], b[1], b[2]))):
        return False
    return metres(a[1], a[2], b[1], b[2]) <= radius_m
