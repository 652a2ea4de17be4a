#! /bin/bash
# A burst of packets waits for the switch while that is busy, and arrives: a
# thousand clients that are reset at once all connect again at once.
#
#   client .10 --- switch .1 --+-- r1 .50
#      3,000 datagrams ------->+-- r2 .60
#
# Nothing here takes time: ovs-vswitchd stands still until all are sent.

. "$(dirname "$0")/lib.sh"

N=3000
DIR=$LABS/$NAME

# Says "first" at the first datagram; ends after N more, or with what came in
# 10 s.
receive () {
    "$LAB" exec --name "$NAME" r2 -- "${TPR_PYTHON3:-python3}" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)   # SO_RCVBUFFORCE
s.bind(("", 9))
s.recv(64)
print("first", flush=True)
s.settimeout(10)
n = 0
try:
    while n < int(sys.argv[1]):
        n += s.recv(64) == b"burst"
except TimeoutError:
    pass
print(n)' "$N"
}

# send N WORD
send () {
    on_client "${TPR_PYTHON3:-python3}" -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(int(sys.argv[1])):
    s.sendto(sys.argv[2].encode(), ("172.20.126.60", 9))' "$@"
}

knows_the_way () {
    send 1 first
    grep -q first "$DIR/received"
}

start_lab --no-agent
receive > "$DIR/received" &
receiver=$!
# Addresses are known, and so is the flow.
wait_for 10 knows_the_way
vswitchd=$(cat "$DIR/run/ovs-vswitchd.pid")
kill -STOP "$vswitchd"
send $N burst
kill -CONT "$vswitchd"
wait "$receiver" || fail "the receiver failed."
test "$(tail -n 1 "$DIR/received")" = $N ||
    fail "of $N packets arrived $(tail -n 1 "$DIR/received")."
finish
