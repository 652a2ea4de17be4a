#! /bin/bash
# With redirect objects: the link of a region goes down, IPv6.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-link-down-ipv6.sh
. "$(dirname "$0")/t-link-down-ipv6.sh"
