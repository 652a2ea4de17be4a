#! /bin/bash
# A VIP that is no server's address: the switch answers ARP for it all the time.
#
#   client .10 --- switch .1 --+-- r1 .50        <- dies
#     VIP .100                 +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab --vip 172.20.126.100
short_holds
region_dies silent
# Both servers stay reachable by their own addresses all the time.
expect_answer r1 http://172.20.126.50/
expect_answer r2 http://172.20.126.60/
on_client ip neigh flush dev eth0
expect_answer r1
server_dies server 420
finish
