#! /bin/bash
# BPF, AF_XDP ports: behind libxdp's dispatcher the switch serves, else ours comes first.
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
    start "$1" nsenter "--net=/run/netns/$NAME-s" -- env "LIBXDP_BPFFS=$DIR/bpf" \
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

switch_start vswitchd
probe_start
if is_dispatcher pc; then
    echo "behind a dispatcher"
    ports af-xdp
    for port in pc pb1 pb2; do
        expect_mode none $port -- "behind libxdp's dispatcher (id $(xdp_at $port))"
    done
    check_direct b1
else
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
