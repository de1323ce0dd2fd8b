#!/usr/bin/env bash
# Installs what the tests need (on Debian), builds tblog in three ways and runs all tests.  The last
# line is `N passed, N failed`.
#
# usage: tests/run.sh [--help]
#
#   1. gcc, shared library: unit, api, package, battery, TensorBoard and browser tests
#   2. clang with AddressSanitizer, UndefinedBehaviorSanitizer and libFuzzer: unit and api tests and
#      the battery, shortened
#   3. clang with ThreadSanitizer: the same
#
# Everything is made below build/tests; the pictures of the dashboards are in build/tests/shots.
set -euo pipefail

if [ "${1-}" = --help ]; then
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
    exit 0
fi
if [ $# -gt 0 ]; then
    echo "tests/run.sh takes no arguments; see --help" >&2
    exit 2
fi

source=$(cd "$(dirname "$0")/.." && pwd)
work=$source/build/tests
mkdir -p "$work"

say() { printf '\n=== %s\n' "$*"; }

say "Installing what is missing"
"$source/tools/debian-packages.sh" build-essential clang libclang-rt-dev llvm cmake=cmake ninja=ninja-build \
    pkg-config=pkg-config zlib1g-dev libpng-dev libgif-dev libprotobuf-c-dev protobuf-c-compiler \
    libcmocka-dev \
    python3=python3 python3-venv node=nodejs npm=npm chromium valgrind qemu-user \
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross

# Python and Node packages go to the build directory, and again when their lists change.
install_once() { # LIST STAMP COMMAND...
    local list=$1 stamp=$2
    shift 2
    if ! cmp -s "$list" "$stamp"; then
        "$@"
        cp "$list" "$stamp"
    fi
}
install_python() {
    echo "Python: $(grep -v '^#' "$source/tests/tensorboard/requirements.txt" | tr '\n' ' ')"
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install -q --disable-pip-version-check \
        -r "$source/tests/tensorboard/requirements.txt"
}
install_node() {
    echo "Node: playwright-core"
    mkdir -p "$work/node"
    cp "$source/tests/browser/package.json" "$work/node/"
    npm install --silent --no-audit --no-fund --prefix "$work/node"
}
install_once "$source/tests/tensorboard/requirements.txt" "$work/python.stamp" install_python
install_once "$source/tests/browser/package.json" "$work/node.stamp" install_node

passed=0
failed=0

# Adds what ctest counted: "97% tests passed, 2 tests failed out of 60".
add_up() { # LOG
    local counts
    counts=$(sed -n 's/^.*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$1")
    if [ -z "$counts" ]; then
        failed=$((failed + 1))
        return
    fi
    failed=$((failed + ${counts% *}))
    passed=$((passed + ${counts#* } - ${counts% *}))
}

build_and_test() { # NAME CTEST_ARGUMENTS -- CMAKE_ARGUMENTS
    local name=$1 ctest_arguments=()
    shift
    while [ "$1" != -- ]; do
        ctest_arguments+=("$1")
        shift
    done
    shift
    local log=$work/$name.log
    if cmake -S "$source" -B "$work/$name" -G Ninja -DTBLOG_WERROR=ON "$@" >"$log" 2>&1 &&
        cmake --build "$work/$name" >>"$log" 2>&1; then
        (cd "$work/$name" && ctest -j 2 --output-on-failure "${ctest_arguments[@]}") 2>&1 |
            tee "$work/$name.ctest.log" || true
        add_up "$work/$name.ctest.log"
    else
        tail -n 60 "$log"
        echo "$name: the build failed"
        failed=$((failed + 1))
    fi
}

say "gcc, shared library: all tests"
build_and_test gcc -- -DCMAKE_C_COMPILER=gcc -DBUILD_SHARED_LIBS=ON -DTBLOG_BUILD_BENCH=ON \
    -DTBLOG_TEST_PYTHON="$work/venv/bin/python" -DTBLOG_TEST_NODE_PATH="$work/node/node_modules" \
    -DTBLOG_TEST_SHOTS="$work/shots"

say "clang, AddressSanitizer and UndefinedBehaviorSanitizer"
sanitized=(-DCMAKE_C_COMPILER=clang -DTBLOG_BUILD_EXAMPLES=OFF
    -DTBLOG_TEST_PYTHON="$work/venv/bin/python")
fuzzer=
if echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return p != 0 && n < 0; }' |
    clang -fsanitize=fuzzer,address -o "$work/probe" -xc - 2>/dev/null; then
    fuzzer=,fuzzer-no-link
else
    echo "libFuzzer is left out: this clang has none"
fi
build_and_test asan -L 'unit|api|known|battery' -- "${sanitized[@]}" \
    -DTBLOG_SANITIZE=address,undefined$fuzzer

say "clang, ThreadSanitizer"
build_and_test tsan -L 'unit|api|known|battery' -- "${sanitized[@]}" -DTBLOG_SANITIZE=thread

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
