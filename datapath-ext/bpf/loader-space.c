/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What is free of lists and rings: see loader-private.h.
 *
 * What an object gives up waits in limbo until no program can look at it any
 * more. */

#include <config.h>
#include "loader-private.h"

#include <stdlib.h>
#include <string.h>
#include "util.h"

/* The 'n' from 'first' on are free. */
void
tpr_bpf_space_give(struct space *s, uint32_t first, uint32_t n)
{
    size_t i = 0;

    if (!n) {
        return;
    }
    while (i < s->n && s->spans[i].first < first) {
        i++;
    }
    if (s->n == s->allocated) {
        s->spans = x2nrealloc(s->spans, &s->allocated, sizeof *s->spans);
    }
    memmove(&s->spans[i + 1], &s->spans[i], (s->n - i) * sizeof *s->spans);
    s->spans[i] = (struct span) { first, n };
    s->n++;
    for (i = i ? i - 1 : 0; i + 1 < s->n;) {
        struct span *a = &s->spans[i];

        if (a->first + a->n != a[1].first) {
            if (a->first > first) {
                break;
            }
            i++;
            continue;
        }
        a->n += a[1].n;
        memmove(a + 1, a + 2, (s->n - i - 2) * sizeof *a);
        s->n--;
    }
}

/* The first of 'n' that belong together, or TPR_BPF_NONE. */
static uint32_t
space_take(struct space *s, uint32_t n)
{
    for (size_t i = 0; i < s->n; i++) {
        struct span *span = &s->spans[i];

        if (span->n >= n) {
            uint32_t first = span->first;

            span->first += n;
            span->n -= n;
            if (!span->n) {
                memmove(span, span + 1, (s->n - i - 1) * sizeof *span);
                s->n--;
            }
            return first;
        }
    }
    return TPR_BPF_NONE;
}

/* The 'n' from 'first' on will be free when the epoch ends. */
void
tpr_bpf_give_up(struct tpr_bpf *b, bool is_ring, uint32_t first, uint32_t n)
{
    if (b->n_limbo == b->allocated_limbo) {
        b->limbo = x2nrealloc(b->limbo, &b->allocated_limbo,
                              sizeof *b->limbo);
    }
    b->limbo[b->n_limbo++] = (struct limbo) { is_ring, { first, n } };
}

/* What was given up can be used again. */
void
tpr_bpf_release_limbo(struct tpr_bpf *b)
{
    for (size_t i = 0; i < b->n_limbo; i++) {
        const struct limbo *l = &b->limbo[i];

        tpr_bpf_space_give(l->is_ring ? &b->ring_space : &b->list_space,
                   l->span.first, l->span.n);
    }
    b->n_limbo = 0;
}

/* Takes the first of 'n' that belong together, after waiting if there is not
 * enough; TPR_BPF_NONE: there never will be. */
uint32_t
tpr_bpf_take(struct tpr_bpf *b, struct space *s, uint32_t n)
{
    uint32_t first = n ? space_take(s, n) : 0;

    if (first == TPR_BPF_NONE) {
        tpr_bpf_settle(b);
        if (b->n_limbo) {
            tpr_bpf_grace(b);
            first = space_take(s, n);
        }
    }
    return first;
}
