"""sensor-type infer: a first profile from messages, or from the JSON Schema of an NGSI model, with its doubts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brain.errors import ConfigurationError

if TYPE_CHECKING:
    from ingest.preview import Sample

__all__ = ["infer_type"]


def infer_type(
    files: Annotated[
        list[Path],
        typer.Argument(help='Messages: lines of {"topic": ..., "payload": ...}, or the payload of one message a file.'),
    ],
    topic: Annotated[str, typer.Option("--topic", help="Topic of files that hold a payload only.")] = "",
    name: Annotated[str | None, typer.Option("--id", help="Id of the sensor type; default: a guess.")] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="The file is the JSON Schema of an NGSI model, not a message.")
    ] = False,
) -> None:
    """Write a first profile for messages like these, with what had to be guessed as comments."""
    from ingest.infer.messages import infer
    from ingest.ngsi import document_from_schema

    if schema:
        text, doubts = document_from_schema(_schema(files), name)
    else:
        samples = _read(files)
        now = int(time.time() * 1e6)
        text, doubts = infer([(sample.topic or topic, sample.payload) for sample in samples], name, now)
    typer.echo(text, nl=False)
    typer.secho(
        f"{len(doubts)} doubts stand in it as comments; read them, then `sensor-type check`", err=True, fg="yellow"
    )


def _read(files: list[Path]) -> list[Sample]:
    from brain.cli.sensor_types import _samples

    return _samples(files)


def _schema(files: list[Path]) -> dict[str, Any]:
    if len(files) != 1:
        raise ConfigurationError("--schema takes one file; run it for each model")
    try:
        found = json.loads(files[0].read_bytes())
    except OSError as error:
        raise ConfigurationError(f"cannot read {files[0]} ({error.strerror}); name a file") from None
    except ValueError as error:
        raise ConfigurationError(f"{files[0]} is no JSON ({error}); give the schema.json of a model") from None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{files[0]} is no JSON Schema; give the schema.json of a model")
    return found
