#! /bin/bash
# tpr-regiond checks its own server and takes the region down while it fails.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- HTTP 500
#                 no checks    +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab --check none --regiond-check
short_holds
expect_healthy
perf_start
lab kill r1 --how http500
expect_region_down
perf_end
# 3 checks, 100 ms apart, then one BFD packet.
perf_t_un_at_most 420
comes_back
finish
