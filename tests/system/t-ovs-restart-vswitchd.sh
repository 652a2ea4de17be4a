#! /bin/bash
# With redirect objects: ovs-vswitchd is killed and started: the service is back in 1 s of the bridge.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-restart-vswitchd.sh
. "$(dirname "$0")/t-restart-vswitchd.sh"
