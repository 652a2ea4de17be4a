#! /bin/bash
# Requests to a server's own address are answered while its service is redirected.
#
#   client .10 --- switch .1 --+-- r1 .50        <- dies
#     VIP .50, .60             +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab
short_holds
expect_healthy
expect_answer r2 http://172.20.126.60/
lab kill r1 --how silent
expect_region_down

# Another port of the same server, and the service's port at its own address.
expect_answer r2 http://172.20.126.60:8080/
expect_answer r2 http://172.20.126.60/
# Both at once: neither disturbs the other.
perf_start -t 500ms
for _ in $(seq 20); do expect_answer r2 http://172.20.126.60/; done
perf_end
perf_at_most failures 0
on_client ping -c 1 -W 1 172.20.126.60 > /dev/null || fail "r2 does not answer pings."
comes_back
finish
