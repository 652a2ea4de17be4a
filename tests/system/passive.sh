# shellcheck shell=bash
# Passive detection: health checks are slow, clients know first; sourced by
# tests after lib.sh and deaths.sh.

EXPECTED_LOGS+=('agent\|WARN\|Bridge br0: datapath bpf')

# Health checks every 4 s: three of them take up to 12 s.
slow_checks () {
    ctl set-check web http path=/health expect=200 interval=4s timeout=4s \
        rise=1
    ctl set-service web passive_detection="$1"
    wait_is Service web provider bpf
    expect_is Service web complaint ''
}

in_region () {
    local region=$1
    shift
    "$LAB" exec --name "$NAME" "$region" -- "$@"
}

# The server of r1 is silent, its host and its beats are not.
silence_server () {
    in_region r1 nft -f - <<'END'
        table inet passive {
          chain input {
            type filter hook input priority 0;
            tcp dport 80 drop
          }
        }
END
}

heal_server () { in_region r1 nft delete table inet passive; }

# statistic BACKEND_REGION KEY: a counter of a backend of the service.
statistic () {
    appctl tpr/show --json | tr '{' '\n' |
        sed -n "/\"suspect\":/s/.*\"$1\":\([0-9]*\).*/\1/p" |
        awk '{ n += $1 } END { print n + 0 }'
}
