#! /bin/bash
# With redirect objects: a flapping link is held down (damping); clients stay where they are well.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-flap.sh
. "$(dirname "$0")/t-flap.sh"
