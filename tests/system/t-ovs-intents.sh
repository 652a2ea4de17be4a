#! /bin/bash
# With redirect objects: drain and undrain, failover and failback by hand, bypass: no request fails.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-intents.sh
. "$(dirname "$0")/t-intents.sh"
