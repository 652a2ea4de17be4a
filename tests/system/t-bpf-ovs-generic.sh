#! /bin/bash
# BPF, userspace datapath: generic XDP where a port cannot transmit for native.
#
#   c --- [ Open vSwitch ] --- b1, b2 (no GRO there: no frames by XDP)
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2
offloads b2 gro off
ovs
servers b1 b2
for port in pc pb1 pb2; do on s ethtool -K $port gro off; done
probe_start
ports af-packet
expect_mode generic pc pb1 pb2 -- 'native XDP cannot transmit by pb2'

# By the port by which native XDP could not send.
services b2
check_taken b2

# It is able now.
offloads b2 gro on
ports af-packet
expect_mode xdp pc pb1 pb2
check_taken b2
probe_end detach
check_clean
