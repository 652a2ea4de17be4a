#! /bin/bash
# With BPF programs: where libxdp's dispatcher has somebody else's, ours joins it.
#
#   c --- [ Open vSwitch ] --- b1, b2     pc has xdp-loader's, at times
#
# Where it cannot, and where the kernel has no dispatchers, the switch serves.
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"
. "$(dirname "$0")/theirs.sh"

tprctl () { ovs-tprctl --timeout=$((20 * PATIENCE)) --db="unix:$DIR/db.sock" "$@"; }
column () { tprctl --bare --columns="$2" list Service "$1"; }
is_taken () { test "$(column tcp provider)" = bpf && test "$(column udp provider)" = bpf; }

# agent_start LOG [VARIABLE=VALUE]
agent_start () {
    start "$1" nsenter "--net=/run/netns/$NAME-s" -- env ${2+"$2"} \
        ovs-tprd -vsyslog:off "unix:$DIR/db.sock"
    AGENT=$STARTED
}

# agent_ends [SIGNAL]
agent_ends () {
    kill "${1--TERM}" "$AGENT"
    wait "$AGENT" || :
}

# The switch has both services, for that reason.
is_not_taken () {
    local service
    for service in tcp udp; do
        column $service why | grep -qF "$(theirs_words pc)" || return 1
        test "$(column $service provider)" != bpf || return 1
    done
}

# What is at pc: ours alone, nothing of it, or in a dispatcher with one of
# theirs.
is_alone () { test -n "$(xdp_at pc)" && ! is_dispatcher pc; }
has_parts () { test "$(parts pc | sed 's/ .*//' | tr '\n' ' ')" = "$* "; }

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
    local before
    before=$(theirs_count)
    check_served
    test "$(theirs_count)" -ge $((before + 500)) || fail "theirs counts no more"
}

# in_dispatcher: by the programs, and theirs counts.
in_dispatcher () {
    wait_for 60 has_parts xdpfilt_alw_all tpr_xdp
    wait_for 60 is_taken
    beside_theirs
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

# It was there first, and ours cannot join.
theirs_load pc
joins=no
! is_dispatcher pc || joins=yes
agent_start tprd "LIBXDP_BPFFS=$DIR"
wait_for 60 is_not_taken
echo "why: $(column udp why)"
hold_start
id=$(xdp_at pc)
beside_theirs
test "$(xdp_at pc)" = "$id" || fail "theirs was replaced"

if test $joins = yes; then
    agent_ends
    agent_start tprd-1
    in_dispatcher
    ours=$(parts pc | sed -n 's/^tpr_xdp //p')

    # One more comes and goes, while the agent is there and while it is not.
    theirs_load pc
    wait_for 60 has_parts xdpfilt_alw_all xdpfilt_alw_all tpr_xdp
    beside_theirs
    agent_ends -KILL
    theirs_leave pc
    beside_theirs
    agent_start tprd-2
    in_dispatcher
    test "$(parts pc | sed -n 's/^tpr_xdp //p')" = "$ours" || fail "ours was exchanged"

    # The last of theirs goes, and another one comes.
    theirs_leave pc
    wait_for 60 has_parts tpr_xdp
    check_served
    theirs_load pc
    in_dispatcher
else
    test -z "${TPR_DISPATCHER-}" || fail "there is no dispatcher"
fi

# Theirs goes, or somebody takes all of it away, and ours comes.
theirs_unload pc
wait_for 60 is_alone
wait_for 60 is_taken
check_served

# It does not get its place back, whether the agent is there or not.
theirs_refused theirs_load pc
theirs_refused theirs_load pc skb
theirs_refused theirs_unload pc
hold_goes_on 2
is_taken || fail "the switch has the services"
agent_ends -KILL
theirs_refused theirs_load pc
check_served
agent_start tprd-3
wait_for 60 is_taken

# Unless the bridge has another datapath for a while.
tprctl set-option datapath=auto
wait_for 60 is_bare pc
theirs_load pc
tprctl set-option datapath=bpf
if test $joins = yes; then
    in_dispatcher
    tprctl set-option datapath=auto
    wait_for 60 has_parts xdpfilt_alw_all
    beside_theirs
    tprctl set-option datapath=bpf
    in_dispatcher
else
    wait_for 60 is_not_taken
    beside_theirs
fi
theirs_unload pc
wait_for 60 is_alone
wait_for 60 is_taken
hold_goes_on 2

hold_ends_well
tprctl set-option datapath=auto
for port in pc pb1 pb2; do wait_for 60 is_bare $port; done
agent_ends
