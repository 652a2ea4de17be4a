# shellcheck shell=bash
# What the tests of attaching BPF programs share: hosts around a switch, whose
# ports bpf-probe (tests/bpf-probe.c) is told.
#
#     c eth0 --- pc [ switch ] pb1 --- eth0 b1
#                           [ ] pb2 --- eth0 b2 ...
#
# All hosts are on one segment: the Nth has 10.9.0.N and fd00:9::N.  The VIP,
# 10.9.0.100 and fd00:9::100, is nobody's.  The switch is Linux's bridge, which
# gets packets as openvswitch.ko does (by an rx handler), or Open vSwitch in
# userspace.  Both know nothing of the VIP: what they get of it, they flood.
#
# Whatever way a test ends, all of it is removed, and it is an error if
# something stays.

set -eu

SYSTEM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$SYSTEM/../.." && pwd)
NAME=bpf$$
DIR=${TMPDIR:-/tmp}/$NAME
PINS=$DIR/bpf/br0
VIP4=10.9.0.100
VIP6=fd00:9::100
VIP_MAC=02:00:00:00:09:64
HOSTS=()
PIDS=()
PROBE=''                        # Pid of the probe.
PATIENCE=${TPR_PATIENCE:-1}     # All limits are that many times as long: an
                                # emulated machine takes a minute to load
                                # programs.

# shellcheck source=tests/system/base.sh
. "$TOP/tests/system/base.sh"
for program in ip tc ethtool nsenter bpftool; do
    command -v $program > /dev/null || skip "$program was not found"
done
test "$(id -u)" = 0 || skip "needs root"
unshare --net true 2> /dev/null ||
    skip "network namespaces are not allowed here"
test -x "$TPR_BUILDDIR/tests/bpf-probe" || skip "built without BPF"
PYTHON=${TPR_PYTHON3:-python3}

# Removal --------------------------------------------------------------------

trap at_exit EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

at_exit () {
    local status=$? pid host
    trap - EXIT
    set +e
    if test $status != 0 && test $status != 77; then
        tail -n 50 "$DIR"/*.log 2> /dev/null
    fi
    exec 7>&- 8<&-
    for pid in $PROBE "${PIDS[@]}"; do
        kill -9 "$pid" 2> /dev/null
        wait "$pid" 2> /dev/null
    done
    for host in s "${HOSTS[@]}"; do
        ip netns del "$NAME-$host" 2> /dev/null
    done
    umount "$DIR/bpf" 2> /dev/null
    rm -rf "$DIR"
    if ip netns list | grep -q "^$NAME-" || test -e "$DIR"; then
        echo "FAILED: something of $NAME was left behind"
        status=1
    fi
    exit $status
}

# Hosts ----------------------------------------------------------------------

on () {
    local host=$1
    shift
    ip netns exec "$NAME-$host" "$@"
}

# In the switch's namespace, with everybody's mounts.
on_switch () { nsenter "--net=/run/netns/$NAME-s" -- "$@"; }

# start LOG COMMAND...: in the background, to be ended at the end; its output
# goes to the log.  STARTED is its process: no function runs between.
start () {
    local log=$DIR/$1.log
    shift
    "$@" > "$log" 2>&1 < /dev/null 7>&- 8<&- &
    STARTED=$!
    PIDS+=("$STARTED")
}

number () {
    local i
    for i in "${!HOSTS[@]}"; do
        test "${HOSTS[$i]}" != "$1" || echo $((i + 1))
    done
}

address () { echo "10.9.0.$(number "$1")"; }
address6 () { echo "fd00:9::$(number "$1")"; }
mac () { printf '02:00:00:00:09:%02x' "$(number "$1")"; }
ifindex () { ip -n "$NAME-s" -o link show "$1" | sed 's/:.*//'; }

# hosts NAME...: with whole checksums, and ready for frames by XDP.
hosts () {
    local host other
    mkdir -p "$DIR/bpf"
    mount -t bpf none "$DIR/bpf" || skip "cannot mount a bpffs"
    ip netns add "$NAME-s"
    ip -n "$NAME-s" link set lo up
    HOSTS=("$@")
    for host; do
        ip netns add "$NAME-$host"
        add_link "$host"
    done
    for host; do
        for other; do
            test "$host" = "$other" || know "$host" "$other"
        done
        ip -n "$NAME-$host" neigh replace $VIP4 lladdr $VIP_MAC dev eth0
        ip -n "$NAME-$host" neigh replace $VIP6 lladdr $VIP_MAC dev eth0
    done
}

know () {
    ip -n "$NAME-$1" neigh replace "$(address "$2")" lladdr "$(mac "$2")" \
        dev eth0
    ip -n "$NAME-$1" neigh replace "$(address6 "$2")" lladdr "$(mac "$2")" \
        dev eth0
}

# The host's device and its port.
add_link () {
    ip -n "$NAME-s" link add "p$1" type veth \
        peer name eth0 address "$(mac "$1")" netns "$NAME-$1"
    on "$1" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 2> /dev/null ||
        on "$1" sh -c 'echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad'
    ip -n "$NAME-$1" addr add "$(address "$1")/24" dev eth0
    ip -n "$NAME-$1" addr add "$(address6 "$1")/64" dev eth0 nodad
    ip -n "$NAME-$1" link set lo up
    ip -n "$NAME-$1" link set eth0 up
    ip -n "$NAME-s" link set "p$1" up
    offloads "$1" tx off gro on txvlan off
}

# offloads HOST WHAT...: changes them at the host.
offloads () {
    local host=$1
    shift
    on "$host" ethtool -K eth0 "$@" > /dev/null 2>&1 ||
        fail "$host: ethtool -K eth0 $*"
}

# Switches -------------------------------------------------------------------

# Linux's bridge.
bridge () {
    local host
    ip -n "$NAME-s" link add br0 type bridge
    ip -n "$NAME-s" link set br0 up
    for host in "${HOSTS[@]}"; do
        ip -n "$NAME-s" link set "p$host" master br0
    done
}

# The database server of Open vSwitch: database [tpr], with the agent's, too.
database () {
    local files=("$DIR/conf.db")
    export OVS_RUNDIR=$DIR OVS_LOGDIR=$DIR OVS_DBDIR=$DIR OVS_SYSCONFDIR=$DIR
    ovsdb-tool create "$DIR/conf.db" "$TPR_OVS_DIR/vswitchd/vswitch.ovsschema"
    if test "${1-}" = tpr; then
        ovsdb-tool create "$DIR/tpr.db" "$TPR_SRCDIR/agent/ovs-tpr.ovsschema"
        files+=("$DIR/tpr.db")
    fi
    start ovsdb nsenter "--net=/run/netns/$NAME-s" -- ovsdb-server \
        -vsyslog:off --remote="punix:$DIR/db.sock" "${files[@]}"
    wait_for 10 test -S "$DIR/db.sock"
}

# Open vSwitch: ovs [TYPE], its datapath: netdev (default), in userspace with
# packet sockets, or system, the kernel's.
ovs () {
    local host type=${1:-netdev}
    database
    vsctl --no-wait init
    start vswitchd nsenter "--net=/run/netns/$NAME-s" -- ovs-vswitchd \
        -vsyslog:off "unix:$DIR/db.sock"
    vsctl add-br br0 -- set bridge br0 datapath_type=$type
    for host in "${HOSTS[@]}"; do
        vsctl add-port br0 "p$host"
    done
}

vsctl () { ovs-vsctl --timeout=$((20 * PATIENCE)) --db="unix:$DIR/db.sock" "$@"; }

# Servers --------------------------------------------------------------------

traffic () {
    local host=$1
    shift
    on "$host" "$PYTHON" "$SYSTEM/traffic.py" "$@"
}

# traffic that shall not succeed.
no_traffic () {
    if TRAFFIC_TIMEOUT=1 traffic "$@"; then fail "it succeeded: $*"; fi
}

# servers HOST...
servers () {
    local host
    for host; do
        start "$host" ip netns exec "$NAME-$host" "$PYTHON" \
            "$SYSTEM/traffic.py" server "$host" "$DIR/$host.sock"
    done
    for host; do wait_for 10 test -S "$DIR/$host.sock"; done
}

# Frames of UDP that came since it was last asked, as "ADDRESS=N ...".
frames () { "$PYTHON" "$SYSTEM/traffic.py" stats "$DIR/$1.sock"; }

# The probe ------------------------------------------------------------------

# probe_start OPTIONS...: what it said is in $DIR/said.
probe_start () {
    rm -f "$DIR/in" "$DIR/out"
    mkfifo "$DIR/in" "$DIR/out"
    nsenter "--net=/run/netns/$NAME-s" -- \
        "$TPR_BUILDDIR/tests/bpf-probe" --pins "$PINS" "$@" < "$DIR/in" > "$DIR/out" 2> "$DIR/probe.log" &
    PROBE=$!
    exec 7> "$DIR/in" 8< "$DIR/out"
    answer
}

answer () {
    local line
    : > "$DIR/said"
    while IFS= read -r -t $((30 * PATIENCE)) line <&8; do
        test "$line" != . || return 0
        echo "$line" | tee -a "$DIR/said"
        case $line in
            error:*) fail "the probe says: $line" ;;
        esac
    done
    fail "the probe does not answer"
}

probe () {
    echo "$*" >&7
    answer
}

# It is gone, as by a crash.
probe_kill () {
    kill -9 "$PROBE"
    wait "$PROBE" 2> /dev/null || :
    PROBE=''
    exec 7>&- 8<&-
}

# probe_end detach|quit
probe_end () {
    probe "$1"
    wait "$PROBE" || fail "the probe failed"
    PROBE=''
    exec 7>&- 8<&-
}

# ports KIND [HOST...]: the ports of these hosts (default: all).
ports () {
    local kind=$1 host list=''
    shift
    test $# -gt 0 || set -- "${HOSTS[@]}"
    for host; do list="$list p${host%%:*}:$kind${TAGGED:+:tagged}"; done
    probe "ports$list"
    probe list
}

# mode PORT: how it is attached.
mode () { probe list | sed -n "s/^$1 mode=\([a-z]*\) .*/\1/p"; }

# expect_mode MODE PORT... [-- WORDS]: and the sentence has these words.
expect_mode () {
    local mode=$1 port words='' all
    shift
    all=$*
    case $all in *' -- '*) words=${all#* -- } ;; esac
    for port; do
        test "$port" != -- || break
        grep -q "^$port mode=$mode .* why=.*$words" "$DIR/said" ||
            fail "$port: not $mode \"$words\""
    done
}

# Objects: services for UDP and TCP of both families, backends in order of
# preference.  services HOST...
services () {
    local host b4='' b6='' of
    for host; do
        of="output=$(ifindex "p$host"),mac=$(mac "$host")"
        of="$of,priority=$(number "$host")${VLAN:+,vlan=$VLAN}"
        b4="$b4,backend=$(address "$host"),$of"
        b6="$b6,backend=$(address6 "$host"),$of"
    done
    probe "set id=1,vip=$VIP4,udp,port=7000,policy=failover$b4"
    probe "set id=2,vip=$VIP4,tcp,port=7001,policy=failover$b4"
    probe "set id=3,vip=$VIP6,udp,port=7000,policy=failover$b6"
    probe "set id=4,vip=$VIP6,tcp,port=7001,policy=failover$b6"
}

# Checks ---------------------------------------------------------------------

wait_for () {
    local limit=$(($1 * PATIENCE)) end
    shift
    end=$((SECONDS + limit + 1))
    until "$@" > /dev/null 2>&1; do
        test $SECONDS -lt $end || fail "not within $limit s: $*"
        sleep 0.02
    done
}

# Packets that the programs sent towards backends of object $1.
taken () {
    probe "stats $1" | sed -n 's/^  backend.* packets=\([0-9]*\).*/\1/p' |
        awk '{ n += $1 } END { print n + 0 }'
}

# check_taken HOST [CLIENT]: all of the service goes to HOST by the programs,
# once, and to nobody else.
check_taken () {
    local host=$1 client=${2:-c} other family vip own id line
    for other in "${HOSTS[@]}"; do
        test ! -S "$DIR/$other.sock" || frames "$other" > /dev/null
    done
    for family in 4 6; do
        if test $family = 4; then
            vip=$VIP4 own=$(address "$host") id=1
        else
            vip=$VIP6 own=$(address6 "$host") id=3
        fi
        traffic "$client" udp $vip 500 || fail "UDP, IPv$family"
        for other in "${HOSTS[@]}"; do
            test -S "$DIR/$other.sock" || continue
            line=$(frames "$other")
            echo "$other got $line"
            if test "$other" = "$host"; then
                test "$line" = "$own${TAG-}=500" || fail "$other got $line"
            else
                test -z "$line" || fail "$other got $line"
            fi
        done
        traffic "$client" tcp $vip 3000000 || fail "TCP, IPv$family"
        test "$(taken $id)" -ge 500 || fail "the programs took nothing"
    done
}

# check_direct HOST: its own address is served by the switch, once.
check_direct () {
    frames "$1" > /dev/null
    traffic c udp "$(address "$1")" 100 || fail "UDP to $1 itself"
    test "$(frames "$1")" = "$(address "$1")=100" || fail "$1 got too much"
    traffic c tcp "$(address6 "$1")" 100000 || fail "TCP to $1 itself"
}

# check_not_taken HOST...: packets to the VIP come to the hosts as they were
# sent, by the switch, once.
check_not_taken () {
    local host
    for host; do frames "$host" > /dev/null; done
    on c "$PYTHON" -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(50): s.sendto(b'x', ('$VIP4', 7000))"
    for host; do
        SEEN=''
        wait_for 5 has_seen "$host" "$VIP4=50"
    done
}

# Frames may come in several portions.
has_seen () {
    local n
    n=$(frames "$1" | sed -n "s/.*${2%=*}=\([0-9]*\).*/\1/p")
    SEEN=$((${SEEN:-0} + ${n:-0}))
    test "$SEEN" = "${2#*=}"
}

# Nothing of ours is attached to device $1 of the switch, which is there.
is_bare () {
    local link filters
    link=$(ip -n "$NAME-s" -d link show "$1") || fail "there is no $1"
    filters=$(on s tc filter show dev "$1" ingress) || fail "tc at $1"
    [[ $link != *xdp* && $filters != *tpr_tc* ]]
}

# Nothing of ours is attached to the ports.
check_clean () {
    local host links
    links=$(ip -n "$NAME-s" -o link show) || fail "ip link show"
    for host in "${HOSTS[@]}"; do
        # A test may have deleted it.
        [[ $links = *": p$host"[@:]* ]] || continue
        is_bare "p$host" || fail "p$host still has a program or filter"
    done
    test ! -e "$PINS" || fail "pins are left: $(ls "$PINS")"
}
