#! /bin/bash
# BPF, AF_XDP ports: in libxdp's dispatcher and without, ours comes before the switch's.
#
#   c --- [ Open vSwitch, AF_XDP ] --- b1, b2
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"
. "$(dirname "$0")/theirs.sh"

all_have_programs () {
    local port
    for port in pc pb1 pb2; do test -n "$(xdp_at $port)" || return 1; done
}
none_has_programs () {
    local port
    for port in pc pb1 pb2; do test -z "$(xdp_at $port)" || return 1; done
}

# switch_start LOG [VARIABLE=VALUE]
switch_start () {
    start "$1" nsenter "--net=/run/netns/$NAME-s" -- env \
        ${2+"$2"} ovs-vswitchd -vsyslog:off --disable-system "unix:$DIR/db.sock"
    VSWITCHD=$STARTED
    wait_for 60 all_have_programs
}

hosts c b1 b2
servers b1 b2
database
add=()
for port in pc pb1 pb2; do
    add+=(-- add-port br0 "$port" -- set interface "$port" type=afxdp
          options:xdp-mode=native)
done
vsctl --no-wait init -- add-br br0 -- set bridge br0 datapath_type=netdev "${add[@]}"

# Ours is a part of all dispatchers, before the switch's own.
in_dispatchers () {
    local port
    ports af-xdp
    for port in pc pb1 pb2; do
        expect_mode xdp-dispatcher $port -- "in libxdp's dispatcher (id $(xdp_at $port))"
        expect_parts $port tpr_xdp xsk_def_prog
    done
    check_taken b1
    check_direct b1
}

# has_switch PORT...: their dispatchers have the switch's own program.
has_switch () {
    local port
    for port; do parts "$port" | grep -q '^xsk_def_prog ' || return 1; done
}
has_no_switch () {
    local port
    for port; do ! parts "$port" | grep -q '^xsk_def_prog ' || return 1; done
}

switch_start vswitchd
if is_dispatcher pc; then
    echo "behind a dispatcher"
    probe_start --refuse-part
    ports af-xdp
    for port in pc pb1 pb2; do
        expect_mode none $port -- "behind libxdp's dispatcher (id $(xdp_at $port)), which is not"
    done
    check_direct b1
    probe_end detach
    probe_start
    services b1 b2
    in_dispatchers

    # The switch opens its ports anew.
    kill "$VSWITCHD"
    wait "$VSWITCHD" || :
    wait_for 60 has_no_switch pc pb1 pb2
    switch_start vswitchd-1
    wait_for 60 has_switch pc pb1 pb2
    in_dispatchers

    # Ours goes, the switch's stays.
    probe_end detach
    for port in pc pb1 pb2; do expect_parts $port xsk_def_prog; done
    check_direct b1
    probe_start
else
    probe_start
    test -z "${TPR_DISPATCHER-}" || fail "there is no dispatcher"
    echo "alone: this kernel has no dispatcher"
fi

# Told so, libxdp does without.
kill "$VSWITCHD"
wait "$VSWITCHD" || :
wait_for 60 none_has_programs
switch_start vswitchd-2 LIBXDP_SKIP_DISPATCHER=1
! is_dispatcher pc || fail "libxdp has its dispatcher all the same"
ports af-xdp
expect_mode af-xdp pc pb1 pb2
services b1 b2
check_taken b1
check_direct b1
probe_end detach
all_have_programs || fail "the switch lost its programs"
check_direct b2
