#! /bin/bash
# The loop that paces beats breaks; several processes share a namespace.

. "$(dirname "$0")/bfd.sh"
. "$(dirname "$0")/beat.sh"
need tpr-regiond ovs-appctl
need_kernel_beats

# regiond NAME OPTION...
regiond () {
    local name=$1
    shift
    in_b tpr-regiond --detach --no-chdir --pidfile="$DIR/$name.pid" \
        -vconsole:off -vsyslog:off --log-file="$DIR/$name.log" \
        --unixctl="$DIR/$name.ctl" --interval=50ms --offload=on "$@"
}
regiond_exit () {
    local pid
    pid=$(cat "$DIR/$1.pid")
    ovs-appctl -t "$DIR/$1.ctl" exit
    wait_gone "$pid"
}
shows () { ovs-appctl -t "$DIR/$1.ctl" regiond/show; }
both_in_kernel () { shows "$1" | grep -q 'the kernel detects, the kernel sends$'; }
sends_itself () { shows "$1" | grep -q 'the program sends'; }
# The devices in namespace $1 whose name begins with $2.
devices () { ip -n "$1" -br link | grep -o "^$2-[0-9a-f]*" || :; }
has_devices () { test "$(devices "$1" "$2" | wc -l)" = "$3"; }
downs () { grep -c ' down ' "$DIR/$1.out" || :; }
filters () { in_b tc filter show dev b0 ingress | grep -c tpr_beat_tc || :; }
has_filters () { test "$(filters)" = "$1"; }

# Somebody breaks the loop, at one end and at the other: nobody goes down, and
# there is another one.
regiond one --local=10.99.0.2
kernel_probe loop 4 send --interval-us 50000
wait_armed loop 50000
wait_for 10 both_in_kernel one
for ns in "$A" "$B"; do
    for how in 'link del' 'link set down' 'qdisc del'; do
        device=$(devices "$ns" beat0)
        case $how in
            'link del') ip -n "$ns" link del "$device" ;;
            'link set down') ip -n "$ns" link set "$device" down ;;
            'qdisc del') ip netns exec "$ns" tc qdisc del dev "${device/0/1}" ingress ;;
        esac
        wait_for 5 has_devices "$ns" beat0 1
        wait_armed loop 50000
        wait_for 10 both_in_kernel one
    done
done
test "$(downs loop)" = 0 || fail "the session fell: $(cat "$DIR/loop.out")"
grep -q 'somebody had broken the loop' "$DIR/one.log" || fail "tpr-regiond does not say so"
test "$(shows one | grep -o '[0-9]* flaps')" = '0 flaps' || fail "flaps: $(shows one)"

# It cannot be mended: the program sends, and says why.
ip -n "$B" link set "$(devices "$B" beat0)" name taken
wait_for 5 has_devices "$B" beat0 1
wait_for 10 both_in_kernel one
test "$(downs loop)" = 0 || fail "the session fell: $(cat "$DIR/loop.out")"

# Another process in each namespace, for another pair of addresses: neither
# knows of the other.
ip -n "$B" address add 10.99.0.3/24 dev b0
regiond two --local=10.99.0.3
first=$PROBE
probe two 4 --kernel send --interval-us 50000 --peer 10.99.0.3
wait_says two ' up$'
wait_for 10 both_in_kernel two
wait_for 10 both_in_kernel one
has_devices "$A" beat0 2 || fail "in A: $(ip -n "$A" -br link)"
has_devices "$B" beat0 2 || fail "in B: $(ip -n "$B" -br link)"
has_filters 2 || fail "filters: $(in_b tc filter show dev b0 ingress)"

# One is killed.  Its beats go on, by its lease, until somebody comes after
# it: that one removes what was left, and nothing else.
kill -9 "$(cat "$DIR/two.pid")"
wait_gone "$(cat "$DIR/two.pid")"
old=$(devices "$B" beat0)
has_devices "$B" beat0 2 || fail "the loop did not outlive its process"
rm -f "$DIR/two.pid" "$DIR/two.ctl"
regiond two --local=10.99.0.3
# The peer sees a session that began anew.
wait_for 15 both_in_kernel two
has_devices "$B" beat0 2 || fail "left: $old; now: $(devices "$B" beat0)"
test "$(devices "$B" beat0)" != "$old" || fail "the old loop is still there"
has_filters 2 || fail "filters: $(in_b tc filter show dev b0 ingress)"
both_in_kernel one || fail "the other one was disturbed: $(shows one)"
test "$(downs loop)" = 0 || fail "the session fell: $(cat "$DIR/loop.out")"

# The last one takes all that they made.
regiond_exit two
has_filters 1 || fail "filters: $(in_b tc filter show dev b0 ingress)"
regiond_exit one
has_devices "$B" beat0 0 || fail "left: $(devices "$B" beat0)"
has_filters 0 || fail "filters: $(in_b tc filter show dev b0 ingress)"
probe_end
PROBE=$first
probe_end
test -z "$(find "$DIR/run/bpf" -mindepth 1 -name 'hb-probe-*' -o -name 'tpr-regiond-*')" ||
    fail "pins are left: $(ls "$DIR/run/bpf")"
exit 0
