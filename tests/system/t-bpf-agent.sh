#! /bin/bash
# With BPF programs: what they take is counted and shown; what stands against it, too.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('the programs take 0 of 1 services' 'agent\|WARN\|Bridge br0: datapath bpf')

why () { column Service web why; }
inner () { if has_redirects; then echo ovs; else echo flows; fi; }
vsctl () { on_switch ovs-vsctl --timeout=10 "$@"; }

# not_taken PATTERN: the service goes to the switch, and it is said why.
not_taken () {
    wait_is Service web provider "$(inner)"
    why | grep -qE "$1" || fail "why: $(why)"
    appctl tpr/show | grep -qE "by $(inner): .*$1" ||
        fail "tpr/show: $(appctl tpr/show)"
    ctl show | grep -qE "datapath: $(inner), .*$1" || fail "show: $(ctl show)"
    wait_for 5 answered_by r1
}

taken () {
    wait_is Service web provider bpf
    expect_answer r1
}


start_lab
short_holds
expect_healthy

# Whoever is asked, the packets are the programs'.
appctl tpr/show
appctl tpr/show | grep -q 'provider bpf (BPF programs take 1 of 1 services' ||
    fail "tpr/show: $(appctl tpr/show)"
for port in eth0 eth1 eth2; do
    appctl tpr/show | grep -qE "port $port: (xdp|generic) " ||
        fail "tpr/show: $(appctl tpr/show)"
    has_program $port || fail "no program on $port."
done
before=$(bpf_counter rev_packets)
for _ in 1 2 3 4 5; do expect_answer r1; done
test "$(bpf_counter rev_packets)" -ge $((before + 15)) ||
    fail "before $before replies, now $(bpf_counter rev_packets)."
test "$(bpf_counter total_connections)" -ge 5 || fail "no connections."

# Somebody wants to see the packets, or to do something with them.
vsctl -- --id=@m create mirror name=m0 select-all=true -- \
    set bridge br0 mirrors=@m
not_taken 'mirror m0 would miss the packets'
for port in eth0 eth1 eth2; do
    wait_for 5 has_none $port
done
vsctl clear bridge br0 mirrors
taken
vsctl set interface eth0 ingress_policing_rate=1000000
not_taken 'port eth0 has ingress policing'
vsctl set interface eth0 ingress_policing_rate=0
taken
vsctl set port eth2 tag=9
not_taken 'the switch keeps VLANs apart'
vsctl clear port eth2 tag
taken
vsctl set port eth1 protected=true
not_taken 'port eth1 is protected'
vsctl set port eth1 protected=false
taken
ctl set-backend web/r2 max_connections=100
not_taken 'a backend has a limit'
ctl set-backend web/r2 max_connections=0
taken
ctl set-option flow_table=3
wait_is Service web provider "$(inner)"
why | grep -q 'flows are in table 3' || fail "why: $(why)"
ctl set-option flow_table=0
taken

# The bridge itself may ask for another provider, and back.
vsctl set bridge br0 other_config:tpr-datapath=flows
wait_is Service web provider flows
expect_answer r1
wait_for 5 has_none eth1
vsctl remove bridge br0 other_config tpr-datapath
wait_for 20 is Service web provider bpf
expect_answer r1

# How much the programs can know, for who needs more or less.
EXPECTED_LOGS+=('other_config:tpr-half-open=many is not a number'
                'all connections are lost: .* other sizes')
capacity () { appctl tpr/show --json | grep -oE '"bpf_connections_max":[0-9]+'; }
test "$(capacity)" = '"bpf_connections_max":65536' || fail "$(capacity)"
vsctl set bridge br0 other_config:tpr-connections=1000 \
    other_config:tpr-half-open=many
lab daemon ovs-tprd kill
lab daemon ovs-tprd start
has_room_for () { test "$(capacity)" = "\"bpf_connections_max\":$1"; }
wait_for 20 has_room_for 1000
taken
finish
