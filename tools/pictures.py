"""Makes the pictures of the pages for people: the console's first minute with the simulated city, and two stills.

Starts the platform with `--simulate`, opens the console in Chromium, does what a duty officer would do (open the call,
open the gas leak when it comes, acknowledge it when it turns red), takes a picture a second, and writes
`docs/pictures/first-minute.webp` (animated, at most 3 MB), `console-zh.webp` and `console-en.webp`.

The pictures come out of Chromium as WebP; an animation is the same pictures in one RIFF file, so no image library is
needed (container: developers' specification of WebP, chunks VP8X, ANIM, ANMF).

Usage: .venv/bin/python tools/pictures.py [--seconds 66]     (needs Chromium and Chinese fonts)
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Error, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import BrowserContext, CDPSession, Page, ViewportSize

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
SMALL: ViewportSize = {"width": 1366, "height": 768}
LARGE: ViewportSize = {"width": 1920, "height": 1200}
MOST_BYTES = 3_000_000
LOOKS = 5  # seconds between the acknowledgement and the question why
FRAME_MS = 500  # a second of the city takes half a second of the picture
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def chunk(name: bytes, body: bytes) -> bytes:
    """A RIFF chunk, padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def image_of(webp: bytes) -> bytes:
    """The VP8 or VP8L chunk of a still WebP without transparency."""
    at = 12
    while at < len(webp):
        name, size = webp[at : at + 4], struct.unpack("<I", webp[at + 4 : at + 8])[0]
        if name in {b"VP8 ", b"VP8L"}:
            return chunk(name, webp[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    raise ValueError("a picture of Chromium holds neither VP8 nor VP8L; look at its bytes")


def animation(stills: Sequence[tuple[bytes, int]], width: int, height: int) -> bytes:
    """One endless animated WebP of stills (bytes, milliseconds), all of the same size."""

    def three(n: int) -> bytes:
        return struct.pack("<I", n)[:3]

    frames = b"".join(
        chunk(b"ANMF", three(0) + three(0) + three(width - 1) + three(height - 1) + three(ms) + b"\2" + image_of(webp))
        for webp, ms in stills
    )
    head = chunk(b"VP8X", struct.pack("<I", 0x02) + three(width - 1) + three(height - 1))
    body = b"WEBP" + head + chunk(b"ANIM", struct.pack("<IH", 0xFFFFFFFF, 0)) + frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def shoot(session: CDPSession, quality: int) -> bytes:
    """The page as it is now."""
    answer = session.send("Page.captureScreenshot", {"format": "webp", "quality": quality})
    return base64.b64decode(answer["data"])


def start_platform(folder: str) -> tuple[subprocess.Popen[str], str]:
    """`cloudbrain up --simulate` on free ports; the process and its address."""
    command = [
        sys.executable,
        "-m",
        "brain",
        "up",
        "--data-dir",
        folder,
        "--port",
        "0",
        "--mqtt-port",
        "0",
        "--simulate",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("the platform did not come up; its messages are above")
    return process, json.loads(line)["http"]


def show_why(page: Page) -> None:
    """Bring the reasons of the open incident into sight."""
    page.get_by_test_id("part-why").evaluate("part => part.scrollIntoView({block: 'start'})")


def act(page: Page, done: set[str]) -> None:
    """One look of the duty officer at the queue."""
    rows = page.get_by_test_id("incident-row")
    leak = page.locator("[data-testid=incident-row][data-event=gas_leak]").first
    call = page.locator("[data-testid=incident-row][data-event=medical_emergency]").first
    if "call" not in done and call.count():
        call.click()
        done.add("call")
    elif "leak" not in done and leak.count():
        leak.click()
        done.add("leak")
    elif "leak" in done and "seen" not in done and leak.get_attribute("data-level") == "red":
        done.add("seen")
    elif "seen" in done and "acknowledged" not in done and rows.count():
        page.keyboard.press("a")
        done.add("acknowledged")
    elif "acknowledged" in done and (looks := sum(word.startswith("look") for word in done)) < LOOKS:
        done.add(f"look {looks}")
        if looks == LOOKS - 1:
            show_why(page)


def record(context: BrowserContext, address: str, seconds: int, quality: int) -> list[bytes]:
    """A picture a second of the page."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    page.goto(f"{address}/?lang=en")
    page.get_by_test_id("map").wait_for()
    stills: list[bytes] = []
    done: set[str] = set()
    start = time.monotonic()
    for second in range(seconds):
        time.sleep(max(0.0, start + second - time.monotonic()))
        try:
            act(page, done)
        except Error as error:  # a row that left between two looks is no reason to stop
            print(f"second {second}: {error.message.splitlines()[0]}", file=sys.stderr)
        stills.append(shoot(session, quality))
    print(f"seen: {', '.join(sorted(done)) or 'nothing'}", file=sys.stderr)
    return stills


def write_still(context: BrowserContext, address: str, lang: str) -> None:
    """The page with its most telling incident open."""
    page = context.new_page()
    page.goto(f"{address}/?lang={lang}")
    page.locator("[data-testid=incident-row][data-event=gas_leak]").first.click()
    page.get_by_test_id("witness").first.wait_for()
    if lang == "en":
        show_why(page)
    page.wait_for_timeout(2_500)  # the map has come to rest
    (PICTURES / f"console-{lang}.webp").write_bytes(shoot(context.new_cdp_session(page), 88))
    page.close()


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=66, help="how long to record")
    parser.add_argument("--quality", type=int, default=50, help="of the animation's pictures, 1 to 100")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no Chromium; on Debian: apt-get install chromium fonts-noto-cjk")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        process, address = start_platform(folder)
        try:
            context = browser.new_context(viewport=SMALL, locale="en-GB")
            stills = record(context, address, options.seconds, options.quality)
            for lang in ("zh", "en"):
                write_still(browser.new_context(viewport=LARGE), address, lang)
        finally:
            process.terminate()
            process.wait(30)
            browser.close()
    durations = [FRAME_MS] * (len(stills) - 1) + [6 * FRAME_MS]
    moving = animation(list(zip(stills, durations, strict=True)), SMALL["width"], SMALL["height"])
    if len(moving) > MOST_BYTES:
        raise SystemExit(f"the animation has {len(moving)} bytes, more than {MOST_BYTES}; give a lower --quality")
    (PICTURES / "first-minute.webp").write_bytes(moving)
    print(f"first-minute.webp: {len(stills)} pictures, {len(moving)} bytes")


if __name__ == "__main__":
    main()
