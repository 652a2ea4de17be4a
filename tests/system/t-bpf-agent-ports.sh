#! /bin/bash
# With BPF programs: ports come and go, and so do bridges.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('the programs take 0 of 1 services' 'agent\|WARN\|(Bridge|Region|Service)'
    '(ofconn|rconn|vconn|hb|neigh|fast_path|check)\|WARN' 'cannot be checked')

vsctl () { on_switch ovs-vsctl --timeout=10 "$@"; }

start_lab
short_holds
expect_healthy

# The other region's port goes: this one goes on.
vsctl del-port eth2
wait_for 5 has_none eth2
expect_is Service web provider bpf
expect_answer r1
vsctl add-port br0 eth2 -- set interface eth2 ofport_request=3
wait_for 10 has_program eth2
wait_is Service web provider bpf
wait_is Region r2 state up 15

# The active region's port goes: the other takes over.
vsctl del-port eth1
wait_for 5 has_none eth1
wait_for 10 answered_by r2
wait_is Service web provider bpf
vsctl add-port br0 eth1 -- set interface eth1 ofport_request=2
wait_for 10 has_program eth1
wait_is Service web state ok 20
wait_for 10 answered_by r1

# A new port, where clients may be: it gets a program, too.
on_switch ip link add eth7 type veth peer name eth7p
on_switch ip link set eth7 up
on_switch ip link set eth7p up
on_switch ethtool -K eth7p tx off txvlan off > /dev/null
on_switch ethtool -K eth7 tx off txvlan off > /dev/null
vsctl add-port br0 eth7
wait_for 10 has_program eth7
wait_is Service web provider bpf
# Its device vanishes.
on_switch ip link del eth7
vsctl del-port eth7
wait_is Service web provider bpf
expect_answer r1

# Bypass: a stock switch.
ctl bypass on
for port in eth0 eth1 eth2; do wait_for 5 has_none $port; done
expect_answer r1
ctl bypass off
for port in eth0 eth1 eth2; do wait_for 10 has_program $port; done
wait_is Service web provider bpf
expect_answer r1

# The bridge goes.
vsctl del-br br0
for port in eth0 eth1 eth2; do wait_for 10 has_none $port; done
finish
