#! /bin/bash
# A switch that cannot write ND's options, as the kernel's datapath: the agent answers for the VIP, and a client whose
# neighbour cache expires in the middle of the outage survives it.
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# Flows that hand solicitations to the agent.
nd_flows () { on_switch ovs-ofctl -O OpenFlow14 dump-flows br0 | grep -c 'actions=controller'; }
answered () {
    on_switch ovs-appctl -t ovs-tprd coverage/read-counter tpr_nd_answered
}
has_nd_flows () { test "$(nd_flows)" -gt 0; }

start_lab --ipv6
short_holds
expect_healthy

# Flows that are there stay until somebody takes them away.
on_switch ovs-appctl dpif/set-dp-features br0 nd_ext false
on_switch ovs-appctl dpif/set-dp-features br0 nd_ext | grep -q 'run time.:false' ||
    fail "the switch has ND's options all the same."
lab kill r1 --how silent
expect_region_down
wait_for 10 has_nd_flows
lab heal r1
wait_is Service web state ok 15

neighbours_expire
test "$(answered)" -gt 0 || fail "the agent answered no solicitation."
finish
