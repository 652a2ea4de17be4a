#! /bin/bash
# The published Table I in quick form, its two fastest rows, and 1 ms x 3.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- silence
#                              +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# row INTERVAL FALL MS DURATION: T_un is at most MS.
row () {
    start_lab --interval "$1" --fall "$2"
    lab run --duration "$4" --at 1s --json > "$LABS/$NAME/out"
    cat "$LABS/$NAME/out"
    test "$(perf_value t_un_failures)" -gt 0 || fail "nothing failed?"
    perf_t_un_at_most "$3" "${1%ms}"
    grep -q '"recovered": true' "$LABS/$NAME/out" || fail "no success at the end."
    check_logs
    "$LAB" down --name "$NAME"
}

row 500ms 5 2510 6s
row 10ms 3 40 3s

# At 1 ms this machine's own stalls count; the median of deaths does not have
# them.
start_lab --interval 1ms --fall 3
lab deaths --count 7 --json > "$LABS/$NAME/out"
cat "$LABS/$NAME/out"
median=$(sed -n 's/^all deaths.* median \([0-9.]*\) ms.*/\1/p' "$LABS/$NAME/out")
awk -v m="$median" -v slack="${TPR_SLACK:-500}" \
    'BEGIN { exit !(m != "" && m <= 13 + slack) }' ||
    fail "the median of T_un is $median ms, more than 13."
finish
