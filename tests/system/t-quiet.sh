#! /bin/bash
# Nothing dies for a minute with beats every 1 ms, 3 of which may be missed.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab --interval 1ms --fall 3
expect_healthy
perf_start -t 500ms
perf_end 60
perf_at_most failures 0
appctl tpr/heartbeats
history | grep -E 'TPR-(101|301)' && fail "something went down."
expect_healthy
finish
