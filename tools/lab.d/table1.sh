# shellcheck shell=bash
# The published Table I, row by row, and what was not possible then.

# Seconds between heartbeats, and how many may be missed; as published, and
# two rows of our own.
TABLE1_ROWS="2s,10 2s,5 1s,5 500ms,5 10ms,3 1ms,3"

# Each row gets a lab of its own, so that none starts from another's state.  As
# in the published experiment, only heartbeats watch: health checks would be
# faster than most of these.
table1 () {
    local row base=$NAME rows=()
    run_defaults 60s
    # shellcheck disable=SC2034
    CHECK=none
    TABLE1_DIR=$(mktemp -d "${TMPDIR:-/tmp}/ovs-tpr-table1.XXXXXX")
    trap 'table1_end' EXIT
    for row in $TABLE1_ROWS; do
        INTERVAL=${row%,*}
        FALL=${row#*,}
        NAME=${base}t${#rows[@]}
        say "T_h = $INTERVAL, n = $FALL: requests for $DURATION," \
            "$VICTIM dies (${HOW:-silent}) after $AT"
        # Subshells, so that this one's trap stays.
        (QUIET=yes VIP='' lab_up)
        (load_settings && run_experiment)
        name_lab
        cp "$DIR/row.json" "$TABLE1_DIR/${#rows[@]}.json"
        rows+=("$TABLE1_DIR/${#rows[@]}.json")
        lab_down
        "$LIB/report.py" line "${rows[-1]}" >&2
    done
    "$LIB/report.py" table "${rows[@]}"
    test -z "$JSON" || "$LIB/report.py" json "${rows[@]}"
}

table1_end () {
    local status=$?
    trap - EXIT
    name_lab
    lab_down
    rm -rf "$TABLE1_DIR"
    exit $status
}
