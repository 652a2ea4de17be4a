/* SPDX-License-Identifier: Apache-2.0 */

/* Frames of heartbeats: see frame.h. */

#include <config.h>
#include "frame.h"

#include <string.h>
#include "csum.h"
#include "util.h"

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_VLAN = 0x8100,
    TYPE_IPV6 = 0x86dd,

    ETH_LEN = 14,
    VLAN_LEN = 4,
    IPV4_LEN = 20,
    IPV6_LEN = 40,
    L4_LEN = 8,                 /* UDP header, ICMP echo header. */

    PROTO_ICMP = 1,
    PROTO_UDP = 17,
    PROTO_ICMPV6 = 58,

    ICMP_REPLY = 0,
    ICMP_REQUEST = 8,
    ICMPV6_REQUEST = 128,
    ICMPV6_REPLY = 129,
};

static uint16_t
get16(const uint8_t *p)
{
    return (p[0] << 8) | p[1];
}

static void
put16(uint8_t *p, uint16_t value)
{
    p[0] = value >> 8;
    p[1] = value & 0xff;
}

/* Checksums are stored as computed: in network byte order. */
static void
put_csum(uint8_t *p, ovs_be16 csum)
{
    memcpy(p, &csum, sizeof csum);
}

/* The address's bytes as they stand in a header. */
static const uint8_t *
addr_bytes(const struct in6_addr *addr)
{
    return IN6_IS_ADDR_V4MAPPED(addr) ? &addr->s6_addr[12] : addr->s6_addr;
}

static void
set_addr(struct in6_addr *addr, const uint8_t *bytes, bool v4)
{
    if (v4) {
        memset(addr, 0, sizeof *addr);
        addr->s6_addr[10] = addr->s6_addr[11] = 0xff;
        memcpy(&addr->s6_addr[12], bytes, 4);
    } else {
        memcpy(addr, bytes, sizeof *addr);
    }
}

/* Checksum of 'size' bytes of UDP or ICMP at 'l4', with the pseudo header
 * where the protocol has one; 0 if it is right already. */
static ovs_be16
l4_csum(const struct frame *f, uint8_t proto, const uint8_t *l4, size_t size)
{
    size_t addr_len = IN6_IS_ADDR_V4MAPPED(&f->dst) ? 4 : 16;
    uint32_t partial = 0;

    if (proto != PROTO_ICMP) {
        uint8_t tail[4] = { size >> 8, size & 0xff, 0, proto };

        partial = csum_continue(partial, addr_bytes(&f->src), addr_len);
        partial = csum_continue(partial, addr_bytes(&f->dst), addr_len);
        partial = csum_continue(partial, tail, sizeof tail);
    }
    return csum_finish(csum_continue(partial, l4, size));
}

static uint8_t
protocol(const struct frame *f)
{
    return (f->kind == FRAME_UDP ? PROTO_UDP
            : IN6_IS_ADDR_V4MAPPED(&f->dst) ? PROTO_ICMP : PROTO_ICMPV6);
}

static uint8_t *
build_ethernet(const struct frame *f, uint8_t *p)
{
    bool v4 = IN6_IS_ADDR_V4MAPPED(&f->dst);

    memcpy(p, f->mac_dst, 6);
    memcpy(p + 6, f->mac_src, 6);
    p += 12;
    if (f->vlan) {
        put16(p, TYPE_VLAN);
        put16(p + 2, 7 << 13 | f->vlan);    /* Priority 7, as DSCP CS6. */
        p += VLAN_LEN;
    }
    put16(p, v4 ? TYPE_IPV4 : TYPE_IPV6);
    return p + 2;
}

static uint8_t *
build_ip(const struct frame *f, size_t l4_size, uint8_t *p)
{
    if (IN6_IS_ADDR_V4MAPPED(&f->dst)) {
        memset(p, 0, IPV4_LEN);
        p[0] = 0x45;
        p[1] = FRAME_TOS;
        put16(p + 2, IPV4_LEN + l4_size);
        put16(p + 6, 0x4000);               /* Don't fragment. */
        p[8] = f->ttl;
        p[9] = protocol(f);
        memcpy(p + 12, addr_bytes(&f->src), 4);
        memcpy(p + 16, addr_bytes(&f->dst), 4);
        put_csum(p + 10, csum(p, IPV4_LEN));
        return p + IPV4_LEN;
    }

    put16(p, 0x6000 | FRAME_TOS << 4);
    put16(p + 2, 0);
    put16(p + 4, l4_size);
    p[6] = protocol(f);
    p[7] = f->ttl;
    memcpy(p + 8, addr_bytes(&f->src), 16);
    memcpy(p + 24, addr_bytes(&f->dst), 16);
    return p + IPV6_LEN;
}

static uint8_t *
build_l4(const struct frame *f, uint8_t *p)
{
    bool v4 = IN6_IS_ADDR_V4MAPPED(&f->dst);
    size_t size = L4_LEN + f->size;
    uint8_t *sum;

    memset(p, 0, L4_LEN);
    if (f->kind == FRAME_UDP) {
        put16(p, f->port_src);
        put16(p + 2, f->port_dst);
        put16(p + 4, size);
        sum = p + 6;
    } else {
        bool request = f->kind == FRAME_ECHO_REQUEST;

        p[0] = (v4 ? (request ? ICMP_REQUEST : ICMP_REPLY)
                : (request ? ICMPV6_REQUEST : ICMPV6_REPLY));
        put16(p + 4, f->echo_id);
        put16(p + 6, f->echo_seq);
        sum = p + 2;
    }
    if (f->size) {
        memcpy(p + L4_LEN, f->payload, f->size);
    }

    ovs_be16 value = l4_csum(f, protocol(f), p, size);
    if (!value && f->kind == FRAME_UDP) {
        value = OVS_BE16_MAX;               /* 0 would mean "none". */
    }
    put_csum(sum, value);
    return p + size;
}

/* Writes the frame that 'f' describes to 'buf' and returns its size in bytes,
 * at most FRAME_MAX.  f->size is at most FRAME_MAX_PAYLOAD. */
size_t
frame_build(const struct frame *f, uint8_t buf[FRAME_MAX])
{
    ovs_assert(f->size <= FRAME_MAX_PAYLOAD);

    uint8_t *p = build_ethernet(f, buf);
    p = build_ip(f, L4_LEN + f->size, p);
    return build_l4(f, p) - buf;
}

/* What is left to parse. */
struct cursor {
    const uint8_t *p;
    size_t left;
};

/* Returns the next 'n' bytes and steps over them, NULL if there are fewer. */
static const uint8_t *
take(struct cursor *c, size_t n)
{
    const uint8_t *p = c->p;

    if (c->left < n) {
        return NULL;
    }
    c->p += n;
    c->left -= n;
    return p;
}

static bool
parse_ethernet(struct cursor *c, struct frame *f, uint16_t *type)
{
    const uint8_t *p = take(c, ETH_LEN);

    if (!p) {
        return false;
    }
    memcpy(f->mac_dst, p, 6);
    memcpy(f->mac_src, p + 6, 6);
    *type = get16(p + 12);
    if (*type == TYPE_VLAN) {
        p = take(c, VLAN_LEN);
        if (!p) {
            return false;
        }
        f->vlan = get16(p) & 0xfff;
        *type = get16(p + 2);
    }
    return true;
}

static bool
parse_ipv4(struct cursor *c, struct frame *f, uint8_t *proto)
{
    const uint8_t *p = c->p;

    if (c->left < IPV4_LEN || p[0] >> 4 != 4) {
        return false;
    }
    size_t header = (p[0] & 0xf) * 4;
    size_t total = get16(p + 2);
    if (header < IPV4_LEN || total < header || c->left < total
        || csum(p, header)
        || get16(p + 6) & 0x3fff) {         /* More fragments, offset. */
        return false;
    }
    f->ttl = p[8];
    *proto = p[9];
    set_addr(&f->src, p + 12, true);
    set_addr(&f->dst, p + 16, true);
    c->left = total;                        /* Without padding. */
    return take(c, header) != NULL;
}

static bool
parse_ipv6(struct cursor *c, struct frame *f, uint8_t *proto)
{
    const uint8_t *p = take(c, IPV6_LEN);

    if (!p || p[0] >> 4 != 6 || c->left < get16(p + 4)) {
        return false;
    }
    c->left = get16(p + 4);
    *proto = p[6];
    f->ttl = p[7];
    set_addr(&f->src, p + 8, false);
    set_addr(&f->dst, p + 24, false);
    return !IN6_IS_ADDR_V4MAPPED(&f->src) && !IN6_IS_ADDR_V4MAPPED(&f->dst);
}

static bool
parse_udp(struct cursor *c, bool check_l4, bool v4, struct frame *f)
{
    const uint8_t *p = c->p;

    if (c->left < L4_LEN) {
        return false;
    }
    size_t size = get16(p + 4);
    if (size < L4_LEN || c->left < size) {
        return false;
    }
    if (check_l4) {
        bool none = !get16(p + 6);

        if (none ? !v4 : l4_csum(f, PROTO_UDP, p, size)) {
            return false;
        }
    }
    f->kind = FRAME_UDP;
    f->port_src = get16(p);
    f->port_dst = get16(p + 2);
    f->payload = p + L4_LEN;
    f->size = size - L4_LEN;
    return true;
}

static bool
parse_echo(struct cursor *c, bool check_l4, bool v4, struct frame *f)
{
    const uint8_t *p = c->p;

    if (c->left < L4_LEN || p[1]
        || (check_l4
            && l4_csum(f, v4 ? PROTO_ICMP : PROTO_ICMPV6, p, c->left))) {
        return false;
    }
    if (p[0] == (v4 ? ICMP_REQUEST : ICMPV6_REQUEST)) {
        f->kind = FRAME_ECHO_REQUEST;
    } else if (p[0] == (v4 ? ICMP_REPLY : ICMPV6_REPLY)) {
        f->kind = FRAME_ECHO_REPLY;
    } else {
        return false;
    }
    f->echo_id = get16(p + 4);
    f->echo_seq = get16(p + 6);
    f->payload = p + L4_LEN;
    f->size = c->left - L4_LEN;
    return true;
}

/* Parses the 'size' bytes of a frame at 'data' into '*f'.  Returns false,
 * leaving '*f' undefined, if it is malformed or not of a kind that heartbeats
 * use.  'check_l4' is false if the kernel says that the UDP or ICMP checksum
 * is not filled in yet. */
bool
frame_parse(const uint8_t *data, size_t size, bool check_l4, struct frame *f)
{
    struct cursor c = { data, size };
    uint16_t type;
    uint8_t proto;

    memset(f, 0, sizeof *f);
    if (!parse_ethernet(&c, f, &type)) {
        return false;
    }

    bool v4 = type == TYPE_IPV4;
    if (v4 ? !parse_ipv4(&c, f, &proto)
        : type != TYPE_IPV6 || !parse_ipv6(&c, f, &proto)) {
        return false;
    }
    return (proto == PROTO_UDP ? parse_udp(&c, check_l4, v4, f)
            : proto == (v4 ? PROTO_ICMP : PROTO_ICMPV6)
            ? parse_echo(&c, check_l4, v4, f)
            : false);
}
