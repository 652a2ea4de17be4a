# shellcheck shell=bash
# What every library of system tests begins with: how a test ends early, and
# where the programs of the build and of its Open vSwitch are.  Expects $TOP.

skip () {
    echo "$*"
    exit 77
}

fail () {
    echo "FAILED: $*"
    exit 1
}

for dir in "${TPR_BUILD-}" "${TPR_BUILD:+$TPR_BUILD/main}" "$TOP" \
        "$TOP/_build/main" "$TOP/_build"; do
    if test -n "$dir" && test -e "$dir/tests/env.sh"; then
        # shellcheck source=/dev/null
        . "$dir/tests/env.sh"
        break
    fi
done
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
