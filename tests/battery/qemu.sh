#!/bin/sh
# Builds tblog for ARM and for a machine whose bytes are the other way round, runs the same program
# there (in an emulator) and here, and compares the files.
# usage: qemu.sh SOURCE_DIR WORK_DIR
#
# The libraries of those machines are fetched from Debian into WORK_DIR; nothing is installed.
set -eu
source=$1
work=$2
here=$source/tests/battery
mkdir -p "$work"
cd "$work"
work=$(pwd)

skip() {
    echo "qemu: skipped: $*"
    exit 77
}

for tool in qemu-aarch64=qemu-user qemu-s390x=qemu-user apt-get=apt dpkg-deb=dpkg cmake=cmake \
    aarch64-linux-gnu-gcc=gcc-aarch64-linux-gnu s390x-linux-gnu-gcc=gcc-s390x-linux-gnu; do
    command -v "${tool%%=*}" >/dev/null || skip "${tool%%=*} is missing (package ${tool#*=})"
done
for triplet in aarch64-linux-gnu s390x-linux-gnu; do
    echo 'int main(void) { return 0; }' |
        "$triplet-gcc" -static -o "probe-$triplet" -xc - 2>/dev/null ||
        skip "no C library for $triplet (package libc6-dev-*-cross)"
done

# Debian's libraries of another machine, unpacked.  apt gets a state of its own, so that the
# system's is not touched.
fetch() { # DEBIAN_ARCHITECTURE
    test ! -e "root-$1/fetched" || return 0
    rm -rf "root-$1" "apt-$1"
    mkdir -p "root-$1" "apt-$1/state/lists/partial" "apt-$1/cache/archives/partial"
    architecture=$1
    state=$work/apt-$1
    set -- -qq -o APT::Architecture="$1" -o APT::Architectures="$1" -o APT::Sandbox::User= \
        -o Dir::State="$state/state" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache" \
        -o Acquire::http::Timeout=10 -o Acquire::Retries=1
    apt-get "$@" update >"fetch-$architecture.log" 2>&1 || return 1
    (cd "$state" && apt-get "$@" download zlib1g zlib1g-dev libprotobuf-c1 \
        libprotobuf-c-dev) >>"fetch-$architecture.log" 2>&1 || return 1
    for package in "$state"/*.deb; do
        dpkg-deb -x "$package" "root-$architecture"
    done
    rm -rf "$state"
    touch "root-$architecture/fetched"
}

# quietly LOG COMMAND...: shows what it said only when it fails
quietly() {
    log=$1
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        echo "qemu: this failed: $*" >&2
        exit 1
    }
}

build() { # NAME COMPILER CMAKE_ARGUMENTS...
    name=$1
    compiler=$2
    shift 2
    quietly "configure-$name.log" cmake -S "$source" -B "build-$name" \
        -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS=-O1 \
        -DTBLOG_GIF=OFF -DTBLOG_BUILD_TESTS=OFF -DTBLOG_BUILD_EXAMPLES=OFF "$@"
    quietly "build-$name.log" cmake --build "build-$name" --target tblog -j2
}

link() { # NAME COMPILER LINKER_ARGUMENTS...: the program
    name=$1
    compiler=$2
    shift 2
    quietly "link-$name.log" "$compiler" -std=c11 -O1 -D_GNU_SOURCE \
        -I"$source/include" -I"$source/src" -I"$here" \
        -o "fixed_records-$name" "$here/fixed_records.c" "$here/scan.c" "$here/message.c" \
        "build-$name/src/libtblog.a" "$@" -lz -lprotobuf-c -lm -pthread
}

# The first of the ways to compute a CRC that a machine has is the one that it takes.
run() { # NAME CRC RUNNER...
    name=$1
    crc=$2
    shift 2
    rm -rf "logs-$name"
    crcs=$("$@" "./fixed_records-$name" "logs-$name" "out-$name") || {
        echo "qemu: wrong: the program failed on $name" >&2
        exit 1
    }
    case $crcs in
    $crc\ *) ;;
    *)
        echo "qemu: wrong: $name computes CRCs by: $crcs, not by $crc" >&2
        exit 1
        ;;
    esac
    figures="$figures $name (CRC: ${crcs% }),"
}

cross() { # NAME DEBIAN_ARCHITECTURE TRIPLET
    fetch "$2" || skip "the libraries of $2 are not to be had (no network?)"
    root=$work/root-$2
    export PKG_CONFIG_LIBDIR="$root/usr/lib/$3/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
    build "$1" "$3-gcc" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$1" \
        -DCMAKE_FIND_ROOT_PATH="$root" -DCMAKE_FIND_ROOT_PATH_MODE_LIBRARY=ONLY \
        -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY -DCMAKE_LIBRARY_ARCHITECTURE="$3"
    link "$1" "$3-gcc" -static -L"$root/usr/lib/$3"
    unset PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
}

figures=
build native cc
link native cc
run native '*' env
for machine in "aarch64 arm64 aarch64-linux-gnu arm64" "s390x s390x s390x-linux-gnu software"; do
    # shellcheck disable=SC2086
    cross $machine
    name=${machine%% *}
    run "$name" "${machine##* }" "qemu-$name"
    cmp out-native "out-$name" || {
        echo "qemu: wrong: $name writes other bytes" >&2
        exit 1
    }
done
echo "qemu: the same $(wc -c <out-native) bytes on$figures 0 wrong"
