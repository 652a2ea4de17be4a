/* SPDX-License-Identifier: Apache-2.0 */

/* Tests what makes a backend suspect. */

#include <config.h>
#include "redirect-suspect.h"
#include "unit.h"

enum { S = TPR_TCP_SYN, A = TPR_TCP_ACK, F = TPR_TCP_FIN, R = TPR_TCP_RST };
enum { CLIENT_SEQ = 1000, SERVER_SEQ = 5000, BOUND = 200 };

static struct tpr_packet
tcp(uint8_t flags, uint32_t seq, uint32_t ack)
{
    struct tpr_packet p = { .tcp_flags = flags, .seq = seq, .ack = ack };

    p.seq_end = seq + !!(flags & (S | F));
    p.tuple.proto = TPR_PROTO_TCP;
    return p;
}

/* A connection whose client has sent a SYN. */
static struct tpr_track
opened(void)
{
    const struct tpr_packet syn = tcp(S, CLIENT_SEQ, 0);
    struct tpr_track t = { .flags = 0 };

    tpr_track_forward(&t, &syn);
    return t;
}

START_TEST(silence)
{
    struct tpr_track t = opened();

    ck_assert(!tpr_suspect_silent(t.flags, BOUND - 1, BOUND));
    ck_assert(tpr_suspect_silent(t.flags, BOUND, BOUND));
    ck_assert(!tpr_suspect_silent(t.flags, BOUND, 0));
    ck_assert(!tpr_suspect_silent(t.flags, UINT32_MAX, 0));
}
END_TEST

START_TEST(an_answer_is_none)
{
    const struct tpr_packet syn_ack = tcp(S | A, SERVER_SEQ, CLIENT_SEQ + 1);
    struct tpr_track t = opened();

    tpr_track_reverse(&t, &syn_ack);
    ck_assert(!tpr_suspect_silent(t.flags, BOUND, BOUND));
}
END_TEST

START_TEST(clients_that_give_up)
{
    const struct tpr_packet rst = tcp(R, CLIENT_SEQ + 1, 0);
    const struct tpr_packet forged = tcp(R, CLIENT_SEQ + 2, 0);
    const struct tpr_packet fin = tcp(F | A, CLIENT_SEQ + 1, SERVER_SEQ);
    struct tpr_track t = opened();

    tpr_track_forward(&t, &forged);
    ck_assert(tpr_suspect_silent(t.flags, BOUND, BOUND));
    tpr_track_forward(&t, &rst);
    ck_assert(!tpr_suspect_silent(t.flags, BOUND, BOUND));

    t = opened();
    tpr_track_forward(&t, &fin);
    ck_assert(!tpr_suspect_silent(t.flags, BOUND, BOUND));
}
END_TEST

START_TEST(refusal)
{
    const struct tpr_packet rst = tcp(R | A, 0, CLIENT_SEQ + 1);
    const struct tpr_packet forged = tcp(R | A, 0, CLIENT_SEQ);
    const struct tpr_packet syn_ack = tcp(S | A, SERVER_SEQ, CLIENT_SEQ + 1);
    const struct tpr_packet late = tcp(R, SERVER_SEQ + 1, 0);
    const struct tpr_packet gone = tcp(R, CLIENT_SEQ + 1, 0);
    struct tpr_track t = opened();

    ck_assert(!tpr_suspect_refused(&t, &forged));
    ck_assert(!tpr_suspect_refused(&t, &syn_ack));
    ck_assert(tpr_suspect_refused(&t, &rst));
    tpr_track_reverse(&t, &rst);
    ck_assert(!tpr_suspect_refused(&t, &rst));  /* Once a connection. */
    ck_assert(!tpr_suspect_silent(t.flags, BOUND, BOUND));

    t = opened();
    tpr_track_reverse(&t, &syn_ack);
    ck_assert(!tpr_suspect_refused(&t, &late));

    t = opened();
    tpr_track_forward(&t, &gone);
    ck_assert(!tpr_suspect_refused(&t, &rst));  /* To a client that left. */
}
END_TEST

START_TEST(only_tcp)
{
    struct tpr_packet p = tcp(R, 0, 0);
    struct tpr_track t = { .flags = 0 };

    ck_assert(!tpr_suspect_silent(t.flags, BOUND, BOUND));
    ck_assert(!tpr_suspect_refused(&t, &p));
    t = opened();
    p = tcp(R | A, 0, CLIENT_SEQ + 1);
    p.tuple.proto = TPR_PROTO_UDP;
    ck_assert(!tpr_suspect_refused(&t, &p));
}
END_TEST

UNIT_MAIN("redirect-suspect", silence, an_answer_is_none,
          clients_that_give_up, refusal, only_tcp)
