#! /bin/bash
# ovs-tpr-ctl mounts a BPF file system before it starts the agent, once.
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"

RUN=$LABS/$NAME/run
# In the switch's network namespace, with everybody's mounts.
tpr_ctl () {
    nsenter "--net=/run/netns/tpr-$NAME-sw" -- env OVS_RUNDIR="$RUN" \
        OVS_LOGDIR="$LABS/$NAME/log" OVS_DBDIR="$LABS/$NAME/db" \
        OVS_PKGDATADIR="$TPR_SRCDIR/agent" \
        "$TPR_BUILDDIR/agent/ovs-tpr-ctl" "$@"
}
mounts () { awk -v d="$RUN/bpf" '$2 == d && $3 == "bpf"' /proc/mounts | wc -l; }

test -x "$TPR_BUILDDIR/tests/bpf-probe" || skip "built without BPF"
start_lab --no-agent
while umount "$RUN/bpf" 2> /dev/null; do :; done
rm -rf "$RUN/bpf"
tpr_ctl start
test "$(mounts)" = 1 || fail "there are $(mounts) BPF file systems."
[[ $(stat -c %a "$RUN/bpf") = *700 ]] || fail "anybody may look into it."
tpr_ctl restart
test "$(mounts)" = 1 || fail "there are $(mounts) BPF file systems."
tpr_ctl stop
test "$(mounts)" = 1 || fail "it went with the agent."
finish
