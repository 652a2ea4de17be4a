/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Rewrites a parsed packet with the functions of redirect-rewrite.h, in an
 * order and with comparisons that the verifier can follow: it wants to see for
 * each header that it is there.
 *
 * The checksum is updated as if it were whole: tc sees to one that is not. */

#ifndef TPR_BPF_REWRITE_H
#define TPR_BPF_REWRITE_H 1

#include "maps.h"
#include "redirect-rewrite.h"

enum {
    REWRITE_L3_MASK = 0x1f,     /* Where IP may begin: 14 or 18. */
    REWRITE_L4_MASK = 0x3fff,   /* Where a transport may. */
};

/* Writes 'end' as source or destination into the IP header at 'l3'. */
TPR_INLINE bool
put_address(uint8_t *l3, uint8_t *limit, uint8_t family, bool is_src,
            const struct tpr_addr *addr, tpr_diff *own, tpr_diff *outer)
{
    if (family == 4) {
        if (l3 + 20 > limit) {
            return false;
        }
        tpr_put_addr(is_src ? l3 + 12 : l3 + 16, addr, 4, own);
        *outer += *own;
        tpr_csum_update(l3 + 10, *own, outer);
    } else {
        if (l3 + 40 > limit) {
            return false;
        }
        tpr_put_addr(is_src ? l3 + 8 : l3 + 24, addr, 6, own);
        *outer += *own;
    }
    return true;
}

/* What a rewrite changed of what the transport's checksum covers. */
struct change {
    tpr_diff addr, ports;
};

/* Writes 'port' and updates the checksum of the transport at 'l4', of which
 * 'length' bytes are there. */
TPR_INLINE void
put_transport(uint8_t *l4, uint8_t *limit, uint32_t length, uint8_t proto,
              bool is_src, uint16_t port, struct change *change,
              tpr_diff *outer)
{
    const tpr_diff own = change->addr;
    tpr_diff ports = 0;

    if (l4 + 8 > limit) {
        return;
    }
    if (proto == TPR_PROTO_TCP || proto == TPR_PROTO_UDP) {
        tpr_put16(is_src ? l4 : l4 + 2, port, &ports);
        *outer += ports;
        change->ports = ports;
    }
    if (proto == TPR_PROTO_TCP) {
        if (l4 + 18 <= limit) {
            tpr_l4_csum_update(l4, length, TPR_PROTO_TCP, own, ports, false,
                               outer);
        }
    } else if (proto == TPR_PROTO_UDP) {
        tpr_l4_csum_update(l4, length, TPR_PROTO_UDP, own, ports, false,
                           outer);
    } else if (proto == TPR_IP_UDPLITE) {
        tpr_l4_csum_update(l4, length, TPR_IP_UDPLITE, own, 0, false, outer);
    } else if (proto == TPR_IP_DCCP) {
        tpr_l4_csum_update(l4, length, TPR_IP_DCCP, own, 0, false, outer);
    } else if (proto == TPR_IP_ICMP6) {
        tpr_l4_csum_update(l4, length, TPR_IP_ICMP6, own, 0, false, outer);
    }
}

/* Rewrites the end 'is_src' of the packet itself; 'change' was zero. */
TPR_INLINE void
rewrite_outer(uint8_t *data, uint8_t *limit, const struct tpr_packet *p,
              bool is_src, const struct tpr_end *end, struct change *change)
{
    uint32_t l3_ofs = p->l3_ofs & REWRITE_L3_MASK;
    uint32_t l4_ofs = p->l4_ofs & REWRITE_L4_MASK;
    tpr_diff ignored = 0;

    OPAQUE(l3_ofs);
    OPAQUE(l4_ofs);
    if (put_address(data + l3_ofs, limit, p->family, is_src, &end->addr,
                    &change->addr, &ignored)
        && p->frag != TPR_FRAG_LATER) {
        put_transport(data + l4_ofs, limit, p->l4_len, p->tuple.proto,
                      is_src, end->port, change, &ignored);
    }
}

/* Rewrites the end 'is_src' of the packet that an ICMP error quotes, and the
 * error's checksum. */
TPR_INLINE void
rewrite_quoted(uint8_t *data, uint8_t *limit, const struct tpr_packet *p,
               bool is_src, const struct tpr_end *end)
{
    uint32_t l4_ofs = p->l4_ofs & REWRITE_L4_MASK;
    uint32_t inner_l3 = p->inner_l3_ofs & REWRITE_L4_MASK;
    uint32_t inner_l4 = p->inner_l4_ofs & REWRITE_L4_MASK;
    struct change change = { 0, 0 };
    tpr_diff changed = 0, ignored = 0;
    uint8_t *csum;

    OPAQUE(l4_ofs);
    OPAQUE(inner_l3);
    OPAQUE(inner_l4);
    if (put_address(data + inner_l3, limit, p->family, is_src, &end->addr,
                    &change.addr, &changed)) {
        put_transport(data + inner_l4, limit, p->inner_l4_len,
                      p->inner.proto, is_src, end->port, &change, &changed);
    }
    csum = data + l4_ofs;
    if (csum + 4 <= limit) {
        tpr_csum_update(csum + 2, changed, &ignored);
    }
}

#endif /* rewrite.h */
