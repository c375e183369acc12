r"""Sentences of NMEA 0183 (IEC 61162-1): position receivers, ships' and weather instruments, AIS. Pure.

| part | is |
|---|---|
| ``\...*hh\`` | a tag block (IEC 61162-450), of sources and times of gateways; passed over |
| ``$`` or ``!`` | where a sentence begins |
| address | talker and kind: ``GPRMC`` is ``GP`` and ``RMC``; of makers ``PGRMZ`` is ``P`` and ``GRMZ`` |
| ``,``-separated fields | texts; 0 is the address, so numbers are those of the makers' tables |
| ``*hh`` | xor of all bytes between ``$`` and ``*``, two hexadecimal digits |

One document: the list of the sentences of a message, so that one row can take values of several. A sentence whose
checksum is wrong is refused by itself, those beside it are read. What stands before ``$`` on a line is passed over.
"""

from __future__ import annotations

import re
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Message
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_SENTENCE: Final = re.compile(r"[$!]([A-Za-z0-9]{3,12}(?:,[^*\r\n$]*)?)(\*[^\r\n]*)?$")
_MOST: Final = 2_000
_LONGEST: Final = 1_024  # the standard has 82 characters, makers more


def _checked(body: str, told: str | None, *, needed: bool) -> None:
    """See whether the checksum is right."""
    shown = ascii(f"${body[:40]}")[:60]
    if told is None:
        if needed:
            raise WrongValueError(
                f"payload: {shown} has no checksum; say checksum: optional where the device sends none", "bad_checksum"
            )
        return
    made = reduce(xor, body.encode("utf-8", "replace"), 0)
    if told[1:].strip().upper() != f"{made:02X}":
        raise WrongValueError(
            f"payload: the checksum of {shown} is {made:02X}, not {told[1:9].strip()!a:.20}", "bad_checksum"
        )


def _read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    text = message.payload.decode("utf-8", "replace")
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    if not lines:
        raise WrongValueError("payload: there is no sentence in it", "missing")
    if len(lines) > _MOST:
        raise WrongValueError(f"payload: {len(lines)} sentences are more than {_MOST}", "too_large")
    good: list[dict[str, Any]] = []
    bad: list[WrongValueError] = []
    for line in lines:
        found = _SENTENCE.search(line) if len(line) <= _LONGEST else None
        if found is None:
            bad.append(WrongValueError(f"payload: {line[:60]!a:.62} is no sentence like $GPRMC,...*6A", "not_json"))
            continue
        try:
            _checked(found[1], found[2], needed=settings["checksum"] == "required")
        except WrongValueError as e:
            bad.append(e)
            continue
        fields = found[1].split(",")
        address = fields[0].upper()
        cut = 1 if address.startswith("P") else len(address) - 3
        good.append({"talker": address[:cut], "type": address[cut:], "fields": fields})
    return [*([good] if good else []), *bad]


def _check(settings: Mapping[str, Any]) -> None:
    if settings["checksum"] not in ("required", "optional"):
        raise ValueError(f"checksum {settings['checksum']!r:.40} is neither required nor optional")


FORMAT: Final = Format(
    name="nmea",
    title="NMEA 0183 sentences (IEC 61162-1)",
    read=_read,
    settings={"checksum": "required"},
    check=_check,
)
