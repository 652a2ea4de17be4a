/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Maglev's look-up table: see ring.h. */

#include <config.h>
#include "ring.h"

#include <stdlib.h>
#include <string.h>
#include "redirect-hash.h"
#include "util.h"

enum {
    SEED_START = 0x6d61676c,    /* Two hashes of a member; not secret: equal */
    SEED_STEP = 0x65762121,     /* sets give equal tables. */
};

enum {
    RING_MIN = 251,             /* Both are primes. */
    RING_MAX = 65521,
    RING_PART = 100,            /* A member's slots, at least, */
    RING_PART_MAGLEV = 1600,    /* and where the policy is maglev. */
};

/* A member's own order of slots: the hashes of start, start + step, ... */
struct member {
    uint16_t index;             /* In the redirect's backends. */
    uint32_t at;                /* What its next candidate is a hash of. */
    uint32_t step;              /* Odd: all 2^32 numbers have their turn. */
    uint64_t credit;            /* Grows with its weight. */
};

static bool
is_prime(uint32_t n)
{
    for (uint32_t i = 2; i * i <= n; i++) {
        if (n % i == 0) {
            return false;
        }
    }
    return n > 1;
}

/* Returns the size of a table for 'n_members': the first prime with a hundred
 * slots or more for each, which keeps equal shares within one percent, 1,600
 * with 'policy' maglev; at least 251 and at most 65,521.  Another size moves
 * nearly everything, so the number is rounded up to a power of two: few
 * members that come or go change it. */
uint32_t
tpr_ring_size_for(enum tpr_policy policy, unsigned int n_members)
{
    const uint32_t part = (policy == TPR_POLICY_MAGLEV ? RING_PART_MAGLEV
                           : RING_PART);
    uint32_t n = 1;

    while (n < n_members && n < TPR_MAX_REDIRECT_BACKENDS) {
        n *= 2;
    }
    if (n * part >= RING_MAX) {
        return RING_MAX;
    }

    uint32_t size = MAX(n_members ? n * part : 0, RING_MIN);
    while (!is_prime(size)) {
        size++;
    }
    return size;
}

/* What a member is known by: its address and port, whatever its place in the
 * list. */
static uint32_t
hash_member(const struct tpr_redirect_backend *b, uint32_t seed)
{
    struct tpr_tuple key;

    memset(&key, 0, sizeof key);
    key.src = key.dst = b->addr;
    key.dport = tpr_swap16(b->l4_port);
    return tpr_hash_tuple(&key, seed);
}

/* By address and port, so that the description's order does not matter. */
static int
compare_members(const void *a_, const void *b_, void *r_)
{
    const struct tpr_redirect *r = r_;
    const struct tpr_redirect_backend *a
        = &r->backends[((const struct member *) a_)->index];
    const struct tpr_redirect_backend *b
        = &r->backends[((const struct member *) b_)->index];
    int order = memcmp(&a->addr, &b->addr, sizeof a->addr);

    return order ? order : (int) a->l4_port - b->l4_port;
}

static struct member *
make_members(const struct tpr_redirect *r, const bool *member, size_t n,
             uint64_t *max_weight)
{
    struct member *members = xcalloc(n, sizeof *members);
    size_t m = 0;

    *max_weight = 0;
    for (uint16_t i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *b = &r->backends[i];

        if (member[i] && b->weight) {
            members[m++] = (struct member) {
                .index = i,
                .at = hash_member(b, SEED_START),
                .step = hash_member(b, SEED_STEP) | 1,
            };
            *max_weight = MAX(*max_weight, b->weight);
        }
    }
    /* Everybody's first turn counts in full. */
    for (size_t i = 0; i < m; i++) {
        members[i].credit = (*max_weight
                             - r->backends[members[i].index].weight);
    }
    qsort_r(members, n, sizeof *members, compare_members,
            CONST_CAST(struct tpr_redirect *, r));
    return members;
}

/* Returns a hash of 'x', another one for each: MurmurHash3's finalizer. */
static uint32_t
mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x85ebca6b;
    x ^= x >> 13;
    x *= 0xc2b2ae35;
    return x ^ x >> 16;
}

/* Gives 'm' its next slot that is free. */
static void
take_slot(struct tpr_ring *ring, struct member *m)
{
    uint32_t i;

    do {
        i = (uint64_t) mix(m->at) * ring->size >> 32;
        m->at += m->step;
    } while (ring->slot[i] != TPR_RING_EMPTY);
    ring->slot[i] = m->index;
}

static void
fill(struct tpr_ring *ring, const struct tpr_redirect *r,
     struct member *members, size_t n, uint64_t max_weight)
{
    uint32_t left = ring->size;

    while (left) {
        for (size_t i = 0; i < n && left; i++) {
            struct member *m = &members[i];

            m->credit += r->backends[m->index].weight;
            if (m->credit >= max_weight) {
                m->credit -= max_weight;
                take_slot(ring, m);
                left--;
            }
        }
    }
}

/* Returns the ring of those backends of 'r' for which 'member' is true and
 * that have a weight, to be destroyed with tpr_ring_destroy(). */
struct tpr_ring *
tpr_ring_create(const struct tpr_redirect *r, const bool *member)
{
    struct tpr_ring *ring = xzalloc(sizeof *ring);
    size_t n = 0;

    for (uint16_t i = 0; i < r->n_backends; i++) {
        n += member[i] && r->backends[i].weight;
    }
    if (n) {
        uint64_t max_weight;
        struct member *members;

        ring->size = tpr_ring_size_for(r->policy, n);
        ring->slot = xmalloc(ring->size * sizeof *ring->slot);
        memset(ring->slot, 0xff, ring->size * sizeof *ring->slot);
        members = make_members(r, member, n, &max_weight);
        fill(ring, r, members, n, max_weight);
        free(members);
    }
    return ring;
}

/* Frees 'ring'.  NULL is allowed. */
void
tpr_ring_destroy(struct tpr_ring *ring)
{
    if (ring) {
        free(ring->slot);
        free(ring);
    }
}
