#!/bin/sh
# Random books against the Python reference, every bit of every figure: 100,000 at full effort, over several seeds.
. tests/soak/common.inc
ready release-tests release-tests
for seed in 20240229 1 2 3; do
    try "seed-$seed" env CB_SEED="$seed" CB_EFFORT="$(at_least $((effort / 4)) 1)" \
        python3 tests/reference/compare.py build/release-tests/tests/reference/reference_driver
done
done_with "$(sum_of books) books, every figure equal bit for bit"
