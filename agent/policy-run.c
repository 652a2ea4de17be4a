/* SPDX-License-Identifier: Apache-2.0 */

/* Policy: the decisions; policy.h says what and why.
 *
 * Everything here is recomputed whole when a fact has changed: states of
 * regions, then backends, then panic, then one choice a service.  That is a
 * few machine instructions for each backend, and leaves no way for parts to
 * disagree. */

#include <config.h>
#include "policy-private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Decisions: regions. */

/* Returns the state that follows from the facts, and stores in '*decided_us'
 * when it was found out: a hold or grace time that ends is found out now. */
static enum heartbeat_state
wanted_state(struct pregion *r, long long int now_us,
             long long int *decided_us)
{
    *decided_us = r->fact_us;
    if (r->grace_us) {
        if (now_us < r->grace_us) {
            return r->state;
        }
        r->grace_us = 0;
        *decided_us = now_us;
        if (r->fact == HEARTBEAT_UNKNOWN) {
            free(r->cause);
            r->cause = xstrdup("not confirmed after a restart");
            r->fact = HEARTBEAT_DOWN;
            r->fact_us = now_us;
        }
    }
    if (r->fact == HEARTBEAT_UP && r->hold_us) {
        if (now_us < r->hold_us) {
            return HEARTBEAT_DOWN;
        }
        r->hold_us = 0;
        *decided_us = now_us;
        free(r->cause);
        r->cause = xasprintf("alive for %lld ms after flapping",
                             r->damping.hold_us / 1000);
    }
    return r->fact;
}

/* Moves 'r' on to the state that follows from the facts. */
void
policy_run_region(struct policy *p, struct pregion *r, long long int now_us)
{
    long long int decided_us;
    enum heartbeat_state state = wanted_state(r, now_us, &decided_us);

    if (state != r->state) {
        struct policy_change *c = policy_add_change(
            p, POLICY_REGION, r->cfg, heartbeat_state_to_string(r->state),
            heartbeat_state_to_string(state),
            xstrdup(r->cause ? r->cause : "unknown"), decided_us);

        c->last_beat_us = r->last_beat_us;
        r->state = state;
        r->since_us = c->decided_us;
        free(r->reason);
        r->reason = xstrdup(c->cause);
    }
    if (r->grace_us) {
        p->deadline_us = MIN(p->deadline_us, r->grace_us);
    }
    if (r->hold_us) {
        p->deadline_us = MIN(p->deadline_us, r->hold_us);
    }
}

/* Decisions: backends. */

/* 'holds' tells whether what flapped is held down. */
static enum policy_reason
judge(const struct pbackend *b, bool holds, long long int now_us)
{
    const struct agent_words *agent = b->cfg->agent_check ? &b->agent : NULL;
    const struct pregion *r = b->region;
    bool held = r->fact == HEARTBEAT_UP && r->hold_us;

    if (r->state == HEARTBEAT_DOWN && (holds || !held)) {
        return held ? POLICY_DAMPED : POLICY_REGION_DOWN;
    } else if (r->state == HEARTBEAT_UNKNOWN) {
        return POLICY_REGION_UNKNOWN;
    } else if (b->cfg->check && b->check == CHECK_FACT_DOWN) {
        return POLICY_CHECK_DOWN;
    } else if (b->cfg->check && b->check == CHECK_FACT_NONE) {
        return POLICY_CHECK_UNKNOWN;
    } else if (holds && b->cfg->check && b->hold_us > now_us) {
        return POLICY_DAMPED;
    } else if (agent && agent_words_is_down(agent)) {
        return POLICY_AGENT_DOWN;
    } else if (agent && agent->admin == AGENT_ADMIN_MAINT) {
        return POLICY_MAINTENANCE;
    } else if (b->draining || r->draining
               || (agent && agent_words_is_draining(agent))) {
        return POLICY_DRAINING;
    } else if (!b->has_port) {
        return POLICY_NO_PORT;
    } else if (!b->has_mac) {
        return POLICY_NO_MAC;
    }
    return b->loaded ? POLICY_LOADED : POLICY_OK;
}

/* Is 'b' too busy, by its agent?  One that was has to have some room first. */
static bool
is_loaded(const struct pbackend *b)
{
    unsigned int max = b->cfg->max_cpu;

    return (b->cfg->agent_check && max && b->agent.has_cpu
            && b->agent.cpu >= (b->loaded ? (max * 9 + 9) / 10 : max));
}

/* A region's death says it all for its backends; their own checks are worth a
 * word of their own. */
void
policy_report_check(struct policy *p, struct pbackend *b)
{
    static const char *const names[] = { "unknown", "up", "down" };

    if (b->cfg->check && b->check != b->reported) {
        struct policy_change *c = policy_add_change(
            p, POLICY_BACKEND, b->cfg, names[b->reported], names[b->check],
            xstrdup(b->cause ? b->cause : ""), b->check_us);

        c->last_beat_us = b->last_good_us;
        c->culprit = b->cfg->region;
        b->reported = b->check;
    }
}

static bool
is_lost(enum policy_reason reason)
{
    return reason == POLICY_REGION_DOWN || reason == POLICY_CHECK_DOWN;
}

/* Returns true if 'reason' may be due to the agent's own start alone. */
static bool
is_not_known(enum policy_reason reason)
{
    return (reason == POLICY_NO_PORT || reason == POLICY_NO_MAC
            || reason == POLICY_REGION_UNKNOWN
            || reason == POLICY_CHECK_UNKNOWN);
}

/* Keeps the word about 'b' and when it began. */
static void
run_backend_state(struct policy *p, struct pbackend *b, long long int now_us)
{
    enum tpr_backend_state state
        = (b->reason == POLICY_OK ? TPR_BACKEND_UP
           : b->reason == POLICY_DRAINING || b->reason == POLICY_LOADED
           ? TPR_BACKEND_DRAINING
           : b->reason == POLICY_MAINTENANCE ? TPR_BACKEND_MAINTENANCE
           : TPR_BACKEND_DOWN);

    if (b->grace_us && now_us < b->grace_us && is_not_known(b->reason)
        && b->state != TPR_BACKEND_NONE) {
        p->deadline_us = MIN(p->deadline_us, b->grace_us);
        return;
    }
    b->grace_us = 0;
    if (b->state != state) {
        b->state = state;
        b->since_us = now_us;
    }
}

/* Notices when 'b' has been drained for so long that its connections end.
 * Who is merely busy is not drained. */
static void
run_drain(struct policy *p, struct pbackend *b, long long int now_us)
{
    const bool maintenance = b->state == TPR_BACKEND_MAINTENANCE;
    const long long int timeout_us = b->cfg->drain_timeout_us;

    if ((!maintenance && b->state != TPR_BACKEND_DRAINING)
        || b->reason == POLICY_LOADED) {
        b->drain_us = 0;
        b->drained = false;
        return;
    }
    b->drain_us = b->drain_us ? b->drain_us : now_us;
    if (!timeout_us) {
        b->drained = false;
    } else if (now_us < b->drain_us + timeout_us) {
        b->drained = false;
        p->deadline_us = MIN(p->deadline_us, b->drain_us + timeout_us);
    } else if (!b->drained) {
        b->drained = true;
        policy_add_change(p, POLICY_BACKEND, b->cfg,
                          maintenance ? "maintenance" : "draining", "drained",
                          xasprintf("drain_timeout of %lld ms is over, "
                                    "connections end", timeout_us / 1000),
                          now_us);
    }
}

/* Should be called when 's' has left 'b', which could still be used, for
 * another one, at 'left_us': its drain timeout counts, unless it was over
 * before 'now_us'.  Where all have connections by turns, nobody is left. */
void
policy_leave(const struct pservice *s, struct pbackend *b,
             long long int left_us, long long int now_us)
{
    if (s->cfg->policy == TPR_POLICY_FAILOVER && b->cfg->drain_timeout_us
        && now_us < left_us + b->cfg->drain_timeout_us) {
        b->left_us = left_us;
    }
}

static void
run_ending(struct policy *p, struct pbackend *b, long long int now_us)
{
    if (!b->ending_us) {
        return;
    } else if (now_us < b->ending_us) {
        p->deadline_us = MIN(p->deadline_us, b->ending_us);
    } else {
        b->ending_us = 0;
        p->reweighed = true;
    }
}

/* Notices when the time is over that connections have at 'b', which its
 * service has left.  Who is chosen again keeps them, who has died or was
 * drained has none. */
static void
run_left(struct policy *p, const struct pservice *s, struct pbackend *b,
         long long int now_us)
{
    const long long int end_us = b->left_us + b->cfg->drain_timeout_us;

    if (s->active == b || is_lost(b->reason) || b->drained
        || !b->cfg->drain_timeout_us
        || s->cfg->policy != TPR_POLICY_FAILOVER) {
        b->left_us = 0;
        if (b->ending_us) {
            b->ending_us = 0;
            p->reweighed = true;
        }
    } else if (b->left_us && now_us < end_us) {
        p->deadline_us = MIN(p->deadline_us, end_us);
    } else if (b->left_us) {
        b->left_us = 0;
        b->ending_us = now_us + POLICY_ENDING_US;
        policy_add_change(p, POLICY_BACKEND, b->cfg, "left", "drained",
                          xasprintf("drain_timeout of %lld ms after its "
                                    "service left it is over, connections "
                                    "end", b->cfg->drain_timeout_us / 1000),
                          now_us);
    }
    run_ending(p, b, now_us);
}

/* Who is busy lives. */
static bool
is_alive(const struct pbackend *b)
{
    return b->reason == POLICY_OK || b->reason == POLICY_LOADED;
}

static void
run_backend(struct policy *p, struct pbackend *b, long long int now_us)
{
    policy_report_check(p, b);
    b->loaded = is_loaded(b);
    b->reason = judge(b, true, now_us);
    b->only_held = ((b->reason == POLICY_DAMPED
                     && judge(b, false, now_us) == POLICY_OK)
                    || b->reason == POLICY_LOADED);
    if (is_alive(b)) {
        b->was_usable = true;
        b->lost_us = 0;
        b->kept = false;
    } else {
        if (b->was_usable && is_lost(b->reason)) {
            b->lost_us = now_us;
        }
        if (!is_lost(b->reason)) {
            b->lost_us = 0;
            b->kept = false;
        }
        b->was_usable = false;
    }
    run_backend_state(p, b, now_us);
    run_drain(p, b, now_us);
    if (b->hold_us > now_us) {
        p->deadline_us = MIN(p->deadline_us, b->hold_us);
    }
}

static void
run_panic(struct policy *p, long long int now_us)
{
    unsigned int n_usable = 0, n_lost = 0;
    struct shash_node *node;
    enum panic_decision decision;

    SHASH_FOR_EACH (node, &p->backends) {
        const struct pbackend *b = node->data;

        n_usable += is_alive(b);
        n_lost += (p->panic.active ? b->kept
                   : b->lost_us && now_us - b->lost_us < PANIC_WINDOW_US);
    }
    decision = panic_run(&p->panic, p->config->panic_threshold, n_usable,
                         n_lost, now_us);
    if (decision != PANIC_NO_CHANGE) {
        bool begin = decision == PANIC_BEGIN;

        policy_add_change(p, POLICY_AGENT, NULL, begin ? "normal" : "panic",
                          begin ? "panic" : "normal",
                          xasprintf("%u of %u backends failed at once",
                                    n_lost, n_usable + n_lost), now_us);
        SHASH_FOR_EACH (node, &p->backends) {
            struct pbackend *b = node->data;

            b->kept = (decision == PANIC_BEGIN && b->lost_us
                       && now_us - b->lost_us < PANIC_WINDOW_US);
            if (decision == PANIC_END) {
                b->lost_us = 0;
            }
        }
    }
    p->deadline_us = MIN(p->deadline_us, panic_deadline(&p->panic));
}

/* Decisions: services. */

static struct pbackend *
forced_backend(const struct pservice *s)
{
    for (size_t i = 0; s->failover && i < s->cfg->n_backends; i++) {
        struct pbackend *b = s->backends[i];

        if (is_alive(b)
            && (!strcmp(b->cfg->region->name, s->failover->to)
                || !strcmp(b->cfg->name, s->failover->to))) {
            return b;
        }
    }
    return NULL;
}

/* What is proven good comes before what panic keeps: where another one lives
 * for sure, nobody waits for the end of a panic.  Between the two comes what
 * lives but is held down after flapping: it may be gone again soon, but until
 * then it serves. */
static struct pbackend *
best_backend(const struct pservice *s)
{
    struct pbackend *held = s->active && s->active->only_held ? s->active
                            : NULL;
    struct pbackend *kept = NULL;

    for (size_t i = 0; i < s->cfg->n_backends; i++) {
        struct pbackend *b = s->backends[i];

        if (b->reason == POLICY_OK) {
            return b;
        } else if (b->only_held && !held) {
            held = b;
        } else if (b->kept && !kept) {
            kept = b;
        }
    }
    return held ? held : kept;
}

static bool
nothing_proven(const struct pservice *s)
{
    if (s->ever) {
        return false;
    }
    for (size_t i = 0; i < s->cfg->n_backends; i++) {
        enum policy_reason reason = s->backends[i]->reason;

        if (reason == POLICY_REGION_UNKNOWN || reason == POLICY_CHECK_UNKNOWN
            || reason == POLICY_NO_MAC || reason == POLICY_NO_PORT) {
            return true;
        }
    }
    return false;
}

/* True if 'best' is worth leaving 'active' for: equals are not, and neither is
 * what only the database remembers as good. */
static bool
is_better(const struct pbackend *best, const struct pbackend *active)
{
    return (best->cfg->priority < active->cfg->priority
            && !best->region->grace_us);
}

/* Chooses between the active backend and 'best', both proven good. */
static struct pbackend *
consider_failback(struct policy *p, struct pservice *s, struct pbackend *best,
                  long long int now_us)
{
    long long int until_us;

    if (!is_better(best, s->active) || s->failback) {
        bool stay = !is_better(best, s->active);

        s->better_us = 0;
        s->mode = POLICY_MODE_AUTO;
        return stay ? s->active : best;
    }
    s->mode = POLICY_MODE_HELD;
    if (!s->better_us) {
        s->better_us = now_us;
    }
    if (s->cfg->failback == TPR_FAILBACK_MANUAL || p->panic.active) {
        return s->active;
    }
    until_us = s->better_us + s->cfg->failback_hold_us;
    if (now_us < until_us) {
        p->deadline_us = MIN(p->deadline_us, until_us);
        return s->active;
    }
    s->better_us = 0;
    s->mode = POLICY_MODE_AUTO;
    return best;
}

/* True while the agent, just started, waits for the switch, neighbours or
 * heartbeats to confirm what the database remembers: their silence is no
 * reason to move. */
static bool
is_unconfirmed(struct policy *p, struct pservice *s, long long int now_us)
{
    if (!s->grace_us) {
        return false;
    }
    if (s->active && now_us < s->grace_us
        && is_not_known(s->active->reason)) {
        p->deadline_us = MIN(p->deadline_us, s->grace_us);
        return true;
    }
    s->grace_us = 0;
    return false;
}

static struct pbackend *
choose(struct policy *p, struct pservice *s, long long int now_us)
{
    struct pbackend *forced = forced_backend(s);
    struct pbackend *best = best_backend(s);

    if (is_unconfirmed(p, s, now_us)) {
        s->mode = POLICY_MODE_STARTING;
        return s->active;
    } else if (forced) {
        s->better_us = 0;
        s->mode = POLICY_MODE_MANUAL;
        return forced;
    } else if (!best) {
        s->better_us = 0;
        s->mode = (nothing_proven(s) ? POLICY_MODE_STARTING
                   : POLICY_MODE_AUTO);
        return NULL;
    } else if (best->only_held) {
        s->better_us = 0;
        s->mode = (best->reason == POLICY_LOADED ? POLICY_MODE_LOADED
                   : POLICY_MODE_DAMPED);
        return best;
    } else if (best->reason != POLICY_OK) {
        s->better_us = 0;
        s->mode = POLICY_MODE_PANIC;
        return s->active && s->active->kept ? s->active : best;
    } else if (!s->active || s->active->reason != POLICY_OK) {
        s->better_us = 0;
        s->mode = POLICY_MODE_AUTO;
        return best;
    }
    return consider_failback(p, s, best, now_us);
}

/* One clause about why 's', whose mode was 'old', leaves its active backend
 * for 'to', which may be NULL. */
static char *
explain(const struct pservice *s, const struct pbackend *to,
        enum policy_mode old, const struct tpr_region **culprit)
{
    const struct pbackend *from = s->active;

    if (to && s->mode == POLICY_MODE_MANUAL) {
        return xasprintf("failover by %s%s%s", s->failover->who,
                         s->failover->reason[0] ? ": " : "",
                         s->failover->reason);
    }
    if (s->is_gone) {
        return xasprintf("backend %s removed", s->gone);
    } else if (!from) {
        return xstrdup("usable backend found");
    } else if (from->reason == POLICY_OK) {
        *culprit = to ? to->cfg->region : NULL;
        return s->failback ? xasprintf("failback by %s", s->failback->who)
               : xstrdup("failback: preferred backend is usable");
    }
    /* The death of a region that is held down has no report of its own that
     * could speak for its services. */
    *culprit = old == POLICY_MODE_DAMPED ? NULL : from->cfg->region;
    return (from->reason == POLICY_REGION_DOWN
            ? xasprintf("region %s down", from->cfg->region->name)
            : xasprintf("backend %s: %s", from->cfg->name,
                        policy_reason_to_string(from->reason)));
}

/* The same, and what is special about 'to'. */
static char *
explain_fully(const struct pservice *s, const struct pbackend *to,
              enum policy_mode old, const struct tpr_region **culprit)
{
    char *cause, *full;

    *culprit = NULL;
    cause = explain(s, to, old, culprit);
    if (s->mode != POLICY_MODE_DAMPED && s->mode != POLICY_MODE_LOADED) {
        return cause;
    }
    full = xasprintf("%s%s%s %s, but nothing else is left",
                     s->active || s->is_gone ? cause : "",
                     s->active || s->is_gone ? "; " : "", to->cfg->name,
                     s->mode == POLICY_MODE_LOADED ? "is busy"
                     : "held down by damping");
    free(cause);
    return full;
}

/* When it was found out that the active backend of 's' must be left.  What
 * panic has kept is left now, not when it failed. */
static long long int
decided(const struct pservice *s, bool panic, long long int now_us)
{
    const struct pbackend *from = s->active;

    if (from && !panic) {
        if (from->reason == POLICY_REGION_DOWN) {
            /* It may have died once more while it was held down. */
            return (from->region->fact_us
                    ? MIN(now_us, MAX(from->region->since_us,
                                      from->region->fact_us))
                    : now_us);
        } else if (from->reason == POLICY_CHECK_DOWN) {
            return MIN(now_us, from->check_us);
        }
    }
    return now_us;
}

static void
run_service(struct policy *p, struct pservice *s, long long int now_us)
{
    enum policy_mode old = s->mode;
    struct pbackend *to = choose(p, s, now_us);
    const struct tpr_region *culprit;
    struct policy_change *c;
    const char *from;
    char *cause;

    if (to == s->active && !s->is_gone) {
        return;
    }
    from = (s->is_gone ? s->gone : s->active ? s->active->cfg->name : "none");
    cause = explain_fully(s, to, old, &culprit);
    c = policy_add_change(p, POLICY_SERVICE, s->cfg, from,
                          to ? to->cfg->name : "none", cause,
                          decided(s, old == POLICY_MODE_PANIC, now_us));
    c->culprit = culprit;
    if (to && s->active && s->active->reason == POLICY_OK) {
        policy_leave(s, s->active, now_us, now_us);
    }
    s->active = to;
    s->is_gone = false;
    s->ever |= to != NULL;
    s->since_us = c->decided_us;
    free(s->reason);
    s->reason = xstrdup(c->cause);
}

/* Gives backends of 's' that have become usable their weights by and by. */
static void
run_slow_start(struct policy *p, const struct pservice *s,
               long long int now_us)
{
    for (size_t i = 0; i < s->cfg->n_backends; i++) {
        struct pbackend *b = s->backends[i];
        const long long int whole_us = b->cfg->slow_start_us;
        long long int age_us = MAX(0, now_us - b->since_us);
        unsigned int missing = 0;

        if (b->state == TPR_BACKEND_UP && age_us < whole_us) {
            unsigned int tenths = MAX(1, age_us * 10 / whole_us);

            missing = 10 - tenths;
            p->deadline_us = MIN(p->deadline_us, b->since_us + DIV_ROUND_UP(
                                     (tenths + 1) * whole_us, 10));
        }
        if (missing != b->missing_tenths) {
            b->missing_tenths = missing;
            p->reweighed = true;
        }
    }
}

/* The wall clock may be set meanwhile: look again after a minute. */
enum { MAX_WAIT_MS = 60 * 1000 };

static void
run_intents_deadline(struct policy *p, long long int now_us)
{
    for (size_t i = 0; i < p->config->n_intents; i++) {
        const struct tpr_intent *intent = &p->config->intents[i];

        if (intent->until_ms > p->wall_ms) {
            long long int wait_ms = MIN(intent->until_ms - p->wall_ms,
                                        MAX_WAIT_MS);

            p->deadline_us = MIN(p->deadline_us, now_us + wait_ms * 1000);
        }
    }
}

/* Decides anew if a fact has changed or a deadline has come; changes are then
 * waiting in policy_next_change(). */
void
policy_run(struct policy *p, long long int now_us)
{
    struct shash_node *node;

    if (!p->config || (!p->dirty && now_us < p->deadline_us)) {
        return;
    }
    p->dirty = false;
    p->deadline_us = LLONG_MAX;
    SHASH_FOR_EACH (node, &p->regions) {
        policy_run_region(p, node->data, now_us);
    }
    SHASH_FOR_EACH (node, &p->backends) {
        run_backend(p, node->data, now_us);
    }
    run_panic(p, now_us);
    SHASH_FOR_EACH (node, &p->services) {
        struct pservice *s = node->data;

        run_service(p, s, now_us);
        for (size_t i = 0; i < s->cfg->n_backends; i++) {
            run_left(p, s, s->backends[i], now_us);
        }
        run_slow_start(p, s, now_us);
    }
    run_intents_deadline(p, now_us);
}

/* Returns when policy_run() has something to do even without a new fact. */
long long int
policy_deadline(const struct policy *p)
{
    return p->dirty ? 0 : p->deadline_us;
}
