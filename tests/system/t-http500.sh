#! /bin/bash
# The server of a region answers 500.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- HTTP 500
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab
short_holds
# 3 checks, 100 ms apart, find the wrong status.
server_dies http500 420
finish
