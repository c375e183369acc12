"""HJ 212-2017 and HJ/T 212-2005: monitoring stations of polluters, air and water. Pure.

Frame (HJ 212-2017 6.3.1, table 1), ASCII:

| part | bytes | holds |
|---|---|---|
| head | 2 | ``##`` |
| length | 4 | decimal, bytes of the body |
| body | 0..9999 | see below |
| CRC | 4 | hexadecimal, CRC-16 of the body (appendix A) |
| tail | 2 | CR LF; gateways may cut it off |

Body (6.3.2, table 2): ``QN=`` request number ``ST=`` system (table 5) ``CN=`` command (table 6) ``PW=`` ``MN=`` number of
the station ``Flag=`` ``PNUM=`` packets in all ``PNO=`` which of them ``CP=&&`` data ``&&``, each ended by ``;``. Data:
``DataTime=20260701140000;a21026-Rtd=1.2,a21026-Flag=N;...``: groups ended by ``;``, of parts ended by ``,``, each
``code-part=value`` (table 7).

| CN | window | its parts |
|---|---|---|
| 2011 | ``real_time`` | ``Rtd``, ``ZsRtd`` (converted), ``Flag`` |
| 2051 / 2061 / 2031 | ``minutes`` / ``hours`` / ``day`` | ``Cou Min Avg Max``, ``ZsMin ZsAvg ZsMax``, ``Flag`` |

Data flags (table 8, and 2005 table 5) become a status; the value stays. A packet carries whole groups, so each is stored when it comes; one
without DataTime has that of an earlier packet of the same station and QN. Other commands hold no measurements.
"""  # noqa: E501 - tables

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Memory, Message
from ingest.decoders._pollutants import POLLUTANTS, unit_of
from ingest.profile.checksums import CHECKSUMS
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_HEAD: Final = b"##"
_WINDOWS: Final = {"2011": "real_time", "2051": "minutes", "2061": "hours", "2031": "day"}
_PARTS: Final = {
    "rtd", "avg", "min", "max", "cou", "flag", "sampletime", "zsrtd", "zsavg", "zsmin", "zsmax", "eflag",
}  # fmt: skip
_STATUS: Final = {
    "N": "ok",
    "F": "ok",  # the plant stands still, the instrument measures
    "C": "calibrating",
    "M": "maintenance",
    "S": "maintenance",  # set by hand
    "D": "fault",
    "T": "fault",  # beyond the range of the instrument
    "B": "fault",  # no connection to it
    "P": "fault",  # 2005: no power
    "0": "calibrating",  # 2005, air stations: 0 calibration, 1 weather, 2 abnormal, 3 normal
    "1": "ok",
    "2": "fault",
    "3": "ok",
}
_MOST_TIMES: Final = 8
_LONGEST_MN: Final = 100
_MOST_GROUPS: Final = 5_000
_UNIT: Final = re.compile(r"[!-~]{1,48}")
# crc = TABLE[(crc >> 8) ^ byte]: the low byte of the last step is dropped, unlike in CRC-16/MODBUS.
_TABLE: Final = tuple(CHECKSUMS["crc16_hj212"][1](bytes([0xFF ^ i])) for i in range(256))


def _crc(body: bytes) -> int:
    crc = 0xFFFF
    for byte in body:
        crc = _TABLE[(crc >> 8) ^ byte]
    return crc


def _frames(data: bytes, settings: Mapping[str, Any]) -> list[tuple[bytes, bool]]:
    """Bodies, and whether the checksum of each is right, where it need not be."""
    out: list[tuple[bytes, bool]] = []
    at = 0
    while at < len(data):
        if data[at : at + 2] != _HEAD:
            raise WrongValueError(f"payload: byte {at} is {data[at : at + 2]!r} where ## begins a frame", "no_match")
        told = data[at + 2 : at + 6]
        if len(told) < 4 or not told.isdigit():
            raise WrongValueError(f"length: {told!r} are not 4 digits", "wrong_type")
        end = at + 6 + int(told)
        body, crc = data[at + 6 : end], data[end : end + 4]
        if len(crc) < 4:
            raise WrongValueError(
                f"length: the frame says {int(told)} bytes, {max(0, len(data) - at - 10)} stand before its checksum",
                "missing",
            )
        wanted = _crc(body)
        try:
            right = int(crc, 16) == wanted
        except ValueError:
            right = False
        if not right and not _is_excused(body, settings):
            raise WrongValueError(f"crc: the frame says {crc!r}, its bytes make {wanted:04X}", "bad_checksum")
        out.append((body, right))
        at = end + 4
        while data[at : at + 1] in (b"\r", b"\n"):
            at += 1
    if not out:
        raise WrongValueError("payload: there is no frame in it", "missing")
    return out


def _is_excused(body: bytes, settings: Mapping[str, Any]) -> bool:
    """Whether a station may send wrong checksums."""
    if settings["accept_bad_crc"] or not settings["bad_crc_stations"]:
        return bool(settings["accept_bad_crc"])
    return _pairs(body.partition(b"CP=")[0].decode("ascii", "replace")).get("MN") in settings["bad_crc_stations"]


def _pairs(text: str) -> dict[str, str]:
    """``k=v;k=v`` before the data."""
    out: dict[str, str] = {}
    for pair in text.split(";"):
        key, found, value = pair.partition("=")
        if found:
            out[key.strip()] = value.strip()
    return out


def _values(data: str, system: str | None, units: Mapping[str, str]) -> tuple[str | None, list[dict[str, Any]]]:
    """DataTime, and an object a code."""
    time: str | None = None
    out: list[dict[str, Any]] = []
    groups = data.split(";")
    if len(groups) > _MOST_GROUPS:
        raise WrongValueError(f"CP: {len(groups)} groups are more than {_MOST_GROUPS}", "too_large")
    for group in groups:
        here: dict[str, dict[str, Any]] = {}
        for part in group.split(","):
            name, found, value = part.partition("=")
            code, dash, what = name.strip().rpartition("-")
            value = value.strip()
            if name.strip() == "DataTime":
                time = value
            elif found and dash and code and what.lower() in _PARTS:
                if code not in here:
                    known = POLLUTANTS.get(code)
                    unit = units.get(code) or unit_of(code, system)
                    here[code] = {"code": code, "name": known[0] if known else None, "unit": unit}
                here[code][what.lower()] = value
        for item in here.values():
            if "flag" in item:
                item["status"] = _STATUS.get(item["flag"].upper())
            out.append(item)
    return time, out


def _time(head: Mapping[str, str], own: str | None, memory: Memory) -> str:
    """DataTime of a packet: its own, or that of the packets before it."""
    packets, station, request = head.get("PNUM", "1"), head["MN"], head.get("QN", "")
    joined = packets.isdigit() and int(packets) > 1 and request
    times = dict(memory.get(station) or {}) if joined else {}
    if own:
        if joined:
            times.pop(request, None)
            times[request] = own
            memory.put(station, dict(list(times.items())[-_MOST_TIMES:]))
        return own
    if request in times:
        found: str = times[request]
        return found
    raise WrongValueError(
        "CP.DataTime: not there, and no packet before this one of the same MN and QN had it", "missing"
    )


def _document(body: bytes, right: bool, settings: Mapping[str, Any], memory: Memory) -> dict[str, Any] | None:
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        text = body.decode("gb18030", "replace")
    front, found, data = text.partition("CP=&&")
    head = _pairs(front)
    command = head.get("CN")
    if command is None:
        raise WrongValueError("CN: the body names no command", "missing")
    if command not in _WINDOWS:
        return None
    if not found:
        raise WrongValueError("CP: the body has no data between && and &&", "missing")
    station = head.get("MN", "")
    if not 1 <= len(station) <= _LONGEST_MN:
        raise WrongValueError(
            f"MN: {station!r:.60} is no number of a station", "missing" if not station else "wrong_type"
        )
    system = head.get("ST")
    own, values = _values(data.partition("&&")[0], system, settings["units"])
    time = _time(head, own, memory)
    if not values:
        return None
    return {
        "mn": station,
        "st": system,
        "cn": command,
        "qn": head.get("QN"),
        "pno": head.get("PNO"),
        "pnum": head.get("PNUM"),
        "window": _WINDOWS[command],
        "data_time": time,
        "crc_ok": right,
        "values": values,
    }


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """The documents of a payload, one a frame that holds measurements.

    Raises:
        WrongValueError: A frame cannot be read; ``bad_checksum``, ``missing``, ``wrong_type``, ``no_match``,
            ``too_large``.

    Example:
        >>> body = b"ST=31;CN=2011;MN=A1;CP=&&DataTime=20260701140000;a21026-Rtd=1.5,a21026-Flag=C&&"
        >>> frame = b"##%04d%s%04X" % (len(body), body, _crc(body))
        >>> read(Message(frame, {}, 0), FORMAT.settings)[0]["values"]
        [{'code': 'a21026', 'name': 'so2', 'unit': 'mg/m3', 'rtd': '1.5', 'flag': 'C', 'status': 'calibrating'}]
    """
    found = [_document(body, right, settings, message.memory) for body, right in _frames(message.payload, settings)]
    return [document for document in found if document is not None]


def _check(settings: Mapping[str, Any]) -> None:
    if not all(isinstance(station, str) for station in settings["bad_crc_stations"]):
        raise ValueError("bad_crc_stations: write the numbers (MN) of stations as texts, in quotes")
    for code, unit in settings["units"].items():
        if not isinstance(code, str) or not isinstance(unit, str) or not _UNIT.fullmatch(unit):
            raise ValueError(f"units: {code!r:.40}: {unit!r:.40} is no code with a UCUM unit; quote codes like '060'")


FORMAT: Final = Format(
    name="hj212",
    title="HJ 212-2017 and HJ/T 212-2005, environmental monitoring stations",
    read=read,
    settings={"accept_bad_crc": False, "bad_crc_stations": [], "units": {}},
    check=_check,
)
