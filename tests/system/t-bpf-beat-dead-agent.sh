#! /bin/bash
# The agent is killed, then a region: the kernel takes it down by itself.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- silence, carrier kept
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('(rconn|vconn|stream|ofp|datapath|check|neigh|hb|agent).*')

kernel_has_both () {
    test "$(appctl tpr/show |
        grep -c 'detection by the kernel, transmission by the kernel')" = 2
}
answers () { test "$(answer_of)" = "$1"; }

start_lab
short_holds
ctl set Heartbeat r1 offload=on -- set Heartbeat r2 offload=on
wait_for 15 kernel_has_both
expect_healthy

# Nobody needs to ask anybody for Ethernet addresses.
on_client ip neigh replace "$VIP" dev eth0 nud permanent lladdr 02:00:ac:14:7e:32
"$LAB" exec --name "$NAME" r2 -- ip neigh replace 172.20.126.10 dev eth0 \
    nud permanent lladdr 02:00:ac:14:7e:0a

lab daemon ovs-tprd kill
expect_answer r1
lab kill r1 --how silent
wait_for 5 answers r2
echo "without an agent, new connections went to r2"

# The next agent finds it as it is.
lab daemon ovs-tprd start
wait_for 20 is Region r1 state down
expect_answer r2
lab heal r1
wait_is Region r1 state up 20
wait_for 15 kernel_has_both
wait_is Service web active web/r1 20
# Its words count before it has taken over the programs.
expect_answer r1
finish
