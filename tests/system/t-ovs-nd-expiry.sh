#! /bin/bash
# With redirect objects: a client whose neighbour cache (ND) expires in the middle of the outage survives it.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-nd-expiry.sh
. "$(dirname "$0")/t-nd-expiry.sh"
