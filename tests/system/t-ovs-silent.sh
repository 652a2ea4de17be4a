#! /bin/bash
# With redirect objects: all packets of a region vanish, its link stays up.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-silent.sh
. "$(dirname "$0")/t-silent.sh"
