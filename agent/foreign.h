/* SPDX-License-Identifier: Apache-2.0 */

/* Flows of others that come before ours: access lists, detours.
 *
 * BPF programs take packets before the switch looks at its flows.  A service
 * that somebody else's flow of higher priority matches must therefore stay
 * with the switch, until that flow goes.
 *
 *   foreign_set_service()       what a service's packets look like
 *   foreign_begin(), _put().., _end()
 *                               all flows of the switch, after a connection;
 *                               until the end, what was known holds too
 *   foreign_put(), _del()       one flow that was added, or removed
 *   foreign_find()              the flow that comes before a service's
 *
 *   foreign_next_changed()      services for which that may be another now
 *
 * Only flows that come first are kept, in an index (overlap.h): what a flow
 * that comes or goes costs depends on the services that it stands before, and
 * not on how many flows or services there are.
 *
 * Pure: no socket, clock, log.  Threads: an instance belongs to one thread. */

#ifndef TPR_FOREIGN_H
#define TPR_FOREIGN_H 1

#include <stdbool.h>
#include <stdint.h>
#include "datapath.h"
#include "openvswitch/hmap.h"
#include "openvswitch/match.h"
#include "openvswitch/shash.h"
#include "overlap.h"
#include "redirect-plan.h"

struct foreign {
    struct hmap flows;          /* Contains "struct foreign_flow"s. */
    struct shash services;      /* Name -> struct foreign_service. */
    uint16_t priority;          /* Flows below this come after ours. */
    unsigned int generation;    /* Of the dump. */
    unsigned int seqno;         /* Changes with any answer. */
    bool known;                 /* A dump has ended. */
    struct ovs_list changed;    /* "struct foreign_service"s. */
    struct overlap overlap;     /* Of flows and what services look like. */
};

void foreign_init(struct foreign *, uint16_t priority);
void foreign_destroy(struct foreign *);
void foreign_set_priority(struct foreign *, uint16_t priority);

void foreign_set_service(struct foreign *, const struct dp_service *,
                         redirect_port_func *, void *aux);
void foreign_del_service(struct foreign *, const char *name);

void foreign_begin(struct foreign *);
void foreign_put(struct foreign *, uint16_t priority, const struct match *);
void foreign_del(struct foreign *, uint16_t priority, const struct match *);
void foreign_end(struct foreign *);

const char *foreign_next_changed(struct foreign *);
char *foreign_find(const struct foreign *, const char *service);

#endif /* foreign.h */
