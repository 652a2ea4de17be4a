/* SPDX-License-Identifier: Apache-2.0 */

/* The pure heartbeat detector: see heartbeat.h, which draws its machine. */

#include <config.h>
#include "heartbeat.h"

#include <limits.h>
#include <string.h>
#include "beat-rules.h"
#include "util.h"

/* Returns the name of 'state'. */
const char *
heartbeat_state_to_string(enum heartbeat_state state)
{
    switch (state) {
#define HEARTBEAT_STATE(ENUM, NAME) case HEARTBEAT_##ENUM: return NAME;
        HEARTBEAT_STATES
#undef HEARTBEAT_STATE
    }
    return "invalid";
}

/* Returns 'cause' as one clause. */
const char *
heartbeat_cause_to_string(enum heartbeat_cause cause)
{
    switch (cause) {
#define HEARTBEAT_CAUSE(ENUM, NAME) case HEARTBEAT_CAUSE_##ENUM: return NAME;
        HEARTBEAT_CAUSES
#undef HEARTBEAT_CAUSE
    }
    return "invalid";
}

/* The deadline without extensions; DOWN has none. */
static void
update_deadline(struct heartbeat *hb)
{
    hb->deadline_us = (hb->state == HEARTBEAT_DOWN
                       ? LLONG_MAX
                       : hb->silent_us + hb->detect_us);
}

static enum heartbeat_decision
transition(struct heartbeat *hb, enum heartbeat_state state,
           enum heartbeat_cause cause, long long int now_us)
{
    hb->state = state;
    hb->cause = cause;
    hb->since_us = now_us;
    hb->good = 0;
    tpr_beat_clear(&hb->guard);
    update_deadline(hb);
    if (state == HEARTBEAT_UP) {
        hb->n_up++;
        return HEARTBEAT_WENT_UP;
    } else {
        hb->n_down++;
        return HEARTBEAT_WENT_DOWN;
    }
}

/* Makes 'hb' a detector in state UNKNOWN at 'now_us'.  Its first detection
 * time starts now. */
void
heartbeat_init(struct heartbeat *hb, const struct heartbeat_config *cfg,
               long long int now_us)
{
    memset(hb, 0, sizeof *hb);
    hb->since_us = now_us;
    hb->silent_us = now_us;
    heartbeat_configure(hb, cfg, now_us);
}

/* Changes the configuration and keeps state and statistics.  Detection becomes
 * interval * fall; an owner with a negotiated one sets it again.  Zeros count
 * as one. */
void
heartbeat_configure(struct heartbeat *hb, const struct heartbeat_config *cfg,
                    long long int now_us)
{
    hb->cfg = *cfg;
    hb->cfg.fall = MAX(cfg->fall, 1);
    hb->cfg.rise = MAX(cfg->rise, 1);
    heartbeat_set_detection(hb, cfg->interval_us,
                            cfg->interval_us * hb->cfg.fall, now_us);
}

/* Sets the interval at which beats are due and the silence that means "down",
 * in microseconds, both at least 1.  Counted from the last beat; extensions
 * that were granted stay in force at the new interval.  If the new deadline
 * has passed already, the next heartbeat_run() acts on it. */
void
heartbeat_set_detection(struct heartbeat *hb, long long int interval_us,
                        long long int detect_us, long long int now_us)
{
    bool changed;

    interval_us = MAX(interval_us, 1);
    detect_us = MAX(detect_us, 1);
    changed = (interval_us != hb->cfg.interval_us
               || detect_us != hb->detect_us);
    hb->cfg.interval_us = interval_us;
    hb->detect_us = detect_us;
    if (changed || !hb->deadline_us) {
        update_deadline(hb);
        if (hb->guard.excuses && hb->state != HEARTBEAT_DOWN) {
            hb->deadline_us = MAX(hb->deadline_us, now_us + interval_us);
        }
    }
}

/* Counts a beat at 'now_us' towards 'rise', unless it came too soon after the
 * last one to prove anything more; silence of a detection time starts over. */
static void
count_good(struct heartbeat *hb, long long int now_us)
{
    if (hb->good && now_us - hb->silent_us >= hb->detect_us) {
        hb->good = 0;
    }
    if (!hb->good || now_us - hb->counted_us >= hb->cfg.interval_us / 2) {
        hb->good++;
        hb->counted_us = now_us;
    }
}

/* Should be called when a good beat was received at 'now_us'. */
enum heartbeat_decision
heartbeat_beat(struct heartbeat *hb, long long int now_us)
{
    hb->n_beats++;
    if (hb->state == HEARTBEAT_UP) {
        hb->max_gap_us = MAX(hb->max_gap_us, now_us - hb->silent_us);
    } else {
        count_good(hb, now_us);
    }
    hb->last_beat_us = now_us;
    hb->silent_us = now_us;
    tpr_beat_clear(&hb->guard);
    update_deadline(hb);

    return (hb->state != HEARTBEAT_UP && hb->good >= hb->cfg.rise
            ? transition(hb, HEARTBEAT_UP, HEARTBEAT_CAUSE_BEATS, now_us)
            : HEARTBEAT_NOTHING);
}

/* Should be called when somebody else has received 'n' beats, the last at
 * 'last_us', whose longest gap ever was 'max_gap_us', while UP. */
void
heartbeat_relay(struct heartbeat *hb, uint64_t n, long long int last_us,
                long long int max_gap_us)
{
    hb->n_beats += n;
    hb->max_gap_us = MAX(hb->max_gap_us, max_gap_us);
    if (hb->state == HEARTBEAT_UP && last_us > hb->last_beat_us) {
        hb->last_beat_us = last_us;
        hb->silent_us = last_us;
        tpr_beat_clear(&hb->guard);
        update_deadline(hb);
    }
}

/* Should be called when something other than silence says that the region is
 * down: its peer, the link, the operator ('cause').  The self-stall guard has
 * no say.  Beats in a row start over.  In state DOWN nothing else happens: the
 * cause of the transition stays. */
enum heartbeat_decision
heartbeat_down(struct heartbeat *hb, enum heartbeat_cause cause,
               long long int now_us)
{
    hb->good = 0;
    return (hb->state != HEARTBEAT_DOWN
            ? transition(hb, HEARTBEAT_DOWN, cause, now_us)
            : HEARTBEAT_NOTHING);
}

/* Should be called instead of heartbeat_down() when the peer says "down" only
 * because we had stalled ourselves, for 'late_us': the region lives, but beats
 * must come again within 'grace_us'.  As for silence, at most 'max_excuses'
 * times until the next good beat; returns HEARTBEAT_NOTHING, and nothing
 * changed, if they are used up or there is nothing to excuse. */
enum heartbeat_decision
heartbeat_excuse(struct heartbeat *hb, long long int late_us,
                 long long int grace_us, long long int now_us)
{
    if (hb->state != HEARTBEAT_UP
        || hb->guard.excuses >= hb->cfg.max_excuses) {
        return HEARTBEAT_NOTHING;
    }
    hb->guard.excuses++;
    hb->n_excused++;
    hb->guard.late_us = MAX(hb->guard.late_us, late_us);
    hb->deadline_us = now_us + grace_us;
    return HEARTBEAT_EXCUSED;
}

/* Should be called, before heartbeat_run(), whenever the owner woke up or sent
 * its own beat 'late_us' microseconds later than it had wanted to, and before
 * beats are read if that is more than half an interval. */
void
heartbeat_late(struct heartbeat *hb, long long int late_us)
{
    tpr_beat_late(&hb->guard, late_us, hb->cfg.interval_us);
    hb->max_late_us = MAX(hb->max_late_us, late_us);
}

/* Should be called when heartbeat_deadline() has come, after everything that
 * was received until then has been handed in; may be called at any time.
 *
 * The self-stall guard: silence that ends a detection time in which we were
 * ourselves late by more than half an interval is excused, one interval from
 * now, at most 'max_excuses' times until the next good beat.  If we are late
 * again by then, that is the same stall (up to TPR_BEAT_HOLD_US). */
enum heartbeat_decision
heartbeat_run(struct heartbeat *hb, long long int now_us)
{
    switch (tpr_beat_judge(&hb->guard, now_us, hb->silent_us + hb->detect_us,
                           hb->deadline_us, hb->cfg.interval_us,
                           hb->cfg.max_excuses)) {
    case TPR_BEAT_ALIVE:
        return HEARTBEAT_NOTHING;
    case TPR_BEAT_STILL_EXCUSED:
        hb->deadline_us = now_us + hb->cfg.interval_us;
        return HEARTBEAT_NOTHING;
    case TPR_BEAT_EXCUSED:
        hb->n_excused++;
        hb->deadline_us = now_us + hb->cfg.interval_us;
        return HEARTBEAT_EXCUSED;
    case TPR_BEAT_DEAD:
        break;
    }
    return transition(hb, HEARTBEAT_DOWN, HEARTBEAT_CAUSE_MISSED, now_us);
}

/* Returns when heartbeat_run() wants to be called, LLONG_MAX for never. */
long long int
heartbeat_deadline(const struct heartbeat *hb)
{
    return hb->deadline_us;
}

/* Returns how many whole intervals have passed without a beat at 'now_us',
 * counted from the last beat or from the start. */
unsigned int
heartbeat_missed(const struct heartbeat *hb, long long int now_us)
{
    long long int missed = (now_us - hb->silent_us) / hb->cfg.interval_us;

    return MIN(MAX(missed, 0), UINT_MAX);
}
