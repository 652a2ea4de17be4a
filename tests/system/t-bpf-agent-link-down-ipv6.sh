#! /bin/bash
# With BPF programs: IPv6, the link of a region goes down.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-link-down-ipv6.sh
. "$(dirname "$0")/t-link-down-ipv6.sh"
