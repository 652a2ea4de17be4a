#! /bin/bash
# Ports of type afxdp: beats travel through the switch, detection works.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- silence
#               AF_XDP ports   +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab --datapath afxdp
short_holds
expect_healthy
expect_is Region r1 path switch

perf_start
lab kill r1 --how silent
expect_region_down
perf_end
perf_t_un_at_most $((DETECTION_MS + 20))
comes_back

# What the switch's own threads carry cannot be that fast.
ctl --no-wait set Heartbeat "$(ctl get Region r1 heartbeat)" interval=1ms
wait_for 5 eval 'ctl get Region r1 complaint | grep -q 10'
expect_answer r1
EXPECTED_LOGS+=('r1')
finish
