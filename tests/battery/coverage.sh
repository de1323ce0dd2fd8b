#!/usr/bin/env bash
# Says which lines and branches of src/ the unit and api tests reach.
# usage: coverage.sh [--show] [--labels REGEX] [WORK_DIR]
#
#   --show           list the branches that no test takes both ways, too
#   --labels REGEX   of the tests to run; default unit|api
#   WORK_DIR         default build/coverage of the checkout
#
# With clang 18 or later conditions are counted one by one (MC/DC), else branches alone.
set -euo pipefail
source=$(cd "$(dirname "$0")/../.." && pwd)
show=
labels='unit|api'
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
if echo 'int main(void) { return 0; }' |
    "clang$suffix" $flags -fcoverage-mcdc -o probe -xc - 2>/dev/null; then
    flags="$flags -fcoverage-mcdc"
    mcdc=(--show-mcdc-summary)
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
export LLVM_PROFILE_FILE="$work/profiles/%p-%m.profraw"
(cd build && ctest -L "$labels" -j2) >tests.log 2>&1 ||
    { grep -A20 'tests passed' tests.log; echo "coverage: some tests failed; see $work/tests.log"; }
# A process that was killed while it wrote has left a profile that is not whole.
find profiles -name '*.profraw' -size +0 >list
"llvm-profdata$suffix" merge -sparse --failure-mode=all -f list -o all.profdata 2>merge.log

objects=()
for program in $(find build/tests -type f -perm -u+x -name 'test_*'); do
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

if [ -n "$show" ]; then
    echo
    echo "Branches that no test takes (True or False: how often that was the case):"
    "llvm-cov$suffix" show "${what[@]}" --show-branches=count 2>/dev/null |
        sed "s|^$source/||" |
        awk '/^[^ ].*\.[ch]:$/ { file = $0; next }
             /^ *[0-9]+\|/ { line = $0; told = 0; next }
             /Branch \([0-9]+:[0-9]+\): \[/ && /(True|False): 0[],]/ {
                 if (file != "") { print "\n" file; file = "" }
                 if (!told) { print line; told = 1 }
                 print
             }'
fi
total=$(awk '$1 == "TOTAL" { printf "%s of lines, %s of branches", $7, $10 }' report)
echo "coverage: $total (clang$suffix$([ ${#mcdc[@]} = 0 ] || echo ", MC/DC"))"
