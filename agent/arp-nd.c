/* SPDX-License-Identifier: Apache-2.0 */

/* ARP and neighbour discovery packets; arp-nd.h says what and why. */

#include <config.h>
#include "arp-nd.h"
#include <netinet/icmp6.h>
#include <string.h>
#include "csum.h"
#include "openvswitch/util.h"
#include "util.h"

/* Wire formats.  RFC 826:
 *
 *      0                   1                   2                   3
 *     +-------------------------------+-------------------------------+
 *     |      hardware type (1)        |     protocol type (0x0800)    |
 *     +---------------+---------------+-------------------------------+
 *     | hw length (6) | pr length (4) |  operation (1 ask, 2 answer)  |
 *     +---------------+---------------+-------------------------------+
 *     |  sender hw (6), sender protocol (4), target hw (6), target (4) |
 */
struct arp_wire {
    uint8_t htype[2], ptype[2], hlen, plen, op[2];
    uint8_t sha[6], spa[4], tha[6], tpa[4];
};
BUILD_ASSERT_DECL(sizeof(struct arp_wire) == 28);

/* RFC 4861 4.3, 4.4: ICMPv6 header, target and one link-layer option. */
struct nd_wire {
    uint8_t type, code, csum[2], flags[4];
    uint8_t target[16];
    uint8_t opt_type, opt_len, opt_mac[6];
};
BUILD_ASSERT_DECL(sizeof(struct nd_wire) == 32);

struct ip6_wire {
    uint8_t vtf[4], plen[2], next, hlim;
    uint8_t src[16], dst[16];
};
BUILD_ASSERT_DECL(sizeof(struct ip6_wire) == 40);

enum {
    ETH_HDR = 14, VLAN_TAG = 4,
    TYPE_ARP = 0x0806, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100,
    ARP_ASK = 1, ARP_ANSWER = 2,
    ND_SOLICIT = 135, ND_ADVERT = 136,
    OPT_SOURCE = 1, OPT_TARGET = 2,     /* RFC 4861 4.6.1. */
};

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static void
put16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x & 0xff;
}

/* Writes an Ethernet header, with a tag if 'vlan' is not 0.  Returns what
 * follows it. */
static uint8_t *
put_eth(uint8_t *p, const uint8_t dst[6], const struct eth_addr *src,
        uint16_t vlan, uint16_t type)
{
    memcpy(p, dst, 6);
    memcpy(p + 6, src->ea, 6);
    p += 12;
    if (vlan) {
        put16(p, TYPE_VLAN);
        put16(p + 2, vlan & 0xfff);
        p += VLAN_TAG;
    }
    put16(p, type);
    return p + 2;
}

/* Stores in '*addr' the link-local address that belongs to 'mac' (RFC 4291
 * appendix A, modified EUI-64). */
void
arp_nd_link_local(const struct eth_addr *mac, struct in6_addr *addr)
{
    uint8_t *a = addr->s6_addr;

    memset(a, 0, 16);
    a[0] = 0xfe;
    a[1] = 0x80;
    a[8] = mac->ea[0] ^ 2;
    a[9] = mac->ea[1];
    a[10] = mac->ea[2];
    a[11] = 0xff;
    a[12] = 0xfe;
    memcpy(a + 13, mac->ea + 3, 3);
}

/* The ICMPv6 checksum over pseudo header and 'nd' (RFC 4443 section 2.3). */
static uint16_t
nd_csum(const struct ip6_wire *ip, const void *nd, size_t size)
{
    const uint8_t tail[8] = { 0, 0, size >> 8, size & 0xff,
                              0, 0, 0, IPPROTO_ICMPV6 };
    uint32_t sum = 0;

    sum = csum_continue(sum, ip->src, 16);
    sum = csum_continue(sum, ip->dst, 16);
    sum = csum_continue(sum, tail, sizeof tail);
    sum = csum_continue(sum, nd, size);
    return (OVS_FORCE uint16_t) csum_finish(sum);
}

static size_t
put_arp_request(const struct in6_addr *target, const struct in6_addr *source,
                const struct eth_addr *mac, uint16_t vlan, uint8_t *frame)
{
    static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
    struct arp_wire *arp = (struct arp_wire *)
        put_eth(frame, broadcast, mac, vlan, TYPE_ARP);

    memset(arp, 0, sizeof *arp);
    put16(arp->htype, 1);
    put16(arp->ptype, 0x0800);
    arp->hlen = 6;
    arp->plen = 4;
    put16(arp->op, ARP_ASK);
    memcpy(arp->sha, mac->ea, 6);
    if (source) {
        memcpy(arp->spa, &source->s6_addr[12], 4);
    }
    memcpy(arp->tpa, &target->s6_addr[12], 4);
    return (uint8_t *) (arp + 1) - frame;
}

static size_t
put_nd_solicit(const struct in6_addr *target, const struct in6_addr *source,
               const struct eth_addr *mac, uint16_t vlan, uint8_t *frame)
{
    uint8_t dst_mac[6] = { 0x33, 0x33, 0xff };
    uint16_t csum;

    memcpy(dst_mac + 3, &target->s6_addr[13], 3);
    struct ip6_wire *ip = (struct ip6_wire *)
        put_eth(frame, dst_mac, mac, vlan, TYPE_IPV6);
    struct nd_wire *nd = (struct nd_wire *) (ip + 1);

    memset(ip, 0, sizeof *ip);
    ip->vtf[0] = 0x60;
    put16(ip->plen, sizeof *nd);
    ip->next = IPPROTO_ICMPV6;
    ip->hlim = 255;                     /* RFC 4861 7.1.1. */
    if (source) {
        memcpy(ip->src, source, 16);
    } else {
        struct in6_addr ll;
        arp_nd_link_local(mac, &ll);
        memcpy(ip->src, &ll, 16);
    }
    /* Solicited-node multicast, ff02::1:ffXX:XXXX. */
    ip->dst[0] = 0xff;
    ip->dst[1] = 0x02;
    ip->dst[11] = 1;
    ip->dst[12] = 0xff;
    memcpy(ip->dst + 13, &target->s6_addr[13], 3);

    memset(nd, 0, sizeof *nd);
    nd->type = ND_SOLICIT;
    memcpy(nd->target, target, 16);
    nd->opt_type = OPT_SOURCE;
    nd->opt_len = 1;
    memcpy(nd->opt_mac, mac->ea, 6);
    csum = nd_csum(ip, nd, sizeof *nd);
    memcpy(nd->csum, &csum, 2);
    return (uint8_t *) (nd + 1) - frame;
}

/* Writes into 'frame' the question "who has 'target'?", an ARP request for an
 * IPv4-mapped address and a neighbour solicitation otherwise, and returns its
 * size in bytes.
 *
 * 'source' is the sender's protocol address and must belong to 'mac' for every
 * listener; NULL asks without claiming one (an ARP probe, RFC 5227 2.1.1; from
 * the link-local address of 'mac' in IPv6).  'vlan' 0 sends untagged. */
size_t
arp_nd_request(const struct in6_addr *target, const struct in6_addr *source,
               const struct eth_addr *mac, uint16_t vlan,
               uint8_t frame[ARP_ND_MAX_FRAME])
{
    return (IN6_IS_ADDR_V4MAPPED(target)
            ? put_arp_request(target, source, mac, vlan, frame)
            : put_nd_solicit(target, source, mac, vlan, frame));
}

static bool
usable_mac(const uint8_t mac[6])
{
    static const uint8_t zero[6];

    return !(mac[0] & 1) && memcmp(mac, zero, 6);
}

static bool
parse_arp(const uint8_t *p, size_t size, struct in6_addr *addr,
          struct eth_addr *mac)
{
    const struct arp_wire *arp = (const struct arp_wire *) p;
    static const uint8_t zero[4];

    if (size < sizeof *arp || get16(arp->htype) != 1
        || get16(arp->ptype) != 0x0800 || arp->hlen != 6 || arp->plen != 4
        || get16(arp->op) != ARP_ANSWER || !usable_mac(arp->sha)
        || !memcmp(arp->spa, zero, 4)) {
        return false;
    }
    memset(addr, 0, sizeof *addr);
    addr->s6_addr[10] = addr->s6_addr[11] = 0xff;
    memcpy(&addr->s6_addr[12], arp->spa, 4);
    memcpy(mac->ea, arp->sha, 6);
    return true;
}

/* What a neighbour message of 'type' has to be before anything in it counts
 * (RFC 4861 7.1.1, 7.1.2): hop limit 255, checksum, code 0, a target that is
 * no multicast address, whole options of a length > 0.  Returns its ICMPv6
 * part and stores that part's size, or returns NULL. */
static const uint8_t *
nd_message(const uint8_t *p, size_t size, uint8_t type, size_t *plen)
{
    const struct ip6_wire *ip = (const struct ip6_wire *) p;
    const uint8_t *icmp = p + sizeof *ip;

    if (size < sizeof *ip + 24 || ip->vtf[0] >> 4 != 6
        || ip->next != IPPROTO_ICMPV6 || ip->hlim != 255) {
        return NULL;
    }
    *plen = get16(ip->plen);
    if (*plen < 24 || *plen > size - sizeof *ip || icmp[0] != type
        || icmp[1] != 0 || icmp[8] == 0xff || nd_csum(ip, icmp, *plen)) {
        return NULL;
    }
    for (size_t ofs = 24; ofs < *plen; ) {
        size_t len = *plen - ofs >= 2 ? icmp[ofs + 1] * 8 : 0;

        if (!len || len > *plen - ofs) {
            return NULL;
        }
        ofs += len;
    }
    return icmp;
}

/* The option 'option' of the message that nd_message() returned, or NULL. */
static const uint8_t *
nd_option(const uint8_t *icmp, size_t plen, uint8_t option)
{
    for (size_t ofs = 24; ofs < plen; ofs += icmp[ofs + 1] * 8) {
        if (icmp[ofs] == option) {
            return &icmp[ofs];
        }
    }
    return NULL;
}

static bool
parse_advert(const uint8_t *p, size_t size, struct in6_addr *addr,
             struct eth_addr *mac)
{
    size_t plen;
    const uint8_t *icmp = nd_message(p, size, ND_ADVERT, &plen);
    const uint8_t *target = icmp ? nd_option(icmp, plen, OPT_TARGET) : NULL;

    if (!target || target[1] != 1 || !usable_mac(&target[2])) {
        return false;
    }
    memcpy(addr, icmp + 8, 16);
    memcpy(mac->ea, &target[2], 6);
    return true;
}

/* If the 'size' bytes at 'frame' are a valid ARP reply or neighbour
 * advertisement, stores whose MAC address it tells in '*addr' (IPv4 as
 * IPv4-mapped) and '*mac', the VID of an 802.1Q tag in the frame (0 without)
 * in '*vlan', and returns true.  Anything else returns false. */
bool
arp_nd_parse_answer(const uint8_t *frame, size_t size, struct in6_addr *addr,
                    struct eth_addr *mac, uint16_t *vlan)
{
    const uint8_t *p = frame + ETH_HDR;
    uint16_t type;

    if (size < ETH_HDR) {
        return false;
    }
    size -= ETH_HDR;
    type = get16(p - 2);
    *vlan = 0;
    if (type == TYPE_VLAN) {
        if (size < VLAN_TAG) {
            return false;
        }
        *vlan = get16(p) & 0xfff;
        type = get16(p + 2);
        p += VLAN_TAG;
        size -= VLAN_TAG;
    }
    return (type == TYPE_ARP ? parse_arp(p, size, addr, mac)
            : type == TYPE_IPV6 ? parse_advert(p, size, addr, mac)
            : false);
}

/* RFC 4861 7.2.3: a solicitation from the unspecified address looks for
 * duplicates; it is nobody's to answer here. */
static bool
valid_solicit(const uint8_t *p, size_t size)
{
    static const struct in6_addr unspecified = IN6ADDR_ANY_INIT;
    const struct ip6_wire *ip = (const struct ip6_wire *) p;
    size_t plen;

    return nd_message(p, size, ND_SOLICIT, &plen)
           && ip->src[0] != 0xff
           && memcmp(ip->src, &unspecified, sizeof ip->src);
}

/* If the 'size' bytes at 'frame' are a valid neighbour solicitation by
 * somebody who has an address, writes the advertisement (RFC 4861 7.2.4) into
 * 'answer' that says its target has 'mac', with the frame's VLAN tag, and
 * returns its size.  Otherwise returns 0. */
size_t
nd_answer(const uint8_t *frame, size_t size, const struct eth_addr *mac,
          uint8_t answer[ARP_ND_MAX_FRAME])
{
    const bool tagged = (size >= ETH_HDR + VLAN_TAG
                         && get16(frame + 12) == TYPE_VLAN);
    const size_t l2 = ETH_HDR + (tagged ? VLAN_TAG : 0);
    const struct ip6_wire *asked = (const struct ip6_wire *) (frame + l2);
    struct ip6_wire *ip = (struct ip6_wire *) (answer + l2);
    struct nd_wire *nd = (struct nd_wire *) (ip + 1);
    const uint8_t *icmp = frame + l2 + sizeof *ip;
    bool multicast;
    size_t plen;
    uint16_t csum;

    if (size < l2 || get16(frame + l2 - 2) != TYPE_IPV6
        || !usable_mac(frame + 6)
        || !valid_solicit(frame + l2, size - l2)) {
        return 0;
    }
    /* A unicast question may be answered without the option, and must be if
     * it named no address itself (RFC 4861 7.2.4). */
    multicast = asked->dst[0] == 0xff;
    plen = (multicast || nd_option(icmp, get16(asked->plen), OPT_SOURCE)
            ? sizeof *nd : 24);
    memcpy(answer, frame, l2);
    memcpy(answer, frame + 6, 6);
    memcpy(answer + 6, mac->ea, 6);
    memset(ip, 0, sizeof *ip);
    ip->vtf[0] = 6 << 4;
    put16(ip->plen, plen);
    ip->next = IPPROTO_ICMPV6;
    ip->hlim = 255;
    memcpy(ip->src, icmp + 8, 16);
    memcpy(ip->dst, asked->src, 16);
    memset(nd, 0, sizeof *nd);
    nd->type = ND_ADVERT;
    nd->flags[0] = 0x40 | (plen == sizeof *nd ? 0x20 : 0); /* S, O. */
    memcpy(nd->target, icmp + 8, 16);
    if (plen == sizeof *nd) {
        nd->opt_type = OPT_TARGET;
        nd->opt_len = 1;
        memcpy(nd->opt_mac, mac->ea, 6);
    }
    csum = nd_csum(ip, nd, plen);
    memcpy(nd->csum, &csum, 2);
    return l2 + sizeof *ip + plen;
}
