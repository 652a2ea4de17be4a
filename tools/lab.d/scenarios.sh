# shellcheck shell=bash
# Published experiments about balancing load, repeated: rr4, rr5, table2,
# table3, cpu; and "switchover", which nobody published.
#
# Each builds a lab of its own, with a service address that no server has:
#
#   client .10 --- switch .1 --+-- r1 = site1: .50, .51
#                  VIP .100    +-- r2 = site2: .60, .61, .62

SCENARIO_VIP=$NET4.100

# Builds the lab for scenario $1, and removes it at the end.
scenario_up () {
    SCENARIO=$1
    # shellcheck disable=SC2034
    REGIONS=2 VIP=$SCENARIO_VIP INTERVAL=50ms
    need_programs tpr-perf python3
    trap scenario_end EXIT
    # A subshell, so that this one's trap stays.
    (QUIET=yes lab_up)
    load_settings
    in_ns sw ovs-ofctl -O OpenFlow14 dump-redirects br0 > /dev/null 2>&1 ||
        die "$1: this Open vSwitch has no redirect objects, which count" \
            "connections; take the one that is built here."
}

scenario_end () {
    local status=$?
    trap - EXIT
    name_lab
    lab_down
    groups_down
    exit $status
}

# Address of server $2, from 1 on, of site $1.
server_ip () { echo "$NET4.$(($(region_host "$1") + $2 - 1))"; }

# Puts $2 servers, each an nginx of its own, into site $1 in place of its one.
site_up () {
    local site=$1 k dir name pids
    mapfile -t pids < <(nginx_pids "$site")
    end_processes "${pids[@]}"
    for ((k = 1; k <= $2; k++)); do
        name=site$site-web$k
        dir=$DIR/r$site/$name
        mkdir -p "$dir"
        ip -n "$NS-r$site" address replace "$(server_ip "$site" "$k")/24" \
            dev eth0
        cat > "$dir/nginx.conf" <<END
worker_processes 1;
error_log $dir/error.log;
pid $dir/nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    default_type text/plain;
    server {
        listen $(server_ip "$site" "$k"):80;
        add_header X-Served-By $name always;
        location / { return 200 "$name\n"; }
    }
}
END
        in_ns "r$site" nginx -p "$dir/" -c "$dir/nginx.conf" \
            -e "$dir/error.log"
    done
}

# Commands of ovs-tprctl that make service "web" anew: scenario_service
# POLICY [KEY=VALUE]... -- ARGUMENTS OF add-backend web...
scenario_configure () {
    in_ns sw ovs-tprctl del-service web
    in_ns sw ovs-tprctl --timeout=20 "$@" -- set-check web http path=/health \
        expect=200 interval=2s timeout=2s fall=3 rise=2
}

# Waits until redirect objects carry the service and $1 backends are usable.
scenario_wait () {
    wait_for 20 scenario_ready "$1" || die "the backends are not up:" \
        "$(in_ns sw ovs-appctl -t ovs-tprd tpr/services || :)"
}

scenario_ready () {
    in_ns sw ovs-appctl -t ovs-tprd tpr/services --json |
        "$LIB/scenarios.py" ready "$1"
}

# Connections that each backend was given so far.
scenario_counts () {
    in_ns sw ovs-appctl -t ovs-tprd tpr/connections --json web limit=0 \
        > "$DIR/$1.json"
}

# Prints what was measured beside what was published.
scenario_report () {
    "$LIB/scenarios.py" report "$SCENARIO" ${JSON:+--json} "$DIR" \
        ${SCENARIO_PARTS-}
}

# One hundred requests to four servers, or five: $1 servers at site2.
round_robin () {
    local site k backends=()
    scenario_up "rr$(($1 + 2))"
    site_up 1 2
    site_up 2 "$1"
    for site in 1 2; do
        for ((k = 1; k <= (site == 1 ? 2 : $1); k++)); do
            backends+=(-- add-backend web "r$site" "$(server_ip $site "$k")"
                       "name=site$site-web$k")
        done
    done
    scenario_configure add-service web "$(vip_word)" policy=round-robin \
        "${backends[@]}"
    scenario_wait $(($1 + 2))
    scenario_counts before
    in_ns c tpr-perf --json --requests 100 -t 2s "$(url_of "$VIP")" \
        > "$DIR/perf.json"
    scenario_counts after
    scenario_report
}

# Requests one after another, for each of the published times or $DURATION;
# either region is at its limit as soon as it has had one packet.
table2 () {
    local time times=(20s 60s)
    test -z "$DURATION" || times=("$DURATION")
    scenario_up table2
    scenario_configure add-service web "$(vip_word)" policy=spillover \
        spill_metric=packets \
        -- add-backend web r1 "$(region_ip 1)" priority=1 max_pps=1 \
        -- add-backend web r2 "$(region_ip 2)" priority=2 max_pps=1
    scenario_wait 2
    for time in "${times[@]}"; do
        mkdir "$DIR/$time"
        say "table2: requests for $time"
        in_ns c tpr-perf --json -d "$time" -i 1ms -t 2s "$(url_of "$VIP")" \
            > "$DIR/$time/perf.json"
    done
    SCENARIO_PARTS="${times[*]}"
    scenario_report
}

# Two thousand connections that stay open; each region may have a thousand.
table3 () {
    local site backends=()
    scenario_up table3
    for site in 1 2; do
        backends+=(-- add-backend web "r$site" "$(region_ip $site)"
                   "priority=$site" max_connections=1000)
    done
    scenario_configure add-service web "$(vip_word)" policy=failover \
        "${backends[@]}"
    scenario_wait 2
    scenario_counts before
    # Each on a connection of its own, for as long as it runs.
    in_ns c tpr-perf --json --requests 2000 -c 2000 --rate 2000 --keepalive \
        -t 10s "$(url_of "$VIP")" > "$DIR/perf.json"
    scenario_counts after
    scenario_report
}

# A region is emptied by "drain" and another preferred by "failover", and both
# are taken back, a sixth of the time each, while 2,000 new connections a
# second come and 200 old ones stay.
switchover () {
    local step perf hold
    scenario_up switchover
    scenario_configure add-service web "$(vip_word)" policy=failover \
        failback_hold=100ms \
        -- add-backend web r1 "$(region_ip 1)" priority=1 \
        -- add-backend web r2 "$(region_ip 2)" priority=2
    scenario_wait 2
    DURATION=${DURATION:-60s}
    step=$(awk -v us="$(to_us "$DURATION")" 'BEGIN { print us / 6e6 }')
    # Not in_ns, which would be a shell between the signal and the program.
    ip netns exec "$NS-c" "$LIB/hold.py" "$VIP" 200 "$DIR/held" \
        > "$DIR/hold.json" &
    hold=$!
    wait_for 10 test -e "$DIR/held" || die "200 connections do not open."
    scenario_counts before
    in_ns c tpr-perf --json -d "$DURATION" --rate 2000 -c 200 -t 2s \
        "$(url_of "$VIP")" > "$DIR/perf.json" &
    perf=$!
    sleep "$step"
    in_ns sw ovs-tprctl drain r1 --reason switchover --wait
    sleep "$step"
    in_ns sw ovs-tprctl undrain r1
    sleep "$step"
    in_ns sw ovs-tprctl failover web r2 --wait
    sleep "$step"
    in_ns sw ovs-tprctl failback web
    wait "$perf" || die "tpr-perf failed."
    scenario_counts after
    kill -INT "$hold"
    wait "$hold" || :
    in_ns sw ovs-appctl -t ovs-tprd tpr/history --json > "$DIR/history.json"
    scenario_report
}
