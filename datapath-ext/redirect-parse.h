/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* From bytes to a parsed packet (DESIGN.md section 3, step 1).
 *
 * tpr_parse() looks at Ethernet, one 802.1Q tag, IPv4 or IPv6 with its
 * extension headers, TCP, UDP, SCTP and ICMP, and at the packet that an ICMP
 * error quotes.  Anything odd is said to be odd, never guessed at.
 *
 * Every read is preceded by a comparison with the end of the data, loops are
 * bounded: the verifier of BPF programs accepts it.  Inline; no I/O, clock or
 * allocation; any thread. */

#ifndef TPR_REDIRECT_PARSE_H
#define TPR_REDIRECT_PARSE_H 1

#include "redirect.h"

#ifndef TPR_INLINE
#define TPR_INLINE static inline __attribute__((always_inline))
#endif

/* IP protocol numbers besides enum tpr_proto. */
enum {
    TPR_IP_HOPOPTS = 0,
    TPR_IP_ICMP = 1,
    TPR_IP_ROUTING = 43,
    TPR_IP_FRAGMENT = 44,
    TPR_IP_AH = 51,
    TPR_IP_ICMP6 = 58,
    TPR_IP_DSTOPTS = 60,
};

enum {
    TPR_ETH_LEN = 14,
    TPR_VLAN_LEN = 4,
    TPR_ETH_IP4 = 0x0800,
    TPR_ETH_IP6 = 0x86dd,
    TPR_ETH_VLAN = 0x8100,
    TPR_MAX_EXT_HEADERS = 8,    /* More are odd. */
    TPR_TCI_PRESENT = 0x1000,   /* In tpr_packet's 'tci', as in OVS. */
};

enum { TPR_TCP_FIN = 1, TPR_TCP_SYN = 2, TPR_TCP_RST = 4, TPR_TCP_PSH = 8,
       TPR_TCP_ACK = 16, TPR_TCP_URG = 32 };

/* SCTP's chunks that open and end an association (RFC 9260 3.2). */
enum { TPR_SCTP_INIT = 1, TPR_SCTP_INIT_ACK = 2, TPR_SCTP_ABORT = 6,
       TPR_SCTP_SHUTDOWN_COMPLETE = 14 };

/* A transport's 5-tuple.  Without ports (ICMP, other protocols, fragments but
 * the first) they are 0. */
struct tpr_tuple {
    struct tpr_addr src, dst;
    uint16_t sport, dport;      /* Network byte order. */
    uint8_t proto;
    uint8_t pad[3];             /* Zero. */
};

enum tpr_parsed {
    TPR_PARSED_OK,
    TPR_PARSED_ODD,             /* IP, but not as the standards have it. */
    TPR_PARSED_OTHER,           /* Not IP. */
};

enum tpr_frag { TPR_FRAG_NONE, TPR_FRAG_FIRST, TPR_FRAG_LATER };

struct tpr_packet {
    struct tpr_tuple tuple;
    uint8_t family;             /* 4 or 6. */
    uint8_t frag;               /* enum tpr_frag. */
    uint8_t icmp_error;         /* 'inner' is filled in. */
    uint8_t tcp_flags;          /* TPR_TCP_*; SCTP's as tpr_parse_sctp(). */
    uint16_t l3_ofs, l4_ofs;    /* From the Ethernet header. */
    uint16_t l4_len;            /* Header and payload, without padding. */
    uint16_t tci;               /* Host byte order, 0: untagged; else with
                                 * TPR_TCI_PRESENT. */
    uint32_t seq, ack;          /* TCP, host byte order; SCTP's tags. */
    uint32_t seq_end;           /* Sequence number after this segment. */
    uint32_t frag_id;
    uint8_t eth_src[6], eth_dst[6];

    /* The packet that an ICMP error quotes, as quoted. */
    struct tpr_tuple inner;
    uint16_t inner_l3_ofs, inner_l4_ofs;
    uint16_t inner_l4_len;      /* As many bytes of it as are quoted. */
};

/* ## Loads at any alignment. ##
 *
 * TPR_LOAD16 and TPR_LOAD32 set 'X' to what stands at 'P'; a host whose
 * packets are not plain memory defines its own before it includes this. */

#ifndef TPR_LOAD16
#define TPR_LOAD16(X, P) __builtin_memcpy(&(X), P, 2)
#define TPR_LOAD32(X, P) __builtin_memcpy(&(X), P, 4)
#endif

TPR_INLINE uint16_t
tpr_raw16(const void *p)        /* As it stands there. */
{
    uint16_t x;

    TPR_LOAD16(x, p);
    return x;
}

TPR_INLINE uint32_t
tpr_raw32(const void *p)
{
    uint32_t x;

    TPR_LOAD32(x, p);
    return x;
}

/* Host to network byte order and back. */
TPR_INLINE uint16_t
tpr_swap16(uint16_t x)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return __builtin_bswap16(x);
#else
    return x;
#endif
}

TPR_INLINE uint32_t
tpr_swap32(uint32_t x)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return __builtin_bswap32(x);
#else
    return x;
#endif
}

TPR_INLINE uint16_t
tpr_get16(const void *p)        /* Host byte order. */
{
#ifdef __bpf__
    /* Linux 6.1's verifier does not know that 16 bits swapped are 16. */
    uint32_t x = tpr_swap16(tpr_raw16(p));

    asm volatile("" : "+r"(x));
    return (uint16_t) x;
#else
    return tpr_swap16(tpr_raw16(p));
#endif
}

TPR_INLINE uint32_t
tpr_get32(const void *p)
{
    return tpr_swap32(tpr_raw32(p));
}

/* ## Addresses. ## */

/* The IPv4 address 'ip' (network byte order) as ::ffff:a.b.c.d. */
TPR_INLINE struct tpr_addr
tpr_addr_from_ip4(uint32_t ip)
{
    struct tpr_addr addr = { { 0, 0, tpr_swap32(0xffff), ip } };

    return addr;
}

TPR_INLINE bool
tpr_addr_is_ip4(const struct tpr_addr *a)
{
    return !a->w[0] && !a->w[1] && a->w[2] == tpr_swap32(0xffff);
}

TPR_INLINE bool
tpr_addr_equal(const struct tpr_addr *a, const struct tpr_addr *b)
{
    return !((a->w[3] ^ b->w[3]) | (a->w[2] ^ b->w[2])
             | (a->w[1] ^ b->w[1]) | (a->w[0] ^ b->w[0]));
}

TPR_INLINE bool
tpr_tuple_equal(const struct tpr_tuple *a, const struct tpr_tuple *b)
{
    return tpr_addr_equal(&a->src, &b->src) && tpr_addr_equal(&a->dst, &b->dst)
           && a->sport == b->sport && a->dport == b->dport
           && a->proto == b->proto;
}

/* ## Layers. ## */

/* A cursor over bytes of one packet. */
struct tpr_cursor {
    const uint8_t *data;        /* Ethernet header. */
    const uint8_t *pos;
    const uint8_t *end;         /* First byte that is not the packet's. */
#ifdef __bpf__
    const uint8_t *limit;       /* First byte that cannot be read. */
#endif
};

/* Does the packet go on for 'n' bytes? */
TPR_INLINE bool
tpr_reaches(const struct tpr_cursor *c, uint32_t n)
{
    return c->pos + n <= c->end;
}

/* The same for bytes that will be read: the verifier of BPF programs learns of
 * them from nothing but a comparison with the end that it knows. */
TPR_INLINE bool
tpr_has(const struct tpr_cursor *c, uint32_t n)
{
#ifdef __bpf__
    const uint8_t *after = c->pos + n;

    if (after > c->limit) {
        return false;
    }
#endif
    return tpr_reaches(c, n);
}

/* Where the cursor stands after steps whose length stood in the packet: the
 * verifier is told a limit that does not depend on the way there, or it would
 * follow all ways to the end.  So many bytes of headers are not in one piece
 * of memory. */
TPR_INLINE bool
tpr_settle(struct tpr_cursor *c)
{
#ifdef __bpf__
    uint32_t ofs = (uint32_t) (c->pos - c->data);

    asm volatile("" : "+r"(ofs));
    if (ofs > 0x3fff) {
        return false;
    }
    c->pos = c->data + ofs;
#else
    (void) c;
#endif
    return true;
}

/* What IP says of itself. */
struct tpr_ip {
    struct tpr_tuple tuple;     /* Addresses and protocol. */
    uint32_t frag_id;
    uint8_t frag;               /* enum tpr_frag. */
};

/* Takes an IPv4 header (RFC 791); 'c' is then at the payload and its end at
 * the end of that.  With 'quoted', the payload may be cut off. */
TPR_INLINE bool
tpr_parse_ip4(struct tpr_cursor *c, struct tpr_ip *ip, bool quoted)
{
    if (!tpr_has(c, 20) || c->pos[0] >> 4 != 4) {
        return false;
    }

    uint32_t header = (c->pos[0] & 15) * 4;
    uint32_t total = tpr_get16(c->pos + 2);
    uint32_t frag = tpr_get16(c->pos + 6);

    if (header < 20 || total < header || !tpr_has(c, header)
        || (!quoted && !tpr_reaches(c, total))) {
        return false;
    }
    ip->tuple.src = tpr_addr_from_ip4(tpr_raw32(c->pos + 12));
    ip->tuple.dst = tpr_addr_from_ip4(tpr_raw32(c->pos + 16));
    ip->tuple.proto = c->pos[9];
    ip->frag_id = tpr_get16(c->pos + 4);
    ip->frag = (frag & 0x1fff ? TPR_FRAG_LATER
                : frag & 0x2000 ? TPR_FRAG_FIRST : TPR_FRAG_NONE);
    if (tpr_reaches(c, total)) {
        c->end = c->pos + total;
    }
    c->pos += header;
    return true;
}

/* Takes an IPv6 header and its extension headers (RFC 8200, 4302), as
 * tpr_parse_ip4() does.  A routing header with segments left is odd: the
 * packet is for somebody else than its destination says, whom its checksum
 * covers instead (RFC 8200 8.1).  So are IPv4 addresses in it, which do
 * not belong there (RFC 5156 2.2): they would be taken for IPv4's. */
TPR_INLINE bool
tpr_parse_ip6(struct tpr_cursor *c, struct tpr_ip *ip, bool quoted)
{
    if (!tpr_has(c, 40) || c->pos[0] >> 4 != 6) {
        return false;
    }

    uint32_t payload = tpr_get16(c->pos + 4);
    uint8_t next = c->pos[6];

    if (!quoted && !tpr_reaches(c, 40 + payload)) {
        return false;
    }
    __builtin_memcpy(&ip->tuple.src, c->pos + 8, 16);
    __builtin_memcpy(&ip->tuple.dst, c->pos + 24, 16);
    if (tpr_addr_is_ip4(&ip->tuple.src) || tpr_addr_is_ip4(&ip->tuple.dst)) {
        return false;
    }
    ip->frag = TPR_FRAG_NONE;
    ip->frag_id = 0;
    if (tpr_reaches(c, 40 + payload)) {
        c->end = c->pos + 40 + payload;
    }
    c->pos += 40;
    for (int i = 0; i <= TPR_MAX_EXT_HEADERS; i++) {
        uint32_t length;

        if (next != TPR_IP_HOPOPTS && next != TPR_IP_ROUTING
            && next != TPR_IP_DSTOPTS && next != TPR_IP_FRAGMENT
            && next != TPR_IP_AH) {
            ip->tuple.proto = next;
            return true;
        } else if (!tpr_has(c, 8)
                   || (next == TPR_IP_ROUTING && c->pos[3])) {
            return false;
        }
        if (next == TPR_IP_FRAGMENT) {
            uint32_t frag = tpr_get16(c->pos + 2);

            if (ip->frag != TPR_FRAG_NONE) {
                return false;
            }
            ip->frag = (frag & 0xfff8 ? TPR_FRAG_LATER
                        : frag & 1 ? TPR_FRAG_FIRST : TPR_FRAG_NONE);
            ip->frag_id = tpr_get32(c->pos + 4);
            length = 8;
        } else {
            length = (next == TPR_IP_AH ? (c->pos[1] + 2) * 4
                      : (c->pos[1] + 1) * 8);
        }
        if (!tpr_has(c, length)) {
            return false;
        }
        next = c->pos[0];
        c->pos += length;
        if (!tpr_settle(c)) {
            return false;
        }
        if (ip->frag == TPR_FRAG_LATER) {
            ip->tuple.proto = next;     /* The rest is somebody's middle. */
            return true;
        }
    }
    return false;
}

TPR_INLINE bool
tpr_parse_ip(struct tpr_cursor *c, uint8_t family, struct tpr_ip *ip,
             bool quoted)
{
    return family == 4 ? tpr_parse_ip4(c, ip, quoted)
                       : tpr_parse_ip6(c, ip, quoted);
}

/* Does ICMP 'type' of 'family' quote the packet that it is about (RFC 792,
 * 4443)? */
TPR_INLINE bool
tpr_icmp_is_error(uint8_t family, uint8_t type)
{
    return family == 4 ? type == 3 || type == 11 || type == 12
                       : type >= 1 && type <= 4;
}

/* What stands behind an ICMP error's header.  False if it cannot be
 * translated: cut off before the ports, or a fragment but the first. */
TPR_INLINE bool
tpr_parse_quoted(struct tpr_cursor *c, struct tpr_packet *p)
{
    struct tpr_ip ip = { .frag = 0 };

    p->inner_l3_ofs = (uint16_t) (c->pos - c->data);
    if (!tpr_parse_ip(c, p->family, &ip, true) || ip.frag == TPR_FRAG_LATER
        || !tpr_has(c, 8)) {
        return false;
    }
    p->inner = ip.tuple;
    p->inner_l4_ofs = (uint16_t) (c->pos - c->data);
    p->inner_l4_len = (uint16_t) (c->end - c->pos);
    if (ip.tuple.proto == TPR_PROTO_TCP || ip.tuple.proto == TPR_PROTO_UDP
        || ip.tuple.proto == TPR_PROTO_SCTP) {
        p->inner.sport = tpr_raw16(c->pos);
        p->inner.dport = tpr_raw16(c->pos + 2);
    }
    return true;
}

/* A host may do that later, where the cursor stands; it then says so in
 * 'icmp_error'. */
#ifndef TPR_PARSE_QUOTED
#define TPR_PARSE_QUOTED tpr_parse_quoted
#endif

/* RFC 9293 3.1. */
TPR_INLINE bool
tpr_parse_tcp(const struct tpr_cursor *c, struct tpr_packet *p)
{
    if (!tpr_has(c, 20)) {
        return false;
    }

    uint32_t header = (c->pos[12] >> 4) * 4;
    uint32_t length = (uint32_t) (c->end - c->pos);

    if (header < 20 || (header > length && p->frag == TPR_FRAG_NONE)) {
        return false;
    }
    p->tcp_flags = c->pos[13];
    p->seq = tpr_get32(c->pos + 4);
    p->ack = tpr_get32(c->pos + 8);
    p->seq_end = p->seq + (length > header ? length - header : 0)
                 + !!(p->tcp_flags & TPR_TCP_SYN)
                 + !!(p->tcp_flags & TPR_TCP_FIN);
    return true;
}

/* RFC 9260 3.  What the first chunk does to the association stands in TCP's
 * words: INIT is SYN, INIT ACK both; ABORT and SHUTDOWN COMPLETE, neither of
 * which is answered, are RST, with URG for the T bit.  'seq' is the
 * verification tag, 'ack' the initiate tag. */
TPR_INLINE bool
tpr_parse_sctp(const struct tpr_cursor *c, struct tpr_packet *p)
{
    if (!tpr_has(c, 12)) {
        return false;
    }
    p->seq = tpr_get32(c->pos + 4);
    if (tpr_has(c, 16)) {
        const uint8_t type = c->pos[12];

        if (type == TPR_SCTP_ABORT || type == TPR_SCTP_SHUTDOWN_COMPLETE) {
            p->tcp_flags = TPR_TCP_RST | (c->pos[13] & 1 ? TPR_TCP_URG : 0);
        } else if ((type == TPR_SCTP_INIT || type == TPR_SCTP_INIT_ACK)
                   && tpr_has(c, 20)) {
            p->tcp_flags = TPR_TCP_SYN | (type == TPR_SCTP_INIT
                                          ? 0 : TPR_TCP_ACK);
            p->ack = tpr_get32(c->pos + 16);
        }
    }
    return true;
}

/* RFC 768; a length of 0 is a jumbogram's (RFC 2675) and odd here. */
TPR_INLINE bool
tpr_parse_udp(const struct tpr_cursor *c, const struct tpr_packet *p)
{
    if (!tpr_has(c, 8)) {
        return false;
    }

    uint32_t length = tpr_get16(c->pos + 4);

    return length >= 8 && (p->frag != TPR_FRAG_NONE
                           || length <= (uint32_t) (c->end - c->pos));
}

TPR_INLINE bool
tpr_parse_l4(struct tpr_cursor *c, struct tpr_packet *p)
{
    switch (p->tuple.proto) {
    case TPR_PROTO_TCP:
        if (!tpr_parse_tcp(c, p)) {
            return false;
        }
        break;

    case TPR_PROTO_UDP:
        if (!tpr_parse_udp(c, p)) {
            return false;
        }
        break;

    case TPR_PROTO_SCTP:
        if (!tpr_parse_sctp(c, p)) {
            return false;
        }
        break;

    case TPR_IP_ICMP:
    case TPR_IP_ICMP6:
        if ((p->tuple.proto == TPR_IP_ICMP) != (p->family == 4)) {
            return true;
        } else if (!tpr_has(c, 8)) {
            return false;
        } else if (p->frag == TPR_FRAG_NONE
                   && tpr_icmp_is_error(p->family, c->pos[0])) {
            c->pos += 8;
            p->icmp_error = TPR_PARSE_QUOTED(c, p);
            return p->icmp_error;
        }
        return true;

    default:
        return true;
    }
    p->tuple.sport = tpr_raw16(c->pos);
    p->tuple.dport = tpr_raw16(c->pos + 2);
    return true;
}

/* Parses the frame at which 'c' stands into 'p'.  What the frame does not have
 * is zero.  With TPR_PARSED_ODD the fields up to where it was odd are filled
 * in, with TPR_PARSED_OTHER those of Ethernet. */
TPR_INLINE enum tpr_parsed
tpr_parse_at(struct tpr_cursor *c, struct tpr_packet *p)
{
    struct tpr_ip ip = { .frag = 0 };
    uint16_t type;

    __builtin_memset(p, 0, sizeof *p);
    if (!tpr_has(c, TPR_ETH_LEN)) {
        return TPR_PARSED_OTHER;
    }
    __builtin_memcpy(p->eth_dst, c->pos, 6);
    __builtin_memcpy(p->eth_src, c->pos + 6, 6);
    type = tpr_get16(c->pos + 12);
    c->pos += TPR_ETH_LEN;
    if (type == TPR_ETH_VLAN) {
        if (!tpr_has(c, TPR_VLAN_LEN)) {
            return TPR_PARSED_OTHER;
        }
        p->tci = tpr_get16(c->pos) | TPR_TCI_PRESENT;
        type = tpr_get16(c->pos + 2);
        c->pos += TPR_VLAN_LEN;
    }
    if (type != TPR_ETH_IP4 && type != TPR_ETH_IP6) {
        return TPR_PARSED_OTHER;
    }
    p->family = type == TPR_ETH_IP4 ? 4 : 6;
    p->l3_ofs = (uint16_t) (c->pos - c->data);
    if (!tpr_parse_ip(c, p->family, &ip, false)) {
        return TPR_PARSED_ODD;
    }
    p->tuple = ip.tuple;
    p->frag = ip.frag;
    p->frag_id = ip.frag_id;
    p->l4_ofs = (uint16_t) (c->pos - c->data);
    p->l4_len = (uint16_t) (c->end - c->pos);
    if (p->frag == TPR_FRAG_LATER) {
        return TPR_PARSED_OK;
    }
    return tpr_parse_l4(c, p) ? TPR_PARSED_OK : TPR_PARSED_ODD;
}

/* The same for the frame of 'len' bytes at 'data'. */
TPR_INLINE enum tpr_parsed
tpr_parse(const void *data, uint32_t len, struct tpr_packet *p)
{
    const uint8_t *bytes = data;
    struct tpr_cursor c = {
        .data = bytes, .pos = bytes, .end = bytes + len,
#ifdef __bpf__
        .limit = bytes + len,
#endif
    };

    return tpr_parse_at(&c, p);
}

#endif /* redirect-parse.h */
