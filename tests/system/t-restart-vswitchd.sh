#! /bin/bash
# ovs-vswitchd is killed and started: the service is back in 1 s of the bridge.
#
#   client .10 --- switch .1      --+-- r1 .50 = VIP  <- dead the second time
#                  ^ovs-vswitchd    +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# Whoever lost the switch says so; while its own device is away, the agent
# cannot send checks.
EXPECTED_LOGS+=('(rconn|vconn|stream|ofp|datapath|check|neigh|hb|agent).*')

# Milliseconds of the clock that tpr-perf uses.
mono_ms () {
    python3 -c 'import time; print(time.monotonic_ns() // 1000000)'
}

bridge_exists () { test -S "$LABS/$NAME/run/br0.mgmt"; }

# restart REGION: REGION answers afterwards.
restart () {
    local bridge back
    perf_start
    lab daemon ovs-vswitchd kill
    rm -f "$LABS/$NAME/run/br0.mgmt"
    "$LAB" daemon --name "$NAME" ovs-vswitchd start &
    wait_for 10 bridge_exists
    bridge=$(mono_ms)
    wait $!
    wait_for 10 answered_by "$1"
    perf_end 1
    back=$(awk -v s="$(perf_value started_monotonic_us)" \
        -v t="$(perf_value t_un_to_s)" 'BEGIN { printf "%d", s / 1e3 + t * 1e3 }')
    echo "service back $((back - bridge)) ms after the bridge"
    test $((back - bridge)) -le 1000 ||
        fail "the service was back only $((back - bridge)) ms after the bridge."
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
