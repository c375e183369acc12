"""Waits until a running platform shows an incident on which several departments act, and prints it in one line.

Usage: python3 tools/first_incident.py http://127.0.0.1:8080 SINCE
Counts only what was raised after SINCE (seconds since 1970): a second start finds those of the first in the store.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any


def incidents(address: str) -> list[dict[str, Any]]:
    """The newest incidents; none while the platform does not answer."""
    try:
        with urllib.request.urlopen(f"{address}/api/v1/incidents?limit=50", timeout=5) as answer:
            items: list[dict[str, Any]] = json.load(answer)["items"]
            return items
    except (OSError, urllib.error.URLError):
        return []


def main() -> None:
    """Look five times a second."""
    address, since = sys.argv[1], float(sys.argv[2])
    while True:
        for item in incidents(address):
            raised = datetime.fromisoformat(item["raised_at"]).timestamp()
            if raised > since and len(item["departments"]["act"]) > 1:
                words = (item["event"], item["level"], "->", ", ".join(item["departments"]["act"]))
                print("            |", *words, "|", item["headline"]["en"])
                return
        time.sleep(0.2)


if __name__ == "__main__":
    main()
