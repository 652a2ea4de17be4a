#! /bin/bash
# BPF: killed with -9 and started again during traffic, by tc: no packet is lost,
# connections are kept.
#
#   c --- [ bridge ] --- b1, b2       all with all offloads on
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"

hosts c b1 b2
for host in c b1 b2; do offloads $host tx on tso on; done
bridge
restart_test tc
