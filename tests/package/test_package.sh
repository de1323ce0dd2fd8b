#!/bin/sh
# Installs tblog, shared and static, and builds programs against it as a user would.
# usage: test_package.sh SOURCE_DIR WORK_DIR
set -eu
source=$1
work=$2
here=$source/tests/package

rm -rf "$work"
mkdir -p "$work"
cd "$work"

say() { printf -- '--- %s\n' "$*"; }

run() { # PROGRAM: it must write a record of some size
    rm -rf logs
    "$1" logs
    test "$(cat logs/*tfevents* | wc -c)" -gt 100
}

say "the header in every language it promises"
for compiler in "cc -std=c99 -xc" "cc -std=c11 -xc" "c++ -std=c++11 -xc++" "c++ -std=c++17 -xc++"; do
    echo '#include <tblog.h>' | $compiler -Wall -Wextra -Wconversion -pedantic -Werror \
        -I"$source/include" -fsyntax-only -
done

for shared in ON OFF; do
    prefix=$work/prefix-$shared
    say "install with BUILD_SHARED_LIBS=$shared"
    cmake -S "$source" -B build-$shared -DBUILD_SHARED_LIBS=$shared -DCMAKE_BUILD_TYPE=Release \
        -DTBLOG_BUILD_TESTS=OFF -DTBLOG_BUILD_EXAMPLES=OFF -DCMAKE_INSTALL_PREFIX="$prefix" \
        >configure-$shared.log
    cmake --build build-$shared -j2 >build-$shared.log
    cmake --install build-$shared >install-$shared.log

    say "find_package, C and C++"
    cmake -S "$here/consumer" -B consumer-$shared -DCMAKE_PREFIX_PATH="$prefix" >>configure-$shared.log
    cmake --build consumer-$shared >>build-$shared.log
    run consumer-$shared/consumer_c
    run consumer-$shared/consumer_cpp

    say "the command"
    consumer-$shared/consumer_c left --killed || true
    ls left/tblog-queue.* >/dev/null
    "$prefix/bin/tblog-recover" left
    test "$(cat left/*tfevents* | wc -c)" -gt 100
    ! ls left/tblog-queue.* 2>/dev/null
    ! "$prefix/bin/tblog-recover" nowhere 2>/dev/null
    rm -rf left

    say "pkg-config, C and C++"
    PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name tblog.pc)")
    export PKG_CONFIG_PATH
    static=
    test $shared = ON || static=--static
    libdir=$(pkg-config --variable=libdir tblog)
    # shellcheck disable=SC2046
    cc -o pc_c "$here/consumer/main.c" $(pkg-config --cflags --libs $static tblog) -Wl,-rpath,"$libdir"
    # shellcheck disable=SC2046
    c++ -std=c++11 -o pc_cpp "$here/consumer/main.cpp" $(pkg-config --cflags --libs $static tblog) \
        -Wl,-rpath,"$libdir"
    run ./pc_c
    run ./pc_cpp
    test "$(pkg-config --modversion tblog)" = "$(sed -n 's/^#define TBLOG_VERSION "\(.*\)"/\1/p' "$source/include/tblog.h")"
done

say "add_subdirectory"
cmake -S "$here/consumer" -B consumer-source -DTBLOG_SOURCE="$source" >configure-source.log
cmake --build consumer-source -j2 >build-source.log
run consumer-source/consumer_c

say "exported are the names of the header and no others"
awk '/^TBLOG_API/, /[;(]/' "$source/include/tblog.h" | grep -o 'tb_[a-z0-9_]*(' | tr -d '(' | sort -u >promised
nm -D --defined-only "$(find "$work/prefix-ON" -name 'libtblog.so')" | awk '{print $3}' | sort -u >exported
if ! diff promised exported; then
    echo "promised by tblog.h (<) and exported by the library (>) differ" >&2
    exit 1
fi
test "$(wc -l <promised)" -gt 30

say "the library is small"
# Compilers of some distributions add protection of their own, and then there is no bound.
if [ "$(uname -sm)" = "Linux x86_64" ] && [ -z "${CFLAGS-}${LDFLAGS-}" ] &&
    cc -dM -E -xc /dev/null | grep -q __GNUC__ &&
    ! cc -dM -E -xc /dev/null | grep -qE '__(clang|CET|SSP)'; then
    strip -o small.so "$(find "$work/prefix-ON" -name 'libtblog.so')"
    size=$(wc -c <small.so)
    if [ "$size" -ge 300000 ]; then
        echo "stripped it has $size bytes, not less than 300,000" >&2
        exit 1
    fi
fi

say "every name of the static library has our prefix"
nm --defined-only --extern-only "$(find "$work/prefix-OFF" -name 'libtblog.a')" 2>/dev/null |
    awk 'NF == 3 {print $3}' | grep -vE '^(tb_|tb__|tblog__)' >foreign || true
if test -s foreign; then
    cat foreign >&2
    exit 1
fi
say "all well"
