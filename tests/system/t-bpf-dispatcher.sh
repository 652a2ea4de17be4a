#! /bin/bash
# BPF: programs that libxdp's dispatcher has stay, and tc does it where it may.
#
#   c --- [ bridge ] --- b1, b2       pc has xdp-loader's
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"
. "$(dirname "$0")/theirs.sh"

# is_beside: ours is at tc, theirs counts, and it is theirs.  Packets come
# meanwhile.
is_beside () {
    local id before
    id=$(xdp_at pc)
    before=$(theirs_count)
    ports kernel
    expect_mode tc pc -- "$(theirs_words pc)"
    expect_mode xdp pb1 pb2
    "$@"
    test "$(theirs_count)" -ge $((before + 32)) || fail "theirs counts no more"
    test "$(xdp_at pc)" = "$id" || fail "theirs was replaced"
}

hosts c b1 b2
bridge
servers b1 b2
theirs_load pc
if is_dispatcher pc; then
    echo "behind a dispatcher"
else
    test -z "${TPR_DISPATCHER-}" || fail "there is no dispatcher"
    echo "alone: this kernel has no dispatcher"
fi

# It was there first.
probe_start
ports af-packet
expect_mode none pc -- "$(theirs_words pc)"
ports kernel
services b1 b2
is_beside check_taken b1
hold_start
if is_dispatcher pc; then
    # One more comes behind another dispatcher.
    id=$(xdp_at pc)
    theirs_load pc
    test "$(xdp_at pc)" != "$id" || fail "libxdp replaces its dispatcher no more"
    is_beside hold_goes_on 2
fi

# It goes, and ours takes its place, which it does not get back: not natively,
# not otherwise.
theirs_unload pc
hold_goes_on 2
ports kernel
expect_mode xdp pc pb1 pb2
hold_goes_on 2
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
is_beside hold_goes_on 2
theirs_unload pc
hold_goes_on 2
ports kernel
expect_mode tc pc -- 'unfinished checksums'
hold_goes_on 2
hold_ends_well
check_taken b1
probe_end detach
check_clean
