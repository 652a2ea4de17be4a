#! /bin/bash
# Somebody takes the heartbeats' filter off a port: no region dies of it.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# The agent says what it found, and complains while it cannot mend it.
EXPECTED_LOGS+=('hb_thread\|WARN\|(somebody had removed the filter|Dropped)')
EXPECTED_LOGS+=('agent\|WARN\|Region r1: heartbeats are not, or not entirely')

kernel_says () {
    test "$(appctl tpr/show --json | python3 -c '
import json, sys
for region in json.load(sys.stdin)["regions"]:
    if region["name"] == "r1":
        print(json.dumps(region.get("kernel", {}).get(sys.argv[1])))' "$1")" = "$2"
}
has_filter () { on_switch tc filter show dev eth1 ingress | grep -q tpr_beat_tc; }
downs () { history | grep -c 'TPR-101' || :; }
take_away () { on_switch tc qdisc del dev eth1 ingress 2> /dev/null || :; }

start_lab
short_holds
ctl set Heartbeat r1 offload=on -- set Heartbeat r2 offload=on
wait_for 15 kernel_says detection true
expect_healthy
before=$(downs)
# When a qdisc is made or removed, the kernel itself drops what is just being
# sent by that port: a request may wait for TCP's retransmission, and succeed.
perf_start -t 3s

# It is put back at once.
for _ in 1 2 3; do
    take_away
    wait_for 5 has_filter
    wait_for 5 kernel_says detection true
done

# Again and again, for longer than a detection time.
for _ in $(seq 100); do
    take_away
    sleep 0.005
done
wait_for 5 has_filter
wait_for 5 kernel_says detection true

# The switch polices the port, by a qdisc of its own in the place of ours.
on_switch ovs-vsctl set Interface eth1 ingress_policing_rate=1000000 \
    ingress_policing_burst=100000
wait_for 5 has_filter
wait_for 5 kernel_says detection true
on_switch ovs-vsctl set Interface eth1 ingress_policing_rate=0 \
    ingress_policing_burst=0
wait_for 5 has_filter
wait_for 5 kernel_says detection true

perf_end
perf_at_most failures 0
test "$(downs)" = "$before" || fail "a region went down: $(history)"
expect_healthy

# Its death is found as ever.
region_dies silent
wait_for 10 kernel_says detection true
appctl exit
no_qdisc () { ! on_switch tc qdisc show dev eth1 | grep -q ingress; }
wait_for 5 no_qdisc
finish
