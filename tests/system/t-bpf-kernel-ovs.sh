#! /bin/bash
# BPF, Open vSwitch's kernel datapath: native XDP, and tc for unfinished checksums.
#
#   c --- [ openvswitch.ko ] --- b1, b2

. "$(dirname "$0")/bpf.sh"

modprobe openvswitch 2> /dev/null || test -e /sys/module/openvswitch ||
    skip "this kernel has no openvswitch.ko"

hosts c b1 b2
ovs system
servers b1 b2
ovs-appctl --timeout=60 -t "$DIR/$(basename "$DIR"/ovs-vswitchd.*.ctl)" dpif/show |
    grep -q '^system@' || fail "this is not the kernel's datapath"
probe_start
ports kernel
expect_mode xdp pc pb1 pb2
services b1 b2
check_taken b1
check_direct b1

# Large packets and unfinished checksums are for tc.
for host in c b1 b2; do offloads $host tx on tso on gso on gro off; done
ports kernel
expect_mode tc pc pb1 pb2 -- 'has unfinished checksums'
check_taken b1
check_direct b2
for vip in $VIP4 $VIP6; do
    traffic c tcp $vip 30000000 || fail "a large transfer"
done
probe_end detach
check_clean
check_not_taken b1 b2
