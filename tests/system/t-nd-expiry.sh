#! /bin/bash
# A client whose neighbour cache (ND) expires in the middle of the outage survives it.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- silence
#   ip neigh flush             +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

neighbour () { on_client ip neigh show "$VIP" | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'; }

start_lab --ipv6
short_holds
expect_healthy
mac=$(neighbour)
test -n "$mac" || fail "the client does not know the VIP's Ethernet address."

lab kill r1 --how silent
expect_region_down
perf_start -t 500ms
for _ in 1 2 3; do
    on_client ip neigh flush dev eth0
    expect_answer r2
done
perf_end
perf_at_most failures 0
# The switch answers with the address that clients know.
test "$(neighbour)" = "$mac" ||
    fail "the VIP has Ethernet address $(neighbour), it was $mac."

# Nobody needs to forget anything when the owner is back.
comes_back
test "$(neighbour)" = "$mac" ||
    fail "the VIP has Ethernet address $(neighbour), it was $mac."
on_client ip neigh flush dev eth0
expect_answer r1
finish
