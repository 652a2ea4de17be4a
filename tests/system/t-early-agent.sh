#! /bin/bash
# The agent started long before ovsdb-server connects as soon as that is there.
#
#   client .10 --- switch .1      --+-- r1 .50 = VIP
#                  ^ovsdb-server    +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# Whoever lost the database says so.
EXPECTED_LOGS+=('(ovsdb_idl|jsonrpc|reconnect|stream).*(connection|db\.sock)')

start_lab
short_holds
expect_healthy
agent_log=$LABS/$NAME/log/ovs-tprd.log

lab daemon ovs-tprd kill
lab daemon ovsdb-server kill
lines=$(wc -l < "$agent_log")
lab daemon ovs-tprd start
# It waits between its attempts, as long as it ever does.
since_start () { tail -n "+$((lines + 1))" "$agent_log"; }
wait_for 30 eval 'since_start | grep -q "db.sock: continuing to reconnect in the background"'
begin=$(date +%s%N)
lab daemon ovsdb-server start
wait_for 5 eval 'since_start | grep -q "db.sock: connected"'
took=$((($(date +%s%N) - begin) / 1000000))
echo "connected after $took ms, the start of ovsdb-server included"
test "$took" -lt $((1500 + SLACK_MS)) || fail "it took $took ms."
wait_is Service web state ok 15
finish
