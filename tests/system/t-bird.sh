#! /bin/bash
# BIRD answers BFD in the regions: detection, and its own going down.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP, bird  <- silence
#                              +-- r2 .60, bird
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

command -v bird > /dev/null || skip "bird was not found"

start_lab --responder bird
short_holds
region_dies silent
region_dies link

# BIRD ends in an orderly way: its AdminDown moves the service at once.
perf_start -t 500ms
"$LAB" exec --name "$NAME" r1 -- birdc -s "$LABS/$NAME/r1/bird.ctl" down
wait_is Service web state backup
perf_end
expect_answer r2
perf_lost_at_most 1
finish
