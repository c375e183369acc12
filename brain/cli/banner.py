"""What a person at a terminal reads when the platform is up: both languages, four things to do next."""

from __future__ import annotations

import socket
import urllib.parse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["banner"]


def banner(ready: dict[str, Any], data_dir: Path, *, simulated: bool, seconds: float) -> str:
    """The banner as text, ending with a line break.

    Example:
        >>> from pathlib import Path
        >>> facts = {"http": "http://127.0.0.1:8080", "mqtt": "mqtt://127.0.0.1:1883", "storage": "timescaledb 2.19.3"}
        >>> "ssh -L 8080:127.0.0.1:8080" in banner(facts, Path(".data"), simulated=False, seconds=3.2)
        True
    """
    port = urllib.parse.urlsplit(ready["http"]).port
    example = 'cloudbrain send city/gas-detector/MY-1 \'{"lel_pct": 12.5, "lon": 120.38, "lat": 36.07}\''
    lines = [
        "",
        f"  城市云脑已就绪 · Cloud Brain is up after {seconds:.1f} s        {ready['storage']}",
        "",
        f"    打开页面 open         {ready['http']}" + ("      (模拟数据 simulated)" if simulated else ""),
        f"    远程访问 from afar    ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}",
        f"    设备接入 devices      {ready['mqtt']}   topic city/<sensor-type>/<device-id>",
        f"    发一条消息 send one   .venv/bin/{example}",
        "    停止 stop             Ctrl-C",
        f"    重置 reset            stop, then: rm -rf {data_dir}",
        "",
    ]
    return "\n".join(lines) + "\n"
