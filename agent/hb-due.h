/* SPDX-License-Identifier: Apache-2.0 */

/* Whose turn it is: which of a thousand sessions something happened to, and
 * whose deadline has come.
 *
 * A round of the heartbeat thread visits a session when it has something for
 * it, collects those whose deadline has come, and then takes one after the
 * other, each of which gets a new deadline.  What happens to a session while
 * others have their turn gives it another one in the same round.
 *
 * Pure logic: no clocks, no memory but for hb_due_init().
 * Time: *_us, on whatever clock the caller uses.  Threads: none of its own. */

#ifndef TPR_HB_DUE_H
#define TPR_HB_DUE_H 1

#include <stdbool.h>
#include <stdint.h>
#include "heap.h"

struct hb_due_entry {
    struct heap_node node;      /* In 'deadlines'. */
    bool waits;                 /* In 'turns'. */
};

struct hb_due {
    unsigned int max;
    struct hb_due_entry *entries;       /* 'max' of them, all in the heap. */
    struct heap deadlines;      /* The earliest is the maximum. */
    uint32_t *turns;            /* A ring of 'max': those that wait. */
    unsigned int first, n;
};

void hb_due_init(struct hb_due *, unsigned int max);
void hb_due_destroy(struct hb_due *);

void hb_due_set(struct hb_due *, uint32_t id, long long int deadline_us);
long long int hb_due_earliest(const struct hb_due *);

void hb_due_visit(struct hb_due *, uint32_t id);
void hb_due_collect(struct hb_due *, long long int now_us);
bool hb_due_next(struct hb_due *, uint32_t *id);

#endif /* hb-due.h */
