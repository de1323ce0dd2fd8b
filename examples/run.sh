#!/bin/sh
# Builds an example, runs it, and can show the log in TensorBoard.
set -eu

usage() {
    cat <<'END'
Usage: run.sh [--serve] [--port N] [OPTION OF train_fashion]...
       run.sh gallery [--serve] [--port N]

Installs what is missing to build the examples (with apt-get, on Debian and its kin), builds them in
build/example of the checkout, and trains.  The log goes to logs/fashion in the current folder; an
earlier log in there is kept, and TensorBoard shows both.

  gallery    instead, fills every dashboard of TensorBoard; the log goes to logs/gallery

  --serve    then install TensorBoard into build/venv of the checkout and start it on the log
  --port N   the port of TensorBoard on 127.0.0.1; default 6006
  --help     show this

All other options go to train_fashion, for example:

  run.sh --epochs 80 --seed 7
  run.sh --data DIR    (DIR holds the files of the whole Fashion-MNIST)
END
}

say() {
    printf '==> %s\n' "$*"
}

fail() {
    printf 'run.sh: %s\n' "$*" >&2
    exit 1
}

# Shows a command's output only if it fails.
quietly() {
    "$@" >"$build/output.log" 2>&1 || {
        cat "$build/output.log" >&2
        fail "this failed: $*"
    }
}

install_missing() {
    set -- gcc libc6-dev make cmake pkg-config zlib1g-dev libpng-dev libgif-dev \
        libprotobuf-c-dev protobuf-c-compiler
    if [ "$serve" = yes ]; then
        set -- "$@" python3 python3-venv
    fi
    "$root/tools/debian-packages.sh" "$@" || fail "cannot build without these packages"
}

build_examples() {
    say "Building in $build"
    mkdir -p "$build"
    quietly cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DTBLOG_BUILD_TESTS=OFF \
        -DTBLOG_BUILD_EXAMPLES=ON
    quietly cmake --build "$build" --target train_fashion gallery --parallel "$(getconf _NPROCESSORS_ONLN)"
}

install_tensorboard() {
    if [ ! -x "$venv/bin/tensorboard" ]; then
        say "Installing TensorBoard into $venv"
        quietly python3 -m venv "$venv"
        quietly "$venv/bin/pip" install --disable-pip-version-check tensorboard
    fi
}

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/example
venv=$root/build/venv
logdir=logs/fashion
serve=no
port=6006
program=train_fashion
if [ "${1-}" = gallery ]; then
    program=gallery
    logdir=logs/gallery
    shift
fi

# Takes this script's own options out of "$@" and leaves the program's, in order.
left=$#
while [ "$left" -gt 0 ]; do
    option=$1
    shift
    left=$((left - 1))
    case $option in
    --help | -h)
        usage
        exit 0
        ;;
    --serve)
        serve=yes
        ;;
    --port=*)
        port=${option#*=}
        ;;
    --port | --logdir)
        if [ "$left" -eq 0 ]; then
            echo "run.sh: $option needs a value" >&2
            exit 2
        fi
        if [ "$option" = --port ]; then port=$1; else logdir=$1; fi
        shift
        left=$((left - 1))
        ;;
    --logdir=*)
        logdir=${option#*=}
        ;;
    *)
        set -- "$@" "$option"
        ;;
    esac
done
case $port in
'' | *[!0-9]*)
    echo "run.sh: --port is '$port', not a number" >&2
    exit 2
    ;;
esac

if [ "$program" = gallery ] && [ $# -gt 0 ]; then
    echo "run.sh: gallery takes no $1" >&2
    exit 2
fi

install_missing
build_examples
say "Training; the log goes to $logdir"
if [ "$program" = gallery ]; then
    "$build/examples/gallery" "$logdir"
else
    "$build/examples/train_fashion" --logdir "$logdir" "$@"
fi

if [ "$serve" = yes ]; then
    install_tensorboard
    say "Starting TensorBoard on http://127.0.0.1:$port (end it with Ctrl-C)"
    exec "$venv/bin/tensorboard" --logdir "$logdir" --host 127.0.0.1 --port "$port"
fi
say "To see the log: pip install tensorboard, then: tensorboard --logdir $logdir"
say "or run this again with --serve"
