#!/bin/sh
# Both compilers at every optimisation and under the sanitizers, all tests in each; then the same journals through every
# program: one digest each.
. tests/soak/common.inc
sanitize="-fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
passed=0
programs=

variant() {
    ready "$1" dev -DCMAKE_C_COMPILER="$2" -DCMAKE_C_FLAGS_DEBUG="$3"
    rm -rf "build/$1/reports"
    mkdir -p "build/$1/reports"
    try "ctest-$1" env CB_EFFORT=1 ctest --test-dir "build/$1" --output-on-failure --no-tests=error \
        --output-junit ctest.xml --test-output-size-passed 4194304 --test-output-size-failed 4194304 --parallel "$jobs"
    counts=$(python3 tests/tidy/count.py "build/$1" "$logs/ctest-$1.log")
    echo "  ${counts% *} passed, ${counts#* } failed"
    sort -u "build/$1/skipped"
    passed=$((passed + ${counts% *}))
    programs="$programs build/$1/clearbox"
}

variant soak-gcc-O0 gcc "-O0 -g"
variant soak-gcc-O2 gcc "-O2 -g -DNDEBUG"
variant soak-gcc-O3 gcc "-O3 -g -march=native"
variant soak-gcc-asan gcc "-O1 -g $sanitize"
variant soak-clang-O0 clang-14 "-O0 -g"
variant soak-clang-O2 clang-14 "-O2 -g -DNDEBUG"
variant soak-clang-asan clang-14 "-O1 -g $sanitize"
CLEARBOX=$PWD/build/soak-gcc-O2/clearbox
export CLEARBOX
journals=$(at_least $((effort / 5)) 2)
for seed in $(seq "$journals"); do
    try "journal-$seed" python3 tests/e2e/seeded.py --driver memif --steps 300 --seed "$seed" \
        --keep-journal "$logs/journals/seeded-$seed"
done
# shellcheck disable=SC2086 # a list of programs
try digests python3 tests/e2e/digest.py $programs -- "$logs"/journals/*
done_with "7 builds, $passed tests passed, $journals journals through every program"
