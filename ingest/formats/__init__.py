"""Formats of real devices, a folder each: profile, page, samples and what they become.

They are off until somebody registers them: ``cloudbrain sensor-type add hj212``. Installed packages bring more by the
entry point group ``cloudbrain.sensor_types`` (a module whose folder holds such folders).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["FOLDER"]

FOLDER: Final = Path(__file__).parent
