/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The hash of a connection's 5-tuple.
 *
 * Pairs of words, a secret added to each, are multiplied and summed, as NH of
 * UMAC does (RFC 4418, 5.2; Black et al., CRYPTO 1999): without the secret
 * nobody outside can choose packets that meet in one bucket.  The secrets are
 * multiples of one seed; two tuples then meet for as many seeds as a linear
 * equation has solutions.  One more multiplication spreads the sum.  Words are
 * taken as they stand in the packet: hosts of different byte order give
 * different values; nobody compares them.
 *
 * Inline, pure; any thread. */

#ifndef TPR_REDIRECT_HASH_H
#define TPR_REDIRECT_HASH_H 1

#include "redirect-parse.h"

/* The product of 'x' and 'y', each with a secret of its own: 'a' and 'b' are
 * odd numbers that no other pair has. */
TPR_INLINE uint64_t
tpr_hash_pair(uint32_t x, uint32_t y, uint32_t seed, uint32_t a, uint32_t b)
{
    return (uint64_t) (x + seed * a) * (y + seed * b);
}

/* What all tuples have: the last words of the addresses, ports, protocol. */
TPR_INLINE uint64_t
tpr_hash_ends(uint32_t src, uint32_t dst, uint32_t ports, uint8_t proto,
              uint32_t seed)
{
    return tpr_hash_pair(src, dst, seed, 0x9e3779b1, 0x85ebca77)
           + tpr_hash_pair(ports, proto, seed, 0xc2b2ae3d, 0x27d4eb2f);
}

TPR_INLINE uint32_t
tpr_hash_finish(uint64_t sum)
{
    sum ^= sum >> 32;
    sum *= 0x9e3779b97f4a7c15ULL;
    return (uint32_t) (sum >> 32);
}

/* Returns the hash of 't' with the secret 'seed', which must not be 0. */
TPR_INLINE uint32_t
tpr_hash_tuple(const struct tpr_tuple *t, uint32_t seed)
{
    const uint32_t ports = (uint32_t) t->sport << 16 | t->dport;
    uint64_t sum = tpr_hash_ends(t->src.w[3], t->dst.w[3], ports, t->proto,
                                 seed);

    if (!tpr_addr_is_ip4(&t->src) || !tpr_addr_is_ip4(&t->dst)) {
        sum += tpr_hash_pair(t->src.w[0], t->src.w[1], seed, 0x165667b1,
                             0xd3a2646d);
        sum += tpr_hash_pair(t->src.w[2], t->dst.w[0], seed, 0xfd7046c5,
                             0xb55a4f09);
        sum += tpr_hash_pair(t->dst.w[1], t->dst.w[2], seed, 0xe6546b65,
                             0x1b873593);
    }
    return tpr_hash_finish(sum);
}

#endif /* redirect-hash.h */
