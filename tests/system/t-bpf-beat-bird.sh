#! /bin/bash
# Heartbeats in the kernel against BIRD: deaths both ways, Poll, the lease.

. "$(dirname "$0")/bfd.sh"
. "$(dirname "$0")/beat.sh"
. "$(dirname "$0")/bird.sh"
need bird birdc
need_kernel_beats

for family in 4 6; do
    peer=10.99.0.1
    test $family = 4 || peer=fd99::1

    for kernel in send receive; do
        # The region dies.  BIRD is late itself sometimes, on a busy machine.
        bird_start 50
        name=dies-$family-$kernel
        kernel_probe "$name" $family $kernel --interval-us 50000 --until down
        wait_says "$name" "session state=up remote=up .* tx_us=50000 detect_us=150000\$"
        wait_for 5 bird_sees $peer Up
        wait_armed "$name"
        bird_end KILL
        wait_says "$name" '^stats'
        died_within "$name" 150000 50000
        wait_for 5 word_is "$name" down
    done

    # Negotiation while the kernel has it: BIRD polls, both go on.
    bird_start 60
    kernel_probe "poll-$family" $family send --interval-us 10000
    wait_says "poll-$family" 'session state=up remote=up .* tx_us=60000 detect_us=180000$'
    wait_armed "poll-$family"
    bird_config 100
    birdc -s "$DIR/bird.ctl" configure > "$DIR/configure.out"
    wait_says "poll-$family" 'session state=up remote=up .* tx_us=100000 detect_us=300000$'
    wait_armed "poll-$family" 100000
    wait_for 5 bird_sees $peer Up
    test "$(grep -c ' down ' "$DIR/poll-$family.out")" = 0 || fail "the session fell"
    probe_end
    test "$(value "poll-$family" stats rx)" -gt 0 || fail "no beats were counted"
    bird_end KILL

    # The process dies, the kernel goes on: BIRD notices nothing, until the
    # lease is over.
    bird_start 50
    kernel_probe "lease-$family" $family send --interval-us 50000 --lease-ms 1500
    wait_armed "lease-$family"
    wait_for 5 bird_sees $peer Up
    kill -9 "$PROBE"
    wait_gone "$PROBE"
    bird_sees $peer Up || fail "BIRD noticed that the process died"
    wait_for 10 bird_sees $peer Down
    word_is "lease-$family" up || fail "our own farewell took the region down"
    bird_end KILL

    # The process is stopped past its lease and goes on: all comes back.
    bird_start 50
    kernel_probe "stopped-$family" $family send --interval-us 50000 --lease-ms 500
    wait_armed "stopped-$family"
    wait_for 5 bird_sees $peer Up
    kill -STOP "$PROBE"
    wait_for 10 bird_sees $peer Down
    word_is "stopped-$family" up || fail "our own farewell took the region down"
    kill -CONT "$PROBE"
    wait_for 10 bird_sees $peer Up
    wait_armed "stopped-$family" 50000
    word_is "stopped-$family" up || fail "it did not come back"
    probe_end
    bird_end KILL

    # The process dies, and then the region.
    bird_start 50
    kernel_probe "orphan-$family" $family send --interval-us 50000 --lease-ms 60000
    wait_armed "orphan-$family"
    wait_for 5 bird_sees $peer Up
    kill -9 "$PROBE"
    wait_gone "$PROBE"
    bird_sees $peer Up || fail "BIRD noticed that the process died"
    word_is "orphan-$family" up || fail "the word was taken down"
    bird_end KILL
    wait_for 5 word_is "orphan-$family" down
    echo "orphan-$family: the kernel took the region down by itself"
done
exit 0
