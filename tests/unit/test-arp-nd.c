/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the questions that arp-nd.c builds and the answers that it reads. */

#include <config.h>
#include "arp-nd.h"
#include <string.h>
#include "csum.h"
#include "unit.h"

static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,01);
static const struct eth_addr other = ETH_ADDR_C(02,00,00,00,00,99);

static struct in6_addr
addr(const char *s)
{
    struct in6_addr a;
    ovs_be32 ip;

    if (ip_parse(s, &ip)) {
        in6_addr_set_mapped_ipv4(&a, ip);
    } else {
        ck_assert(ipv6_parse(s, &a));
    }
    return a;
}

/* An ARP reply: 'spa' is at 'sha'. */
static size_t
arp_reply(uint8_t *f, const char *spa, const struct eth_addr *sha)
{
    struct in6_addr a = addr(spa);

    memset(f, 0, 60);
    memcpy(f, mac.ea, 6);
    memcpy(f + 6, sha->ea, 6);
    f[12] = 0x08, f[13] = 0x06;
    f[15] = 1, f[16] = 8, f[18] = 6, f[19] = 4, f[21] = 2;
    memcpy(f + 22, sha->ea, 6);
    memcpy(f + 28, &a.s6_addr[12], 4);
    return 60;
}

/* A neighbour advertisement of 'target', with a valid checksum. */
static size_t
advert(uint8_t *f, const char *target, const struct eth_addr *tll)
{
    struct in6_addr a = addr(target);
    uint8_t *ip = f + 14, *nd = ip + 40;
    uint8_t tail[8] = { 0, 0, 0, 32, 0, 0, 0, 58 };
    uint32_t sum = 0;
    ovs_be16 csum;

    memset(f, 0, 86);
    memcpy(f, mac.ea, 6);
    memcpy(f + 6, tll->ea, 6);
    f[12] = 0x86, f[13] = 0xdd;
    ip[0] = 0x60, ip[5] = 32, ip[6] = 58, ip[7] = 255;
    memcpy(ip + 8, &a, 16);
    memcpy(ip + 24, &a, 16);
    nd[0] = 136, nd[4] = 0x60;
    memcpy(nd + 8, &a, 16);
    nd[24] = 2, nd[25] = 1;
    memcpy(nd + 26, tll->ea, 6);
    sum = csum_continue(sum, ip + 8, 32);
    sum = csum_continue(sum, tail, 8);
    sum = csum_continue(sum, nd, 32);
    csum = csum_finish(sum);
    memcpy(nd + 2, &csum, 2);
    return 86;
}

START_TEST(arp_request_is_rfc_826)
{
    static const uint8_t want[] = {
        255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6,
        0, 1, 8, 0, 6, 4, 0, 1,
        2, 0, 0, 0, 0, 1, 10, 0, 0, 1,
        0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
    };
    struct in6_addr target = addr("10.0.0.2"), source = addr("10.0.0.1");
    uint8_t f[ARP_ND_MAX_FRAME];

    ck_assert_uint_eq(arp_nd_request(&target, &source, &mac, 0, f),
                      sizeof want);
    ck_assert_mem_eq(f, want, sizeof want);
}
END_TEST

START_TEST(arp_probe_claims_no_address)
{
    struct in6_addr target = addr("10.0.0.2");
    uint8_t f[ARP_ND_MAX_FRAME];
    static const uint8_t zero[4];

    ck_assert_uint_eq(arp_nd_request(&target, NULL, &mac, 0, f), 42);
    ck_assert_mem_eq(f + 28, zero, 4);
}
END_TEST

START_TEST(request_carries_vlan)
{
    struct in6_addr target = addr("10.0.0.2");
    uint8_t f[ARP_ND_MAX_FRAME];
    static const uint8_t tag[] = { 0x81, 0x00, 0x00, 0x64, 0x08, 0x06 };

    ck_assert_uint_eq(arp_nd_request(&target, NULL, &mac, 100, f), 46);
    ck_assert_mem_eq(f + 12, tag, sizeof tag);
}
END_TEST

START_TEST(solicitation_is_rfc_4861)
{
    struct in6_addr target = addr("2001:db8::1234:5678");
    static const uint8_t dst[] = { 0x33, 0x33, 0xff, 0x34, 0x56, 0x78 };
    uint8_t f[ARP_ND_MAX_FRAME];
    uint8_t tail[8] = { 0, 0, 0, 32, 0, 0, 0, 58 };
    uint32_t sum = 0;

    ck_assert_uint_eq(arp_nd_request(&target, NULL, &mac, 0, f), 86);
    ck_assert_mem_eq(f, dst, sizeof dst);
    ck_assert_uint_eq(f[14 + 7], 255);
    ck_assert_uint_eq(f[54], 135);
    ck_assert_mem_eq(f + 62, &target, 16);
    ck_assert_uint_eq(f[78], 1);
    ck_assert_mem_eq(f + 80, mac.ea, 6);
    sum = csum_continue(sum, f + 22, 32);
    sum = csum_continue(sum, tail, 8);
    sum = csum_continue(sum, f + 54, 32);
    ck_assert_uint_eq((OVS_FORCE uint16_t) csum_finish(sum), 0);
}
END_TEST

START_TEST(answers_are_read)
{
    struct in6_addr want4 = addr("10.0.0.2"), want6 = addr("2001:db8::2");
    uint8_t f[128];
    struct in6_addr a;
    struct eth_addr m;
    uint16_t vlan;

    ck_assert(arp_nd_parse_answer(f, arp_reply(f, "10.0.0.2", &other), &a,
                                  &m, &vlan));
    ck_assert_mem_eq(&a, &want4, sizeof a);
    ck_assert_mem_eq(&m, &other, sizeof m);
    ck_assert(arp_nd_parse_answer(f, advert(f, "2001:db8::2", &other), &a,
                                  &m, &vlan));
    ck_assert_mem_eq(&a, &want6, sizeof a);
    ck_assert_mem_eq(&m, &other, sizeof m);
}
END_TEST

START_TEST(truncated_answers_are_not)
{
    uint8_t f[128];
    struct in6_addr a;
    struct eth_addr m;
    uint16_t vlan;

    for (size_t n = 0; n < 42; n++) {
        arp_reply(f, "10.0.0.2", &other);
        ck_assert(!arp_nd_parse_answer(f, n, &a, &m, &vlan));
    }
    for (size_t n = 0; n < 86; n++) {
        advert(f, "2001:db8::2", &other);
        ck_assert(!arp_nd_parse_answer(f, n, &a, &m, &vlan));
    }
}
END_TEST

/* One wrong byte each. */
START_TEST(forged_answers_are_not)
{
    static const struct { int ofs, value; } arp[] = {
        { 15, 2 }, { 17, 1 }, { 18, 5 }, { 19, 5 }, { 21, 1 }, { 22, 1 },
    }, nd[] = {
        { 14, 0x40 }, { 20, 17 }, { 21, 254 }, { 54, 135 }, { 55, 1 },
        { 57, 0x55 }, { 79, 0 }, { 79, 2 },
    };
    uint8_t f[128];
    struct in6_addr a;
    struct eth_addr m;
    uint16_t vlan;

    for (size_t i = 0; i < ARRAY_SIZE(arp); i++) {
        size_t n = arp_reply(f, "10.0.0.2", &other);

        f[arp[i].ofs] = arp[i].value;
        ck_assert_msg(!arp_nd_parse_answer(f, n, &a, &m, &vlan),
                      "ARP byte %d", arp[i].ofs);
    }
    for (size_t i = 0; i < ARRAY_SIZE(nd); i++) {
        size_t n = advert(f, "2001:db8::2", &other);

        f[nd[i].ofs] = nd[i].value;
        ck_assert_msg(!arp_nd_parse_answer(f, n, &a, &m, &vlan),
                      "ND byte %d", nd[i].ofs);
    }
}
END_TEST

START_TEST(link_local_is_eui_64)
{
    const struct eth_addr m = ETH_ADDR_C(00,11,22,33,44,55);
    struct in6_addr want = addr("fe80::211:22ff:fe33:4455"), a;

    arp_nd_link_local(&m, &a);
    ck_assert_mem_eq(&a, &want, sizeof a);
}
END_TEST

/* A solicitation for 2001:db8::50 by 2001:db8::9. */
static size_t
solicit(uint8_t *f, uint16_t vlan)
{
    struct in6_addr target = addr("2001:db8::50"), source = addr("2001:db8::9");

    return arp_nd_request(&target, &source, &mac, vlan, f);
}

START_TEST(solicitations_are_answered)
{
    uint8_t f[ARP_ND_MAX_FRAME], a[ARP_ND_MAX_FRAME];
    struct in6_addr target = addr("2001:db8::50"), source = addr("2001:db8::9"), told;
    struct eth_addr told_mac;
    uint16_t vlan;

    for (uint16_t vid = 0; vid <= 7; vid += 7) {
        size_t l2 = vid ? 18 : 14;
        size_t n = nd_answer(f, solicit(f, vid), &other, a);

        ck_assert_uint_eq(n, l2 + 40 + 32);
        ck_assert(arp_nd_parse_answer(a, n, &told, &told_mac, &vlan));
        ck_assert(ipv6_addr_equals(&told, &target));
        ck_assert(eth_addr_equals(told_mac, other));
        ck_assert_uint_eq(vlan, vid);
        ck_assert_mem_eq(a, mac.ea, 6);                 /* To who asked... */
        ck_assert_mem_eq(a + 6, other.ea, 6);
        ck_assert_mem_eq(a + l2 + 8, &target, 16);
        ck_assert_mem_eq(a + l2 + 24, &source, 16);
        ck_assert_uint_eq(a[l2 + 7], 255);
        ck_assert_uint_eq(a[l2 + 44], 0x60);            /* ...solicited. */
    }
}
END_TEST

/* Computes the checksum of the ICMPv6 message in 'f' anew. */
static void
fix_csum(uint8_t *f, size_t n)
{
    uint8_t tail[8] = { 0, 0, 0, n, 0, 0, 0, 58 };
    ovs_be16 csum;
    uint32_t sum;

    f[18] = 0, f[19] = n;
    f[56] = f[57] = 0;
    sum = csum_continue(0, f + 22, 32);
    sum = csum_continue(sum, tail, sizeof tail);
    csum = csum_finish(csum_continue(sum, f + 54, n));
    memcpy(f + 56, &csum, 2);
}

START_TEST(unicast_solicitation_without_option_gets_none)
{
    uint8_t f[ARP_ND_MAX_FRAME], a[ARP_ND_MAX_FRAME];
    struct in6_addr target = addr("2001:db8::50");

    solicit(f, 0);
    memcpy(f + 14 + 24, &target, 16);
    fix_csum(f, 24);
    ck_assert_uint_eq(nd_answer(f, 14 + 40 + 24, &other, a), 14 + 40 + 24);
    ck_assert_uint_eq(a[14 + 44], 0x40);
}
END_TEST

START_TEST(odd_solicitations_are_not_answered)
{
    static const struct {
        size_t ofs;
        uint8_t value;
    } odd[] = {
        { 6, 1 },                   /* From a multicast Ethernet address. */
        { 12, 8 },                  /* Not IPv6. */
        { 14, 0x40 },               /* IP version. */
        { 14 + 6, 17 },             /* Not ICMPv6. */
        { 14 + 7, 254 },            /* It was forwarded. */
        { 14 + 8, 0xff },           /* From a multicast address. */
        { 14 + 40, 136 },           /* An advertisement. */
        { 14 + 41, 1 },             /* Code. */
        { 14 + 48, 0xff },          /* Multicast target. */
        { 14 + 65, 0 },             /* Option of length 0, */
        { 14 + 65, 2 },             /* longer than the message. */
    };
    static const uint8_t zero[16];
    uint8_t f[ARP_ND_MAX_FRAME], a[ARP_ND_MAX_FRAME];
    size_t n = solicit(f, 0);

    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        solicit(f, 0);
        f[odd[i].ofs] = odd[i].value;
        fix_csum(f, 32);
        ck_assert_msg(!nd_answer(f, n, &other, a), "case %"PRIuSIZE, i);
    }
    solicit(f, 0);
    memcpy(f + 14 + 8, zero, sizeof zero);      /* Looks for duplicates. */
    fix_csum(f, 32);
    ck_assert(!nd_answer(f, n, &other, a));
    solicit(f, 0);
    f[57] ^= 1;                                 /* Checksum. */
    ck_assert(!nd_answer(f, n, &other, a));
    for (size_t size = 0; size < n; size++) {   /* Cut off. */
        uint8_t *cut = xmemdup(f, MAX(size, 1));

        solicit(f, 0);
        ck_assert(!nd_answer(cut, size, &other, a));
        free(cut);
    }
}
END_TEST

UNIT_MAIN("arp-nd", solicitations_are_answered,
          unicast_solicitation_without_option_gets_none,
          odd_solicitations_are_not_answered,
          arp_request_is_rfc_826, arp_probe_claims_no_address,
          request_carries_vlan, solicitation_is_rfc_4861, answers_are_read,
          truncated_answers_are_not, forged_answers_are_not,
          link_local_is_eui_64)
