# shellcheck shell=bash
# What the tests of heartbeats in the kernel share, beside bfd.sh: a BPF file
# system that outlives the probe, and what the kernel has.

export OVS_RUNDIR=$DIR/run

beat_exit () {
    local status=$?
    trap - EXIT
    set +e
    umount "$DIR/run/bpf" || status=1
    (exit $status)
    at_exit
}

need_kernel_beats () {
    command -v bpftool > /dev/null || skip "bpftool was not found"
    mkdir -p "$DIR/run/bpf"
    mount -t bpf none "$DIR/run/bpf" 2> /dev/null || skip "no BPF file system can be mounted here"
    trap beat_exit EXIT
}

# kernel_probe NAME FAMILY receive|send OPTION...: as "probe", with the kernel
# and a liveness page.
kernel_probe () {
    local name=$1 family=$2 kernel=$3
    shift 3
    # Removed by whoever begins anew, as after a crash.
    rm -f "$DIR"/run/bpf/page-*
    PAGE=$DIR/run/bpf/page-$name
    probe "$name" "$family" --kernel "$kernel" --page "$PAGE" "$@"
}

word_is () { test "$(hb-probe --read "$DIR/run/bpf/page-$1")" = "$2"; }

# The table of sessions, as the kernel has it: "armed" of the first, and its
# interval.
armed () {
    bpftool --json map dump pinned "$DIR"/run/bpf/hb-probe-*/tpr_beat_table |
        python3 -c '
import json, sys
rx = json.load(sys.stdin)[0]["formatted"]["value"]["rx"]
sys.exit(not (rx["armed"] and sys.argv[1] in ("", str(rx["interval_us"]))))' "${1-}"
}
wait_armed () { wait_for 10 armed "${2-}"; }

gone () { test ! -e "/proc/$1"; }
wait_gone () {
    wait "$1" 2> /dev/null || :
    wait_for 5 gone "$1"
}
