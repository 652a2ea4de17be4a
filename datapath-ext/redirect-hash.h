/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The hash of a connection's 5-tuple.
 *
 * Bob Jenkins' lookup3, which the kernel's connection tables use too, over
 * words as they stand in the packet and a secret seed: nobody outside can
 * choose packets that meet in one bucket.  Hosts of different byte order give
 * different values; nobody compares them.
 *
 * Inline, pure; any thread. */

#ifndef TPR_REDIRECT_HASH_H
#define TPR_REDIRECT_HASH_H 1

#include "redirect-parse.h"

TPR_INLINE uint32_t
tpr_rol(uint32_t x, unsigned int n)
{
    return x << n | x >> (32 - n);
}

struct tpr_jhash {
    uint32_t a, b, c;
};

TPR_INLINE void
tpr_jhash_mix(struct tpr_jhash *h, uint32_t x, uint32_t y, uint32_t z)
{
    h->a += x;
    h->b += y;
    h->c += z;
    h->a -= h->c;  h->a ^= tpr_rol(h->c, 4);   h->c += h->b;
    h->b -= h->a;  h->b ^= tpr_rol(h->a, 6);   h->a += h->c;
    h->c -= h->b;  h->c ^= tpr_rol(h->b, 8);   h->b += h->a;
    h->a -= h->c;  h->a ^= tpr_rol(h->c, 16);  h->c += h->b;
    h->b -= h->a;  h->b ^= tpr_rol(h->a, 19);  h->a += h->c;
    h->c -= h->b;  h->c ^= tpr_rol(h->b, 4);   h->b += h->a;
}

TPR_INLINE uint32_t
tpr_jhash_final(struct tpr_jhash *h, uint32_t x, uint32_t y)
{
    h->a += x;
    h->b += y;
    h->c ^= h->b;  h->c -= tpr_rol(h->b, 14);
    h->a ^= h->c;  h->a -= tpr_rol(h->c, 11);
    h->b ^= h->a;  h->b -= tpr_rol(h->a, 25);
    h->c ^= h->b;  h->c -= tpr_rol(h->b, 16);
    h->a ^= h->c;  h->a -= tpr_rol(h->c, 4);
    h->b ^= h->a;  h->b -= tpr_rol(h->a, 14);
    h->c ^= h->b;  h->c -= tpr_rol(h->b, 24);
    return h->c;
}

/* Returns the hash of 't' with the secret 'seed'. */
TPR_INLINE uint32_t
tpr_hash_tuple(const struct tpr_tuple *t, uint32_t seed)
{
    uint32_t init = 0xdeadbeef + seed;
    struct tpr_jhash h = { init, init, init };
    uint32_t ports = (uint32_t) t->sport << 16 | t->dport;

    if (!tpr_addr_is_ip4(&t->src) || !tpr_addr_is_ip4(&t->dst)) {
        tpr_jhash_mix(&h, t->src.w[0], t->src.w[1], t->src.w[2]);
        tpr_jhash_mix(&h, t->dst.w[0], t->dst.w[1], t->dst.w[2]);
    }
    tpr_jhash_mix(&h, t->src.w[3], t->dst.w[3], ports);
    return tpr_jhash_final(&h, t->proto, 0);
}

#endif /* redirect-hash.h */
