/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Builds the packets that a redirect originates: TCP resets (RFC 9293
 * 3.10.7, RFC 5961 3), and what a kept SYN lacks.
 *
 * Inline, pure; any thread. */

#ifndef TPR_REDIRECT_BUILD_H
#define TPR_REDIRECT_BUILD_H 1

#include "redirect-rewrite.h"

enum { TPR_BUILD_MAX = TPR_ETH_LEN + TPR_VLAN_LEN + 40 + 20 };

/* A reset, from the VIP to a client. */
struct tpr_rst {
    struct tpr_addr src, dst;
    uint16_t sport, dport;      /* Network byte order. */
    uint32_t seq, ack;          /* Host byte order. */
    bool with_ack;              /* RST|ACK: 'ack' means something. */
    uint16_t tci;               /* As struct tpr_packet's. */
    uint8_t eth_src[6], eth_dst[6];
};

TPR_INLINE void
tpr_set16(uint8_t *at, uint16_t x)
{
    at[0] = (uint8_t) (x >> 8);
    at[1] = (uint8_t) x;
}

TPR_INLINE void
tpr_set32(uint8_t *at, uint32_t x)
{
    tpr_set16(at, (uint16_t) (x >> 16));
    tpr_set16(at + 2, (uint16_t) x);
}

/* The sum of 'n' bytes, an even number, not folded. */
TPR_INLINE tpr_diff
tpr_sum(const uint8_t *bytes, uint32_t n)
{
    tpr_diff sum = 0;

    for (uint32_t i = 0; i < n; i += 2) {
        sum += tpr_raw16(bytes + i);
    }
    return sum;
}

TPR_INLINE void
tpr_build_tcp(uint8_t *tcp, const struct tpr_rst *rst, uint8_t family)
{
    const uint32_t skip = family == 4 ? 12 : 0;
    uint16_t csum;

    __builtin_memset(tcp, 0, 20);
    __builtin_memcpy(tcp, &rst->sport, 2);
    __builtin_memcpy(tcp + 2, &rst->dport, 2);
    tpr_set32(tcp + 4, rst->seq);
    tpr_set32(tcp + 8, rst->with_ack ? rst->ack : 0);
    tcp[12] = 5 << 4;
    tcp[13] = TPR_TCP_RST | (rst->with_ack ? TPR_TCP_ACK : 0);
    csum = (uint16_t) ~tpr_fold(
        tpr_sum(tcp, 20)
        + tpr_sum((const uint8_t *) &rst->src + skip, 16 - skip)
        + tpr_sum((const uint8_t *) &rst->dst + skip, 16 - skip)
        + tpr_swap16(20) + tpr_swap16(TPR_PROTO_TCP));
    __builtin_memcpy(tcp + 16, &csum, 2);
}

/* Builds 'rst' at 'buf', which has room for TPR_BUILD_MAX bytes.  Returns its
 * length. */
TPR_INLINE uint32_t
tpr_build_rst(uint8_t *buf, const struct tpr_rst *rst)
{
    const uint8_t family = tpr_addr_is_ip4(&rst->src) ? 4 : 6;
    uint8_t *at = buf;

    __builtin_memcpy(at, rst->eth_dst, 6);
    __builtin_memcpy(at + 6, rst->eth_src, 6);
    at += 12;
    if (rst->tci) {
        tpr_set16(at, TPR_ETH_VLAN);
        tpr_set16(at + 2, rst->tci & ~TPR_TCI_PRESENT);
        at += TPR_VLAN_LEN;
    }
    tpr_set16(at, family == 4 ? TPR_ETH_IP4 : TPR_ETH_IP6);
    at += 2;
    if (family == 4) {
        uint16_t csum;

        __builtin_memset(at, 0, 20);
        at[0] = 0x45;
        tpr_set16(at + 2, 40);
        tpr_set16(at + 6, 0x4000);      /* Do not fragment. */
        at[8] = 64;
        at[9] = TPR_PROTO_TCP;
        __builtin_memcpy(at + 12, &rst->src.w[3], 4);
        __builtin_memcpy(at + 16, &rst->dst.w[3], 4);
        csum = (uint16_t) ~tpr_fold(tpr_sum(at, 20));
        __builtin_memcpy(at + 10, &csum, 2);
        at += 20;
    } else {
        __builtin_memset(at, 0, 8);
        at[0] = 0x60;
        tpr_set16(at + 4, 20);
        at[6] = TPR_PROTO_TCP;
        at[7] = 64;
        __builtin_memcpy(at + 8, &rst->src, 16);
        __builtin_memcpy(at + 24, &rst->dst, 16);
        at += 40;
    }
    tpr_build_tcp(at, rst, family);
    return (uint32_t) (at + 20 - buf);
}

/* Fills in 'rst' as the answer to the client's packet 'p': with ACK, a reset
 * at the number that it acknowledges, which its sender takes for certain; a
 * SYN, one that acknowledges it.  Returns false if 'p' must not be answered,
 * being a reset itself, neither of the two, or no TCP. */
TPR_INLINE bool
tpr_answer_rst(const struct tpr_packet *p, struct tpr_rst *rst)
{
    if (p->tuple.proto != TPR_PROTO_TCP || p->frag == TPR_FRAG_LATER
        || (p->tcp_flags & TPR_TCP_RST)
        || !(p->tcp_flags & (TPR_TCP_SYN | TPR_TCP_ACK))) {
        return false;
    }
    rst->src = p->tuple.dst;
    rst->dst = p->tuple.src;
    rst->sport = p->tuple.dport;
    rst->dport = p->tuple.sport;
    rst->with_ack = !(p->tcp_flags & TPR_TCP_ACK);
    rst->seq = rst->with_ack ? 0 : p->ack;
    rst->ack = p->seq_end;
    rst->tci = p->tci;
    __builtin_memcpy(rst->eth_src, p->eth_dst, 6);
    __builtin_memcpy(rst->eth_dst, p->eth_src, 6);
    return true;
}

/* Completes the checksum of the TCP packet that 'p' describes in 'data', which
 * is only the pseudo-header's sum: whoever should have done it will not see
 * this copy. */
static inline void
tpr_complete_csum(uint8_t *data, const struct tpr_packet *p)
{
    uint8_t *tcp = data + p->l4_ofs;
    tpr_diff sum = tpr_sum(tcp, p->l4_len & ~1u);
    uint16_t csum;

    if (p->l4_len & 1) {
        const uint8_t last[2] = { tcp[p->l4_len - 1], 0 };

        sum += tpr_raw16(last);
    }
    csum = (uint16_t) ~tpr_fold(sum);
    __builtin_memcpy(tcp + 16, &csum, 2);
}

#endif /* redirect-build.h */
