#! /bin/bash
# Notify hooks are called with what happened; a hook that hangs is ended.
#
#   client .10 --- switch .1 --+-- r1 .50 = VIP  <- dies
#                              +-- r2 .60
#
# Runs beside others.

. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

# The hook that hangs is ended with a sentence.
EXPECTED_LOGS+=('notify')

start_lab
short_holds
hook=$LABS/$NAME/hook
calls=$LABS/$NAME/calls
cat > "$hook" <<END
#! /bin/sh
echo "\$TPR_EVENT|\$TPR_OBJECT|\$TPR_FROM|\$TPR_TO|\$TPR_REASON|\$TPR_T_US" >> $calls
END
printf '#! /bin/sh\nexec sleep 1000\n' > "$hook-hangs"
chmod +x "$hook" "$hook-hangs"
ctl set TPR . notify="[\"$hook\",\"$hook-hangs\"]" notify_timeout=300ms
expect_healthy

perf_start
lab kill r1 --how silent
expect_region_down
perf_end
perf_t_un_at_most $((DETECTION_MS + 10))
wait_for 5 grep -qE '^TPR-101\|.*r1\|up\|down\|.+\|[0-9]+$' "$calls"
wait_for 5 grep -qE '^TPR-301\|.*web\|.*r1\|.*r2\|' "$calls"
wait_for 5 eval '! pgrep -f "sleep 1000" --ns "$(cat "$LABS/$NAME/run/ovs-tprd.pid")" --nslist net'
comes_back
wait_for 5 grep -qE '^TPR-102\|.*r1\|down\|up\|' "$calls"
finish
