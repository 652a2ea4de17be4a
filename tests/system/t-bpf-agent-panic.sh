#! /bin/bash
# With BPF programs: when too much fails at once, the agent keeps its choice.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-panic.sh
. "$(dirname "$0")/t-panic.sh"
