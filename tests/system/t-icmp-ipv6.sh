#! /bin/bash
# Heartbeats by ICMPv6 echo, where nothing else answers.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- silence
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

start_lab --ipv6 --heartbeat icmp
short_holds
region_dies silent
region_dies link
finish
