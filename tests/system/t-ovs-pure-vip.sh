#! /bin/bash
# With redirect objects: a VIP that is no server's address: the switch answers ARP for it all the time.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-pure-vip.sh
. "$(dirname "$0")/t-pure-vip.sh"
