#! /bin/bash
# With BPF programs: the VIP is nobody's own address.
#
# Runs beside others.

export TPR_DATAPATH=bpf
# shellcheck source=tests/system/t-pure-vip.sh
. "$(dirname "$0")/t-pure-vip.sh"
