/* SPDX-License-Identifier: Apache-2.0 */

/* Policy: configuration and facts in, views out; policy.h says what and why.
 * policy-run.c decides. */

#include <config.h>
#include "policy-private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

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
    case POLICY_MODE_DAMPED: return "damped";
    case POLICY_MODE_LOADED: return "loaded";
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

static void drop_changes(struct policy *);

static void
pregion_destroy(struct pregion *r)
{
    free(r->cause);
    free(r->reason);
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
    free(s->gone);
    free(s->reason);
    free(s);
}

void
policy_destroy(struct policy *p)
{
    struct shash_node *node;

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
    drop_changes(p);
    free(p);
}

/* Copies. */

static void
clone_backends(struct policy *copy, const struct policy *p)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &p->backends) {
        struct pbackend *b = xmemdup(node->data, sizeof *b);

        b->cause = nullable_xstrdup(b->cause);
        b->region = shash_find_data(&copy->regions, b->region->cfg->name);
        shash_add(&copy->backends, node->name, b);
    }
}

static void
clone_services(struct policy *copy, const struct policy *p)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &p->services) {
        struct pservice *s = xmemdup(node->data, sizeof *s);
        struct pbackend **backends
            = xcalloc(MAX(1, s->cfg->n_backends), sizeof *backends);

        for (size_t i = 0; i < s->cfg->n_backends; i++) {
            backends[i] = shash_find_data(&copy->backends,
                                          s->backends[i]->cfg->name);
        }
        s->backends = backends;
        if (s->active) {
            s->active = shash_find_data(&copy->backends,
                                        s->active->cfg->name);
        }
        s->gone = nullable_xstrdup(s->gone);
        s->reason = nullable_xstrdup(s->reason);
        shash_add(&copy->services, node->name, s);
    }
}

/* Returns a copy of 'p', which knows what 'p' knows now and refers to the same
 * configuration, to try out what facts would do; without changes that nobody
 * has taken yet.  The caller owns it. */
struct policy *
policy_clone(const struct policy *p)
{
    struct policy *copy = policy_create();
    struct shash_node *node;

    copy->config = p->config;
    copy->wall_ms = p->wall_ms;
    copy->panic = p->panic;
    copy->dirty = p->dirty;
    copy->deadline_us = p->deadline_us;
    SHASH_FOR_EACH (node, &p->regions) {
        struct pregion *r = xmemdup(node->data, sizeof *r);

        r->cause = nullable_xstrdup(r->cause);
        r->reason = nullable_xstrdup(r->reason);
        shash_add(&copy->regions, node->name, r);
    }
    clone_backends(copy, p);
    clone_services(copy, p);
    return copy;
}

/* Changes. */

/* Queues a transition, with the members of struct policy_change.  Takes
 * 'cause'. */
struct policy_change *
policy_add_change(struct policy *p, int what, const void *object,
                  const char *from, const char *to, char *cause,
                  long long int now_us)
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

static void
drop_changes(struct policy *p)
{
    struct change_node *c;

    LIST_FOR_EACH_POP (c, node, &p->changes) {
        free(c->change.cause);
        free(c);
    }
}

/* Configuration. */

/* Returns the moment of the wall clock 'when_ms' that the database remembers,
 * on the monotonic clock: before 0, if this host was started later, but never
 * 0.  What is not known, or would lie ahead, is now. */
static long long int
remembered_us(const struct policy *p, long long int when_ms,
              long long int now_us)
{
    long long int us = now_us - (p->wall_ms - when_ms) * 1000;

    return when_ms <= 0 || when_ms > p->wall_ms ? now_us : us ? us : -1;
}

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
            r->since_us = remembered_us(p, cfg->last_since_ms, now_us);
            r->grace_us = now_us + POLICY_GRACE_US + cfg->hb.interval_us
                                              * cfg->hb.fall;
        }
        shash_add(&p->regions, cfg->name, r);
    }
    r->cfg = cfg;
}

static struct pbackend *
configure_backend(struct policy *p, const struct tpr_backend *cfg,
                  long long int now_us)
{
    struct pbackend *b = shash_find_data(&p->backends, cfg->name);

    if (!b) {
        b = xzalloc(sizeof *b);
        b->check = (cfg->last_up < 0 ? CHECK_FACT_NONE
                    : cfg->last_up ? CHECK_FACT_UP : CHECK_FACT_DOWN);
        b->reported = b->check;
        b->has_port = b->has_mac = true;
        b->agent = cfg->last_agent;
        b->state = cfg->last_state;
        b->since_us = remembered_us(p, cfg->last_since_ms, now_us);
        b->drain_us = b->since_us;      /* If it is. */
        b->grace_us = now_us + POLICY_GRACE_US;
        shash_add(&p->backends, cfg->name, b);
    }
    if (!cfg->agent_check) {
        agent_words_init(&b->agent);    /* Not those of the next one. */
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
    bool remembered = false;
    char *want = NULL;

    if (!s) {
        s = xzalloc(sizeof *s);
        s->since_us = now_us;
        shash_add(&p->services, cfg->name, s);
        want = nullable_xstrdup(cfg->last_active);
        remembered = true;
    } else if (s->active) {
        want = xstrdup(s->active->cfg->name);
    }
    s->cfg = cfg;
    s->backends = xrealloc(s->backends,
                           MAX(1, cfg->n_backends) * sizeof *s->backends);
    for (size_t i = 0; i < cfg->n_backends; i++) {
        s->backends[i] = configure_backend(p, cfg->backends[i], now_us);
        if (want && !strcmp(want, cfg->backends[i]->name)) {
            active = s->backends[i];
        }
    }
    if (!s->is_gone) {
        free(s->gone);
        s->gone = NULL;
    }
    if (s->active && !active) {
        s->gone = want;
        s->is_gone = true;
        want = NULL;
    }
    if (remembered && (active || !cfg->last_active)) {
        s->since_us = remembered_us(p, cfg->last_since_ms, now_us);
    }
    if (remembered && active) {
        s->grace_us = now_us + POLICY_GRACE_US;
        for (size_t i = 0; i < cfg->n_backends; i++) {
            policy_leave(s, s->backends[i], s->since_us, now_us);
        }
    }
    free(want);
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
 * state.  'config' must live until the next call.  All changes should have
 * been taken before: they point into the configuration before, and what is
 * left is dropped. */
void
policy_set_config(struct policy *p, const struct tpr_config *config,
                  long long int now_us)
{
    struct shash_node *node;

    p->config = config;
    drop_changes(p);
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
    if (p->dirty) {
        /* Two facts in one turn are two transitions. */
        policy_run_region(p, r, now_us);
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
    policy_report_check(p, pb); /* Two facts are two transitions. */
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

/* Should be called when the agent of 'b' has said something new; 'agent' is
 * all that it has said so far.  Returns true if the datapath must learn of
 * it. */
bool
policy_backend_agent(struct policy *p, const struct tpr_backend *b,
                     const struct agent_words *agent)
{
    struct pbackend *pb = shash_find_data(&p->backends, b->name);

    if (!pb || agent_words_equal(&pb->agent, agent)) {
        return false;
    }
    pb->agent = *agent;
    p->dirty = true;
    return true;
}

/* Stores in 'words' all that the agent of 'b' has said so far. */
void
policy_backend_words(const struct policy *p, const struct tpr_backend *b,
                     struct agent_words *words)
{
    const struct pbackend *pb = shash_find_data(&p->backends, b->name);

    agent_words_init(words);
    if (pb) {
        *words = pb->agent;
    }
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

/* Returns a clause about the last change of the state of 'region', owned by
 * the policy until the next call of policy_run(); NULL if the state is still
 * the one that was remembered. */
const char *
policy_region_reason(const struct policy *p, const struct tpr_region *region)
{
    const struct pregion *r = shash_find_data(&p->regions, region->name);

    return r ? r->reason : NULL;
}

/* The same for the choice of 'svc'. */
const char *
policy_service_reason(const struct policy *p, const struct tpr_service *svc)
{
    const struct pservice *s = shash_find_data(&p->services, svc->name);

    return s ? s->reason : NULL;
}

/* Returns what 'b' is in one word, and stores since when in '*since_us'. */
enum tpr_backend_state
policy_backend_state(const struct policy *p, const struct tpr_backend *b,
                     long long int *since_us)
{
    const struct pbackend *pb = shash_find_data(&p->backends, b->name);

    *since_us = pb ? pb->since_us : 0;
    return pb ? pb->state : TPR_BACKEND_NONE;
}

/* Returns the weight of 'b' that counts now. */
unsigned int
policy_weight(const struct policy *p, const struct tpr_backend *b)
{
    const struct pbackend *pb = shash_find_data(&p->backends, b->name);
    unsigned int weight = (pb && b->agent_check
                           ? agent_words_weight(&pb->agent, b->weight)
                           : b->weight);

    return (!pb || !weight ? weight
            : MAX(1, weight * (10 - pb->missing_tenths) / 10));
}

/* Is 'b' drained, or has its service left it, for its whole drain timeout:
 * connections that it still has are to end? */
bool
policy_is_drained(const struct policy *p, const struct tpr_backend *b)
{
    const struct pbackend *pb = shash_find_data(&p->backends, b->name);

    return pb && (pb->drained || pb->ending_us);
}

/* Does an order to fail over, which is carried out now, lead to others than
 * 'b', a backend of 'svc'? */
bool
policy_is_elsewhere(const struct policy *p, const struct tpr_service *svc,
                    const struct tpr_backend *b)
{
    const struct pservice *s = shash_find_data(&p->services, svc->name);

    return (s && s->mode == POLICY_MODE_MANUAL && s->failover
            && strcmp(b->region->name, s->failover->to)
            && strcmp(b->name, s->failover->to));
}

/* Returns true once after slow start has changed weights, or words have
 * changed with nothing to report. */
bool
policy_reweighed(struct policy *p)
{
    bool reweighed = p->reweighed;

    p->reweighed = false;
    return reweighed;
}

/* The same for the limit of connections; 0: none. */
uint32_t
policy_limit(const struct policy *p, const struct tpr_backend *b)
{
    const struct pbackend *pb = shash_find_data(&p->backends, b->name);

    return (pb && b->agent_check
            ? agent_words_limit(&pb->agent, b->max_connections)
            : b->max_connections);
}

/* What is known of the region, holds aside: until a fact confirms or refutes
 * it, what the database remembers. */
static bool
may_live(const struct pregion *r)
{
    return ((r->grace_us || r->fact == HEARTBEAT_UNKNOWN ? r->state : r->fact)
            != HEARTBEAT_DOWN);
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
            && may_live(b->region)) {
            return true;
        }
    }
    return false;
}

/* Returns true if a reserve serves 'svc': one that others come before.  Equals
 * are no reserves of each other. */
bool
policy_on_backup(const struct policy *p, const struct tpr_service *svc)
{
    const struct tpr_backend *active = policy_active(p, svc, NULL, NULL);

    return active && active->priority > svc->backends[0]->priority;
}

/* Returns true while the panic threshold is exceeded. */
bool
policy_panic(const struct policy *p)
{
    return p->panic.active;
}
