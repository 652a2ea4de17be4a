#! /bin/bash
# Nothing dies while nothing is wrong, under requests from many clients at once.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60
#
# With TPR_SLACK=0, on a machine that does nothing else: beats every 1 ms for a
# minute.  A shared machine stands still for longer than the 3 ms that this
# would leave, and then both ends are right to call the other dead.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

seconds=10
# shellcheck disable=SC2034
test "$SLACK_MS" != 0 || INTERVAL=1ms seconds=60
start_lab --fall 3
expect_healthy
# At the start a service may be on what is proven first for a moment.
before=$(history | grep -cE 'TPR-(101|301)' || :)
perf_start -t 500ms -c 8 -i 1ms
perf_end $seconds
perf_at_most failures 0
appctl tpr/heartbeats
test "$(history | grep -cE 'TPR-(101|301)' || :)" = "$before" ||
    fail "something went down: $(history)"
expect_healthy
finish
