/* SPDX-License-Identifier: Apache-2.0 */

/* Whose turn it is: see hb-due.h. */

#include <config.h>
#include "hb-due.h"

#include <limits.h>
#include <stdlib.h>
#include "util.h"

static uint64_t
to_priority(long long int deadline_us)
{
    return LLONG_MAX - MAX(deadline_us, 0);
}

static long long int
from_priority(uint64_t priority)
{
    return LLONG_MAX - priority;
}

/* Makes '*d' ready for ids less than 'max', none of which has a deadline.  The
 * caller must hb_due_destroy() it. */
void
hb_due_init(struct hb_due *d, unsigned int max)
{
    d->max = max;
    d->entries = xcalloc(max, sizeof *d->entries);
    d->turns = xcalloc(max, sizeof *d->turns);
    d->first = d->n = 0;
    heap_init(&d->deadlines);
    for (unsigned int i = 0; i < max; i++) {
        heap_insert(&d->deadlines, &d->entries[i].node,
                    to_priority(LLONG_MAX));
    }
}

void
hb_due_destroy(struct hb_due *d)
{
    heap_destroy(&d->deadlines);
    free(d->entries);
    free(d->turns);
}

/* Gives 'id' another deadline, LLONG_MAX for none. */
void
hb_due_set(struct hb_due *d, uint32_t id, long long int deadline_us)
{
    ovs_assert(id < d->max);
    heap_change(&d->deadlines, &d->entries[id].node,
                to_priority(deadline_us));
}

/* Returns the earliest deadline, LLONG_MAX if there is none. */
long long int
hb_due_earliest(const struct hb_due *d)
{
    return (heap_is_empty(&d->deadlines) ? LLONG_MAX
            : from_priority(heap_max(&d->deadlines)->priority));
}

/* Gives 'id' a turn, unless it waits for one. */
void
hb_due_visit(struct hb_due *d, uint32_t id)
{
    ovs_assert(id < d->max);
    if (!d->entries[id].waits) {
        d->entries[id].waits = true;
        d->turns[(d->first + d->n++) % d->max] = id;
    }
}

/* Gives all a turn whose deadline is 'now_us' or earlier; they have no
 * deadline until hb_due_set(). */
void
hb_due_collect(struct hb_due *d, long long int now_us)
{
    while (hb_due_earliest(d) <= now_us) {
        struct hb_due_entry *e = CONTAINER_OF(heap_max(&d->deadlines),
                                              struct hb_due_entry, node);

        hb_due_visit(d, e - d->entries);
        hb_due_set(d, e - d->entries, LLONG_MAX);
    }
}

/* Stores in '*id' whose turn is next.  Returns false if nobody waits. */
bool
hb_due_next(struct hb_due *d, uint32_t *id)
{
    if (!d->n) {
        return false;
    }
    *id = d->turns[d->first];
    d->first = (d->first + 1) % d->max;
    d->n--;
    d->entries[*id].waits = false;
    return true;
}
