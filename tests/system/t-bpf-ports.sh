#! /bin/bash
# BPF: ports are added, unplugged and removed while connections last.
#
#   c --- [ bridge ] --- b1, b2, then b3
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"

hosts c b1 b2 b3
bridge
servers b1 b2 b3
probe_start
ports kernel c b1
expect_mode xdp pc pb1
test "$(wc -l < "$DIR/said")" = 2 || fail "there are more ports"
services b1
hold_start

# Added: what was attached stays.
ports kernel
expect_mode xdp pc pb1 pb2 pb3
# Removed.
ports kernel c b1 b3
is_bare pb2 || fail "pb2 has a program"
# Unplugged, and plugged in again: nothing changes for the others.
ip -n "$NAME-b3" link set eth0 down
ports kernel c b1 b3
expect_mode xdp pc pb1 pb3
ip -n "$NAME-b3" link set eth0 up
ports kernel c b1 b3
expect_mode xdp pc pb1 pb3
know b3 c
# Its device is deleted.
ip -n "$NAME-s" link del pb3
probe "ports pc:kernel pb1:kernel"
probe list
expect_mode xdp pc pb1
hold_goes_on 3
hold_end

# One that nobody had before, down first: it is proven when it is up.
HOSTS+=(b4)
ip netns add "$NAME-b4"
add_link b4
ip -n "$NAME-b4" link set eth0 down
probe "ports pc:kernel pb1:kernel pb4:kernel"
probe list
expect_mode xdp pc pb1 pb4
grep '^pb4 .* target=no .*is down' "$DIR/said" || fail "pb4 is a target"
ip -n "$NAME-b4" link set eth0 up
probe "ports pc:kernel pb1:kernel pb4:kernel"
probe list
grep '^pb4 .* target=yes ' "$DIR/said" || fail "pb4 is no target"
probe_end detach
check_clean
