#! /bin/bash
# Agent-checks: tpr-regiond says how loaded region r1 is and whether it wants
# connections; the switch's agent follows, and so does HAProxy.
#
#   client .10 --- switch .1 --+-- r1 .50, a second tpr-regiond at port 9777
#     VIP .100                 +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"
for program in haproxy python3; do
    command -v $program > /dev/null || skip "$program was not found"
done

R1=172.20.126.50
PORT=9777

start_lab --vip 172.20.126.100
short_holds
B1=$(ctl --bare --columns=_uuid find Backend "address=$R1")

# The one that answers BFD stays; this one has loads and checks of its own.
DIR=$LABS/$NAME/r1/agent
mkdir "$DIR"
refused=$(lab exec r1 tpr-regiond --no-bfd 2>&1) &&
    fail "tpr-regiond ran with nothing to do"
[[ $refused = *'--no-bfd without --agent-check leaves nothing to do' ]] ||
    fail "$refused"
regiond_up () {
    OVS_RUNDIR=$DIR OVS_LOGDIR=$DIR lab exec r1 tpr-regiond \
        -vconsole:off -vsyslog:off --detach --no-chdir --pidfile --log-file \
        --no-bfd --agent-check="$R1:$PORT" --agent-interval=200ms \
        --check=http://127.0.0.1/health --check-interval=100ms "$@"
}
regiond () { OVS_RUNDIR=$DIR lab exec r1 ovs-appctl -t tpr-regiond "$@"; }
says () { regiond regiond/show --json | grep -qF "\"says\":\"$1\""; }

# Connections to the server are its load: up to 3, which checks may make, are
# none, 10 are worth a third of the weight.
regiond_up --agent-metric=flows:80,3:100,23:0
wait_for 5 says '100% ready up'
ctl set-agent-check web/r1 port=$PORT interval=100ms
wait_is Backend "$B1" agent '100% ready up'
expect_is Backend "$B1" effective_weight 100

# HAProxy beside it, in the same region.
HAPROXY=$DIR/haproxy
cat > "$HAPROXY.cfg" <<END
global
    stats socket $HAPROXY.sock level admin
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend web
    bind 127.0.0.1:8088
    default_backend web
backend web
    server r1 $R1:80 weight 100 check inter 100ms agent-check agent-addr $R1 agent-port $PORT agent-inter 100ms
END
lab exec r1 haproxy -D -f "$HAPROXY.cfg" -p "$HAPROXY.pid"
haproxy_end () {
    local pid
    pid=$(cat "$HAPROXY.pid")
    kill "$pid"
    wait_for 5 test ! -e "/proc/$pid"
}

# A field of what HAProxy says about the server.
haproxy_says () {
    python3 - "$HAPROXY.sock" "$1" <<'END'
import csv, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'show stat\n')
text = ''
while True:
    part = s.recv(65536).decode()
    if not part:
        break
    text += part
for row in csv.DictReader(text[2:].splitlines()):
    if row['svname'] == 'r1':
        print(row[sys.argv[2]])
END
}
haproxy_is () { test "$(haproxy_says "$1")" = "$2"; }

wait_for 5 haproxy_is weight 100
wait_for 5 haproxy_is status UP
wait_for 5 haproxy_is agent_status L7OK

# A delayed ACK would cost 40 ms or more, each time.
is_quick () { test "$(haproxy_says agent_duration)" -lt 40; }
wait_for 5 is_quick

echo "ten connections: a third of the weight"
lab exec r1 python3 - "$DIR/hold" <<'END' &
import socket, sys, time
held = [socket.create_connection(('172.20.126.50', 80)) for _ in range(10)]
open(sys.argv[1], 'w').close()
for _ in range(600):
    time.sleep(0.1)
    try:
        open(sys.argv[1])
    except FileNotFoundError:
        break
END
HOLDER=$!
wait_for 5 test -e "$DIR/hold"
weight_is_about () {
    local weight
    weight=$(column Backend "$B1" effective_weight)
    test "$weight" -ge 45 && test "$weight" -le 66
}
haproxy_weight_is_about () {
    local weight
    weight=$(haproxy_says weight)
    test "$weight" -ge 45 && test "$weight" -le 66
}
wait_for 5 weight_is_about
wait_for 5 haproxy_weight_is_about
appctl tpr/show | grep -E 'weight (4|5|6)[0-9], agent says "' ||
    fail "no weight in: $(appctl tpr/show)"
rm "$DIR/hold"
wait $HOLDER
wait_for 5 haproxy_is weight 100

echo "maintenance"
expect_is Service web active web/r1
regiond regiond/admin-down 'new disks'
wait_is Service web active web/r2
expect_is Backend "$B1" state maintenance
expect_answer r2
wait_for 5 haproxy_is status MAINT
history | grep -q 'TPR-211 .*web/r1.*maint' || fail "no TPR-211 in: $(history)"
regiond regiond/admin-up
wait_is Service web active web/r1
wait_for 5 haproxy_is status UP

echo "down"
ctl del-check web
EXPECTED_LOGS+=('regiond\|WARN\|TPR-61[135]')
lab kill r1 --how http500
wait_is Service web active web/r2
wait_is Backend "$B1" reason 'its agent says it is down'
[[ $(column Backend "$B1" agent) = *'down # check http://127.0.0.1/health: HTTP status 500' ]] ||
    fail "agent is: $(column Backend "$B1" agent)"
wait_for 5 haproxy_is agent_status L7STS
lab heal r1
wait_is Service web active web/r1
wait_for 5 haproxy_is status UP

echo "silence changes nothing"
haproxy_end
regiond exit
agent_is_silent () { history | grep -q 'TPR-212 .*web/r1.*connection refused'; }
wait_for 5 agent_is_silent
expect_is Service web active web/r1

echo "a limit that is not kept is said"
EXPECTED_LOGS+=('agent_check: its agent limits its connections to 7')
lab exec r1 python3 - "$R1" $PORT <<'END' &
import socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    with listener.accept()[0] as client:
        try:
            client.sendall(b'maxconn:7\n')
        except ConnectionError:     # It did not wait for us.
            pass
END
SAYER=$!
ignored_by () { ctl show | grep -q "limits its connections to 7, which $1 does not"; }
wait_for 10 ignored_by 'datapath "flows"'
if has_redirects; then
    ctl set-option datapath=ovs -- set-service web stateless=true
    wait_is Service web provider ovs
    wait_for 10 ignored_by 'a stateless service'
fi
kill $SAYER
wait $SAYER || :

echo "an agent that is of two minds floods nobody"
lab exec r1 python3 - "$R1" $((PORT + 1)) "$DIR/minds" <<'END' &
import itertools, socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
for n in itertools.count():
    with listener.accept()[0] as client:
        try:
            client.sendall(b'maint\n' if n % 2 else b'ready\n')
        except ConnectionError:     # It did not wait for us.
            pass
    with open(sys.argv[3], 'w') as file:
        file.write(str(n))
END
SAYER=$!
ctl set-agent-check web/r1 port=$((PORT + 1)) interval=20ms
has_changed_its_mind () { test "$(cat "$DIR/minds" 2> /dev/null || echo 0)" -ge 60; }
wait_for 30 has_changed_its_mind
lines=$(history | grep -c 'TPR-21[123] .*web/r1')
test "$lines" -le 22 || fail "$lines lines in: $(history)"
kill $SAYER
wait $SAYER || :
ctl del-agent-check web/r1
wait_is Backend "$B1" agent ''
finish
