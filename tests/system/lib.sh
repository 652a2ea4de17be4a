# shellcheck shell=bash
# What the system tests share.  A test sources this file, builds a lab of its
# own (tools/lab; lab.d/net.sh draws the topology) with start_lab, states what
# must hold, and ends with finish.
#
# Whatever way it ends, the lab is removed, and it is an error if anything of
# it is left: a process, a namespace, a file.

set -eu

SYSTEM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$SYSTEM/../.." && pwd)
LAB=$TOP/tools/lab
LABS=${TPR_LAB_DIR:-/run/ovs-tpr-lab}
TPR_TEST_DIR=${TPR_TEST_DIR:-}
# Several runs at once don't meet: the name contains the process.
NAME=t$$
VIP=''                          # Address of the service; see start_lab.
PERF=$LABS/$NAME/perf.json      # Report of tpr-perf.
SLACK_MS=${TPR_SLACK:-2000}     # See perf_t_un_at_most.

# Extended regular expressions: lines of level WARN or ERR that this test may
# see in the logs of the agent and of tpr-regiond.
EXPECTED_LOGS=()

# shellcheck source=tests/system/base.sh
. "$TOP/tests/system/base.sh"
for program in ip ethtool nginx ovs-vswitchd ovs-tprd ovs-tprctl tpr-regiond \
        tpr-perf; do
    command -v $program > /dev/null || skip "$program was not found"
done
test "$(id -u)" = 0 || skip "needs root"
unshare --net true 2> /dev/null || skip "network namespaces are not allowed here"

# Removal --------------------------------------------------------------------

trap at_exit EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

at_exit () {
    local status=$?
    trap - EXIT
    if test $status != 0 && test $status != 77; then
        keep_logs
    fi
    "$LAB" down --name "$NAME" || status=1
    check_nothing_left || status=1
    exit $status
}

keep_logs () {
    local file
    test -n "$TPR_TEST_DIR" && test -d "$LABS/$NAME" || return 0
    on_switch timeout 5 ovs-appctl -t ovs-tprd tpr/show \
        > "$TPR_TEST_DIR/show" 2>&1 || :
    on_switch timeout 5 ovs-appctl -t ovs-tprd tpr/history \
        > "$TPR_TEST_DIR/history" 2>&1 || :
    echo "history:"
    tail -n 8 "$TPR_TEST_DIR/history"
    on_switch timeout 5 ovs-ofctl -O OpenFlow14 dump-flows br0 > "$TPR_TEST_DIR/flows" \
        2>&1 || :
    for file in "$LABS/$NAME"/log/*.log "$LABS/$NAME"/r*/*.log \
            "$LABS/$NAME"/perf*; do
        test ! -e "$file" ||
            cp "$file" "$TPR_TEST_DIR/$(echo "${file#"$LABS/$NAME"/}" | tr / -)"
    done
}

check_nothing_left () {
    local left
    left=$(find /run/netns -name "tpr-$NAME-*" 2> /dev/null
           find "$LABS/$NAME" -maxdepth 0 2> /dev/null
           # Its own command line shall not contain what it looks for.
           grep -laF -f <(echo "$LABS/$NAME/") /proc/[0-9]*/cmdline \
               2> /dev/null) || :
    test -z "$left" || {
        echo "FAILED: left behind: $left"
        return 1
    }
}

# Ends the test: the logs are clean.
finish () {
    check_logs
    exit 0
}

check_logs () {
    local file bad=''
    for file in "$LABS/$NAME"/log/ovs-tprd.log "$LABS/$NAME"/r*/tpr-regiond.log
    do
        test ! -e "$file" || bad=$bad$(unexpected_in "$file")
    done
    test -z "$bad" || fail "unexpected in the logs:
$bad"
}

unexpected_in () {
    local pattern args=()
    for pattern in "${EXPECTED_LOGS[@]}"; do args+=(-e "$pattern"); done
    grep -E '\|(WARN|ERR|EMER)\|' "$1" |
        if test ${#args[@]} -gt 0; then grep -vE "${args[@]}"; else cat; fi |
        sed "s,^,$(basename "$1"): ,"
}

# The lab --------------------------------------------------------------------

# Who redirects: "flows", "ovs" or "bpf".  Tests t-ovs-* run others with "ovs",
# t-bpf-agent-* with "bpf".
TPR_DATAPATH=${TPR_DATAPATH:-flows}

# Beats of 50 ms x 3: a shared machine that stands still for 30 ms shall not be
# taken for a death.  tools/bench and "tools/lab table1" measure faster ones.
INTERVAL=50ms
# shellcheck disable=SC2034
DETECTION_MS=150

# Options of "lab up".
start_lab () {
    "$LAB" up --name "$NAME" --interval $INTERVAL "$@" ||
        fail "the lab did not come up."
    VIP=$(sed -n 's/^VIP=//p' "$LABS/$NAME/settings")
    case " $* " in
        *' --no-agent '*) ;;
        *) use_datapath ;;
    esac
}

use_datapath () {
    if test "$TPR_DATAPATH" = ovs; then
        has_redirects || skip "this Open vSwitch has no redirect objects"
    fi
    ctl set-option datapath="$TPR_DATAPATH"
    if test "$TPR_DATAPATH" = bpf; then
        wait_for 30 bpf_settled
        is Service web provider bpf || skip "$(column Service web why)"
    fi
    wait_is Service web provider "$TPR_DATAPATH"
    wait_is Service web state ok 15
}

# The programs are loaded and take the service, or it is known why not.
bpf_settled () {
    is Service web provider bpf ||
        column Service web why | grep -E 'built without|cannot load|cannot mount'
}

# A figure of the service's packets that programs took: bpf_counter NAME.
bpf_counter () {
    appctl tpr/show --json | grep -o '"bpf_services":{[^}]*' |
        grep -o "\"$1\":[0-9]*" | sed 's/.*://'
}

# Nobody needs to ask anybody for Ethernet addresses.
know_neighbours () {
    local region
    on_client ip neigh replace "$VIP" dev eth0 nud permanent \
        lladdr 02:00:ac:14:7e:32
    for region in r1 r2; do
        "$LAB" exec --name "$NAME" $region -- ip neigh replace 172.20.126.10 \
            dev eth0 nud permanent lladdr 02:00:ac:14:7e:0a
    done
}

# Has port $1 of the switch a program of ours, or none?  A port that is not
# there has neither.
has_program () {
    local link
    link=$(on_switch ip link show "$1") || return 1
    [[ $link = *xdp* ]] || on_switch tc filter show dev "$1" ingress |
        grep -q tpr_tc
}
has_none () {
    local link filters
    link=$(on_switch ip link show "$1") || return 1
    filters=$(on_switch tc filter show dev "$1" ingress) || return 1
    [[ $link != *xdp* && $filters != *tpr_tc* ]]
}

has_redirects () {
    local reply
    reply=$(on_switch ovs-ofctl -O OpenFlow14 dump-redirects br0 2> /dev/null) &&
        [[ $reply != *OFPT_ERROR* ]]
}

# The switch's redirect objects, a line each.
redirects () {
    on_switch ovs-ofctl -O OpenFlow14 dump-redirects br0 | grep -o ' id=.*' || :
}

lab () {
    local command=$1
    shift
    "$LAB" "$command" --name "$NAME" "$@"
}

on_switch () { "$LAB" exec --name "$NAME" switch -- "$@"; }
on_client () { "$LAB" exec --name "$NAME" client -- "$@"; }
ctl () { on_switch ovs-tprctl --timeout=20 "$@"; }
appctl () { on_switch timeout 20 ovs-appctl -t ovs-tprd "$@"; }

# Waiting and asking ---------------------------------------------------------

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

# A column of a row: column TABLE ROW COLUMN.
column () { ctl --bare get "$1" "$2" "$3" | tr -d '[]"'; }

is () { test "$(column "$1" "$2" "$3")" = "$4"; }

# wait_is TABLE ROW COLUMN VALUE [SECONDS]
wait_is () { wait_for "${5:-10}" is "$1" "$2" "$3" "$4"; }

expect_is () {
    is "$@" || fail "$1 $2: $3 is \"$(column "$1" "$2" "$3")\", not \"$4\"."
}

# servers N: how many of N requests each region answers, "r1=N r2=N".
servers () {
    on_client tpr-perf --json --requests "$1" -i 1ms -t 1500ms "$(url)" |
        grep -o '"server":"[^"]*","successes":[0-9]*' |
        sed 's/"server":"//; s/","successes":/=/' | sort | tr '\n' ' '
}

# The region that answers one request to URL $1 (default: the service).
answer_of () {
    on_client tpr-perf --json --requests 1 -t "${2:-1500ms}" "${1:-$(url)}" |
        sed -n 's/.*"servers":\[{"server":"\([^"]*\)","successes":1.*/\1/p'
}

url () {
    case $VIP in
        *:*) echo "http://[$VIP]/" ;;
        *) echo "http://$VIP/" ;;
    esac
}

# expect_answer REGION [URL].  A URL is a server's own address.  Plain flows
# let the first such request after requests to the service wait for TCP's
# retransmission, 1 s, because the switch has the old way back in its cache.
expect_answer () {
    local answer
    answer=$(answer_of "${2-}" "${2:+3s}")
    test "$answer" = "$1" ||
        fail "${2:-the service} was answered by \"$answer\", not by $1."
}

answered_by () { test "$(answer_of "${2-}")" = "$1"; }

# All the transitions, as text.
history () { appctl tpr/history; }

# Requests in the background --------------------------------------------------

# perf_start OPTIONS...: tpr-perf at the service until perf_end.
perf_start () {
    "$LAB" exec --name "$NAME" client -- tpr-perf --json -t 5ms -i 1ms \
        -d 120s --log "$PERF.log" "$@" "$(url)" > "$PERF" &
    PERF_PID=$!
    wait_for 5 perf_runs
    perf_goes_on 20
}

# tpr-perf has replaced the shell, so that signals reach it.
perf_runs () { grep -qx tpr-perf "/proc/$PERF_PID/comm"; }

# Until the client has ended $1 more requests.
perf_goes_on () {
    wait_for 10 perf_ended $(($(client_connections) + $1))
}

perf_ended () { test "$(client_connections)" -ge "$1"; }

# Connections that the client's namespace has opened so far (ActiveOpens).
client_connections () {
    awk '$1 == "Tcp:" { n = $6 } END { print n }' "/proc/$PERF_PID/net/snmp"
}

# Ends tpr-perf after it has looked for $1 more seconds (default: 100 more
# requests).
perf_end () {
    if test $# -gt 0; then
        sleep "$1"
    else
        perf_goes_on 100
    fi
    kill -INT "$PERF_PID"
    wait "$PERF_PID" || fail "tpr-perf failed."
    echo "perf: $(sed 's/,"latency_ms.*//' "$PERF")"
}

# A number from tpr-perf's report, such as t_un_ms.
perf_value () {
    # The first one: each server has some of the same names.
    grep -o "\"$1\":-\{0,1\}[0-9.]*" "$PERF" | sed -n '1s/.*://p'
}

# perf_at_most NAME NUMBER
perf_at_most () {
    local value
    value=$(perf_value "$1")
    awk -v a="$value" -v b="$2" 'BEGIN { exit !(a != "" && a <= b) }' ||
        fail "tpr-perf: $1 is $value, more than $2."
}

# perf_lost_at_most N: no request failed but the N that were under way while the
# service was moved on purpose.  Plain flows keep no connections: the other
# server resets those, or a SYN whose answer came too late is repeated after
# 1 s.
perf_lost_at_most () {
    local failures resets timeouts
    failures=$(perf_value failures)
    resets=$(perf_value reset)
    timeouts=$(perf_value timeout)
    test "$failures" -le "$1" && test "$failures" = $((resets + timeouts)) ||
        fail "tpr-perf: $failures failures, $resets resets, $timeouts timeouts."
}

# perf_t_un_at_most MS: what a death may cost is at most MS, plus what this
# machine itself stood still meanwhile: tpr-perf tells, and the agent, which
# then waits for one beat more.
#
# A shared machine stands still unseen, too, and a test is no benchmark: it
# allows TPR_SLACK ms (2000) more, which still tells detection from none.
# "TPR_SLACK=0 tests/system/run" holds the bound itself, on a machine that does
# nothing else; "tools/lab table1" and "tools/bench failover" measure.
perf_t_un_at_most () {
    local stall=0 excused
    ! grep -q '"t_un_own_stall":true' "$PERF" ||
        stall=$(perf_value own_stall_max_ms)
    excused=$(appctl tpr/history | grep -c TPR-103 || :)
    echo "T_un $(perf_value t_un_ms) ms, bound $1 ms, client's stall in it" \
        "$stall ms, stalls excused: $excused"
    perf_at_most t_un_ms "$(awk -v b="$1" -v s="$stall" -v e="$excused" \
        -v h="${INTERVAL%ms}" -v slack="$SLACK_MS" \
        'BEGIN { print b + s + e * h + slack }')"
}
