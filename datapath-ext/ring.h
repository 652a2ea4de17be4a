/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Maglev's look-up table (Eisenbud et al., NSDI 2016, section 3.4): every
 * member takes slots of a table of prime size in an order of its own, in turn
 * and by weight, until the table is full.  The order is that of a hash, not
 * the paper's offset and skip: where two members' skips are small multiples of
 * each other, they would meet all along, and who leaves move ten percent of
 * the others' slots.  A member that comes or goes moves few slots of others:
 * the more slots each member has, the fewer.  Policy
 * maglev has tables for which that is about half a percent; others, which use
 * theirs only for want of room for connections, have small ones.  The lightest
 * member has a slot, too, so that it is found when all others are down.
 *
 * A member is known by its address and port alone: equal sets give equal
 * tables, in whatever order they are listed.
 *
 * Pure; allocates.  Threads: a ring never changes after it was made. */

#ifndef TPR_RING_H
#define TPR_RING_H 1

#include "redirect.h"

#define TPR_RING_EMPTY UINT16_MAX

struct tpr_ring {
    uint32_t size;              /* A prime; 0: nobody is a member. */
    uint16_t *slot;             /* Indexes of backends. */
};

struct tpr_ring *tpr_ring_create(const struct tpr_redirect *,
                                 const bool *member);
void tpr_ring_destroy(struct tpr_ring *);
uint32_t tpr_ring_size_for(enum tpr_policy, unsigned int n_members);

#endif /* ring.h */
