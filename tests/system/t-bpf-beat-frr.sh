#! /bin/bash
# Heartbeats in the kernel against FRR's bfdd: deaths both ways, the lease.

. "$(dirname "$0")/bfd.sh"
. "$(dirname "$0")/beat.sh"
. "$(dirname "$0")/frr.sh"
need bfdd zebra vtysh
need_kernel_beats
frr_prepare

frr_says () {
    vtysh --vty_socket "$DIR" -d bfdd -c "show bfd peer $1 local-address ${1%1}2 interface b0" |
        grep -q "$2"
}

for family in 4 6; do
    peer=10.99.0.1
    test $family = 4 || peer=fd99::1

    # The region dies.
    frr_start 50 50
    name=dies-$family
    kernel_probe "$name" $family send --interval-us 50000 --until down
    wait_says "$name" 'session state=up remote=up .* tx_us=50000 detect_us=150000$'
    wait_for 5 frr_sees $peer up
    wait_armed "$name" 50000
    frr_end KILL
    wait_says "$name" '^stats'
    died_within "$name" 150000 50000
    wait_for 5 word_is "$name" down

    # The process dies: FRR hears from the kernel, until that says AdminDown.
    frr_start 50 50
    kernel_probe "lease-$family" $family send --interval-us 50000 --lease-ms 1500
    wait_armed "lease-$family" 50000
    wait_for 5 frr_sees $peer up
    kill -9 "$PROBE"
    wait_gone "$PROBE"
    frr_sees $peer up || fail "FRR noticed that the process died"
    wait_for 10 frr_sees $peer down
    wait_for 5 frr_says $peer 'administratively down' ||
        fail "FRR was not told AdminDown"
    word_is "lease-$family" up || fail "our own farewell took the region down"
    frr_end KILL
done
exit 0
