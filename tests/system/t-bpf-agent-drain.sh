#! /bin/bash
# With BPF programs: a region that is drained keeps its connections until drain_timeout is over.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-ovs-drain.sh
. "$(dirname "$0")/t-ovs-drain.sh"
