#! /bin/bash
# All packets of a region vanish, its link stays up, IPv6.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- silence, carrier kept
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab --ipv6
short_holds
region_dies silent
finish
