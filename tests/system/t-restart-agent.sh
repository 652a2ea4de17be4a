#! /bin/bash
# ovs-tprd is killed and started: no request fails, nothing moves, intents stay.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                  ^ovs-tprd   +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# restart REGION: kill -9 and start under requests, which REGION answers.
restart () {
    local before ages
    ages=$(since)
    before=$(history | grep -cE 'TPR-(10[12]|20|30)' || :)
    perf_start -t 500ms
    lab daemon ovs-tprd kill
    # The flows work on without the agent.
    expect_answer "$1"
    lab daemon ovs-tprd start
    wait_for 10 agent_knows
    perf_end 3
    perf_at_most failures 0
    expect_answer "$1"
    test "$(history | grep -cE 'TPR-(10[12]|20|30)' || :)" = "$before" ||
        fail "the restart caused transitions: $(history)"
    # Status columns are written again at the latest after 5 s.
    wait_for 10 refreshed_since "$(refreshed)"
    test "$(since)" = "$ages" ||
        fail "the restart made states younger: $ages, then $(since)"
}

# Since when everything is what it is, and why.
since () {
    ctl --columns=name,state,since,reason list Region
    ctl --columns=active,since,reason list Service
    ctl --columns=address,state,since,reason list Backend
}
refreshed () { column TPR . status:refreshed_ms; }
refreshed_since () { test "$(refreshed)" -gt "$1"; }

# All regions' states are confirmed after the restart.
agent_knows () {
    appctl tpr/show --json | grep -q '"name":"web"' &&
        is Region r2 state up
}

start_lab
short_holds
expect_healthy
restart r1

lab kill r1 --how silent
expect_region_down
wait_for 5 eval 'history | grep -q TPR-201'
restart r2
expect_region_down

# What an operator ordered survives, too.
comes_back
ctl failover web r2
wait_is Service web state backup
restart r2
expect_is Service web active web/r2
expect_is Service web mode manual
ctl failback web
wait_is Service web state ok
expect_answer r1
finish
