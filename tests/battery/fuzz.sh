#!/usr/bin/env bash
# Lets libFuzzer look for queue files that recovery does not cope with.
# usage: fuzz.sh [--seconds N] [--keep] [--program PROGRAM] [WORK_DIR]
#
#   --seconds N         how long; default 60
#   --keep              put what has reached new code into tests/battery/corpus, and drop from there
#                       what is not needed for it
#   --program PROGRAM   libfuzzer_recover, if it was built already
#   WORK_DIR            default build/fuzz of the checkout
#
# It begins with the inputs in tests/battery/corpus, which an ordinary test replays as well.
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
kept=$source/tests/battery/corpus
work=$source/build/fuzz
seconds=60
keep=
program=
while [ $# -gt 0 ]; do
    case $1 in
    --seconds)
        seconds=$2
        shift
        ;;
    --keep) keep=1 ;;
    --program)
        program=$2
        shift
        ;;
    --help)
        sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
        exit 0
        ;;
    -*)
        echo "fuzz.sh: $1 is not an option; see --help" >&2
        exit 2
        ;;
    *) work=$1 ;;
    esac
    shift
done
mkdir -p "$work"
cd "$work"

build() {
    if ! echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return p != 0 && n < 0; }' |
        clang -fsanitize=fuzzer,address -o probe -xc - 2>/dev/null; then
        echo "fuzz: skipped: no clang with libFuzzer (packages clang, libclang-rt-dev)"
        exit 77
    fi
    if ! cmake -S "$source" -B build -DCMAKE_C_COMPILER=clang -DTBLOG_BUILD_EXAMPLES=OFF \
        -DTBLOG_SANITIZE=address,undefined,fuzzer-no-link >configure.log 2>&1 ||
        ! cmake --build build -j"$(nproc)" --target libfuzzer_recover >build.log 2>&1; then
        tail -n 40 configure.log build.log
        echo "fuzz: the build failed" >&2
        exit 1
    fi
    program=$PWD/build/tests/battery/libfuzzer_recover
}
[ -n "$program" ] || build

# Inputs are lists of changes, a few bytes each.
options=(-max_len=200 -timeout=30 -rss_limit_mb=4096 -print_final_stats=1)
rm -rf corpus found merged
mkdir corpus found
cp "$kept"/* corpus/
if ! "$program" "${options[@]}" -max_total_time="$seconds" -artifact_prefix=found/ corpus \
    >run.log 2>&1; then
    tail -n 60 run.log
    echo "fuzz: wrong: the input is in $PWD/found" >&2
    exit 1
fi
inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' run.log)
code=$(sed -n 's/^#[0-9]*[[:space:]]*DONE *\(cov: [0-9]* ft: [0-9]*\).*/\1/p' run.log)
found=$(($(ls corpus | wc -l) - $(ls "$kept" | wc -l)))

if [ -n "$keep" ]; then
    mkdir merged
    # One for each piece of code rather than for how often it runs: dozens, not hundreds.
    "$program" "${options[@]}" -merge=1 -use_counters=0 merged corpus >merge.log 2>&1
    rm -f "$kept"/*
    cp merged/* "$kept"/
fi
echo "fuzz: $inputs inputs in $seconds s ($code), $found reached something new," \
    "$(ls "$kept" | wc -l) are kept; 0 wrong"
