/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the tracking of connections: a conversation in words, and what is
 * known after each of its packets. */

#include <config.h>
#include <string.h>
#include "redirect-track.h"
#include "util.h"
#include "unit.h"

enum { S = TPR_TCP_SYN, A = TPR_TCP_ACK, F = TPR_TCP_FIN, R = TPR_TCP_RST };

/* One packet of a conversation and what follows from it. */
struct step {
    char from;                  /* 'c'lient, 's'erver; 0 ends. */
    uint8_t flags;
    enum tpr_timeout timeout;
    bool half_open, ended, reopens;     /* 'reopens': a SYN now would. */
};

#define SYN TPR_TIMEOUT_SYN
#define EST TPR_TIMEOUT_ESTABLISHED
#define CLO TPR_TIMEOUT_CLOSING

static const struct {
    const char *name;
    struct step steps[10];
} talks[] = {
    { "whole life", {
        { 'c', S, SYN, true, false, false },
        { 's', S | A, SYN, false, false, false },
        { 'c', A, EST, false, false, false },
        { 's', A, EST, false, false, false },
        { 'c', F | A, EST, false, false, false },
        { 's', A, EST, false, false, false },
        { 's', F | A, CLO, false, true, true },
        { 'c', A, CLO, false, true, true } } },
    { "server closes first", {
        { 'c', S, SYN, true, false, false },
        { 's', S | A, SYN, false, false, false },
        { 'c', A, EST, false, false, false },
        { 's', F | A, EST, false, false, false },
        { 'c', A, EST, false, false, false },
        { 'c', F | A, CLO, false, true, true } } },
    { "repeated SYN", {
        { 'c', S, SYN, true, false, false },
        { 'c', S, SYN, true, false, false },
        { 's', S | A, SYN, false, false, false } } },
    { "refused", {
        { 'c', S, SYN, true, false, false },
        { 's', R | A, CLO, true, true, true } } },
    { "guessed", {
        { 'c', S, SYN, true, false, false },
        { 'c', A, SYN, true, false, false },
        { 'c', A, SYN, true, false, false } } },
    { "client resets", {
        { 'c', S, SYN, true, false, false },
        { 's', S | A, SYN, false, false, false },
        { 'c', A, EST, false, false, false },
        { 'c', R, CLO, false, true, true } } },
    { "met in the middle", {
        { 'c', A, SYN, true, false, false },
        { 's', A, EST, false, false, false } } },
};

static struct tpr_packet
tcp(uint8_t flags)
{
    struct tpr_packet p = { .tcp_flags = flags };

    p.tuple.proto = TPR_PROTO_TCP;
    return p;
}

START_TEST(conversations)
{
    const struct tpr_packet syn = tcp(S);

    for (size_t i = 0; i < ARRAY_SIZE(talks); i++) {
        struct tpr_track t = { .flags = 0 };

        for (const struct step *s = talks[i].steps; s->from; s++) {
            struct tpr_packet p = tcp(s->flags);
            int n = s - talks[i].steps;

            if (s->from == 'c') {
                tpr_track_forward(&t, &p);
            } else {
                tpr_track_reverse(&t, &p);
            }
            ck_assert_msg(tpr_track_timeout(t.flags, TPR_PROTO_TCP)
                          == s->timeout, "%s, %d", talks[i].name, n);
            ck_assert_msg(tpr_track_half_open(t.flags) == s->half_open,
                          "%s, %d", talks[i].name, n);
            ck_assert(!tpr_track_only_syn(t.flags) || s->half_open);
            ck_assert_msg(tpr_track_ended(t.flags) == s->ended,
                          "%s, %d", talks[i].name, n);
            ck_assert_msg(tpr_track_reopens(t.flags, &syn) == s->reopens,
                          "%s, %d", talks[i].name, n);
        }
    }
}
END_TEST

/* The highest number sent to the client, over the wrap, and whatever comes
 * again or late. */
START_TEST(reverse_end)
{
    static const struct { uint32_t seq_end, rev_end; } rows[] = {
        { 0xfffffe00, 0xfffffe00 }, { 0xffffff00, 0xffffff00 },
        { 0xfffffe80, 0xffffff00 }, { 0x80, 0x80 }, { 0xfffffff0, 0x80 },
        { 0x100, 0x100 },
    };
    struct tpr_track t = { .flags = 0 };
    struct tpr_packet p = tcp(A);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        p.seq_end = rows[i].seq_end;
        tpr_track_reverse(&t, &p);
        ck_assert_uint_eq(t.rev_end, rows[i].rev_end);
    }

    /* A reset's number is not one that was sent. */
    p = tcp(R);
    p.seq_end = 0x1000;
    tpr_track_reverse(&t, &p);
    ck_assert_uint_eq(t.rev_end, 0x100);
}
END_TEST

/* A tuple that is used again: the backend's SYN begins anew. */
START_TEST(opened_again)
{
    struct tpr_track t = { .flags = 0 };
    struct tpr_packet syn_ack = tcp(S | A), ack = tcp(A), syn = tcp(S);

    syn_ack.seq_end = 0x70000001;
    ack.ack = 0x70000001;
    tpr_track_forward(&t, &syn);
    tpr_track_reverse(&t, &syn_ack);
    tpr_track_forward(&t, &ack);
    tpr_track_reverse(&t, &syn_ack);            /* Twice: nothing new. */
    ck_assert_int_eq(tpr_track_timeout(t.flags, TPR_PROTO_TCP), EST);
    ack.tcp_flags = F | A;
    tpr_track_forward(&t, &ack);

    tpr_track_forward(&t, &syn);
    ck_assert_int_eq(tpr_track_timeout(t.flags, TPR_PROTO_TCP), EST);
    syn_ack.seq_end = 0x10000001;
    tpr_track_reverse(&t, &syn_ack);
    ck_assert_uint_eq(t.rev_end, 0x10000001);
    ck_assert_int_eq(tpr_track_timeout(t.flags, TPR_PROTO_TCP), SYN);
    ck_assert_uint_eq(t.flags, TPR_TRACK_SYN | TPR_TRACK_ANSWERED
                               | TPR_TRACK_SEEN);
}
END_TEST

START_TEST(client_ack)
{
    struct tpr_track t = { .flags = 0 };
    struct tpr_packet p = tcp(S);

    p.ack = 5;
    tpr_track_forward(&t, &p);
    ck_assert_uint_eq(t.cli_ack, 0);
    p.tcp_flags = A;
    tpr_track_forward(&t, &p);
    ck_assert_uint_eq(t.cli_ack, 5);

    /* Later fragments have no header. */
    p.frag = TPR_FRAG_LATER;
    p.ack = 6;
    p.tcp_flags = R;
    tpr_track_forward(&t, &p);
    tpr_track_reverse(&t, &p);
    ck_assert_uint_eq(t.cli_ack, 5);
    ck_assert_uint_eq(t.flags, TPR_TRACK_SYN | TPR_TRACK_ACKED);
}
END_TEST

/* Met in the middle: what cannot have been acknowledged was not. */
START_TEST(first_word)
{
    static const struct { uint32_t said, counts; } rows[] = {
        { 1000, 1000 }, { 1100, 1100 }, { 1101, 1000 },
        { 1100u - (1 << 30), 1100u - (1 << 30) },
        { 1099u - (1 << 30), 1000 }, { 0x80000000, 1000 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tpr_track t = { .flags = 0 };
        struct tpr_packet ack = tcp(A), data = tcp(A);

        ack.ack = rows[i].said;
        data.seq = 1000;
        data.seq_end = 1100;
        tpr_track_forward(&t, &ack);
        tpr_track_reverse(&t, &data);
        ck_assert_uint_eq(t.cli_ack, rows[i].counts);
        ck_assert_uint_eq(t.rev_end, 1100);
    }
}
END_TEST

/* Who ends it: packets with the numbers that the other side expects. */
START_TEST(believed)
{
    static const struct {
        char from;
        uint8_t flags;
        uint32_t seq, ack;
        uint8_t adds;
        bool moves;
    } rows[] = {
        { 'c', R, 0, 0, 0, false },
        { 'c', R, 999, 0, 0, false },
        { 'c', R, 1000, 0, TPR_TRACK_RST, false },      /* The last ACK. */
        { 'c', R, 1050, 0, TPR_TRACK_RST, false },      /* Its next one. */
        { 'c', R | A, 1001, 0xfffffff0, 0, false },
        { 's', R, 0, 0, 0, false },
        { 's', R, 0xfffffff0, 0, TPR_TRACK_RST, false },
        { 's', R, 0x100, 0, TPR_TRACK_RST, false },
        { 's', R | A, 0, 1050, 0, false },
        { 'c', F | A, 1050, 0x100, TPR_TRACK_FIN_FORWARD, true },
        { 'c', F | A, 1050, 0x101, 0, false },
        { 'c', F | A, 1050, 0xfffffff0 - 0xffff, TPR_TRACK_FIN_FORWARD,
          true },
        { 'c', F | A, 1050, 0xfffffff0 - 0x10000, 0, false },
        { 'c', F, 1050, 0, 0, false },
        { 'c', S, 1050, 0, 0, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const uint8_t before = TPR_TRACK_SYN | TPR_TRACK_ANSWERED
                               | TPR_TRACK_ACKED | TPR_TRACK_SEEN;
        struct tpr_track t = {
            .flags = before, .rev_end = 0x100, .rev_ack = 1000,
            .cli_end = 1050, .cli_ack = 0xfffffff0,
        };
        struct tpr_packet p = tcp(rows[i].flags);

        p.seq = p.seq_end = rows[i].seq;
        p.ack = rows[i].ack;
        if (rows[i].from == 'c') {
            ck_assert_msg(tpr_track_moves(&t, &p) == rows[i].moves,
                          "row %"PRIuSIZE, i);
            tpr_track_forward(&t, &p);
        } else {
            tpr_track_reverse(&t, &p);
        }
        ck_assert_msg(t.flags == (before | rows[i].adds), "row %"PRIuSIZE, i);
        ck_assert_uint_eq(t.rev_end, 0x100);
    }
}
END_TEST

START_TEST(reopening)
{
    struct tpr_packet syn = tcp(S), syn_ack = tcp(S | A), ack = tcp(A);

    ck_assert(tpr_track_reopens(TPR_TRACK_RESET, &syn));
    ck_assert(!tpr_track_reopens(TPR_TRACK_RESET, &syn_ack));
    ck_assert(!tpr_track_reopens(TPR_TRACK_RESET, &ack));
    ck_assert(!tpr_track_reopens(TPR_TRACK_FIN_FORWARD, &syn));
    syn.tuple.proto = TPR_PROTO_UDP;
    ck_assert(!tpr_track_reopens(TPR_TRACK_RESET, &syn));
}
END_TEST

START_TEST(yielding)
{
    struct tpr_packet syn = tcp(S), syn_ack = tcp(S | A), ack = tcp(A);

    ck_assert(tpr_track_yields(TPR_TRACK_RESET, &syn_ack));
    ck_assert(tpr_track_yields(TPR_TRACK_RST, &syn_ack));
    ck_assert(tpr_track_yields(TPR_TRACK_FIN_FORWARD | TPR_TRACK_FIN_REVERSE,
                               &syn_ack));
    ck_assert(!tpr_track_yields(TPR_TRACK_RESET, &syn));
    ck_assert(!tpr_track_yields(TPR_TRACK_RESET, &ack));
    ck_assert(!tpr_track_yields(TPR_TRACK_SYN, &syn_ack));
    ck_assert(!tpr_track_yields(TPR_TRACK_FIN_REVERSE, &syn_ack));
    syn_ack.tuple.proto = TPR_PROTO_UDP;
    ck_assert(!tpr_track_yields(TPR_TRACK_RESET, &syn_ack));
}
END_TEST

START_TEST(not_tcp)
{
    static const struct {
        uint8_t proto;
        enum tpr_timeout before, after;
    } rows[] = {
        { TPR_PROTO_UDP, TPR_TIMEOUT_NEW, TPR_TIMEOUT_ANSWERED },
        { 47, TPR_TIMEOUT_NEW, TPR_TIMEOUT_ANSWERED },
        { TPR_PROTO_SCTP, TPR_TIMEOUT_SYN, TPR_TIMEOUT_ESTABLISHED },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tpr_track t = { .flags = 0 };
        struct tpr_packet p = { .frag = 0 };

        p.tuple.proto = rows[i].proto;
        tpr_track_forward(&t, &p);
        ck_assert_int_eq(tpr_track_timeout(t.flags, rows[i].proto),
                         rows[i].before);
        ck_assert(tpr_track_half_open(t.flags));
        ck_assert(!tpr_track_only_syn(t.flags));
        tpr_track_reverse(&t, &p);
        ck_assert_int_eq(tpr_track_timeout(t.flags, rows[i].proto),
                         rows[i].after);
        ck_assert(!tpr_track_ended(t.flags));
        ck_assert(!tpr_track_half_open(t.flags));
    }
}
END_TEST

UNIT_MAIN("redirect-track", conversations, reverse_end, opened_again,
          client_ack, first_word, believed, reopening, yielding, not_tcp)
