#!/usr/bin/env bash
# Proves the README on machines that have nothing: fresh Debian in a chroot, only the packages that the README names, a
# new ordinary user with empty caches, both commands. Prints every command with its seconds.
#
# Usage (as root): tools/newcomer.sh [SUITE...]      default: bookworm trixie
#   NEWCOMER_TEST=off     leaves `make test` out
# Needs debootstrap (fetched by apt when missing). The base systems are kept in .cache/newcomer for the next time.
# It lives in mount and process namespaces of its own: whatever happens, nothing stays mounted or running.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
keep=${CLOUDBRAIN_CACHE:-$root/.cache}/newcomer

say() { printf '%s\n' "$*"; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
timed() { # TITLE COMMAND...
    local title=$1 start status=0
    shift
    start=$(now)
    "$@" > "$log" 2>&1 || status=$?
    say "$(printf '%8s s  %s' "$(since "$start")" "$title")"
    if [ "$status" != 0 ]; then
        tail -n 40 "$log"
        say "FAILED with status $status: $title"
        exit 1
    fi
}

if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || { say "make newcomer needs root: it makes chroots."; exit 1; }
    command -v debootstrap > /dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap > /dev/null; }
    mkdir -p "$keep"
    [ $# -gt 0 ] || set -- bookworm trixie
    status=0
    for suite in "$@"; do
        rm -rf "${keep:?}/$suite"
        unshare --mount --pid --fork --kill-child --propagation private bash "$0" --inside "$suite" || status=1
        rm -rf "${keep:?}/$suite"
    done
    exit $status
fi

suite=$2
machine=$keep/$suite
log=$keep/$suite.log
mount -t proc proc /proc
say "--- $suite, $(uname -m), $(nproc) cores"

# --- a fresh machine
if ! [ -f "$keep/$suite.tar" ]; then
    archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1)
    timed "debootstrap --variant=minbase $suite (kept for next time)" \
        debootstrap --variant=minbase "$suite" "$machine" "${archive:?apt knows no Debian archive}"
    tar -C "$machine" -cf "$keep/$suite.tar.new" . && mv "$keep/$suite.tar.new" "$keep/$suite.tar"
else
    mkdir -p "$machine"
    timed "unpack the kept base system" tar -C "$machine" -xf "$keep/$suite.tar"
fi
mount -t proc proc "$machine/proc"
mount --rbind /dev "$machine/dev"
mount -t tmpfs -o mode=1777 tmpfs "$machine/dev/shm"
# The network is this machine's, and so are its names, apt's rules for it, and the authorities it trusts.
for file in /etc/resolv.conf /etc/hosts; do
    if [ -e "$file" ]; then cp -L "$file" "$machine$file"; fi
done
grep -l Acquire /etc/apt/apt.conf.d/* 2> /dev/null | xargs -r cp -t "$machine/etc/apt/apt.conf.d/"
network=()
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    if [ -n "${!name:-}" ]; then network+=("$name=${!name}"); fi
done

as_root() { chroot "$machine" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "${network[@]}" "$@"; }
# An array and not a function: started in the background it is one process, which gets the signals.
as_user=(chroot --userspec=newcomer:newcomer "$machine" env -i PATH=/usr/bin:/bin HOME=/home/newcomer USER=newcomer
    LC_ALL=C.UTF-8 "${network[@]}" bash -c 'cd "$0" && exec "$@"')

packages=$(sed -n 's/^apt-get install //p' README.md | head -n 1)
timed "apt-get update" as_root apt-get update
timed "apt-get install $packages" as_root apt-get install -y ${packages:?the README names no packages}
cp -L /etc/ssl/certs/ca-certificates.crt "$machine/etc/ssl/certs/ca-certificates.crt"
as_root useradd --create-home --shell /bin/bash newcomer
git clone --quiet --bare --no-hardlinks "$root" "$machine/home/newcomer/source.git"
as_root chown -R newcomer:newcomer /home/newcomer/source.git

# --- the newcomer
begin=$(now)
timed "git clone" "${as_user[@]}" /home/newcomer git clone source.git cloudbrain
here=/home/newcomer/cloudbrain
answer=$keep/$suite.answer

start_and_look() { # TITLE: starts `make run`, waits for the ready line and for an incident that several departments act on
    local start http
    start=$(now)
    : > "$answer" # the last start said "ready" there
    "${as_user[@]}" "$here" make run > "$answer" 2> "$log" < /dev/null &
    running=$!
    until grep -q '"ready"' "$answer"; do
        kill -0 "$running" 2> /dev/null || { cat "$log"; say "FAILED: make run ended before it was ready"; exit 1; }
        sleep 0.2
    done
    grep -E '^\[|^Set up|TimescaleDB cannot' "$log" | sed 's/^/            | /' || true
    say "$(printf '%8s s  make run: the ready line (%s)' "$(since "$start")" "$1")"
    say "            | $(sed -n '/"ready"/p' "$answer" | sed 's/"token": "[^"]*"/"token": "..."/')"
    http=$(sed -n 's/.*"http": *"\([^"]*\)".*/\1/p' "$answer")
    timeout 180 python3 tools/first_incident.py "$http" "$start" || { tail -n 40 "$log"; say "FAILED: no incident"; exit 1; }
    say "$(printf '%8s s  from `make run` to the first incident of several departments (%s)' "$(since "$start")" "$1")"
}
stop_run() {
    local start
    start=$(now)
    kill -TERM "$running"
    wait "$running" 2> /dev/null || true
    if pgrep -u "$(stat -c %u "$machine$here")" > /dev/null; then
        ps -u "$(stat -c %u "$machine$here")" -o pid,args
        say "FAILED: something is still running"
        exit 1
    fi
    say "$(printf '%8s s  stopped by SIGTERM, nothing left running' "$(since "$start")")"
}

start_and_look cold
say "$(printf '%8s s  = from git clone to the first incident of several departments (goal: under 240)' "$(since "$begin")")"
stop_run
start_and_look "second start, goal: under 20"
stop_run

if [ "${NEWCOMER_TEST:-on}" != off ]; then
    timed "make test" "${as_user[@]}" "$here" make test
    grep -E '^NOT RUN|SKIPPED' "$log" | sed 's/^/            | /' || true
    say "            | $(tail -n 1 "$log")"
fi
