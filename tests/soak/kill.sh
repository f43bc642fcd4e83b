#!/bin/sh
# kill -9 of the real box at random moments under traffic: 200 times over UDP and 50 over memif at full effort. The seed
# is a new one each time, and printed.
. tests/soak/common.inc
ready release release
over_udp=$(at_least $((effort * 2)) 2)
over_memif=$(at_least $((effort / 2)) 2)
CLEARBOX=$PWD/build/release/clearbox
export CLEARBOX
try udp python3 tests/e2e/kill.py --cycles "$over_udp" --driver udp
try memif python3 tests/e2e/kill.py --cycles "$over_memif" --driver memif
grep -h '^kill.py' "$logs"/*.log || true
done_with "$over_udp kills over UDP, $over_memif over memif"
