#! /bin/bash
# With BPF programs: the server of a region is killed, its host lives.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-server-killed.sh
. "$(dirname "$0")/t-server-killed.sh"
