# shellcheck shell=bash
# The configuration of a lab's agent: regions r1, r2 ..., one service "web".

config_up () {
    local i commands=()
    for ((i = 1; i <= REGIONS; i++)); do
        commands+=(-- add-region "r$i" "eth$i")
        test "$HEARTBEAT" = link ||
            commands+=(-- set-heartbeat "r$i" "$HEARTBEAT"
                       "peer=$(region_ip "$i")" "interval=$INTERVAL"
                       "fall=$FALL")
        test "$HEARTBEAT" != bfd || test -z "$OFFLOAD" ||
            commands+=(-- set Heartbeat "r$i" "offload=$OFFLOAD")
    done
    commands+=(-- add-service web "$(vip_word)" policy=failover)
    for ((i = 1; i <= REGIONS; i++)); do
        commands+=(-- add-backend web "r$i" "$(region_ip "$i")" "priority=$i")
    done
    case $CHECK in
        http) commands+=(-- set-check web http path=/health expect=200
                         interval=100ms timeout=100ms fall=3 rise=2) ;;
        tcp) commands+=(-- set-check web tcp interval=100ms timeout=100ms
                        fall=3 rise=2) ;;
    esac
    in_ns sw ovs-tprctl --no-wait init "${commands[@]}"
}

vip_word () {
    case $VIP in
        *:*) echo "[$VIP]:80/tcp" ;;
        *) echo "$VIP:80/tcp" ;;
    esac
}

# Waits until the service is on its best backend and every region is up.
config_wait () {
    local i limit
    # BFD starts with a beat a second; slow ones need rise beats more.
    limit=$((10 + 5 * $(to_us "$INTERVAL") / 1000000))
    for ((i = 1; i <= REGIONS; i++)); do
        in_ns sw ovs-tprctl --timeout="$limit" wait-until Region "r$i" \
            state=up || die "region r$i did not come up:" \
            "$(in_ns sw ovs-appctl -t ovs-tprd tpr/show || :)"
    done
    wait_for "$limit" service_is_on_best || die "the service is not up:" \
        "$(in_ns sw ovs-appctl -t ovs-tprd tpr/show || :)"
}

service_is_on_best () {
    test "$(in_ns sw ovs-tprctl --bare --columns=state list Service web)" = ok
}
