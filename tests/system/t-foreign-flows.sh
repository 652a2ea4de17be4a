#! /bin/bash
# Nobody else's flows are touched, by no failure, restart or cleanup.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- dies
#                  our flows   +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

ofctl () { on_switch ovs-ofctl -O OpenFlow14 "$@"; }
# Flows whose cookie is not the agent's, without counters.
foreign () {
    ofctl --no-stats dump-flows br0 | grep -v 'cookie=0x74707220' | sort
}
agents () { ofctl --no-stats dump-flows br0 | grep -c 'cookie=0x74707220'; }

start_lab
short_holds
ofctl add-flow br0 'cookie=0x17,priority=5,udp,tp_dst=7,actions=drop'
ofctl add-flow br0 'cookie=0x18,table=9,priority=50000,tcp,tp_dst=99,actions=NORMAL'
ofctl add-flow br0 'priority=65000,tcp,nw_dst=172.20.126.50,tp_dst=8081,actions=drop'
before=$(foreign)
expect_healthy

lab kill r1 --how silent
expect_region_down
test "$(foreign)" = "$before" || fail "flows changed: $(foreign)"
lab daemon ovs-tprd kill
lab daemon ovs-tprd start
wait_for 10 appctl tpr/show
expect_region_down
test "$(foreign)" = "$before" || fail "flows changed: $(foreign)"
test "$(agents)" -gt 0 || fail "the agent has no flows."

# What the agent has lost comes back.
ofctl del-flows br0 'cookie=0x7470722000000000/0xffffffff00000000'
lab daemon ovs-tprd kill
lab daemon ovs-tprd start
wait_for 10 answered_by r2
comes_back

# The agent leaves without a trace only if it is asked to.
appctl exit --cleanup
wait_for 5 eval 'test "$(agents)" = 0'
test "$(foreign)" = "$before" || fail "flows changed: $(foreign)"
finish
