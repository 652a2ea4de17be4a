#! /bin/bash
# Policy weighted by plain flows: shares, a region's death and return, the agent's restart.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- dies
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=flows
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

groups () { on_switch ovs-ofctl -O OpenFlow15 dump-groups br0 | grep group_id= || :; }

# share R1 R2: of 200 requests, one connection each, the regions have about so
# many in a hundred: 22 more or less is six times what chance does.
share () {
    local got n1 n2
    got=$(servers 200)
    echo "shares: $got"
    n1=$(sed -n 's/.*r1=\([0-9]*\).*/\1/p' <<< "$got")
    n2=$(sed -n 's/.*r2=\([0-9]*\).*/\1/p' <<< "$got")
    test $((n1 + n2)) = 200 || fail "some failed: $got"
    for n in $((n1 - 2 * $1)) $((n2 - 2 * $2)); do
        test "$n" -ge -45 && test "$n" -le 45 || fail "not $1 to $2: $got"
    done
}

start_lab
short_holds
expect_healthy
ctl set-service web policy=weighted -- \
    set-backend web/r1 priority=1 weight=30 -- \
    set-backend web/r2 priority=1 weight=30
wait_for 10 eval 'groups | grep -q "selection_method=hash"'
expect_is Service web complaint ''
share 50 50
ctl set-backend web/r2 weight=10
wait_for 10 eval 'test "$(groups | grep -o "bucket_id" | wc -l)" = 40'
share 75 25

# The region that is the VIP's own dies.
lab kill r1 --how silent
wait_is Region r1 state down
wait_for 10 eval 'test "$(servers 20)" = "r2=20 "'
lab heal r1
wait_is Region r1 state up 15
wait_for 15 eval 'test "$(groups | grep -o "bucket_id" | wc -l)" = 40'
share 75 25

# A group outlives the agent, and the next one changes nothing.
before=$(groups)
lab daemon ovs-tprd kill
share 75 25
lab daemon ovs-tprd start
wait_for 10 eval 'appctl tpr/show --json | grep -q "\"name\":\"web\""'
wait_is Region r1 state up
wait_is Region r2 state up
test "$(groups)" = "$before" ||
    fail "the restart has changed the group: $(groups), was $before"

# Who is drained gets nothing; nothing is left of another policy.
ctl drain r2
wait_for 10 eval 'test "$(servers 20)" = "r1=20 "'
ctl undrain r2
ctl set-backend web/r2 priority=2 -- set-service web policy=failover
wait_for 10 eval 'test -z "$(groups)"'
expect_answer r1
finish
