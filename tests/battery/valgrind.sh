#!/bin/sh
# Runs tests under valgrind's memcheck: no error, and nothing definitely lost.
# usage: valgrind.sh TESTS_DIR [--long]
#
# TESTS_DIR is where the tests were built, without sanitizers.  The long form runs all unit and api
# tests, and the batteries with small arguments.
set -eu
tests=$(cd "$1" && pwd)
long=${2-}
support=$(cd "$(dirname "$0")/../support" && pwd)

command -v valgrind >/dev/null || {
    echo "valgrind: skipped: valgrind is missing (package valgrind)"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$(pwd)
count=0
wrong=0

# check NAME COMMAND...
check() {
    name=$1
    shift
    mkdir -p "$work/$name"
    cd "$work/$name"
    count=$((count + 1))
    status=0
    TBLOG_TEST_VALGRIND=1 TBLOG_PNG_ROUNDS=40 valgrind -q --fair-sched=try --error-exitcode=99 \
        --child-silent-after-fork=yes --leak-check=full \
        --errors-for-leak-kinds=definite --show-leak-kinds=definite \
        --suppressions="$support/forked_child.supp" "$@" \
        >"$work/$name.log" 2>&1 || status=$?
    case $status in
    0 | 77) ;;
    *)
        wrong=$((wrong + 1))
        echo "valgrind: wrong: $name ($status)" >&2
        grep -v '^\[ *\(RUN\|OK\)' "$work/$name.log" | head -n 60 >&2
        ;;
    esac
    cd "$here"
    rm -rf "${work:?}/$name"
}

battery=$tests/battery
if test -z "$long"; then
    check soak "$battery/battery_soak" 4 1
    check refusals "$tests/test_api_refusals"
    check faults "$tests/test_api_faults"
else
    for program in "$tests"/test_*; do
        test ! -x "$program" || check "${program##*/test_}" "$program"
    done
    check soak "$battery/battery_soak" 60 1
    check kill "$battery/battery_kill" 10
    check kill_write "$battery/battery_kill_write" kept
    check fail_malloc "$battery/battery_fail_malloc" tb_flush
    check fail_syscall "$battery/battery_fail_syscall" removed
    check recover_corpus "$battery/battery_fuzz_recover" -r "$(dirname "$support")/battery/corpus"
    check full_disk "$battery/battery_full_disk" 5
    check power_cut "$battery/battery_power_cut" 2
    check crowd "$battery/battery_crowd" 300 20
    check ends "$battery/battery_ends" 1 20
    check unload "$battery/battery_unload" "$battery/libbattery_plugin.so" 1
fi
echo "valgrind: $count programs, $wrong wrong"
test $wrong = 0
