/* SPDX-License-Identifier: Apache-2.0 */

/* Bundles of flow changes on their way to the switch, oldest first.
 *
 * A bundle is opened by the first change that is added, sent as a whole by
 * flow_bundles_commit(), and taken out by flow_bundles_take() when the switch
 * has answered.  flow_bundles_refused() finds the flow that the switch said no
 * to.
 *
 * Groups are in the same bundles: a change before the flows that name it, a
 * deletion after them.
 *
 * A bundle is critical if what its set() wanted is not in force without it:
 * with redirect objects, answers to ARP, ND and ping are not.
 *
 * Threads: main thread. */

#ifndef TPR_FLOW_BUNDLES_H
#define TPR_FLOW_BUNDLES_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "openvswitch/list.h"
#include "openvswitch/types.h"

struct flow_entry;
struct flow_table;
struct ofconn;
struct ofputil_flow_mod;
struct ofputil_group_mod;

/* A bundle on its way. */
struct flow_bundle {
    struct ovs_list node;       /* In 'sent'. */
    uint32_t id;
    uint64_t seq;               /* In force once it is committed. */
    bool critical;
    bool refused;               /* Some flow of it was. */
    size_t n;
    size_t allocated;
    struct flow_bundle_entry {
        ovs_be32 xid;
        struct flow_entry *entry;       /* NULL: it is about... */
        uint32_t group;                 /* ...this group. */
    } *entries;
};

struct flow_bundles {
    struct ofconn *conn;
    struct flow_table *table;
    struct ovs_list sent;       /* Contains "struct flow_bundle"s. */
    struct flow_bundle *open;   /* Being filled, or NULL. */
    uint64_t n_flow_mods;
};

void flow_bundles_init(struct flow_bundles *, struct ofconn *,
                       struct flow_table *);
void flow_bundles_drop(struct flow_bundles *);

void flow_bundles_add(struct flow_bundles *, const struct ofputil_flow_mod *,
                      struct flow_entry *, bool critical);
void flow_bundles_delete(struct flow_bundles *, uint64_t cookie,
                         uint64_t mask);
void flow_bundles_add_group(struct flow_bundles *,
                            const struct ofputil_group_mod *);
void flow_bundles_commit(struct flow_bundles *, uint64_t seq);

struct flow_bundle *flow_bundles_last_critical(const struct flow_bundles *);
struct flow_entry *flow_bundles_refused(struct flow_bundles *, ovs_be32 xid,
                                        uint32_t *group);
struct flow_bundle *flow_bundles_take(struct flow_bundles *, uint32_t id);
void flow_bundle_destroy(struct flow_bundles *, struct flow_bundle *);

#endif /* flow-bundles.h */
