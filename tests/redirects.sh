#! /bin/bash
# Tests the datapath providers "ovs" and "auto" against a real ovs-vswitchd with
# dummy ports: redirect objects, words, restarts, what belongs to others.  Needs
# no root and no network.  Speaks TAP.  switch-lib.sh draws the switch; here the
# backend .60 is behind p2 and .61 behind p3.

PROVIDER=auto
# shellcheck source=tests/switch-lib.sh
. "$(dirname "$0")/switch-lib.sh"

ofctl () { ovs-ofctl -O OpenFlow14 "$@"; }

# our_redirects: objects of the agent's, a line each; all_redirects: all.
all_redirects () { ofctl dump-redirects br0 | grep -o ' id=.*' | sed 's,^ ,,' | sort; }
our_redirects () { all_redirects | grep -E '^id=(0x7400|19461|19462)'; }

second=02:00:00:00:00:61
web="service web vip=10.0.0.50 proto=6 ports=80 mac=$vip on_down=keep"
a="backend via=p2 to=10.0.0.60 tomac=$server region=1 word=1 priority=1"
b="backend via=p3 to=10.0.0.61 tomac=$second region=2 word=2 priority=2 port=8080"

start_switch
if ! ofctl dump-redirects br0 > "$dir/support" 2>&1 ||
        grep -q OFPT_ERROR "$dir/support"; then
    echo "1..0 # SKIP this Open vSwitch has no redirect objects"
    exit 0
fi
start_probe
test "$(ask back | cut -d' ' -f1)" = back || bail "no connection"
same "the switch has redirect objects" \
    "ovs, the switch has redirect objects" "$(ask how)"

for word in "region 1" "region 2" "word 1" "word 2"; do
    ask "$word up" > /dev/null
done
config "local 10.0.0.1" "$web answer=1" "$a" "$b"
same "one object" 1 "$(our_redirects | wc -l)"
our_redirects | grep -q 'vip=10.0.0.50.*backend=10.0.0.60.*backend=10.0.0.61'
ok "with both backends" $?
our_flows | grep -qE 'tcp,nw_dst=10.0.0.50,tp_dst=80 actions=redirect\([0-9]+\),NORMAL'
ok "a flow names it" $?
same "replies meet it on the ports of both backends" 2 \
    "$(our_flows | grep -c 'ip,in_port=.* actions=redirect(reverse),NORMAL')"
same "fragments and errors" 6 \
    "$(our_flows | grep -c ' actions=redirect(any),NORMAL')"

# A connection: client 10.0.0.9 port $1, by way of the VIP.
to_vip="dl_src=$client,dl_dst=$vip,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.50,tp_dst=80"
to_a="dl_src=$client,dl_dst=$server,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.60,tp_dst=80"
to_b="dl_src=$client,dl_dst=$second,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.61,tp_dst=8080"
from_a="dl_src=$server,dl_dst=$client,$tcp,nw_src=10.0.0.60,nw_dst=10.0.0.9,tp_src=80"
from_b="dl_src=$second,dl_dst=$client,$tcp,nw_src=10.0.0.61,nw_dst=10.0.0.9,tp_src=8080"
from_vip="dl_src=$vip,dl_dst=$client,$tcp,nw_src=10.0.0.50,nw_dst=10.0.0.9,tp_src=80"
syn=tcp_flags=syn syn_ack=tcp_flags=0x012 ack=tcp_flags=ack

send_packet "forward, to the preferred backend" \
    p1 "$to_vip,tp_src=1234,$syn" p2 "$to_a,tp_src=1234,$syn"
send_packet "reverse" \
    p2 "$from_a,tp_dst=1234,$syn_ack" p1 "$from_vip,tp_dst=1234,$syn_ack"
send_packet "established" \
    p1 "$to_vip,tp_src=1234,$ack" p2 "$to_a,tp_src=1234,$ack"

# A death is a word.
before=$(our_flows) mods=$(stat_of flow_mods) objects=$(stat_of redirect_mods)
ask "word 1 down" > /dev/null
send_packet "a new connection goes to the other" \
    p1 "$to_vip,tp_src=1235,$syn" p3 "$to_b,tp_src=1235,$syn"
send_packet "and back, with its port translated" \
    p3 "$from_b,tp_dst=1235,$syn_ack" p1 "$from_vip,tp_dst=1235,$syn_ack"
send_packet "the old one stays (keep)" \
    p1 "$to_vip,tp_src=1234,$ack" p2 "$to_a,tp_src=1234,$ack"
ask set > /dev/null
same "no flow was sent for that" "$mods" "$(stat_of flow_mods)"
same "and no object" "$objects" "$(stat_of redirect_mods)"
ask "word 1 drain" > /dev/null
send_packet "a draining backend gets nothing new" \
    p1 "$to_vip,tp_src=1236,$syn" p3 "$to_b,tp_src=1236,$syn"
ask "word 1 up" > /dev/null
ask "region 1 down" > /dev/null
send_packet "nor one whose region is down" \
    p1 "$to_vip,tp_src=1237,$syn" p3 "$to_b,tp_src=1237,$syn"
ask "region 1 up" > /dev/null
send_packet "it is back" \
    p1 "$to_vip,tp_src=1238,$syn" p2 "$to_a,tp_src=1238,$syn"

# What is not the service's.
flood "another port is not redirected" \
    p1 "dl_src=$client,dl_dst=$vip,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.50,tp_src=1234,tp_dst=81,$syn"
flood "a check to the VIP's owner passes" \
    br0 "dl_src=02:00:00:00:00:01,dl_dst=$vip,$tcp,nw_src=10.0.0.1,nw_dst=10.0.0.50,tp_src=61441,tp_dst=80,$syn"
send_packet "a reply to a direct request is not rewritten" \
    p2 "$from_a,tp_dst=4321,$ack" p1 "$from_a,tp_dst=4321,$ack"

# Restarts.
config "local 10.0.0.1" "$web answer=1" "$a" "$b"
before=$(our_flows) object=$(our_redirects)
stop_probe
same "flows stay when the agent goes" "$before" "$(our_flows)"
start_probe
config "local 10.0.0.1" "$web answer=1" "$a" "$b"
same "no flow is sent when it comes back" 0 "$(stat_of flow_mods)"
same "no object either" 0 "$(stat_of redirect_mods)"
same "the object is the same" "$object" "$(our_redirects)"
send_packet "connections live on" \
    p1 "$to_vip,tp_src=1234,$ack" p2 "$to_a,tp_src=1234,$ack"

ofctl add-redirect br0 'id=7,vip=10.9.9.9,tcp,port=9,backend=10.9.9.10,output=2,mac=02:00:00:00:00:99'
kill -9 "$(cat "$dir/ovs-vswitchd.pid")"
same "death is noticed" lost "$(ask lost | cut -d' ' -f1)"
start_vswitchd &
same "and life" wait "$(ask wait | cut -d' ' -f1)"
wait $!
same "all flows are back" "$before" "$(our_flows)"
same "and the object" "$object" "$(our_redirects)"
same "nothing was refused" 0 "$(stat_of refused)"

# Changes.
ofctl add-redirect br0 'id=7,vip=10.9.9.9,tcp,port=9,backend=10.9.9.10,output=2,mac=02:00:00:00:00:99'
mods=$(stat_of flow_mods)
config "local 10.0.0.1" "$web answer=1" "$a weight=7" "$b"
our_redirects | grep -q weight=7
ok "a weight changes the object" $?
same "and no flow" "$mods" "$(stat_of flow_mods)"
config "local 10.0.0.1" "$web policy=maglev answer=1" "$a" "$b" \
    "service dns vip=10.0.0.53 proto=17 ports=53 mac=$vip" "$a" "$b"
same "another service, another object" 2 "$(our_redirects | wc -l)"
config "local 10.0.0.1" "$web answer=1" "$a" "$b"
one () { test "$(our_redirects | wc -l)" = 1; }
until_true one
ok "it goes with its service" $?
same "no flow names it" 0 "$(our_flows | grep -c 10.0.0.53)"

# Somebody deletes ours.
kill -STOP "$PROBE_PID"
ofctl del-flows br0
ofctl del-redirects br0 id=1946157056
foreign
kill -CONT "$PROBE_PID"
healed () { test "$(our_redirects | wc -l)" = 1 && test "$(our_flows)" = "$before"; }
until_true healed
ok "what somebody deleted comes back" $?

# Ports.
ovs-vsctl del-port p2
alone () { our_redirects | grep -q 'backend=' && ! our_redirects | grep -q 10.0.0.60; }
until_true alone
ok "a backend goes with its port" $?
withdrawn () { all_redirects | grep '^id=7,' | grep -q ',withdrawn'; }
until_true withdrawn
ok "others' descriptions say that it is withdrawn" $?
ovs-vsctl add-port br0 p2 -- set interface p2 type=dummy ofport_request=12 \
    options:tx_pcap="$dir/p2.pcap"
at_12 () { our_redirects | grep -q 'output=12'; }
until_true at_12
ok "and comes back with it" $?

# What the switch refuses.
config "$web" "$a" "$b" \
    "service bad vip=10.0.0.54 proto=17 ports=80 on_down=reset mac=$vip" "$a" "$b"
same "others work" 1 "$(our_redirects | wc -l)"
grep -q 'service bad is left out, the switch refused its redirect object' \
    "$dir/probe.err"
ok "what is refused is reported" $?
same "and has no flow" 0 "$(our_flows | grep -c 10.0.0.54)"
: > "$dir/probe.err"

# Plain flows take over, and give back.
config "$web" "$a" "$b"
stop_probe
PROVIDER=flows start_probe
config "${web% on_down=keep} via=p2 to=10.0.0.60 tomac=$server"
gone () { test -z "$(our_redirects)"; }
until_true gone
ok "the provider \"flows\" removes the objects" $?
same "none of its flows redirects by object" 0 "$(our_flows | grep -c redirect)"
stop_probe
PROVIDER=ovs start_probe
config "$web" "$a" "$b"
same "the provider \"ovs\" makes them again" 1 "$(our_redirects | wc -l)"
same "as configured" "ovs, as configured" "$(ask how)"

# The end.
same "clear" ok "$(ask clear)"
same "no object of ours is left" "" "$(our_redirects)"
same "no flow either" "" "$(our_flows)"
all_redirects | grep -q '^id=7,'
ok "theirs is" $?
same "and all of their flows" 2 "$(count_foreign)"

stop_probe
same "no complaint" "" "$(cat "$dir/probe.err")"
echo "1..$n_tests"
test $n_failed = 0
