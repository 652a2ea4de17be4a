#! /bin/bash
# BPF: more ports than XDP can send by: none of them loses packets.
#
#   c --- [ switch ] --- b1, b2      XDP can send by two
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2
bridge
servers b1 b2

# The kernel's switch: tc needs no targets.
probe_start --ports 2
ports kernel
expect_mode tc pc pb1 -- 'native XDP cannot transmit by pb2'
expect_mode tc pb2 -- 'no more than 2 ports'
services b1 b2
check_taken b1
probe counters
! grep -q no_port "$DIR/said" || fail "packets were lost"
probe_end detach
check_clean

# Packet sockets: the one too many has nothing, and the others do not send
# there.
probe_start --ports 2
ports af-packet
expect_mode generic pc pb1
expect_mode none pb2 -- 'no more than 2 ports'
grep -q '^pb2 .* reachable=no' "$DIR/said" || fail "pb2 is said to be reachable"
grep -q '^pb1 .* reachable=yes' "$DIR/said" || fail "pb1 is not reachable"

# One goes: there is room.
ports kernel c b2
expect_mode xdp pc pb2
services b2
check_taken b2
# Somebody sends there all the same: it is counted.
services b1
no_traffic c udp $VIP4 20
probe counters
grep -q 'no_port' "$DIR/said" || fail "losses were not counted"
probe_end detach
check_clean
