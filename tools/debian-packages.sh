#!/bin/sh
# Installs those of the named Debian packages that are missing, without a question.
# usage: debian-packages.sh [COMMAND=]PACKAGE...
# A package with a COMMAND is not missing where that command is, wherever it came from.
set -eu

missing=
for wanted in "$@"; do
    package=${wanted#*=}
    case $wanted in
    *=*) ! command -v "${wanted%%=*}" >/dev/null || continue ;;
    esac
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
test -n "$missing" || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Please install what Debian calls:$missing" >&2
    exit 1
fi
as_root=
if test "$(id -u)" != 0; then
    if ! sudo -n true 2>/dev/null; then
        echo "Not root, and no sudo without a password; please install:$missing" >&2
        exit 1
    fi
    as_root="sudo -n"
fi

echo "Installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
