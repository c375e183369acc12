"""What a resource of the catalogue is: owner, access class and figures, as rules and shapes. Pure.

The defaults are ours, to be replaced by what a city decides: who owns a kind of sensor, and who may see its data. A
class is ``public`` (anybody), ``internal`` (those who run the city) or ``personal`` (personal information in the sense
of the Personal Information Protection Law of 2021, articles 4 and 28).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from brain.model import Modality, Text
from brain.times import iso

if TYPE_CHECKING:
    from brain.model import SensorType

__all__ = ["KINDS", "Access", "Owner", "Resource", "access_of", "department_of"]

#: Kinds of resources in the order they are listed.
KINDS: Final = ("sensor-type", "data-set", "interface", "scene", "story", "device")


@dataclass(frozen=True, slots=True)
class Access:
    """Who may see it, and why."""

    level: str
    reason: Text


@dataclass(frozen=True, slots=True)
class Owner:
    """A department, or the site that a device belongs to; ``name`` where the city model has one."""

    kind: str
    id: str
    name: Text | None = None


_PLAIN: Final = Access(
    "internal", Text("设施运行数据，供城市运行使用", "running data of facilities, for those who run the city")
)
_FAMILY_ACCESS: Final = {
    Modality.METER: _PLAIN,
    Modality.VEHICLE: Access(
        "internal", Text("车辆位置可反映人员行踪，不对外公开", "positions of vehicles can tell where people go")
    ),
    Modality.LOW_ALTITUDE: Access(
        "internal", Text("含飞行活动与任务，不对外公开", "tells of flights and missions, which are not for everybody")
    ),
    Modality.VIDEO: Access(
        "personal",
        Text(
            "画面可识别个人（个人信息保护法第四、二十八条）", "pictures can identify a person (PIPL, articles 4 and 28)"
        ),
    ),
    Modality.SERVICE: _PLAIN,
}
_WEATHER: Final = Access(
    "public", Text("环境与水文观测，不涉及个人", "observations of weather and water, about nobody")
)
_HOME: Final = Access("personal", Text("用量可反映住户作息", "consumption tells the habits of a household"))
_SENSOR_ACCESS: Final = {
    "weather": _WEATHER,
    "rain-gauge": _WEATHER,
    "water-level": _WEATHER,
    "parking-lot": Access("public", Text("仅有车位总数，供公众查询", "only counts of free places, for everybody")),
    "traffic-detector": Access(
        "public", Text("断面平均值，不识别车辆", "averages over many vehicles, none is identified")
    ),
    "road-status": Access("public", Text("路段平均值，不识别车辆", "averages over many vehicles, none is identified")),
    **dict.fromkeys(("water-meter", "gas-meter", "heat-meter", "power-meter"), _HOME),
    "emergency-call": Access(
        "personal", Text("含呼救人与病情（敏感个人信息）", "caller and complaint: sensitive personal information")
    ),
}
_FAMILY_OWNER: Final = {
    Modality.METER: "operations_centre",
    Modality.VEHICLE: "transport",
    Modality.LOW_ALTITUDE: "public_security",
    Modality.VIDEO: "public_security",
    Modality.SERVICE: "operations_centre",
}
_SENSOR_OWNER: Final = {
    "gas-detector": "gas_company",
    "gas-meter": "gas_company",
    "water-meter": "water_company",
    "heat-meter": "heat_company",
    "heat-station": "heat_company",
    "power-meter": "power_company",
    "hydrant": "fire_rescue",
    "smoke-detector": "fire_rescue",
    "water-level": "water_authority",
    "rain-gauge": "water_authority",
    "elevator": "market_regulation",
    "parking-lot": "city_management",
    "weather": "meteorology",
    "traffic-detector": "traffic_police",
    "ambulance": "health_120",
    "emergency-call": "health_120",
    "hospital-status": "health_120",
    "road-status": "traffic_police",
}


def access_of(sensor_type: SensorType) -> Access:
    """The default class of a sensor type's data: of the type (or the one it stores as) where known, else of its family.

    Example:
        >>> from brain.model import SensorType
        >>> access_of(SensorType(id="x", family=Modality.VIDEO, name=Text("", ""), fields=())).level
        'personal'
    """
    return _SENSOR_ACCESS.get(sensor_type.into or sensor_type.id) or _FAMILY_ACCESS[sensor_type.family]


def department_of(sensor_type: SensorType) -> str:
    """The department that answers for a sensor type where nothing else is said.

    Example:
        >>> from brain.model import SensorType
        >>> department_of(SensorType(id="hydrant", family=Modality.METER, name=Text("", ""), fields=()))
        'fire_rescue'
    """
    return _SENSOR_OWNER.get(sensor_type.into or sensor_type.id) or _FAMILY_OWNER[sensor_type.family]


@dataclass(slots=True, kw_only=True)
class Resource:
    """One line of the catalogue.

    Attributes:
        key: Orders and names it among its kind.
        rows_per_h: Rows stored in the last hour.
        newest: When its newest row came, microseconds.
        quality: Share of the readings received that were stored or known already, 0..1.
        facts: What only its kind has: rows, bytes, topic, ...
    """

    kind: str
    key: str
    name: Text
    owner: Owner
    access: Access
    href: str
    family: str | None = None
    sensor_type: str | None = None
    district: str | None = None
    rows_per_h: int | None = None
    newest: int | None = None
    quality: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def haystack(self) -> str:
        """Where a search looks, in small letters."""
        parts = (self.key, self.name.zh, self.name.en, self.owner.id, self.sensor_type or "", self.access.level)
        return " ".join(parts).lower()

    def document(self, now: int) -> dict[str, Any]:
        """As the public surface shows it."""
        owner_name = self.owner.name
        return {
            "kind": self.kind,
            "id": self.key,
            "name": {"zh": self.name.zh, "en": self.name.en},
            "family": self.family,
            "sensor_type": self.sensor_type,
            "owner": {
                "kind": self.owner.kind,
                "id": self.owner.id,
                "name": None if owner_name is None else {"zh": owner_name.zh, "en": owner_name.en},
            },
            "district": self.district,
            "rows_per_h": self.rows_per_h,
            "newest_at": None if self.newest is None else iso(self.newest),
            "age_s": None if self.newest is None else max(0.0, round((now - self.newest) / 1e6, 1)),
            "quality": self.quality,
            "access": {
                "class": self.access.level,
                "reason": {"zh": self.access.reason.zh, "en": self.access.reason.en},
            },
            "href": self.href,
            **self.facts,
        }
