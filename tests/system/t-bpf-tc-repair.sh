#! /bin/bash
# BPF by tc: filters that somebody removes come back, the switch there or not.
#
#   c --- [ Open vSwitch ] --- b1, b2
#
# Open vSwitch removes the qdisc of a port, and ours with it, when it begins and
# when it polices.  Connections last.
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"

ours () { on s tc filter show dev "$1" ingress | grep -q tpr_tc; }
all_ours () { ours pc && ours pb1 && ours pb2; }
repairs () { grep -c 'removed our tc filter' "$DIR/probe.log" || :; }
repairs_are () { test "$(repairs)" -ge "$1"; }
polices () { vsctl set interface "$1" ingress_policing_rate="$2"; }
policed () { on s tc filter show dev "$1" ingress | grep -q police; }
lacks_policers () { grep -q 'policing action failed' "$DIR/vswitchd.log"; }
policed_or_not () { policed "$1" || lacks_policers; }

# came_back WHAT: so often, and the connections go on.
came_back () {
    WANT=$((WANT + 1))
    wait_for 5 repairs_are $WANT
    wait_for 5 all_ours
    hold_goes_on 2
    echo "came back: $1"
}

hosts c b1 b2
for host in c b1 b2; do offloads $host tx on; done
ovs
VSWITCHD=$STARTED
servers b1 b2
probe_start --repair
ports kernel
expect_mode tc pc pb1 pb2
services b1 b2
# What the switch lets through meanwhile is not translated, and the client
# shall not answer it.
ip -n "$NAME-c" route add blackhole "$(address b1)"
hold_start
WANT=$(repairs)

on s tc filter del dev pb1 ingress
came_back 'a filter'
on s tc qdisc del dev pc ingress
came_back 'a qdisc'
on s tc qdisc del dev pc ingress
on s tc qdisc del dev pb1 ingress
came_back 'two qdiscs'
polices pb2 100000
wait_for 5 policed_or_not pb2
came_back 'a port that is policed'
polices pb2 0
came_back 'a port that is not policed any more'

# Without the switch.
kill "$VSWITCHD"
wait "$VSWITCHD" || :
on s tc qdisc del dev pb1 ingress
came_back 'a qdisc, without the switch'
start vswitchd-2 nsenter "--net=/run/netns/$NAME-s" -- ovs-vswitchd \
    -vsyslog:off "unix:$DIR/db.sock"
came_back 'the switch'

kill -INT "$HOLDER"
wait "$HOLDER" || :
cat "$DIR/hold.log"
grep -q ' failures=0 ' "$DIR/hold.log" || fail "connections suffered"
probe_end detach
check_clean
for port in pc pb1 pb2; do
    ! on s tc qdisc show dev $port | grep ingress || fail "$port has a qdisc"
done
