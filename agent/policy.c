/* SPDX-License-Identifier: Apache-2.0 */

/* Policy; policy.h says what and why.
 *
 * Everything here is recomputed whole when a fact has changed: states of
 * regions, then backends, then panic, then one choice a service.  That is a
 * few machine instructions for each backend, and leaves no way for parts to
 * disagree. */

#include <config.h>
#include "policy.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "damping.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "panic.h"
#include "util.h"

/* After a restart of the agent remembered states stay in force this long and
 * one detection time more: RFC 5880 6.8.3 has sessions that are not Up beat
 * once a second, and the handshake takes three packets. */
enum { GRACE_US = 3 * 1000 * 1000 };

enum check_fact { CHECK_FACT_NONE, CHECK_FACT_UP, CHECK_FACT_DOWN };

struct pregion {
    const struct tpr_region *cfg;

    /* Facts. */
    enum heartbeat_state fact;
    char *cause;                /* Clause about the last transition. */
    long long int last_beat_us;
    long long int fact_us;      /* When 'fact' was found out. */

    /* State. */
    enum heartbeat_state state; /* What everybody acts on. */
    long long int since_us;
    long long int grace_us;     /* 'state' is remembered until then, 0 if
                                 * confirmed. */
    long long int hold_us;      /* Held down until then, or 0. */
    struct damping damping;
    bool draining;
};

struct pbackend {
    const struct tpr_backend *cfg;
    struct pregion *region;
    bool seen;                  /* In the newest configuration. */

    /* Facts. */
    enum check_fact check;
    char *cause;                /* Clause about 'check'. */
    long long int last_good_us, check_us;
    bool has_port, has_mac;

    /* State. */
    enum check_fact reported;   /* 'check' as last reported. */
    long long int hold_us;      /* Held down until then, or 0. */
    struct damping damping;
    enum policy_reason reason;
    bool was_usable;
    long long int lost_us;      /* When it stopped being usable, or 0. */
    bool kept;                  /* By panic. */
    bool draining;
};

struct pservice {
    const struct tpr_service *cfg;
    struct pbackend **backends; /* In the order of 'cfg'. */

    struct pbackend *active;
    enum policy_mode mode;
    long long int since_us;
    long long int better_us;    /* Since when a better one is usable, or 0. */
    bool ever;                  /* Had an active backend once. */
    const struct tpr_intent *failover, *failback;
};

struct change_node {
    struct ovs_list node;
    struct policy_change change;
};

struct policy {
    const struct tpr_config *config;
    long long int wall_ms;      /* Wall clock... */
    long long int wall_us;      /* ...at this monotonic time. */
    struct shash regions;       /* Name -> struct pregion. */
    struct shash backends;      /* Name -> struct pbackend. */
    struct shash services;      /* Name -> struct pservice. */
    struct panic panic;
    struct ovs_list changes;    /* struct change_node, oldest first. */
    bool dirty;
    long long int deadline_us;
};

const char *
policy_reason_to_string(enum policy_reason reason)
{
    switch (reason) {
#define POLICY_REASON(ENUM, SENTENCE) case POLICY_##ENUM: return SENTENCE;
        POLICY_REASONS
#undef POLICY_REASON
    }
    OVS_NOT_REACHED();
}

/* Returns the word that 'show' prints for 'mode'. */
const char *
policy_mode_to_string(enum policy_mode mode)
{
    switch (mode) {
    case POLICY_MODE_AUTO: return "auto";
    case POLICY_MODE_MANUAL: return "manual";
    case POLICY_MODE_HELD: return "held";
    case POLICY_MODE_PANIC: return "panic";
    case POLICY_MODE_STARTING: return "starting";
    }
    OVS_NOT_REACHED();
}

struct policy *
policy_create(void)
{
    struct policy *p = xzalloc(sizeof *p);

    shash_init(&p->regions);
    shash_init(&p->backends);
    shash_init(&p->services);
    ovs_list_init(&p->changes);
    p->deadline_us = LLONG_MAX;
    return p;
}

static void
pregion_destroy(struct pregion *r)
{
    free(r->cause);
    free(r);
}

static void
pbackend_destroy(struct pbackend *b)
{
    free(b->cause);
    free(b);
}

static void
pservice_destroy(struct pservice *s)
{
    free(s->backends);
    free(s);
}

void
policy_destroy(struct policy *p)
{
    struct shash_node *node;
    struct change_node *c;

    if (!p) {
        return;
    }
    SHASH_FOR_EACH (node, &p->regions) {
        pregion_destroy(node->data);
    }
    SHASH_FOR_EACH (node, &p->backends) {
        pbackend_destroy(node->data);
    }
    SHASH_FOR_EACH (node, &p->services) {
        pservice_destroy(node->data);
    }
    shash_destroy(&p->regions);
    shash_destroy(&p->backends);
    shash_destroy(&p->services);
    LIST_FOR_EACH_POP (c, node, &p->changes) {
        free(c->change.cause);
        free(c);
    }
    free(p);
}

/* Changes. */

static struct policy_change *
add_change(struct policy *p, int what, const void *object, const char *from,
           const char *to, char *cause, long long int now_us)
{
    struct change_node *c = xzalloc(sizeof *c);

    c->change.what = what;
    c->change.object = object;
    c->change.from = from;
    c->change.to = to;
    c->change.cause = cause;
    c->change.decided_us = now_us;
    ovs_list_push_back(&p->changes, &c->node);
    return &c->change;
}

/* Takes the oldest change into '*change', whose 'cause' the caller then owns.
 * Returns false if there is none. */
bool
policy_next_change(struct policy *p, struct policy_change *change)
{
    struct change_node *c;

    if (ovs_list_is_empty(&p->changes)) {
        return false;
    }
    c = CONTAINER_OF(ovs_list_pop_front(&p->changes), struct change_node,
                     node);
    *change = c->change;
    free(c);
    return true;
}

/* Configuration. */

static void
configure_region(struct policy *p, const struct tpr_region *cfg,
                 long long int now_us)
{
    struct pregion *r = shash_find_data(&p->regions, cfg->name);

    if (!r) {
        r = xzalloc(sizeof *r);
        r->state = cfg->last_state;
        r->since_us = now_us;
        if (r->state != HEARTBEAT_UNKNOWN) {
            r->grace_us = now_us + GRACE_US + cfg->hb.interval_us
                                              * cfg->hb.fall;
        }
        shash_add(&p->regions, cfg->name, r);
    }
    r->cfg = cfg;
}

static struct pbackend *
configure_backend(struct policy *p, const struct tpr_backend *cfg)
{
    struct pbackend *b = shash_find_data(&p->backends, cfg->name);

    if (!b) {
        b = xzalloc(sizeof *b);
        b->check = (cfg->last_up < 0 ? CHECK_FACT_NONE
                    : cfg->last_up ? CHECK_FACT_UP : CHECK_FACT_DOWN);
        b->reported = b->check;
        b->has_port = b->has_mac = true;
        shash_add(&p->backends, cfg->name, b);
    }
    b->cfg = cfg;
    b->seen = true;
    b->region = shash_find_data(&p->regions, cfg->region->name);
    return b;
}

static void
configure_service(struct policy *p, const struct tpr_service *cfg,
                  long long int now_us)
{
    struct pservice *s = shash_find_data(&p->services, cfg->name);
    struct pbackend *active = NULL;
    const char *want;

    if (!s) {
        s = xzalloc(sizeof *s);
        s->since_us = now_us;
        shash_add(&p->services, cfg->name, s);
    }
    want = (s->active ? s->active->cfg->name
            : s->ever ? NULL : cfg->last_active);
    s->cfg = cfg;
    s->backends = xrealloc(s->backends,
                           MAX(1, cfg->n_backends) * sizeof *s->backends);
    for (size_t i = 0; i < cfg->n_backends; i++) {
        s->backends[i] = configure_backend(p, cfg->backends[i]);
        if (want && !strcmp(want, cfg->backends[i]->name)) {
            active = s->backends[i];
        }
    }
    s->active = active;
    s->ever |= active != NULL;
}

static bool
is_in_force(const struct policy *p, const struct tpr_intent *intent)
{
    return !intent->until_ms || intent->until_ms > p->wall_ms;
}

/* Finds out who is drained and which service is steered by hand. */
static void
apply_intents(struct policy *p)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &p->regions) {
        ((struct pregion *) node->data)->draining = false;
    }
    SHASH_FOR_EACH (node, &p->backends) {
        ((struct pbackend *) node->data)->draining = false;
    }
    SHASH_FOR_EACH (node, &p->services) {
        struct pservice *s = node->data;

        s->failover = s->failback = NULL;
    }
    for (size_t i = 0; i < p->config->n_intents; i++) {
        const struct tpr_intent *intent = &p->config->intents[i];
        struct pregion *r = shash_find_data(&p->regions, intent->object);
        struct pbackend *b = shash_find_data(&p->backends, intent->object);
        struct pservice *s = shash_find_data(&p->services, intent->object);

        if (!is_in_force(p, intent)) {
            continue;
        }
        if (intent->kind == TPR_INTENT_DRAIN) {
            if (r) {
                r->draining = true;
            }
            if (b) {
                b->draining = true;
            }
        } else if (s && intent->kind == TPR_INTENT_FAILOVER) {
            s->failover = intent;
        } else if (s && intent->kind == TPR_INTENT_FAILBACK) {
            s->failback = intent;
        }
    }
}

/* Removes what the new configuration has no more. */
static void
forget_services(struct policy *p)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &p->services) {
        if (!shash_find(&p->config->services, node->name)) {
            pservice_destroy(node->data);
            shash_delete(&p->services, node);
        }
    }
}

static void
forget_backends(struct policy *p)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &p->backends) {
        struct pbackend *b = node->data;

        if (!b->seen) {
            pbackend_destroy(b);
            shash_delete(&p->backends, node);
        }
    }
}

static void
forget_regions(struct policy *p)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &p->regions) {
        if (!shash_find(&p->config->regions, node->name)) {
            pregion_destroy(node->data);
            shash_delete(&p->regions, node);
        }
    }
}

/* Makes 'config' the one that counts.  What has a name that is known keeps its
 * state; all changes must have been taken before.  'config' must live until
 * the next call. */
void
policy_set_config(struct policy *p, const struct tpr_config *config,
                  long long int now_us)
{
    struct shash_node *node;

    p->config = config;
    forget_services(p);
    SHASH_FOR_EACH (node, &config->regions) {
        configure_region(p, node->data, now_us);
    }
    SHASH_FOR_EACH (node, &p->backends) {
        ((struct pbackend *) node->data)->seen = false;
    }
    SHASH_FOR_EACH (node, &config->services) {
        configure_service(p, node->data, now_us);
    }
    forget_backends(p);
    forget_regions(p);
    apply_intents(p);
    p->dirty = true;
}

/* Tells the wall clock, which intents' ends are measured by. */
void
policy_set_now_wall(struct policy *p, long long int now_ms)
{
    for (size_t i = 0; p->config && i < p->config->n_intents; i++) {
        const struct tpr_intent *intent = &p->config->intents[i];

        if (intent->until_ms > p->wall_ms && intent->until_ms <= now_ms) {
            p->wall_ms = now_ms;
            apply_intents(p);
            p->dirty = true;
        }
    }
    p->wall_ms = now_ms;
}

/* Facts. */

static char *
down_clause(enum heartbeat_cause cause, unsigned int missed,
            long long int silence_us)
{
    if (cause != HEARTBEAT_CAUSE_MISSED) {
        return xstrdup(heartbeat_cause_to_string(cause));
    }
    if (silence_us < 0) {
        return xstrdup("no beat since it was configured");
    }
    return xasprintf("%u beat%s missed, last %lld.%lld ms ago", missed,
                     missed == 1 ? "" : "s", silence_us / 1000,
                     silence_us / 100 % 10);
}

/* A restarted agent's silence is its own: while a remembered state waits to be
 * confirmed, only what cannot be our doing counts as death. */
static bool
is_believed(const struct pregion *r, enum heartbeat_state state,
            enum heartbeat_cause cause)
{
    return (!r->grace_us || state == HEARTBEAT_UP
            || cause == HEARTBEAT_CAUSE_LINK_DOWN
            || cause == HEARTBEAT_CAUSE_PEER_ADMIN_DOWN);
}

/* Should be called when the heartbeat thread has found 'region' alive or dead
 * because of 'cause', at 'now_us'; 'last_beat_us' is 0 if there never was a
 * beat. */
void
policy_region(struct policy *p, const struct tpr_region *region,
              enum heartbeat_state state, enum heartbeat_cause cause,
              unsigned int missed, long long int last_beat_us,
              long long int now_us)
{
    struct pregion *r = shash_find_data(&p->regions, region->name);

    if (!r) {
        return;
    }
    if (state == HEARTBEAT_UP && r->fact != HEARTBEAT_UP
        && r->state == HEARTBEAT_DOWN && !r->grace_us) {
        r->hold_us = damping_return(&r->damping, &region->damping, now_us);
    } else if (state != HEARTBEAT_UP) {
        r->hold_us = 0;
    }
    r->fact = state;
    r->fact_us = now_us;
    r->last_beat_us = last_beat_us;
    free(r->cause);
    r->cause = (state == HEARTBEAT_UP ? xstrdup("beats received")
                : down_clause(cause, missed,
                              last_beat_us ? now_us - last_beat_us : -1));
    if (is_believed(r, state, cause)) {
        r->grace_us = 0;
    }
    p->dirty = true;
}

/* Should be called when the health check of 'b' has decided; 'cause' is one
 * clause. */
void
policy_backend_check(struct policy *p, const struct tpr_backend *b, bool up,
                     const char *cause, long long int last_good_us,
                     long long int now_us)
{
    struct pbackend *pb = shash_find_data(&p->backends, b->name);

    if (!pb) {
        return;
    }
    if (up && pb->check == CHECK_FACT_DOWN) {
        pb->hold_us = damping_return(&pb->damping, &b->region->damping,
                                     now_us);
    } else if (!up) {
        pb->hold_us = 0;
    }
    pb->check = up ? CHECK_FACT_UP : CHECK_FACT_DOWN;
    pb->check_us = now_us;
    pb->last_good_us = last_good_us;
    free(pb->cause);
    pb->cause = xstrdup(cause);
    p->dirty = true;
}

/* Tells whether the switch has the backend's port and its MAC address is
 * known. */
void
policy_backend_reachable(struct policy *p, const struct tpr_backend *b,
                         bool has_port, bool has_mac)
{
    struct pbackend *pb = shash_find_data(&p->backends, b->name);

    if (pb && (pb->has_port != has_port || pb->has_mac != has_mac)) {
        pb->has_port = has_port;
        pb->has_mac = has_mac;
        p->dirty = true;
    }
}

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
    }
    return r->fact;
}

static void
run_region(struct policy *p, struct pregion *r, long long int now_us)
{
    long long int decided_us;
    enum heartbeat_state state = wanted_state(r, now_us, &decided_us);

    if (state != r->state) {
        struct policy_change *c = add_change(
            p, POLICY_REGION, r->cfg, heartbeat_state_to_string(r->state),
            heartbeat_state_to_string(state),
            xstrdup(r->cause ? r->cause : "unknown"), decided_us);

        c->last_beat_us = r->last_beat_us;
        r->state = state;
        r->since_us = c->decided_us;
    }
    if (r->grace_us) {
        p->deadline_us = MIN(p->deadline_us, r->grace_us);
    }
    if (r->hold_us) {
        p->deadline_us = MIN(p->deadline_us, r->hold_us);
    }
}

/* Decisions: backends. */

static enum policy_reason
judge(const struct pbackend *b, long long int now_us)
{
    const struct pregion *r = b->region;

    if (r->state == HEARTBEAT_DOWN) {
        return (r->fact == HEARTBEAT_UP && r->hold_us
                ? POLICY_DAMPED : POLICY_REGION_DOWN);
    } else if (r->state == HEARTBEAT_UNKNOWN) {
        return POLICY_REGION_UNKNOWN;
    } else if (b->cfg->check && b->check == CHECK_FACT_DOWN) {
        return POLICY_CHECK_DOWN;
    } else if (b->cfg->check && b->check == CHECK_FACT_NONE) {
        return POLICY_CHECK_UNKNOWN;
    } else if (b->cfg->check && b->hold_us > now_us) {
        return POLICY_DAMPED;
    } else if (b->draining || r->draining) {
        return POLICY_DRAINING;
    } else if (!b->has_port) {
        return POLICY_NO_PORT;
    } else if (!b->has_mac) {
        return POLICY_NO_MAC;
    }
    return POLICY_OK;
}

/* A region's death says it all for its backends; their own checks are worth a
 * word of their own. */
static void
report_check(struct policy *p, struct pbackend *b)
{
    static const char *const names[] = { "unknown", "up", "down" };

    if (b->cfg->check && b->check != b->reported) {
        struct policy_change *c = add_change(
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

static void
run_backend(struct policy *p, struct pbackend *b, long long int now_us)
{
    report_check(p, b);
    b->reason = judge(b, now_us);
    if (b->reason == POLICY_OK) {
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

        n_usable += b->reason == POLICY_OK;
        n_lost += (p->panic.active ? b->kept
                   : b->lost_us && now_us - b->lost_us < PANIC_WINDOW_US);
    }
    decision = panic_run(&p->panic, p->config->panic_threshold, n_usable,
                         n_lost, now_us);
    if (decision != PANIC_NO_CHANGE) {
        bool begin = decision == PANIC_BEGIN;

        add_change(p, POLICY_AGENT, NULL, begin ? "normal" : "panic",
                   begin ? "panic" : "normal",
                   xasprintf("%u of %u backends failed at once", n_lost,
                             n_usable + n_lost), now_us);
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

static bool
is_usable(const struct pbackend *b)
{
    return b->reason == POLICY_OK || b->kept;
}

static struct pbackend *
forced_backend(const struct pservice *s)
{
    for (size_t i = 0; s->failover && i < s->cfg->n_backends; i++) {
        struct pbackend *b = s->backends[i];

        if (is_usable(b)
            && (!strcmp(b->cfg->region->name, s->failover->to)
                || !strcmp(b->cfg->name, s->failover->to))) {
            return b;
        }
    }
    return NULL;
}

static struct pbackend *
best_backend(const struct pservice *s)
{
    for (size_t i = 0; i < s->cfg->n_backends; i++) {
        if (is_usable(s->backends[i])) {
            return s->backends[i];
        }
    }
    return NULL;
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

/* Chooses between the active backend, which is usable, and 'best'. */
static struct pbackend *
consider_failback(struct policy *p, struct pservice *s, struct pbackend *best,
                  long long int now_us)
{
    long long int until_us;

    if (p->panic.active) {
        s->mode = POLICY_MODE_PANIC;
        return s->active;
    }
    if (best == s->active || s->failback) {
        s->better_us = 0;
        s->mode = POLICY_MODE_AUTO;
        return best;
    }
    if (!s->better_us) {
        s->better_us = now_us;
    }
    until_us = s->better_us + s->cfg->failback_hold_us;
    if (s->cfg->failback == TPR_FAILBACK_AUTO && now_us >= until_us) {
        s->better_us = 0;
        s->mode = POLICY_MODE_AUTO;
        return best;
    }
    if (s->cfg->failback == TPR_FAILBACK_AUTO) {
        p->deadline_us = MIN(p->deadline_us, until_us);
    }
    s->mode = POLICY_MODE_HELD;
    return s->active;
}

static struct pbackend *
choose(struct policy *p, struct pservice *s, long long int now_us)
{
    struct pbackend *forced = forced_backend(s);
    struct pbackend *best = best_backend(s);

    if (forced) {
        s->better_us = 0;
        s->mode = POLICY_MODE_MANUAL;
        return forced;
    }
    if (!s->active || !is_usable(s->active) || !best) {
        s->better_us = 0;
        s->mode = (best ? POLICY_MODE_AUTO
                   : nothing_proven(s) ? POLICY_MODE_STARTING
                   : POLICY_MODE_AUTO);
        return best;
    }
    return consider_failback(p, s, best, now_us);
}

/* One clause about why 's' moves from its active backend to 'to'. */
static char *
explain(const struct pservice *s, const struct pbackend *to,
        const struct tpr_region **culprit)
{
    const struct pbackend *from = s->active;

    *culprit = NULL;
    if (to && s->mode == POLICY_MODE_MANUAL) {
        return xasprintf("failover by %s%s%s", s->failover->who,
                         s->failover->reason[0] ? ": " : "",
                         s->failover->reason);
    }
    if (!from) {
        return xstrdup(to ? "usable backend found" : "nothing usable");
    }
    if (is_usable(from)) {
        *culprit = to ? to->cfg->region : NULL;
        return s->failback ? xasprintf("failback by %s", s->failback->who)
               : xstrdup("failback: preferred backend usable again");
    }
    *culprit = from->cfg->region;
    return (from->reason == POLICY_REGION_DOWN
            ? xasprintf("region %s down", from->cfg->region->name)
            : xasprintf("backend %s: %s", from->cfg->name,
                        policy_reason_to_string(from->reason)));
}

/* When it was found out that the active backend of 's' must be left. */
static long long int
decided(const struct pservice *s, long long int now_us)
{
    const struct pbackend *from = s->active;

    if (from && !is_usable(from)) {
        if (from->reason == POLICY_REGION_DOWN) {
            return MIN(now_us, from->region->since_us);
        } else if (from->reason == POLICY_CHECK_DOWN) {
            return MIN(now_us, from->check_us);
        }
    }
    return now_us;
}

static void
run_service(struct policy *p, struct pservice *s, long long int now_us)
{
    struct pbackend *to = choose(p, s, now_us);
    const struct tpr_region *culprit;
    struct policy_change *c;
    char *cause;

    if (to == s->active) {
        return;
    }
    cause = explain(s, to, &culprit);
    c = add_change(p, POLICY_SERVICE, s->cfg,
                   s->active ? s->active->cfg->name : "none",
                   to ? to->cfg->name : "none", cause,
                   decided(s, now_us));
    c->culprit = culprit;
    s->active = to;
    s->ever |= to != NULL;
    s->since_us = c->decided_us;
}

static void
run_intents_deadline(struct policy *p, long long int now_us)
{
    for (size_t i = 0; i < p->config->n_intents; i++) {
        const struct tpr_intent *intent = &p->config->intents[i];

        if (intent->until_ms > p->wall_ms) {
            p->deadline_us = MIN(p->deadline_us,
                                 now_us + (intent->until_ms - p->wall_ms)
                                          * 1000);
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
        run_region(p, node->data, now_us);
    }
    SHASH_FOR_EACH (node, &p->backends) {
        run_backend(p, node->data, now_us);
    }
    run_panic(p, now_us);
    SHASH_FOR_EACH (node, &p->services) {
        run_service(p, node->data, now_us);
    }
    run_intents_deadline(p, now_us);
}

/* Returns when policy_run() has something to do even without a new fact. */
long long int
policy_deadline(const struct policy *p)
{
    return p->dirty ? 0 : p->deadline_us;
}

/* Views. */

/* Returns the backend that serves 'svc', NULL for none; stores how it came to
 * be in '*mode' and since when in '*since_us', unless they are NULL. */
const struct tpr_backend *
policy_active(const struct policy *p, const struct tpr_service *svc,
              enum policy_mode *mode, long long int *since_us)
{
    const struct pservice *s = shash_find_data(&p->services, svc->name);

    if (mode) {
        *mode = s ? s->mode : POLICY_MODE_STARTING;
    }
    if (since_us) {
        *since_us = s ? s->since_us : 0;
    }
    return s && s->active ? s->active->cfg : NULL;
}

/* Returns POLICY_OK if 'b' may be given new connections, else why not. */
enum policy_reason
policy_usable(const struct policy *p, const struct tpr_backend *b)
{
    const struct pbackend *pb = shash_find_data(&p->backends, b->name);

    return !pb ? POLICY_REGION_UNKNOWN : pb->kept ? POLICY_PANIC : pb->reason;
}

/* Returns the state of 'region' that decisions are made by.  '*hold_until_us'
 * is 0 unless it is held down after flapping. */
enum heartbeat_state
policy_region_state(const struct policy *p, const struct tpr_region *region,
                    bool *draining, long long int *hold_until_us,
                    long long int *since_us)
{
    const struct pregion *r = shash_find_data(&p->regions, region->name);

    *draining = r && r->draining;
    *hold_until_us = r ? r->hold_us : 0;
    *since_us = r ? r->since_us : 0;
    return r ? r->state : HEARTBEAT_UNKNOWN;
}

/* Returns true if a host that has the VIP as its own address lives, so that it
 * answers ARP and ND for it. */
bool
policy_owner_answers(const struct policy *p, const struct tpr_service *svc)
{
    const struct pservice *s = shash_find_data(&p->services, svc->name);

    for (size_t i = 0; s && i < s->cfg->n_backends; i++) {
        const struct pbackend *b = s->backends[i];

        if (!memcmp(&b->cfg->addr, &svc->vip.addr, sizeof b->cfg->addr)
            && !b->cfg->region->has_gateway
            && b->region->fact != HEARTBEAT_DOWN) {
            return true;
        }
    }
    return false;
}

/* Returns true while the panic threshold is exceeded. */
bool
policy_panic(const struct policy *p)
{
    return p->panic.active;
}
