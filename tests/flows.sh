#! /bin/bash
# Tests the datapath provider "flows" against a real ovs-vswitchd with dummy
# ports: packets in, packets out, byte for byte; restarts; other people's
# flows.  Needs no root and no network.  Speaks TAP.  switch-lib.sh draws the
# switch.

PROVIDER=flows
# shellcheck source=tests/switch-lib.sh
. "$(dirname "$0")/switch-lib.sh"

start_switch
start_probe
test "$(ask back | cut -d' ' -f1)" = back || bail "no connection"

same "ports are known" "2 up" "$(ask port p2)"
same "other ports are not" none "$(ask port p9)"

web="service web vip=10.0.0.50 proto=6 ports=80 mac=$vip"
to="via=p2 to=10.0.0.60 port=8080 tomac=$server"

# Forward and reverse.
config "local 10.0.0.1" "$web $to answer=1"
send_packet "forward" \
    p1 dl_src=$client,dl_dst=$vip,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.50,tp_src=1234,tp_dst=80,tcp_flags=syn \
    p2 dl_src=$client,dl_dst=$server,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.60,tp_src=1234,tp_dst=8080,tcp_flags=syn
send_packet "reverse, to the port that the client came from" \
    p2 dl_src=$server,dl_dst=$client,$tcp,nw_src=10.0.0.60,nw_dst=10.0.0.9,tp_src=8080,tp_dst=1234,tcp_flags=0x012 \
    p1 dl_src=$vip,dl_dst=$client,$tcp,nw_src=10.0.0.50,nw_dst=10.0.0.9,tp_src=80,tp_dst=1234,tcp_flags=0x012
other=02:00:00:00:00:0d
reply=dl_dst=$other,$tcp,nw_dst=10.0.0.8,tp_dst=1234,tcp_flags=ack
send_packet "reverse to an unknown client floods, with the server's MAC" \
    p2 $reply,dl_src=$server,nw_src=10.0.0.60,tp_src=8080 \
    p1 $reply,dl_src=$server,nw_src=10.0.0.50,tp_src=80 \
    p3 $reply,dl_src=$server,nw_src=10.0.0.50,tp_src=80 \
    br0 $reply,dl_src=$server,nw_src=10.0.0.50,tp_src=80
flood "another port is not redirected" \
    p1 dl_src=$client,dl_dst=$vip,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.50,tp_src=1234,tp_dst=81,tcp_flags=syn

# Checks.
flood "a check to the backend passes" \
    br0 dl_src=02:00:00:00:00:01,dl_dst=$all,$tcp,nw_src=10.0.0.1,nw_dst=10.0.0.60,tp_src=61441,tp_dst=8080,tcp_flags=syn
same "and is not learned" 0 \
    "$(ovs-ofctl dump-flows br0 cookie=0x7470722081000000/0xffffffffff000000 | grep -c actions=)"
flood "a check to the VIP's owner passes" \
    br0 dl_src=02:00:00:00:00:01,dl_dst=$vip,$tcp,nw_src=10.0.0.1,nw_dst=10.0.0.50,tp_src=61441,tp_dst=80,tcp_flags=syn
send_packet "a backend's answer to a check is not rewritten" \
    p2 dl_src=$server,dl_dst=02:00:00:00:00:01,$tcp,nw_src=10.0.0.60,nw_dst=10.0.0.1,tp_src=8080,tp_dst=61951,tcp_flags=0x012 \
    br0 dl_src=$server,dl_dst=02:00:00:00:00:01,$tcp,nw_src=10.0.0.60,nw_dst=10.0.0.1,tp_src=8080,tp_dst=61951,tcp_flags=0x012

# Direct connections.
direct=$tcp,tcp_flags=ack
send_packet "a direct request passes" \
    p1 dl_src=$client,dl_dst=$server,$direct,nw_src=10.0.0.9,nw_dst=10.0.0.60,tp_src=4321,tp_dst=8080 \
    p2 dl_src=$client,dl_dst=$server,$direct,nw_src=10.0.0.9,nw_dst=10.0.0.60,tp_src=4321,tp_dst=8080
send_packet "the reply to a direct request is not rewritten" \
    p2 dl_src=$server,dl_dst=$client,$direct,nw_src=10.0.0.60,nw_dst=10.0.0.9,tp_src=8080,tp_dst=4321 \
    p1 dl_src=$server,dl_dst=$client,$direct,nw_src=10.0.0.60,nw_dst=10.0.0.9,tp_src=8080,tp_dst=4321

# ARP.
arp=dl_type=0x0806,arp_op=1,arp_tpa=10.0.0.50,arp_tha=00:00:00:00:00:00
send_packet "ARP is answered" \
    p1 dl_src=$client,dl_dst=$all,$arp,arp_sha=$client,arp_spa=10.0.0.9 \
    p1 dl_src=$vip,dl_dst=$client,dl_type=0x0806,arp_op=2,arp_sha=$vip,arp_spa=10.0.0.50,arp_tha=$client,arp_tpa=10.0.0.9
send_packet "so is ARP to the known MAC" \
    p1 dl_src=$client,dl_dst=$vip,$arp,arp_sha=$client,arp_spa=10.0.0.9 \
    p1 dl_src=$vip,dl_dst=$client,dl_type=0x0806,arp_op=2,arp_sha=$vip,arp_spa=10.0.0.50,arp_tha=$client,arp_tpa=10.0.0.9
flood "the returning owner's probe is not answered" \
    p3 dl_src=$vip,dl_dst=$all,$arp,arp_sha=$vip,arp_spa=0.0.0.0
flood "nor is its announcement" \
    p3 dl_src=$vip,dl_dst=$all,$arp,arp_sha=$vip,arp_spa=10.0.0.50
flood "nor our own host while the VIP has an owner" \
    br0 dl_src=02:00:00:00:00:01,dl_dst=$all,$arp,arp_sha=02:00:00:00:00:01,arp_spa=10.0.0.1

# VLANs, gateway.
config "$web via=p2 to=10.0.0.60 tomac=$server vlan=5 routed=1"
send_packet "from VLAN 9 to VLAN 5, with the VIP's MAC" \
    p1 dl_src=$client,dl_dst=$vip,dl_vlan=9,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.50,tp_src=1234,tp_dst=80,tcp_flags=syn \
    p2 dl_src=$vip,dl_dst=$server,dl_vlan=5,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.60,tp_src=1234,tp_dst=80,tcp_flags=syn
send_packet "and back" \
    p2 dl_src=$server,dl_dst=$client,dl_vlan=5,$tcp,nw_src=10.0.0.60,nw_dst=10.0.0.9,tp_src=80,tp_dst=1234,tcp_flags=ack \
    p1 dl_src=$vip,dl_dst=$client,dl_vlan=9,$tcp,nw_src=10.0.0.50,nw_dst=10.0.0.9,tp_src=80,tp_dst=1234,tcp_flags=ack

# IPv6.
config "service six vip=2001:db8::50 proto=6 ports=80 mac=$vip via=p2 to=2001:db8::60 tomac=$server answer=1 pure=1"
send_packet "forward, IPv6" \
    p1 dl_src=$client,dl_dst=$vip,$tcp6,ipv6_src=2001:db8::9,ipv6_dst=2001:db8::50,tp_src=1234,tp_dst=80,tcp_flags=syn \
    p2 dl_src=$client,dl_dst=$server,$tcp6,ipv6_src=2001:db8::9,ipv6_dst=2001:db8::60,tp_src=1234,tp_dst=80,tcp_flags=syn
send_packet "reverse, IPv6" \
    p2 dl_src=$server,dl_dst=$client,$tcp6,ipv6_src=2001:db8::60,ipv6_dst=2001:db8::9,tp_src=80,tp_dst=1234,tcp_flags=ack \
    p1 dl_src=$vip,dl_dst=$client,$tcp6,ipv6_src=2001:db8::50,ipv6_dst=2001:db8::9,tp_src=80,tp_dst=1234,tcp_flags=ack
icmp6=dl_type=0x86dd,nw_proto=58
nd=icmpv6_code=0,nd_target=2001:db8::50
na=dl_src=$vip,dl_dst=$client,$icmp6,nw_ttl=255,ipv6_src=2001:db8::50,ipv6_dst=2001:db8::9,icmpv6_type=136,$nd
ns=dl_src=$client,$icmp6,ipv6_src=2001:db8::9,icmpv6_type=135,$nd
send_packet "a neighbour solicitation is answered" \
    p1 $ns,nw_ttl=255,dl_dst=33:33:ff:00:00:50,ipv6_dst=ff02::1:ff00:50,nd_sll=$client,nd_options_type=1 \
    p1 $na,nd_reserved=1610612736,nd_options_type=2,nd_tll=$vip
send_packet "so is one without option, unicast" \
    p1 $ns,nw_ttl=255,dl_dst=$vip,ipv6_dst=2001:db8::50 \
    p1 $na,nd_reserved=1073741824
flood "not one that was routed" \
    p1 $ns,nw_ttl=254,dl_dst=33:33:ff:00:00:50,ipv6_dst=ff02::1:ff00:50,nd_sll=$client,nd_options_type=1
flood "duplicate address detection is not answered" \
    p3 dl_src=$vip,dl_dst=33:33:ff:00:00:50,$icmp6,nw_ttl=255,ipv6_src=::,ipv6_dst=ff02::1:ff00:50,icmpv6_type=135,$nd
echo6=dl_type=0x86dd,nw_proto=58,icmpv6_code=0
send_packet "ping of an address that nobody has, IPv6" \
    p1 dl_src=$client,dl_dst=$vip,$echo6,nw_ttl=9,ipv6_src=2001:db8::9,ipv6_dst=2001:db8::50,icmpv6_type=128 \
    p1 dl_src=$vip,dl_dst=$client,$echo6,nw_ttl=64,ipv6_src=2001:db8::50,ipv6_dst=2001:db8::9,icmpv6_type=129

config "$web answer=1 pure=1"
echo4=dl_type=0x0800,nw_proto=1,icmp_code=0
send_packet "ping of an address that nobody has, IPv4" \
    p1 dl_src=$client,dl_dst=$vip,$echo4,nw_ttl=9,nw_src=10.0.0.9,nw_dst=10.0.0.50,icmp_type=8 \
    p1 dl_src=$vip,dl_dst=$client,$echo4,nw_ttl=64,nw_src=10.0.0.50,nw_dst=10.0.0.9,icmp_type=0

# Nothing usable; the owner itself.
syn=dl_src=$client,dl_dst=$vip,$tcp,nw_src=10.0.0.9,nw_dst=10.0.0.50,tp_src=1234,tp_dst=80,tcp_flags=syn
send_packet "nothing usable: dropped" p1 $syn
config "$web via=p9 to=10.0.0.60 tomac=$server"
send_packet "no such port: dropped" p1 $syn
config "$web on_none=pass"
flood "nothing usable: passed" p1 $syn
config "$web identity=1 $to"
flood "the owner serves: nothing is touched" p1 $syn

# Beats.
bfd=dl_type=0x0800,nw_proto=17,nw_ttl=255,udp_src=50000,udp_dst=3784
config "path p2 type=bfd local=10.0.0.1 peer=10.0.0.60"
send_packet "a beat beside the switch: its copy is dropped" \
    p2 dl_src=$server,dl_dst=02:00:00:00:00:01,$bfd,nw_src=10.0.0.60,nw_dst=10.0.0.1
config "path p2 type=bfd local=10.0.0.1 peer=10.0.0.60 through=1 vlan=5"
send_packet "a beat through the switch" \
    p2 dl_src=$server,dl_dst=02:00:00:00:00:01,dl_vlan=5,$bfd,nw_src=10.0.0.60,nw_dst=10.0.0.1 \
    br0 dl_src=$server,dl_dst=02:00:00:00:00:01,$bfd,nw_src=10.0.0.60,nw_dst=10.0.0.1
send_packet "and its like in the other direction" \
    br0 dl_src=02:00:00:00:00:01,dl_dst=$server,$bfd,nw_src=10.0.0.1,nw_dst=10.0.0.60 \
    p2 dl_src=02:00:00:00:00:01,dl_dst=$server,dl_vlan=5,$bfd,nw_src=10.0.0.1,nw_dst=10.0.0.60

# The provider is restarted.
set -- "local 10.0.0.1" "$web $to answer=1" \
    "service six vip=2001:db8::50 ports=80,8000-8010 proto=17 mac=$vip via=p2 to=2001:db8::60 tomac=$server answer=1 pure=1" \
    "service all vip=2001:db8::51 mac=$vip via=p2 to=2001:db8::61 tomac=$server" \
    "service sctp vip=10.0.0.51 proto=132 ports=9 mac=$vip via=p2 to=10.0.0.61 tomac=$server vlan=5 routed=1" \
    "path p2 type=bfd local=10.0.0.1 peer=10.0.0.60 through=1 vlan=5"
config "$@"
ovs-appctl netdev-dummy/receive p1 "$(packet $syn)"
learned () {
    ovs-ofctl dump-flows br0 cookie=0x7470722080000000/0xffffffff80000000 |
        grep -q "dl_dst=$client"
}
until_true learned
ok "the client is learned" $?
before=$(our_flows)
stop_probe
same "flows stay when the agent goes" "$before" "$(our_flows)"
start_probe
config "$@"
same "nothing is sent when it comes back" 0 "$(stat_of flow_mods)"
same "flows are the same" "$before" "$(our_flows)"
learned
ok "the learned client stays" $?

# Two services with clients are gone when it comes back.
config "$@" "service x vip=10.0.0.70 mac=$vip via=p2 to=10.0.0.71 tomac=$server" \
    "service y vip=10.0.0.80 mac=$vip via=p2 to=10.0.0.81 tomac=$server"
for n in 1 2 3 4; do
    for to_vip in 10.0.0.70 10.0.0.80; do
        ovs-appctl netdev-dummy/receive p1 "$(packet \
            dl_src=02:00:00:00:01:0$n,dl_dst=$vip,$tcp,nw_src=10.0.0.9,nw_dst=$to_vip,tp_src=1234,tp_dst=80,tcp_flags=syn)"
    done
done
# The number of learned clients, by VIP.
n_clients () {
    ovs-ofctl dump-flows br0 cookie=0x7470722080000000/0xffffffffff000000 |
        grep -c actions=
}
n_clients_is () { test "$(n_clients)" = "$1"; }
until_true n_clients_is 9
ok "clients are learned for each VIP" $?
n_flows=$(our_flows | wc -l)
stop_probe
start_probe
config "$@"
same "flows are the same again" "$before" "$(our_flows)"
same "clients of services that are gone are forgotten" 1 "$(n_clients)"
same "by one request a VIP" $((n_flows - $(our_flows | wc -l) + 2)) \
    "$(stat_of flow_mods)"

# What a change costs.
n_mods=$(stat_of flow_mods)
ask set > /dev/null
same "the same state again sends nothing" "$n_mods" "$(stat_of flow_mods)"

# The switch dies.
kill -9 "$(cat "$dir/ovs-vswitchd.pid")"
same "death is noticed" lost "$(ask lost | cut -d' ' -f1)"
start_vswitchd &
applied=$(ask wait | cut -d' ' -f2)
wait $!
same "all flows are back" "$before" "$(our_flows)"
took=$(stat -c %.6W "$dir/br0.mgmt" |
           awk "{ printf \"%.1f\", ($applied - \$1) * 1000 }")
echo "# $took ms from the birth of the switch's socket to flows in force"
awk "BEGIN { exit !($took > 0 && $took < 1000) }"
ok "within a second of the socket" $?
same "nothing was refused" 0 "$(stat_of refused)"

# Other people.
foreign
ovs-ofctl del-flows br0
healed () {
    test "$(our_flows)" = "$before"
}
until_true healed
ok "flows that somebody deleted come back" $?
missed=$(stat_of removed_by_others)
test "$missed" -gt 0
ok "and were missed" $?
one=$missed
ovs-ofctl del-flows br0 tcp,nw_src=10.0.0.60
until_true healed
ok "a single one comes back" $?
missed=$(stat_of removed_by_others)
test "$missed" -gt "$one"
ok "and was missed at once" $?

# Our own doing is nobody else's.
config "client_table 251" "$@"
config "client_table 250" "$@"
same "another table for clients, and back: flows are the same" \
    "$before" "$(our_flows)"
same "and nobody is blamed for it" "$missed" "$(stat_of removed_by_others)"
foreign
config "$web $to"
same "their flows stay: after a change" 2 "$(count_foreign)"

# Ports come, go, get another number.
ovs-vsctl del-port p2
port_is () {
    test "$(ask port p2)" = "$1"
}
until_true port_is none
ok "a port goes" $?
dropped () {
    our_flows | grep -q 'tcp,nw_dst=10.0.0.50,tp_dst=80 actions=drop'
}
until_true dropped
ok "its service is dropped" $?
ovs-vsctl add-port br0 p2 -- set interface p2 type=dummy ofport_request=12 \
    options:tx_pcap="$dir/p2.pcap"
until_true port_is "12 up"
ok "it comes back with another number" $?
to_12 () {
    our_flows | grep -q 'tcp,nw_dst=10.0.0.50,tp_dst=80 .*output:12'
}
until_true to_12
ok "the service goes there" $?
ovs-appctl netdev-dummy/set-admin-state p2 down > /dev/null
until_true port_is "12 down"
ok "its link goes down" $?

# The switch refuses a flow: the others are in force.
ovs-vsctl --id=@t create flow_table flow_limit=2 overflow_policy=refuse \
    -- set bridge br0 flow_tables:250=@t > /dev/null
config "$web $to" \
    "service six vip=2001:db8::50 proto=6 ports=80 mac=$vip via=p2 to=2001:db8::60 tomac=$server answer=1"
same "a refused flow does not stop the others" true "$(stat_of in_force)"
grep -q 'refused a flow (OFPFMFC_TABLE_FULL)' "$dir/probe.err"
ok "and is reported" $?
our_flows | grep -q 'tcp6,ipv6_dst=2001:db8::50,tp_dst=80'
ok "its service is redirected" $?
ovs-vsctl clear bridge br0 flow_tables
: > "$dir/probe.err"

# A datapath that cannot make neighbour advertisements, as the kernel's.
ovs-appctl dpif/set-dp-features br0 nd_ext false > "$dir/features" ||
    bail "cannot set features"
config "service six vip=2001:db8::52 proto=6 ports=80 mac=$vip via=p2 to=2001:db8::60 tomac=$server answer=1 pure=1"
same "without ND, the rest is in force" true "$(stat_of in_force)"
asks_agent () { our_flows | grep -q 'nd_target=2001:db8::52.*controller('; }
until_true asks_agent
ok "the agent is asked instead" $?
our_flows | grep -q 'tcp6,ipv6_dst=2001:db8::52,tp_dst=80'
ok "the service is redirected" $?
same "no half of an answer is left" 0 "$(our_flows | grep -c 'set_field:136')"
: > "$dir/probe.err"

# The switch hangs, and wakes up: its socket is alive all the time.
config "$web $to"
kill -STOP "$(cat "$dir/ovs-vswitchd.pid")"
same "a hung switch is noticed" lost "$(ask lost | cut -d' ' -f1)"
kill -CONT "$(cat "$dir/ovs-vswitchd.pid")"
same "and found again" back "$(ask back | cut -d' ' -f1)"
same "nothing else is said of it" "" \
    "$(grep -v 'no response to inactivity probe\|connection timed out' "$dir/probe.err")"
: > "$dir/probe.err"

# The end.
same "clear" ok "$(ask clear)"
same "is answered" wait "$(ask wait | cut -d' ' -f1)"
same "nothing of ours is left" "" \
    "$(ovs-ofctl dump-flows br0 cookie=0x7470722000000000/0xffffffff00000000 |
        grep actions=)"
same "all of theirs is" 2 "$(count_foreign)"

stop_probe
same "no complaint" "" "$(cat "$dir/probe.err")"
echo "1..$n_tests"
test $n_failed = 0
