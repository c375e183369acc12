#!/usr/bin/env bash
# Writes the lock files: every package with its version and the hashes of all its files (all platforms, all Pythons),
# and no address: which index serves them is the business of the machine that installs.
#
#   requirements.lock           what `cloudbrain` runs on, and what builds it (from pyproject.toml)
#   requirements-dev.lock       the same and the tools of `make test`
#   tools/locks/*.lock          tools that only some machines fetch: uv (this script), cmake and ninja, node
#
# Usage: tools/lock.sh [--upgrade]      (without it, what is locked stays while pyproject.toml allows it)
set -euo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
tools=.cache/tools/uv
if ! [ -x "$tools/bin/uv" ]; then
    "$python" -m pip install --quiet --require-hashes --target "$tools" -r tools/locks/uv.lock
fi

# uv does not read pip's settings: hand it the machine's index when one is configured. Extra indexes and local folders
# of this machine are left out on purpose: a lock made from them would not install elsewhere.
index=$("$python" -m pip config get global.index-url 2>/dev/null || true)
[ -z "$index" ] || export UV_DEFAULT_INDEX=$index
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL UV_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS

compile() { # OUTPUT INPUT... [OPTION...]
    local output=$1
    shift
    # One version for all Pythons ("fewest"): 3.11 and 3.13 then behave alike.
    "$tools/bin/uv" pip compile --quiet --no-config --universal --python-version 3.11 --fork-strategy fewest \
        --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        --output-file "$output" "${options[@]}" "$@"
    echo "$output: $(grep -c '==' "$output") packages"
}

options=()
[ "${1:-}" != --upgrade ] || options=(--upgrade)

build=$(mktemp --suffix=.in)
trap 'rm -f "$build"' EXIT
"$python" - > "$build" <<'PY'
import pathlib, tomllib

print(*tomllib.loads(pathlib.Path("pyproject.toml").read_text())["build-system"]["requires"], "editables", sep="\n")
PY

compile requirements.lock pyproject.toml "$build" --no-annotate
compile requirements-dev.lock pyproject.toml "$build" --extra dev --constraint requirements.lock --no-annotate
for list in tools/locks/*.in; do
    compile "${list%.in}.lock" "$list" --no-annotate
done
