#! /bin/bash
# With redirect objects: the server of a region is killed, its host lives, IPv6.
#
# Runs beside others.

export TPR_DATAPATH=ovs
# shellcheck source=tests/system/t-server-killed-ipv6.sh
. "$(dirname "$0")/t-server-killed-ipv6.sh"
