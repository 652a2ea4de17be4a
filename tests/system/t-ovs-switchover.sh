#! /bin/bash
# Planned switchover under load: drain, undrain, failover, failback, nothing lost.
#
#   client .10 --- switch .1 --+-- r1 .50
#     VIP .100                 +-- r2 .60

. "$(dirname "$0")/lib.sh"
command -v python3 > /dev/null || skip "python3 was not found"

status=0
out=$("$LAB" switchover --name "$NAME" --duration 3s --json 2>&1) || status=$?
echo "$out"
case $out in
    *'no redirect objects'*) skip "this Open vSwitch has no redirect objects" ;;
esac
test $status = 0 || fail "something was lost"
tail -n 1 <<< "$out" | python3 -c 'import json, sys
r = json.load(sys.stdin)
m = r["measured"]
assert r["scenario"] == "switchover" and r["holds"] is True, r
assert m["failures"] == 0 and m["held"]["resets"] == 0, r
assert m["held"]["servers"] == {"r1": 200}, r
assert m["requests"] > 1500, r' || fail "$out"
finish
