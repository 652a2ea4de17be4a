#! /bin/bash
# ovs-vswitchd is killed and started: the service is back in 1 s of the bridge.
#
#   client .10 --- switch .1      --+-- r1 .50 = VIP  <- dead the second time
#                  ^ovs-vswitchd    +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# Whoever lost the switch says so; while its own device is away, the agent
# cannot send checks.
EXPECTED_LOGS+=('(rconn|vconn|stream|ofp|datapath|check|neigh|hb|agent).*')

bridge_exists () { test -S "$BRIDGE"; }

# restart REGION: REGION answers afterwards.
restart () {
    local back
    BRIDGE=$LABS/$NAME/run/br0.mgmt
    perf_start
    lab daemon ovs-vswitchd kill
    rm -f "$BRIDGE"
    lab daemon ovs-vswitchd start
    wait_for 10 bridge_exists
    wait_for 10 answered_by "$1"
    perf_end 1
    # From the socket's birth to the end of the gap that tpr-perf saw.
    back=$(awk -v s="$(date -d "$(sed 's/.*"started":"\([^"]*\)".*/\1/' "$PERF")" \
            +%s.%N)" -v t="$(perf_value t_un_to_s)" \
        -v b="$(stat -c %.9Y "$BRIDGE")" 'BEGIN { printf "%d", (s + t - b) * 1e3 }')
    echo "$(perf_value t_un_ms) ms without the service, back $back ms after the" \
        "bridge"
    test "$back" -le $((1000 + SLACK_MS)) ||
        fail "the service was back only $back ms after the bridge."
}

start_lab
short_holds
expect_healthy
restart r1
wait_is Service web state ok 15

lab kill r1 --how silent
expect_region_down
restart r2
expect_region_down
comes_back
finish
