#!/bin/sh
# Recorded prices through the whole box. Usage: recorded.sh daily|depeg FILE [PROGRAM]; FILE: columns time,factor,price
set -eu
cd "$(dirname "$0")/../.."
[ "$#" -ge 2 ] && [ -f "config/$1.yaml" ] || { echo "usage: recorded.sh daily|depeg FILE [PROGRAM]" >&2; exit 2; }
name=$1
prices=$2
program=${3:-build/release/clearbox}
out=out/$name
[ -r "$prices" ] || { echo "$prices can not be read" >&2; exit 1; }
rm -rf "$out"
mkdir -p "$out"
"$program" run -c "config/$name.yaml" -C "$out" --development >"$out/box.txt" 2>"$out/box.err" &
box=$!
trap 'kill "$box" 2>/dev/null || true' EXIT INT TERM
tries=0
while ! grep -q '^ready' "$out/box.txt" 2>/dev/null; do
    tries=$((tries + 1))
    if ! kill -0 "$box" 2>/dev/null || [ "$tries" -gt 300 ]; then
        cat "$out/box.err" >&2
        exit 1
    fi
    sleep 0.1
done
cat "$out/box.txt"
"$program" gen -c "config/$name.yaml" --prices "$prices"
kill -TERM "$box"
wait "$box"
trap - EXIT INT TERM
grep -v '^ready' "$out/box.txt"
cat "$out/box.err"
"$program" verify "$out"
"$program" replay "$out" | tee "$out/replay.txt"
live=$(sed -n 's/^state digest //p' "$out/box.txt")
if [ -z "$live" ] || ! grep -q "$live" "$out/replay.txt"; then
    echo "the replay's digest is not that of the live run" >&2
    exit 5
fi
echo "the replay made the state that the live run had; the journal is in $out"
