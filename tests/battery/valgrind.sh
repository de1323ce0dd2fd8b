#!/bin/sh
# Runs tests under valgrind's memcheck: no error, and nothing definitely lost.
# usage: valgrind.sh TESTS_DIR [--long]
#
# TESTS_DIR is where the tests were built, without sanitizers.  The long form runs all api tests.
set -eu
tests=$1
long=${2-}

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
    # A forked child gives up what its parent's threads may have been at work on; that is no leak.
    case $name in
    *fork* | *recover* | *resume*) leaks=no ;;
    *) leaks=full ;;
    esac
    mkdir -p "$work/$name"
    cd "$work/$name"
    count=$((count + 1))
    valgrind -q --error-exitcode=99 --child-silent-after-fork=yes --leak-check=$leaks \
        --errors-for-leak-kinds=definite --show-leak-kinds=definite "$@" \
        >"$work/$name.log" 2>&1 || {
        wrong=$((wrong + 1))
        echo "valgrind: wrong: $name" >&2
        grep -v '^\[ *\(RUN\|OK\)' "$work/$name.log" | head -n 60 >&2
    }
    cd "$here"
    rm -rf "${work:?}/$name"
}

seconds=4
test -z "$long" || seconds=60
check soak "$tests/battery/battery_soak" $seconds 1
if test -z "$long"; then
    check refusals "$tests/test_api_refusals"
    check faults "$tests/test_api_faults"
else
    for program in "$tests"/test_api_*; do
        check "${program##*/test_api_}" "$program"
    done
fi
echo "valgrind: $count programs, $wrong wrong"
test $wrong = 0
