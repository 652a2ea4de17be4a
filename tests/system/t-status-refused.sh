#! /bin/bash
# A database that refuses what the agent writes: an older one, say.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"
command -v python3 > /dev/null || skip "python3 was not found"

DB=unix:$LABS/$NAME/run/db.sock
SCHEMA=$LABS/$NAME/ovsschema
EXPECTED_LOGS+=('status\|WARN\|cannot write status' '(ovsdb|jsonrpc|reconnect).*\|WARN')

# Attempts that the database refused.
refused () { appctl coverage/show | sed -n 's/^txn_error .*total: //p'; }
refused_at_least () { test "$(refused || echo 0)" -ge "$1"; }

# A region's word may be 1 at most there.
narrow () {
    on_switch ovsdb-client get-schema "$DB" TPR > "$SCHEMA"
    python3 - "$SCHEMA" > "$SCHEMA.narrow" << 'EOF'
import json, sys
schema = json.load(open(sys.argv[1]))
schema["tables"]["Region"]["columns"]["index"]["type"]["key"]["maxInteger"] = 1
json.dump(schema, sys.stdout)
EOF
    on_switch ovsdb-client convert "$DB" "$SCHEMA.narrow"
}

start_lab
narrow
ctl --no-wait add-region r3 eth2 vlan=3
wait_for 20 refused_at_least 3
first=$(refused)
started=$(date +%s)
wait_for 20 refused_at_least $((first + 5))
attempts=$(($(refused) - first)) seconds=$(($(date +%s) - started + 1))
test $attempts -le $((seconds * 12)) || fail "$attempts attempts in $seconds s."
expect_answer r1
test "$(grep -c 'status|WARN|cannot write status .*not in the valid range 0 to 1' \
        "$LABS/$NAME/log/ovs-tprd.log")" -ge 1 || fail "the agent does not say so."

# As soon as it may, it writes.
on_switch ovsdb-client convert "$DB" "$SCHEMA"
wait_is Region r3 index 2 20
ctl del-region r3
expect_healthy
finish
