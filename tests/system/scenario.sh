# shellcheck shell=bash
# What tests of tools/lab's scenarios share; beside lib.sh.

command -v python3 > /dev/null || skip "python3 was not found"

export TPR_SLACK=$SLACK_MS

# scenario NAME [OPTION]...: the scenario must hold, by what it prints.
scenario () {
    local name=$1 status=0 out
    out=$("$LAB" "$@" --name "$NAME" --json 2>&1) || status=$?
    case $out in
        *'no redirect objects'*) skip "this Open vSwitch has no redirect objects" ;;
        *'no control groups of version 2'* | *'a control group cannot be made'*)
            skip "${out##*lab: }" ;;
    esac
    echo "$out"
    test $status = 0 || fail "$name does not hold"
    tail -n 1 <<< "$out" | python3 -c 'import json, sys
r = json.load(sys.stdin)
assert r["scenario"] == sys.argv[1] and r["holds"] is True and r["published"], r
print(r["measured"])' "$name" || fail "$name --json"
}
