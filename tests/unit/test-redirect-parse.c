/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the parser of packets: what it finds in good ones, and that it says of
 * every malformed shape that it is odd.
 *
 * Frames are handed over in memory of exactly their size, so that
 * AddressSanitizer sees a read behind their end. */

#include <config.h>
#include <arpa/inet.h>
#include <string.h>
#include "packet-maker.h"
#include "unit.h"

/* A frame that is being made and bent. */
static uint8_t frame[MAKER_MAX];
static size_t frame_size;

static struct made
example(bool ip6, uint8_t proto)
{
    struct made m = {
        .eth_src = { 2, 0, 0, 0, 0, 1 },
        .eth_dst = { 2, 0, 0, 0, 0, 2 },
        .src = { make_addr(ip6 ? "2001:db8::1" : "10.0.0.1"), 40000 },
        .dst = { make_addr(ip6 ? "2001:db8::2" : "10.0.0.2"), 80 },
        .proto = proto,
        .tcp_flags = TPR_TCP_ACK,
        .seq = 0xfffffff0,
        .ack = 77,
        .size = 32,
    };

    return m;
}

static void
make(const struct made *m)
{
    frame_size = make_frame(m, frame);
}

static enum tpr_parsed
parse(size_t size, struct tpr_packet *p)
{
    uint8_t *exact = xmemdup(frame, size ? size : 1);
    enum tpr_parsed parsed = tpr_parse(exact, size, p);

    free(exact);
    return parsed;
}

static enum tpr_parsed
verdict(void)
{
    struct tpr_packet p;

    return parse(frame_size, &p);
}

static void
assert_tuple(const struct tpr_tuple *t, const struct made_end *src,
             const struct made_end *dst, uint8_t proto, bool ports)
{
    ck_assert(tpr_addr_equal(&t->src, &src->addr));
    ck_assert(tpr_addr_equal(&t->dst, &dst->addr));
    ck_assert_uint_eq(ntohs(t->sport), ports ? src->port : 0);
    ck_assert_uint_eq(ntohs(t->dport), ports ? dst->port : 0);
    ck_assert_uint_eq(t->proto, proto);
}

/* Family, protocol, tag and options in every combination. */
START_TEST(good_ones)
{
    static const uint8_t protos[] = { 6, 17, 132, 1, 58, 47, 59 };

    for (size_t i = 0; i < ARRAY_SIZE(protos) * 8; i++) {
        uint8_t proto = protos[i / 8];
        bool ip6 = i & 1;
        struct made m = example(ip6, proto);
        struct tpr_packet p;

        m.vlan = i & 2 ? 0xa123 : 0;
        m.options = i & 4 ? 8 : 0;
        m.type = ip6 ? 128 : 8;
        m.padding = 5;
        make(&m);
        ck_assert_int_eq(parse(frame_size, &p), TPR_PARSED_OK);
        assert_tuple(&p.tuple, &m.src, &m.dst, proto,
                     proto == 6 || proto == 17 || proto == 132);
        ck_assert_uint_eq(p.family, ip6 ? 6 : 4);
        ck_assert_uint_eq(p.frag, TPR_FRAG_NONE);
        ck_assert_uint_eq(p.icmp_error, 0);
        ck_assert_uint_eq(p.tci, m.vlan ? 0xa123 | TPR_TCI_PRESENT : 0);
        ck_assert_uint_eq(p.l3_ofs, m.vlan ? 18 : 14);
        ck_assert_uint_eq(p.l4_ofs, p.l3_ofs + (ip6 ? 40 : 20) + m.options);
        ck_assert_uint_eq(p.l4_len, frame_size - m.padding - p.l4_ofs);
        ck_assert_mem_eq(p.eth_src, m.eth_src, 6);
        ck_assert_mem_eq(p.eth_dst, m.eth_dst, 6);
    }
}
END_TEST

/* Sequence numbers wrap; SYN and FIN count. */
START_TEST(tcp_numbers)
{
    static const struct { uint8_t flags; uint32_t size, end; } rows[] = {
        { TPR_TCP_ACK, 32, 0x10 },
        { TPR_TCP_ACK, 0, 0xfffffff0 },
        { TPR_TCP_SYN, 0, 0xfffffff1 },
        { TPR_TCP_FIN | TPR_TCP_ACK, 1, 0xfffffff2 },
        { TPR_TCP_RST, 0, 0xfffffff0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct made m = example(i & 1, 6);
        struct tpr_packet p;

        m.tcp_flags = rows[i].flags;
        m.size = rows[i].size;
        make(&m);
        ck_assert_int_eq(parse(frame_size, &p), TPR_PARSED_OK);
        ck_assert_uint_eq(p.tcp_flags, rows[i].flags);
        ck_assert_uint_eq(p.seq, 0xfffffff0);
        ck_assert_uint_eq(p.ack, 77);
        ck_assert_uint_eq(p.seq_end, rows[i].end);
    }
}
END_TEST

START_TEST(fragments)
{
    for (int i = 0; i < 4; i++) {
        bool ip6 = i & 1;
        struct made m = example(ip6, 17);
        struct tpr_packet p;

        m.frag = i & 2 ? TPR_FRAG_FIRST : TPR_FRAG_LATER;
        m.split = 16;
        m.options = 8;
        make(&m);
        ck_assert_int_eq(parse(frame_size, &p), TPR_PARSED_OK);
        ck_assert_uint_eq(p.frag, m.frag);
        ck_assert_uint_eq(p.frag_id, ip6 ? 0x89abcdef : 0xabcd);
        assert_tuple(&p.tuple, &m.src, &m.dst, 17,
                     m.frag == TPR_FRAG_FIRST);
    }

    /* An atomic fragment (RFC 6946) is whole. */
    struct made m = example(true, 17);
    struct tpr_packet p;

    m.frag = TPR_FRAG_FIRST;
    m.split = 512;
    make(&m);
    frame[14 + 40 + 3] = 0;
    ck_assert_int_eq(parse(frame_size, &p), TPR_PARSED_OK);
    ck_assert_uint_eq(p.frag, TPR_FRAG_NONE);
    ck_assert_uint_eq(ntohs(p.tuple.dport), 80);
}
END_TEST

/* An ICMP error about 'quoted', of which 'size' bytes are quoted. */
static void
make_error(bool ip6, uint8_t type, const struct made *quoted, size_t size)
{
    struct made m = example(ip6, ip6 ? 58 : 1);

    m.type = type;
    m.quoted = quoted;
    m.quoted_size = size;
    make(&m);
}

START_TEST(errors)
{
    static const struct { bool ip6; uint8_t type; bool error; } rows[] = {
        { false, 3, true }, { false, 11, true }, { false, 12, true },
        { false, 0, false }, { false, 8, false }, { false, 5, false },
        { true, 1, true }, { true, 2, true }, { true, 3, true },
        { true, 4, true }, { true, 0, false }, { true, 128, false },
        { true, 135, false }, { true, 137, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool ip6 = rows[i].ip6;
        struct made quoted = example(ip6, 6);
        size_t header = ip6 ? 40 : 20;
        struct tpr_packet p;

        make_error(ip6, rows[i].type, &quoted, header + 8);
        ck_assert_int_eq(parse(frame_size, &p), TPR_PARSED_OK);
        ck_assert_int_eq(p.icmp_error, rows[i].error);
        if (rows[i].error) {
            assert_tuple(&p.inner, &quoted.src, &quoted.dst, 6, true);
            ck_assert_uint_eq(p.inner_l3_ofs, 14 + header + 8);
            ck_assert_uint_eq(p.inner_l4_ofs, p.inner_l3_ofs + header);
            ck_assert_uint_eq(p.inner_l4_len, 8);

            /* One byte less, and a port may be missing. */
            make_error(ip6, rows[i].type, &quoted, header + 7);
            ck_assert_int_eq(verdict(), TPR_PARSED_ODD);
            make_error(ip6, rows[i].type, &quoted, 0);
            ck_assert_int_eq(verdict(), TPR_PARSED_ODD);

            /* The middle of a datagram has no ports. */
            quoted.frag = TPR_FRAG_LATER;
            quoted.split = 8;
            make_error(ip6, rows[i].type, &quoted, 100);
            ck_assert_int_eq(verdict(), TPR_PARSED_ODD);

            /* The first fragment has them. */
            quoted.frag = TPR_FRAG_FIRST;
            quoted.split = 24;
            make_error(ip6, rows[i].type, &quoted, 100);
            ck_assert_int_eq(parse(frame_size, &p), TPR_PARSED_OK);
            assert_tuple(&p.inner, &quoted.src, &quoted.dst, 6, true);
        }
    }
}
END_TEST

/* A byte set in an otherwise good frame. */
struct bend {
    const char *what;
    bool ip6;
    uint8_t proto;
    size_t at;                  /* From the IP header. */
    uint8_t value;
    enum tpr_parsed parsed;
};

static const struct bend bends[] = {
    { "version 5", false, 6, 0, 0x55, TPR_PARSED_ODD },
    { "header of 16 bytes", false, 6, 0, 0x44, TPR_PARSED_ODD },
    { "header longer than total", false, 47, 3, 19, TPR_PARSED_ODD },
    { "total beyond the frame", false, 6, 2, 1, TPR_PARSED_ODD },
    { "total cuts TCP", false, 6, 3, 39, TPR_PARSED_ODD },
    { "total cuts UDP", false, 17, 3, 27, TPR_PARSED_ODD },
    { "total cuts SCTP", false, 132, 3, 31, TPR_PARSED_ODD },
    { "total cuts ICMP", false, 1, 3, 27, TPR_PARSED_ODD },
    { "TCP without payload", false, 6, 3, 40, TPR_PARSED_OK },
    { "TCP header of 16 bytes", false, 6, 32, 0x40, TPR_PARSED_ODD },
    { "TCP header beyond the end", false, 6, 32, 0xf0, TPR_PARSED_ODD },
    { "TCP header up to the end", false, 6, 32, 0xd0, TPR_PARSED_OK },
    { "UDP of 7 bytes", false, 17, 25, 7, TPR_PARSED_ODD },
    { "UDP of 8 bytes", false, 17, 25, 8, TPR_PARSED_OK },
    { "UDP beyond the end", false, 17, 25, 41, TPR_PARSED_ODD },
    { "UDP of length 0", true, 17, 45, 0, TPR_PARSED_ODD },
    { "version 4 in IPv6", true, 6, 0, 0x40, TPR_PARSED_ODD },
    { "payload beyond the frame", true, 6, 4, 1, TPR_PARSED_ODD },
    { "payload cuts TCP", true, 6, 5, 19, TPR_PARSED_ODD },
    { "no payload", true, 6, 5, 0, TPR_PARSED_ODD },
    { "payload that is a header's middle", true, 6, 6, 0,
      TPR_PARSED_ODD },
    { "ICMPv6 in IPv4", false, 58, 20, 1, TPR_PARSED_OK },
    { "ICMP in IPv6", true, 1, 40, 3, TPR_PARSED_OK },
};

START_TEST(bent_ones)
{
    for (size_t i = 0; i < ARRAY_SIZE(bends); i++) {
        const struct bend *bend = &bends[i];
        struct made m = example(bend->ip6, bend->proto);

        m.type = bend->ip6 ? 128 : 8;
        memset(m.payload, 0xff, m.size);
        make(&m);
        ck_assert_int_eq(verdict(), TPR_PARSED_OK);
        frame[14 + bend->at] = bend->value;
        ck_assert_msg(verdict() == bend->parsed, "%s", bend->what);
    }
}
END_TEST

/* Cut off anywhere, it is not good any more. */
START_TEST(cut_off)
{
    static const uint8_t protos[] = { 6, 17, 132, 1, 58 };

    for (size_t i = 0; i < ARRAY_SIZE(protos) * 4; i++) {
        struct made m = example(i & 1, protos[i / 4]);
        struct tpr_packet p;

        m.vlan = i & 2 ? 1 : 0;
        m.options = 8;
        make(&m);
        ck_assert_int_eq(parse(frame_size, &p), TPR_PARSED_OK);
        for (size_t n = 0; n < frame_size; n++) {
            ck_assert_int_eq(parse(n, &p), (n < (m.vlan ? 18 : 14)
                                            ? TPR_PARSED_OTHER
                                            : TPR_PARSED_ODD));
        }
    }
}
END_TEST

/* Puts 'n' IPv6 extension headers of 8 bytes and of 'kind' before UDP. */
static enum tpr_parsed
extended(uint8_t kind, int n, struct tpr_packet *p)
{
    struct made m = example(true, 17);
    uint8_t *ip = frame + 14;

    make(&m);
    memmove(ip + 40 + 8 * n, ip + 40, 40);
    frame_size += 8 * n;
    ip[5] += 8 * n;
    ip[6] = kind;
    memset(ip + 40, 0, 8 * n);
    for (int i = 0; i < n; i++) {
        ip[40 + 8 * i] = i + 1 < n ? kind : 17;
    }
    return parse(frame_size, p);
}

START_TEST(extension_headers)
{
    static const uint8_t kinds[] = { TPR_IP_HOPOPTS, TPR_IP_ROUTING,
                                     TPR_IP_DSTOPTS, TPR_IP_AH };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        for (int n = 1; n <= 10; n++) {
            struct tpr_packet p;

            ck_assert_int_eq(extended(kinds[i], n, &p),
                             n <= TPR_MAX_EXT_HEADERS ? TPR_PARSED_OK
                             : TPR_PARSED_ODD);
            if (n <= TPR_MAX_EXT_HEADERS) {
                ck_assert_uint_eq(p.l4_ofs, 14 + 40 + 8 * n);
                ck_assert_uint_eq(ntohs(p.tuple.dport), 80);
            }
        }
    }
}
END_TEST

START_TEST(bent_extension_headers)
{
    struct tpr_packet p;

    /* Longer than the packet. */
    extended(TPR_IP_HOPOPTS, 1, &p);
    frame[14 + 41] = 255;
    ck_assert_int_eq(verdict(), TPR_PARSED_ODD);

    /* Segments left: the destination is only the next stop. */
    extended(TPR_IP_ROUTING, 1, &p);
    frame[14 + 43] = 1;
    ck_assert_int_eq(verdict(), TPR_PARSED_ODD);

    /* A fragment of a fragment. */
    extended(TPR_IP_FRAGMENT, 2, &p);
    frame[14 + 43] = 1;
    ck_assert_int_eq(verdict(), TPR_PARSED_ODD);

    /* Behind a later fragment's header comes anything. */
    extended(TPR_IP_FRAGMENT, 2, &p);
    frame[14 + 43] = 8;
    ck_assert_int_eq(parse(frame_size, &p), TPR_PARSED_OK);
    ck_assert_uint_eq(p.frag, TPR_FRAG_LATER);
}
END_TEST

/* IPv4 addresses in IPv6 would meet IPv4's connections. */
START_TEST(mapped_addresses)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    for (int at = 8; at <= 24; at += 16) {
        struct made m = example(true, 6);

        make(&m);
        memcpy(frame + 14 + at, mapped, sizeof mapped);
        ck_assert_int_eq(verdict(), TPR_PARSED_ODD);
    }
}
END_TEST

START_TEST(others)
{
    static const uint16_t types[] = { 0x0806, 0x88a8, 0x9100, 0x8847, 0x0026 };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct made m = example(false, 6);

        m.vlan = i & 1 ? 5 : 0;
        make(&m);
        frame[m.vlan ? 16 : 12] = types[i] >> 8;
        frame[m.vlan ? 17 : 13] = types[i];
        ck_assert_int_eq(verdict(), TPR_PARSED_OTHER);
    }
}
END_TEST

UNIT_MAIN("redirect-parse", good_ones, tcp_numbers, fragments, errors,
          bent_ones, cut_off, extension_headers, bent_extension_headers,
          mapped_addresses, others)
