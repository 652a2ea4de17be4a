#! /bin/bash
# BPF: programs that libxdp's dispatcher has stay, and ours is one of them.
#
#   c --- [ bridge ] --- b1, b2       pc has xdp-loader's
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"
. "$(dirname "$0")/theirs.sh"

# is_beside MODE COMMAND...: ours is at pc in that way, and theirs is there, too,
# and counts.  Packets come meanwhile.
is_beside () {
    local before mode=$1
    shift
    before=$(theirs_count)
    ports kernel
    case $mode in
        xdp-dispatcher)
            expect_mode $mode pc -- "in libxdp's dispatcher (id $(xdp_at pc))" ;;
        *) expect_mode "$mode" pc ;;
    esac
    expect_mode xdp pb1 pb2
    "$@"
    test "$(theirs_count)" -ge $((before + 32)) || fail "theirs counts no more"
}

hosts c b1 b2
bridge
servers b1 b2
theirs_load pc
if is_dispatcher pc; then
    echo "behind a dispatcher"
    mode=xdp-dispatcher
else
    test -z "${TPR_DISPATCHER-}" || fail "there is no dispatcher"
    echo "alone: this kernel has no dispatcher"
    mode=tc
fi

if is_dispatcher pc; then
    # Where ours cannot join: the kernel refuses it, or nobody knows what is in
    # there.
    probe_start --refuse-part
    ports af-packet
    expect_mode none pc -- "$(theirs_words pc) (this kernel refuses"
    ports kernel
    expect_mode tc pc -- "$(theirs_words pc) (this kernel refuses"
    services b1 b2
    expect_parts pc xdpfilt_alw_all
    is_beside tc check_taken b1
    probe_end detach
    LIBXDP_BPFFS=$DIR probe_start
    ports kernel
    expect_mode tc pc -- "$(theirs_words pc) (its programs are not found in $DIR/xdp"
    probe_end detach
    is_bare_tc () { ! on s tc filter show dev pc ingress | grep -q tpr_tc; }
    is_bare_tc || fail "a filter is left"
fi

# It was there first.
probe_start
if is_dispatcher pc; then
    ports af-packet
    expect_mode xdp-dispatcher pc -- "in libxdp's dispatcher"
    expect_parts pc xdpfilt_alw_all tpr_xdp
else
    ports af-packet
    expect_mode none pc -- "$(theirs_words pc)"
fi
ports kernel
services b1 b2
is_beside $mode check_taken b1
hold_start
if is_dispatcher pc; then
    ours=$(parts pc | sed -n 's/^tpr_xdp //p')

    # What theirs drops, ours does not get.
    theirs_drop on
    no_traffic c udp $VIP4 10
    test -z "$(frames b1)$(frames b2)" || fail "the filter was passed by"
    theirs_drop off
    is_beside $mode hold_goes_on 2
    check_taken b1

    # One more comes, and goes.
    theirs_load pc
    is_beside $mode hold_goes_on 2
    expect_parts pc xdpfilt_alw_all xdpfilt_alw_all tpr_xdp
    theirs_leave pc
    is_beside $mode hold_goes_on 2
    expect_parts pc xdpfilt_alw_all tpr_xdp

    # Nobody is there, but for the programs, and others come and go.
    probe_kill
    hold_goes_on 2
    theirs_load pc
    hold_goes_on 2
    check_new_connections
    theirs_leave pc
    hold_goes_on 2

    # The next one goes on with what is there.
    probe_start
    ports kernel
    expect_mode xdp-dispatcher pc
    grep -q '^pc .* taken_over=yes ' "$DIR/said" || fail "it was not taken over"
    is_beside $mode hold_goes_on 2
    test "$(parts pc)" = "$(parts pc | grep -v tpr_xdp; echo "tpr_xdp $ours")" ||
        fail "ours was exchanged"

    # Another version is exchanged for it, with no loss.
    probe_kill
    probe_start --renew-part
    is_beside $mode hold_goes_on 2
    expect_parts pc xdpfilt_alw_all tpr_xdp
    test "$(parts pc | sed -n 's/^tpr_xdp //p')" != "$ours" ||
        fail "ours was not exchanged"
    check_taken b1

    # Theirs goes, ours stays, and theirs comes again.
    theirs_leave pc
    ports kernel
    expect_mode xdp-dispatcher pc
    expect_parts pc tpr_xdp
    check_taken b1
    hold_goes_on 2
    theirs_load pc
    is_beside $mode hold_goes_on 2
    expect_parts pc xdpfilt_alw_all tpr_xdp

    # Ours goes, theirs stays.
    offloads c tx on
    is_beside tc hold_goes_on 2
    expect_mode tc pc -- 'unfinished checksums'
    expect_parts pc xdpfilt_alw_all
    offloads c tx off
    is_beside $mode hold_goes_on 2
    expect_parts pc xdpfilt_alw_all tpr_xdp

    # Of all those dispatchers, none is kept.
    for id in $(sed -n 's/^prog_id:[[:space:]]*//p' "/proc/$PROBE/fdinfo/"*); do
        ! bpftool prog show id "$id" | grep ' name xdp_dispatcher ' ||
            fail "the probe has a dispatcher open"
    done
fi

# Theirs goes, or somebody takes all of it away, ours included: it comes again.
theirs_unload pc
ports kernel
expect_mode xdp pc pb1 pb2
hold_goes_on 2

# Ours is alone now, and theirs does not get in, natively or not.
theirs_refused theirs_load pc
theirs_refused theirs_load pc skb
theirs_refused theirs_unload pc
ports kernel
expect_mode xdp pc pb1 pb2
hold_goes_on 2

# It comes where ours is at tc, and goes.
offloads c tx on
ports kernel
expect_mode tc pc -- 'unfinished checksums'
hold_goes_on 2
theirs_load pc
is_beside tc hold_goes_on 2
theirs_unload pc
hold_goes_on 2
ports kernel
expect_mode tc pc -- 'unfinished checksums'
hold_goes_on 2
hold_ends_well
check_taken b1
probe_end detach
check_clean
test -z "$(find "$DIR/bpf/xdp" -name 'dispatch-*' 2> /dev/null)" ||
    fail "pins of a dispatcher are left"
