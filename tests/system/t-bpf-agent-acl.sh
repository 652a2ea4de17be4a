#! /bin/bash
# With BPF programs: somebody's drop flow of higher priority stays effective.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                  drop        +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('the programs take 0 of 1 services')

ofctl () { on_switch ovs-ofctl -O OpenFlow14 "$@"; }
not_taken () { ! is Service web provider bpf; }

# denied FLOW: with FLOW there is no answer, and the service is the switch's;
# without it, it is the programs' again.
denied () {
    ofctl add-flow br0 "$1,actions=drop"
    wait_for 5 not_taken
    column Service web why | grep -q 'a flow that is not ours comes first: ' ||
        fail "why: $(column Service web why)"
    test -z "$(answer_of '' 300ms)" || fail "answered in spite of $1."
    ofctl --strict del-flows br0 "$1"
    wait_is Service web provider bpf
    expect_answer r1
}

start_lab
short_holds
expect_healthy
# From now on these are not of interest: below ours, or about others.
ofctl add-flow br0 "priority=100,tcp,nw_dst=$VIP,tp_dst=80,in_port=1,actions=drop"
ofctl add-flow br0 'priority=65000,tcp,tp_dst=22,actions=drop'
ofctl add-flow br0 'priority=65000,tcp6,actions=drop'
ofctl add-flow br0 'priority=65000,udp,tp_dst=53,actions=NORMAL'
expect_is Service web provider bpf
expect_answer r1

denied "priority=65000,in_port=1,tcp,nw_dst=$VIP,tp_dst=80"
denied 'priority=65000,ip,nw_src=172.20.126.10'
denied 'priority=50000,in_port=1,tcp'
denied 'priority=65000,in_port=2,tcp,tp_src=80,nw_dst=172.20.126.10'
expect_is Service web provider bpf

# A large table does not stop the agent, and hides no drop flow.
{
    for ((i = 0; i < 10000; i++)); do
        echo "priority=60000,tcp,nw_src=10.$((i >> 8)).$((i & 255)).1," \
            "tp_dst=443,actions=drop"
    done
    echo "priority=65000,in_port=1,tcp,nw_dst=$VIP,tp_dst=80,actions=drop"
} | tr -d ' ' | ofctl --bundle add-flows br0 -
wait_for 10 not_taken
test -z "$(answer_of '' 300ms)" || fail "answered in spite of a drop flow."
ofctl --strict del-flows br0 "priority=65000,in_port=1,tcp,nw_dst=$VIP,tp_dst=80"
wait_is Service web provider bpf
expect_answer r1
# A restarted agent finds it as it was.
ofctl add-flow br0 "priority=65000,in_port=1,tcp,nw_dst=$VIP,tp_dst=80,actions=drop"
wait_for 5 not_taken
lab daemon ovs-tprd kill
lab daemon ovs-tprd start
wait_for 10 appctl tpr/show
test -z "$(answer_of '' 300ms)" || fail "answered after a restart."
wait_for 10 eval 'appctl tpr/show | grep -q "a flow that is not ours comes first"'
finish
