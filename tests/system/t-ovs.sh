#! /bin/bash
# Redirect objects: policies, words instead of flows, what goes and what stays.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- dies
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=ovs
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('needs connections' 'needs state per connection')

# Flows that name an object, without their counters.
naming () {
    on_switch ovs-ofctl -O OpenFlow14 --no-stats dump-flows br0 |
        grep redirect | sort
}
complaints () { ctl --bare get TPR . complaints; }

start_lab
short_holds
expect_healthy
appctl tpr/show | grep -q 'provider ovs (as configured), connected' ||
    fail "tpr/show: $(appctl tpr/show)"
test "$(redirects | grep -c "vip=$VIP")" = 1 || fail "objects: $(redirects)"
before=$(naming)
objects=$(redirects)

# A death changes neither flows that redirect nor objects.
perf_start
lab kill r1 --how silent
expect_region_down
perf_end
perf_t_un_at_most $((DETECTION_MS + 10))
test "$(naming)" = "$before" || fail "flows changed: $(naming)"
test "$(redirects)" = "$objects" || fail "objects changed: $(redirects)"

# Failback: what is open stays where it is, nothing is lost.
perf_start -t 500ms
lab heal r1
wait_is Service web state ok 15
wait_for 5 answered_by r1
perf_end
perf_at_most failures 0

# Other policies.
ctl set-service web policy=weighted
ctl set-backend web/r1 weight=30 priority=1 -- \
    set-backend web/r2 weight=10 priority=1
test "$(servers 80)" = 'r1=60 r2=20 ' || fail "weighted: $(servers 80)"
ctl set-service web policy=round-robin
test "$(servers 80)" = 'r1=40 r2=40 ' || fail "round-robin: $(servers 80)"
ctl drain r2
wait_for 5 eval 'test "$(servers 20)" = "r1=20 "'
ctl undrain r2
ctl --no-wait set-service web stateless=true
wait_for 5 eval 'complaints | grep -q "policy round-robin needs connections"'
test "$(servers 80)" = 'r1=40 r2=40 ' || fail "the last good form: $(servers 80)"
ctl set-service web policy=round-robin stateless=false
wait_for 5 eval '! complaints | grep -q "needs connections"'

# Plain flows cannot do that, and say so.
ctl --no-wait set-option datapath=flows
wait_for 5 eval 'complaints | grep -q "needs state per connection"'
wait_for 5 eval 'test -z "$(redirects)"'
ctl set-backend web/r2 priority=2 -- set-service web policy=failover
wait_is Service web provider flows
expect_answer r1

# "auto" finds the objects.
ctl set-option datapath=auto
wait_for 10 eval 'appctl tpr/show | grep -q "the switch has redirect objects"'
expect_answer r1

# Cleanup takes all of it out.
appctl exit --cleanup
wait_for 5 eval 'test -z "$(redirects)$(naming)"'
finish
