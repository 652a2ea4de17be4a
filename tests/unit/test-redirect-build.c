/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the packets that a redirect originates: byte for byte those that are
 * made naively, and the answers to what a client sends. */

#include <config.h>
#include <arpa/inet.h>
#include <string.h>
#include "packet-maker.h"
#include "random.h"
#include "redirect-build.h"
#include "unit.h"

static struct tpr_rst
example(bool ip6)
{
    struct tpr_rst rst = {
        .src = make_addr(ip6 ? "2001:db8::80" : "10.0.0.80"),
        .dst = make_addr(ip6 ? "2001:db8::1" : "10.0.0.1"),
        .sport = htons(80),
        .dport = random_uint16(),
        .seq = random_uint32(),
        .ack = random_uint32(),
        .with_ack = random_range(2),
        .tci = random_range(2) ? 0xe064 | TPR_TCI_PRESENT : 0,
        .eth_src = { 2, 0, 0, 0, 0, 1 },
        .eth_dst = { 2, 0, 0, 0, 0, 2 },
    };

    return rst;
}

START_TEST(resets)
{
    random_set_seed(1);
    for (int i = 0; i < 2000; i++) {
        struct tpr_rst rst = example(i & 1);
        struct made m = {
            .src = { rst.src, 80 },
            .dst = { rst.dst, ntohs(rst.dport) },
            .proto = 6,
            .tcp_flags = rst.with_ack ? TPR_TCP_RST | TPR_TCP_ACK
                         : TPR_TCP_RST,
            .seq = rst.seq,
            .ack = rst.with_ack ? rst.ack : 0,
            .no_window = true,
            .vlan = rst.tci & ~TPR_TCI_PRESENT,
            .dont_fragment = true,
        };
        uint8_t frame[TPR_BUILD_MAX], want[MAKER_MAX];
        size_t n = tpr_build_rst(frame, &rst);

        memcpy(m.eth_src, rst.eth_src, 6);
        memcpy(m.eth_dst, rst.eth_dst, 6);
        ck_assert_uint_le(n, sizeof frame);
        ck_assert_uint_eq(make_frame(&m, want), n);
        ck_assert_mem_eq(frame, want, n);
    }
}
END_TEST

/* What is answered, and how. */
START_TEST(answers)
{
    enum { S = TPR_TCP_SYN, A = TPR_TCP_ACK, F = TPR_TCP_FIN,
           R = TPR_TCP_RST, P = TPR_TCP_PSH };
    static const struct {
        uint8_t flags;
        uint32_t size;
        bool answered, with_ack;
        uint32_t seq, ack;
    } rows[] = {
        { S, 0, true, true, 0, 1001 },
        { S, 10, true, true, 0, 1011 },
        { A, 0, true, false, 77, 0 },
        { A | P, 10, true, false, 77, 0 },
        { F | A, 0, true, false, 77, 0 },
        { S | A, 0, true, false, 77, 0 },
        { R, 0, false, false, 0, 0 },
        { R | A, 0, false, false, 0, 0 },
        { 0, 10, false, false, 0, 0 },
        { F | P, 0, false, false, 0, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
        bool ip6 = i & 1;
        struct made m = {
            .eth_src = { 2, 0, 0, 0, 0, 1 },
            .eth_dst = { 2, 0, 0, 0, 0, 2 },
            .vlan = 100,
            .src = { make_addr(ip6 ? "2001:db8::1" : "10.0.0.1"), 40000 },
            .dst = { make_addr(ip6 ? "2001:db8::2" : "10.0.0.2"), 80 },
            .proto = 6,
            .tcp_flags = rows[i / 2].flags,
            .size = rows[i / 2].size,
            .seq = 1000,
            .ack = 77,
        };
        uint8_t frame[MAKER_MAX];
        struct tpr_packet p;
        struct tpr_rst rst;

        ck_assert_int_eq(tpr_parse(frame, make_frame(&m, frame), &p),
                         TPR_PARSED_OK);
        ck_assert_int_eq(tpr_answer_rst(&p, &rst), rows[i / 2].answered);
        if (!rows[i / 2].answered) {
            continue;
        }
        ck_assert_int_eq(rst.with_ack, rows[i / 2].with_ack);
        ck_assert_uint_eq(rst.seq, rows[i / 2].seq);
        if (rst.with_ack) {
            ck_assert_uint_eq(rst.ack, rows[i / 2].ack);
        }
        ck_assert(tpr_addr_equal(&rst.src, &m.dst.addr));
        ck_assert(tpr_addr_equal(&rst.dst, &m.src.addr));
        ck_assert_uint_eq(rst.sport, htons(80));
        ck_assert_uint_eq(rst.dport, htons(40000));
        ck_assert_uint_eq(rst.tci, 100 | TPR_TCI_PRESENT);
        ck_assert_mem_eq(rst.eth_src, m.eth_dst, 6);
        ck_assert_mem_eq(rst.eth_dst, m.eth_src, 6);
    }
}
END_TEST

START_TEST(only_tcp_is_answered)
{
    struct tpr_packet p = { .tcp_flags = TPR_TCP_SYN };
    struct tpr_rst rst;

    p.tuple.proto = TPR_PROTO_UDP;
    ck_assert(!tpr_answer_rst(&p, &rst));
    p.tuple.proto = TPR_PROTO_TCP;
    ck_assert(tpr_answer_rst(&p, &rst));
    p.frag = TPR_FRAG_LATER;
    ck_assert(!tpr_answer_rst(&p, &rst));
}
END_TEST

UNIT_MAIN("redirect-build", resets, answers, only_tcp_is_answered)
