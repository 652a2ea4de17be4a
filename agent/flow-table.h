/* SPDX-License-Identifier: Apache-2.0 */

/* Desired flows beside installed ones, and the difference.
 *
 * Every flow that somebody wants or that the switch has is one entry, found by
 * (table, priority, match), as the switch itself finds it.
 *
 *   - Owners (a service, a heartbeat path, ..) claim entries:
 *     flow_table_begin(), flow_table_claim().., flow_table_end() replaces all
 *     claims of one owner and costs nothing for the others.  Many owners may
 *     claim one entry (the answer for a VIP that several services share); if
 *     they want different things, the one with the smallest cookie wins, today
 *     and tomorrow, and 'n_conflicts' counts the others.
 *   - What the switch has is told after each connection:
 *     flow_table_dump_begin(), flow_table_dumped().., flow_table_dump_end().
 *   - flow_table_flush() hands out every entry where the two differ, and takes
 *     the change for made; if it was not, dump again.
 *
 * Cost: O(changed entries), except for the dump, O(all).
 *
 * Pure: no socket, clock, log.  Threads: an instance belongs to one thread. */

#ifndef TPR_FLOW_TABLE_H
#define TPR_FLOW_TABLE_H 1

#include <stdbool.h>
#include <stdint.h>
#include "flow-make.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"

struct ds;
struct ofputil_flow_mod;
struct ofputil_flow_stats;

/* A flow's content, beside what finds it. */
struct flow_content {
    uint64_t cookie;            /* Host byte order. */
    uint16_t flags;             /* OFPUTIL_FF_*. */
    struct ofpact *actions;     /* Owned. */
    size_t actions_len;
};

struct flow_entry {
    struct hmap_node node;      /* By hash of the following three. */
    uint8_t table;
    uint16_t priority;
    struct minimatch match;

    struct ovs_list variants;   /* Contains "struct flow_variant"s, sorted;
                                 * the first is in force. */
    bool installed;             /* The switch has it, */
    struct flow_content have;   /* like this. */
    bool refused;               /* The switch said no to what is wanted. */
    bool dirty;                 /* In table's 'dirty'. */
    struct ovs_list dirty_node;
    unsigned int refs;          /* Held by requests on their way. */
};

struct flow_owner {
    struct ovs_list claims;     /* Contains "struct flow_claim"s. */
    char *name;
    uint32_t learn_hash;        /* VIP of its learned flows, */
    bool learns;                /* if any. */
};

struct flow_table {
    struct hmap entries;        /* Contains "struct flow_entry"s. */
    struct ovs_list dirty;
    struct hmap learners;       /* VIPs that may have learned flows. */
    struct hmap stale;          /* VIPs that may have left some behind. */
    size_t n_wanted;            /* Entries that somebody wants. */
    size_t n_conflicts;         /* Ways of being wanted that lost. */
};

void flow_table_init(struct flow_table *);
void flow_table_destroy(struct flow_table *);

struct flow_owner *flow_owner_create(const char *name);
void flow_owner_destroy(struct flow_table *, struct flow_owner *);

void flow_table_begin(struct flow_table *, struct flow_owner *,
                      struct ovs_list *old);
void flow_table_claim(struct flow_table *, struct flow_owner *,
                      const struct flow_desc *);
void flow_table_end(struct flow_table *, struct ovs_list *old);
void flow_table_set_learner(struct flow_table *, struct flow_owner *,
                            bool learns, uint32_t hash);
bool flow_table_learns(const struct flow_table *, uint32_t hash);

void flow_table_set_stale(struct flow_table *, uint32_t hash);
bool flow_table_next_stale(struct flow_table *, uint32_t *hash);
void flow_table_forget_stale(struct flow_table *);

void flow_table_dump_begin(struct flow_table *);
void flow_table_dumped(struct flow_table *, const struct ofputil_flow_stats *);
void flow_table_dump_end(struct flow_table *);
bool flow_table_removed(struct flow_table *, uint8_t table, uint16_t priority,
                        const struct match *);

/* Called for each difference; 'fm' is valid during the call only.  The
 * callee owns one reference to the entry: flow_entry_unref(). */
typedef void flow_table_cb(void *aux, const struct ofputil_flow_mod *fm,
                           struct flow_entry *);
size_t flow_table_flush(struct flow_table *, flow_table_cb *, void *aux);
void flow_entry_unref(struct flow_table *, struct flow_entry *);
void flow_table_refuse(struct flow_table *, struct flow_entry *);
void flow_table_forgive(struct flow_table *);

void flow_mod_delete_by_cookie(struct ofputil_flow_mod *, uint64_t cookie,
                               uint64_t mask);

bool flow_entry_wanted(const struct flow_entry *);
enum flow_kind flow_entry_kind(const struct flow_entry *);
void flow_entry_format(const struct flow_entry *, struct ds *);
void flow_table_format(const struct flow_table *, struct ds *);

#endif /* flow-table.h */
