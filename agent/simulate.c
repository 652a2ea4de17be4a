/* SPDX-License-Identifier: Apache-2.0 */

/* What would happen if: see simulate.h. */

#include <config.h>
#include "simulate.h"

#include <stdlib.h>

#include "util.h"
#include "words.h"

enum { MAX_TURNS = 1000 };      /* Deadlines met until the end. */

static void
note_before(struct simulation *sim, const struct policy *p)
{
    for (size_t i = 0; i < sim->n; i++) {
        struct sim_service *s = &sim->services[i];

        s->from = policy_active(p, s->svc, NULL, NULL);
        s->backends = xcalloc(MAX(1, s->svc->n_backends),
                              sizeof *s->backends);
        for (size_t j = 0; j < s->svc->n_backends; j++) {
            s->backends[j].before = words_gets_new(p, s->svc, j);
            s->backends[j].dies
                = words_backend(p, s->svc, j) != TPR_LIVENESS_DOWN;
        }
    }
}

static void
note_at_once(struct simulation *sim, const struct policy *p)
{
    sim->panic = policy_panic(p);
    for (size_t i = 0; i < sim->n; i++) {
        struct sim_service *s = &sim->services[i];

        s->at_once = policy_active(p, s->svc, NULL, NULL);
        for (size_t j = 0; j < s->svc->n_backends; j++) {
            s->backends[j].dies &= (words_backend(p, s->svc, j)
                                    == TPR_LIVENESS_DOWN);
        }
    }
}

static void
note_after(struct simulation *sim, const struct policy *p)
{
    for (size_t i = 0; i < sim->n; i++) {
        struct sim_service *s = &sim->services[i];

        s->to = policy_active(p, s->svc, &s->mode, NULL);
        s->changes = s->to != s->from || s->at_once != s->from;
        for (size_t j = 0; j < s->svc->n_backends; j++) {
            struct sim_backend *b = &s->backends[j];

            b->after = words_gets_new(p, s->svc, j);
            s->changes |= b->before != b->after || b->dies;
        }
    }
}

static struct sim_service *
find_service(struct simulation *sim, const struct tpr_service *svc)
{
    for (size_t i = 0; i < sim->n; i++) {
        if (sim->services[i].svc == svc) {
            return &sim->services[i];
        }
    }
    return NULL;
}

/* Notes when and why services moved. */
static void
take_changes(struct simulation *sim, struct policy *p, long long int after_us)
{
    struct policy_change change;

    while (policy_next_change(p, &change)) {
        struct sim_service *s = (change.what == POLICY_SERVICE
                                 ? find_service(sim, change.object) : NULL);

        if (s) {
            free(s->cause);
            s->cause = change.cause;
            s->after_us = after_us;
        } else {
            free(change.cause);
        }
    }
}

/* Lets 'p', which has learned of the event at 'now_us', go on. */
static void
run(struct simulation *sim, struct policy *p, long long int now_us)
{
    policy_run(p, now_us);
    take_changes(sim, p, 0);
    note_at_once(sim, p);
    for (int i = 0; i < MAX_TURNS; i++) {
        long long int next_us = MAX(policy_deadline(p), now_us);

        if (next_us - now_us > SIM_HORIZON_US) {
            break;
        }
        policy_run(p, next_us);
        take_changes(sim, p, next_us - now_us);
    }
    note_after(sim, p);
}

/* Returns a copy of 'p' that has decided what it knows, and a simulation with
 * the state before the event. */
static struct simulation *
begin(const struct policy *p, const struct tpr_config *config,
      long long int now_us, struct policy **copy)
{
    const struct shash_node **sorted = shash_sort(&config->services);
    struct simulation *sim = xzalloc(sizeof *sim);
    struct policy_change change;

    sim->n = shash_count(&config->services);
    sim->services = xcalloc(MAX(1, sim->n), sizeof *sim->services);
    for (size_t i = 0; i < sim->n; i++) {
        sim->services[i].svc = sorted[i]->data;
    }
    free(sorted);
    *copy = policy_clone(p);
    policy_run(*copy, now_us);
    while (policy_next_change(*copy, &change)) {
        free(change.cause);
    }
    note_before(sim, *copy);
    return sim;
}

/* The health checks of all backends in 'region' pass. */
static void
pass_checks(struct policy *p, const struct tpr_config *config,
            const struct tpr_region *region, long long int now_us)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &config->services) {
        const struct tpr_service *svc = node->data;

        for (size_t i = 0; i < svc->n_backends; i++) {
            const struct tpr_backend *b = svc->backends[i];

            if (b->region == region && b->check
                && policy_usable(p, b) != POLICY_OK) {
                policy_backend_check(p, b, true, "assumed", 0, now_us);
            }
        }
    }
}

/* Returns what would happen at 'now_us' and later if 'region' went down, or
 * came 'up' with all that is in it.  The caller owns it:
 * simulation_destroy(). */
struct simulation *
simulate_region(const struct policy *p, const struct tpr_config *config,
                const struct tpr_region *region, bool up,
                long long int now_us)
{
    enum heartbeat_state state = up ? HEARTBEAT_UP : HEARTBEAT_DOWN;
    long long int hold_us, since_us;
    struct simulation *sim;
    struct policy *copy;
    bool draining;

    sim = begin(p, config, now_us, &copy);
    sim->no_news = policy_region_state(copy, region, &draining, &hold_us,
                                       &since_us) == state;
    /* A dead link is believed even of a region that is not confirmed yet. */
    policy_region(copy, region, state,
                  up ? HEARTBEAT_CAUSE_NONE : HEARTBEAT_CAUSE_LINK_DOWN, 0,
                  0, now_us);
    if (up) {
        pass_checks(copy, config, region, now_us);
    }
    run(sim, copy, now_us);
    policy_destroy(copy);
    return sim;
}

/* The same for the health check of 'backend'. */
struct simulation *
simulate_backend(const struct policy *p, const struct tpr_config *config,
                 const struct tpr_backend *backend, bool up,
                 long long int now_us)
{
    struct simulation *sim;
    struct policy *copy;

    sim = begin(p, config, now_us, &copy);
    sim->no_news = up ? policy_usable(copy, backend) == POLICY_OK
                   : policy_usable(copy, backend) == POLICY_CHECK_DOWN;
    policy_backend_check(copy, backend, up, up ? "it is well" : "it fails",
                         0, now_us);
    run(sim, copy, now_us);
    policy_destroy(copy);
    return sim;
}

void
simulation_destroy(struct simulation *sim)
{
    if (sim) {
        for (size_t i = 0; i < sim->n; i++) {
            free(sim->services[i].backends);
            free(sim->services[i].cause);
        }
        free(sim->services);
        free(sim);
    }
}
