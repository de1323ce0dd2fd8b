#!/usr/bin/env bash
# Builds the battery and runs it.  The last line is `N ran well, N skipped, N failed`.
#
# usage: tests/battery/run.sh [--long] [--help] [WORK_DIR]
#
#   --long      every program in its long form, one after the other, under valgrind and with
#               sanitizers, too; hours
#   WORK_DIR    where all is made; default build/battery of the checkout
#
# What the machine does not allow, or has not installed, is skipped with a word.
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$source/build/battery
long=
for argument in "$@"; do
    case $argument in
    --long) long=1 ;;
    --help)
        sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
        exit 0
        ;;
    -*)
        echo "run.sh: $argument is not an option; see --help" >&2
        exit 2
        ;;
    *) work=$argument ;;
    esac
done
mkdir -p "$work"
work=$(cd "$work" && pwd)

if ! cmake -S "$source" -B "$work" -DTBLOG_BUILD_EXAMPLES=OFF >"$work/configure.log" 2>&1 ||
    ! cmake --build "$work" -j"$(nproc)" >"$work/build.log" 2>&1; then
    tail -n 60 "$work/configure.log" "$work/build.log"
    echo "the build failed"
    exit 1
fi
cd "$work/tests/battery"
here=$source/tests/battery

well=()
skipped=()
failed=()
run() { # NAME COMMAND...
    local name=$1 status=0 start=$SECONDS
    shift
    echo "--- $name"
    "$@" || status=$?
    case $status in
    0) well+=("$name") ;;
    77) skipped+=("$name") ;;
    *) failed+=("$name") ;;
    esac
    echo "    ($((SECONDS - start)) s)"
}

# Every program in its short form, in a build of its own with sanitizers.
sanitized() { # SANITIZERS
    local build=$work/sanitized-${1%%,*} failures=0 name
    command -v clang >/dev/null || {
        echo "skipped: clang is missing (packages clang, libclang-rt-dev)"
        return 77
    }
    if ! cmake -S "$source" -B "$build" -DCMAKE_C_COMPILER=clang -DTBLOG_BUILD_EXAMPLES=OFF \
        -DTBLOG_SANITIZE="$1" >"$build.log" 2>&1 ||
        ! cmake --build "$build" -j"$(nproc)" >>"$build.log" 2>&1; then
        tail -n 60 "$build.log"
        return 1
    fi
    (cd "$build" && ctest -j2 -L 'unit|api' --output-on-failure) >"$build.ctest.log" 2>&1 ||
        failures=1
    tail -n 12 "$build.ctest.log"
    local lsan=suppressions=$source/tests/support/forked_child.lsan:print_suppressions=0
    cd "$build/tests/battery"
    for name in kill kill_write fail_malloc fail_syscall fuzz_recover power_cut full_disk crowd ends \
        soak unload; do
        set -- "./battery_$name"
        [ "$name" != unload ] || set -- "$@" "$PWD/libbattery_plugin.so"
        LSAN_OPTIONS=$lsan TSAN_OPTIONS=die_after_fork=0:detect_deadlocks=0 "$@" || {
            [ $? = 77 ] || failures=1
        }
    done
    cd "$work/tests/battery"
    return $failures
}

# NAME ARGUMENTS of the long form; 7000 trials are more than 10000 kills
long_forms="
kill 7000
kill_write all
fail_malloc all
fail_syscall all
fuzz_recover 300
power_cut 200
full_disk 60
crowd 1000000 1000
ends 100 200
soak 240
"
if [ -n "$long" ]; then
    while read -r name arguments; do
        [ -x "battery_$name" ] || continue
        # shellcheck disable=SC2086
        run "$name" "./battery_$name" $arguments
    done <<<"$long_forms"
    run unload ./battery_unload "$PWD/libbattery_plugin.so" 100
    run fuzz "$here/fuzz.sh" --seconds 600 "$work/fuzz"
    run asan sanitized address,undefined
    run tsan sanitized thread
    run valgrind "$here/valgrind.sh" "$work/tests" --long
else
    for program in battery_*; do
        case $program in
        battery_unload) run unload "./$program" "$PWD/libbattery_plugin.so" ;;
        *) [ ! -x "$program" ] || run "${program#battery_}" "./$program" ;;
        esac
    done
    run fuzz "$here/fuzz.sh" --seconds 20 "$work/fuzz"
    run valgrind "$here/valgrind.sh" "$work/tests"
fi
run qemu "$here/qemu.sh" "$source" "$work/qemu"
[ -z "$long" ] || run coverage "$here/coverage.sh" "$work/coverage"

echo
[ ${#skipped[@]} = 0 ] || echo "skipped: ${skipped[*]}"
[ ${#failed[@]} = 0 ] || echo "failed: ${failed[*]}"
echo "${#well[@]} ran well, ${#skipped[@]} skipped, ${#failed[@]} failed"
[ ${#failed[@]} = 0 ]
