#! /bin/bash
# BPF, userspace datapath with packet sockets: native XDP, nothing is forwarded
# twice.
#
#   c --- [ Open vSwitch ] --- b1, b2
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2
ovs
servers b1 b2
probe_start
ports af-packet
expect_mode xdp pc pb1 pb2
services b1 b2
check_direct b1
check_taken b1
check_direct b2
probe_end detach
check_clean
check_not_taken b1 b2
