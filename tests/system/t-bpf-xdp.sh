#! /bin/bash
# BPF, kernel datapath: native XDP where checksums are whole.
#
#   c --- [ bridge ] --- b1, b2
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

hosts c b1 b2
bridge
servers b1 b2
probe_start
ports kernel
expect_mode xdp pc pb1 pb2
services b1 b2
check_taken b1
check_direct b1
check_direct b2
probe list
grep -c 'drops=0' "$DIR/said" | grep -qx 3 || fail "packets were dropped"
probe_end detach
check_clean
check_not_taken b1 b2
