#! /bin/bash
# With redirect objects: the server of a region answers 500.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-http500.sh
. "$(dirname "$0")/t-http500.sh"
