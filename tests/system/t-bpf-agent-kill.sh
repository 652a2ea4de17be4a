#! /bin/bash
# With BPF programs: they go on without the agent and without the switch.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('(rconn|vconn|stream|ofp|datapath|check|neigh|hb|agent).*')

taken () { is Service web provider bpf && appctl tpr/show > /dev/null; }

start_lab
short_holds
expect_healthy
know_neighbours

# Connections that stay open see nothing of a restart.
"$LAB" exec --name "$NAME" client -- tpr-perf --json --keepalive -t 500ms \
    -i 5ms -d 120s "$(url)" > "$PERF" &
# shellcheck disable=SC2034  # Read by lib.sh.
PERF_PID=$!
wait_for 5 perf_runs
before=$(bpf_counter total_connections)
for _ in 1 2; do
    lab daemon ovs-tprd kill
    has_program eth1 || fail "the program ended with the agent."
    expect_answer r1
    lab daemon ovs-tprd start
    wait_for 20 taken
done
perf_end 1
perf_at_most failures 0
test "$(bpf_counter total_connections)" -le $((before + 4)) ||
    fail "from $before to $(bpf_counter total_connections) connections."

# Without a switch, too.
lab daemon ovs-tprd kill
lab daemon ovs-vswitchd kill
expect_answer r1
rm -f "$LABS/$NAME/run/br0.mgmt"
lab daemon ovs-vswitchd start
lab daemon ovs-tprd start
wait_for 20 taken
expect_answer r1
wait_is Service web state ok 15

# What they may no longer take when the agent comes back, they do not.
lab daemon ovs-tprd kill
ctl --no-wait bypass on
has_program eth1 || fail "the program ended with the agent."
lab daemon ovs-tprd start
for port in eth0 eth1 eth2; do wait_for 20 has_none $port; done
expect_answer r1
lab daemon ovs-tprd kill
ctl --no-wait bypass off
lab daemon ovs-tprd start
wait_for 20 taken
lab daemon ovs-tprd kill
on_switch ovs-vsctl --timeout=10 -- --id=@m create mirror name=m0 \
    select-all=true -- set bridge br0 mirrors=@m
lab daemon ovs-tprd start
for port in eth0 eth1 eth2; do wait_for 20 has_none $port; done
expect_answer r1
on_switch ovs-vsctl --timeout=10 clear bridge br0 mirrors
wait_for 20 taken

# All of it leaves if asked to.
appctl exit --cleanup
for port in eth0 eth1 eth2; do
    has_none $port || fail "a program stayed on $port."
done
left=$(find "$LABS/$NAME/run/bpf" -name "bridge-*")
test -z "$left" || fail "pins stayed: $left"
expect_answer r1
finish
