#! /bin/bash
# With redirect objects: all packets of a region vanish, its link stays up, IPv6.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-silent-ipv6.sh
. "$(dirname "$0")/t-silent-ipv6.sh"
