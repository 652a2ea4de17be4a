#! /bin/bash
# The packet socket: VLAN tags, unknown MACs, devices that go down and away.

. "$(dirname "$0")/bfd.sh"
need tpr-regiond

# Another probe, on the other side, speaks as the region; also by packet
# socket, so the kernel must not answer for its addresses.
ip -n "$B" address flush dev b0
region () {
    local name=$1
    shift
    ip netns exec "$B" hb-probe --device b0 --local 10.99.0.2 --peer 10.99.0.1 \
        --time-ms 60000 "$@" > "$DIR/$name.out" 2>&1 &
    PIDS+=($!)
    REGION=$!
}
ups () { grep -c ' up$' "$DIR/$1.out" || :; }
up_again () { test "$(ups "$1")" = "$2"; }

# Tagged frames reach the session of their VLAN only.
region tagged-region --vlan 42 --interval-us 50000
probe tagged 4 --vlan 42 --interval-us 50000
wait_says tagged 'session state=up remote=up'
probe_end
test "$(value tagged stats bad)" = 0 || fail "tagged packets were discarded"
for vlan in 0 43; do
    probe vlan-$vlan 4 --vlan $vlan --interval-us 50000 --time-ms 2500
    wait "$PROBE"
    says vlan-$vlan ' up$' && fail "VLAN $vlan heard VLAN 42"
done
kill -9 "$REGION"

# The device goes down and comes up: the same session goes on, the same socket.
region down-region --interval-us 50000
probe down 4 --interval-us 50000
wait_says down ' up$'
ip -n "$A" link set a0 down
wait_says down ' error Network is down$'
wait_says down ' down cause="link down"'
ip -n "$A" link set a0 up
wait_for 10 up_again down 2
test "$(grep -c ' error ' "$DIR/down.out")" = 1 || fail "an error was told more than once"

# Setting a healthy session again changes nothing.
kill -HUP "$PROBE"
wait_says down ' set again: ok$'
sleep 0.2
up_again down 2 || fail "setting a session again made it flap"
test "$(grep -c ' down ' "$DIR/down.out")" = 1 || fail "setting a session again made it flap"
probe_end
kill -9 "$REGION"

# The device is made anew, with another number.
region anew-region --interval-us 50000
probe anew 4 --interval-us 50000
wait_says anew ' up$'
ip -n "$A" link del a0
wait_says anew ' error '
wait_says anew ' down cause="link down"'
kill -HUP "$PROBE"
wait_says anew ' set again: No such device$'
ip link add a0 netns "$A" type veth peer name b0 netns "$B"
ip -n "$A" link set a0 up
ip -n "$B" link set b0 up
kill -HUP "$PROBE"
wait_says anew ' set again: ok$'
# The other side's probe has lost its device, too.
kill -HUP "$REGION"
wait_for 10 up_again anew 2
probe_end
exit 0
