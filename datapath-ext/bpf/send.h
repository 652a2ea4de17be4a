/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What becomes of a packet that is taken: who gets it, with which headers, and
 * the statistics.
 *
 * apply() writes to the packet; nothing before it has. */

#ifndef TPR_BPF_SEND_H
#define TPR_BPF_SEND_H 1

#include "way.h"
#include "redirect-build.h"
#include "rewrite.h"

/* The second step of parsing an ICMP error: the packet that it quotes.  The
 * error's own end is that of the packet, padding apart. */
TPR_INLINE bool
parse_quoted(struct tpr_cursor *c, struct tpr_packet *p)
{
    uint32_t at = p->inner_l3_ofs, end = p->l4_ofs + p->l4_len;

    OPAQUE(at);
    OPAQUE(end);
    if (at > REWRITE_L4_MASK || end > 0xffff) {
        return false;
    }
    c->pos = c->data + at;
    c->end = c->data + end;
    return tpr_parse_quoted(c, p);
}

/* How a rewritten packet leaves. */
struct leave {
    uint32_t port;
    uint16_t tci;               /* As struct tpr_packet's. */
    struct change change;
};

/* Counts for the limit of packets/s of 'record', if it has one: for all
 * processors at once, so that who places connections need not ask each. */
TPR_INLINE void
count_limited(struct tpr_bpf_record *record, uint32_t segments)
{
    if (conf_of(record)->max_pps) {
        __sync_fetch_and_add(&record->limited_packets, segments);
    }
}

TPR_INLINE void
count_packet(const struct way *w, uint32_t segments)
{
    const uint32_t record = w->record;
    struct tpr_bpf_stats *stats = bpf_map_lookup_elem(&tpr_stats, &record);

    if (stats) {
        if (w->reverse) {
            stats->rev_packets += segments;
            stats->rev_bytes += w->len;
        } else {
            stats->packets += segments;
            stats->bytes += w->len;
        }
    }
}

TPR_INLINE void
put_mac(uint8_t *at, const uint8_t mac[6])
{
    *(uint16_t *) at = *(const uint16_t *) mac;
    *(uint16_t *) (at + 2) = *(const uint16_t *) (mac + 2);
    *(uint16_t *) (at + 4) = *(const uint16_t *) (mac + 4);
}

TPR_INLINE bool
apply_forward(uint8_t *data, uint8_t *limit, const struct way *w,
              const struct tpr_redirect_backend *b, struct leave *leave)
{
    const struct tpr_packet *p = &w->p;
    struct tpr_end end;

    if (data + TPR_ETH_LEN > limit) {
        return false;
    }
    end.addr = b->addr;
    end.port = port_at(b, p->icmp_error ? p->inner.sport : p->tuple.dport);
    put_mac(data, b->mac);
    if (*(const uint16_t *) b->src_mac | *(const uint16_t *) (b->src_mac + 2)
        | *(const uint16_t *) (b->src_mac + 4)) {
        put_mac(data + 6, b->src_mac);
    }
    if (unlikely(p->icmp_error)) {
        rewrite_quoted(data, limit, p, true, &end);
    }
    if (w->conn) {
        rewrite_outer(data, limit, p, false, &end, &leave->change);
    }
    leave->port = b->output;
    leave->tci = (b->vlan == TPR_VLAN_KEEP ? p->tci
                  : b->vlan == TPR_VLAN_NONE ? 0
                  : (p->tci & 0xe000) | TPR_TCI_PRESENT | b->vlan);
    return true;
}

TPR_INLINE bool
apply_reverse(uint8_t *data, uint8_t *limit, const struct way *w,
              const struct tpr_redirect_backend *b, struct leave *leave)
{
    const struct tpr_bpf_conn *conn = conn_at(VALUE_OF(tpr_conns), w->conn);
    const struct tpr_bpf_object *object = object_of(w->id);
    const struct tpr_packet *p = &w->p;
    struct tpr_end end;

    if (!conn || !object || data + TPR_ETH_LEN > limit) {
        return false;
    }
    end.addr = object->vip;
    end.port = conn->vip_port;
    put_mac(data, conn->client_mac);
    put_mac(data + 6, conn->vip_mac);
    if (unlikely(p->icmp_error)) {
        rewrite_quoted(data, limit, p, false, &end);
        if (!tpr_addr_equal(&p->tuple.src, &b->addr)) {
            end.addr = p->tuple.src;    /* A router speaks for itself. */
        }
    }
    rewrite_outer(data, limit, p, true, &end, &leave->change);
    leave->port = conn->in_port;
    leave->tci = conn->tci;
    return true;
}

/* Rewrites the packet, counts it and says how it leaves.  'segments' is how
 * many packets it is on the wire.  Returns false if it is to be dropped. */
TPR_INLINE bool
apply(uint8_t *data, uint8_t *limit, const struct way *w, uint32_t segments,
      struct leave *leave)
{
    struct tpr_bpf_record *record
        = record_at(VALUE_OF(tpr_records), w->record);
    const struct tpr_redirect_backend *b;

    leave->change.addr = leave->change.ports = 0;
    if (!record) {
        return false;
    }
    b = conf_of(record);
    if (unlikely(!w->reverse && b->withdrawn & TPR_WITHDRAWN_PORT)) {
        count(TPR_BPF_NONE, TPR_COUNTER_NO_PORT);
        return false;
    }
    count_packet(w, segments);
    if (!w->reverse) {
        count_limited(record, segments);
    }
    return (w->reverse ? apply_reverse(data, limit, w, b, leave)
            : apply_forward(data, limit, w, b, leave));
}

/* Is it certain that the frame is none of ours, by its addresses?  Malformed
 * ones and those that need a second look are not. */
TPR_INLINE bool
is_foreign(const uint8_t *data, const uint8_t *limit)
{
    const uint8_t *l3 = data + TPR_ETH_LEN;
    struct tpr_addr src, dst;
    uint16_t type;

    if (l3 + TPR_VLAN_LEN > limit) {
        return false;
    }
    type = *(const uint16_t *) (data + 12);
    if (type == tpr_swap16(TPR_ETH_VLAN)) {
        type = *(const uint16_t *) (data + 16);
        l3 += TPR_VLAN_LEN;
    }
    if (type == tpr_swap16(TPR_ETH_IP4)) {
        if (l3 + 20 > limit || l3[9] == TPR_IP_ICMP) {
            return false;
        }
        src = tpr_addr_from_ip4(tpr_raw32(l3 + 12));
        dst = tpr_addr_from_ip4(tpr_raw32(l3 + 16));
    } else if (type == tpr_swap16(TPR_ETH_IP6)) {
        if (l3 + 40 > limit
            || (l3[6] != TPR_PROTO_TCP && l3[6] != TPR_PROTO_UDP)) {
            return false;
        }
        __builtin_memcpy(&src, l3 + 8, 16);
        __builtin_memcpy(&dst, l3 + 24, 16);
    } else {
        return true;
    }
    return (!(filter(&dst) & TPR_BPF_IS_VIP)
            && !(filter(&src) & TPR_BPF_IS_BACKEND));
}

/* Tells a test what came of its packet. */
TPR_INLINE void
tell_test(bool testing, uint32_t verdict, uint32_t port, uint32_t tci)
{
    if (testing) {
        tpr_test.verdict = verdict;
        tpr_test.port = port;
        tpr_test.tci = tci;
    }
}

#endif /* send.h */
