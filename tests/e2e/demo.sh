#!/bin/sh
# The demonstration: one process is the box, another the outside world, joined by a DPDK memif link. Two days of a seeded
# market in which everything falls by 14 % at once; then the journal is verified and replayed. Usage: demo.sh PROGRAM
set -eu
program=$1
out=out/demo
rm -rf "$out"
mkdir -p "$out"

echo "1. the box: it journals every message before it answers"
echo "   \$ $program run -c config/demo.yaml -C $out"
"$program" run -c config/demo.yaml -C "$out" --development >"$out/box.txt" 2>"$out/box.err" &
box=$!
trap 'kill "$box" 2>/dev/null || true' EXIT INT TERM
tries=0
while ! grep -q '^ready' "$out/box.txt" 2>/dev/null; do
    tries=$((tries + 1))
    if ! kill -0 "$box" 2>/dev/null || [ "$tries" -gt 300 ]; then
        echo "the box did not start:" >&2
        cat "$out/box.err" >&2
        exit 1
    fi
    sleep 0.1
done
cat "$out/box.txt" "$out/box.err"

echo
echo "2. the world: oracles, 100 accounts of two trading firms, three venues, four custodians"
echo "   \$ $program gen -c config/demo.yaml --seed 1212 --steps 2880 --pcap $out/capture.pcap"
"$program" gen -c config/demo.yaml --seed 1212 --steps 2880 --pcap "$out/capture.pcap" | tee "$out/world.txt"

echo
echo "3. the box, asked to stop"
kill -TERM "$box"
status=0
wait "$box" || status=$?
trap - EXIT INT TERM
grep -v '^ready' "$out/box.txt" || true
if [ "$status" != 0 ]; then
    echo "the box ended with $status:" >&2
    cat "$out/box.err" >&2
    exit "$status"
fi

echo
echo "4. the journal: every byte against its checksums, then every record through an empty core"
echo "   \$ $program verify $out; $program replay $out"
"$program" verify "$out"
"$program" replay "$out" | tee "$out/replay.txt"
live=$(sed -n 's/^state digest //p' "$out/box.txt")
again=$(sed -n 's/^state digest //p' "$out/replay.txt")
if [ -z "$live" ] || [ "$live" != "$again" ]; then
    echo "the replay's digest is not that of the live run" >&2
    exit 5
fi
echo "the replay made the state that the live run had, to the last bit"

echo
echo "journal   $out/journal"
echo "packets   $out/capture.pcap, both directions; docs/wire.md explains them"
echo "output    $out/box.txt, world.txt, replay.txt"
echo "look at   $program dump $out --from 1 --to 40           the first records"
echo "          $program dump $out | grep state=liquidate     accounts below their maintenance margin"
echo "          $program dump $out -o ndjson | head           the same for programs"
