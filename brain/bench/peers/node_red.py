"""Node-RED with a pool of ten PostgreSQL connections in a function node, the way its users write it.

It is installed by npm into the user's cache folder at the first use, at fixed versions.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from brain.embedded.children import run_once
from brain.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["VERSIONS", "command", "flow", "install"]

VERSIONS: Final = {"node-red": "4.1.8", "pg": "8.23.1"}

_SETTINGS: Final = """\
module.exports = {
    uiHost: "127.0.0.1", uiPort: PORT, httpAdminRoot: false, httpNodeRoot: false, flowFile: "flows.json",
    telemetry: { enabled: false, updateNotification: false },
    functionExternalModules: false, functionGlobalContext: { pool: new (require("pg").Pool)(CONNECTION) },
    logging: { console: { level: "info", metrics: false, audit: false } },
};
"""
_INSERT: Final = """\
const d = msg.payload;
global.get("pool").query(
    "INSERT INTO readings (time, device, lon, lat, lel_pct, ppm, gas) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [d.time, msg.topic.split("/")[2], d.lon, d.lat, d.lel_pct, d.ppm, d.gas]
).catch((error) => node.error(error));
return null;
"""


def cache_folder() -> Path:
    """Where it is installed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloudbrain" / "node-red"


def flow(host: str, port: int) -> list[dict[str, Any]]:
    """The flow: MQTT in at QoS 1 -> function that inserts."""
    address = {"broker": host, "port": str(port), "clientid": "node-red-bench", "protocolVersion": "4"}
    source = {"topic": "city/#", "qos": "1", "datatype": "json", "broker": "broker", "wires": [["store"]]}
    return [
        {"id": "tab", "type": "tab", "label": "bench"},
        {"id": "broker", "type": "mqtt-broker", "keepalive": "60", "cleansession": True, **address},
        {"id": "in", "type": "mqtt in", "z": "tab", **source},
        {"id": "store", "type": "function", "z": "tab", "func": _INSERT, "outputs": 1, "wires": [[]]},
    ]


async def install(say: Callable[[str], None]) -> str | None:
    """Install it where it is missing; None when it is there, else a sentence why it cannot be had."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return "node-red: npm and node are not installed"
    folder = cache_folder()
    wanted = {name: f"{name}@{version}" for name, version in VERSIONS.items()}
    stamp = folder / "installed.json"
    if stamp.exists() and json.loads(stamp.read_text()) == VERSIONS:
        return None
    say("installing Node-RED with npm; once")
    folder.mkdir(parents=True, exist_ok=True)
    arguments = ["install", "--no-audit", "--no-fund", "--omit=optional", "--prefix", str(folder), *wanted.values()]
    try:
        await run_once([npm, *arguments], cwd=folder, environment=dict(os.environ))
    except ServiceError as error:
        return f"node-red: {str(error)[:200]}"
    stamp.write_text(json.dumps(VERSIONS))
    return None


def command(folder: Path, host: str, port: int, dsn: str, ui_port: int) -> list[str]:
    """Write its settings and flow into a folder; the command that runs it there."""
    parts = urlsplit(dsn)
    query = {k: v[0] for k, v in parse_qs(parts.query).items()}
    connection = {
        "host": query.get("host", parts.hostname or "127.0.0.1"),
        "port": int(query.get("port", parts.port or 5432)),
        "user": parts.username,
        "database": parts.path.lstrip("/"),
        "max": 10,
    }
    settings = _SETTINGS.replace("PORT", str(ui_port)).replace("CONNECTION", json.dumps(connection))
    (folder / "settings.js").write_text(settings)
    (folder / "flows.json").write_text(json.dumps(flow(host, port)))
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(cache_folder() / "node_modules")
    node, program = shutil.which("node") or "node", cache_folder() / "node_modules" / "node-red" / "red.js"
    return [node, str(program), "--userDir", str(folder), "--settings", str(folder / "settings.js")]
