#! /bin/bash
# What is the agent's and others change: the liveness page's file, an object.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- dies
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=ovs
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

EXPECTED_LOGS+=('somebody has cut the liveness page short'
                'was changed by somebody else')
PAGE=$LABS/$NAME/run/tpr-liveness
PAGE_SIZE=532544

# Process ids of those who map the page.
daemons () { cat "$LABS/$NAME"/run/{ovs-vswitchd,ovs-tprd}.pid; }
is_whole () { test "$(stat -c %s "$PAGE")" = $PAGE_SIZE; }
agent_says () { grep -q "$1" "$LABS/$NAME/log/ovs-tprd.log"; }

start_lab
short_holds
expect_healthy
before=$(daemons)

# Cut short: both go on, and have one page again.
: > "$PAGE"
expect_answer r1
wait_for 10 is_whole
expect_answer r1
lab kill r1 --how silent
expect_region_down
wait_for 10 answered_by r2
lab heal r1
wait_is Service web state ok 15
wait_for 10 answered_by r1
test "$(daemons)" = "$before" || fail "other processes: $(daemons)"

# An object: put back as it was, and said.
objects=$(redirects)
changed=${objects/on_none=*,backend=/backend=}
changed=${changed/policy=failover/policy=maglev}
test "$changed" != "$objects" || fail "objects: $objects"
on_switch ovs-ofctl -O OpenFlow14 mod-redirect br0 "${changed# }"
wait_for 30 agent_says 'redirect object .* of service web was changed by'
wait_for 5 eval 'test "$(redirects)" = "$objects"'
expect_answer r1
finish
