#! /bin/bash
# BPF: somebody else's XDP program stays; tc does it where it may.
#
#   c --- [ bridge ] --- b1, b2       pc has a foreign program
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

foreign () {
    ip -n "$NAME-s" link show pc | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'
}

foreign_is_gone () { test -z "$(foreign)"; }

# One that passes everything: the kernel's assembler is the probe itself, with
# pins of its own and no objects.
foreign_start () {
    on_switch "$TPR_BUILDDIR/tests/bpf-probe" --pins "$DIR/bpf/foreign" <<'END'
ports pc:kernel
quit
END
}

hosts c b1 b2
bridge
servers b1 b2
foreign_start
id=$(foreign)
test -n "$id" || fail "there is no foreign program"
probe_start
ports kernel
expect_mode tc pc -- "(id $id), which is not replaced"
expect_mode xdp pb1 pb2
services b1 b2
check_taken b1
test "$(foreign)" = "$id" || fail "the foreign program was replaced"

# Beside packet sockets, there is nothing.
ports af-packet
expect_mode none pc -- "(id $id), which is not replaced"

# It goes, and comes back while ours is there: that is refused.
rm "$DIR/bpf/foreign/xdp-$(ifindex pc)"
wait_for 10 foreign_is_gone     # The kernel ends a link a moment later.
ports kernel
expect_mode xdp pc pb1 pb2
check_taken b1
mine=$(foreign)
foreign_start
test "$(foreign)" = "$mine" || fail "ours was replaced"
# What the other attached instead is its own affair.
ports kernel
expect_mode xdp pc pb1 pb2
probe_end detach
