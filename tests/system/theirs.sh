# shellcheck shell=bash
# An XDP program of somebody else's: xdp-filter's, which lets everything pass
# and counts it, loaded by xdp-loader of Debian's xdp-tools.  libxdp attaches it
# behind its dispatcher; alone, where the kernel does not let one program
# replace a part of another.  Sourced after bpf.sh
# and bpf-restart.sh.

# Where all of libxdp's users here find each other's pins.
export LIBXDP_BPFFS=$DIR/bpf

command -v xdp-loader > /dev/null || skip "xdp-loader was not found"
THEIRS=''
for dir in /usr/lib/bpf "/usr/lib/$(uname -m)-linux-gnu/bpf"; do
    test ! -e "$dir/xdpfilt_alw_all.o" || THEIRS=$dir/xdpfilt_alw_all.o
done
test -n "$THEIRS" || skip "xdp-filter's programs were not found"

# Two of its processes do not get along: its lock ends one of them.
xdp_loader () {
    flock "$(command -v xdp-loader)" nsenter "--net=/run/netns/$NAME-s" -- \
        xdp-loader "$@"
}

# theirs_load PORT [native|skb]
theirs_load () {
    xdp_loader load -m "${2:-native}" -p "$DIR/bpf/theirs" "$1" "$THEIRS"
}

# theirs_unload PORT: whatever is there.
theirs_unload () { xdp_loader unload --all "$1"; }

# theirs_leave PORT: one of theirs, and nothing else.
theirs_leave () {
    local id
    id=$(parts "$1" | sed -n 's/^xdpfilt_.* //p' | head -n 1)
    xdp_loader unload --id "$id" "$1"
}

# The parts of the dispatcher at port $1, in order: name and id.
parts () {
    xdp_loader status "$1" | sed -n 's/^ => *[0-9]* *\([^ ]*\) *\([0-9]*\) .*/\1 \2/p'
}

# expect_parts PORT NAME...: these, in order, and no others.
expect_parts () {
    local port=$1 found
    shift
    found=$(parts "$port" | sed 's/ .*//' | tr '\n' ' ')
    test "$found" = "$* " || fail "$port: the dispatcher has: $found"
}

# theirs_drop on|off: UDP to the services.
theirs_drop () {
    local value=00
    test "$1" = off || value=0a         # To that port, by UDP.
    bpftool map update pinned "$DIR/bpf/theirs/filter_ports" \
        key hex 1b 58 00 00 value hex $value 00 00 00 00 00 00 00
}

# theirs_refused COMMAND...: of these, and what is at the port stays.
theirs_refused () {
    local before
    before=$(xdp_at "$2")
    if "$@"; then fail "it was not refused: $*"; fi
    test "$(xdp_at "$2")" = "$before" || fail "$*: ours was replaced"
}

# The id of the program at port $1 of the switch.
xdp_at () {
    ip -n "$NAME-s" link show "$1" | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'
}

# Is that libxdp's dispatcher?
is_dispatcher () {
    bpftool prog show id "$(xdp_at "$1")" | grep -q ' name xdp_dispatcher '
}

# What is said of port $1 where ours cannot join.
theirs_words () {
    if is_dispatcher "$1"; then
        echo "behind libxdp's dispatcher (id $(xdp_at "$1")), which is not replaced and cannot be joined"
    else
        echo "of somebody else's (id $(xdp_at "$1")), which is not replaced"
    fi
}

# Connections held by hold_start went on.  A veth's driver may drop what it holds
# just when an XDP program comes or goes: that was sent again.
hold_ends_well () {
    kill -INT "$HOLDER"
    wait "$HOLDER" || :
    cat "$DIR/hold.log"
    grep -q ' failures=0 ' "$DIR/hold.log" || fail "connections suffered"
}

# Packets that theirs let pass.
theirs_count () {
    bpftool -j map dump pinned "$DIR/bpf/theirs/xdp_stats_map" | "$PYTHON" -c '
import json, sys
n = 0
for row in json.load(sys.stdin):
    if int(row["key"][0], 16) == 2:             # XDP_PASS
        for cpu in row["values"]:
            n += int.from_bytes((int(b, 16) for b in cpu["value"][:8]), "little")
print(n)'
}
