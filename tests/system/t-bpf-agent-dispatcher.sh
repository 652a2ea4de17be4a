#! /bin/bash
# With BPF programs: where libxdp's dispatcher has somebody else's, the switch serves.
#
#   c --- [ Open vSwitch ] --- b1, b2     pc has xdp-loader's, at times
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"
. "$(dirname "$0")/theirs.sh"

tprctl () { ovs-tprctl --timeout=$((20 * PATIENCE)) --db="unix:$DIR/db.sock" "$@"; }
column () { tprctl --bare --columns="$2" list Service "$1"; }
is_taken () { test "$(column tcp provider)" = bpf && test "$(column udp provider)" = bpf; }

# The switch has both services, for that reason.
is_not_taken () {
    local service
    for service in tcp udp; do
        column $service why | grep -qF "$(theirs_words pc)" || return 1
        test "$(column $service provider)" != bpf || return 1
    done
}

# check_served: all of the services goes to b1, once.
check_served () {
    hold_goes_on 2
    frames b1 > /dev/null
    frames b2 > /dev/null
    traffic c udp $VIP4 500 || fail "UDP"
    test "$(frames b1)" = "$(address b1)=500" || fail "b1 got something else"
    test -z "$(frames b2)" || fail "b2 got something"
    traffic c tcp $VIP4 1000000 || fail "TCP"
}

# beside_theirs: the same, while theirs is there and counts.
beside_theirs () {
    local id before
    wait_for 60 is_not_taken
    echo "why: $(column udp why)"
    id=$(xdp_at pc)
    before=$(theirs_count)
    check_served
    test "$(theirs_count)" -ge $((before + 500)) || fail "theirs counts no more"
    test "$(xdp_at pc)" = "$id" || fail "theirs was replaced"
}

hosts c b1 b2
servers b1 b2
database tpr
vsctl --no-wait init
start vswitchd nsenter "--net=/run/netns/$NAME-s" -- ovs-vswitchd -vsyslog:off \
    --disable-system "unix:$DIR/db.sock"
vsctl add-br br0 -- set bridge br0 datapath_type=netdev \
    -- add-port br0 pc -- add-port br0 pb1 -- add-port br0 pb2
tprctl --no-wait init -- set-option datapath=bpf \
    -- add-region r1 pb1 -- add-region r2 pb2 \
    -- add-service tcp $VIP4:7001/tcp vip_mac=$VIP_MAC \
    -- add-backend tcp r1 "$(address b1)" priority=1 "mac=$(mac b1)" \
    -- add-backend tcp r2 "$(address b2)" priority=2 "mac=$(mac b2)" \
    -- add-service udp $VIP4:7000/udp vip_mac=$VIP_MAC \
    -- add-backend udp r1 "$(address b1)" priority=1 "mac=$(mac b1)" \
    -- add-backend udp r2 "$(address b2)" priority=2 "mac=$(mac b2)"

# It was there first.
theirs_load pc
start tprd nsenter "--net=/run/netns/$NAME-s" -- ovs-tprd -vsyslog:off "unix:$DIR/db.sock"
AGENT=$STARTED
wait_for 60 is_not_taken
hold_start
beside_theirs

# It goes, and ours comes.
theirs_unload pc
wait_for 60 is_taken
check_served

# It does not get its place back, whether the agent is there or not.
theirs_refused theirs_load pc
theirs_refused theirs_load pc skb
theirs_refused theirs_unload pc
hold_goes_on 2
is_taken || fail "the switch has the services"
kill -9 "$AGENT"
wait "$AGENT" || :
theirs_refused theirs_load pc
check_served
start tprd-2 nsenter "--net=/run/netns/$NAME-s" -- ovs-tprd -vsyslog:off "unix:$DIR/db.sock"
AGENT=$STARTED
wait_for 60 is_taken

# Unless the bridge has another datapath for a while.
tprctl set-option datapath=auto
wait_for 60 is_bare pc
theirs_load pc
tprctl set-option datapath=bpf
beside_theirs
theirs_unload pc
wait_for 60 is_taken
hold_goes_on 2

hold_ends_well
tprctl set-option datapath=auto
for port in pc pb1 pb2; do wait_for 60 is_bare $port; done
kill "$AGENT"
wait "$AGENT" || :
