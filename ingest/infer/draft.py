"""A document of a sensor type in the making: what was found out about it, and the YAML of it with its doubts. Pure."""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass, field
from typing import Any, Final

from ingest.infer.words import translated

__all__ = ["Draft", "DraftField", "DraftForm", "field_name", "identifier", "path_text"]

_WORDS: Final = frozenset("it msg topic key keys parent up received last True False None".split())  # noqa: SIM905
_TAKEN: Final = frozenset(
    "time id status lon lat alt_m height_m device device_id position received_at row_key sensor_type units "  # noqa: SIM905
    "box box_x box_y box_w box_h cmax cmin ctid tableoid xmax xmin".split()
)
_TRUTHS: Final = frozenset("y n yes no on off true false null".split())  # noqa: SIM905 - words that YAML takes for others
_LONGEST_NAME: Final = 48


@dataclass(slots=True)
class DraftField:
    """A field: its name, where its value is, and what was found out about it."""

    name: str
    source: str | None = None
    unit_from: str | None = None
    kind: str = "number"
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    values: list[str] | None = None
    missing: list[Any] | None = None
    label: str = ""
    doubt: str = ""

    def line(self) -> str:
        """The YAML of it."""
        parts: list[str] = []
        if self.kind != "number" and self.values is None:
            parts.append(f"kind: {self.kind}")
        if self.unit is not None:
            parts.append(f"unit: {_quoted(self.unit)}")
        if self.low is not None or self.high is not None:
            parts.append(f"range: {json.dumps([self.low, self.high])}")
        if self.values is not None:
            parts.append(f"values: {_quoted(self.values)}")
        if self.source is not None:
            parts.append(f"from: {_quoted(self.source)}")
        if self.unit_from is not None:
            parts.append(f"unit_from: {_quoted(self.unit_from)}")
        if self.missing:
            parts.append(f"missing: {_quoted(self.missing)}")
        label = self.label[:200] or self.name
        english = translated(label)[0]
        if english != label:
            english = re.sub(r"\s*[._]+\s*", " ", english).strip()
        parts.append(f"label: {{zh: {_quoted(label)}, en: {_quoted(english[:200])}}}")
        return f"  {_yaml_key(self.name)}: {{{', '.join(parts)}}}" + (f"  # {self.doubt}" if self.doubt else "")

    def take_source(self) -> Any:
        """Where the value comes from, for a form; the field keeps what declares it."""
        parts = {"from": self.source, "unit_from": self.unit_from, "missing": self.missing}
        self.source = self.unit_from = self.missing = None
        out = {k: v for k, v in parts.items() if v is not None}
        return out["from"] if len(out) == 1 else out


@dataclass(slots=True)
class DraftForm:
    """A form of observation: keys of the form with their values, and field -> source."""

    said: dict[str, Any]
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """A document: keys in order with their values, fields, forms where there are several, doubts."""

    said: dict[str, Any]
    fields: list[DraftField] = field(default_factory=list)
    forms: list[DraftForm] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def name_for(self, wanted: str, longer: str = "") -> str:
        """A field's name that no other field and no common column has; the longer one where that is needed."""
        base = field_name(wanted)
        names = {f.name for f in self.fields}
        if longer and (base in names or base in _TAKEN):
            base = field_name(longer)
        tried, n = base, 1
        while tried in names or tried in _TAKEN:
            n += 1
            tried = f"{base[: _LONGEST_NAME - 4]}_{n}"
        return tried

    def text(self) -> str:
        """The YAML of it, doubts first."""
        out = [f"# DOUBT: {' '.join(doubt.split())}" for doubt in self.doubts]
        for key, value in self.said.items():
            note = f"  # {self.notes[key]}" if key in self.notes else ""
            out.append(f"{key}: {_flow(value)}{note}")
        out.append("fields:")
        out += [f.line() for f in self.fields]
        if self.forms:
            out.append("observations:")
        for form in self.forms:
            lines = [f"    {key}: {_flow(value)}" for key, value in form.said.items()]
            if form.fields:
                lines += ["    fields:", *(f"      {_yaml_key(n)}: {_flow(s)}" for n, s in form.fields.items())]
            lines = lines or ["    {}"]
            out += ["  - " + lines[0].strip(), *lines[1:]]
        return "\n".join(out) + "\n"


def _quoted(value: Any) -> str:
    """JSON of a value, which is YAML too, with characters that YAML does not print written as numbers."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)


def _yaml_key(name: str) -> str:
    return _quoted(name) if name in _TRUTHS else name


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value) and value.lower() not in _TRUTHS:
        return value
    return _quoted(value)


def field_name(text: str) -> str:
    """A field's name of any key: small letters, digits and ``_``, at most 48.

    Example:
        >>> [field_name(t) for t in ("airQualityLevel", "PM2.5", "em:0", "环境温度", "TempC_SHT", "7up", "奇")]
        ['air_quality_level', 'pm2_5', 'em_0', 'ambient_temperature', 'temp_c_sht', 'f_7up', 'field']
    """
    text = translated(text)[0]
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    text = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_LONGEST_NAME].rstrip("_")
    if not text:
        return "field"
    return text if text[0].isalpha() else f"f_{text}"[:_LONGEST_NAME]


def identifier(text: str) -> str:
    """The id of a sensor type of any text.

    Example:
        >>> identifier("AirQualityObserved"), identifier("7 Elevators!")
        ('air-quality-observed', 'type-7-elevators')
    """
    name = field_name(text).removeprefix("f_").replace("_", "-")
    return (name if name[0].isalpha() else f"type-{name}")[:_LONGEST_NAME].rstrip("-")


def path_text(root: str, keys: list[Any]) -> str:
    """The expression that leads from ``root`` over keys to a value.

    Example:
        >>> path_text("msg", ["a", "em:0", 2, "from"])
        'msg.a["em:0"][2]["from"]'
    """
    out = root
    for key in keys:
        if isinstance(key, str) and key.isidentifier() and key.isascii() and not keyword.iskeyword(key):
            out += f".{key}"
        else:
            out += f"[{_quoted(key)}]"
    return out
