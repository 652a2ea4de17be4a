#! /bin/bash
# ovsdb-server is killed and started: no request fails, a death meanwhile is seen.
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

perf_start -t 500ms
lab daemon ovsdb-server kill
perf_end 1
perf_at_most failures 0

# The last configuration stays in force: deaths are seen, clients carry on.
perf_start
lab kill r1 --how silent
wait_for 5 answered_by r2
perf_end
perf_t_un_at_most $((DETECTION_MS + 10))

perf_start -t 500ms
lab daemon ovsdb-server start
wait_is Region r1 state down 15
wait_is Service web state backup
perf_end 1
perf_at_most failures 0
history | grep -qE 'TPR-101 .*r1' || fail "no TPR-101 in: $(history)"

comes_back
finish
