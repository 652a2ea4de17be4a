#! /bin/bash
# Published experiments about balancing load hold: tools/lab rr5, table2, table3 (rr4 is like rr5).
#
#   client .10 --- switch .1 --+-- r1 = site1: .50, .51
#     VIP .100                 +-- r2 = site2: .60, .61, .62

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/scenario.sh"

scenario rr5
scenario table2 --duration 1s
scenario table3
finish
