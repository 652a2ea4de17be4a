#! /bin/bash
# BPF: killed with -9 while it changes objects; the next process finds its way
# in what is left, and connections of other services suffer nothing.
#
#   c --- [ bridge ] --- b1, b2
#
# Runs beside others.

. "$(dirname "$0")/bpf.sh"
. "$(dirname "$0")/bpf-restart.sh"

# Commands that are carried out while nobody waits: objects with and without
# port ranges, of the same VIP, come, change and go.
storm () {
    local i id of
    of="output=$(ifindex pb1),mac=$(mac b1)"
    for i in $(seq 40); do
        id=$((10 + i % 7))
        echo "set id=$id,vip=$VIP4,tcp,port=$((8000 + id)),port=$((9000 + i)),policy=maglev,backend=10.9.0.$((20 + i % 3)),$of,backend=10.9.0.$((30 + i)),$of"
        echo "set id=$((id + 10)),vip=$VIP4,tcp,port=$((1000 * id))-$((1000 * id + 500)),policy=failover,backend=10.9.0.$((20 + i % 5)),$of"
        test $((i % 3)) != 0 || echo "del $((id + 10))"
    done >&7
}

hosts c b1 b2
bridge
servers b1 b2
probe_start
ports kernel
services b1 b2
hold_start
for round in 3 20 41 60 77; do
    storm
    # Some of it is done.
    for _ in $(seq $round); do answer > /dev/null; done
    probe_kill
    probe_start
    grep -qx 'taken over' "$DIR/said" || fail "it was not taken over"
    probe ids
    grep -q '^1 2 3 4 ' "$DIR/said" || fail "objects are missing"
    ports kernel
    check_new_connections
    # All of them can be changed, and deleted.
    ids=$(probe ids)
    for id in $ids; do
        test "$id" -le 4 || probe "del $id"
    done
    probe ids
    grep -qx '1 2 3 4 ' "$DIR/said" || fail "objects are left"
    services b1 b2
    hold_goes_on 2
done
hold_end
check_taken b1
# Nothing of the others leads anywhere.
test "$(bpftool map dump pinned "$PINS/tpr_services" | grep -c key)" -le 12 ||
    fail "services are left"
probe_end detach
check_clean
