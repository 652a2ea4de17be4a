#! /bin/bash
# Tests policy weighted of the datapath provider "flows", by a select group,
# against a real ovs-vswitchd with dummy ports: shares, deaths, restarts, other
# people's groups.  Needs no root and no network.  Speaks TAP.  switch-lib.sh
# draws the switch; here there is a region behind p3, too.

PROVIDER=flows
# shellcheck source=tests/switch-lib.sh
. "$(dirname "$0")/switch-lib.sh"

start_switch
start_probe
test "$(ask back | cut -d' ' -f1)" = back || bail "no connection"

other=02:00:00:00:00:61
web="service web vip=10.0.0.50 proto=6 ports=80 mac=$vip policy=weighted"
b2="backend via=p2 to=10.0.0.60 port=8080 tomac=$server weight=30"
b3="backend via=p3 to=10.0.0.61 port=8080 tomac=$other weight=10"

# our_groups: as the switch has them.
our_groups () {
    ovs-ofctl -O OpenFlow15 dump-groups br0 | grep 'group_id=1946[12]' | sort
}
# n_buckets ADDR: buckets of the backend with this address.
n_buckets () {
    our_groups | grep -o "set_field:$1->ip_dst" | wc -l
}
# way PORT: where the packet of a client from this TCP port leaves.
way () {
    ovs-appctl ofproto/trace br0 "in_port=1,dl_src=$client,dl_dst=$vip,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.50,tp_src=$1,tp_dst=80" |
        sed -n 's/^Datapath actions: .*dst=10.0.0.\([0-9]*\).*/\1/p
                s/^Datapath actions: drop/drop/p'
}
# ways: of 200 ports, a line each.
ways () {
    local port
    for port in {1001..1200}; do
        echo "$port $(way "$port")"
    done
}

config "local 10.0.0.1" "$web answer=1" "$b2" "$b3"
same "one group" 1 "$(our_groups | wc -l)"
same "as many buckets as there is weight" "30 10" \
    "$(n_buckets 10.0.0.60) $(n_buckets 10.0.0.61)"
ways > "$dir/ways"
n2=$(grep -c ' 60$' "$dir/ways")
n3=$(grep -c ' 61$' "$dir/ways")
echo "# of 200 connections $n2 and $n3, by weights 30 and 10"
same "all go somewhere" 200 $((n2 + n3))
test "$n3" -gt 20 && test "$n3" -lt 80
ok "about a quarter goes to the one with a quarter of the weight" $?
same "the same connections go the same ways" "$(cat "$dir/ways")" "$(ways)"

port2=$(sed -n 's/ 60$//p' "$dir/ways" | head -n 1)
port3=$(sed -n 's/ 61$//p' "$dir/ways" | head -n 1)
from=dl_src=$client,dl_dst=$vip,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.50,tp_dst=80
back=dl_dst=$client,$tcp,nw_dst=10.0.0.9,tcp_flags=0x012
send_packet "forward to the one" p1 "$from,tp_src=$port2,tcp_flags=syn" \
    p2 "dl_src=$client,dl_dst=$server,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.60,tp_src=$port2,tp_dst=8080,tcp_flags=syn"
send_packet "and back" \
    p2 "$back,dl_src=$server,nw_src=10.0.0.60,tp_src=8080,tp_dst=$port2" \
    p1 "$back,dl_src=$vip,nw_src=10.0.0.50,tp_src=80,tp_dst=$port2"
send_packet "forward to the other" p1 "$from,tp_src=$port3,tcp_flags=syn" \
    p3 "dl_src=$client,dl_dst=$other,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.61,tp_src=$port3,tp_dst=8080,tcp_flags=syn"
send_packet "and back from there" \
    p3 "$back,dl_src=$other,nw_src=10.0.0.61,tp_src=8080,tp_dst=$port3" \
    p1 "$back,dl_src=$vip,nw_src=10.0.0.50,tp_src=80,tp_dst=$port3"

# A death, and a change of weight.
flows=$(our_flows)
groups=$(our_groups)
n_mods=$(stat_of flow_mods)
config "local 10.0.0.1" "$web answer=1" "$b2" "$b3 usable=0"
same "a death is one group-mod" $((n_mods + 1)) "$(stat_of flow_mods)"
same "and changes no flow" "$flows" "$(our_flows)"
same "all go to the one that is left" 200 "$(ways | grep -c ' 60$')"
config "local 10.0.0.1" "$web answer=1" "$b2 usable=0" "$b3 usable=0"
same "nobody left: dropped" drop "$(way "$port2")"
config "local 10.0.0.1" "$web answer=1" "$b2" "$b3"
same "when they are back, all go as before" "$(cat "$dir/ways")" "$(ways)"
n_mods=$(stat_of flow_mods)
config "local 10.0.0.1" "$web answer=1" "$b2" "${b3/weight=10/weight=30}"
same "a weight is one group-mod" $((n_mods + 1)) "$(stat_of flow_mods)"
same "and is equal now" "30 30" \
    "$(n_buckets 10.0.0.60) $(n_buckets 10.0.0.61)"
same "no connection leaves who has gained weight" "" \
    "$(ways | diff "$dir/ways" - | grep '^< .* 61')"
config "$web on_none=pass" "$b2" "$b3 priority=200"
same "a reserve gets nothing" 200 "$(ways | grep -c ' 60$')"
config "$web on_none=pass" "$b2 usable=0" "$b3 priority=200"
same "until it is needed" 200 "$(ways | grep -c ' 61$')"
config "$web on_none=pass" "$b2 weight=0" "$b3 usable=0"
flood "nothing usable: passed" p1 "$from,tp_src=$port2,tcp_flags=syn"
same "without a group" "" "$(our_groups)"

# IPv6; a service without ports.
config "service six vip=2001:db8::50 proto=17 ports=53,8000-8010 mac=$vip policy=weighted" \
    "backend via=p2 to=2001:db8::60 tomac=$server vlan=5 routed=1" \
    "backend via=p3 to=2001:db8::61 tomac=$other" \
    "service all vip=10.0.0.51 mac=$vip policy=weighted" \
    "backend via=p2 to=10.0.0.60 tomac=$server" \
    "backend via=p3 to=10.0.0.61 tomac=$other"
same "two groups" 2 "$(our_groups | wc -l)"
our_groups | grep -q 'fields(ipv6_src,udp_src)'
ok "by address and port" $?
our_groups | grep -q 'fields=ip_src\|fields(ip_src)'
ok "or by the address alone" $?
n_mods=$(stat_of flow_mods)
ask set > /dev/null
same "the same state again sends nothing" "$n_mods" "$(stat_of flow_mods)"

# The provider is restarted; nothing is proven at first.
set -- "local 10.0.0.1" "$web answer=1" "$b2" "$b3"
config "$@"
stop_probe
start_probe
config "local 10.0.0.1" "$web answer=1 unproven=1" "$b2" "$b3 usable=0"
same "nothing is sent when it comes back" 0 "$(stat_of flow_mods)"
same "flows are the same" "$flows" "$(our_flows)"
same "groups are the same" "$groups" "$(our_groups)"
config "$@"
same "nor when all is proven" 0 "$(stat_of flow_mods)"

# Other people, the switch.
ovs-ofctl -O OpenFlow15 add-group br0 'group_id=5,type=select,bucket=output:1'
ovs-ofctl -O OpenFlow15 del-groups br0 "$(our_groups | sed 's/ *\(group_id=[0-9]*\).*/\1/')"
healed () {
    test "$(our_groups)" = "$groups" && test "$(our_flows)" = "$flows"
}
until_true healed
ok "a group that somebody deleted comes back, with its flows" $?
kill -9 "$(cat "$dir/ovs-vswitchd.pid")"
same "the switch's death is noticed" lost "$(ask lost | cut -d' ' -f1)"
start_vswitchd &
same "it is found again" wait "$(ask wait | cut -d' ' -f1)"
wait $!
healed
ok "flows and groups are back" $?
ovs-ofctl -O OpenFlow15 add-group br0 'group_id=5,type=select,bucket=output:1'

# A switch whose groups cannot say what to hash.
ovs-vsctl set bridge br0 protocols=OpenFlow14
no_group () {
    test -z "$(ovs-ofctl -O OpenFlow14 dump-groups br0 | grep 'group_id=1946[12]')" &&
        ! our_flows | grep -q group:
}
until_true no_group
ok "OpenFlow 1.4: left out" $?
ovs-vsctl clear bridge br0 protocols
until_true healed
ok "OpenFlow 1.5 again: taken up" $?

# The end.
config "local 10.0.0.1" "${web/weighted/failover}" "$b2"
same "another policy: no group" "" "$(our_groups)"
config "$@"
same "clear" ok "$(ask clear)"
same "is answered" wait "$(ask wait | cut -d' ' -f1)"
same "no group of ours is left" "" "$(our_groups)"
same "theirs is" 1 \
    "$(ovs-ofctl -O OpenFlow15 dump-groups br0 | grep -c 'group_id=5,')"

stop_probe
same "no complaint" "" "$(grep -v ' failed (Connection refused)' "$dir/probe.err")"
echo "1..$n_tests"
test $n_failed = 0
