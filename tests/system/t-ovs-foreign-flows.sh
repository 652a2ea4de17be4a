#! /bin/bash
# With redirect objects: nobody else's flows are touched, by no failure, restart or cleanup.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-foreign-flows.sh
. "$(dirname "$0")/t-foreign-flows.sh"
