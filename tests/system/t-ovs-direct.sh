#! /bin/bash
# With redirect objects: requests to a server's own address are answered while its service is redirected.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-direct.sh
. "$(dirname "$0")/t-direct.sh"
