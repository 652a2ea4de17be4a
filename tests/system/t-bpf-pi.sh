#! /bin/bash
# BPF on a set like a Raspberry Pi's: one uplink (pc) and four ports whose driver
# knows nothing of XDP, so tc; the service is spread over them.
#
#   c ---- [ bridge ] --- b1, b2, b3, b4
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2 b3 b4
# A veth without GRO behind it sends nothing for XDP, as those drivers don't.
for host in c b1 b2 b3 b4; do offloads $host gro off; done
bridge
servers b1 b2 b3 b4
probe_start
ports kernel
expect_mode tc pc pb1 pb2 pb3 pb4 -- 'native XDP cannot transmit'
services b1 b2 b3 b4
check_taken b1

backends=''
for host in b1 b2 b3 b4; do
    backends="$backends,backend=$(address $host),output=$(ifindex p$host)"
    backends="$backends,mac=$(mac $host)"
done
probe "set id=2,vip=$VIP4,tcp,port=7001,policy=round-robin$backends"
for _ in 1 2 3 4 5 6 7 8; do
    traffic c tcp $VIP4 200000 || fail "a transfer"
done
probe 'stats 2'
test "$(grep -c 'total_connections=[23],' "$DIR/said")" = 4 ||
    fail "they were not spread"     # One was here before.

# The uplink is unplugged and plugged in again; a port follows it.
ip -n "$NAME-c" link set eth0 down
ports kernel
ip -n "$NAME-c" link set eth0 up
for host in b1 b2 b3 b4; do know c $host; done
ip -n "$NAME-c" neigh replace $VIP4 lladdr $VIP_MAC dev eth0
ports kernel
expect_mode tc pc pb1 pb2 pb3 pb4
traffic c tcp $VIP4 200000 || fail "after the uplink was back"
ip -n "$NAME-s" link set pb4 nomaster
ports kernel c b1 b2 b3
expect_mode tc pc pb1 pb2 pb3
is_bare pb4 || fail "pb4 has a program or filter"
probe_end detach
check_clean
