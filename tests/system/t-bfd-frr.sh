#! /bin/bash
# The heartbeat thread against FRR's bfdd: negotiation, deaths both ways.

. "$(dirname "$0")/bfd.sh"
PATH=$PATH:/usr/lib/frr
need bfdd zebra vtysh

# FRR's daemons give up root for the user frr.
chown frr "$DIR" 2> /dev/null || skip "there is no user frr"
chmod 755 "$DIR"

frr_daemon () {
    local name=$1
    shift
    in_b "$name" -d -z "$DIR/zserv.sock" -i "$DIR/$name.pid" \
        --vty_socket "$DIR" -f "$DIR/$name.conf" \
        --log "file:$DIR/$name.log" "$@" > "$DIR/$name.out" 2>&1 ||
        fail "$name does not start: $(cat "$DIR/$name.out")"
}
# frr_start TRANSMIT RECEIVE: milliseconds.
frr_start () {
    local peer
    : > "$DIR/zebra.conf"
    {
        echo bfd
        for peer in 10.99.0.1 fd99::1; do
            echo " peer $peer local-address ${peer%1}2 interface b0"
            echo "  transmit-interval $1"
            echo "  receive-interval $2"
            echo "  detect-multiplier 3"
            echo "  no shutdown"
        done
    } > "$DIR/bfdd.conf"
    chown frr "$DIR"/*.conf
    frr_daemon zebra
    frr_daemon bfdd --bfdctl "$DIR/bfdd.sock"
}
frr_sees () {
    vtysh --vty_socket "$DIR" -d bfdd -c "show bfd peers brief" |
        grep -qE " $1 +$2"
}
# frr_end SIGNAL
frr_end () {
    local pid name
    for name in bfdd zebra; do
        pid=$(cat "$DIR/$name.pid")
        kill "-$1" "$pid"
        wait_for 5 test ! -e "/proc/$pid"
        rm -f "$DIR/$name.pid"
    done
    rm -f "$DIR"/*.vty "$DIR"/*.sock
}

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
