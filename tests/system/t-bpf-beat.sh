#! /bin/bash
# Heartbeats in the kernel: the programs by themselves, packet by packet.

set -eu

PATH=${TPR_BUILD:-.}/tests:$PATH:/usr/local/sbin:/usr/sbin:/sbin
test "$(id -u)" = 0 || { echo "needs root"; exit 77; }
command -v beat-kernel > /dev/null || { echo "this build has no BPF"; exit 77; }
unshare --net true 2> /dev/null || { echo "network namespaces are not allowed here"; exit 77; }
exec beat-kernel
