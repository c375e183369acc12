"""sensor-type infer, the command: files in, a document on stdout, how many doubts on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import typer
import yaml
from typer.testing import CliRunner

from brain.cli.infer import infer_type
from brain.errors import ConfigurationError, SensorTypeError
from ingest.profile.native import sensor_type_from

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
app.command()(infer_type)


def test_lines_of_topics_and_payloads(tmp_path: Path) -> None:
    lines = [{"topic": f"tele/plug-{i}/data", "payload": {"ts": 1782885590 + i, "power_w": i}} for i in (1, 2)]
    file = tmp_path / "messages.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    got = CliRunner().invoke(app, [str(file)])
    assert got.exit_code == 0
    assert sensor_type_from(got.stdout).topics == ("tele/{device}/data",)
    assert "doubts" in got.stderr


def test_the_payload_of_one_message_with_its_topic_and_id(tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(b'{"sn": "W7", "depth_cm": 12}')
    got = CliRunner().invoke(app, [str(file), "--topic", "wells/up", "--id", "well"])
    document = yaml.safe_load(got.stdout)
    assert (document["id"], document["topics"], document["device"]) == ("well", ["wells/up"], "msg.sn")


def test_a_schema(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(json.dumps({"title": "Tank", "properties": {"fill": {"type": "number"}}}))
    got = CliRunner().invoke(app, [str(file), "--schema"])
    assert sensor_type_from(got.stdout).id == "ngsi-tank"


@pytest.mark.parametrize(
    ("content", "arguments", "error"),
    [
        (b"\x00\x01", [], SensorTypeError),
        (b"[", ["--schema"], ConfigurationError),
        (b"[]", ["--schema"], ConfigurationError),
        (None, ["--schema"], ConfigurationError),
        (None, [], ConfigurationError),
    ],
)
def test_what_cannot_be_read_is_told(
    tmp_path: Path, content: bytes | None, arguments: list[str], error: type[Exception]
) -> None:
    file = tmp_path / "x"
    if content is not None:
        file.write_bytes(content)
    got = CliRunner().invoke(app, [str(file), *arguments])
    assert isinstance(got.exception, error)
