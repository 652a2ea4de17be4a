#! /bin/bash
# With redirect objects: what people can ask.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-see.sh
. "$(dirname "$0")/t-see.sh"
