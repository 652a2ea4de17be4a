#! /bin/bash
# Policies that look at load: least-connections, and spillover by connections,
# packets/s and the servers' processors; affinity.
#
#   client .10 --- switch .1 --+-- r1 .50
#     VIP .100                 +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=ovs
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('so that policy spillover never gets to')

# Opens N connections one by one, and keeps them.
hold () {
    mkfifo "$DIR/fifo"
    on_client python3 -c '
import socket, sys
held = [socket.create_connection((sys.argv[1], 80))
        for _ in range(int(sys.argv[2]))]
print("held", flush=True)
sys.stdin.read()' "$VIP" "$1" < "$DIR/fifo" > "$DIR/held" &
    HOLDER=$!
    exec 7> "$DIR/fifo"
    wait_for 5 grep -q held "$DIR/held"
}
# How many connections the switch counts at each backend.
counted () {
    on_switch ovs-ofctl -O OpenFlow14 dump-redirect-stats br0 |
        sed -n 's/.*backend [0-9]*: [^,]*, connections=\([0-9]*\),.*/\1/p' |
        tr '\n' ' '
}
count_is () { test "$(counted)" = "$1"; }
let_go () {
    exec 7>&-
    wait "$HOLDER"
    rm "$DIR/fifo"
    wait_for 5 count_is '0 0 '
}

start_lab --vip 172.20.126.100
short_holds
expect_healthy
DIR=$LABS/$NAME/client/balance
mkdir -p "$DIR"

echo "spillover by connections"
ctl --no-wait set-service web policy=spillover
wait_for 5 eval 'column Service web complaint | grep -q "web/r1 has no max_connections"'
ctl set-backend web/r1 max_connections=20
wait_is Service web complaint ''
wait_for 5 eval 'redirects | grep -q policy=spillover'
hold 33
count_is '20 13 ' || fail "spillover: $(counted)"
let_go

echo "least-connections"
ctl set-service web policy=least-connections -- \
    set-backend web/r1 priority=1 weight=30 max_connections=0 -- \
    set-backend web/r2 priority=1 weight=10
hold 40
count_is '30 10 ' || fail "least-connections: $(counted)"
ctl set-backend web/r2 weight=30
let_go

echo "affinity"
ctl set-service web policy=weighted affinity=source
wait_for 5 eval 'redirects | grep -q affinity=300s'
shares=$(servers 20)
[[ $shares =~ ^r[12]=20\ $ ]] || fail "with affinity: $shares"

echo "affinity, and a failback"
ctl set-backend web/r2 priority=2 -- set-service web policy=failover
wait_for 5 eval 'redirects | grep -q policy=failover'
ctl failover web r2
wait_for 5 answered_by r2
ctl failback web --wait
wait_is Service web state ok
shares=$(servers 5)
test "$shares" = 'r2=5 ' || fail "a failback has moved its client: $shares"
ctl drain web/r2 --wait
wait_for 5 answered_by r1
ctl undrain web/r2
wait_is Service web state ok
shares=$(servers 5)
test "$shares" = 'r1=5 ' || fail "back after the drain: $shares"
ctl set-backend web/r2 priority=1 -- set-service web policy=weighted
wait_for 5 eval 'redirects | grep -q policy=weighted'
ctl set-service web affinity=none
wait_for 5 eval '! redirects | grep -q affinity='
shares=$(servers 20)
[[ $shares = r1=*' r2='* ]] || fail "without affinity: $shares"

echo "who serves is shown, and equals are no reserves"
ctl drain r1 --wait
wait_is Service web active web/r2
ctl undrain r1
wait_is Service web active 'web/r1, web/r2'
wait_is Service web state ok
ctl status | grep '^OK: '
ctl show | grep 'weighted, on web/r1, web/r2,'
ctl show | grep 'Backend web/r2: up, .*, weight 30'
appctl tpr/show | grep '  service web .*, weighted: web/r1, web/r2, auto'

echo "orders"
ctl failover web r2 --wait
wait_for 5 eval 'test "$(servers 20)" = "r2=20 "'
ctl failback web --wait
wait_for 5 eval 'test "$(servers 20)" = "r1=10 r2=10 "'

echo "spillover by packets/s"
ctl set-service web policy=spillover spill_metric=packets -- \
    set-backend web/r1 max_pps=100 -- set-backend web/r2 priority=2
shares=$(on_client tpr-perf --json --requests 1250 -i 2ms "$(url)")
[[ $shares = *'"failures":0,'* ]] || fail "some failed: $shares"
for region in r1 r2; do
    [[ $shares =~ \"server\":\"$region\",\"successes\":[1-9] ]] ||
        fail "packets/s: $shares"
done

echo "spillover by load"
say () { echo "$1" > "$DIR/new"; mv "$DIR/new" "$DIR/line"; }
say 'up # cpu=79'
lab exec r1 python3 - "$DIR/line" 172.20.126.50 9777 <<'END' &
import os, socket, sys
server = socket.create_server((sys.argv[2], int(sys.argv[3])))
while os.path.exists(sys.argv[1]):
    peer = server.accept()[0]
    try:
        peer.sendall(open(sys.argv[1], 'rb').read())
    except (FileNotFoundError, ConnectionError):
        pass
    peer.close()
END
AGENT=$!
ctl set-agent-check web/r1 port=9777 interval=100ms -- \
    set-service web spill_metric=cpu -- \
    set-backend web/r1 max_pps=0 max_cpu=80
wait_for 5 answered_by r1
expect_is Service web complaint ''
say 'up # cpu=80'
wait_for 5 answered_by r2
appctl tpr/show | grep -q 'web/r1.*its processors are busy' ||
    fail "no reason in: $(appctl tpr/show)"
say 'up # cpu=71'
wait_for 5 answered_by r1
rm "$DIR/line"
wait $AGENT
finish
