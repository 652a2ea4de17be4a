#! /bin/bash
# The server of a region is killed, its host lives, IPv6.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- kill -9 of its server
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab --ipv6
short_holds
# 3 checks, 100 ms apart, are refused at once.
server_dies server 420
finish
