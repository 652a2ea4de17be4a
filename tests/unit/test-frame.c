/* SPDX-License-Identifier: Apache-2.0 */

/* Tests frames of heartbeats: known bytes, round trips, and what is refused.
 */

#include <config.h>
#include <arpa/inet.h>
#include <string.h>
#include "frame.h"
#include "unit.h"

static struct in6_addr
addr(const char *s)
{
    struct in6_addr a;

    ck_assert_int_eq(inet_pton(AF_INET6, s, &a), 1);
    return a;
}

static const uint8_t payload[] = "0123456789abcdef01234567";    /* 24 + NUL. */

static struct frame
example(bool v4, enum frame_kind kind)
{
    return (struct frame) {
        .mac_src = { 2, 0, 0, 0, 0, 1 },
        .mac_dst = { 2, 0, 0, 0, 0, 2 },
        .src = addr(v4 ? "::ffff:10.0.0.1" : "2001:db8::1"),
        .dst = addr(v4 ? "::ffff:10.0.0.2" : "2001:db8::2"),
        .ttl = 255,
        .kind = kind,
        .port_src = kind == FRAME_UDP ? 49152 : 0,
        .port_dst = kind == FRAME_UDP ? 3784 : 0,
        .echo_id = kind == FRAME_UDP ? 0 : 0x1234,
        .echo_seq = kind == FRAME_UDP ? 0 : 0x5678,
        .payload = payload,
        .size = 24,
    };
}

static void
check_equal(const struct frame *a, const struct frame *b)
{
    ck_assert_mem_eq(a->mac_src, b->mac_src, 6);
    ck_assert_mem_eq(a->mac_dst, b->mac_dst, 6);
    ck_assert_uint_eq(a->vlan, b->vlan);
    ck_assert_mem_eq(&a->src, &b->src, sizeof a->src);
    ck_assert_mem_eq(&a->dst, &b->dst, sizeof a->dst);
    ck_assert_uint_eq(a->ttl, b->ttl);
    ck_assert_int_eq(a->kind, b->kind);
    ck_assert_uint_eq(a->port_src, b->port_src);
    ck_assert_uint_eq(a->port_dst, b->port_dst);
    ck_assert_uint_eq(a->echo_id, b->echo_id);
    ck_assert_uint_eq(a->echo_seq, b->echo_seq);
    ck_assert_uint_eq(a->size, b->size);
    ck_assert_mem_eq(a->payload, b->payload, a->size);
}

/* Every combination that frame_build() can make. */
static void
for_all(void (*check)(const struct frame *))
{
    for (int v4 = 0; v4 < 2; v4++) {
        for (int kind = FRAME_UDP; kind <= FRAME_ECHO_REPLY; kind++) {
            for (int vlan = 0; vlan < 2; vlan++) {
                struct frame f = example(v4, kind);

                f.vlan = vlan ? 4094 : 0;
                check(&f);
            }
        }
    }
}

static void
round_trip(const struct frame *f)
{
    for (size_t size = 0; size <= 24; size++) {
        struct frame in = *f, out;
        uint8_t buf[FRAME_MAX + 10];

        in.size = size;
        size_t n = frame_build(&in, buf);
        ck_assert(frame_parse(buf, n, true, &out));
        check_equal(&in, &out);

        /* Ethernet pads short frames. */
        memset(buf + n, 0xaa, 10);
        ck_assert(frame_parse(buf, n + 10, true, &out));
        check_equal(&in, &out);
    }
}

START_TEST(round_trips)
{
    for_all(round_trip);
}
END_TEST

/* Each bit of IP header and payload is covered by a checksum or compared, so
 * no single flip gives the same frame again. */
static void
flips(const struct frame *f)
{
    uint8_t buf[FRAME_MAX];
    size_t n = frame_build(f, buf);

    for (size_t i = 0; i < n * 8; i++) {
        struct frame out;

        buf[i / 8] ^= 1 << i % 8;
        if (frame_parse(buf, n, true, &out)) {
            /* MAC addresses, the tag; in IPv6: traffic class, flow label, hop
             * limit. */
            size_t ip = f->vlan ? 18 : 14;
            bool v6 = !IN6_IS_ADDR_V4MAPPED(&f->dst);

            ck_assert_msg(i / 8 < ip || (v6 && (i / 8 < ip + 4
                                                || i / 8 == ip + 7)),
                          "flip of bit %"PRIuSIZE" went unseen", i);
        }
        buf[i / 8] ^= 1 << i % 8;
    }
}

START_TEST(a_flipped_bit_is_seen)
{
    for_all(flips);
}
END_TEST

static void
cuts(const struct frame *f)
{
    uint8_t buf[FRAME_MAX];
    struct frame out;
    size_t n = frame_build(f, buf);

    for (size_t i = 0; i < n; i++) {
        ck_assert(!frame_parse(buf, i, true, &out));
    }
}

START_TEST(a_cut_frame_is_refused)
{
    for_all(cuts);
}
END_TEST

/* A datagram whose checksums another program computed. */
START_TEST(known_bytes)
{
    static const uint8_t udp[] = {
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00,
        0x45, 0xc0, 0x00, 0x20, 0x00, 0x00, 0x40, 0x00, 0xff, 0x11,
        0x67, 0x0a, 10, 0, 0, 1, 10, 0, 0, 2,
        0xc0, 0x00, 0x0e, 0xc8, 0x00, 0x0c, 0x58, 0x44,
        'a', 'b', 'c', 'd',
    };
    struct frame f = example(true, FRAME_UDP);
    uint8_t buf[FRAME_MAX];

    f.payload = (const uint8_t *) "abcd";
    f.size = 4;
    ck_assert_uint_eq(frame_build(&f, buf), sizeof udp);
    ck_assert_mem_eq(buf, udp, sizeof udp);
}
END_TEST

/* IPv4 allows a UDP datagram without a checksum, IPv6 does not. */
START_TEST(zero_checksum)
{
    for (int v4 = 0; v4 < 2; v4++) {
        struct frame f = example(v4, FRAME_UDP), out;
        uint8_t buf[FRAME_MAX];
        size_t n = frame_build(&f, buf);
        size_t sum = 14 + (v4 ? 20 : 40) + 6;

        buf[sum] = buf[sum + 1] = 0;
        ck_assert_int_eq(frame_parse(buf, n, true, &out), v4);
        ck_assert(frame_parse(buf, n, false, &out));
    }
}
END_TEST

/* A computed checksum of zero is sent as 0xffff. */
START_TEST(computed_zero_checksum)
{
    struct frame f = example(true, FRAME_UDP), out;
    uint8_t data[2] = { 0, 0 }, buf[FRAME_MAX];

    f.payload = data;
    f.size = 2;
    frame_build(&f, buf);
    memcpy(data, buf + 14 + 20 + 6, 2);     /* Makes the sum ~0. */
    size_t n = frame_build(&f, buf);
    ck_assert_uint_eq(buf[14 + 20 + 6], 0xff);
    ck_assert_uint_eq(buf[14 + 20 + 7], 0xff);
    ck_assert(frame_parse(buf, n, true, &out));
}
END_TEST

/* Stores the right checksum of the IPv4 header at buf[14]. */
static void
fix_ipv4(uint8_t *buf)
{
    size_t header = (buf[14] & 0xf) * 4;
    uint32_t sum = 0;

    buf[24] = buf[25] = 0;
    for (size_t i = 0; i < header; i += 2) {
        sum += buf[14 + i] << 8 | buf[14 + i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16));
    buf[24] = sum >> 8;
    buf[25] = sum;
}

START_TEST(ipv4_options_are_skipped_and_fragments_refused)
{
    struct frame f = example(true, FRAME_UDP), out;
    uint8_t buf[FRAME_MAX + 4];
    size_t n = frame_build(&f, buf);

    /* More fragments; an offset. */
    buf[20] = 0x20;
    fix_ipv4(buf);
    ck_assert(!frame_parse(buf, n, true, &out));
    buf[20] = 0;
    buf[21] = 1;
    fix_ipv4(buf);
    ck_assert(!frame_parse(buf, n, true, &out));
    buf[21] = 0;

    /* One option word. */
    memmove(buf + 38, buf + 34, n - 34);
    memset(buf + 34, 1, 4);
    buf[14] = 0x46;
    buf[17] += 4;
    fix_ipv4(buf);
    ck_assert(frame_parse(buf, n + 4, true, &out));
    check_equal(&f, &out);

    /* Lengths that contradict each other. */
    buf[14] = 0x44;
    ck_assert(!frame_parse(buf, n + 4, true, &out));
    buf[14] = 0x4f;
    fix_ipv4(buf);
    ck_assert(!frame_parse(buf, 14 + 59, true, &out));
    buf[14] = 0x46;
    buf[17] = 23;
    fix_ipv4(buf);
    ck_assert(!frame_parse(buf, n + 4, true, &out));
}
END_TEST

START_TEST(ipv4_mapped_addresses_in_ipv6_are_refused)
{
    struct frame f = example(false, FRAME_UDP), out;
    uint8_t buf[FRAME_MAX];
    size_t n = frame_build(&f, buf);
    struct in6_addr mapped = addr("::ffff:10.0.0.1");

    memcpy(buf + 14 + 8, &mapped, sizeof mapped);
    ck_assert(!frame_parse(buf, n, false, &out));
}
END_TEST

START_TEST(other_protocols_are_refused)
{
    struct frame f = example(true, FRAME_UDP), out;
    uint8_t buf[FRAME_MAX];
    size_t n = frame_build(&f, buf);

    buf[13] = 6;                            /* ARP. */
    ck_assert(!frame_parse(buf, n, true, &out));
    buf[13] = 0;
    buf[23] = 6;                            /* TCP. */
    fix_ipv4(buf);
    ck_assert(!frame_parse(buf, n, true, &out));
}
END_TEST

UNIT_MAIN("frame", round_trips, a_flipped_bit_is_seen, a_cut_frame_is_refused,
          known_bytes, zero_checksum, computed_zero_checksum,
          ipv4_options_are_skipped_and_fragments_refused,
          ipv4_mapped_addresses_in_ipv6_are_refused,
          other_protocols_are_refused)
