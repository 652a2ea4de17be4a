#! /bin/bash
# A region that is drained keeps its connections until drain_timeout is over; then they are reset, and nothing else is;
# so do those at one that is left by failback.
#
#   client .10 --- switch .1 --+-- r1 .50
#     VIP .100                 +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=${TPR_DATAPATH:-ovs}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('drain_timeout needs state per connection')

# hold FILE: ten connections, in use; what became of them is in FILE in the end.
hold () {
    ip netns exec "tpr-$NAME-c" "$TOP/tools/lab.d/hold.py" "$VIP" 10 "$1.up" \
        > "$1" &
    HOLDER=$!
    wait_for 10 test -e "$1.up"
}
let_go () {
    kill -INT "$HOLDER"
    wait "$HOLDER"
    cat "$1"
}
drained () { history | grep 'TPR-205'; }
left () { drained | grep 'web/r2 .*after its service left it is over'; }

start_lab --vip 172.20.126.100 --interval 50ms
short_holds
expect_healthy
DIR=$LABS/$NAME/client
mkdir -p "$DIR"

echo "without a timeout they stay"
hold "$DIR/one"
ctl drain r1 --wait
wait_for 5 answered_by r2
ctl undrain r1
wait_is Service web active web/r1
let_go "$DIR/one"
grep -q '"resets": 0, "timeouts": 0, "closed": 0, "moved": 0' "$DIR/one" ||
    fail "connections did not stay"

echo "with one they stay until then"
ctl set-service web drain_timeout=2s
hold "$DIR/two"
perf_start -t 500ms
ctl drain r1 --wait
wait_for 5 answered_by r2
! drained || fail "too early"
expect_is Region r1 state up
wait_for 5 drained
drained | grep -q 'backend web/r1 .*drain_timeout of 2000 ms is over, connections end' ||
    fail "no TPR-205 in: $(history)"
perf_end
perf_at_most failures 0
let_go "$DIR/two"
grep -q '"resets": 10, "timeouts": 0, "closed": 0, "moved": 0' "$DIR/two" ||
    fail "connections did not end"
ctl undrain r1
wait_is Service web active web/r1
expect_answer r1

echo "so do those of who is left by failback, and it stays the one that comes next"
ctl failover web r2 --wait
wait_for 5 answered_by r2
hold "$DIR/three"
perf_start -t 500ms
ctl failback web --wait
wait_is Service web active web/r1
wait_for 10 left
perf_end
perf_at_most failures 0
let_go "$DIR/three"
grep -q '"resets": 10, "timeouts": 0, "closed": 0, "moved": 0' "$DIR/three" ||
    fail "connections did not end"
expect_answer r1
ctl drain r1 --wait
wait_for 5 answered_by r2
ctl undrain r1
wait_is Service web active web/r1

echo "flows refuse it"
ctl --no-wait set-option datapath=flows
wait_for 5 eval 'ctl --bare get TPR . complaints | grep -q "drain_timeout needs state per connection"'
ctl set-service web drain_timeout=
wait_is Service web provider flows
finish
