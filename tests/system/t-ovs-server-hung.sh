#! /bin/bash
# With redirect objects: the server of a region accepts connections and never answers.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-server-hung.sh
. "$(dirname "$0")/t-server-hung.sh"
