# shellcheck shell=bash
# Experiments: requests by tpr-perf while a region dies.

# Runs one experiment in the lab that is up, and stores its row, a JSON object,
# in $DIR/row.json:
#
#   0          $AT                             $DURATION
#   |-- requests -------------------------------->|
#              | kill $VICTIM
run_experiment () {
    local n seq excused perf
    n=$(region_number "$VICTIM")
    need_programs tpr-perf python3
    test ! -e "$DIR/r$n/dead" || die "$VICTIM is dead already; heal it first."
    test -z "$AGENT" || wait_for 10 service_is_on_best ||
        die "the service is not on its best backend:" \
            "$(in_ns sw ovs-tprctl status 2>&1 || :)"
    seq=$(last_seq)
    excused=$(stalls_excused)
    : > "$DIR/perf.json"
    in_ns c tpr-perf --json -d "$DURATION" -t "$TIMEOUT" -i 1ms -c "$CLIENTS" \
        ${TIMELINE:+--timeline "$TIMELINE"} "$(url_of "$VIP")" \
        > "$DIR/perf.json" &
    perf=$!
    sleep "$(awk -v us="$(to_us "$AT")" 'BEGIN { print us / 1e6 }')"
    region_kill "$n" "${HOW:-silent}"
    wait "$perf" || die "tpr-perf failed."
    history_json > "$DIR/history.json"
    "$LIB/report.py" row --interval-us "$(to_us "$INTERVAL")" --fall "$FALL" \
        --how "${HOW:-silent}" --after "$seq" \
        --stalls $(($(stalls_excused) - excused)) \
        "$DIR/perf.json" "$DIR/history.json" > "$DIR/row.json"
}

# Every transition so far, a JSON list.
history_json () {
    if test -n "$AGENT"; then
        in_ns sw ovs-appctl -t ovs-tprd tpr/history --json
    else
        echo '[]'
    fi
}

last_seq () {
    history_json | "$LIB/report.py" last-seq
}

# How often the agent excused a region by its own lateness, so far.
stalls_excused () {
    if test -n "$AGENT"; then
        in_ns sw ovs-appctl -t ovs-tprd tpr/heartbeats --json |
            "$LIB/report.py" stalls
    else
        echo 0
    fi
}

# Fills in what "run" and "table1" were not told; $1 is the default duration.
run_defaults () {
    DURATION=${DURATION:-$1}
    AT=${AT:-$(($(to_us "$DURATION") / 6))us}
}

run_command () {
    run_defaults 10s
    run_experiment
    "$LIB/report.py" table "$DIR/row.json"
    test -z "$JSON" || "$LIB/report.py" json "$DIR/row.json"
}

# Deaths in a row.  Whoever flaps is held down, which would take longer each
# time, so that is switched off; for the living ones, too, whose false deaths
# on a busy machine would only delay the next row.
deaths_command () {
    local i rows=()
    run_defaults 1s
    for ((i = 1; i <= REGIONS; i++)); do
        test -z "$AGENT" || in_ns sw ovs-tprctl set Region "r$i" damping_hold=0s
    done
    test -z "$AGENT" || in_ns sw ovs-tprctl set Service web failback_hold=0s
    for ((i = 1; i <= COUNT; i++)); do
        run_experiment
        mv "$DIR/row.json" "$DIR/row$i.json"
        rows+=("$DIR/row$i.json")
        "$LIB/report.py" line "$DIR/row$i.json" >&2
        region_heal "$(region_number "$VICTIM")"
        test -z "$AGENT" || config_wait
    done
    "$LIB/report.py" spread "${rows[@]}"
    test -z "$JSON" || "$LIB/report.py" json "${rows[@]}"
    rm -f "${rows[@]}"
}
