#! /bin/bash
# The heartbeat thread against FRR's bfdd: negotiation, deaths both ways.

. "$(dirname "$0")/bfd.sh"
. "$(dirname "$0")/frr.sh"
need bfdd zebra vtysh
frr_prepare

for family in 4 6; do
    peer=10.99.0.1
    test $family = 4 || peer=fd99::1

    # Negotiated, each direction by itself.
    frr_start 50 20
    probe "slow-$family" $family --interval-us 10000
    wait_says "slow-$family" 'session state=up remote=up .* tx_us=20000 detect_us=150000$' 20
    wait_for 5 frr_sees $peer up

    # Our death is noticed by bfdd, its orderly end by us.
    kill -9 "$PROBE"
    wait_for 5 frr_sees $peer down
    probe "exit-$family" $family --interval-us 10000
    wait_says "exit-$family" 'session state=up remote=up' 20
    frr_end TERM
    wait_says "exit-$family" 'down cause='
    probe_end

    # Its death.
    frr_start 10 10
    probe "dies-$family" $family --interval-us 10000 --until down
    wait_says "dies-$family" 'session state=up remote=up .* tx_us=10000 detect_us=30000$' 20
    frr_end KILL
    wait_says "dies-$family" '^stats'
    died_within "dies-$family" 30000 10000
done
exit 0
