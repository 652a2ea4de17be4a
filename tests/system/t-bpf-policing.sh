#! /bin/bash
# BPF by tc at a port that Open vSwitch polices, before or after: both stay.
#
#   c --- [ Open vSwitch ] --- b1, b2
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

qdisc () { on s tc qdisc show dev "$1" | grep -q 'ingress ffff:'; }
policed () { on s tc filter show dev "$1" ingress | grep -q police; }
ours () { on s tc filter show dev "$1" ingress | grep -q tpr_tc; }
not_ours () { ! ours "$1"; }
polices () { vsctl set interface "$1" ingress_policing_rate="$2"; }

# A kernel without policers has the qdisc that is made for one, at least.
lacks_policers () { grep -q 'policing action failed' "$DIR/vswitchd.log"; }
policed_or_not () { policed "$1" || lacks_policers; }
expect_policed () { lacks_policers || policed "$1" || fail "the policer of $1 is gone"; }

hosts c b1 b2
for host in c b1 b2; do offloads $host tx on; done
ovs

# Policed first: ours stands behind.
polices pb1 100000
wait_for 5 policed_or_not pb1
probe_start
ports kernel
expect_mode tc pc pb1 pb2
expect_policed pb1
ours pb1 || fail "pb1 has no filter of ours"

# Ours first: Open vSwitch's takes its place, ours comes back.
ours pb2 || fail "pb2 has no filter of ours"
polices pb2 100000
wait_for 5 not_ours pb2
wait_for 5 qdisc pb2
lacks_policers || wait_for 5 policed pb2
ports kernel
expect_mode tc pb2
expect_policed pb2
ours pb2 || fail "pb2 has no filter of ours any more"

# Not policed any more: likewise.
polices pb2 0
wait_for 5 not_ours pb2
ports kernel
expect_mode tc pb2
ours pb2 || fail "pb2 has no filter of ours afterwards"

# Ours goes, the policer stays.
probe_end detach
check_clean
expect_policed pb1
qdisc pb1 || fail "Open vSwitch's qdisc at pb1 went with ours"
! qdisc pb2 || fail "a qdisc is left"
! grep 'policing.*failed' "$DIR/vswitchd.log" | grep -v 'policing action failed' ||
    fail "Open vSwitch could not police"
