"""Which of the values of a document are its time, its device and its place. Pure; by names and values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingest.infer.draft import field_name
from ingest.infer.shape import is_meta
from ingest.profile.clock import time_reader, zone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.infer.shape import Leaf, Shape

__all__ = ["TopicGuess", "device_of", "form_of_time", "position_of", "time_of", "topic_of"]

_TIMES_TEXT: Final = """
observed_at event_time measured_at measurement_time sample_time collect_time timestamp time_stamp ts time date_time
datetime date_observed utc_time utc tst t recorded_at reported_at report_time create_time created_at data_time gps_time
frame_time start_time last_seen time_instant received_at rx_time date dt origin epoch unixtime unix_time when reported
"""
_TIMES: Final = _TIMES_TEXT.split()
_DEVICES_TEXT: Final = """
dev_eui deveui device_eui device_id deviceid dev_id devid device_sn devsn sensor_id sensorid meter_id meter_no meterid
node_id nodeid station_id station_code sn serial serial_number serial_no serialno mac mac_address imei device_name
device dev camera vehicle_id asset_id thing_id thing src sensor station mn uas_id icao mmsi
"""
_DEVICES: Final = _DEVICES_TEXT.split()
_WORDS_TEXT: Final = """
tele stat cmnd sensor sensors state status up uplink event events telemetry data report post v1 v2 v3 device devices
application app gateway iot mqtt home city thing sys properties property osd json rpc messages message
attributes attribute info upload measurements measurement out in pub value values update notify result reports topic
site sites building room floor
"""
_WORDS: Final = frozenset(_WORDS_TEXT.split())
"""Levels of topics that name no device."""
_WEAK_DEVICES: Final = ("id", "name", "uid", "uuid", "key")
_LATS: Final = re.compile(r"^(gps_?)?lat(itude)?(_(deg|wgs84|i|e7))?$|^wd$")
_LONS: Final = re.compile(r"^(gps_?)?(lon|lng|long|longitude)(itude)?(_(deg|wgs84|i|e7))?$|^jd$")
_ALTS: Final = re.compile(r"^(gps_?)?alt(itude)?(_(m|msl))?$")
_IDS: Final = re.compile(r"(^|_)(id|no|nr|num|number|code|sn|serial|imei|mac|eui|key)$")
_OF_OTHERS: Final = frozenset("gateway gateways gw gws hardware radio rx rxinfo antenna station_info home".split())  # noqa: SIM905
_PATTERNS: Final = (
    "%Y%m%d%H%M%S",
    "%Y/%m/%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%d-%b-%Y %H:%M:%S",
    "%Y%m%d%H%M",
    "%y%m%d%H%M%S",
)
_UNIX: Final = (("unix_s", 1e9), ("unix_ms", 1e12), ("unix_us", 1e15), ("unix_ns", 1e18))
_FIRST, _LAST = 0.9, 4.2  # of 1e9 seconds: the years 1998 to 2103
_SURE_BUT_UNNAMED: Final = 100
_UTC: Final = zone_of("UTC", "")


def form_of_time(values: Sequence[Any]) -> tuple[str, bool] | None:
    """How times are written and whether they lack a zone; None where these are no times.

    Example:
        >>> form_of_time([1782914400]), form_of_time(["20260701140000"]), form_of_time(["2026-07-01T14:00:00+08:00"])
        (('unix_s', False), ('%Y%m%d%H%M%S', True), ('iso', False))
        >>> form_of_time([21.5]) is None
        True
    """
    numbers = [_as_number(v) for v in values]
    plain = [n for n in numbers if n is not None]
    if values and len(plain) == len(values):
        for form, size in _UNIX:
            if all(_FIRST * size <= n <= _LAST * size for n in plain):
                return form, False
    if not values or any(isinstance(v, (float, bool)) for v in values):
        return None
    for form in ("iso", *_PATTERNS, "auto"):
        if form == "iso" and len(plain) == len(values):
            continue  # a bare number of 8 digits may be anything
        if _all_read(form, values, zoned=True):
            return form, False
        if _all_read(form, values, zoned=False):
            return form, True
    return None


def _as_number(value: Any) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"\d{9,20}(\.\d+)?", value):
        return float(value)
    return None


def _all_read(form: str, values: Sequence[Any], *, zoned: bool) -> bool:
    read = time_reader(form, None if zoned else _UTC, "")
    try:
        return all(0 < read(v) < _LAST * 1e15 for v in values)
    except ValueError:
        return False


def _is_surely_time(values: Sequence[Any]) -> bool:
    """Whether these are times by what they look like: ISO texts with a clock, or milliseconds and finer since 1970."""
    if not values:
        return False
    if all(isinstance(v, str) and re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", v) for v in values):
        return True
    found = form_of_time(values) if all(isinstance(v, int) for v in values) else None
    return found is not None and found[0] in ("unix_ms", "unix_us", "unix_ns")


def time_of(found: Sequence[Leaf], count: int) -> tuple[Leaf, str, bool] | None:
    """The leaf that tells the time in most of ``count`` objects, its form, and whether it lacks a zone."""
    ranked: list[tuple[int, int, Leaf, str, bool]] = []
    for leaf in found:
        name = field_name(leaf.name)
        rank = next((i for i, n in enumerate(_TIMES) if name == n), None)
        if rank is None:
            ends = re.search(r"(^|_)(time|ts|timestamp|date|at)$", name)
            rank = len(_TIMES) if ends else None
        if rank is None and not _IDS.search(name) and _is_surely_time(leaf.shape.there):
            rank = _SURE_BUT_UNNAMED
        often = len(leaf.shape.there) >= 0.6 * min(count, 200)
        form = form_of_time(leaf.shape.there) if rank is not None and often else None
        if rank is not None and form is not None:
            ranked.append((rank + 8 * len(leaf.path), len(ranked), leaf, *form))
    if not ranked:
        return None
    _, _, leaf, as_, bare = min(ranked, key=lambda r: r[:2])
    return leaf, as_, bare


def device_of(found: Sequence[Leaf], count: int, *, weak: bool) -> Leaf | None:
    """The leaf that names the device in most of ``count`` objects; weak names (``id``, ``name``) where asked for."""
    names = _WEAK_DEVICES if weak else _DEVICES
    ranked: list[tuple[int, int, Leaf]] = []
    for leaf in found:
        name = field_name(leaf.path[-1])
        values = leaf.shape.there
        named = values and all(isinstance(v, (str, int)) and not isinstance(v, bool) and str(v).strip() for v in values)
        if name in names and named and len(values) >= 0.8 * min(count, 200) and all(len(str(v)) <= 128 for v in values):
            ranked.append((names.index(name) + 2 * len(leaf.path), len(ranked), leaf))
    return min(ranked, key=lambda r: r[:2])[2] if ranked else None


def position_of(shape: Shape, path: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """The paths of longitude, latitude and height (``lon lat alt_m``, with ``divide``), or of a GeoJSON ``point``."""
    names = {field_name(k): k for k in shape.keys}

    def named(pattern: re.Pattern[str], low: float, high: float) -> str | None:
        for name, key in names.items():
            values = [v for v in (_float(v) for v in shape.keys[key].there) if v is not None]
            if pattern.match(name) and values and all(low <= v / _scale(values) <= high for v in values):
                return key
        return None

    lat, lon = named(_LATS, -90, 90), named(_LONS, -180, 180)
    if lat is not None and lon is not None:
        out: dict[str, Any] = {"lon": [*path, lon], "lat": [*path, lat]}
        values = [v for v in (_float(v) for v in shape.keys[lon].there) if v is not None]
        out["divide"] = _scale(values)
        alt = next(
            (k for n, k in names.items() if _ALTS.match(n) and all(_float(v) is not None for v in shape.keys[k].there)),
            None,
        )
        if alt is not None and out["divide"] == 1:  # whole numbers are seldom metres
            out["alt_m"] = [*path, alt]
        return out
    if "coordinates" in shape.keys and "type" in shape.keys and shape.keys["coordinates"].items is not None:
        return {"point": list(path)} if path else None
    return _position_inside(shape, path)


def _position_inside(shape: Shape, path: tuple[str, ...]) -> dict[str, Any] | None:
    if len(path) >= 4:
        return None
    for key, inner in shape.keys.items():
        others = key.lower() in _OF_OTHERS or "home" in key.lower()  # a gateway's place is not that of the device
        if inner.objects and not is_meta(key) and inner.moving() is None and not others:
            found = position_of(inner, (*path, key))
            if found is not None:
                return found
    return None


def _float(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _scale(values: Sequence[float]) -> float:
    """Degrees are sent as they are, or times ten million."""
    return 1e7 if values and max(abs(v) for v in values) > 1e6 else 1.0


class TopicGuess(NamedTuple):
    """What topics let guess.

    Attributes:
        filter: With captures, None where there was no topic.
        words: What stays the same, for the id of the sensor type.
        sure: Whether the level of the device is known: it changes, or the payload names it.
    """

    filter: str | None
    words: str
    sure: bool


def topic_of(topics: Sequence[str], devices: Sequence[str] = (), *, wanted: bool = True) -> TopicGuess:
    """The filter that takes these topics.

    Args:
        topics: As they came.
        devices: Names of devices that the payloads told.
        wanted: Whether a level has to be the device; else only one that looks like it is.

    Example:
        >>> topic_of(["tele/plug-1/SENSOR", "tele/plug-2/SENSOR"]).filter
        'tele/{device}/SENSOR'
        >>> topic_of(["zigbee2mqtt/kitchen"]), topic_of(["a/d1/x", "a/d1/x/y"]).filter
        (TopicGuess(filter='zigbee2mqtt/{device}', words='zigbee2mqtt', sure=False), 'a/{device}/{rest*}')
    """
    split = [t.split("/") for t in dict.fromkeys(topics)]
    if not split:
        return TopicGuess(None, "", sure=False)
    length = min(map(len, split))
    rest = any(len(parts) > length for parts in split)
    columns = [list(dict.fromkeys(parts[i] for parts in split)) for i in range(length - rest)]
    if not columns:
        return TopicGuess(None, "", sure=False)
    told = [i for i, column in enumerate(columns) if set(column) <= set(devices)]
    moving = [i for i, column in enumerate(columns) if len(column) > 1 and not {c.lower() for c in column} <= _WORDS]
    names = [i for i, column in enumerate(columns) if column[0] and column[0].lower() not in _WORDS and i > 0]
    first = [0] if columns[0][0].lower() not in {*_WORDS, ""} and len(columns) > 1 else []
    if not wanted:
        names, first = [i for i in names if re.search(r"\d", columns[i][0])], []
    last = [len(columns) - 1] if wanted else [-1]
    at = (told or moving or names[-1:] or first or last)[0]
    out, words = [], []
    for i, column in enumerate(columns):
        if i == at:
            out.append("{device}")
        elif len(column) > 1 or re.search(r"[{}+#]", column[0]):
            out.append(f"{{level_{i + 1}}}")
        else:
            out.append(column[0])
            words.append(column[0])
    if rest:
        out.append("{rest*}")
    return TopicGuess("/".join(out), "-".join(w for w in words if w not in ("city", "")), sure=bool(told or moving))
