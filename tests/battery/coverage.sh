#!/usr/bin/env bash
# Says which lines, branches and conditions (MC/DC) of src/ the tests reach, and which none does.
# usage: coverage.sh [--show] [--labels REGEX] [WORK_DIR]
#
#   --show           list the branches that no test takes both ways, too, and the conditions of which
#                    no test shows that they decide
#   --labels REGEX   of the tests to run; default unit|api|battery
#   WORK_DIR         default build/coverage of the checkout
#
# Conditions take clang 18 or later; clang 19 is installed where Debian has it.
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
show=
labels='unit|api|battery'
work=$source/build/coverage
while [ $# -gt 0 ]; do
    case $1 in
    --show) show=1 ;;
    --labels)
        labels=$2
        shift
        ;;
    --help)
        sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
        exit 0
        ;;
    *) work=$1 ;;
    esac
    shift
done

if ! command -v clang-19 >/dev/null || ! command -v llvm-cov-19 >/dev/null; then
    "$source/tools/debian-packages.sh" clang-19 llvm-19 libclang-rt-19-dev 2>&1 | tail -n 3 || true
fi

# The newest clang that has its tools beside it: a suffix, "-19" for example.
has_tools() { # SUFFIX
    command -v "clang$1" && command -v "llvm-cov$1" && command -v "llvm-profdata$1"
}
suffix=none
for candidate in -21 -20 -19 -18 -17 -16 -15 -14 ""; do
    if has_tools "$candidate" >/dev/null; then
        suffix=$candidate
        break
    fi
done
if [ "$suffix" = none ]; then
    echo "coverage: skipped: clang, llvm-cov or llvm-profdata is missing (packages clang, llvm)"
    exit 77
fi
mkdir -p "$work"
cd "$work"

flags="-fprofile-instr-generate -fcoverage-mapping"
mcdc=()
show_mcdc=()
if echo 'int main(void) { return 0; }' |
    "clang$suffix" $flags -fcoverage-mcdc -o probe -xc - 2>/dev/null; then
    flags="$flags -fcoverage-mcdc"
    mcdc=(--show-mcdc-summary)
    show_mcdc=(--show-mcdc)
else
    echo "*** coverage: MC/DC IS SKIPPED: clang 18 or later is not to be had (package clang-19)" >&2
fi
if ! cmake -S "$source" -B build -DCMAKE_C_COMPILER="clang$suffix" -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS="$flags" -DTBLOG_BUILD_EXAMPLES=OFF >configure.log 2>&1 ||
    ! cmake --build build -j2 >build.log 2>&1; then
    tail -n 40 configure.log build.log
    echo "coverage: the build failed" >&2
    exit 1
fi

rm -rf profiles
mkdir profiles
# Processes of a program add to one file, whether they end or are forked (see profile.h).
export LLVM_PROFILE_FILE="$work/profiles/%4m.profraw"
# Some say nothing more; and a signal's handler that exits would wait for what counts.
(cd build && ctest -L "$labels" -E 'valgrind|qemu|calls|battery_ends' -j2) >tests.log 2>&1 ||
    { grep -A20 'tests passed' tests.log; echo "coverage: some tests failed; see $work/tests.log"; }
# A process that was killed while it wrote has left a profile that is not whole.
find profiles -name '*.profraw' -size +0 >list
"llvm-profdata$suffix" merge -sparse --failure-mode=all -f list -o all.profdata 2>merge.log

objects=()
for program in $(find build/tests -type f -perm -u+x \( -name 'test_*' -o -name 'battery_*' \)); do
    objects+=(-object "$program")
done
what=("${objects[@]:1}" -instr-profile all.profdata "$source/src")
"llvm-cov$suffix" report "${what[@]}" --show-region-summary=false ${mcdc[@]+"${mcdc[@]}"} \
    2>report.log |
    sed "s|^$source/||" | sort -k1,1 >report
# Of each triple of columns (all, missed, covered) the first two as "missed of all".
awk -v mcdc=${#mcdc[@]} '
    function part(i) { return sprintf("%6d of %-6d %8s", $(i + 1), $i, $(i + 2)) }
    BEGIN {
        printf "%-28s  %-16s %7s   %-16s %7s", "", "lines missed", "", "branches missed", ""
        if (mcdc) printf "   %-16s", "conditions missed"
        print ""
    }
    function row() {
        line = sprintf("%-28s %s  %s", $1, part(5), part(8))
        return mcdc ? line sprintf("  %s", part(11)) : line
    }
    NF >= 10 && $1 == "TOTAL" { total = row() }
    NF >= 10 && $1 ~ /\.[ch]$/ { print row() }
    END { print total }' report

# Of what "llvm-cov show" says: the lines that it is about, each once, and the branches (True or
# False: how often that was the case) or conditions below them.
show_only() { # WHAT PATTERN ARGUMENTS...
    local pattern=$2
    echo
    echo "$1:"
    shift 2
    "llvm-cov$suffix" show "${what[@]}" "$@" 2>/dev/null |
        sed "s|^$source/||" |
        awk -v pattern="$pattern" '
             /^[^ ].*\.[ch]:$/ { file = $0; next }
             /^ *[0-9]+\|/ { line = $0; told = 0; next }
             /MC\/DC Decision Region/ { region = $0; next }
             $0 ~ pattern {
                 if (file != "") { print "\n" file; file = "" }
                 if (region != "") { print region; region = "" }
                 else if (!told && line != "") { print line; told = 1 }
                 print
             }'
}
if [ -n "$show" ]; then
    show_only "Branches that no test takes" \
        'Branch \\([0-9]+:[0-9]+\\): \\[.*(True|False): 0[],]' --show-branches=count
    [ ${#show_mcdc[@]} = 0 ] || show_only "Conditions that no test shows to decide" \
        'C[0-9]+-Pair: not covered' "${show_mcdc[@]}"
fi
total=$(awk -v mcdc=${#mcdc[@]} '$1 == "TOTAL" {
    printf "%s of lines, %s of branches", $7, $10
    if (mcdc) printf ", %s of conditions", $13
}' report)
echo "coverage: $total (clang$suffix)"
