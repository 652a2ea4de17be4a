#! /bin/bash
# A pair of switches: keepalived lets one of them forward; deaths of boxes.
#
#                   wire           wire1, wire2
#                    |   +-------+   |
#                    +---| A  .1 |---+-- r1 .50 = VIP  <- dies at the end
#   client .10 ------+   +-sync--+   |
#                    +---| B  .2 |---+-- r2 .60
#                    |   +-------+   |
#
# The wires are Linux bridges, as dumb as switches around can be.  A box that
# dies leaves its links up: only what the other one announces leads traffic
# there.  TAKEOVERS is the number of deaths (default: 2).

. "$(dirname "$0")/../../tools/lab.d/common.sh"
. "$(dirname "$0")/../../tools/lab.d/net.sh"
. "$(dirname "$0")/../../tools/lab.d/region.sh"
. "$(dirname "$0")/lib.sh"

# The regions see the boxes go.
# shellcheck disable=SC2034
EXPECTED_LOGS=('TPR-601 peer 172\.20\.126\.[12] down')

PAIR=$TOP/tools/pair
command -v keepalived > /dev/null || skip "keepalived was not found"
find_programs

# What the parts of the lab want to know: see tools/lab.
name_lab
# shellcheck disable=SC2034  # They are read there.
REGIONS=2 IPV6='' INTERVAL=50ms FALL=3 HEARTBEAT=bfd AGENT=yes \
    RESPONDER=tpr-regiond CHECK=http DATAPATH=netdev REGIOND_CHECK='' \
    OFFLOAD=''
VIP=$(region_ip 1)

trap pair_exit EXIT
pair_exit () {
    local status=$? box file
    trap - EXIT
    . "$TOP/tools/lab.d/common.sh"      # Its wait_for does not fail().
    for box in a b; do
        for file in "$DIR/$box"/log/*; do
            test $status = 0 || test -z "$TPR_TEST_DIR" || test ! -e "$file" ||
                cp "$file" "$TPR_TEST_DIR/$box-$(basename "$file")"
        done
        ! ns_exists $box || {
            end_ns_processes $box
            ip netns delete "$NS-$box"
        }
    done
    set +e
    (exit $status)
    at_exit
}

# Network --------------------------------------------------------------------

# A port of one of the wires, in namespace $2, interface $3, address $4.
plug () {
    make_veth w "$2$3" '' "$2" "$3" "${4-}"
    ip -n "$NS-w" link set "$2$3" master "$1"
}

network_up () {
    local ns wire box
    for ns in c w a b r1 r2; do make_ns $ns; done
    in_ns w sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
    in_ns c sh -c 'cd /proc/sys/net/ipv4 &&
        echo 10000 60999 > ip_local_port_range && echo 1 > tcp_tw_reuse'
    for wire in wire wire1 wire2; do
        ip -n "$NS-w" link add $wire type bridge stp_state 0 mcast_snooping 0
        ip -n "$NS-w" link set $wire up
    done
    plug wire c eth0 "$(mac_of 10)"
    add_addresses c eth0 10
    for box in a b; do
        plug wire $box eth0
        plug wire1 $box eth1
        plug wire2 $box eth2
    done
    for i in 1 2; do
        plug wire$i r$i eth0 "$(mac_of "$(region_host $i)")"
        add_addresses r$i eth0 "$(region_host $i)"
    done
    make_veth a sync0 '' b sync0
    ip -n "$NS-a" address add 192.0.2.1/24 dev sync0
    ip -n "$NS-b" address add 192.0.2.2/24 dev sync0
}

# Both boxes ask: see region.sh.
regiond_start () {
    local dir=$DIR/r$1
    OVS_RUNDIR=$dir OVS_LOGDIR=$dir in_ns "r$1" tpr-regiond \
        -vconsole:off -vsyslog:off --detach --no-chdir --pidfile --log-file \
        --local="$(region_ip "$1")" --peer="$NET4.1" --peer="$NET4.2" \
        --interval=$INTERVAL --fall=$FALL
}

# Boxes ----------------------------------------------------------------------

# Runs "$2 ..." on box $1.
on () {
    local box=$1
    shift
    OVS_RUNDIR=$DIR/$box/run OVS_LOGDIR=$DIR/$box/log \
        OVS_DBDIR=$DIR/$box/db in_ns "$box" "$@"
}

other () { if test "$1" = a; then echo b; else echo a; fi; }
host () { if test "$1" = a; then echo 1; else echo 2; fi; }

# What box $1 gets once.
box_create () {
    local dir=$DIR/$1 peer
    peer=$(host "$(other "$1")")
    mkdir -p "$dir/run" "$dir/log" "$dir/db"
    ovsdb-tool create "$dir/db/conf.db" "$OVS_SCHEMA"
    ovsdb-tool create "$dir/db/tpr.db" "$TPR_SCHEMA"
    # The templates, as somebody with these boxes would fill them in.
    {
        sed "s/^PEER_MAC=.*/PEER_MAC=$(mac_of "$peer")/" "$PAIR/pair.conf"
        echo "export PATH='$PATH'"
        for var in OVS_RUNDIR=run OVS_LOGDIR=log OVS_DBDIR=db; do
            echo "export ${var%=*}='$dir/${var#*=}'"
        done
    } > "$dir/pair.conf"
    sed -e "s,/usr/share/ovs-tpr/pair/tpr-pair-[a-z]*,& -c $dir/pair.conf," \
        -e "s,/usr/share/ovs-tpr/pair,$PAIR," "$PAIR/keepalived.conf" |
        if test "$1" = b; then
            sed -e 's/tpr-a /tpr-b /; s/priority 101/priority 100/' \
                -e 's/192\.0\.2\.1 /192.0.2.N /; s/172\.20\.126\.1 /172.20.126.N /' \
                -e 's/192\.0\.2\.2$/192.0.2.1/; s/172\.20\.126\.2$/172.20.126.1/' \
                -e 's/\.N /.2 /'
        else
            cat
        fi > "$dir/keepalived.conf"
}

box_start () {
    local dir=$DIR/$1
    on "$1" ovsdb-server -vconsole:off -vsyslog:off --detach --no-chdir \
        --pidfile --log-file --remote="punix:$dir/run/db.sock" \
        "$dir/db/conf.db" "$dir/db/tpr.db"
    on "$1" ovs-vsctl --no-wait init -- --may-exist add-br br0 -- \
        set bridge br0 datapath_type=netdev fail-mode=secure \
        other-config:hwaddr="$(mac_of "$(host "$1")")" -- \
        --may-exist add-port br0 eth0 -- --may-exist add-port br0 eth1 -- \
        --may-exist add-port br0 eth2
    on "$1" ovs-vswitchd -vconsole:off -vsyslog:off --detach --no-chdir \
        --pidfile --log-file --disable-system "unix:$dir/run/db.sock"
    wait_for 10 ip -n "$NS-$1" link show br0
    ip -n "$NS-$1" address add "$NET4.$(host "$1")/24" dev br0
    ip -n "$NS-$1" link set br0 up
    on "$1" "$PAIR/tpr-pair-notify" -c "$dir/pair.conf" backup
    on "$1" ovs-tprd -vconsole:off -vsyslog:off --detach --no-chdir \
        --pidfile --log-file "unix:$dir/run/db.sock"
}

keepalived_start () {
    on "$1" keepalived --vrrp -l -D -G -f "$DIR/$1/keepalived.conf" \
        -p "$DIR/$1/run/keepalived.pid" -r "$DIR/$1/run/vrrp.pid" -n \
        >> "$DIR/$1/log/keepalived.log" 2>&1 &
}

keepalived_is_backup () {
    grep -q '(link) Entering BACKUP STATE' "$DIR/$1/log/keepalived.log"
}

role () { cat "$DIR/$1/run/tpr-pair.role"; }
role_is () { test "$(role "$1")" = "$2"; }

# Box $1 is master, the other one is not.
expect_roles () {
    role_is "$1" master && role_is "$(other "$1")" backup ||
        fail "roles: a is $(role a), b is $(role b)."
}

# Box $1 would have become master several times, had it only this link.
link_is_silent () {
    test "$(grep -c '(link) Receive advertisement timeout' \
        "$DIR/$1/log/keepalived.log")" -ge 5
}

# The agent of box $1 knows that all is well, whatever its role.
box_is_ok () {
    on "$1" ovs-appctl -t ovs-tprd tpr/show | grep -q '^OK' &&
        on "$1" ovs-tprctl status -q
}

# Kills everything on box $1 at once.
box_kill () {
    local pids
    mapfile -t pids < <(ip netns pids "$NS-$1")
    # Scripts may have ended meanwhile.
    kill -KILL "${pids[@]}" 2> /dev/null || :
    wait_for 5 all_gone "${pids[@]}"
    # A box without power would not keep these either.
    ip -n "$NS-$1" link delete br0
    rm -f "$DIR/$1"/run/*
}

# What must hold -------------------------------------------------------------

# One copy of everything, for unicast and broadcast, and nothing circulates.
no_loop () {
    local before after text
    on_client ip neigh flush dev eth0
    before=$(received)
    text=$(on_client ping -q -c 20 -i 0.02 -W 1 "$NET4.60")
    after=$(received)
    [[ $text = *' 20 received, 0% packet loss'* ]] || fail "ping: $text"
    test $((after - before)) -lt 200 ||
        fail "the client received $((after - before)) packets."
}

received () {
    on_client cat /sys/class/net/eth0/statistics/rx_packets
}

# Requests in the background, see lib.sh; some were answered.
requests_start () {
    local before
    before=$(received)
    perf_start
    wait_for 5 received_since "$before"
}

received_since () { test "$(received)" -gt $(($1 + 100)); }

# The clients' segment looks for both servers behind box $1.
announced () {
    local host
    for host in 50 60; do
        bridge -n "$NS-w" fdb show br wire |
            grep -q "^$(mac_of $host) dev $1eth0 " || return 1
    done
}

# The box in role master dies under traffic, the other one takes over, the
# dead one comes back as backup.  Adds the outage to $outages.
takeover () {
    local dead=$1 lives
    lives=$(other "$1")
    requests_start
    box_kill "$dead"
    wait_for 10 role_is "$lives" master
    wait_for 5 announced "$lives"
    wait_for 5 answered_by r1
    perf_end
    outages+=("$(perf_value t_un_ms)")
    perf_at_most t_un_ms $((2000 + SLACK_MS))
    box_start "$dead"
    # Not while the switch still puts its ports in order: keepalived may miss
    # the change of a link's state that falls into its own start.
    wait_for 20 box_is_ok "$dead"
    : > "$DIR/$dead/log/keepalived.log"
    keepalived_start "$dead"
    wait_for 20 keepalived_is_backup "$dead"
    expect_roles "$lives"
    no_loop
}

# The same, but it is only the clients' link that dies.
link_takeover () {
    requests_start
    ip -n "$NS-w" link set "$1eth0" down
    wait_for 10 role_is "$(other "$1")" master
    wait_for 5 answered_by r1
    perf_end
    wait_for 5 role_is "$1" fault
    ip -n "$NS-w" link set "$1eth0" up
    wait_for 20 role_is "$1" backup
    expect_roles "$(other "$1")"
    no_loop
}

# Box $1, master, stops keepalived or loses its agent; a connection that is
# open meanwhile lives on.
gives_up () {
    local lives keepalived
    lives=$(other "$1")
    keepalived=$(cat "$DIR/$1/run/keepalived.pid")
    coproc CONNECTION { on_client bash -c "$REQUESTS" "$VIP"; }
    request
    case $2 in
        stop)
            kill -TERM "$keepalived"
            wait_for 10 all_gone "$keepalived"
            # ExecStopPost: keepalived's own script may end with keepalived.
            on "$1" "$PAIR/tpr-pair-notify" -c "$DIR/$1/pair.conf" stop ;;
        fault) kill -KILL "$(cat "$DIR/$1/run/ovs-tprd.pid")" ;;
    esac
    wait_for 10 role_is "$lives" master
    wait_for 5 role_is "$1" "$2"
    wait_for 5 announced "$lives"
    no_loop
    request
    kill "$CONNECTION_PID"
    wait "$CONNECTION_PID" || :
}

# A request for each line of standard input, all in one connection.
# shellcheck disable=SC2016
REQUESTS='exec 3<> "/dev/tcp/$0/80"
    while read -r _; do
        printf "GET / HTTP/1.1\r\nHost: $0\r\n\r\n" >&3
        while read -r -t 10 line <&3 && [[ $line != r[12] ]]; do :; done
        echo "${line:-nothing}"
    done'

request () {
    local answer=''
    echo >&"${CONNECTION[1]}"
    read -r -t 15 answer <&"${CONNECTION[0]}" || :
    test "$answer" = r1 || fail "the connection was answered by \"$answer\"."
}

mkdir -p "$DIR"
save_settings
network_up
for i in 1 2; do region_up $i; done
for box in a b; do box_create $box; box_start $box; done
on a ovs-tprctl --no-wait init -- set-option flow_table=10 -- \
    add-region r1 eth1 -- add-region r2 eth2 -- \
    set-heartbeat r1 bfd peer="$(region_ip 1)" interval=$INTERVAL fall=$FALL -- \
    set-heartbeat r2 bfd peer="$(region_ip 2)" interval=$INTERVAL fall=$FALL -- \
    add-service web "$VIP:80/tcp" policy=failover -- \
    add-backend web r1 "$(region_ip 1)" priority=1 -- \
    add-backend web r2 "$(region_ip 2)" priority=2 -- \
    set-check web http path=/health expect=200 interval=100ms timeout=100ms \
        fall=3 rise=2
on a ovs-tprctl export > "$DIR/pair.tpr"
on b ovs-tprctl --no-wait import "$DIR/pair.tpr"

for box in a b; do wait_for 20 box_is_ok $box; done
keepalived_start a
wait_for 20 role_is a master
keepalived_start b
wait_for 20 keepalived_is_backup b
expect_answer r1
no_loop

# The link between the boxes is cut: B does not hear A there any more, but the
# witness does, so there are no two masters.
ip -n "$NS-a" link set sync0 down
wait_for 10 link_is_silent b
expect_roles a
no_loop
ip -n "$NS-a" link set sync0 up

outages=()
master=a
for ((n = 0; n < ${TAKEOVERS:-2}; n++)); do
    takeover "$master"
    master=$(other "$master")
done
echo "outages in ms when a box dies: ${outages[*]}"
link_takeover "$master"
master=$(other "$master")

gives_up "$master" stop
keepalived_start "$master"
wait_for 20 role_is "$master" backup
master=$(other "$master")
gives_up "$master" fault
master=$(other "$master")

# The new master redirects as the old one would have.
appctl () { on "$master" ovs-appctl -t ovs-tprd "$@"; }
requests_start
ip -n "$NS-w" link set r1eth0 nomaster
wait_for 10 answered_by r2
perf_end
perf_t_un_at_most 240
no_loop
finish
