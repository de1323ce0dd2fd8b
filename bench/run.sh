#!/usr/bin/env bash
# Measures what tblog costs, beside its peers and the limits of the machine, and writes
# bench/RESULTS.md and its plots.
#
# usage: bench/run.sh [--help] [--long] [--quick] [--only SUBJECT,...] [--to DIRECTORY]
#
#   --long    up to 10^9 scalars (some 25 GB of disk)
#   --quick   few rounds and at most 10^6 scalars, to see whether all works
#   --only    of scalars, histograms, images, scale, small, load, details; the rest of RESULTS.md
#             comes from the run before
#   --to      where RESULTS.md and the plots go, rather than to bench
#
# Everything is made below build/bench.  The peers come from PyPI into a virtual environment; set
# TBLOG_BENCH_PYTHON to use one that has them.  TensorFlow's C++ writer needs g++, the crate
# tensorboard-rs needs cargo; where that is missing they are left out.  PyTorch is Debian's, for the
# wheel of PyPI is gigabytes large; set TBLOG_BENCH_TORCH to a Python that has it and tensorboard.
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
build=${TBLOG_BENCH_BUILD-$source/build/bench}
rust_version=0.5.9
suite_options=()
results=$source/bench
while [ $# -gt 0 ]; do
    case $1 in
    --help)
        sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
        exit 0
        ;;
    --long) suite_options+=(--long) ;;
    --quick) suite_options+=(--rounds 2 --most 6) ;;
    --only)
        suite_options+=(--only "${2?--only needs a value}")
        shift
        ;;
    --to)
        results=${2?--to needs a value}
        shift
        ;;
    *)
        echo "run.sh: unknown option $1; see --help" >&2
        exit 2
        ;;
    esac
    shift
done

say() { printf '==> %s\n' "$*"; }

build_tblog() {
    "$source/tools/debian-packages.sh" gcc libc6-dev make cmake=cmake pkg-config=pkg-config \
        zlib1g-dev libpng-dev libprotobuf-c-dev protobuf-c-compiler binutils python3=python3 \
        python3-venv
    cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
        -DTBLOG_BUILD_BENCH=ON -DTBLOG_BUILD_TESTS=OFF -DTBLOG_BUILD_EXAMPLES=OFF \
        >"$build/build.log"
    cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)" >>"$build/build.log"
}

install_python() {
    if [ -n "${TBLOG_BENCH_PYTHON-}" ]; then
        python=$TBLOG_BENCH_PYTHON
        return
    fi
    python=$build/venv/bin/python
    local packages='numpy matplotlib pillow scikit-image tensorboard tensorboardX tensorflow-cpu'
    if [ "$(cat "$build/venv/complete" 2>/dev/null)" != "$packages" ]; then
        python3 -m venv "$build/venv"
        # shellcheck disable=SC2086
        "$python" -m pip install -q --disable-pip-version-check $packages
        echo "$packages" >"$build/venv/complete"
    fi
}

# PyTorch of Debian's Python, and what its writer wants besides: a NumPy that is as old.
install_torch() {
    torch=${TBLOG_BENCH_TORCH-$build/torch/bin/python}
    if [ -z "${TBLOG_BENCH_TORCH-}" ] && [ ! -e "$build/torch/complete" ]; then
        "$source/tools/debian-packages.sh" python3-torch python3-venv >"$build/torch.log" 2>&1 &&
            /usr/bin/python3 -m venv --system-site-packages "$build/torch" &&
            "$torch" -m pip install -q --disable-pip-version-check tensorboard pillow \
                'numpy<1.24' setuptools >>"$build/torch.log" 2>&1 &&
            touch "$build/torch/complete" || true
    fi
    "$torch" -c 'import torch.utils.tensorboard' >>"$build/torch.log" 2>&1 || {
        say "Without PyTorch: it is not to be had here (torch.log)"
        torch=
    }
}

build_tensorflow_peer() {
    local tensorflow
    tensorflow=$("$python" -c 'import importlib.util as u
print(u.find_spec("tensorflow").submodule_search_locations[0])')
    rm -f "$build/peer_tensorflow"
    g++ -O2 -std=c++17 -w -D_DEFAULT_SOURCE -I"$tensorflow/include" \
        "$source/bench/peer_tensorflow.cc" -o "$build/peer_tensorflow" -L"$tensorflow" \
        -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,-rpath,"$tensorflow" \
        >"$build/peer_tensorflow.log" 2>&1 ||
        say "Without TensorFlow's C++ writer: it does not build here (peer_tensorflow.log)"
}

build_rust_peer() {
    if ! command -v cargo >/dev/null; then
        say "Without tensorboard-rs: there is no cargo"
        return
    fi
    mkdir -p "$build/rust/src"
    cp "$source/bench/peer_rust.rs" "$build/rust/src/main.rs"
    printf '%s\n' '[package]' 'name = "peer"' 'version = "0.1.0"' 'edition = "2021"' '[workspace]' \
        '[dependencies]' "tensorboard-rs = \"=$rust_version\"" >"$build/rust/Cargo.toml"
    (cd "$build/rust" && cargo build --release) >"$build/rust.log" 2>&1 ||
        say "Without tensorboard-rs: it does not build here (rust.log)"
}

mkdir -p "$build"
say "Building in $build"
build_tblog
say "Installing the peers"
install_python
install_torch
build_tensorflow_peer
build_rust_peer
say "Measuring"
version=$(sed -n 's/^#define TBLOG_VERSION "\(.*\)"/\1/p' "$source/include/tblog.h")
"$python" "$source/bench/suite.py" --build "$build" --version "$version" \
    --compiler "$(cc --version | head -n 1)" --rust "$rust_version" ${torch:+--torch "$torch"} \
    ${suite_options[@]+"${suite_options[@]}"}
mkdir -p "$results"
"$python" "$source/bench/report.py" "$build/results.json" "$results"
say "Written: $results/RESULTS.md"
