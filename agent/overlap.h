/* SPDX-License-Identifier: Apache-2.0 */

/* Which flows and matches, of many of both, have a packet in common.
 *
 * A flow and a match overlap if they agree where both of them look.  Matches
 * that look at the same bits make a class; within it, flows that look at the
 * same of these bits make a cell:
 *
 *     bits of a class   111111110000      a match   0101xxxx----
 *     bits of a flow    000011111111      a flow    ----xxxx0101
 *     bits of the cell  000011110000      alike  <=>  they overlap
 *
 * A cell has its flows, and the matches of its class, in groups that are alike
 * at its bits.  So who looks for what overlaps a flow looks at one group of
 * each class, and who looks for what overlaps a match, at one group of each
 * cell of its class; whatever is found there does overlap.  Classes and cells
 * are few, for people write few kinds of flows.
 *
 * Only matches that are armed are found.
 *
 * Pure: no socket, clock, log.  Threads: an instance belongs to one thread. */

#ifndef TPR_OVERLAP_H
#define TPR_OVERLAP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/match.h"

struct overlap {
    struct hmap classes;        /* Contains "struct overlap_class"es. */
    struct ovs_list flows;      /* All "struct overlap_flow"s. */
    uint64_t n_steps;           /* Groups looked for, things found there and
                                 * taken away, ever. */
};

/* A flow, inside of something of the owner's. */
struct overlap_flow {
    struct ovs_list node;       /* In struct overlap's 'flows'. */
    struct minimatch match;
    struct ovs_list places;     /* One in a cell of each class. */
};

struct overlap_match;

void overlap_init(struct overlap *);
void overlap_destroy(struct overlap *);

void overlap_add_flow(struct overlap *, struct overlap_flow *,
                      const struct match *);
void overlap_remove_flow(struct overlap *, struct overlap_flow *);

struct overlap_match *overlap_match_create(struct overlap *,
                                           const struct match *, void *owner);
void overlap_match_destroy(struct overlap *, struct overlap_match *);
void overlap_match_arm(struct overlap *, struct overlap_match *);
void overlap_match_disarm(struct overlap *, struct overlap_match *);
void *overlap_match_owner(const struct overlap_match *);

struct overlap_match **overlap_find_matches(struct overlap *,
                                            const struct overlap_flow *,
                                            size_t *n);
typedef bool overlap_accept_func(const struct overlap_flow *,
                                 const void *aux);
struct overlap_flow *overlap_find_flow(struct overlap *,
                                       const struct overlap_match *,
                                       overlap_accept_func *,
                                       const void *aux);

#endif /* overlap.h */
