#! /bin/bash
# With BPF programs: a stateless service.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-ovs-stateless.sh
. "$(dirname "$0")/t-ovs-stateless.sh"
