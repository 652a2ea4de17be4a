#! /bin/bash
# BPF, kernel datapath: the client's port has tc, the servers' native XDP.
#
#   c --- [ bridge ] --- b1, b2       only c leaves checksums unfinished
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2
offloads c tx on tso on
bridge
servers b1 b2
probe_start
ports kernel
expect_mode tc pc -- 'has unfinished checksums'
expect_mode xdp pb1 pb2
services b1 b2
check_taken b1
check_direct b1
probe_end detach
check_clean
