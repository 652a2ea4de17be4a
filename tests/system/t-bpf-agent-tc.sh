#! /bin/bash
# With BPF programs at tc: the agent puts back what somebody removes, its switch
# there or not.
#
#   c --- [ bridge ] --- b1, b2
#
# Linux's bridge forwards, as openvswitch.ko does; ovs-vswitchd is only the
# agent's, with a "system" datapath that it makes up.
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"

ours () { on s tc filter show dev "$1" ingress | grep -q tpr_tc; }
all_ours () { ours pc && ours pb1 && ours pb2; }
tprctl () { ovs-tprctl --timeout=20 --db="unix:$DIR/db.sock" "$@"; }
is_taken () { test "$(tprctl --bare --columns=provider list Service tcp)" = bpf; }
start_switch () {
    start "$1" nsenter "--net=/run/netns/$NAME-s" -- ovs-vswitchd -vsyslog:off \
        --enable-dummy=system "unix:$DIR/db.sock"
    VSWITCHD=$STARTED
}

# came_back WHAT: the filter is there, and connections go on.
came_back () {
    wait_for 5 all_ours
    hold_goes_on 2
    echo "came back: $1"
}

hosts c b1 b2
for host in c b1 b2; do offloads $host tx on; done
bridge
servers b1 b2
database tpr
vsctl --no-wait init -- add-br br0 -- set bridge br0 datapath_type=system \
    -- add-port br0 pc -- add-port br0 pb1 -- add-port br0 pb2
start_switch vswitchd
tprctl --no-wait init -- set-option datapath=bpf \
    -- add-region r1 pb1 -- add-region r2 pb2 \
    -- add-service tcp $VIP4:7001/tcp vip_mac=$VIP_MAC \
    -- add-backend tcp r1 "$(address b1)" priority=1 "mac=$(mac b1)" \
    -- add-backend tcp r2 "$(address b2)" priority=2 "mac=$(mac b2)"
start tprd nsenter "--net=/run/netns/$NAME-s" -- ovs-tprd -vsyslog:off "unix:$DIR/db.sock"
AGENT=$STARTED
wait_for 20 is_taken
all_ours || fail "not by tc"
# What the switch lets through meanwhile is not translated, and the client
# shall not answer it.
ip -n "$NAME-c" route add blackhole "$(address b1)"
hold_start

on s tc filter del dev pb1 ingress
came_back 'a filter'
on s tc qdisc del dev pc ingress
came_back 'a qdisc'
kill "$VSWITCHD"
wait "$VSWITCHD" || :
on s tc qdisc del dev pb1 ingress
came_back 'a qdisc, without the switch'
start_switch vswitchd-2
for port in pc pb1 pb2; do on s tc qdisc del dev $port ingress; done
came_back 'all, as the switch begins'
grep -c 'somebody removed our tc filter' "$DIR/tprd.log" ||
    fail "the agent did not say so"

kill -INT "$HOLDER"
wait "$HOLDER" || :
cat "$DIR/hold.log"
grep -q ' failures=0 ' "$DIR/hold.log" || fail "connections suffered"
tprctl set-option datapath=flows
for port in pc pb1 pb2; do wait_for 5 is_bare $port; done
kill "$AGENT"
wait "$AGENT" || :
