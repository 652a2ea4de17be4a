#! /bin/bash
# The link of a region goes down.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- its link goes down
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab
short_holds
region_dies link
finish
