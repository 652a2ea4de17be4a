#! /bin/bash
# BPF, kernel datapath: a port that cannot transmit for XDP moves all to tc, and
# one that no longer can loses packets that are counted.
#
#   c --- [ bridge ] --- b1, b2       b1 has no GRO: no frames by XDP
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2
offloads b1 gro off
bridge
servers b1 b2
probe_start
ports kernel
expect_mode tc pc pb1 pb2 -- 'native XDP cannot transmit by pb1'
grep '^pb1 .* target=no .* no_target=the driver of pb1' "$DIR/said" ||
    fail "pb1 was not tried"
services b1 b2
check_taken b1

offloads b1 gro on
ports kernel
expect_mode xdp pc pb1 pb2
check_taken b1

# Behind our back.
offloads b1 gro off
no_traffic c udp $VIP4 20
probe list
grep '^pb1 .* drops=0 ' "$DIR/said" && fail "drops were not counted"
grep '^pc .* drops=0 ' "$DIR/said" || fail "drops were counted at pc"
ports kernel
expect_mode tc pc pb1 pb2 -- 'native XDP cannot transmit by pb1'
check_taken b1

# From native XDP to generic XDP, at once.
offloads b1 gro on
ports af-packet
expect_mode xdp pc pb1 pb2
offloads b1 gro off
ports af-packet
expect_mode generic pc pb1 pb2 -- 'native XDP cannot transmit by pb1'
probe_end detach
check_clean
