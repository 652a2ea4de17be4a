# SPDX-License-Identifier: Apache-2.0
#
# For tests of the database and its tools: a database server of their own in a
# temporary folder, and TAP.  To be sourced in the build folder.

. "${TPR_ENV:-${TPR_BUILDDIR:-.}/tests/env.sh}"

LC_ALL=C.UTF-8
export LC_ALL
dir=$(mktemp -d "${TMPDIR:-/tmp}/tpr-db.XXXXXX") || exit 1
n=0
server=

cleanup () {
    test -z "$server" || kill "$server" 2> /dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# Starts the server on an empty database; $DB is its address.
start_database () {
    ovsdb-tool create "$dir/tpr.db" "$TPR_SRCDIR/agent/ovs-tpr.ovsschema" ||
        exit 1
    ovsdb-server "$dir/tpr.db" --remote="punix:$dir/sock" --no-chdir \
        --pidfile="$dir/pid" --unixctl="$dir/ctl" -vconsole:off \
        -vfile:off -vsyslog:off --detach || exit 1
    server=$(cat "$dir/pid")
    DB=unix:$dir/sock
}

# The tool, without an agent to wait for.
tprctl () {
    ovs-tprctl --db="$DB" --timeout=20 --no-wait --no-syslog "$@"
}

# Prints the result of test "$1" as TAP; "$2" is 0 if it passed, and what
# follows explains a failure.
result () {
    n=$((n + 1))
    if test "$2" = 0; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        shift 2
        printf '%s\n' "$@" | sed 's/^/# /'
    fi
}

# ok NAME COMMAND...: it succeeds and says nothing on its standard error.
ok () {
    name=$1
    shift
    out=$("$@" 2>&1)
    rc=$?
    result "$name" "$rc" "status $rc, said:" "$out"
}

# says NAME EXPECTED COMMAND...: it succeeds and prints EXPECTED.
says () {
    name=$1 expected=$2
    shift 2
    out=$("$@" 2>&1)
    rc=$?
    test "$rc" = 0 && test "$out" = "$expected"
    result "$name" "$?" "status $rc, said:" "$out" "expected:" "$expected"
}

# fails NAME STATUS EXPECTED COMMAND...: it ends with STATUS and what it says
# contains EXPECTED.
fails () {
    name=$1 status=$2 expected=$3
    shift 3
    out=$("$@" 2>&1)
    rc=$?
    case $out in *"$expected"*) found=0 ;; *) found=1 ;; esac
    test "$rc" = "$status" && test "$found" = 0
    result "$name" "$?" "status $rc, said:" "$out" "expected:" "$expected"
}

# contains NAME EXPECTED COMMAND...: as fails, but it succeeds.
contains () {
    name=$1 expected=$2
    shift 2
    fails "$name" 0 "$expected" "$@"
}

finish () {
    echo "1..$n"
}
