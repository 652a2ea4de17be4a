#! /bin/bash
# New connections leave a region whose processors are busy, those that there are stay: tools/lab cpu.
#
#   client .10 --- switch .1 --+-- r1 .50, its processors busy
#     VIP .100                 +-- r2 .60

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/scenario.sh"

scenario cpu
finish
