#! /bin/bash
# With redirect objects: when too much fails at once, the agent suspects itself and keeps its choice.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-panic.sh
. "$(dirname "$0")/t-panic.sh"
