#! /bin/bash
# Passive detection: clients that give up say nothing of a server, and hide nothing.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- later: silent
#   thousands of SYNs          +-- r2 .60

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"
. "$(dirname "$0")/passive.sh"

command -v nft > /dev/null || skip "nft was not found"

# give_up COUNT [reset]: SYNs that the client resets at once, or never answers about.
give_up () {
    on_client "${TPR_PYTHON3:-python3}" "$SYSTEM/syns.py" \
        "$(on_client ip -4 -o addr show dev eth0 | sed 's,.*inet \([0-9.]*\)/.*,\1,')" \
        "$VIP" 80 "$@"
}

start_lab
short_holds
slow_checks 1s
expect_healthy

# SYN-ACKs come: nobody is suspect.
total=$(bpf_counter total_connections)
give_up 2000
test "$(bpf_counter total_connections)" -ge $((total + 1900)) ||
    fail "the programs saw $(($(bpf_counter total_connections) - total)) connections."
sleep 1.5
expect_healthy
! appctl tpr/show | grep -qi suspect || fail "$(appctl tpr/show)"
! history | grep -q TPR-203 || fail "$(history)"

# The server is silent, and clients give up before anybody may say so: still
# nobody is suspect.
silence_server
give_up 500 reset
sleep 1.5
! history | grep -q TPR-203 || fail "$(history)"

# Among them, one that waits.
ctl set-service web passive_detection=100ms
while :; do give_up 200 reset; done &
NOISE=$!
expect_answer_within () { test "$(answer_of '' 3s)" = "$1"; }
wait_for 5 expect_answer_within r2
kill "$NOISE"
wait "$NOISE" 2> /dev/null || :
expect_server_down
history | grep -qE 'TPR-203 backend web/r1 .*without an answer' ||
    fail "no TPR-203 in: $(history)"
heal_server
wait_is Service web state ok 15
finish
