#! /bin/bash
# With redirect objects: a VIP that is no server's address, IPv6: the switch answers ND for it.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-pure-vip-ipv6.sh
. "$(dirname "$0")/t-pure-vip-ipv6.sh"
