#! /bin/bash
# With BPF programs: a region falls silent.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-silent.sh
. "$(dirname "$0")/t-silent.sh"
