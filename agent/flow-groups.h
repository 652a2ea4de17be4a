/* SPDX-License-Identifier: Apache-2.0 */

/* Desired OpenFlow groups beside the switch's, and the difference.
 *
 * One service with policy weighted is one select group (flow-balance.c), found
 * by its id.  Ids between FLOW_GROUP_FIRST and FLOW_GROUP_LAST are the
 * agent's; nobody else's group is looked at.  A service's id comes from its
 * name, so that a restarted agent finds what the one before it has made.
 *
 *   flow_groups_dump_begin(), _dumped()..
 *                                what the switch has, after each connection
 *                                and comparison, before it tells its flows
 *   flow_groups_want(), _unwant()        what a service needs
 *   flow_groups_flush()          hands out additions and changes, and takes
 *                                them for made: to be sent before flows
 *   flow_groups_flush_stale()    hands out deletions: to be sent after flows,
 *                                since a switch deletes with a group all flows
 *                                that name it
 *
 * A service of which nothing is proven yet, because the agent has just
 * started, keeps the group that the switch has.
 *
 * Pure: no socket, clock, log.  Threads: an instance belongs to one thread. */

#ifndef TPR_FLOW_GROUPS_H
#define TPR_FLOW_GROUPS_H 1

#include <stdbool.h>
#include <stdint.h>
#include "openvswitch/hmap.h"
#include "openvswitch/ofp-group.h"
#include "openvswitch/shash.h"

enum {
    FLOW_GROUP_FIRST = 0x74000000,
    FLOW_GROUP_LAST = 0x7400ffff,
};

struct flow_group {
    struct hmap_node node;      /* In 'groups', by id. */
    uint32_t id;
    char *service;              /* Who wants it; NULL: nobody. */
    struct ofputil_group_desc want;     /* If anybody does. */
    struct ofpbuf *want_key;    /* What it is, to compare; */
    struct ofpbuf *have_key;    /* NULL: the switch has none. */
    uint64_t have_param;        /* Whose the switch's is. */
    bool keep;                  /* As the switch has it, if it has. */
    bool refused;               /* The switch said no to 'want'. */
    char *error;                /* For this reason. */
};

struct flow_groups {
    struct hmap groups;         /* Contains "struct flow_group"s. */
    struct shash services;      /* Name -> struct flow_group. */
    bool dirty;                 /* Something may have to be sent. */
};

void flow_groups_init(struct flow_groups *);
void flow_groups_destroy(struct flow_groups *);

uint32_t flow_groups_want(struct flow_groups *, const char *service,
                          struct ofputil_group_desc *, bool keep);
void flow_groups_unwant(struct flow_groups *, const char *service);
const struct flow_group *flow_groups_find(const struct flow_groups *,
                                          const char *service);

void flow_groups_dump_begin(struct flow_groups *);
void flow_groups_dumped(struct flow_groups *, struct ofputil_group_desc *);

typedef void flow_groups_cb(void *aux, const struct ofputil_group_mod *);
void flow_groups_flush(struct flow_groups *, flow_groups_cb *, void *aux);
void flow_groups_flush_stale(struct flow_groups *, flow_groups_cb *,
                             void *aux);
const char *flow_groups_refuse(struct flow_groups *, uint32_t id,
                               const char *error);
bool flow_groups_forgive(struct flow_groups *);

#endif /* flow-groups.h */
