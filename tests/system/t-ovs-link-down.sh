#! /bin/bash
# With redirect objects: the link of a region goes down.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-link-down.sh
. "$(dirname "$0")/t-link-down.sh"
