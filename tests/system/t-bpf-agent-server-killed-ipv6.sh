#! /bin/bash
# With BPF programs: IPv6, the server of a region is killed.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-server-killed-ipv6.sh
. "$(dirname "$0")/t-server-killed-ipv6.sh"
