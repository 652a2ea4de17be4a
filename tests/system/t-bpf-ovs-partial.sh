#! /bin/bash
# BPF, userspace datapath: nothing where checksums are unfinished, since tc would
# double every packet; the switch has them, once.
#
#   c --- [ Open vSwitch ] --- b1, b2
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2
for host in c b1 b2; do offloads $host tx on; done
ovs
servers b1 b2
probe_start
ports af-packet
expect_mode none pc pb1 pb2 -- 'has unfinished checksums'
expect_mode none pc -- 'a second time'
grep -q '^pc .* target=no' "$DIR/said" || fail "pc is a target"
check_not_taken b1 b2

# The operator follows the sentence.
for host in c b1 b2; do offloads $host tx off; done
ports af-packet
expect_mode xdp pc pb1 pb2
services b1 b2
check_taken b1

# ...and takes it back at one.
offloads c tx on
ports af-packet
expect_mode none pc -- 'has unfinished checksums'
expect_mode xdp pb1 pb2
probe_end detach
check_clean
