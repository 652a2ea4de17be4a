#! /bin/bash
# With BPF programs: an agent that cannot or shall not have them detaches what
# the one before it, killed, has left.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('the programs take 0 of 1 services' 'Bridge br0: datapath bpf'
    '(hb|agent|check)\|WARN\|')

PINS=$LABS/$NAME/run/bpf
taken () { is Service web provider bpf && appctl tpr/show > /dev/null; }
all_bare () { for port in eth0 eth1 eth2; do has_none $port || return 1; done; }

# kill_agent: the programs go on.
kill_agent () {
    wait_for 20 taken
    lab daemon ovs-tprd kill
    for port in eth0 eth1 eth2; do
        has_program $port || fail "the program of $port ended with the agent."
    done
    expect_answer r1
}

# Nothing of ours is anywhere, and the switch serves.
expect_bare () {
    wait_for 20 all_bare
    local left
    left=$(find "$PINS" -name 'bridge-*')
    test -z "$left" || fail "pins stayed: $left"
    wait_for 10 appctl tpr/show
    wait_is Service web state ok 15
    expect_answer r1
}

# agent COMMAND...: starts the agent so.
agent () {
    on_switch "$@" -vconsole:off -vsyslog:off --detach --no-chdir --pidfile \
        --log-file "unix:$LABS/$NAME/run/db.sock"
}

# says PATTERN: the agent says why there are no programs, and that those of the
# one before were detached.
says () {
    local words="$1.*; what an earlier agent had attached to 3 ports was detached"
    wait_for 10 eval "appctl tpr/show | grep -q '$words'"
    appctl tpr/show | grep 'bridge br0'
}

# Nothing of before stands against what happens now.
region_dies_here () {
    lab kill r1 --how silent
    wait_is Region r1 state down
    wait_for 5 answered_by r2
    lab heal r1
    wait_is Service web state ok 15
    wait_for 5 answered_by r1
}

start_lab
short_holds
expect_healthy

# It shall not.
kill_agent
ctl --no-wait set-option datapath=flows
lab daemon ovs-tprd start
expect_bare
expect_is Service web provider flows
ctl set-option datapath=bpf

# It must not load programs; and it says so.
kill_agent
agent setpriv --bounding-set -bpf,-perfmon,-sys_admin ovs-tprd
expect_bare
says 'cannot load the BPF programs'
region_dies_here
lab daemon ovs-tprd kill
lab daemon ovs-tprd start

# It was built without them; tools/check has such an agent.
if test -n "${TPR_NOBPF-}"; then
    kill_agent
    agent "$TPR_NOBPF/agent/ovs-tprd"
    expect_bare
    says 'this ovs-tprd was built without BPF programs'
    ctl show | grep 'Complaint.*built without BPF programs' ||
        fail "show: $(ctl show)"
    region_dies_here
    lab daemon ovs-tprd kill
    lab daemon ovs-tprd start
fi

# Their bridge is another's now, or nobody's.
kill_agent
mv "$PINS/bridge-br0" "$PINS/bridge-br9"
ctl --no-wait set-option datapath=flows
lab daemon ovs-tprd start
expect_bare
ctl set-option datapath=bpf

# It is asked to clear everything before it has loaded its own.
kill_agent
lab daemon ovs-tprd start
wait_for 10 appctl tpr/show
start=$(date +%s%N)
appctl exit --cleanup
ms=$((($(date +%s%N) - start) / 1000000))
echo "exit --cleanup took $ms ms"
test $ms -lt $((3000 + SLACK_MS)) || fail "exit --cleanup took $ms ms."
wait_for 5 all_bare
left=$(find "$PINS" -name 'bridge-*')
test -z "$left" || fail "pins stayed: $left"
finish
