#! /bin/bash
# The published Table I in quick form, and deaths one after another.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- silence
#                              +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# row INTERVAL FALL MS DURATION: T_un is at most MS.
row () {
    # shellcheck disable=SC2034
    INTERVAL=$1
    start_lab --fall "$2"
    lab run --duration "$4" --at 1s --json > "$LABS/$NAME/out"
    cat "$LABS/$NAME/out"
    test "$(perf_value t_un_failures)" -gt 0 || fail "nothing failed?"
    perf_t_un_at_most "$3"
    grep -q '"recovered": true' "$LABS/$NAME/out" || fail "no success at the end."
    check_logs
    "$LAB" down --name "$NAME"
}

row 500ms 5 2510 6s
row 50ms 3 160 3s

# One death after another.
start_lab
lab deaths --count 3 --json > "$LABS/$NAME/out"
cat "$LABS/$NAME/out"
grep -q '^all deaths.* median [0-9.]* ms' "$LABS/$NAME/out" || fail "there is no median"
finish
