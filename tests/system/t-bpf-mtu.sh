#! /bin/bash
# BPF: what is too large for its target is dropped, as the switch does, and
# counted; the rest goes on.
#
#   c --- [ bridge ] --- b1           pb1 has an MTU of 1400
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

# too_large: datagrams of 1432 bytes, which are dropped.
too_large () {
    frames b1 > /dev/null
    no_traffic c udp $VIP4 10 1400
    test -z "$(frames b1)" || fail "some of them arrived"
}

hosts c b1
ip -n "$NAME-s" link set pb1 mtu 1400
bridge
servers b1
probe_start
ports kernel
expect_mode xdp pc pb1
grep '^pb1 .* mtu=1400 ' "$DIR/said" || fail "nothing is known of the MTU"
services b1
too_large
# EMSGSIZE
wait_for 5 eval "probe list | grep '^pb1 .* last_drop=90 '"
! grep '^pb1 .* drops=0 ' "$DIR/said" || fail "drops were not counted"
traffic c udp $VIP4 100 1300 || fail "those that fit"
test "$(frames b1)" = "$(address b1)=100" || fail "not all that fit arrived"

# By tc, and through the switch itself: the same.
offloads c tx on
ports kernel
expect_mode tc pc
too_large
probe counters
grep -qx 'no_port=10' "$DIR/said" || fail "drops by tc were not counted"
traffic c udp $VIP4 100 1300 || fail "those that fit"
frames b1 > /dev/null
no_traffic c udp "$(address b1)" 10 1400
test -z "$(frames b1)" || fail "some of them arrived"
probe_end detach
check_clean
