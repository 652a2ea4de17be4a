# shellcheck shell=bash
# What the tests of BFD share: two namespaces, one for the agent's heartbeat
# thread (hb-probe), one for its peer.  No switch, no lab.
#
#   hb-PID-a                          hb-PID-b
#   hb-probe, packet socket           the peer, kernel sockets
#   a0 (no address) --- veth ---------- b0 10.99.0.2, fd99::2
#   speaks as 10.99.0.1, fd99::1
#
# The peer's neighbour entries are permanent, as nobody answers ARP in a.

set -eu

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
A=hb-$$-a
B=hb-$$-b
DIR=$(mktemp -d "${TMPDIR:-/tmp}/hb-$$.XXXXXX")
PIDS=()

# shellcheck source=tests/system/base.sh
. "$TOP/tests/system/base.sh"
PATH=${TPR_BUILD:-.}/tests:$PATH

trap at_exit EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

at_exit () {
    local status=$? pid file
    trap - EXIT
    for pid in "${PIDS[@]}"; do
        kill -9 "$pid" 2> /dev/null || :
        wait "$pid" 2> /dev/null || :
    done
    for file in "$DIR"/*.pid; do
        test ! -e "$file" || kill -9 "$(cat "$file")" 2> /dev/null || :
    done
    ip netns del "$A" 2> /dev/null || :
    ip netns del "$B" 2> /dev/null || :
    if test $status != 0 && test $status != 77 && test -n "${TPR_TEST_DIR-}"
    then
        cp "$DIR"/*.log "$DIR"/*.out "$TPR_TEST_DIR" 2> /dev/null || :
    fi
    rm -rf "$DIR"
    exit $status
}

# Programs that the test needs, beside these.
need () {
    local program
    for program in ip hb-probe "$@"; do
        command -v "$program" > /dev/null || skip "$program was not found"
    done
    test "$(id -u)" = 0 || skip "needs root"
    ip netns add "$A" 2> /dev/null || skip "network namespaces are not allowed here"
    ip netns add "$B"
    ip link add a0 netns "$A" type veth peer name b0 netns "$B"
    ip -n "$A" link set a0 address 02:00:00:00:00:01 up
    ip -n "$B" link set lo up
    ip -n "$B" link set b0 address 02:00:00:00:00:02 up
    ip -n "$B" address add 10.99.0.2/24 dev b0
    ip -n "$B" address add fd99::2/64 dev b0 nodad
    ip -n "$B" neigh replace 10.99.0.1 lladdr 02:00:00:00:00:01 dev b0 nud permanent
    ip -n "$B" neigh replace fd99::1 lladdr 02:00:00:00:00:01 dev b0 nud permanent
}

in_b () { ip netns exec "$B" "$@"; }

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for () {
    local limit=$1 end
    shift
    end=$((SECONDS + limit + 1))
    until "$@" > /dev/null 2>&1; do
        test $SECONDS -lt $end || fail "not within $limit s: $*"
        sleep 0.02
    done
}

# probe NAME FAMILY OPTION...: starts hb-probe; its output goes to NAME.out.
probe () {
    local name=$1 family=$2
    shift 2
    set -- --device a0 --time-ms 60000 "$@"
    case $family in
        4) set -- --local 10.99.0.1 --peer 10.99.0.2 "$@" ;;
        6) set -- --local fd99::1 --peer fd99::2 "$@" ;;
    esac
    ip netns exec "$A" hb-probe "$@" > "$DIR/$name.out" 2>&1 &
    PIDS+=($!)
    PROBE=$!
}

# Waits for a line of NAME.out that matches a regular expression.
says () { grep -qE "$2" "$DIR/$1.out"; }
wait_says () { wait_for "${3:-15}" says "$1" "$2"; }

# probe_end [SIGNAL]: ends the last probe.
probe_end () {
    kill -TERM "$PROBE" 2> /dev/null || :
    wait "$PROBE" || :
}

# A number from a line "TIME KIND ... KEY=NUMBER ..." of NAME.out, the last one:
# value NAME KIND KEY.
value () {
    sed -nE "s/^([0-9]+ )?$2 (.* )?$3=(-?[0-9]+).*/\3/p" "$DIR/$1.out" | tail -n 1
}

# died_within NAME MICROSECONDS INTERVAL: NAME saw a death by missed beats, not
# before the detection time was over and not much later.  What the probe was
# late itself it says, and may add; and TPR_SLACK ms (2000), as in lib.sh.
died_within () {
    local silent excused late
    wait_says "$1" ' down cause="beats missed"'
    silent=$(value "$1" down silent_us)
    excused=$(grep -c ' excused ' "$DIR/$1.out" || :)
    late=$(value "$1" stats max_late_us)
    echo "$1: dead after $silent us of silence (detection time $2 us," \
        "$excused stalls excused, worst lateness ${late:-?} us)"
    test "$silent" -ge "$2" || fail "$1: too early"
    test "$silent" -le $(($2 + 2 * $3 + 5000 + excused * $3 + ${late:-0} +
            1000 * ${TPR_SLACK:-2000})) ||
        fail "$1: too late"
}
