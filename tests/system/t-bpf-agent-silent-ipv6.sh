#! /bin/bash
# With BPF programs: IPv6, a region falls silent.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-silent-ipv6.sh
. "$(dirname "$0")/t-silent-ipv6.sh"
