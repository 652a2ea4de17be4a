/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Rewrites a parsed packet towards a backend, or back from it (DESIGN.md
 * section 3, step 4).
 *
 * Checksums are updated, never computed anew (RFC 1624, equation 3): a packet
 * that was damaged stays damaged.  A UDP checksum of zero stays zero (over
 * IPv6, too, where tunnels have it: RFC 6935); one that comes out as zero
 * becomes 0xffff (RFC 768).  SCTP's CRC32c covers no address; its ports are
 * never changed.  TTL and VLAN tags stay, the
 * latter are the host's.
 *
 * Inline, pure.  The bytes up to p->l4_ofs + the transport's header are
 * there, as tpr_parse() saw. */

#ifndef TPR_REDIRECT_REWRITE_H
#define TPR_REDIRECT_REWRITE_H 1

#include "redirect-parse.h"

enum {
    TPR_IP_UDPLITE = 136,
    TPR_IP_DCCP = 33,
};

/* What a change of bytes does to a checksum over them, not yet folded. */
typedef uint64_t tpr_diff;

TPR_INLINE uint16_t
tpr_fold(tpr_diff x)
{
    uint32_t y;

    /* The halves and their carry end up in the upper half. */
    x += x << 32 | x >> 32;
    y = (uint32_t) (x >> 32);
    y += y << 16 | y >> 16;
    return (uint16_t) (y >> 16);
}

/* Stores, the counterparts of TPR_LOAD16 and TPR_LOAD32. */
#ifndef TPR_STORE16
#define TPR_STORE16(P, X) __builtin_memcpy(P, &(X), 2)
#define TPR_STORE32(P, X) __builtin_memcpy(P, &(X), 4)
#endif

/* Returns checksum 'OLD' after what it covers changed by 'DIFF'.  A host that
 * has help of its kernel for it defines its own. */
#ifndef TPR_CSUM_REPLACE
#define TPR_CSUM_REPLACE(OLD, DIFF) \
    ((uint16_t) ~tpr_fold((uint16_t) ~(OLD) + (DIFF)))
#endif

TPR_INLINE void
tpr_put16(uint8_t *at, uint16_t raw, tpr_diff *diff)
{
    *diff += (uint16_t) ~tpr_raw16(at);
    *diff += raw;
    TPR_STORE16(at, raw);
}

TPR_INLINE void
tpr_put32(uint8_t *at, uint32_t raw, tpr_diff *diff)
{
    *diff += (uint32_t) ~tpr_raw32(at);
    *diff += raw;
    TPR_STORE32(at, raw);
}

TPR_INLINE void
tpr_put_addr(uint8_t *at, const struct tpr_addr *addr, uint8_t family,
             tpr_diff *diff)
{
    if (family == 4) {
        tpr_put32(at, addr->w[3], diff);
    } else {
        tpr_put32(at, addr->w[0], diff);
        tpr_put32(at + 4, addr->w[1], diff);
        tpr_put32(at + 8, addr->w[2], diff);
        tpr_put32(at + 12, addr->w[3], diff);
    }
}

/* Updates the checksum at 'at' by 'diff'; what that changes goes into
 * 'outer', for a checksum that covers this one. */
TPR_INLINE void
tpr_csum_update(uint8_t *at, tpr_diff diff, tpr_diff *outer)
{
    tpr_put16(at, TPR_CSUM_REPLACE(tpr_raw16(at), diff), outer);
}

/* Where a transport has its checksum, from its header; 0: it has none that
 * depends on addresses or ports. */
TPR_INLINE uint32_t
tpr_csum_offset(uint8_t proto)
{
    return (proto == TPR_PROTO_TCP ? 16
            : proto == TPR_PROTO_UDP || proto == TPR_IP_UDPLITE
              || proto == TPR_IP_DCCP ? 6
            : proto == TPR_IP_ICMP6 ? 2 : 0);
}

/* Updates the checksum of a transport whose header is at 'l4', of which
 * 'length' bytes are there, after a change of addresses ('addr') and ports
 * ('ports').  With 'partial', that of TCP and UDP is only the pseudo-header's
 * sum, not complemented, which whoever sends will complete. */
TPR_INLINE void
tpr_l4_csum_update(uint8_t *l4, uint32_t length, uint8_t proto,
                   tpr_diff addr, tpr_diff ports, bool partial,
                   tpr_diff *outer)
{
    uint32_t offset = tpr_csum_offset(proto);

    if (!offset || length < offset + 2) {
        return;
    }
    if (partial && (proto == TPR_PROTO_TCP || proto == TPR_PROTO_UDP)) {
        tpr_put16(l4 + offset, tpr_fold(tpr_raw16(l4 + offset) + addr),
                  outer);
        return;
    }
    if (proto == TPR_PROTO_UDP && !tpr_raw16(l4 + offset)) {
        return;
    }
    tpr_csum_update(l4 + offset, addr + ports, outer);
    if ((proto == TPR_PROTO_UDP || proto == TPR_IP_UDPLITE)
        && !tpr_raw16(l4 + offset)) {
        tpr_put16(l4 + offset, 0xffff, outer);
    }
}

/* One end of a packet: an address, and a port (network byte order) where the
 * transport has them. */
struct tpr_end {
    struct tpr_addr addr;
    uint16_t port;
};

/* Makes 'end' the source or the destination of the IP packet at 'l3' and
 * 'l4'; 'has_ports' says whether ports are there. */
TPR_INLINE void
tpr_rewrite_ip(uint8_t *l3, uint8_t *l4, uint32_t l4_len, uint8_t family,
               uint8_t proto, bool has_l4, bool has_ports, bool is_src,
               const struct tpr_end *end, bool partial, tpr_diff *addr,
               tpr_diff *outer)
{
    tpr_diff ports = 0, own = 0;
    uint8_t *at = (family == 4 ? l3 + (is_src ? 12 : 16)
                   : l3 + (is_src ? 8 : 24));

    tpr_put_addr(at, &end->addr, family, &own);
    *outer += own;
    *addr = own;
    if (family == 4) {
        tpr_csum_update(l3 + 10, own, outer);
    }
    if (!has_l4) {
        return;
    }
    if (has_ports && proto != TPR_PROTO_SCTP) {
        tpr_put16(l4 + (is_src ? 0 : 2), end->port, &ports);
        *outer += ports;
    }
    tpr_l4_csum_update(l4, l4_len, proto, own, ports, partial, outer);
}

TPR_INLINE bool
tpr_has_ports(uint8_t proto)
{
    return proto == TPR_PROTO_TCP || proto == TPR_PROTO_UDP
           || proto == TPR_PROTO_SCTP;
}

/* Rewrites the end 'is_src' of the packet itself.  'other' is what changed in
 * what it quotes, if that is an ICMP error. */
TPR_INLINE void
tpr_rewrite_outer(uint8_t *data, const struct tpr_packet *p, bool is_src,
                  const struct tpr_end *end, bool partial, tpr_diff quoted)
{
    uint8_t *l4 = data + p->l4_ofs;
    tpr_diff addr, ignored = 0;

    tpr_rewrite_ip(data + p->l3_ofs, l4, p->l4_len, p->family,
                   p->tuple.proto, p->frag != TPR_FRAG_LATER,
                   tpr_has_ports(p->tuple.proto), is_src, end, partial,
                   &addr, &ignored);
    if (p->icmp_error) {
        tpr_csum_update(l4 + 2, quoted, &ignored);
    }
}

/* Rewrites the end 'is_src' of the packet that an ICMP error quotes. */
TPR_INLINE tpr_diff
tpr_rewrite_quoted(uint8_t *data, const struct tpr_packet *p, bool is_src,
                   const struct tpr_end *end)
{
    tpr_diff addr, changed = 0;

    tpr_rewrite_ip(data + p->inner_l3_ofs, data + p->inner_l4_ofs,
                   p->inner_l4_len, p->family, p->inner.proto, true,
                   tpr_has_ports(p->inner.proto), is_src, end, false, &addr,
                   &changed);
    return changed;
}

/* Gives the frame in 'data' to 'b', or its router, without a change of what it
 * carries. */
TPR_INLINE void
tpr_rewrite_direct(void *data_, const struct tpr_redirect_backend *b)
{
    uint8_t *data = data_;

    __builtin_memcpy(data, b->mac, 6);
    if (tpr_raw32(b->src_mac) | tpr_raw16(b->src_mac + 4)) {
        __builtin_memcpy(data + 6, b->src_mac, 6);
    }
}

/* Rewrites a client's packet in 'data' towards 'b', whose port for it is
 * 'port' (network byte order; the packet's own where the backend has no
 * other).  An ICMP error is about a packet that came from the VIP: its quoted
 * source becomes the backend.  'partial': see tpr_l4_csum_update(). */
TPR_INLINE void
tpr_rewrite_forward(void *data_, const struct tpr_packet *p,
                    const struct tpr_redirect_backend *b, uint16_t port,
                    bool partial)
{
    struct tpr_end end = { b->addr, port };
    uint8_t *data = data_;

    tpr_rewrite_direct(data, b);
    tpr_rewrite_outer(data, p, false, &end, partial,
                      p->icmp_error
                      ? tpr_rewrite_quoted(data, p, true, &end) : 0);
}

/* Rewrites a backend's packet in 'data' so that it comes from the VIP and
 * 'port' (network byte order), from 'eth_src' to 'eth_dst'.  An ICMP error
 * quotes what was sent to the backend: that becomes the VIP; its own source
 * only if it is 'backend': a router on the way speaks for itself. */
TPR_INLINE void
tpr_rewrite_reverse(void *data_, const struct tpr_packet *p,
                    const struct tpr_addr *backend,
                    const struct tpr_addr *vip, uint16_t port,
                    const uint8_t eth_src[6], const uint8_t eth_dst[6],
                    bool partial)
{
    struct tpr_end end = { *vip, port };
    uint8_t *data = data_;

    __builtin_memcpy(data, eth_dst, 6);
    __builtin_memcpy(data + 6, eth_src, 6);
    if (p->icmp_error) {
        tpr_diff quoted = tpr_rewrite_quoted(data, p, false, &end);

        if (!tpr_addr_equal(&p->tuple.src, backend)) {
            end.addr = p->tuple.src;
        }
        tpr_rewrite_outer(data, p, true, &end, partial, quoted);
    } else {
        tpr_rewrite_outer(data, p, true, &end, partial, 0);
    }
}

#endif /* redirect-rewrite.h */
