#!/bin/sh
# The demonstration: one process is the box, another the outside world, joined by a DPDK memif link. Usage: demo.sh PROGRAM
set -eu
program=$1
out=out/demo
rm -rf "$out"
mkdir -p "$out"

echo "the box:    $program run -c config/demo.yaml -C $out"
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
cat "$out/box.txt"

echo
echo "the world:  $program gen -c config/demo.yaml --pcap $out/capture.pcap"
"$program" gen -c config/demo.yaml --pcap "$out/capture.pcap" --seed 1212 --steps 2880

kill -TERM "$box"
wait "$box"
trap - EXIT INT TERM
echo
echo "the box again:"
grep -v '^ready' "$out/box.txt"

echo
echo "the ledger: $program verify $out && $program replay $out"
"$program" verify "$out"
"$program" replay "$out" | tee "$out/replay.txt"
live=$(sed -n 's/^state digest //p' "$out/box.txt")
again=$(sed -n 's/^state digest //p' "$out/replay.txt")
if [ "$live" != "$again" ]; then
    echo "the replay's digest is not that of the live run" >&2
    exit 5
fi
echo "the replay made the state that the live run had"
echo
echo "journal  $out/journal    capture  $out/capture.pcap"
echo "next     $program dump $out --from 1 --to 40"
echo "         $program replay $out -o json"
