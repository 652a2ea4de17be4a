#! /bin/bash
# What services and backends have to do: tpr/top, ovs-tprctl top.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP, under requests
#                              +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"
command -v python3 > /dev/null || skip "python3 was not found"

# judge PYTHON: what --json says, as "top"; "web" is the service, "backends" by name.
judge () {
    appctl tpr/top --json --interval=2s | python3 -c 'import json, sys
top = json.load(sys.stdin)
web = top["services"][0]
backends = {b["name"]: b for b in web["backends"]}
assert '"$1"', top' || fail "tpr/top"
}

TPR_DATAPATH=ovs start_lab
short_holds
expect_healthy

perf_start --rate 200 -i 0ms -t 2s
judge 'top["interval_us"] >= 2000000 and 20 < web["new_per_s"] < 1000
assert web["packets_per_s"] > 4 * web["new_per_s"]
assert web["bytes_per_s"] > 50 * web["packets_per_s"]
assert backends["web/r1"]["share_pct"] == 100 and backends["web/r2"]["new_per_s"] == 0
assert web["backends"][0]["name"] == "web/r1"'
ctl failover web r2 --wait
judge 'backends["web/r2"]["share_pct"] == 100 and web["backends"][0]["name"] == "web/r2"'
ctl failback web
perf_end
perf_lost_at_most 0

echo "as text, by name, and by ovs-tprctl"
out=$(appctl tpr/top --interval=50ms --sort=name)
grep -qE '^SERVICE, BACKENDS +CONNS +NEW/s +PKTS/s +BYTES/s +SHARE +CPU +WEIGHT$' <<< "$out" ||
    fail "tpr/top: $out"
grep -qE '^  web/r1 .* -> usable$' <<< "$out" || fail "tpr/top: $out"
out=$(ctl top --interval=50ms --count=2)
test "$(grep -c '^  web/r1 ' <<< "$out")" = 2 || fail "ovs-tprctl top: $out"
ctl top --json --interval 50ms | python3 -m json.tool > /dev/null || fail "ovs-tprctl top --json"

echo "sentences"
says () {
    local out
    out=$("${@:2}" 2>&1) && fail "${*:2} succeeded"
    grep -qF -e "$1" <<< "$out" || fail "${*:2} says: $out"
}
says 'unknown argument; the command takes' appctl tpr/top --sort=colour
says '1ms' appctl tpr/top --interval=1ms
says 'no other command can go with it' ctl top -- show
says '--count' ctl top --count=0
EXPECTED_LOGS+=('(rconn|ofconn|datapath_of|stream|vconn|ovsdb|jsonrpc)\|WARN')
lab daemon ovs-tprd kill
says 'cannot find ovs-tprd' ctl top
lab daemon ovs-tprd start
wait_is Service web state ok
finish
