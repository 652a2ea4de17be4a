/* SPDX-License-Identifier: Apache-2.0 */

/* What would happen if: a region's or a backend's life or death, tried out on
 * a copy of the policy.
 *
 * The event is handed to the copy as a fact that nobody doubts; then time goes
 * on, deadline by deadline, for SIM_HORIZON_US, in which nothing else happens:
 * what holds and damping put off shows as well.
 *
 * Pure.  Threads: main thread. */

#ifndef TPR_SIMULATE_H
#define TPR_SIMULATE_H 1

#include <stdbool.h>
#include <stddef.h>
#include "policy.h"

#define SIM_HORIZON_US (600LL * 1000 * 1000)

/* One service before and after. */
struct sim_service {
    const struct tpr_service *svc;
    const struct tpr_backend *from;     /* Active; NULL: none. */
    const struct tpr_backend *at_once;  /* Right after the event. */
    const struct tpr_backend *to;       /* In the end. */
    enum policy_mode mode;              /* In the end. */
    long long int after_us;             /* From the event to the last change
                                         * of the active one, 0: at once. */
    char *cause;                        /* Of the last change, NULL: none. */
    struct sim_backend {
        bool before, after;             /* Gets new connections. */
        bool dies;                      /* Keeps no connections. */
    } *backends;                        /* In the order of 'svc'. */
    bool changes;                       /* Anything at all. */
};

struct simulation {
    struct sim_service *services;       /* By name. */
    size_t n;
    bool panic;                         /* The threshold would be exceeded. */
    bool no_news;                       /* It is like that already. */
};

struct simulation *simulate_region(const struct policy *,
                                   const struct tpr_config *,
                                   const struct tpr_region *, bool up,
                                   long long int now_us);
struct simulation *simulate_backend(const struct policy *,
                                    const struct tpr_config *,
                                    const struct tpr_backend *, bool up,
                                    long long int now_us);
void simulation_destroy(struct simulation *);

#endif /* simulate.h */
