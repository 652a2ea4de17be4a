# shellcheck shell=bash
# The switch of a lab: ovsdb-server, ovs-vswitchd, the bridge, the agent.

ovsdb_start () {
    in_ns sw ovsdb-server -vconsole:off -vsyslog:off --detach --no-chdir \
        --pidfile --log-file --remote="punix:$OVS_RUNDIR/db.sock" \
        "$OVS_DBDIR/conf.db" ${AGENT:+"$OVS_DBDIR/tpr.db"}
}

# Only the userspace datapath: --disable-system leaves a kernel datapath, which
# all namespaces might share, alone.  At AF_XDP ports ours comes before the
# switch's program, which here is alone and in no dispatcher of libxdp's.
vswitchd_start () {
    in_ns sw env LIBXDP_SKIP_DISPATCHER=1 ovs-vswitchd -vconsole:off \
        -vsyslog:off --detach --no-chdir --pidfile --log-file \
        --disable-system "unix:$OVS_RUNDIR/db.sock"
}

agent_start () {
    in_ns sw ovs-tprd -vconsole:off -vsyslog:off --detach --no-chdir \
        --pidfile --log-file "unix:$OVS_RUNDIR/db.sock"
}

# Addresses of the bridge's own device, which mostly outlives ovs-vswitchd.
bridge_addresses () {
    wait_for 10 ip -n "$NS-sw" link show br0 ||
        die "the bridge did not appear; see $OVS_LOGDIR/ovs-vswitchd.log"
    ip -n "$NS-sw" address replace "$NET4.1/24" dev br0
    ip -n "$NS-sw" address replace "$NET6:1/64" dev br0 nodad
    ip -n "$NS-sw" link set br0 up
}

# What the agent pins shall outlive it: a bpffs of its own making would be seen
# by nobody else, for "ip netns exec" gives every program its own mounts.
bpffs_up () {
    mkdir -p "$OVS_RUNDIR/bpf"
    mount -t bpf -o mode=0700 bpf "$OVS_RUNDIR/bpf" 2> /dev/null || :
}

bpffs_down () {
    while umount "$DIR/run/bpf" 2> /dev/null; do :; done
}

switch_up () {
    local i type=() add=()
    mkdir -p "$OVS_RUNDIR" "$OVS_LOGDIR" "$OVS_DBDIR"
    bpffs_up
    ovsdb-tool create "$OVS_DBDIR/conf.db" "$OVS_SCHEMA"
    test -z "$AGENT" || ovsdb-tool create "$OVS_DBDIR/tpr.db" "$TPR_SCHEMA"
    ovsdb_start
    test "$DATAPATH" != afxdp || type=(type=afxdp options:xdp-mode=native)
    for ((i = 0; i <= REGIONS; i++)); do
        add+=(-- add-port br0 "eth$i" -- set interface "eth$i"
              "ofport_request=$((i + 1))" "${type[@]}")
    done
    ovs-vsctl --no-wait init -- \
        add-br br0 -- set bridge br0 datapath_type=netdev \
        other-config:hwaddr="$(mac_of 1)" "${add[@]}"
    vswitchd_start
    bridge_addresses
    for ((i = 0; i <= REGIONS; i++)); do
        ovs-vsctl --timeout=10 wait-until interface "eth$i" "ofport=$((i + 1))" ||
            die "port eth$i did not appear; see $OVS_LOGDIR/ovs-vswitchd.log"
    done
}

# Ends a daemon of the switch, $1 its name, by signal $2.
daemon_kill () {
    local pid
    pid=$(pid_in_ns "$OVS_RUNDIR/$1.pid" sw) || die "$1 does not run."
    kill "-$2" "$pid"
    wait_for 5 all_gone "$pid" || die "$1 did not end by signal $2."
}

daemon_start () {
    case $1 in
        ovsdb-server) ovsdb_start ;;
        ovs-vswitchd)
            vswitchd_start
            bridge_addresses ;;
        ovs-tprd) agent_start ;;
        *) die "there is no daemon \"$1\": ovsdb-server, ovs-vswitchd, ovs-tprd." ;;
    esac
}
