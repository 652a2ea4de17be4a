#! /bin/bash
# A client whose neighbour cache (ND) expires in the middle of the outage survives it.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- silence
#   ip neigh flush             +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab --ipv6
short_holds
neighbours_expire
finish
