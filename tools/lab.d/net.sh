# shellcheck shell=bash
# Namespaces, links and addresses of a lab.
#
#    tpr-NAME-c             tpr-NAME-sw                   tpr-NAME-w
#   +---------+      +----------------------+      +---------------------+
#   | client  | veth |   br0 (LOCAL .1)     | veth |      wire1          |
#   | eth0 .10|------| eth0            eth1 |------| sw1 ------------ r1 |--+
#   +---------+      |                 eth2 |--+   |      wire2          |  |
#                    +----------------------+  +---| sw2 ------------ r2 |-+|
#                                                  +---------------------+ ||
#                     172.20.126.0/24                tpr-NAME-r2 eth0 .60 -+|
#                     2001:db8:126::/64              tpr-NAME-r1 eth0 .50 --+
#
# Everything is one subnet.  The wires are Linux bridges in a namespace of
# their own, so that a region can vanish without taking the carrier from the
# switch's port.

NET4=172.20.126
NET6=2001:db8:126:

# Last byte of the address of region $1, and its addresses.
region_host () { echo $((40 + 10 * $1)); }
region_ip4 () { echo "$NET4.$(region_host "$1")"; }
region_ip6 () { echo "$NET6:$(region_host "$1")"; }

# Address of region $1 in the family of the service.
region_ip () {
    if test -n "$IPV6"; then region_ip6 "$1"; else region_ip4 "$1"; fi
}

# Ethernet address that goes with the last byte $1: readable in a trace.
mac_of () { printf '02:00:ac:14:7e:%02x' "$1"; }

# URL of http://address $1.
url_of () {
    case $1 in
        *:*) echo "http://[$1]/" ;;
        *) echo "http://$1/" ;;
    esac
}

# Number of region "$1", which must exist.
region_number () {
    case $1 in
        r[1-9] | r[12][0-9])
            test "${1#r}" -gt "$REGIONS" || {
                echo "${1#r}"
                return
            } ;;
    esac
    die "there is no region \"$1\"; this lab has r1 to r$REGIONS."
}

net_up () {
    local i
    for ns in c sw w; do make_ns "$ns"; done
    in_ns w sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
    # Many short connections, one after another.
    in_ns c sh -c 'cd /proc/sys/net/ipv4 &&
        echo 10000 60999 > ip_local_port_range && echo 1 > tcp_tw_reuse'

    make_veth c eth0 "$(mac_of 10)" sw eth0
    add_addresses c eth0 10
    for ((i = 1; i <= REGIONS; i++)); do
        make_ns "r$i"
        make_veth w "sw$i" '' sw "eth$i"
        make_veth w "r$i" '' "r$i" eth0 "$(mac_of "$(region_host "$i")")"
        ip -n "$NS-w" link add "wire$i" type bridge stp_state 0 mcast_snooping 0
        ip -n "$NS-w" link set "wire$i" up
        ip -n "$NS-w" link set "sw$i" master "wire$i"
        ip -n "$NS-w" link set "r$i" master "wire$i"
        add_addresses "r$i" eth0 "$(region_host "$i")"
    done
}

make_ns () {
    ip netns add "$NS-$1"
    ip -n "$NS-$1" link set lo up
    in_ns "$1" sh -c 'cd /proc/sys/net/ipv6/conf &&
        echo 0 > all/accept_dad && echo 0 > default/accept_dad'
}

# A link from namespace $1, interface $2, Ethernet address $3 or none, to
# namespace $4, interface $5, address $6 or none.  Nothing along the path
# finishes checksums or adds tags, so the senders must.
make_veth () {
    ip -n "$NS-$1" link add "$2" ${3:+address "$3"} type veth \
        peer name "$5" ${6:+address "$6"} netns "$NS-$4"
    ip -n "$NS-$1" link set "$2" up
    ip -n "$NS-$4" link set "$5" up
    in_ns "$1" ethtool -K "$2" tx off txvlan off > /dev/null
    in_ns "$4" ethtool -K "$5" tx off txvlan off > /dev/null
}

# Gives interface $2 in namespace $1 the addresses that end in $3.
add_addresses () {
    ip -n "$NS-$1" address add "$NET4.$3/24" dev "$2"
    ip -n "$NS-$1" address add "$NET6:$3/64" dev "$2" nodad
}

net_down () {
    local ns
    for ns in $(all_ns); do
        end_ns_processes "$ns"
        ip netns delete "$NS-$ns"
    done
}

# The wire of region $1: cut and mend it, with or without the carrier at the
# switch.
wire_link_down () { ip -n "$NS-w" link set "sw$1" down; }
wire_link_up () { ip -n "$NS-w" link set "sw$1" up; }
wire_silent () { ip -n "$NS-w" link set "r$1" nomaster; }
wire_mend () { ip -n "$NS-w" link set "r$1" master "wire$1"; }
