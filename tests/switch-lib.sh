# shellcheck shell=bash
# What the tests of datapath providers share: a real ovs-vswitchd with dummy
# ports, flows-probe on it, packets in and out.  Sourced by scripts that speak
# TAP and set PROVIDER before; needs no root and no network.
#
#     p1 (client) ---+                 +--- p2 (region)
#                    |   bridge br0    |
#     p3 (others) ---+  netdev dummy   +--- LOCAL (br0)
#
# What goes in and what must come out is written as OVS flows; ovs-ofctl
# compose-packet makes packets of them.  After each packet a mark follows
# through the same port: what came out before the mark is what the packet
# caused, so that "nothing" is an observation, too.

if test -z "$TPR_OVS_DIR"; then
    # shellcheck source=/dev/null
    . "${TPR_ENV:-tests/env.sh}" || exit 1
fi
probe=${FLOWS_PROBE:-${TPR_BUILDDIR:-.}/tests/flows-probe}

dir=$(mktemp -d "${TMPDIR:-/tmp}/flows-XXXXXX") || exit 1
export OVS_RUNDIR=$dir OVS_LOGDIR=$dir OVS_DBDIR=$dir OVS_SYSCONFDIR=$dir
export OVS_PKGDATADIR=$TPR_OVS_DIR/vswitchd
n_tests=0 n_failed=0

cleanup () {
    test -z "$PROBE_PID" || kill "$PROBE_PID" 2> /dev/null
    for daemon in ovs-vswitchd ovsdb-server; do
        pid=$(cat "$dir/$daemon.pid" 2> /dev/null) && kill "$pid" &&
            kill -CONT "$pid"
        while test -n "$pid" && kill -0 "$pid" 2> /dev/null; do sleep .02; done
    done
    if test $n_failed = 0; then
        rm -rf "$dir"
    else
        echo "# logs are in $dir"
    fi
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

# ok NAME STATUS: one line of TAP.
ok () {
    n_tests=$((n_tests + 1))
    if test "$2" = 0; then
        echo "ok $n_tests - $1"
    else
        echo "not ok $n_tests - $1"
        n_failed=$((n_failed + 1))
    fi
}

# same NAME EXPECTED ACTUAL
same () {
    if test "$2" = "$3"; then
        ok "$1" 0
    else
        printf 'expected: %s\nactual:   %s\n' "$2" "$3" | sed 's/^/# /'
        ok "$1" 1
    fi
}

bail () {
    echo "Bail out! $*"
    n_failed=1
    exit 1
}

# until_true COMMAND..: waits for a condition, 10 s at most.
until_true () {
    local end=$((SECONDS + 10))
    until "$@"; do
        test $SECONDS -lt $end || return 1
        sleep .01
    done
}

# The switch.

start_vswitchd () {
    ovs-vswitchd --detach --no-chdir --pidfile --log-file -vconsole:off \
        --enable-dummy=override --disable-system "unix:$dir/db.sock" \
        2> /dev/null ||
        bail "ovs-vswitchd does not start"
}

start_switch () {
    ovsdb-tool create "$dir/conf.db" "$TPR_OVS_DIR/vswitchd/vswitch.ovsschema"
    ovsdb-server --detach --no-chdir --pidfile --log-file -vconsole:off \
        --remote="punix:$dir/db.sock" "$dir/conf.db" 2> /dev/null ||
        bail "ovsdb-server does not start"
    ovs-vsctl --no-wait init
    start_vswitchd
    ovs-vsctl add-br br0 \
        -- set bridge br0 datapath_type=dummy fail_mode=secure \
            other-config:hwaddr=02:00:00:00:00:01 \
        -- set interface br0 options:tx_pcap="$dir/br0.pcap"
    local n
    for n in 1 2 3; do
        ovs-vsctl add-port br0 p$n \
            -- set interface p$n type=dummy ofport_request=$n \
                options:tx_pcap="$dir/p$n.pcap"
    done
    foreign
}

# Somebody else's flows.
foreign () {
    ovs-ofctl add-flow br0 cookie=0x1234,priority=0,actions=NORMAL
    ovs-ofctl add-flow br0 cookie=0x7470,table=250,priority=7,sctp,actions=drop
}

count_foreign () {
    ovs-ofctl dump-flows br0 | grep -cE 'cookie=0x(1234|7470),'
}

# our_flows: ours without those that were learned, sorted.
our_flows () {
    ovs-ofctl -O OpenFlow14 --no-stats dump-flows br0 \
        cookie=0x7470722000000000/0xffffffff80000000 |
        grep actions= | sort
}

# The provider.

start_probe () {
    coproc PROBE { exec "$probe" br0 "$PROVIDER" 2>> "$dir/probe.err"; }
    # Subshells, as in $(ask ..), see only copies of a coprocess's files.
    exec {probe_in}>&"${PROBE[1]}" {probe_out}<&"${PROBE[0]}"
    eval "exec ${PROBE[1]}>&- ${PROBE[0]}<&-"
}

# ask COMMAND: sends it to the probe and prints the answer.
ask () {
    local reply
    printf '%s\n' "$*" >&"$probe_in"
    read -r -t 20 -u "$probe_out" reply || reply="no answer"
    printf '%s\n' "$reply"
}

stop_probe () {
    local pid=$PROBE_PID
    exec {probe_in}>&- {probe_out}<&-
    wait "$pid"
}

# config LINE..: forgets all, then says each line, then sets.
config () {
    local line
    ovs-appctl fdb/flush br0 > /dev/null
    ask forget > /dev/null
    for line; do
        test "$(ask "$line")" = ok || bail "$line"
    done
    case $(ask set) in
        applied*) ;;
        *) bail "cannot set: $*" ;;
    esac
}

# stat KEY: a number that the provider shows.
stat_of () {
    ask show | sed "s/.*\"$1\":\([0-9a-z]*\).*/\1/"
}

# Packets.

# packet FLOW: in hexadecimal.
packet () {
    local hex
    hex=$(ovs-ofctl compose-packet "$1" 2> "$dir/compose.err" |
              sed 's/^[0-9a-f]*  //; s/[ -]//g' | tr -d '\n')
    test -n "$hex" || sed 's/^/# /' "$dir/compose.err" >&2
    echo "$hex"
}

# sent PORT: packets that left through PORT, a line each.  The file is in pcap
# format: a header of 24 bytes; before each packet one of 16, with the packet's
# length in its third word, in this machine's byte order.
sent () {
    test ! -s "$dir/$1.pcap" || od -An -v -tx1 -w1 -j24 "$dir/$1.pcap" |
        awk -v big="$big_endian" '
            function hex(s) {
                return index(digits, substr(s, 1, 1)) * 16 \
                       + index(digits, substr(s, 2, 1)) - 17
            }
            BEGIN { digits = "0123456789abcdef" }
            {
                if (n < 16) {
                    if (n >= 8 && n < 12) {
                        size += hex($1) * 256 ^ (big ? 11 - n : n - 8)
                    }
                } else {
                    packet = packet $1
                }
                if (++n == 16 + size && n > 16) {
                    print packet
                    n = size = 0
                    packet = ""
                }
            }'
}
big_endian=$(printf '\0\1' | od -An -td2 | grep -c '^ *1$')

mark=0
marked () {
    sent "$1" | grep -q "^ffffffffffff02000000ffff9999$2"
}

# send_packet NAME PORT FLOW [PORT FLOW]..: the packet FLOW enters through
# PORT; exactly the others must leave.
send_packet () {
    local name=$1 in=$2 flow=$3 port out='' expected='' n stamp
    declare -A seen
    shift 3
    while test $# -ge 2; do
        expected="$expected $1:$(packet "$2")"
        shift 2
    done
    for port in p1 p2 p3 br0; do
        seen[$port]=$(sent $port | wc -l)
    done

    mark=$((mark + 1))
    stamp=$(printf '%08x' $mark)
    ovs-appctl netdev-dummy/receive "$in" "$(packet "$flow")"
    ovs-appctl netdev-dummy/receive "$in" \
        "ffffffffffff02000000ffff9999${stamp}00000000000000000000000000000000"
    for port in p1 p2 p3 br0; do
        test $port = "$in" || until_true marked $port "$stamp" ||
            bail "the mark did not come out of $port"
        for n in $(sent $port | tail -n +$((seen[$port] + 1)) |
                       grep -v ^ffffffffffff02000000ffff9999); do
            out="$out $port:$n"
        done
    done
    same "$name" "$expected" "$out"
}

# flood NAME PORT FLOW: NORMAL takes it, unchanged.
flood () {
    local port out=()
    for port in p1 p2 p3 br0; do
        test $port = "$2" || out+=("$port" "$3")
    done
    send_packet "$1" "$2" "$3" "${out[@]}"
}

client=02:00:00:00:00:0c vip=02:00:00:00:00:50 server=02:00:00:00:00:60
all=ff:ff:ff:ff:ff:ff
tcp=dl_type=0x0800,nw_proto=6,nw_ttl=64
tcp6=dl_type=0x86dd,nw_proto=6,nw_ttl=64
# Not used here.
: "$client$vip$server$all$tcp$tcp6"
