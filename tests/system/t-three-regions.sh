#! /bin/bash
# Three regions die one after another, down to none, and come back.
#
#                              +-- r1 .50 = VIP  <- dies first
#   client .10 --- switch .1 --+-- r2 .60        <- dies second
#                              +-- r3 .70        <- dies last
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# With no region left the panic threshold would keep the last one.
start_lab --regions 3
short_holds
ctl set TPR . panic_threshold=0 -- set Region r3 damping_hold=200ms
expect_healthy
lab kill r1 --how silent
wait_for 5 answered_by r2
lab kill r2 --how link
wait_for 5 answered_by r3
wait_is Service web active web/r3
lab kill r3 --how silent
wait_is Service web state down
[[ $(ctl status || :) = *web* ]] || fail "status is: $(ctl status || :)"

# Any region will do.
lab heal r2
wait_for 15 answered_by r2
lab heal r1
lab heal r3
wait_for 15 answered_by r1
expect_healthy
finish
