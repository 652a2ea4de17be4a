# shellcheck shell=bash
# Scenario "cpu": a region whose processors are busy gets no new connections.
#
# What runs in region r1 is in a control group of its own: its processors, as
# it were.  A second tpr-regiond there measures that group and answers the
# agent's questions; in the switch, r1 has a limit.

CPU_LIMIT=10                    # Percent of all processors, which r1 can get
                                # on a machine that has more to do, too.
CPU_REPORT_MS=1000              # Between two questions of the agent.
CPU_MEASURE_MS=200              # What a load is the load of.
CPU_PORT=9777

# Folder of the group of region $1.
group_of () {
    local root
    root=$(findmnt --noheadings --output TARGET --types cgroup2 | head -n 1)
    test -n "$root" || return 1
    echo "$root/$NS-$1"
}

# Removes the groups of a lab whose processes have ended.
groups_down () {
    local group
    group=$(group_of r1) || return 0
    test ! -d "$group" || rmdir "$group"
}

# Microseconds of CLOCK_MONOTONIC, as tpr-perf tells them, if this machine was
# never suspended; to 10 ms.  No process is started for it.
monotonic_us () {
    local uptime
    read -r uptime _ < /proc/uptime
    echo "${uptime/./}0000"
}

# A processor's worth of work in region r1, in its group.  Not in_ns: "ip netns
# exec" hides control groups.
work () {
    nsenter --net="/run/netns/$NS-r1" bash -c \
        'echo $$ > "$0/cgroup.procs" && while :; do :; done' "$CPU_GROUP" &
    disown $!                   # Nobody tells how it ends.
}

load_up () {
    local pid
    CPU_GROUP=$(group_of r1) ||
        die "cpu: no control groups of version 2 are mounted."
    mkdir "$CPU_GROUP" 2> /dev/null ||
        die "cpu: a control group cannot be made in ${CPU_GROUP%/*}."
    for pid in $(nginx_pids 1); do
        echo "$pid" > "$CPU_GROUP/cgroup.procs"
    done
    ip -n "$NS-r1" address add 10.77.0.1/32 dev lo
    mkdir "$DIR/r1/load"
    OVS_RUNDIR=$DIR/r1/load OVS_LOGDIR=$DIR/r1/load \
        nsenter --net="/run/netns/$NS-r1" tpr-regiond -vconsole:off \
        -vsyslog:off --detach --no-chdir --pidfile --log-file \
        --local=10.77.0.1 --agent-check="$(region_ip 1):$CPU_PORT" \
        --agent-metric="cgroup:$CPU_GROUP" --agent-interval=${CPU_MEASURE_MS}ms
}

# True if $1 processes run in the group.
group_has () {
    local pids
    mapfile -t pids < "$CPU_GROUP/cgroup.procs"
    test ${#pids[@]} -ge "$1"
}

# True if r2 is given a new connection.
r2_answers () {
    in_ns c tpr-perf --json --requests 1 -t 2s "$(url_of "$VIP")" |
        grep -q '"server":"r2"'
}

# New connections come and old ones stay while the processors of r1, which has
# been serving all, become busy.
cpu () {
    local hold perf i n=$((2 * $(nproc)))
    scenario_up cpu
    need_programs nsenter findmnt
    load_up
    scenario_configure add-service web "$(vip_word)" policy=spillover \
        spill_metric=cpu \
        -- add-backend web r1 "$(region_ip 1)" priority=1 max_cpu=$CPU_LIMIT \
        -- add-backend web r2 "$(region_ip 2)" priority=2 \
        -- set-agent-check web/r1 port=$CPU_PORT interval=${CPU_REPORT_MS}ms \
           timeout=500ms
    scenario_wait 2
    # Not in_ns, which would be a shell between the signal and the program.
    ip netns exec "$NS-c" "$LIB/hold.py" "$VIP" 50 "$DIR/held" \
        > "$DIR/hold.json" &
    hold=$!
    wait_for 10 test -e "$DIR/held" || die "50 connections do not open."
    scenario_counts before
    ip netns exec "$NS-c" tpr-perf --json -d 60s --rate 100 -c 50 -t 2s \
        "$(url_of "$VIP")" > "$DIR/perf.json" &
    perf=$!
    sleep 1
    monotonic_us > "$DIR/loaded"
    for ((i = 0; i < n; i++)); do
        work
    done
    # nginx is in the group, too.
    wait_for 5 group_has $((n + 1)) || die "cpu: r1 does not get busy."
    monotonic_us >> "$DIR/loaded"
    wait_for 10 r2_answers || die "cpu: new connections stay at r1."
    sleep 1
    kill -INT "$perf"
    wait "$perf" || die "tpr-perf failed."
    scenario_counts after
    kill -INT "$hold"
    wait "$hold" || :
    echo "$CPU_LIMIT $CPU_REPORT_MS $CPU_MEASURE_MS" > "$DIR/limits"
    scenario_report
}
