#! /bin/bash
# With BPF programs: a region that flaps is held down.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-flap.sh
. "$(dirname "$0")/t-flap.sh"
