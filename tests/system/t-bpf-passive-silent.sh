#! /bin/bash
# Passive detection: a server falls silent while its region's beats go on.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- drops what is for its server
#                              +-- r2 .60
#
# Runs beside others.

export TPR_DATAPATH=bpf
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"
. "$(dirname "$0")/passive.sh"

command -v nft > /dev/null || skip "nft was not found"
start_lab
short_holds
slow_checks 100ms
expect_healthy

# 100 ms until a SYN is suspicious, 25 ms until somebody looks, and twice the
# 100 ms that a check has for its connection: one alone may just be lost.
perf_start
silence_server
expect_server_down
perf_end
perf_t_un_at_most 340
expect_is Region r1 state up
history | grep -qE 'TPR-203 backend web/r1 .*SYNs? without an answer in 100\.0 ms' ||
    fail "no TPR-203 in: $(history)"
history | grep -qE 'TPR-201 .*no answer in 100 ms, after clients met the same' ||
    fail "no TPR-201 in: $(history)"

perf_start -t 500ms
heal_server
wait_is Service web state ok 15
wait_for 5 answered_by r1
perf_end
perf_lost_at_most 1
finish
