#! /bin/bash
# Drain and undrain, failover and failback by hand, bypass: no request fails.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab
short_holds
expect_healthy

perf_start -t 500ms
ctl drain r1 --reason "rack move" --wait
wait_for 5 answered_by r2
expect_is Region r1 state up
expect_is Region r1 draining true
wait_is Service web state backup
ctl show | grep -q 'rack move' || fail "show does not say why: $(ctl show)"
ctl undrain r1
wait_for 10 answered_by r1
wait_is Service web state ok

ctl failover web r2
wait_for 5 answered_by r2
expect_is Service web mode manual
ctl show | grep -q MANUAL || fail "show does not say MANUAL: $(ctl show)"
ctl failback web
wait_for 5 answered_by r1
wait_is Service web state ok
perf_end
perf_lost_at_most 4

# A service that goes back by hand only.
ctl set Service web failback=manual
lab kill r1 --how silent
expect_region_down
lab heal r1
wait_is Region r1 state up 15
wait_is Service web mode held
expect_answer r2
ctl failback web
wait_for 10 answered_by r1
wait_is Service web state ok

# Bypass takes all flows of services out, and back in.
flows () {
    on_switch ovs-ofctl -O OpenFlow14 dump-flows br0 | grep -c "$VIP,.*tp_dst=80" || :
}
ctl failover web r2
wait_for 5 answered_by r2
ctl bypass on
wait_for 5 answered_by r1
wait_for 5 eval 'test "$(flows)" = 0'
ctl bypass off
wait_for 5 answered_by r2
ctl failback web
wait_for 5 answered_by r1
finish
