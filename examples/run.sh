#!/usr/bin/env bash
# Builds tblog and its example, trains on real pictures of clothing and says how to look at the result.
#
# usage: examples/run.sh [--serve] [--port N] [options of train_fashion]
#
#   --serve   then install stock TensorBoard below build/ and start it on the result
#   --port N  the port it listens on, on 127.0.0.1 (default 6006)
#   --help    this text and the options of train_fashion
#
# The log goes to logs/fashion below the current folder.  On Debian and its kin, packages that are
# missing are installed without a question.
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
build=$source/build/example
serve=no
port=6006
logs=logs
options=()
while [ $# -gt 0 ]; do
    case $1 in
    --serve) serve=yes ;;
    --port)
        [ $# -gt 1 ] || { echo "--port needs a number" >&2; exit 2; }
        port=$2
        shift
        ;;
    --help)
        sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
        options=(--help)
        ;;
    --logdir)
        logs=${2-}
        options+=("$1")
        ;;
    --logdir=*)
        logs=${1#*=}
        options+=("$1")
        ;;
    *) options+=("$1") ;;
    esac
    shift
done

packages=(gcc libc6-dev make cmake pkg-config zlib1g-dev libpng-dev libprotobuf-c-dev
    protobuf-c-compiler)
[ $serve = no ] || packages+=(python3 python3-venv)
"$source/tools/debian-packages.sh" "${packages[@]}"

echo "Building in $build"
mkdir -p "$build"
log=$build/build.log
if ! { cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=Release -DTBLOG_BUILD_TESTS=OFF &&
    cmake --build "$build" -j "$(nproc)"; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "The build failed; all of its output is in $log" >&2
    exit 1
fi

"$build/examples/train_fashion" ${options[@]+"${options[@]}"}
[ $serve = yes ] || exit 0

venv=$source/build/tensorboard
if ! [ -x "$venv/bin/tensorboard" ]; then
    echo "Installing TensorBoard in $venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check tensorboard
fi
exec "$venv/bin/tensorboard" --logdir "$logs" --host 127.0.0.1 --port "$port"
