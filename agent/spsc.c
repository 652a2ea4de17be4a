/* SPDX-License-Identifier: Apache-2.0 */

/* A queue between two threads: see spsc.h.
 *
 * 'head' and 'tail' count elements ever pushed and popped; they wrap around
 * with size_t, and their difference is the number of elements inside. */

#include <config.h>
#include "spsc.h"

#include <string.h>
#include "util.h"

/* Makes 'q' an empty queue of at least 'n' elements of 'size' bytes each.  The
 * memory is touched, so that neither side meets a page fault later. */
void
spsc_init(struct spsc *q, size_t size, size_t n)
{
    size_t capacity = 1;

    while (capacity < n) {
        capacity *= 2;
    }
    memset(q, 0, sizeof *q);
    q->size = size;
    q->mask = capacity - 1;
    q->data = xmalloc(size * capacity);
    memset(q->data, 0, size * capacity);
}

/* Frees the queue's memory.  Neither side may use it any more. */
void
spsc_destroy(struct spsc *q)
{
    free(q->data);
    q->data = NULL;
}

/* Copies '*element' into the queue.  Returns false if it is full.  Only the
 * producer calls this. */
bool
spsc_push(struct spsc *q, const void *element)
{
    size_t head = q->head;
    size_t tail = __atomic_load_n(&q->tail, __ATOMIC_ACQUIRE);

    if (head - tail > q->mask) {
        return false;
    }
    memcpy(q->data + (head & q->mask) * q->size, element, q->size);
    __atomic_store_n(&q->head, head + 1, __ATOMIC_RELEASE);
    return true;
}

/* Copies the oldest element to '*element' and removes it.  Returns false if
 * there is none.  Only the consumer calls this. */
bool
spsc_pop(struct spsc *q, void *element)
{
    size_t tail = q->tail;
    size_t head = __atomic_load_n(&q->head, __ATOMIC_ACQUIRE);

    if (head == tail) {
        return false;
    }
    memcpy(element, q->data + (tail & q->mask) * q->size, q->size);
    __atomic_store_n(&q->tail, tail + 1, __ATOMIC_RELEASE);
    return true;
}

/* Returns how many elements fit in.  Any thread. */
size_t
spsc_capacity(const struct spsc *q)
{
    return q->mask + 1;
}
