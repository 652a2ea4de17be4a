/* SPDX-License-Identifier: Apache-2.0 */

/* The naive model's policies: see model.c. */

#include <config.h>
#include "model-private.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "redirect-hash.h"
#include "util.h"

bool
m_same_addr(const struct tpr_addr *a, const struct tpr_addr *b)
{
    return !memcmp(a, b, sizeof *a);
}

uint32_t
m_hash(const struct model *m, const struct tpr_addr *src,
       const struct tpr_addr *dst, uint16_t sport, uint16_t dport,
       uint8_t proto)
{
    struct tpr_tuple t;

    memset(&t, 0, sizeof t);
    t.src = *src;
    t.dst = *dst;
    t.sport = htons(sport);
    t.dport = htons(dport);
    t.proto = proto;
    return tpr_hash_tuple(&t, m->o.seed);
}

static int
state_of(const tpr_word *words, uint32_t index)
{
    return (index == TPR_NO_WORD ? (int) TPR_LIVENESS_UP
            : (int) (words[index] & 0xff));
}

bool
m_is_dead(const struct model *m, const struct m_backend *b)
{
    return (b->conf.withdrawn
            || state_of(m->region, b->conf.region) == TPR_LIVENESS_DOWN
            || state_of(m->word, b->conf.word) == TPR_LIVENESS_DOWN);
}

/* But for limits. */
bool
m_usable(const struct model *m, const struct m_backend *b)
{
    return (!b->conf.withdrawn && b->conf.weight
            && state_of(m->region, b->conf.region) == TPR_LIVENESS_UP
            && state_of(m->word, b->conf.word) == TPR_LIVENESS_UP);
}

/* What the Maglev paper calls a backend's name hashed twice. */
static uint32_t
name_hash(const struct m_backend *b, uint32_t seed)
{
    struct tpr_tuple t;

    memset(&t, 0, sizeof t);
    t.src = t.dst = b->conf.addr;
    t.dport = htons(b->conf.l4_port);
    return tpr_hash_tuple(&t, seed);
}

static bool
is_prime(uint32_t x)
{
    for (uint32_t d = 2; d < x; d++) {
        if (!(x % d)) {
            return false;
        }
    }
    return true;
}

static int
by_name(const struct m_backend *a, const struct m_backend *b)
{
    int order = memcmp(&a->conf.addr, &b->conf.addr, sizeof a->conf.addr);

    return order ? order : (int) a->conf.l4_port - b->conf.l4_port;
}

/* MurmurHash3's last steps, fmix32(). */
static uint32_t
mix(uint32_t h)
{
    h = (h ^ h >> 16) * 0x85ebca6b;
    h = (h ^ h >> 13) * 0xc2b2ae35;
    return h ^ h >> 16;
}

/* Maglev as in the paper, section 3.4, but for how an order is made: in turns,
 * each backend takes the next free slot in its own order; one with half the
 * greatest weight takes every second turn. */
void
m_make_ring(struct m_object *o)
{
    uint32_t order[M_BACKENDS], turn[M_BACKENDS], weight_max = 0, n = 0;
    uint64_t credit[M_BACKENDS];

    for (uint32_t i = 0; i < o->r.n_backends; i++) {
        if (o->b[i]->conf.weight) {
            uint32_t at = n++;

            for (; at && by_name(o->b[order[at - 1]], o->b[i]) > 0; at--) {
                order[at] = order[at - 1];
            }
            order[at] = i;
            if (o->b[i]->conf.weight > weight_max) {
                weight_max = o->b[i]->conf.weight;
            }
        }
    }
    free(o->ring);
    o->ring = NULL;
    o->ring_size = 0;
    if (!n) {
        return;
    }
    o->ring_size = 1;
    while (o->ring_size < n) {          /* Sizes jump, shares then rarely. */
        o->ring_size *= 2;
    }
    o->ring_size *= o->r.policy == TPR_POLICY_MAGLEV ? 1600 : 100;
    o->ring_size = (o->ring_size < 251 ? 251
                    : o->ring_size > 65521 ? 65521 : o->ring_size);
    while (!is_prime(o->ring_size)) {
        o->ring_size++;
    }
    o->ring = xmalloc(o->ring_size * sizeof *o->ring);
    memset(o->ring, 0xff, o->ring_size * sizeof *o->ring);
    for (uint32_t i = 0; i < n; i++) {
        turn[i] = 0;
        credit[i] = weight_max - o->b[order[i]]->conf.weight;
    }
    for (uint32_t filled = 0; filled < o->ring_size;) {
        for (uint32_t i = 0; i < n && filled < o->ring_size; i++) {
            const struct m_backend *b = o->b[order[i]];
            uint32_t start = name_hash(b, 0x6d61676c);
            uint32_t step = name_hash(b, 0x65762121) | 1;
            uint32_t slot;

            credit[i] += b->conf.weight;
            if (credit[i] < weight_max) {
                continue;
            }
            credit[i] -= weight_max;
            do {
                slot = (mix(start + turn[i]++ * step)
                        * (uint64_t) o->ring_size) >> 32;
            } while (o->ring[slot] != 0xffff);
            o->ring[slot] = (uint16_t) order[i];
            filled++;
        }
    }
}

static int
choose_smooth(struct m_object *o, bool weighted, const bool *part)
{
    int32_t total = 0;
    int best = -1;

    for (int i = 0; i < o->r.n_backends; i++) {
        if (part[i]) {
            int32_t w = weighted ? o->b[i]->conf.weight : 1;

            o->b[i]->smooth += w;
            total += w;
            if (best < 0 || o->b[i]->smooth > o->b[best]->smooth) {
                best = i;
            }
        }
    }
    o->b[best]->smooth -= total;
    return best;
}

/* The next one in turn by weight, whatever the priority, -1 if there is
 * none. */
int
m_choose_turn(struct m_object *o, const bool *usable)
{
    for (int i = 0; i < o->r.n_backends; i++) {
        if (usable[i]) {
            return choose_smooth(o, true, usable);
        }
    }
    return -1;
}

/* Has nobody who takes part fewer connections per weight than 'b'? */
static bool
has_least(const struct m_object *o, const bool *part,
          const struct m_backend *b)
{
    for (int i = 0; i < o->r.n_backends; i++) {
        const struct m_backend *other = o->b[i];

        if (part[i]
            && other->n * b->conf.weight < b->n * other->conf.weight) {
            return false;
        }
    }
    return true;
}

static int
choose_least(struct m_object *o, const bool *part)
{
    bool least[M_BACKENDS];

    for (int i = 0; i < o->r.n_backends; i++) {
        least[i] = part[i] && has_least(o, part, o->b[i]);
    }
    return choose_smooth(o, true, least);
}

/* Returns the index of a usable backend, -1 if there is none. */
int
m_choose(struct m_object *o, uint8_t policy, const bool *usable,
         uint32_t hash)
{
    bool part[M_BACKENDS];
    int best = -1;

    for (int i = 0; i < o->r.n_backends; i++) {
        if (usable[i] && (best < 0 || o->b[i]->conf.priority
                                      < o->b[best]->conf.priority)) {
            best = i;
        }
    }
    if (best < 0 || policy == TPR_POLICY_FAILOVER
        || policy == TPR_POLICY_SPILLOVER) {
        return best;
    }
    for (int i = 0; i < o->r.n_backends; i++) {
        part[i] = usable[i] && (o->b[i]->conf.priority
                                == o->b[best]->conf.priority);
    }
    if (policy == TPR_POLICY_LEAST_CONNECTIONS) {
        return choose_least(o, part);
    } else if (policy != TPR_POLICY_MAGLEV) {
        return choose_smooth(o, policy == TPR_POLICY_WEIGHTED, part);
    }
    for (uint32_t i = 0; i < o->ring_size; i++) {
        uint16_t slot = o->ring[(hash % o->ring_size + i) % o->ring_size];

        if (part[slot]) {
            return slot;
        }
    }
    return best;
}
