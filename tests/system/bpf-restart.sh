# shellcheck shell=bash
# Takes over what an earlier process pinned; used by t-bpf-restart*.sh.

restart_test () {
    local mode=$1
    servers b1 b2
    probe_start
    grep -qx new "$DIR/said" || fail "something was there before"
    ports kernel
    expect_mode "$mode" pc pb1 pb2
    services b1 b2
    hold_start

    # Killed: the programs go on; started again: they are replaced.
    for _ in 1 2; do
        probe_kill
        hold_goes_on 3
        check_new_connections
        probe_start
        grep -qx 'taken over' "$DIR/said" || fail "it was not taken over"
        probe ids
        grep -qx '1 2 3 4 ' "$DIR/said" || fail "objects are missing"
        ports kernel
        expect_mode "$mode" pc pb1 pb2
        test "$(grep -c ' taken_over=yes ' "$DIR/said")" = 3 ||
            fail "attachments were not taken over"
        test "$(probe connections)" -ge 8 || fail "connections are missing"
        services b1 b2
        hold_goes_on 3
        check_new_connections
    done

    # While it is away, a port goes.
    probe_kill
    probe_start
    ports kernel c b1
    is_bare pb2 || fail "pb2 has a program or filter"
    bpftool map dump pinned "$PINS/tpr_ports" > "$DIR/said"
    test "$(grep -c '^key' "$DIR/said")" = 2 || fail "pb2 is a target"
    ports kernel

    # An object that the next process does not have any more is deleted.
    probe 'del 3'
    probe_kill
    probe_start
    probe ids
    grep -qx '1 2 4 ' "$DIR/said" || fail "objects came back"
    services b1 b2
    ports kernel
    hold_end
    check_taken b1

    # Other sizes: what is there is left, with a sentence; the programs are
    # replaced in their places all the same.
    probe_kill
    probe_start --connections 1000
    grep -q 'all connections are lost: .* other sizes' "$DIR/said" ||
        fail "nothing was said about sizes"
    services b1 b2
    ports kernel
    expect_mode "$mode" pc pb1 pb2
    test "$(grep -c ' taken_over=yes ' "$DIR/said")" = 3 ||
        fail "attachments were not taken over"
    check_taken b1
    probe_end detach
    check_clean
}

hold_start () {
    start hold ip netns exec "$NAME-c" "$PYTHON" "$SYSTEM/traffic.py" \
        hold $VIP4 8 "$DIR/rounds"
    HOLDER=$STARTED
    wait_for 20 test -e "$DIR/rounds"
}

# Until the connections had $1 more rounds.
hold_goes_on () {
    local rounds
    rounds=$(cat "$DIR/rounds")
    wait_for 20 eval "test \$(cat '$DIR/rounds') -gt $((rounds + $1))"
}

hold_end () {
    kill -INT "$HOLDER"
    wait "$HOLDER" || fail "connections suffered: $(cat "$DIR/hold.log")"
    cat "$DIR/hold.log"
}

check_new_connections () {
    traffic c tcp $VIP6 100000 || fail "a new connection"
    traffic c udp $VIP4 50 || fail "UDP"
}
