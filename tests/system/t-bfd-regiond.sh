#! /bin/bash
# The heartbeat thread against tpr-regiond: deaths, AdminDown, authentication.

. "$(dirname "$0")/bfd.sh"
need tpr-regiond ovs-appctl

CTL=$DIR/regiond.ctl
mkdir "$DIR/run"
export OVS_RUNDIR=$DIR/run

regiond () {
    in_b tpr-regiond --detach --no-chdir --pidfile="$DIR/regiond.pid" \
        -vconsole:off -vsyslog:off --log-file="$DIR/regiond.log" \
        --unixctl="$CTL" "$@"
}
regiond_kill () {
    local pid
    pid=$(cat "$DIR/regiond.pid")
    kill -9 "$pid"
    rm -f "$DIR/regiond.pid" "$CTL"
}
regiond_exit () {
    local pid
    pid=$(cat "$DIR/regiond.pid")
    ovs-appctl -t "$CTL" exit
    wait_for 5 test ! -e "/proc/$pid"
}

# dies FAMILY INTERVAL_US: comes up, and its death is noticed in time.
dies () {
    regiond
    probe "dies-$1-$2" "$1" --interval-us "$2" --until down
    wait_says "dies-$1-$2" "session state=up remote=up .* detect_us=$(($2 * 3))\$"
    regiond_kill
    wait_says "dies-$1-$2" '^stats'
    died_within "dies-$1-$2" $(($2 * 3)) "$2"
}
dies 4 10000
dies 6 10000
dies 4 1000
dies 6 1000

# A regular end, a signal, and the operator are AdminDown: no detection time.
regiond
probe exit 4 --interval-us 100000 --until down
wait_says exit ' up$'
regiond_exit
wait_says exit 'down cause="peer is administratively down"'
probe_end

regiond
probe term 6 --interval-us 100000 --until down
wait_says term ' up$'
kill -TERM "$(cat "$DIR/regiond.pid")"
wait_says term 'down cause="peer is administratively down"'
probe_end

regiond --peer=10.99.0.1 --local=10.99.0.2
probe order 4 --interval-us 50000
wait_says order ' up$'
ovs-appctl -t "$CTL" regiond/admin-down "cable works"
wait_says order 'remote=admin-down .*remote_diag="administratively down"'
ovs-appctl -t "$CTL" regiond/show | grep -q 'admin-down (cable works)' ||
    fail "regiond/show does not tell the operator's reason"
ovs-appctl -t "$CTL" regiond/admin-up
up_twice () { test "$(grep -c ' up$' "$DIR/order.out")" = 2; }
wait_for 10 up_twice
probe_end
regiond_exit

# A link that goes down is noticed at once, whatever the interval.
regiond
probe link 4 --interval-us 1000000 --link-down-ms 4000 --until down
wait_says link ' up$'
wait_says link 'down cause="link down"'
probe_end
regiond_exit

# Authentication.
echo secret > "$DIR/key"
for auth in simple sha1 meticulous-sha1; do
    regiond --auth=$auth --auth-key-id=1 --auth-key-file="$DIR/key"
    probe "$auth" 4 --auth $auth:secret --interval-us 10000
    wait_says "$auth" 'session state=up remote=up .* detect_us=30000$'
    probe_end
    test "$(value "$auth" stats bad)" = 0 || fail "$auth: packets were discarded"

    # With another key not a single packet counts.
    probe "$auth-wrong" 6 --auth $auth:guess --interval-us 10000 --time-ms 2000
    wait "$PROBE"
    says "$auth-wrong" ' up$' && fail "$auth: came up with a wrong key"
    says "$auth-wrong" 'session state=init' && fail "$auth: a wrong key was heard"
    regiond_exit
done

# Health checks.
cat > "$DIR/server.py" <<'END'
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.path.exists(sys.argv[1]) else 500)
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
END
ip netns exec "$B" "${TPR_PYTHON3:-python3}" "$DIR/server.py" \
    "$DIR/healthy" &
PIDS+=($!)
regiond --check=http://127.0.0.1:8080/health,expect=200 --check-interval=50ms \
    --check-fall=2 --check-rise=2
probe check 4 --interval-us 10000
wait_says check 'remote=admin-down .*remote_diag="concatenated path down"'
says check ' up$' && fail "up before the first check has passed"
touch "$DIR/healthy"
wait_says check ' up$'
regiond_says () { ovs-appctl -t "$CTL" regiond/show | grep -q "$1"; }
regiond_says '^status: serving' || fail "regiond/show does not say that it serves"
rm "$DIR/healthy"
last_is_down () {
    grep -E ' (up|down) ?' "$DIR/check.out" | grep -vE 'session|stats' |
        tail -n 1 | grep -q 'down cause="peer is administratively down"'
}
wait_for 10 last_is_down
regiond_says '^status: failing' ||
    fail "regiond/show does not say that the region fails"
ovs-appctl -t "$CTL" regiond/show --json | grep -q '"status":"failing"' ||
    fail "regiond/show --json does not say that the region fails"
grep -q 'TPR-611.*HTTP status 500' "$DIR/regiond.log" ||
    fail "the log does not say why"
probe_end
regiond_exit

# Strangers and garbage change nothing.
regiond --peer=10.99.0.9
probe stranger 4 --interval-us 10000 --time-ms 2000
wait "$PROBE"
says stranger ' up$' && fail "a stranger was answered"
ovs-appctl -t "$CTL" regiond/show --json | grep -qE '"strays":[1-9]' ||
    fail "the stranger's packets were not counted"
regiond_exit
exit 0
