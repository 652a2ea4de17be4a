#! /bin/bash
# Bad rows are complained about, all at once; the last good ones stay in force.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- dies
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('bogus|refused|is not|needs|unit|no port|complain|keeps|vip: .* is (an address|link-local)')

complaints () { ctl --bare get TPR . complaints; }
n_complaints () {
    ctl --bare --columns=complaints list TPR | grep -c . || :
}

start_lab
short_holds
expect_healthy
test "$(n_complaints)" = 0 || fail "complaints: $(complaints)"

heartbeat=$(ctl get Region r1 heartbeat)
ctl --no-wait set Heartbeat "$heartbeat" interval=10
wait_for 5 eval 'complaints | grep -q unit'
ctl --no-wait set Service web vip=bogus
wait_for 5 eval 'complaints | grep -q bogus'
complaints | grep -q unit || fail "complaints: $(complaints)"
# What is wrong but can be done is done, and complained about.
ctl --no-wait set Service web 'vip="172.20.126.1:80/tcp"'
wait_for 5 eval 'complaints | grep -q "address of this switch itself (br0)"'
ctl --no-wait set Service web 'vip="169.254.7.7:80/tcp"'
wait_for 5 eval 'complaints | grep -q "link-local"'
! complaints | grep -q "this switch itself" || fail "complaints: $(complaints)"
ctl --no-wait set Service web 'vip="172.20.126.50:80/tcp"'
wait_for 5 eval '! complaints | grep -q link-local'
ctl --no-wait set Service web vip=bogus
wait_for 5 eval 'complaints | grep -q bogus'

# All that was configured before works on.
expect_answer r1
perf_start
lab kill r1 --how silent
expect_region_down
perf_end
perf_t_un_at_most $((DETECTION_MS + 10))
lab heal r1

ctl set Service web 'vip="172.20.126.50:80/tcp"' -- \
    set Heartbeat "$heartbeat" interval=$INTERVAL
wait_for 5 eval 'test "$(n_complaints)" = 0'
expect_healthy
finish
