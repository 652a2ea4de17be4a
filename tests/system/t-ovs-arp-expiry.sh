#! /bin/bash
# With redirect objects: a client whose ARP cache expires in the middle of the outage survives it.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-arp-expiry.sh
. "$(dirname "$0")/t-arp-expiry.sh"
