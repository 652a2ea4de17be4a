# shellcheck shell=bash
# A region or its server dies and comes back under requests; sourced by tests
# after lib.sh.

# tpr-regiond, which sees the switch vanish, says so.
EXPECTED_LOGS+=('regiond\|WARN\|TPR-60[13]' 'regiond\|WARN\|TPR-61[13]')

# A link that goes down while beats are queued on it may have no room for more.
EXPECTED_LOGS+=('agent\|WARN\|region r1: cannot send or receive beats \(No buffer')
# A region that flaps is reported of at a limited rate.
EXPECTED_LOGS+=('regiond\|WARN\|Dropped [0-9]+ log messages')

# Holds that the defaults make long are short here, so that tests are.
short_holds () {
    ctl set Service web failback_hold=500ms -- \
        set Region r1 damping_hold=200ms -- \
        set Region r2 damping_hold=200ms
}

# What holds while all is well.
expect_healthy () {
    wait_is Service web state ok 15
    expect_is Service web active web/r1
    expect_is Region r1 state up
    expect_is Region r2 state up
    expect_answer r1
    ctl status | grep -q '^OK' || fail "status is: $(ctl status)"
}

# What holds while region r1 is dead, or only its server.
expect_region_down () {
    wait_is Region r1 state down
    wait_is Service web state backup
    expect_is Service web active web/r2
    expect_is Region r2 state up
    expect_degraded
}

expect_server_down () {
    wait_is Service web state backup
    expect_is Service web active web/r2
    expect_is Region r1 state up
    expect_degraded
}

expect_degraded () {
    local status
    status=$(ctl status || :)
    [[ $status = DEGRADED* ]] || fail "status is: $status"
    expect_answer r2
}

# region_dies HOW: r1 dies by HOW.  No client waits longer than detection takes
# and 10 ms, then r1 comes back and takes over again.
region_dies () {
    expect_healthy
    perf_start
    lab kill r1 --how "$1"
    expect_region_down
    perf_end
    perf_t_un_at_most $((DETECTION_MS + 10))
    history | grep -qE 'TPR-101 .*r1' || fail "no TPR-101 in: $(history)"
    history | grep -qE 'TPR-301 .*web' || fail "no TPR-301 in: $(history)"

    comes_back
    history | grep -qE 'TPR-102 .*r1' || fail "no TPR-102 in: $(history)"
}

# server_dies HOW MS: only the server of r1 dies; clients wait at most MS.
server_dies () {
    expect_healthy
    perf_start
    lab kill r1 --how "$1"
    expect_server_down
    perf_end
    perf_t_un_at_most "$2"
    history | grep -qE 'TPR-201 .*web/r1' || fail "no TPR-201 in: $(history)"

    comes_back
    history | grep -qE 'TPR-202 .*web/r1' || fail "no TPR-202 in: $(history)"
}

# address_known: the Ethernet address that the client has for the VIP.
address_known () {
    on_client ip neigh show "$VIP" | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'
}

expect_address_known () {
    test "$(address_known)" = "$1" ||
        fail "the VIP has Ethernet address $(address_known), it was $1."
}

# The client's neighbour cache is empty in the middle of r1's outage.
neighbours_expire () {
    local mac
    expect_healthy
    mac=$(address_known)
    test -n "$mac" || fail "the client does not know the VIP's Ethernet address."

    lab kill r1 --how silent
    expect_region_down
    perf_start -t 500ms
    for _ in 1 2 3; do
        on_client ip neigh flush dev eth0
        expect_answer r2
    done
    perf_end
    # A flush fails what is about to use the entry, in the client's own kernel.
    perf_at_most unreachable 3
    perf_at_most failures "$(perf_value unreachable)"
    # The switch answers with the address that clients know.
    expect_address_known "$mac"

    # Nobody needs to forget anything when the owner is back.
    comes_back
    expect_address_known "$mac"
    on_client ip neigh flush dev eth0
    expect_answer r1
}

# Failback loses nothing but the request that is under way.  Requests may wait
# for a busy machine.
comes_back () {
    perf_start -t 500ms
    lab heal r1
    wait_is Service web state ok 15
    wait_for 5 answered_by r1
    perf_end
    perf_lost_at_most 1
    expect_healthy
}
