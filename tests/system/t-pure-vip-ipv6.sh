#! /bin/bash
# A VIP that is no server's address, IPv6: the switch answers ND for it.
#
#   client ::10 --- switch ::1 --+-- r1 ::50     <- dies
#     VIP ::100                  +-- r2 ::60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab --vip 2001:db8:126::100
short_holds
region_dies silent
expect_answer r1 'http://[2001:db8:126::50]/'
on_client ip neigh flush dev eth0
expect_answer r1
finish
