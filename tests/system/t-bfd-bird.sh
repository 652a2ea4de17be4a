#! /bin/bash
# The heartbeat thread against BIRD: negotiation, deaths both ways, SHA1.

. "$(dirname "$0")/bfd.sh"
. "$(dirname "$0")/bird.sh"
need bird birdc

for family in 4 6; do
    peer=10.99.0.1
    test $family = 4 || peer=fd99::1

    # Negotiated: BIRD's 20 ms are slower than our 10 ms.
    bird_start 20
    probe "slow-$family" $family --interval-us 10000
    wait_says "slow-$family" 'session state=up remote=up .* tx_us=20000 detect_us=60000$'
    wait_for 5 bird_sees $peer Up

    # Our death is noticed by BIRD, its end by us: it leaves without a word.
    kill -9 "$PROBE"
    wait_for 5 bird_sees $peer Down
    probe "exit-$family" $family --interval-us 10000
    wait_says "exit-$family" 'session state=up remote=up'
    bird_end TERM
    wait_says "exit-$family" 'down cause="beats missed"'
    probe_end

    # Its death.
    for ms in 10 1; do
        bird_start $ms
        probe "dies-$family-$ms" $family --interval-us ${ms}000 --until down
        wait_says "dies-$family-$ms" "session state=up remote=up .* tx_us=${ms}000 detect_us=$((ms * 3))000\$"
        bird_end KILL
        wait_says "dies-$family-$ms" '^stats'
        died_within "dies-$family-$ms" $((ms * 3000)) ${ms}000
    done
done

# Authentication.
for auth in "simple simple" "sha1 keyed sha1" "meticulous-sha1 meticulous keyed sha1"; do
    name=${auth%% *}
    bird_start 10 "authentication ${auth#* }; password \"secret\" { id 1; };"
    probe "$name" 4 --auth "$name:secret" --interval-us 10000
    wait_says "$name" 'session state=up remote=up .* detect_us=30000$'
    wait_for 5 bird_sees 10.99.0.1 Up
    probe_end
    test "$(value "$name" stats bad)" = 0 || fail "$name: packets were discarded"
    bird_end KILL
done
exit 0
