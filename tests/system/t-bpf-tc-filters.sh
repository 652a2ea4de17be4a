#! /bin/bash
# BPF by tc beside somebody else's filters: what these drop stays dropped, and
# they stay when ours goes.
#
#   c --- [ bridge ] --- b1
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1
offloads c tx on
bridge
servers b1
# Somebody's clsact at one port; the other's qdisc comes with our filter.  The first
# filter: ldh [12]; jeq IPv4; ldb [23]; jeq UDP; ldh [36]; jeq 7000, then drop,
# else go on.
on s tc qdisc add dev pc clsact
on s tc filter add dev pc ingress bpf direct-action bytecode \
    '8,40 0 0 12,21 0 5 2048,48 0 0 23,21 0 3 17,40 0 0 36,21 0 1 7000,6 0 0 2,6 0 0 4294967295'
on s tc filter add dev pc egress protocol ip u32 match u32 0 0 classid 1:1
offloads b1 tx on
probe_start
ports kernel
expect_mode tc pc pb1
services b1
no_traffic c udp $VIP4 1
traffic c udp $VIP6 200 || fail "UDP, IPv6"
traffic c tcp $VIP4 1000000 || fail "TCP"
test "$(taken 1)" = 0 || fail "the filter came too late"

# Somebody removes all filters: they are attached again.
on s tc qdisc del dev pb1 ingress
no_traffic c udp $VIP6 1
ports kernel
expect_mode tc pc pb1
traffic c udp $VIP6 200 || fail "after it was attached again"

# A filter that came later keeps the qdisc that came with ours.
on s tc filter add dev pb1 ingress protocol ip u32 match u32 0 0 classid 1:1
probe_end detach
check_clean
on s tc filter show dev pc ingress | grep -q bytecode || fail "a filter is gone"
on s tc filter show dev pc egress | grep -q u32 || fail "a filter is gone"
on s tc filter show dev pb1 ingress | grep -q u32 || fail "a filter is gone"
on s tc qdisc del dev pb1 ingress

# With nobody else there, it goes.
probe_start
ports kernel
expect_mode tc pc pb1
probe_end detach
check_clean
! on s tc qdisc show dev pb1 | grep -q ingress || fail "a qdisc is left"
on s tc qdisc show dev pc | grep -q clsact || fail "somebody's clsact is gone"

# Somebody has our place, until he goes.
place="dev pb1 ingress pref 65520 handle 0x747072 protocol all bpf"
on s tc qdisc add dev pb1 ingress
# shellcheck disable=SC2086
on s tc filter add $place direct-action bytecode '1,6 0 0 4294967295'
probe_start
ports kernel
expect_mode none pb1 -- 'our place among its filters is taken'
on s tc filter del dev pb1 ingress
ports kernel
expect_mode tc pc pb1
probe_end detach
check_clean
on s tc qdisc del dev pb1 ingress

# Its pins are lost with their file system: the filter stays, and is replaced by
# the next one's.
probe_start
ports kernel
probe_kill
rm -r "$PINS"
is_bare pb1 && fail "the filter went"
probe_start
grep -qx new "$DIR/said" || fail "something was taken over"
ports kernel
expect_mode tc pc pb1
services b1
traffic c udp $VIP6 200 || fail "after it was replaced"
test "$(on s tc filter show dev pb1 ingress | grep -c tpr_tc)" = 1 ||
    fail "not one filter"
probe_kill
rm -r "$PINS"

# Or removed, where XDP does it now.
on s tc filter del dev pc ingress pref 49152
offloads c tx off
offloads b1 tx off
probe_start
ports kernel
expect_mode xdp pc pb1
for port in pc pb1; do
    ! on s tc filter show dev $port ingress | grep tpr_tc ||
        fail "the filter of $port is still there"
done
probe_end detach
check_clean
