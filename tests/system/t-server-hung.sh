#! /bin/bash
# The server of a region accepts connections and never answers.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- its server stops
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab
short_holds
# 3 checks, each 100 ms apart at most, end after 100 ms without an answer.
server_dies hang 720
finish
