#! /bin/bash
# BPF: a kernel that refuses the program for AF_XDP ports takes all the others.
#
#   c --- [ bridge ] --- b1, b2
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2
bridge
servers b1 b2
probe_start --refuse-next
ports af-xdp
expect_mode none pc pb1 pb2 -- 'this kernel refuses the program for that'
ports kernel
expect_mode xdp pc pb1 pb2
services b1 b2
check_taken b1

probe_end detach
check_clean
