#! /bin/bash
# BPF, kernel datapath: tc where checksums are unfinished, with large packets.
#
#   c --- [ bridge ] --- b1, b2       all with all offloads on
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2
for host in c b1 b2; do offloads $host tx on tso on gso on gro off; done
bridge
servers b1 b2
probe_start
ports kernel
expect_mode tc pc pb1 pb2 -- 'has unfinished checksums'
services b1 b2
check_taken b1
check_direct b1
# One packet of TCP is up to 64 kB here.
for vip in $VIP4 $VIP6; do
    traffic c tcp $vip 30000000 || fail "a large transfer"
done
probe_end detach
check_clean
check_not_taken b1 b2
