#!/bin/sh
# Says of which functions the library makes no use: what no test makes fail, and what it promises
# not to do.
# usage: calls.sh NM LIBRARY
set -eu
nm=$1
library=$2

# Undefined names, without versions.
calls=$("$nm" -u "$library" | sed -n 's/^ *[Uw] \([A-Za-z_0-9]*\).*/\1/p' | sort -u)
has() {
    printf '%s\n' "$calls" | grep -qx "$1"
}
has write || {
    echo "calls: wrong: $nm says nothing of $library" >&2
    exit 1
}

wrong=0
expect_none() { # WHY NAME...
    why=$1
    shift
    for name in "$@"; do
        ! has "$name" || {
            echo "calls: wrong: the library calls $name ($why)" >&2
            wrong=$((wrong + 1))
        }
    done
}
expect_none "which no test makes fail" rename renameat2 truncate truncate64 ftruncate \
    ftruncate64 unlink link symlink symlinkat open open64 creat fopen fopen64 writev pwritev
expect_none "it does not end its host" abort exit _exit _Exit quick_exit raise kill
expect_none "handlers, locale and the working directory are its host's" signal sigaction setlocale \
    uselocale chdir fchdir umask setenv putenv
echo "calls: $(printf '%s\n' "$calls" | wc -l) functions are called, ftruncate is not among them," \
    "nor is any rename but renameat; $wrong wrong"
test $wrong = 0
