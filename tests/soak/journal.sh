#!/bin/sh
# The journal under cuts of power, disk errors and rot, over several seeds: far beyond 20,000 recoveries.
. tests/soak/common.inc
seeds=$(at_least $((effort / 20)) 1)
ready release-tests release-tests
seed=1
while [ "$seed" -le "$seeds" ]; do
    for kind in matrix faults; do
        try "$kind-seed-$seed" env CB_SEED="$seed" CB_EFFORT="$(at_least $((effort / 20)) 1)" \
            build/release-tests/tests/crash/test_crash_$kind -j"$jobs"
    done
    seed=$((seed + 1))
done
try rot build/release-tests/tests/crash/test_crash_rot -j"$jobs"
try unit env CB_EFFORT="$effort" build/release-tests/tests/unit/journal/test_journal -j"$jobs"
recoveries=$(sum_of recoveries)
if [ "$recoveries" -lt 20000 ]; then
    echo "only $recoveries recoveries: a soak has at least 20,000"
    failed=$((failed + 1))
fi
done_with "$recoveries recoveries over $seeds seeds, $(sum_of 'of [0-9]* single-bit flips') single-bit flips found"
