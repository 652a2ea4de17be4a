#! /bin/bash
# BPF: killed with -9 and started again during traffic, by native XDP: no packet
# is lost, connections are kept.
#
#   c --- [ bridge ] --- b1, b2
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"

hosts c b1 b2
bridge
restart_test xdp
