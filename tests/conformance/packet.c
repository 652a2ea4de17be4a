/* SPDX-License-Identifier: Apache-2.0 */

/* Builds packets of the conformance suite: see packet.h. */

#include <config.h>
#include "packet.h"

#include <arpa/inet.h>
#include <string.h>

struct out {
    uint8_t *data;
    size_t len;
};

static void
put8(struct out *o, unsigned int x)
{
    o->data[o->len++] = (uint8_t) x;
}

static void
put16(struct out *o, unsigned int x)
{
    put8(o, x >> 8);
    put8(o, x);
}

static void
put32(struct out *o, uint32_t x)
{
    put16(o, x >> 16);
    put16(o, x & 0xffff);
}

static void
put_bytes(struct out *o, const void *bytes, size_t n)
{
    memcpy(o->data + o->len, bytes, n);
    o->len += n;
}

static void
put_addr(struct out *o, const struct pkt *p, const struct tpr_addr *a)
{
    put_bytes(o, p->is_v6 ? (const void *) a : &a->w[3], p->is_v6 ? 16 : 4);
}

/* RFC 1071 over 'n' bytes, added to 'sum'. */
static uint32_t
sum_bytes(uint32_t sum, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? bytes[i] : (uint32_t) bytes[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static uint16_t
finish(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t) ~sum;
}

bool
has_ports(uint8_t proto)
{
    return (proto == TPR_PROTO_TCP || proto == TPR_PROTO_UDP
            || proto == TPR_PROTO_SCTP);
}

void
pkt_init(struct pkt *p)
{
    memset(p, 0, sizeof *p);
    p->is_ip = true;
    p->tci = -1;
    p->ttl = 64;
    p->id = 1;
    p->cut = p->ip_len = p->ihl = p->doff = p->udp_len = p->version = -1;
    p->ext_len = p->l4_cut = p->routing = p->outer = p->chunk = -1;
    parse_mac("01", p->smac);
    parse_mac("50", p->dmac);
}

/* Are there 8 bytes of transport in the quoted packet 'q'?  RFC 792 promises
 * so many. */
static bool
quotes_enough(const struct pkt *q, uint16_t limit)
{
    bool has_header = (has_ports(q->proto) || q->proto == PROTO_ICMP
                       || q->proto == PROTO_ICMP6);

    return (has_header || q->payload >= 8) && (!limit || limit >= 8);
}

/* How many bytes of transport there must be at least. */
static int
header_bytes(uint8_t proto)
{
    return (proto == TPR_PROTO_TCP ? 20 : proto == TPR_PROTO_SCTP ? 12
            : proto == TPR_PROTO_UDP || proto == PROTO_ICMP
              || proto == PROTO_ICMP6 ? 8 : 0);
}

/* An IPv4 address where IPv6 has none. */
static bool
is_mapped(const struct tpr_addr *a)
{
    return !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);
}

static bool
is_bad_ip6(const struct pkt *p)
{
    return (p->is_v6
            && (is_mapped(&p->src) || is_mapped(&p->dst) || p->routing > 0
                || p->ext_len >= 0 || p->ext > 8));
}

static bool
is_bad_quote(const struct pkt *q, uint16_t limit)
{
    return (q->frag == LATER_FRAGMENT || q->version >= 0 || is_bad_ip6(q)
            || !quotes_enough(q, limit));
}

bool
pkt_is_malformed(const struct pkt *p)
{
    return (p->cut >= 0 || p->ip_len >= 0 || p->ihl >= 0 || p->doff >= 0
            || p->udp_len >= 0 || p->version >= 0 || is_bad_ip6(p)
            || (p->l4_cut >= 0 && p->frag != LATER_FRAGMENT
                && p->l4_cut < header_bytes(p->proto))
            || (p->quote && is_bad_quote(p->quote, p->quote_bytes)));
}

/* Is it, as far as a redirect can see, no IP at all? */
bool
pkt_is_other(const struct pkt *p)
{
    return (!p->is_ip || p->outer >= 0
            || (p->tci >= 0 && p->cut >= 0 && p->cut < 18));
}

static void
put_payload(struct out *o, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put8(o, 'a' + i % 26);
    }
}

static void build_ip(const struct pkt *, struct out *);

static void
put_tcp(const struct pkt *p, struct out *o)
{
    put16(o, p->sport);
    put16(o, p->dport);
    put32(o, p->seq);
    put32(o, p->ack);
    put8(o, (p->doff >= 0 ? p->doff : 5) << 4);
    put8(o, p->flags);
    put16(o, p->reset_style ? 0 : 8192);
    put32(o, 0);
}

static void
put_sctp(const struct pkt *p, struct out *o)
{
    put16(o, p->sport);
    put16(o, p->dport);
    put32(o, p->seq);
    put32(o, 0x9abcdef0);
    if (p->chunk >= 0) {
        put8(o, (uint8_t) p->chunk);
        put8(o, p->tbit);
        put16(o, 8);
        put32(o, p->ack);
    }
}

/* Puts the transport, returns where its checksum is, 0: nowhere. */
static size_t
put_transport(const struct pkt *p, struct out *o)
{
    const size_t start = o->len;

    if (p->frag == LATER_FRAGMENT) {
        put_payload(o, p->payload);
        return 0;
    }
    switch (p->proto) {
    case TPR_PROTO_TCP:
        put_tcp(p, o);
        put_payload(o, p->payload);
        return start + 16;

    case TPR_PROTO_UDP:
        put16(o, p->sport);
        put16(o, p->dport);
        put16(o, p->udp_len >= 0 ? p->udp_len : 8 + p->payload);
        put16(o, 0);
        put_payload(o, p->payload);
        return p->nocsum ? 0 : start + 6;

    case TPR_PROTO_SCTP:
        put_sctp(p, o);
        put_payload(o, p->payload);
        return 0;

    case PROTO_ICMP:
    case PROTO_ICMP6:
        put8(o, p->type);
        put8(o, p->code);
        put32(o, 0);
        put16(o, 1400);
        if (p->quote) {
            build_ip(p->quote, o);
            if (p->quote_bytes) {
                o->len = (start + 8 + (p->is_v6 ? 40 : 20)
                          + p->quote_bytes);
            }
        } else {
            put_payload(o, p->payload);
        }
        return start + 2;

    default:
        put_payload(o, p->payload);
        return 0;
    }
}

/* The transport from 'start' on gets its checksum, whole unless 'p' says
 * otherwise. */
static void
set_checksum(const struct pkt *p, struct out *o, size_t start, size_t at)
{
    uint8_t pseudo[40];
    struct out q = { pseudo, 0 };
    uint32_t sum = 0;
    uint16_t csum;

    if (p->proto != PROTO_ICMP) {
        put_addr(&q, p, &p->src);
        put_addr(&q, p, &p->dst);
        put32(&q, (uint32_t) (o->len - start));
        put32(&q, p->proto);
        sum = sum_bytes(sum, pseudo, q.len);
    }
    if (p->partial) {
        csum = (uint16_t) ~finish(sum);
    } else {
        sum = sum_bytes(sum, o->data + start, o->len - start);
        csum = finish(sum + p->badcsum);
        if (!csum && p->proto == TPR_PROTO_UDP) {
            csum = 0xffff;
        }
    }
    o->data[at] = (uint8_t) (csum >> 8);
    o->data[at + 1] = (uint8_t) csum;
}

static void
put_ip4(const struct pkt *p, struct out *o)
{
    put8(o, ((p->version >= 0 ? p->version : 4) << 4)
            | (p->ihl >= 0 ? p->ihl : 5 + p->options));
    put8(o, 0);
    put16(o, 0);
    put16(o, p->reset_style ? 0 : p->id);
    put16(o, p->reset_style ? 0x4000 : p->frag == FIRST_FRAGMENT ? 0x2000
             : p->frag == LATER_FRAGMENT ? 185 : 0);
    put8(o, p->ttl);
    put8(o, p->proto);
    put16(o, 0);
    put_addr(o, p, &p->src);
    put_addr(o, p, &p->dst);
    for (int i = 0; i < p->options; i++) {
        put32(o, 0x01010101);           /* No operation. */
    }
}

enum { IP_ROUTING = 43, IP_FRAGMENT = 44, IP_AH = 51, IP_DSTOPTS = 60 };

/* An extension header of 'type', before one of type 'next'. */
static void
put_ext(const struct pkt *p, uint8_t type, uint8_t next, struct out *o)
{
    put8(o, next);
    switch (type) {
    case IP_ROUTING:
        put8(o, 0);
        put8(o, 0);
        put8(o, (unsigned int) p->routing);
        put32(o, 0);
        break;

    case IP_AH:
        put8(o, 2);                     /* 16 bytes. */
        put16(o, 0);
        put32(o, 7);
        put32(o, 1);
        put32(o, 0x89abcdef);
        break;

    case IP_FRAGMENT:
        put8(o, 0);
        put16(o, p->frag == FIRST_FRAGMENT ? 1
                 : p->frag == LATER_FRAGMENT ? 1480 : 0);
        put32(o, p->id);
        break;

    default:
        put8(o, p->ext_len >= 0 ? (unsigned int) p->ext_len : 0);
        put16(o, 0x0104);               /* PadN. */
        put32(o, 0);
        break;
    }
}

static void
put_ip6(const struct pkt *p, struct out *o)
{
    uint8_t chain[260];
    int n = 0;

    if (p->routing >= 0) {
        chain[n++] = IP_ROUTING;
    }
    memset(chain + n, IP_DSTOPTS, p->ext);
    n += p->ext;
    if (p->frag || p->atomic) {
        chain[n++] = IP_FRAGMENT;
    }
    if (p->ah) {
        chain[n++] = IP_AH;
    }
    chain[n] = p->proto;

    put32(o, (uint32_t) (p->version >= 0 ? p->version : 6) << 28);
    put16(o, 0);
    put8(o, chain[0]);
    put8(o, p->ttl);
    put_addr(o, p, &p->src);
    put_addr(o, p, &p->dst);
    for (int i = 0; i < n; i++) {
        put_ext(p, chain[i], chain[i + 1], o);
    }
}

static void
build_ip(const struct pkt *p, struct out *o)
{
    const size_t start = o->len;
    size_t transport, at, length;

    if (p->is_v6) {
        put_ip6(p, o);
    } else {
        put_ip4(p, o);
    }
    transport = o->len;
    at = put_transport(p, o);
    if (p->l4_cut >= 0 && o->len > transport + (size_t) p->l4_cut) {
        o->len = transport + (size_t) p->l4_cut;
        at = at + 2 <= o->len ? at : 0;
    }
    length = (p->ip_len >= 0 ? (size_t) p->ip_len
              : o->len - start - (p->is_v6 ? 40 : 0));
    o->data[start + (p->is_v6 ? 4 : 2)] = (uint8_t) (length >> 8);
    o->data[start + (p->is_v6 ? 5 : 3)] = (uint8_t) length;
    if (at) {
        set_checksum(p, o, transport, at);
    }
    if (!p->is_v6) {
        uint16_t csum = finish(sum_bytes(0, o->data + start,
                                         transport - start));

        o->data[start + 10] = (uint8_t) (csum >> 8);
        o->data[start + 11] = (uint8_t) csum;
    }
}

/* Fills in 'f' with the frame that 'p' stands for. */
void
pkt_build(const struct pkt *p, struct frame *f)
{
    struct out o = { f->data, 0 };

    put_bytes(&o, p->dmac, 6);
    put_bytes(&o, p->smac, 6);
    if (p->outer >= 0) {
        put16(&o, 0x88a8);
        put16(&o, (unsigned int) p->outer);
    }
    if (p->tci >= 0) {
        put16(&o, 0x8100);
        put16(&o, p->tci);
    }
    if (!p->is_ip) {
        put16(&o, 0x0806);
        put_payload(&o, 28);
    } else {
        put16(&o, p->is_v6 ? 0x86dd : 0x0800);
        build_ip(p, &o);
    }
    memset(f->data + o.len, 0, p->pad);
    o.len += p->pad;
    if (p->cut >= 0 && (size_t) p->cut < o.len) {
        o.len = p->cut;
    }
    f->len = o.len;
}
