"""send: publish one message and show what became of it: the stored rows, or why it was refused."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer

from brain.cli.options import DataDir, Http, Mqtt, read_runtime, resolve_http, run
from brain.errors import CloudBrainError, ConfigurationError

__all__ = ["call", "register"]

_WAIT_S = 2.0


def _payload(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"cannot read {text[1:]} ({error.strerror}); name a file after @") from None
    return text.encode()


def call(method: str, url: str, body: bytes | None = None) -> Any:
    """The JSON answer of the platform; what it refuses is an error with its sentence."""
    request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - address given by the user
    request.add_header("Accept", "application/json")
    if body is not None:
        request.add_header("Content-Type", "application/octet-stream")
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        detail = error.read().decode("utf-8", "replace")
        with contextlib.suppress(ValueError):
            detail = json.loads(detail).get("detail", detail)
        raise CloudBrainError(f"{url} answered {error.code}: {detail}") from None
    except OSError as error:
        raise ConfigurationError(
            f"nobody answers at {url} ({error}); start the platform with `cloudbrain up`"
        ) from None


def _span(payload: bytes, since: int) -> tuple[int, int, set[str]]:
    """First and last time named in a native message (since..now for what names none), and the devices it names."""
    from brain.times import to_us

    try:
        objects = json.loads(payload)
    except ValueError:
        return since, since, set()
    objects = objects if isinstance(objects, list) else [objects]
    times: list[int] = []
    devices: set[str] = set()
    for item in objects:
        if isinstance(item, dict):
            if isinstance(item.get("device"), str):
                devices.add(item["device"])
            try:
                times.append(to_us(item["time"]))
            except (KeyError, TypeError, ValueError, CloudBrainError):
                times += [since, since + 10_000_000]
    return min(times, default=since), max(times, default=since), devices


def _look_for(base: str, topic: str, payload: bytes, since: int) -> dict[str, Any]:
    """The rows and refusals of this message, as soon as there are any, for at most two seconds."""
    from brain.times import iso, to_us

    parts = topic.split("/")
    deadline = time.monotonic() + _WAIT_S
    query = urllib.parse.urlencode({"topic": topic, "start": iso(since), "limit": 100})
    quarantine = f"{base}/api/v1/quarantine?{query}"
    rows_at = None
    first, last, devices = _span(payload, since)
    if len(parts) == 3 and parts[0] == "city":
        devices.add(parts[2])
        span = {"sensor_type": parts[1], "start": iso(first), "end": iso(last + 1000), "limit": 1000}
        rows_at = f"{base}/api/v1/observations?" + urllib.parse.urlencode(span)
    while True:
        found: list[dict[str, Any]] = []
        if rows_at is not None:
            try:
                found = [r for r in call("GET", rows_at)["items"] if r["device"] in devices]
            except CloudBrainError:
                rows_at = None  # an unknown sensor type: only the quarantine can tell
        rows = [r for r in found if to_us(r["received_at"]) >= since]
        refused = [{"reason": q["reason"], "detail": q["detail"]} for q in call("GET", quarantine)["items"]]
        over = time.monotonic() > deadline
        if rows or refused or over:
            return {"rows": rows, "refused": refused, "duplicates": 0 if rows else len(found)}
        time.sleep(0.05)


def send(
    topic: Annotated[str, typer.Argument(help="MQTT topic, e.g. city/gas-detector/G1.")],
    message: Annotated[str, typer.Argument(help="JSON text, @FILE, or - for standard input.")],
    mqtt: Mqtt = None,
    http: Http = None,
    data_dir: DataDir = None,
) -> None:
    """Publish one message and print the stored rows or the reason of the quarantine.

    Goes over MQTT like a device; with only `--http` it goes over HTTP.

    Example: `cloudbrain send city/gas-detector/G1 '{"lel_pct": 12.5}'`
    """
    payload = _payload(message)
    base = resolve_http(http, data_dir).rstrip("/")
    broker = mqtt or (None if http else read_runtime(data_dir).get("mqtt"))
    if broker is None or (
        mqtt is None and not topic.startswith("city/")
    ):  # only ingest knows what a profile made of it
        answer = call("POST", f"{base}/api/v1/messages/{urllib.parse.quote(topic, safe='/')}", payload)
    else:
        from simulators.publish import publish_once

        since = time.time_ns() // 1000 - 200_000
        run(lambda _stop: publish_once(str(broker), topic, payload))
        answer = _look_for(base, topic, payload, since)
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    if answer["refused"] and not answer["rows"]:
        first = answer["refused"][0]
        raise CloudBrainError(f"refused: {first['reason']} - {first['detail']}")
    if not answer["rows"] and not answer.get("duplicates"):
        raise CloudBrainError(
            f"nothing of {topic} was stored within {_WAIT_S:g} s; run `cloudbrain doctor` to see what is not well"
        )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(send)
