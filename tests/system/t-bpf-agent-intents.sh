#! /bin/bash
# With BPF programs: drain, failover, failback and bypass.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-intents.sh
. "$(dirname "$0")/t-intents.sh"
