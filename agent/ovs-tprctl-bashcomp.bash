# SPDX-License-Identifier: Apache-2.0
#
# Completion of ovs-tprctl(8) for bash: commands, options, the names that the
# database has, keys and their values.
#
# What commands and options there are, the program says itself; the names come
# from the database, within a second or not at all.

# Keys of the commands that take KEY=VALUE.
_ovs_tprctl_keys () {
    case $1 in
        set-option)
            echo bridge datapath panic_threshold history_limit \
                notify_timeout flow_table client_table flow_priority metrics ;;
        add-region | set-region)
            echo port vlan gateway damping_hold damping_hold_max \
                damping_reset ;;
        set-heartbeat)
            echo type peer local peer_mac interval fall rise \
                detect_override max_excuses min_tx min_rx passive auth_type \
                auth_key_id auth_key offload ;;
        add-service | set-service)
            echo vip vip_mac policy spill_metric failback failback_hold \
                slow_start drain_timeout on_down on_none stateless \
                affinity affinity_timeout passive_detection ;;
        add-backend | set-backend)
            echo name address port mac priority backup weight slow_start \
                max_connections max_pps max_cpu ;;
        set-check)
            echo type path host send expect keepalive port verify ca_file \
                sni interval fast_interval timeout fall rise ;;
        set-agent-check) echo port send interval timeout ;;
    esac
}

# Values of the keys that take words.
_ovs_tprctl_values () {
    case $1 in
        datapath) echo auto flows ovs bpf ;;
        affinity) echo none source ;;
        backup | keepalive | passive | stateless | verify) echo true false ;;
        auth_type) echo none simple keyed-sha1 meticulous-keyed-sha1 ;;
        policy)
            echo failover weighted round-robin maglev least-connections \
                spillover ;;
        spill_metric) echo connections packets cpu ;;
        failback) echo auto manual ;;
        on_down) echo reset reselect keep ;;
        on_none) echo drop reset pass ;;
    esac
}

# Runs the program against the database of the line that is completed.
_ovs_tprctl_ask () {
    "${_ovs_tprctl_program}" "${_ovs_tprctl_db[@]}" --timeout=1 --no-syslog \
        "$@" 2> /dev/null
}

# Prints the candidates for an argument of the kind $1 of the command $2.
_ovs_tprctl_arguments () {
    local kind

    for kind in ${1//|/ }; do
        case $kind in
            REGION) _ovs_tprctl_ask list-regions ;;
            SERVICE) _ovs_tprctl_ask list-services ;;
            SERVICE/BACKEND) _ovs_tprctl_ask list-backends ;;
            'SERVICE?/BACKEND')
                _ovs_tprctl_ask list-services
                _ovs_tprctl_ask list-backends ;;
            TYPE)
                if test "$2" = set-heartbeat; then
                    echo bfd icmp link
                else
                    echo http https tcp udp icmp
                fi ;;
            TABLE)
                echo TPR Region Heartbeat Service Backend Health_Check \
                    Intent History SSL ;;
            PORT) ovs-vsctl --timeout=1 --columns=name --bare --no-headings \
                list Interface 2> /dev/null ;;
            on | off) echo "$kind" ;;
        esac
    done
}

_ovs_tprctl () {
    local line=${COMP_LINE:0:COMP_POINT} cur word i start command='' at=0
    local -a words template _ovs_tprctl_db=()
    local _ovs_tprctl_program options arguments kind IFS=$' \t\n'

    # By white space: bash breaks words at "=" and ":", too.
    read -ra words <<< "$line"
    case $line in *[[:space:]]) words+=('') ;; esac
    _ovs_tprctl_program=${words[0]}
    cur=${words[${#words[@]}-1]}
    start=1
    for ((i = 1; i < ${#words[@]} - 1; i++)); do
        word=${words[i]}
        case $word in
            --db=*) _ovs_tprctl_db=("$word") ;;
            --db) _ovs_tprctl_db=("--db=${words[i+1]}") ;;
            --) start=$((i + 1)) ;;
        esac
    done
    for ((i = start; i < ${#words[@]} - 1; i++)); do
        word=${words[i]}
        if test -n "$command"; then
            case $word in
                --for | --until | --reason | --limit) i=$((i + 1)) ;;
                --*) ;;
                *) at=$((at + 1)) ;;
            esac
        else
            case $word in
                --db | --timeout | -t | -f | -d | -p | -c | -C)
                    i=$((i + 1)) ;;
                -*) ;;
                *) command=$word ;;
            esac
        fi
    done

    COMPREPLY=()
    if test -z "$command"; then
        case $cur in
            -*)
                options=$("$_ovs_tprctl_program" --options)
                options=${options//=ARG/=}
                COMPREPLY=($(compgen -W "$options" -- "$cur")) ;;
            *)
                COMPREPLY=($(compgen -W "$("$_ovs_tprctl_program" \
                    --commands | cut -d, -f2)" -- "$cur")) ;;
        esac
    else
        options=$("$_ovs_tprctl_program" --commands |
            grep -- ",$command,")
        arguments=${options#*,*,}
        options=${options%%,*}
        options=${options//[\[\]]/}
        case $cur in
            -*)
                COMPREPLY=($(compgen -W "$options --" -- "$cur")) ;;
            *)
                read -ra template <<< "$arguments"
                i=$at
                if ((i >= ${#template[@]})); then
                    i=$((${#template[@]} - 1))
                fi
                kind=${template[i]-}
                case $kind in
                    [*+]KEY=VALUE)
                        case $cur in
                            *=*) COMPREPLY=($(compgen -W \
                                "$(_ovs_tprctl_values "${cur%%=*}")" \
                                -- "${cur#*=}")) ;;
                            *) COMPREPLY=($(compgen -S = -W \
                                "$(_ovs_tprctl_keys "$command")" \
                                -- "$cur")) ;;
                        esac ;;
                    ?FILE | ?PATH)
                        COMPREPLY=($(compgen -f -- "$cur")) ;;
                    *)
                        if ((at < ${#template[@]})); then
                            COMPREPLY=($(compgen -W "$(_ovs_tprctl_arguments \
                                "${kind:1}" "$command")" -- "$cur"))
                        fi ;;
                esac ;;
        esac
    fi
    case ${COMPREPLY[0]-} in
        *=) compopt -o nospace 2> /dev/null ;;
    esac
}
complete -F _ovs_tprctl ovs-tprctl
