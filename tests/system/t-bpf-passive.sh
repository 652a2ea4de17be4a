#! /bin/bash
# Passive detection: clients are refused by a dead server, long before its health check is due.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- kill -9 of its server
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"
. "$(dirname "$0")/passive.sh"

start_lab
short_holds
slow_checks 200ms
expect_healthy

# The programs are looked at every 50 ms, the check is refused at once.
perf_start
lab kill r1 --how server
expect_server_down
perf_end
perf_t_un_at_most 80
history | grep -qE 'TPR-203 backend web/r1 .*suspect: .* refused.*; checked at once' ||
    fail "no TPR-203 in: $(history)"
history | grep -qE 'TPR-201 .*web/r1 .*connection refused, after clients met the same' ||
    fail "no TPR-201 in: $(history)"
appctl tpr/show | grep -qE 'web/r1.*check down.*; last suspect .* ago \(clients were refused [1-9]' ||
    fail "tpr/show: $(appctl tpr/show)"
test "$(statistic refused)" -ge 1 || fail "no refusals are counted."
comes_back

# Only programs see it: somebody else's provider says so.
ctl set-option datapath=flows
wait_is Service web provider flows
EXPECTED_LOGS+=('passive_detection: only BPF programs see how connections begin')
wait_for 5 eval 'column Service web complaint | grep -q "only BPF programs see"'
ctl set-service web passive_detection=
wait_is Service web complaint ''
finish
