#! /bin/bash
# The agent's heartbeats in the kernel: who does it, a death, the agent's end.
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# kernel_says KEY VALUE: what tpr/show says of the kernel's part for r1.
kernel_says () {
    test "$(appctl tpr/show --json | python3 -c '
import json, sys
for region in json.load(sys.stdin)["regions"]:
    if region["name"] == "r1":
        print(json.dumps(region.get("kernel", {}).get(sys.argv[1])))' "$1")" = "$2"
}

start_lab
short_holds

# The kernel is asked for; by "auto", it leaves slow sessions alone.
kernel_says why '"offload is off"' || fail "the kernel was not asked for"
ctl set Heartbeat r1 offload=auto
kernel_says detection false || fail "auto took an interval of $INTERVAL"
kernel_says why '"offload is auto and the interval not below 10 ms"' ||
    fail "the agent does not say why"
ctl set Heartbeat r1 offload=on -- set Heartbeat r2 offload=on
wait_for 10 kernel_says detection true
wait_for 10 kernel_says transmission true
expect_is Region r1 state up
appctl tpr/show | grep -q 'detection by the kernel, transmission by the kernel' ||
    fail "tpr/show does not say that the kernel does it"

# A region dies as ever.
region_dies silent
wait_for 10 kernel_says detection true

# The operator takes it back, and the session stays up.
downs () { history | grep -c 'TPR-101' || :; }
before=$(downs)
for _ in 1 2 3 4 5; do
    ctl set Heartbeat r1 offload=off
    wait_for 10 kernel_says detection false
    kernel_says why '"offload is off"' || fail "the agent does not say why"
    ctl set Heartbeat r1 offload=on
    wait_for 10 kernel_says detection true
done
expect_is Region r1 state up
test "$(downs)" = "$before" || fail "a region went down meanwhile: $(history)"

# The agent dies; the region does not notice, as the kernel goes on.
lab daemon ovs-tprd kill
expect_answer r1
lab daemon ovs-tprd start
wait_is Region r1 state up 15
wait_for 15 kernel_says detection true

# Nothing of it is left when the agent ends.
has_token () { on_switch ip -br link | grep -q '^beat0-'; }
has_token || fail "there is no pair of devices for the token"
appctl exit
no_token () { ! has_token; }
wait_for 5 no_token
no_qdisc () { ! on_switch tc qdisc show dev eth1 | grep -q ingress; }
wait_for 5 no_qdisc
finish
