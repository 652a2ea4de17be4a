#! /bin/bash
# With BPF programs: ovs-vswitchd is killed and started.  Where nobody has to be
# asked for an Ethernet address, connections and requests see nothing of it.
#
#   client .10 --- switch .1      --+-- r1 .50 = VIP  <- dead the second time
#                  ^ovs-vswitchd    +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# Whoever lost the switch says so; while its own device is away, the agent
# cannot send checks.
EXPECTED_LOGS+=('(rconn|vconn|stream|ofp|datapath|check|neigh|hb|agent).*')

BRIDGE=$LABS/$NAME/run/br0.mgmt
bridge_exists () { test -S "$BRIDGE"; }
is_connected () { appctl tpr/show | grep -q 'bridge br0: .*, connected$'; }
is_away () { appctl tpr/show | grep -q 'bridge br0: .*, switch is away$'; }

restart () {
    lab daemon ovs-vswitchd kill
    rm -f "$BRIDGE"
    wait_for 5 is_away
    lab daemon ovs-vswitchd start
    wait_for 10 bridge_exists
    wait_for 10 is_connected
}

# goes_on REGION: one connection that stays open, and many short ones, lose no
# request to two restarts; the programs neither lose nor place anything else.
goes_on () {
    local before after hands packets
    expect_answer "$1"
    hands=$(grep -c 'service web is .* BPF programs' "$LABS/$NAME/log/ovs-tprd.log")
    "$LAB" exec --name "$NAME" client -- tpr-perf --json --keepalive -t 500ms \
        -i 2ms -d 120s "$(url)" > "$PERF" &
    # shellcheck disable=SC2034  # Read by lib.sh.
    PERF_PID=$!
    wait_for 5 perf_runs
    packets=$(bpf_counter packets)
    wait_for 5 eval "test \"\$(bpf_counter packets)\" -gt $((packets + 20))"
    before=$(bpf_counter total_connections)
    restart
    restart
    after=$(bpf_counter total_connections)
    perf_end 1
    perf_at_most failures 0
    test "$after" = "$before" || fail "from $before to $after connections."

    perf_start -t 500ms
    restart
    perf_end 1
    perf_at_most failures 0
    expect_answer "$1"
    test "$(grep -c 'service web is .* BPF programs' \
        "$LABS/$NAME/log/ovs-tprd.log")" = "$hands" ||
        fail "the service changed hands: $(grep 'service web is' \
            "$LABS/$NAME/log/ovs-tprd.log")"
}

# Checks go through the switch: a restart that takes long would fail three.
start_lab --check none
short_holds
expect_healthy
know_neighbours
goes_on r1

lab kill r1 --how silent
expect_region_down
goes_on r2
expect_region_down
comes_back
finish
