#! /bin/bash
# When too much fails at once, the agent suspects itself and keeps its choice.
#
#                              +-- r1 .50 = VIP  <- its server is killed
#   client .10 --- switch .1 --+-- r2 .60        <- its server, too
#                              +-- r3 .70        <- its server, too
#                              +-- r4 .80        <- its server, too
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('TPR-501')

start_lab --regions 4
short_holds
expect_healthy
lab kill r4 --how server &
lab kill r3 --how server &
lab kill r2 --how server &
lab kill r1 --how server
wait
wait_for 5 eval 'history | grep -q TPR-501'
wait_is Service web mode panic
for region in r1 r2 r3 r4; do lab heal $region; done
wait_for 15 eval 'history | grep -q TPR-502'
wait_is Service web state ok 15
expect_healthy
finish
