#! /bin/bash
# All packets of a region vanish, its link stays up.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- silence, carrier kept
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab
short_holds
region_dies silent
finish
