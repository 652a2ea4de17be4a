# shellcheck shell=bash
# FRR's bfdd as the peer; after bfd.sh.

PATH=$PATH:/usr/lib/frr

# FRR's daemons give up root for the user frr.
frr_prepare () {
    chown frr "$DIR" 2> /dev/null || skip "there is no user frr"
    chmod 755 "$DIR"
}

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
