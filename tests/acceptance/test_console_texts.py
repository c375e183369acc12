"""The console's texts: two languages, one set of keys, nothing forgotten. Needs no browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from brain.model import LEVELS, Certainty, Modality

CONSOLE = Path(__file__).parents[2] / "brain" / "web" / "console"
LANGUAGES = ("zh", "en")
CJK = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
# What the page says in the other language on purpose: the switch itself.
CROSSED = {"language.other"}

EVENTS = (
    "traffic_incident congestion crowd_density bus_bunching road_weather gas_leak toxic_gas fire hot_work_gas "
    "hot_work_without_permit ppe_violation intrusion drone_violation medical_emergency coverage_gap garbage_overflow "
    "street_occupation illegal_construction construction_dust manhole_cover elevator_entrapment waterlogging "
    "heating_pipe_burst parking_full fire_lane_blocked hydrant_low_pressure device_fault device_check"
)
SCENES = (
    "travel safety_production first_aid fire_rescue elevator parking heating_gas flood city_management device_health"
)
DEPARTMENTS = (
    "operations_centre public_security traffic_police transport emergency_management fire_rescue health_120 "
    "city_management gas_company heat_company water_company power_company water_authority subdistrict "
    "ecology_environment meteorology marine_development market_regulation housing_construction culture_tourism "
    "site_operator maintenance_company"
)
REASONS = (
    "level certainty evidence area periodic spillback_to_signal queue located reroute eta_slip unit_stuck unit_change "
    "aed_change hospital_change false_alarm"
)
REFUSALS = (
    "not_json wrong_type missing out_of_range not_in_list bad_time time_out_of_window bad_text too_large too_deep "
    "bad_topic unknown_sensor_type unknown_device bad_checksum no_match"
)
OPS = "raise update clear merge cancel reopen acknowledge assign comment escalate shelve close"


def texts(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((CONSOLE / "texts" / f"{language}.json").read_text("utf-8"))
    return found


def sources() -> dict[str, str]:
    return {p.name: p.read_text("utf-8") for p in sorted((CONSOLE / "app").rglob("*.js"))}


def test_both_languages_have_the_same_keys_and_no_empty_text() -> None:
    zh, en = texts("zh"), texts("en")
    assert zh.keys() == en.keys()
    assert [k for k in zh if not zh[k].strip() or not en[k].strip()] == []


def test_both_languages_fill_in_the_same_values() -> None:
    zh, en = texts("zh"), texts("en")
    differing = [k for k in zh if set(re.findall(r"\{(\w+)\}", zh[k])) != set(re.findall(r"\{(\w+)\}", en[k]))]
    assert differing == []


def test_no_english_text_has_chinese_characters() -> None:
    assert [k for k, v in texts("en").items() if CJK.search(v) and k not in CROSSED] == []


def test_every_key_the_page_asks_for_exists() -> None:
    known = texts("zh").keys()
    asked = {key for text in sources().values() for key in re.findall(r"\bt\('([\w.]+)'", text)}
    assert len(asked) > 80
    assert sorted(asked - known) == []


def test_every_key_group_the_page_builds_has_texts() -> None:
    known = {key.rsplit(".", 1)[0] for key in texts("zh") if "." in key}
    built = {group for text in sources().values() for group in re.findall(r"\bt\(`([\w.]+)\.\$\{", text)}
    words = {group for text in sources().values() for group in re.findall(r"\bword\('(\w+)'", text)}
    assert built | words
    assert sorted((built | words) - known) == []


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("event", EVENTS),
        ("scene", SCENES),
        ("department", DEPARTMENTS),
        ("reason", REASONS),
        ("quarantine", REFUSALS),
        ("op", OPS),
        ("level", " ".join(LEVELS)),
        ("certainty", " ".join(Certainty)),
        ("modality", " ".join(Modality)),
        ("state", "raised acknowledged cleared closed"),
    ],
)
def test_every_word_of_the_public_surface_has_a_text(group: str, words: str) -> None:
    known = texts("zh")
    assert [word for word in words.split() if f"{group}.{word}" not in known] == []


def test_the_page_holds_no_text_of_its_own() -> None:
    """Chinese in code is a text that would not switch; comments, fonts and the map's attribution may have some."""
    allowed = ("© 天地图", "//", " * ", "/**")
    found = [
        f"{name}: {line.strip()}"
        for name, text in sources().items()
        for line in text.splitlines()
        if CJK.search(line) and not any(word in line for word in allowed)
    ]
    assert found == []


def test_no_file_of_the_page_names_another_host() -> None:
    files = [*(CONSOLE / "app").rglob("*.js"), CONSOLE / "index.html", CONSOLE / "style.css"]
    named = {p.name: re.findall(r"https?://[^\s'\"`)]+", p.read_text("utf-8")) for p in files}
    assert {name: urls for name, urls in named.items() if urls} == {}


def logged(key: str) -> set[str]:
    """Words that the built-in scenes' own cases put where the page shows them."""
    words: set[str] = set()
    for path in (CONSOLE.parents[2] / "scenes").glob("*/cases/*/expected.jsonl"):
        for step in map(json.loads, path.read_text("utf-8").splitlines()):
            facts = [fact for witness in step["evidence"] for fact in witness.get("facts", [])]
            if key == "quantity":
                words |= {fact["quantity"] for fact in facts}
            elif key == "value":
                given = [fact[side] for fact in facts for side in ("value", "threshold")]
                words |= {
                    word
                    for text in given
                    if isinstance(text, str)
                    for word in text.split()
                    if re.fullmatch("[a-z_]+", word)
                }
            elif key == "plan":
                words |= step["plan"].keys()
            else:
                words.add(step[key])
    return words


@pytest.mark.parametrize("group", ["quantity", "value", "plan", "reason", "event", "scene"])
def test_every_word_of_the_scenes_cases_has_a_text(group: str) -> None:
    words = logged(group)
    assert words
    assert sorted(word for word in words if f"{group}.{word}" not in texts("zh")) == []
