/* SPDX-License-Identifier: Apache-2.0 */

/* A queue of fixed-size elements between exactly two threads.
 *
 * Why: the heartbeat thread may neither wait for a lock nor allocate.  Orders
 * reach it and facts leave it through one of these each.
 *
 * How: a ring of a power of two of elements that are copied in and out.  The
 * producer owns 'head', the consumer 'tail', each on a cache line of its own;
 * a release store hands an element over.  Waking the other side is the
 * caller's matter.
 *
 * Threads: one producer, one consumer, no more. */

#ifndef TPR_SPSC_H
#define TPR_SPSC_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPSC_LINE = 64 };

struct spsc {
    uint8_t *data;              /* 'mask' + 1 elements. */
    size_t size;                /* Bytes of an element. */
    size_t mask;
    size_t head __attribute__((aligned(SPSC_LINE)));    /* Producer's. */
    size_t tail __attribute__((aligned(SPSC_LINE)));    /* Consumer's. */
};

void spsc_init(struct spsc *, size_t size, size_t n);
void spsc_destroy(struct spsc *);

bool spsc_push(struct spsc *, const void *element);     /* Producer. */
bool spsc_pop(struct spsc *, void *element);            /* Consumer. */
size_t spsc_capacity(const struct spsc *);

#endif /* spsc.h */
