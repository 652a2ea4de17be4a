#! /bin/bash
# What people can ask: connections, where a packet would go, what a death would move.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- dies
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# says PATTERN COMMAND...: its output has a line like that.
says () {
    local pattern=$1 out
    shift
    out=$("$@" 2>&1) || :
    grep -qE -e "$pattern" <<< "$out" || fail "$* does not say \"$pattern\":
$out"
}

start_lab
short_holds
expect_healthy

# Nobody by that name.
says 'there is no service wep; there is web' appctl tpr/connections wep
says 'there is no service wep; there is web' appctl tpr/trace wep 1.2.3.4
says 'there is no region or backend r9; there are r1, r2' \
    appctl tpr/simulate r9 down
says 'there is no region r9' appctl tpr/connections web region=r9
says 'there is no backend r9; there are web/r1, web/r2' \
    appctl tpr/connections web backend=r9
says 'limit=x is not a number' appctl tpr/connections web limit=x
says 'is no field' appctl tpr/trace web nw_tos=3
says 'REGION\|SERVICE/BACKEND down\|up' appctl tpr/simulate r1 sideways

# Where would it go?
client=172.20.126.10
says '^flow: in_port=LOCAL,.*tcp,nw_src='$client appctl tpr/trace web $client:4321
says '^  -> web/r1: priority 1, usable' appctl tpr/trace web $client:4321
says '-> web/r1 by port .*because' appctl tpr/trace web $client:4321
if test "$TPR_DATAPATH" = bpf; then
    says 'BPF programs: they would take it at a port' \
        appctl tpr/trace web $client:4321
    says 'BPF programs: they take it' \
        appctl tpr/trace web in_port=eth0,nw_src=$client
fi
says 'not its packet, it goes to another port; no service has it' \
    appctl tpr/trace web tp_dst=81
appctl tpr/trace --json web $client:4321 |
    python3 -c 'import json, sys; a = json.load(sys.stdin)
assert a["switch"]["backend"] == "web/r1", a
assert a["switch"]["port"], a' || fail "tpr/trace --json"

# A drop flow of somebody else's stays effective, and is shown.  (BPF programs
# then leave the service to the switch.)
EXPECTED_LOGS+=('the programs take 0 of 1 services')
on_switch ovs-ofctl -O OpenFlow14 add-flow br0 \
    "priority=65000,tcp,nw_src=$client,nw_dst=$VIP,actions=drop"
says "another flow decides: .*priority 65000" appctl tpr/trace web $client:4321
says 'datapath actions: drop' appctl tpr/trace web $client:4321
on_switch ovs-ofctl -O OpenFlow14 --strict del-flows br0 \
    "priority=65000,tcp,nw_src=$client,nw_dst=$VIP"

# What would a death move?  Asking moves nothing.
before=$(history)
says 'if r1 went down now: 1 of 1 services affected' appctl tpr/simulate r1 down
says 'service web: web/r1 -> web/r2 \(region r1 down\)' appctl tpr/simulate r1 down
says 'if r2 went down now: 1 of 1 services|0 of 1 services' appctl tpr/simulate r2 down
says 'if r1 went up now \(which it is\): 0 of 1' appctl tpr/simulate r1 up
test "$(history)" = "$before" || fail "history: $(history)"
is Service web active web/r1 || is Service web state ok || fail "moved"

# Connections.
case $TPR_DATAPATH in
    flows)
        says 'keeps no connections: every packet to web goes to 172.20.126.50 by port' \
            appctl tpr/connections web
        says 'nobody knows its connections' appctl tpr/simulate r1 down
        ;;
    ovs | bpf)
        says 'service web .*: 0 connections|service web .* connections' \
            appctl tpr/connections web
        on_client curl -s -o /dev/null "$(url)"
        says "$client:[0-9]* -> $VIP:80 -> web/r1 \(region r1\) .*: (established|half closed|closing), idle .* client at " \
            appctl tpr/connections web "client=$client"
        says 'backend web/r1, region r1: [0-9]+ connections' \
            appctl tpr/connections web limit=0
        test "$(appctl tpr/connections --json web region=r2 |
                python3 -c 'import json, sys
print(json.load(sys.stdin)["matching"])')" = 0 || fail "r2 has connections"
        says '0 connections' appctl tpr/connections web client=10.99.99.99
        # One that is open, and what the packet of an open one meets.
        on_client bash -c "exec 9<> /dev/tcp/$VIP/80 && sleep 30" &
        opener=$!
        wait_for 5 eval 'appctl tpr/connections web | grep -q ": established"'
        port=$(appctl tpr/connections web | sed -n "s/^  $client:\([0-9]*\) .*: established.*/\1/p" | head -1)
        says 'existing connection: .*(answered|established)' \
            appctl tpr/trace web "$client:$port"
        says 'because the connection has it' appctl tpr/trace web "$client:$port"
        says 'backend web/r1 dies: [1-9][0-9]* connections, on_down=reset' \
            appctl tpr/simulate r1 down
        kill $opener 2> /dev/null || :
        wait $opener 2> /dev/null || :
        ;;
esac

# Once r1 is dead.
lab kill r1 --how silent
expect_region_down
says '^     web/r1: priority 1, region down' appctl tpr/trace web $client:4322
says '-> web/r2 by port .*because' appctl tpr/trace web $client:4322
says 'rewritten: .*ip_dst=172.20.126.60' appctl tpr/trace web $client:4322
says 'if r1 went up now: 1 of 1 services affected' appctl tpr/simulate r1 up
says 'service web: web/r2 -> nothing.*on_none=drop' appctl tpr/simulate r2 down

comes_back

# The switch is away: the agent says so, and goes on.  (Sockets outlive their
# process by a moment.)
EXPECTED_LOGS+=('(rconn|ofconn|datapath_of|stream|vconn)\|WARN' 'ovsdb|jsonrpc|daemon_unix\|WARN')
lab daemon ovs-vswitchd kill
says 'switch: the switch does not trace the packet: (cannot|.* hung up)' \
    appctl tpr/trace web $client:4323
test "$TPR_DATAPATH" != ovs ||
    says 'the switch does not tell its connections: (cannot|.* hung up)' \
        appctl tpr/connections web
says 'if r1 went' appctl tpr/simulate r1 down
finish
