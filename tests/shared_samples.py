"""Payloads of other people's repositories: they lie beside this one and are never part of it."""

from __future__ import annotations

from pathlib import Path

import pytest


def shared_sample(name: str) -> Path:
    """The path of a sample; skips the test, saying so, where the samples are not there."""
    for folder in Path(__file__).resolve().parents:
        path = folder / "shared" / "samples" / name
        if path.is_file():
            return path
    pytest.skip(f"shared/samples/{name} is not beside this repository: the collected payloads are not tested here")
