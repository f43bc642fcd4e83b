#!/bin/sh
# libFuzzer with AddressSanitizer and UBSan, CB_SOAK_SECONDS (600) for each harness. What it learns stays in
# build/soak-fuzz/tests/fuzz/found for the next time; an input that breaks something is named in the log, and is a file
# that the same binary takes as its argument.
. tests/soak/common.inc
seconds=${CB_SOAK_SECONDS:-600}
ready soak-fuzz clang -DCB_FUZZ=ON
folder=build/soak-fuzz/tests/fuzz
harnesses=0
for binary in "$folder"/fuzz_*; do
    [ -f "$binary" ] && [ -x "$binary" ] || continue
    name=$(basename "$binary")
    harnesses=$((harnesses + 1))
    try "$name" "$binary" -max_total_time="$seconds" -max_len=4096 -timeout=10 -print_final_stats=1 \
        -artifact_prefix="$logs/$name-" "$folder/found/${name#fuzz_}" "$folder/corpus/${name#fuzz_}"
    sed -n 's/^stat::number_of_executed_units: */  inputs: /p' "$logs/$name.log"
done
if [ "$harnesses" = 0 ]; then
    echo "no harness was built"
    failed=1
fi
inputs=$(cat "$logs"/fuzz_*.log | awk '/^stat::number_of_executed_units:/ { sum += $2 } END { print sum + 0 }')
done_with "$inputs inputs into $harnesses harnesses, $seconds s each"
