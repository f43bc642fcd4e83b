#!/bin/sh
# Every unit and property test at full effort: with its own seed, with two fixed ones and with a fresh one.
. tests/soak/common.inc
ready release-tests release-tests
for seed in default 1 2 "$(date +%s)"; do
    for binary in build/release-tests/tests/unit/*/test_*; do
        [ -f "$binary" ] && [ -x "$binary" ] || continue
        name=$(basename "$binary")
        if [ "$seed" = default ]; then
            try "$name" env CB_EFFORT="$effort" timeout 7200 "$binary" -j"$jobs"
            continue
        fi
        case $name in test_clock | test_dpdk | test_file | test_uring | test_udp) continue ;; esac # nothing is drawn
        try "$name-seed-$seed" env CB_EFFORT="$effort" CB_SEED="$seed" timeout 7200 "$binary" -j"$jobs"
    done
done
tests=$(cat "$logs"/*.log | sed -n 's/.*Tested: [^0-9]*\([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }')
[ "$tests" -gt 0 ] || failed=$((failed + 1))
done_with "$tests tests ran, CB_EFFORT=$effort"
