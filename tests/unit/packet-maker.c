/* SPDX-License-Identifier: Apache-2.0 */

/* Makes frames for tests: see packet-maker.h. */

#include <config.h>
#include "packet-maker.h"

#include <arpa/inet.h>
#include <string.h>
#include "util.h"

/* Returns the address that 's' spells, an IPv4 one as "10.0.0.1". */
struct tpr_addr
make_addr(const char *s)
{
    char mapped[64];
    struct tpr_addr addr;

    snprintf(mapped, sizeof mapped, "%s%s", strchr(s, ':') ? "" : "::ffff:",
             s);
    ovs_assert(inet_pton(AF_INET6, mapped, &addr) == 1);
    return addr;
}

/* Returns the checksum of RFC 1071 over 'n' bytes at 'p'. */
uint16_t
naive_csum(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += i % 2 ? p[i] : p[i] << 8;
        sum = sum % 0x10000 + sum / 0x10000;
    }
    return 0xffff - sum;
}

static void
put16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x & 255;
}

static void
put32(uint8_t *p, uint32_t x)
{
    put16(p, x >> 16);
    put16(p + 2, x & 0xffff);
}

static bool
is_ip4(const struct made *m)
{
    return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *) &m->src.addr);
}

static size_t
put_addr(const struct made *m, const struct tpr_addr *addr, uint8_t *p)
{
    size_t n = is_ip4(m) ? 4 : 16;

    memcpy(p, (const uint8_t *) addr + 16 - n, n);
    return n;
}

/* The checksum of 'n' bytes of transport at 'l4' with the pseudo-header, or
 * (partial) the sum of the pseudo-header alone. */
static uint16_t
transport_csum(const struct made *m, const uint8_t *l4, size_t n)
{
    uint8_t buf[MAKER_MAX];
    size_t at = put_addr(m, &m->src.addr, buf);

    at += put_addr(m, &m->dst.addr, buf + at);
    put16(buf + at, m->proto);
    put16(buf + at + 2, n);
    at += 4;
    if (m->partial) {
        return 0xffff - naive_csum(buf, at);
    }
    memcpy(buf + at, l4, n);

    uint16_t csum = naive_csum(buf, at + n);
    return csum || (m->proto != 17 && m->proto != 136) ? csum : 0xffff;
}

static size_t make_ip(const struct made *, uint8_t *);

static size_t
make_icmp(const struct made *m, uint8_t *l4)
{
    size_t n = 8;

    memset(l4, 0, 8);
    l4[0] = m->type;
    if (m->quoted) {
        uint8_t quoted[MAKER_MAX];
        size_t size = MIN(make_ip(m->quoted, quoted), m->quoted_size);

        memcpy(l4 + n, quoted, size);
        n += size;
    } else {
        memcpy(l4 + n, m->payload, m->size);
        n += m->size;
    }
    put16(l4 + 2, (is_ip4(m) ? naive_csum(l4, n) : transport_csum(m, l4, n)));
    return n;
}

/* Makes all of the IP payload at 'l4'; returns its length. */
static size_t
make_transport(const struct made *m, uint8_t *l4)
{
    size_t header, csum;

    switch (m->proto) {
    case 6:
        header = 20;
        csum = 16;
        memset(l4, 0, header);
        put32(l4 + 4, m->seq);
        put32(l4 + 8, m->ack);
        l4[12] = 0x50;
        l4[13] = m->tcp_flags;
        put16(l4 + 14, m->no_window ? 0 : 0x1234);
        break;

    case 17:
    case 136:
        header = 8;
        csum = 6;
        memset(l4, 0, header);
        put16(l4 + 4, header + m->size);
        break;

    case 132:
        header = 12;
        csum = 0;
        put32(l4 + 4, 0x11223344);      /* Verification tag. */
        put32(l4 + 8, 0x55667788);      /* CRC32c, never looked at. */
        break;

    case 1:
    case 58:
        return make_icmp(m, l4);

    default:
        memcpy(l4, m->payload, m->size);
        return m->size;
    }
    put16(l4, m->src.port);
    put16(l4 + 2, m->dst.port);
    memcpy(l4 + header, m->payload, m->size);
    if (csum && !m->no_csum) {
        put16(l4 + csum, transport_csum(m, l4, header + m->size));
    }
    return header + m->size;
}

static size_t
make_ip4_header(const struct made *m, size_t n, uint8_t *p)
{
    size_t header = 20 + m->options;

    memset(p, 0, header);
    memset(p + 20, 1, m->options);      /* "No operation". */
    p[0] = 0x40 + header / 4;
    put16(p + 2, header + n);
    put16(p + 4, m->dont_fragment ? 0 : 0xabcd);
    put16(p + 6, (m->dont_fragment ? 0x4000
                  : m->frag == TPR_FRAG_FIRST ? 0x2000
                  : m->frag == TPR_FRAG_LATER ? m->split / 8 : 0));
    p[8] = 64;
    p[9] = m->proto;
    put_addr(m, &m->src.addr, p + 12);
    put_addr(m, &m->dst.addr, p + 16);
    put16(p + 10, naive_csum(p, header));
    return header;
}

static size_t
make_ip6_header(const struct made *m, size_t n, uint8_t *p)
{
    size_t at = 40;
    uint8_t *next = &p[6];

    memset(p, 0, 40);
    p[0] = 0x60;
    p[7] = 64;
    put_addr(m, &m->src.addr, p + 8);
    put_addr(m, &m->dst.addr, p + 24);
    if (m->options) {
        *next = 60;
        next = &p[at];
        memset(p + at, 0, m->options);  /* "Pad1". */
        p[at + 1] = m->options / 8 - 1;
        at += m->options;
    }
    if (m->frag != TPR_FRAG_NONE) {
        *next = 44;
        next = &p[at];
        memset(p + at, 0, 8);
        put16(p + at + 2, m->frag == TPR_FRAG_FIRST ? 1 : m->split);
        put32(p + at + 4, 0x89abcdef);
        at += 8;
    }
    *next = m->proto;
    put16(p + 4, at - 40 + n);
    return at;
}

static size_t
make_ip(const struct made *m, uint8_t *p)
{
    uint8_t whole[MAKER_MAX];
    size_t n = make_transport(m, whole);
    size_t skip = m->frag == TPR_FRAG_LATER ? MIN(n, m->split) : 0;
    size_t size = m->frag == TPR_FRAG_FIRST ? MIN(n, m->split) : n - skip;
    size_t header = (is_ip4(m) ? make_ip4_header(m, size, p)
                     : make_ip6_header(m, size, p));

    memcpy(p + header, whole + skip, size);
    return header + size;
}

/* Makes the frame that 'm' describes; returns its length. */
size_t
make_frame(const struct made *m, uint8_t frame[MAKER_MAX])
{
    size_t at = 12;

    memcpy(frame, m->eth_dst, 6);
    memcpy(frame + 6, m->eth_src, 6);
    if (m->vlan) {
        put16(frame + at, 0x8100);
        put16(frame + at + 2, m->vlan);
        at += 4;
    }
    put16(frame + at, is_ip4(m) ? 0x0800 : 0x86dd);
    at += 2;
    at += make_ip(m, frame + at);
    memset(frame + at, 0xee, m->padding);
    return at + m->padding;
}
