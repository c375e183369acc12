"""On what was measured: processor, Python, commit, how busy the machine was before. Reads only."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["facts", "parse_cpu_model"]

_HERE = Path(__file__).resolve().parents[2]


def parse_cpu_model(text: str) -> str:
    r"""The processor's name from ``/proc/cpuinfo``, or ``unknown``.

    Example:
        >>> parse_cpu_model("processor : 0\nmodel name : Some CPU @ 2 GHz\n")
        'Some CPU @ 2 GHz'
    """
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Hardware"):
            return value.strip()
    return "unknown"


def _commit() -> str | None:
    """The commit this code stands at, with ``+`` where files differ from it; None outside a checkout."""
    git = shutil.which("git")
    if git is None or not (_HERE / ".git").exists():
        return None

    def ask(*words: str) -> str:
        return subprocess.run(  # noqa: S603 - fixed words
            [git, "-C", str(_HERE), *words], capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()

    try:
        changed = ask("status", "--porcelain", "--untracked-files=no")
        return ask("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def facts() -> dict[str, Any]:
    """Cores we may use, processor, memory, Python, kernel, commit, load of the last minute."""
    try:
        model = parse_cpu_model(Path("/proc/cpuinfo").read_text())
    except OSError:
        model = "unknown"
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "commit": _commit(),
        "load_before": round(os.getloadavg()[0], 2),
    }
