/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Which backend gets a new connection: the policies.
 *
 * All agree on this: backends of the lowest priority number that has a usable
 * one take part, others do not.  Then
 *
 *   failover      the first of them in the description's order
 *   weighted      smooth weighted round-robin: each gains its weight, the
 *                 richest is taken and pays the sum of all weights
 *   round-robin   the same with equal weights
 *   maglev        the ring's slot at the hash; if that one is not usable, the
 *                 next slot whose backend is
 *
 * Inline, pure; the caller holds whatever guards 'smooth'. */

#ifndef TPR_REDIRECT_CHOOSE_H
#define TPR_REDIRECT_CHOOSE_H 1

#include "redirect-parse.h"
#include "ring.h"

/* Loads the liveness word at 'P', whole, whoever writes it meanwhile. */
#ifndef TPR_LOAD_WORD
#ifdef __bpf__
#define TPR_LOAD_WORD(P) (*(const volatile tpr_word *) (P))
#else
#define TPR_LOAD_WORD(P) __atomic_load_n(P, __ATOMIC_RELAXED)
#endif
#endif

/* The state in a liveness word that 'index' means; UP for TPR_NO_WORD. */
TPR_INLINE enum tpr_liveness
tpr_page_state(const tpr_word *words, uint32_t index)
{
    return (index == TPR_NO_WORD ? TPR_LIVENESS_UP
            : tpr_word_state(TPR_LOAD_WORD(&words[index])));
}

/* May 'b' be given a new connection, by its port, its words and its weight?
 * Limits and reverse keys are the host's to judge. */
TPR_INLINE enum tpr_why
tpr_why_of(const struct tpr_redirect_backend *b, const struct tpr_page *page)
{
    enum tpr_liveness region = tpr_page_state(page->region, b->region);
    enum tpr_liveness own = tpr_page_state(page->backend, b->word);

    return (b->withdrawn ? TPR_WHY_WITHDRAWN
            : region == TPR_LIVENESS_UNKNOWN ? TPR_WHY_REGION_UNKNOWN
            : region == TPR_LIVENESS_DRAIN ? TPR_WHY_REGION_DRAIN
            : region != TPR_LIVENESS_UP ? TPR_WHY_REGION_DOWN
            : own == TPR_LIVENESS_UNKNOWN ? TPR_WHY_UNKNOWN
            : own == TPR_LIVENESS_DRAIN ? TPR_WHY_DRAIN
            : own != TPR_LIVENESS_UP ? TPR_WHY_DOWN
            : !b->weight ? TPR_WHY_WEIGHT : TPR_WHY_OK);
}

/* May connections that 'b' has stay on it?  Not if it is proven dead, or its
 * region, or its port is gone; "unknown" and draining keep theirs. */
TPR_INLINE bool
tpr_keeps(const struct tpr_redirect_backend *b, const struct tpr_page *page)
{
    return !b->withdrawn
           && tpr_page_state(page->region, b->region) != TPR_LIVENESS_DOWN
           && tpr_page_state(page->backend, b->word) != TPR_LIVENESS_DOWN;
}

/* What happens to a connection of protocol 'proto' whose backend 'b' is one
 * that tpr_keeps() no more, if the redirect says 'on_down'.  A port that is
 * gone keeps nothing: its number may be another's. */
TPR_INLINE enum tpr_on_down
tpr_on_death(enum tpr_on_down on_down, uint8_t proto,
             const struct tpr_redirect_backend *b)
{
    return tpr_on_down_of(on_down == TPR_ON_DOWN_KEEP
                          && (b->withdrawn & TPR_WITHDRAWN_PORT)
                          ? TPR_ON_DOWN_DEFAULT : on_down, proto);
}

TPR_INLINE int
tpr_choose_smooth(const struct tpr_redirect *r, int32_t *smooth,
                  const uint8_t *why, uint16_t priority)
{
    int32_t total = 0;
    int best = -1;

    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *b = &r->backends[i];

        if (why[i] == TPR_WHY_OK && b->priority == priority) {
            int32_t weight = r->policy == TPR_POLICY_WEIGHTED ? b->weight : 1;

            smooth[i] += weight;
            total += weight;
            if (best < 0 || smooth[i] > smooth[best]) {
                best = i;
            }
        }
    }
    if (best >= 0) {
        smooth[best] -= total;
    }
    return best;
}

TPR_INLINE int
tpr_choose_ring(const struct tpr_redirect *r, const struct tpr_ring *ring,
                const uint8_t *why, uint16_t priority, uint32_t hash)
{
    uint32_t at = ring && ring->size ? hash % ring->size : 0;

    for (uint32_t i = 0; ring && i < ring->size; i++) {
        uint16_t slot = ring->slot[at];

        if (slot < r->n_backends && why[slot] == TPR_WHY_OK
            && r->backends[slot].priority == priority) {
            return slot;
        }
        at = at + 1 == ring->size ? 0 : at + 1;
    }
    return -1;
}

/* Returns the index of the backend for a new connection whose forward tuple
 * has 'hash', or -1 if none is usable.  'why' has an enum tpr_why for each
 * backend; 'smooth' has a number for each, zero at first, which only the
 * round-robin policies use; only maglev uses 'ring', whose members may be the
 * backends of all priorities or of the one that takes part.  A usable backend
 * is found even if the ring is NULL or was made without it. */
TPR_INLINE int
tpr_choose(const struct tpr_redirect *r, const struct tpr_ring *ring,
           int32_t *smooth, const uint8_t *why, uint32_t hash)
{
    int first = -1;
    int slot;

    for (int i = 0; i < r->n_backends; i++) {
        if (why[i] == TPR_WHY_OK
            && (first < 0
                || r->backends[i].priority < r->backends[first].priority)) {
            first = i;
        }
    }
    if (first < 0) {
        return -1;
    }
    switch (r->policy) {
    case TPR_POLICY_WEIGHTED:
    case TPR_POLICY_ROUND_ROBIN:
        return tpr_choose_smooth(r, smooth, why, r->backends[first].priority);

    case TPR_POLICY_MAGLEV:
        slot = tpr_choose_ring(r, ring, why, r->backends[first].priority,
                               hash);
        return slot >= 0 ? slot : first;

    default:
        return first;
    }
}

#endif /* redirect-choose.h */
