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
 *   least-connections
 *                 the one with the fewest connections per weight; if several
 *                 have as few, weighted decides among them
 *   spillover     as failover: those before it are at their limits; where all
 *                 are at their limits of packets/s, these take turns by weight
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

/* How many more connections per weight does somebody with 'n' of them have
 * than one with 'least_n'?  Negative: fewer.  The number says only which. */
TPR_INLINE int64_t
tpr_heavier(uint32_t n, uint16_t weight, uint32_t least_n,
            uint16_t least_weight)
{
    return (int64_t) n * least_weight - (int64_t) least_n * weight;
}

/* The index of the backend that has the fewest connections per weight, the
 * first of several; -1 if none takes part. */
TPR_INLINE int
tpr_least(const struct tpr_redirect *r, const uint8_t *why,
          uint16_t priority, const uint32_t *connections)
{
    int least = -1;

    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *b = &r->backends[i];

        if (why[i] == TPR_WHY_OK && b->priority == priority
            && (least < 0
                || tpr_heavier(connections[i], b->weight, connections[least],
                               r->backends[least].weight) < 0)) {
            least = i;
        }
    }
    return least;
}

/* How much a backend may have saved up, or owe, when 'r' takes the place of
 * 'old': no more than a turn brings to all of them, for with smaller weights
 * it would have all turns for a while; nothing with another policy. */
TPR_INLINE int32_t
tpr_smooth_most(const struct tpr_redirect *old, const struct tpr_redirect *r)
{
    int32_t total = 0;

    for (int i = 0; i < r->n_backends; i++) {
        total += r->policy == TPR_POLICY_ROUND_ROBIN ? 1
                 : r->backends[i].weight;
    }
    return old->policy == r->policy ? total : 0;
}

TPR_INLINE int32_t
tpr_smooth_clamp(int32_t smooth, int32_t most)
{
    return smooth > most ? most : smooth < -most ? -most : smooth;
}

/* Does affinity that was noted at 'noted_ms' hold at 'now_ms'?  Clocks of
 * threads may be a second apart. */
TPR_INLINE bool
tpr_affinity_holds(uint32_t noted_ms, uint32_t now_ms, uint32_t affinity_ms)
{
    const uint32_t passed_ms = now_ms - noted_ms;

    return affinity_ms && (passed_ms < affinity_ms
                           || passed_ms > UINT32_MAX - 1000);
}

/* A turn of those of 'priority' (negative: of any) that take part; if 'least'
 * is not negative, of those that have as few connections per weight as that
 * one. */
TPR_INLINE int
tpr_choose_smooth(const struct tpr_redirect *r, int32_t *smooth,
                  const uint8_t *why, int32_t priority, int least,
                  const uint32_t *connections)
{
    int32_t total = 0;
    int best = -1;

    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *b = &r->backends[i];

        if (why[i] == TPR_WHY_OK
            && (priority < 0 || b->priority == priority)
            && (least < 0
                || !tpr_heavier(connections[i], b->weight, connections[least],
                                r->backends[least].weight))) {
            int32_t weight = (r->policy == TPR_POLICY_ROUND_ROBIN
                              ? 1 : b->weight);

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

/* Is somebody who got 'pps' packets in the last full second, and 'since' after
 * it, at the limit of packets/s 'max_pps'?  So many in a second that is not
 * over will not be fewer at its end. */
TPR_INLINE bool
tpr_is_fast(uint32_t pps, uint64_t since, uint32_t max_pps)
{
    return max_pps && (pps >= max_pps || since >= max_pps);
}

/* The first of the backends of the best priority that has one for which 'why'
 * is 'wanted', or -1. */
TPR_INLINE int
tpr_first(const struct tpr_redirect *r, const uint8_t *why,
          enum tpr_why wanted)
{
    int first = -1;

    for (int i = 0; i < r->n_backends; i++) {
        if (why[i] == wanted
            && (first < 0
                || r->backends[i].priority < r->backends[first].priority)) {
            first = i;
        }
    }
    return first;
}

/* As tpr_choose(), among those that 'why' calls TPR_WHY_OK, 'first' the first
 * of them; all are at their limits of packets/s if 'all_fast'. */
TPR_INLINE int
tpr_choose__(const struct tpr_redirect *r, const struct tpr_ring *ring,
             int32_t *smooth, const uint32_t *connections, const uint8_t *why,
             uint32_t hash, int first, bool all_fast)
{
    const uint16_t priority = r->backends[first].priority;
    int slot;

    switch (r->policy) {
    case TPR_POLICY_WEIGHTED:
    case TPR_POLICY_ROUND_ROBIN:
        return tpr_choose_smooth(r, smooth, why, priority, -1, connections);

    case TPR_POLICY_LEAST_CONNECTIONS:
        return tpr_choose_smooth(r, smooth, why, priority,
                                 tpr_least(r, why, priority, connections),
                                 connections);

    case TPR_POLICY_MAGLEV:
        slot = tpr_choose_ring(r, ring, why, priority, hash);
        return slot >= 0 ? slot : first;

    case TPR_POLICY_SPILLOVER:
        return (all_fast && smooth
                ? tpr_choose_smooth(r, smooth, why, -1, -1, connections)
                : first);

    default:
        return first;
    }
}

/* Puts 'to' in place of 'from' in 'why'. */
TPR_INLINE void
tpr_rename(const struct tpr_redirect *r, uint8_t *why, enum tpr_why from,
           enum tpr_why to)
{
    for (int i = 0; i < r->n_backends; i++) {
        why[i] = why[i] == from ? to : why[i];
    }
}

/* Returns the index of the backend for a new connection whose forward tuple
 * has 'hash', or -1 if none is usable.  'why' has an enum tpr_why for each
 * backend, and keeps it; where nobody else is left, limits of packets/s do not
 * count.  'smooth' has a number for each, zero at first, which only the
 * policies with turns use, and spillover there; only least-connections uses
 * 'connections', how many each backend has; only maglev uses 'ring', whose
 * members may be the backends of all priorities or of the one that takes part.
 * A usable backend is found even if the ring is NULL or was made without
 * it. */
TPR_INLINE int
tpr_choose(const struct tpr_redirect *r, const struct tpr_ring *ring,
           int32_t *smooth, const uint32_t *connections, uint8_t *why,
           uint32_t hash)
{
    int chosen, first = tpr_first(r, why, TPR_WHY_OK);

    if (first >= 0) {
        return tpr_choose__(r, ring, smooth, connections, why, hash, first,
                            false);
    }
    first = tpr_first(r, why, TPR_WHY_RATE);
    if (first < 0) {
        return -1;
    }
    tpr_rename(r, why, TPR_WHY_RATE, TPR_WHY_OK);
    chosen = tpr_choose__(r, ring, smooth, connections, why, hash, first,
                          true);
    tpr_rename(r, why, TPR_WHY_OK, TPR_WHY_RATE);
    return chosen;
}

#endif /* redirect-choose.h */
