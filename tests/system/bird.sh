# shellcheck shell=bash
# BIRD as the peer; after bfd.sh.

# bird_config MILLISECONDS [OPTIONS]
bird_config () {
    cat > "$DIR/bird.conf" <<END
router id 10.99.0.2;
log "$DIR/bird.log" all;
protocol device { }
protocol bfd {
    accept direct;
    interface "b0" {
        min rx interval $1 ms;
        min tx interval $1 ms;
        multiplier 3;
        ${2-}
    };
    neighbor 10.99.0.1 dev "b0" local 10.99.0.2;
    neighbor fd99::1 dev "b0" local fd99::2;
}
END
}
bird_start () {
    bird_config "$@"
    in_b bird -c "$DIR/bird.conf" -s "$DIR/bird.ctl" -P "$DIR/bird.pid"
}
# BIRD sees the session with an address in a state.
bird_sees () { birdc -s "$DIR/bird.ctl" show bfd sessions | grep -qE "^$1 .* $2 "; }
# bird_end SIGNAL
bird_end () {
    local pid
    pid=$(cat "$DIR/bird.pid")
    kill "-$1" "$pid"
    wait_for 5 test ! -e "/proc/$pid"
    rm -f "$DIR/bird.pid" "$DIR/bird.ctl"
}
