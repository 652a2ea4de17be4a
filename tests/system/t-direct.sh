#! /bin/bash
# Requests to a server's own address are answered while its service is redirected.
#
#   client .10 --- switch .1 --+-- r1 .50        <- dies
#     VIP .50, .60             +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab
# Flows cannot tell a client's port that was used to both addresses within 60 s
# (README, Limits): direct requests take ports that others do not.
direct () {
    local n
    for n in $(seq "$1"); do
        port=$((port + 1))
        on_client curl -sf -m 3 --local-port $port -o /dev/null -D - "$2" |
            grep -qi '^x-served-by: r2' ||
            fail "$2 was not answered by r2 (request $n from port $port)."
    done
}
port=20000
short_holds
expect_healthy
direct 1 http://172.20.126.60/
lab kill r1 --how silent
expect_region_down

# Another port of the same server, and the service's port at its own address.
expect_answer r2 http://172.20.126.60:8080/
direct 1 http://172.20.126.60/
# Both at once: neither disturbs the other.
perf_start -t 1500ms
direct 20 http://172.20.126.60/
perf_end
perf_at_most failures 0
on_client ping -c 1 -W 1 172.20.126.60 > /dev/null || fail "r2 does not answer pings."
comes_back
finish
