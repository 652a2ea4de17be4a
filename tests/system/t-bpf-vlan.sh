#! /bin/bash
# BPF, VLANs: tags are kept, changed and removed, by XDP where it sees them, by tc
# where they stand beside the frame.
#
#   c --- [ ] --- b1
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"

# tagged VID WHAT: 50 datagrams with that tag come to b1 as WHAT, once.
tagged () {
    frames b1 > /dev/null
    on c "$PYTHON" "$SYSTEM/frames.py" "$(address c)" $VIP4 $VIP_MAC "$1" 50
    # shellcheck disable=SC2034  # Read by bpf.sh.
    SEEN=''
    wait_for 5 has_seen b1 "$(address b1)$2=50"
}

all_tags () {
    VLAN='' services b1
    tagged 10 @10
    VLAN=20 services b1
    tagged 10 @20
    VLAN=none services b1
    tagged 10 ''
    # shellcheck disable=SC2034  # Read by bpf.sh.
    VLAN=''
}

hosts c b1
servers b1
probe_start
TAGGED=yes
ports kernel
expect_mode xdp pc pb1
all_tags
check_taken b1

# Who sends keeps tags beside the frame: XDP would not see them.
offloads c txvlan on
ports kernel
expect_mode tc pc -- 'VLAN tags of what arrives at pc are hidden'
expect_mode xdp pb1
all_tags
ports af-packet
expect_mode none pc -- 'VLAN tags'
# Nobody sends tags there.
TAGGED=''
ports af-packet
expect_mode xdp pc pb1

offloads c tx on
offloads b1 tx on
# shellcheck disable=SC2034  # Read by bpf.sh.
TAGGED=yes
ports kernel
expect_mode tc pc pb1
all_tags
probe_end detach
check_clean
