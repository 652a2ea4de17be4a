#! /bin/bash
# A flapping link is held down (damping); clients stay where they are well.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- link down, up, down, up ...
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab
ctl set Service web failback_hold=100ms -- set Region r1 damping_hold=4s damping_hold_max=8s
expect_healthy

# Each time the link is up long enough for the session to come back.
perf_start
lab kill r1 --how flap --times 4 --period 1.5
n=$(history | grep -cE 'TPR-301 .*web' || :)
wait_is Service web state ok 30
perf_end

# Undamped, the service would have gone there and back 4 times.  Held down for
# 4, 8, 8 seconds, it went twice (the first return is believed), and came back
# when the link was quiet.
echo "$n moves while the link flapped"
test "$n" -le 4 || fail "$n moves: the flapping link was not held down."
expect_answer r1
finish
