#! /bin/bash
# A server that comes back gets its weight by and by; one for want of others gets nothing while there are others.
#
# Runs beside others.

export TPR_DATAPATH=ovs
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# The weights that count, of r1 and r2.
weights () {
    appctl tpr/show --json | grep -o '"weight":[0-9]*' | sed 's/.*://' |
        tr '\n' ' '
}

start_lab
expect_healthy
ctl set-service web policy=weighted -- \
    set-backend web/r1 weight=100 priority=9 -- \
    set-backend web/r2 weight=100 priority=1 backup=true
wait_for 5 eval 'test "$(servers 20)" = "r1=20 "'
appctl tpr/show | grep -q 'web/r2: .*, backup, priority 1, weight 100, usable' ||
    fail "tpr/show: $(appctl tpr/show)"
ctl drain r1
wait_for 5 eval 'test "$(servers 20)" = "r2=20 "'

ctl set-backend web/r1 priority=1 slow_start=8s -- \
    set-backend web/r2 backup=false
ctl undrain r1
seen=''
until now=$(weights); test "$now" = '100 100 '; do
    [[ $seen = *"$now"* ]] || seen=$seen$now
done
echo "weights: $seen"
[[ $seen =~ ^[123]0\ 100 && $seen =~ [456]0\ 100 && $seen =~ [789]0\ 100 ]] ||
    fail "weights: $seen"
test "$(servers 80)" = 'r1=40 r2=40 ' || fail "in the end: $(servers 80)"
finish
