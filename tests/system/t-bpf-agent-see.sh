#! /bin/bash
# With BPF programs: what people can ask.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- dies
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-see.sh
. "$(dirname "$0")/t-see.sh"
