#! /bin/bash
# With redirect objects: a stateless service, whose servers have the VIP and answer clients themselves.
#
#   client .10 --- switch .1 --+-- r1 .50, VIP on lo     <- its server dies
#     VIP .100                 +-- r2 .60, VIP on lo
#
# Runs beside others.

export TPR_DATAPATH=${TPR_DATAPATH:-ovs}
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# Connections that the switch, or programs before it, keep of the service.
n_connections () {
    appctl tpr/connections web --json | grep -o '"matching":[0-9]*' |
        sed -n '1s/.*://p'
}

start_lab --vip 172.20.126.100
short_holds
for region in r1 r2; do
    "$LAB" exec --name "$NAME" $region -- sh -c '
        echo 1 > /proc/sys/net/ipv4/conf/all/arp_ignore
        echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce
        ip address add 172.20.126.100/32 dev lo'
done
ctl set-service web stateless=true
wait_is Service web provider "$TPR_DATAPATH"
expect_is Service web complaint ''
wait_for 10 answered_by r1

# Nothing is remembered of new ones.
redirects | grep -q 'stateless=true' || fail "objects: $(redirects)"
before=$(n_connections)
for _ in 1 2 3 4 5; do expect_answer r1; done
test "$(n_connections)" -le "${before:-0}" ||
    fail "connections: $(appctl tpr/connections web)"
server_dies server 420

# Servers are reached by their own addresses as well.
expect_answer r2 http://172.20.126.60/

# What needs connections is refused, with a sentence.
EXPECTED_LOGS+=('policy weighted needs connections')
ctl --no-wait set-service web policy=weighted
wait_for 5 eval 'column Service web complaint | grep -q "policy weighted needs connections"'
expect_answer r1
! error=$(ctl set-service web passive_detection=200ms 2>&1) ||
    fail "passive_detection was not refused."
[[ $error = *'a stateless service has none'* ]] || fail "it said: $error"
ctl set-service web policy=maglev
wait_for 10 eval 'redirects | grep -q policy=maglev'
wait_for 5 answered_by r1
finish
