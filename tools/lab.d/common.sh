# shellcheck shell=bash
# What all parts of tools/lab share: messages, where programs and state are,
# waiting for conditions, processes.

die () {
    echo "lab: $*" >&2
    exit 1
}

say () {
    test -n "${QUIET-}" || echo "lab: $*" >&2
}

# Runs "$2 ..." until it succeeds, for at most $1 seconds.
wait_for () {
    local limit=$1 end
    shift
    end=$((SECONDS + limit + 1))
    until "$@" > /dev/null 2>&1; do
        test $SECONDS -lt $end || return 1
        sleep 0.02
    done
}

# Finds the programs: those of a build in $TPR_BUILD, in the source folder or
# in its _build (as build-aux/prepare leaves it); else installed ones.
find_programs () {
    local dir
    for dir in "${TPR_BUILD-}" "${TPR_BUILD:+$TPR_BUILD/main}" "$TOP" \
            "$TOP/_build/main" "$TOP/_build"; do
        if test -n "$dir" && test -e "$dir/tests/env.sh"; then
            # shellcheck source=/dev/null
            . "$dir/tests/env.sh"
            break
        fi
    done
    PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    export PATH OVS_SCHEMA TPR_SCHEMA
    OVS_SCHEMA=$(first_file "${TPR_OVS_DIR-}/vswitchd/vswitch.ovsschema" \
        /usr/local/share/openvswitch/vswitch.ovsschema \
        /usr/share/openvswitch/vswitch.ovsschema)
    TPR_SCHEMA=$(first_file "$TOP/agent/ovs-tpr.ovsschema" \
        /usr/local/share/openvswitch/ovs-tpr.ovsschema \
        /usr/share/openvswitch/ovs-tpr.ovsschema)
}

first_file () {
    local file
    for file in "$@"; do
        if test -e "$file"; then
            echo "$file"
            return
        fi
    done
}

# Complains about every missing program in "$@".
need_programs () {
    local program missing=
    for program in "$@"; do
        command -v "$program" > /dev/null || missing="$missing $program"
    done
    test -z "$missing" ||
        die "not found:$missing; build ovs-tpr first (make), or set TPR_BUILD" \
            "to the folder of its build, and install the Debian packages" \
            "marked \"run\" in build-aux/packages."
}

# Sets what follows from the lab's NAME.
name_lab () {
    case $NAME in
        *[!a-z0-9]* | '') die "--name: \"$NAME\" is not made of a-z and 0-9." ;;
    esac
    DIR=${TPR_LAB_DIR:-/run/ovs-tpr-lab}/$NAME
    NS=tpr-$NAME
    OVS_RUNDIR=$DIR/run
    OVS_LOGDIR=$DIR/log
    OVS_DBDIR=$DIR/db
    export OVS_RUNDIR OVS_LOGDIR OVS_DBDIR
}

# All settings of a lab, kept in $DIR/settings while it is up.
SETTINGS="REGIONS IPV6 INTERVAL FALL HEARTBEAT CHECK DATAPATH VIP AGENT
    REGIOND_CHECK RESPONDER OFFLOAD"

save_settings () {
    local setting
    for setting in $SETTINGS; do
        printf '%s=%q\n' "$setting" "${!setting}"
    done > "$DIR/settings"
}

# Reads the settings of lab NAME, which must be up.
load_settings () {
    name_lab
    test -e "$DIR/settings" ||
        die "lab \"$NAME\" is not up; see: lab up --help"
    # shellcheck source=/dev/null
    . "$DIR/settings"
}

# Runs "$2 ..." in the namespace $NS-$1.
in_ns () {
    local ns=$NS-$1
    shift
    ip netns exec "$ns" "$@"
}

ns_exists () {
    test -e "/run/netns/$NS-$1"
}

# Names of all namespaces of the lab, without prefix; also those that a
# crashed run left.
all_ns () {
    local file
    for file in /run/netns/"$NS"-*; do
        case ${file##*/"$NS"-} in
            c | w | sw | r[0-9] | r[0-9][0-9]) echo "${file##*/"$NS"-}" ;;
        esac
    done
}

# Prints the process id in pidfile $1 if that process runs in namespace $2.
pid_in_ns () {
    local pid
    read -r pid 2> /dev/null < "$1" || return 1
    test "/proc/$pid/ns/net" -ef "/run/netns/$NS-$2" || return 1
    echo "$pid"
}

# True if none of the processes "$@" runs (a zombie does not).
all_gone () {
    local pid state
    for pid in "$@"; do
        state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$pid/status" \
            2> /dev/null) || continue
        case $state in
            '' | Z | X) ;;
            *) return 1 ;;
        esac
    done
}

# Ends the processes "$@": SIGTERM, after 3 seconds SIGKILL.
end_processes () {
    test $# -gt 0 || return 0
    kill -TERM "$@" 2> /dev/null || :
    kill -CONT "$@" 2> /dev/null || :
    wait_for 3 all_gone "$@" || {
        kill -KILL "$@" 2> /dev/null || :
        # A packet socket takes the kernel milliseconds.
        wait_for 30 all_gone "$@" || die "processes $* do not end."
    }
}

# Ends all processes in namespace $NS-$1.  Nobody but the lab puts any there.
end_ns_processes () {
    local pids
    mapfile -t pids < <(ip netns pids "$NS-$1" 2> /dev/null)
    end_processes "${pids[@]}"
}
