#! /bin/bash
# With redirect objects: ovs-tprd is killed and started: no request fails, nothing moves, intents stay.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-restart-agent.sh
. "$(dirname "$0")/t-restart-agent.sh"
