#! /bin/bash
# The laboratory itself: two at once, every way to die, nothing left behind.
#
#   client .10 --- switch .1 --+-- r1 .50        <- dies by all means
#                  no agent    +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"

# A death takes r1's answers, healing brings them back, r2 is not concerned.
dies () {
    lab kill r1 --how "$1"
    wait_for 5 eval '! answered_by r1'
    test "$(carrier)" = "${2:-1}" || fail "$1: the carrier is $(carrier)."
    expect_answer r2 http://172.20.126.60/
    lab heal r1
    wait_for 5 answered_by r1
}

carrier () { on_switch cat /sys/class/net/eth1/carrier; }

start_lab --no-agent
"$LAB" up --name "${NAME}b" --no-agent --regions 1
expect_answer r1
expect_answer r2 'http://[2001:db8:126::60]/'
dies link 0
dies silent
dies server
dies hang
dies http500
lab kill r1 --how flap --times 2 --period 0.05
wait_for 5 answered_by r1
"$LAB" kill r2 --name "${NAME}b" 2> /dev/null && fail "r2 of one region?"
"$LAB" exec --name "${NAME}b" client -- ping -c 1 -W 1 172.20.126.50 > /dev/null ||
    fail "the other lab does not work."

# What a crashed lab leaves is removed, too.
rm -f "$LABS/${NAME}b/settings"
"$LAB" up --name "${NAME}b" --no-agent 2> /dev/null &&
    fail "a second lab of the same name came up."
"$LAB" down --name "${NAME}b"
find /run/netns -name "tpr-${NAME}b-*" | grep . && fail "namespaces are left."
finish
