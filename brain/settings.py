"""Settings that come from the environment; command-line options win over them.

| variable | meaning | default |
|---|---|---|
| `CLOUDBRAIN_DATA_DIR` | where `up` keeps its data base and broker store | `.data` |
| `CLOUDBRAIN_DSN` | PostgreSQL to use instead of the embedded one | embedded |
| `CLOUDBRAIN_MQTT` | broker to use instead of the embedded one | embedded |
| `CLOUDBRAIN_LOG_LEVEL` | debug, info, warning, error | info |
| `CLOUDBRAIN_SCENES` | folders of further scenes, parted like PATH | none |
| `CLOUDBRAIN_TIMESCALE` | `off`: do not build or use TimescaleDB | on |
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    Example:
        >>> Settings.from_environment({"CLOUDBRAIN_DATA_DIR": "/srv/brain"}).data_dir.as_posix()
        '/srv/brain'
    """

    data_dir: Path = Path(".data")
    dsn: str | None = None
    mqtt: str | None = None
    log_level: str = "info"
    scene_folders: tuple[Path, ...] = ()

    @classmethod
    def from_environment(cls, environment: dict[str, str] | None = None) -> Settings:
        """Read the variables of the table above."""
        env = dict(os.environ) if environment is None else environment
        return cls(
            data_dir=Path(env.get("CLOUDBRAIN_DATA_DIR", ".data")),
            dsn=env.get("CLOUDBRAIN_DSN") or None,
            mqtt=env.get("CLOUDBRAIN_MQTT") or None,
            log_level=env.get("CLOUDBRAIN_LOG_LEVEL", "info"),
            scene_folders=tuple(Path(p) for p in env.get("CLOUDBRAIN_SCENES", "").split(os.pathsep) if p),
        )
