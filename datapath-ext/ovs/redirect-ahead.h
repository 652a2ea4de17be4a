/* SPDX-License-Identifier: Apache-2.0 */

/* What a batch of packets will look at, fetched before the first of them does:
 * a packet that opens a connection meets two heads of buckets, one a side,
 * that no cache has.  One packet after the other waits for memory twice;
 * all at once they wait for it together.
 *
 * Only SYNs over IPv4 without a tag are looked at, as most connections begin;
 * for data it would cost more than it brings.  Nothing is decided here: who
 * will be chosen is a guess, and a wrong one costs a moment.
 *
 * Included by redirect-process.c alone. */

#ifndef TPR_REDIRECT_AHEAD_H
#define TPR_REDIRECT_AHEAD_H 1

#include "redirect-usual.h"

enum { TPR_AHEAD_GUESSES = 4 };     /* Backends at most. */

/* Is this a SYN?  Stores its tuple in '*t'. */
static inline bool
tpr_ahead_opens(const struct dp_packet *packet, struct tpr_tuple *t)
{
    const uint8_t *data = dp_packet_data(packet);
    const uint8_t *ip = data + TPR_USUAL_L3, *tcp = data + TPR_USUAL_L4;

    if (packet->l4_ofs != TPR_USUAL_L4
        || dp_packet_size(packet) < TPR_USUAL_L4 + 20
        || (tcp[13] & (TPR_TCP_SYN | TPR_TCP_ACK)) != TPR_TCP_SYN
        || packet->l3_ofs != TPR_USUAL_L3
        || tpr_get16(data + 12) != TPR_ETH_IP4
        || ip[9] != TPR_PROTO_TCP) {
        return false;
    }
    *t = (struct tpr_tuple) {
        .src = tpr_addr_from_ip4(tpr_raw32(ip + 12)),
        .dst = tpr_addr_from_ip4(tpr_raw32(ip + 16)),
        .sport = tpr_raw16(tcp),
        .dport = tpr_raw16(tcp + 2),
        .proto = TPR_PROTO_TCP,
    };
    return true;
}

/* Stores in 'guesses' who may be chosen for a new connection: for policies
 * with an order the first who is usable, else the first few of those that
 * share the priority.  Returns how many. */
static inline int
tpr_ahead_guess(const struct tpr_dp *dp, const struct tpr_object *object,
                const struct tpr_record *guesses[TPR_AHEAD_GUESSES])
{
    const int wanted = (tpr_policy_is_ordered(object->r.policy)
                        ? 1 : TPR_AHEAD_GUESSES);
    uint16_t priority = UINT16_MAX;
    int n = 0;

    for (int i = 0; i < object->r.n_backends; i++) {
        const struct tpr_redirect_backend *b;

        b = tpr_record_conf(object->records[i]);
        if (b->priority <= priority
            && tpr_why_of(b, dp->page) == TPR_WHY_OK) {
            n = b->priority < priority ? 0 : n;
            priority = b->priority;
            if (n < wanted) {
                guesses[n++] = object->records[i];
            }
        }
    }
    return n;
}

/* Fetches what a connection with tuple 't' to one of the 'n' 'guesses' will
 * look at. */
static inline void
tpr_ahead_fetch(const struct tpr_dp *dp, const struct tpr_tuple *t,
                const struct tpr_record **guesses, int n)
{
    const uint32_t hash = tpr_hash_tuple(t, dp->seed);

    OVS_PREFETCH(&dp->table.forward[hash & dp->table.mask]);
    for (int i = 0; i < n; i++) {
        const struct tpr_record *record = guesses[i];
        const struct tpr_reverse_key key = {
            .backend = &record->addr,
            .client = &t->src,
            .backend_port = tpr_record_port(record, t->dport),
            .client_port = t->sport,
            .proto = t->proto,
        };

        tpr_table_expect_reverse(&dp->table, &key);
    }
}

#endif /* redirect-ahead.h */
