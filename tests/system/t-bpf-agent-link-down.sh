#! /bin/bash
# With BPF programs: the link of a region goes down.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-link-down.sh
. "$(dirname "$0")/t-link-down.sh"
