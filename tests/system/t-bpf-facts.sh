#! /bin/bash
# BPF: other ends of veths are looked for once, filters that go are missed.
#
# Runs beside others.

set -eu

PATH=${TPR_BUILD:-.}/tests:$PATH:/usr/local/sbin:/usr/sbin:/sbin
test "$(id -u)" = 0 || { echo "needs root"; exit 77; }
command -v facts-kernel > /dev/null || { echo "this build has no BPF"; exit 77; }
unshare --net true 2> /dev/null || { echo "network namespaces are not allowed here"; exit 77; }
exec facts-kernel
