#! /bin/bash
# Metrics over HTTP: where they are told to be, true, and as promtool likes them.
#
#   client .10 --- switch .1, 127.0.0.1:9850 --+-- r1 .50, killed
#                                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"
for program in curl python3; do
    command -v $program > /dev/null || skip "$program was not found"
done

URL=http://127.0.0.1:9850/metrics
scrape () { on_switch curl -sS --max-time 5 "${1:-$URL}"; }
status_of () { on_switch curl -s --max-time 5 -o /dev/null -w '%{http_code}' "$@"; }

# value NAME{LABELS}: of that sample, of the last scrape.
value () { awk -v n="$1 " 'index($0, n) == 1 { print $NF }' <<< "$TEXT"; }
# has SAMPLE VALUE: the next scrape says so.
has () {
    TEXT=$(scrape)
    test "$(value "$1")" = "$2"
}

TPR_DATAPATH=ovs start_lab
short_holds

echo "off by default"
test "$(status_of $URL)" = 000 || fail "somebody listens before it is told to"

echo "a port alone is on the loopback interface alone"
ctl set-option metrics=9850
wait_for 5 scrape
TEXT=$(scrape)
on_switch ss -Hltn 'sport = :9850' | grep -q '127\.0\.0\.1:9850' ||
    fail "not at 127.0.0.1"
test "$(on_switch ss -Hltn 'sport = :9850' | wc -l)" = 1 || fail "elsewhere, too"
test "$(value 'tpr_state{state="ok"}')" = 1 || fail "state: $TEXT"
test "$(value 'tpr_region_state{region="r1",state="up"}')" = 1 || fail "r1: $TEXT"
test "$(value tpr_complaints)" = 0 || fail "complaints: $TEXT"
B1='{service="web",backend="web/r1",region="r1"}'
test "$(value "tpr_backend_active$B1")" = 1 || fail "web/r1: $TEXT"

echo "promtool"
if command -v promtool > /dev/null; then
    promtool check metrics <<< "$TEXT" || fail "promtool does not like it"
else
    echo "promtool (Debian package prometheus) was not found: not asked"
fi

echo "counters count"
before=$(value "tpr_backend_connections_total$B1")
on_client curl -s -o /dev/null "$(url)"
on_client curl -s -o /dev/null "$(url)"
wait_for 5 has "tpr_backend_connections_total$B1" $((before + 2))
test "$(value "tpr_backend_packets_total${B1%\}},direction=\"to\"}")" -ge 8 ||
    fail "packets: $TEXT"
test "$(value "tpr_backend_bytes_total${B1%\}},direction=\"from\"}")" -ge 200 ||
    fail "bytes: $TEXT"

echo "a death is seen"
lab kill r1 --how link
wait_for 5 has 'tpr_region_state{region="r1",state="down"}' 1
test "$(value 'tpr_region_transitions_total{region="r1",to="down"}')" = 1 ||
    fail "transitions: $TEXT"

echo "HTTP manners"
test "$(status_of http://127.0.0.1:9850/)" = 404 || fail "/ is there"
test "$(status_of -X POST -d x=y $URL)" = 405 || fail "POST is taken"
test "$(status_of -I $URL)" = 200 || fail "HEAD is not taken"
on_switch curl -s -D - -o /dev/null $URL | tr -d '\r' |
    grep -qix 'content-type: text/plain; version=0.0.4; charset=utf-8' ||
    fail "content type: $(on_switch curl -s -D - -o /dev/null $URL)"

echo "many at once get the same"
on_switch python3 - <<'END' || fail "many at once"
import threading, urllib.request
texts = []
def get():
    with urllib.request.urlopen('http://127.0.0.1:9850/metrics', timeout=5) as r:
        texts.append(r.read())
threads = [threading.Thread(target=get) for _ in range(24)]
for t in threads: t.start()
for t in threads: t.join()
assert len(texts) == 24 and len(set(texts)) <= 4, (len(texts), len(set(texts)))
END

echo "IPv6, and a bad address changes nothing"
ctl set-option 'metrics=[::1]:9850'
wait_for 5 scrape 'http://[::1]:9850/metrics'
test "$(status_of $URL)" = 000 || fail "still at 127.0.0.1"
EXPECTED_LOGS+=('TPR \.: metrics: ')
complains () { appctl tpr/show | grep -qF -e "$1"; }
ctl set TPR . 'metrics="::1:9850"'
wait_for 5 complains 'complaint: TPR .: metrics: "::1:9850" is ambiguous'
scrape 'http://[::1]:9850/metrics' > /dev/null || fail "the good one is gone"
ctl set TPR . 'metrics="192.0.2.77:9851"'
wait_for 5 complains \
    'metrics: cannot listen at 192.0.2.77:9851 (Cannot assign requested address); they stay at [::1]:9850'
scrape 'http://[::1]:9850/metrics' > /dev/null || fail "the good one is gone"

echo "what cannot be had is tried again"
on_switch ip addr add 192.0.2.77/32 dev lo
wait_for 5 scrape http://192.0.2.77:9851/metrics
has_no_complaint () { ! complains 'metrics:'; }
wait_for 5 has_no_complaint

echo "the switch hangs: no counters, but an answer"
pid=$(cat "$LABS/$NAME/run/ovs-vswitchd.pid")
URL=http://192.0.2.77:9851/metrics
EXPECTED_LOGS+=('rconn|ofconn|datapath_of|stream|vconn|jsonrpc|timeval')
kill -STOP "$pid"
answers_without () {
    TEXT=$(scrape) && test -n "$(value "tpr_backend_weight$B1")" &&
        test -z "$(value "tpr_backend_open_connections$B1")"
}
hangs=$(for _ in {1..100}; do ! answers_without || { echo yes; break; }; done)
kill -CONT "$pid"
test "$hangs" = yes || fail "no answer while the switch hangs"

echo "off again"
ctl set-option metrics=
is_off () { test "$(status_of $URL)" = 000; }
wait_for 5 is_off
finish
