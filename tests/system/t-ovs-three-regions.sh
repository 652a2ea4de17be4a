#! /bin/bash
# With redirect objects: three regions die one after another, down to none, and come back.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-three-regions.sh
. "$(dirname "$0")/t-three-regions.sh"
