#! /bin/bash
# With BPF programs: at AF_XDP ports ours comes before the switch's own, which gets all else.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#               AF_XDP ports   +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('the programs take 0 of 1 services' 'agent\|WARN\|Bridge br0: datapath bpf')

# The XDP program at port $1 of the switch.
program_at () {
    on_switch bpftool net show dev "$1" | sed -n 's/.*driver id \([0-9]*\).*/\1/p'
}

name_at () {
    bpftool prog show id "$(program_at "$1")" | sed -n 's/.* name \([a-z_]*\).*/\1/p'
}

ours_everywhere () {
    local port
    for port in eth0 eth1 eth2; do
        test "$(name_at $port)" = tpr_xdp_next || return 1
    done
}

command -v bpftool > /dev/null || skip "bpftool was not found"
start_lab --datapath afxdp
short_holds
# What is behind the ports is ready for frames by XDP.
on_client ethtool -K eth0 gro on
for i in 1 2; do
    ip netns exec "tpr-$NAME-w" ethtool -K sw$i gro on
done
TPR_DATAPATH=bpf use_datapath
expect_healthy
appctl tpr/show
for port in eth0 eth1 eth2; do
    appctl tpr/show | grep -q "port $port: af-xdp (native XDP, before the switch's own program" ||
        fail "tpr/show: $(appctl tpr/show)"
done
ours_everywhere || fail "$(on_switch bpftool net)"

# The programs take the service; what is not the service's, the switch has.
before=$(bpf_counter rev_packets)
for _ in 1 2 3 4 5; do expect_answer r1; done
test "$(bpf_counter rev_packets)" -ge $((before + 15)) ||
    fail "before $before replies, now $(bpf_counter rev_packets)."
expect_answer r2 http://172.20.126.60/
expect_is Region r1 path switch

# A region dies, and comes back.
perf_start
lab kill r1 --how silent
expect_region_down
perf_end
perf_t_un_at_most $((DETECTION_MS + 10))
comes_back

# The switch opens its ports anew: its programs first, then ours again.  Whoever
# lost the switch says so.
EXPECTED_LOGS+=('(rconn|vconn|stream|ofp|datapath|check|neigh|hb|agent).*')
pid=$(cat "$LABS/$NAME/run/ovs-vswitchd.pid")
lab daemon ovs-vswitchd kill
wait_for 10 test ! -e "/proc/$pid"
lab daemon ovs-vswitchd start
wait_for 30 ours_everywhere
wait_is Service web provider bpf 30
wait_for 15 answered_by r1

# An agent that cannot use the maps of the one before, killed, and one that
# shall not have programs: no port of the switch goes deaf.
all_at () {
    local port
    for port in eth0 eth1 eth2; do
        name_at $port | grep -q "$1" || return 1
    done
}

old=$(program_at eth0)
renewed () { ours_everywhere && test "$(program_at eth0)" != "$old"; }
lab daemon ovs-tprd kill
rm "$LABS/$NAME/run/bpf/bridge-br0/header"
lab daemon ovs-tprd start
wait_for 30 renewed
wait_is Service web provider bpf 30
wait_is Region r1 state up
wait_for 15 answered_by r1
expect_answer r2 http://172.20.126.60/

lab daemon ovs-tprd kill
ctl --no-wait set-option datapath=flows
lab daemon ovs-tprd start
wait_for 20 all_at '^xsk_def'
wait_is Service web provider flows
wait_is Region r1 state up
wait_for 15 answered_by r1
ctl set-option datapath=bpf
wait_for 30 ours_everywhere
wait_is Service web provider bpf 30

# Ours goes: the switch's own is back in its place.
ctl set-option datapath=flows
wait_is Service web provider flows
wait_for 5 all_at '^xsk_def'
expect_answer r1
finish
