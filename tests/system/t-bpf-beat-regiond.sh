#! /bin/bash
# tpr-regiond whose beats the kernel sends: its death, its lease, AdminDown.

. "$(dirname "$0")/bfd.sh"
. "$(dirname "$0")/beat.sh"
need tpr-regiond ovs-appctl
need_kernel_beats

CTL=$DIR/regiond.ctl
regiond () {
    in_b tpr-regiond --detach --no-chdir --pidfile="$DIR/regiond.pid" \
        -vconsole:off -vsyslog:off --log-file="$DIR/regiond.log" \
        --unixctl="$CTL" "$@"
}
both_in_kernel () {
    ovs-appctl -t "$CTL" regiond/show | grep -q 'the kernel detects, the kernel sends'
}
downs () { grep -c ' down ' "$DIR/$1.out" || :; }
twice_down () { test "$(downs "$1")" = 2; }

for family in 4 6; do
    # Both ends in the kernel.
    regiond --interval=50ms --offload=on
    kernel_probe "both-$family" $family send --interval-us 50000
    wait_armed "both-$family" 50000
    wait_for 10 both_in_kernel

    # Killed: nobody notices before the lease of 10 s is over.  Then it says
    # AdminDown.
    kill -9 "$(cat "$DIR/regiond.pid")"
    start=$SECONDS
    wait_says "both-$family" 'down cause="peer ' 25
    test $((SECONDS - start)) -ge 8 ||
        fail "the lease ended after $((SECONDS - start)) s already"
    wait_says "both-$family" 'remote=admin-down'
    test "$(downs "both-$family")" = 1 || fail "it went down more than once"

    # A new one takes over what the old one left.
    rm -f "$DIR/regiond.pid" "$CTL"
    regiond --interval=50ms --offload=on
    wait_armed "both-$family" 50000
    wait_for 10 both_in_kernel

    # An order of the operator is heard at once, and no beat says otherwise.
    ovs-appctl -t "$CTL" regiond/admin-down
    wait_for 5 twice_down "both-$family"
    ovs-appctl -t "$CTL" regiond/admin-up
    wait_armed "both-$family" 50000
    probe_end

    pid=$(cat "$DIR/regiond.pid")
    ovs-appctl -t "$CTL" exit
    wait_gone "$pid"
    test -z "$(in_b ip -o link show type veth | grep beat0-)" ||
        fail "tpr-regiond left its devices"
done
exit 0
