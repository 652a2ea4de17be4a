/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the heartbeat by ICMP echo. */

#include <config.h>
#include <string.h>
#include "icmp-echo.h"
#include "unit.h"

enum { MS = 1000 };

static const struct heartbeat_config config = {
    .interval_us = 10 * MS, .fall = 3, .rise = 2, .max_excuses = 1,
};

struct request {
    uint16_t id, seq;
    uint8_t payload[ICMP_ECHO_PAYLOAD];
};

/* A session and the request that it sent at time 0. */
static struct icmp_echo echo;
static struct request
start(long long int now_us)
{
    struct request r;

    icmp_echo_init(&echo, &config, 0, 4711, now_us);
    ck_assert(icmp_echo_must_send(&echo, now_us));
    icmp_echo_build(&echo, &r.id, &r.seq, r.payload, now_us);
    return r;
}

static struct request
request(long long int now_us)
{
    struct request r;

    ck_assert(icmp_echo_must_send(&echo, now_us));
    icmp_echo_build(&echo, &r.id, &r.seq, r.payload, now_us);
    return r;
}

static bool
reply(const struct request *r, long long int now_us,
      enum heartbeat_decision *decision)
{
    return icmp_echo_receive(&echo, r->id, r->seq, r->payload,
                             sizeof r->payload, now_us, decision);
}

START_TEST(replies_raise_and_silence_ends)
{
    enum heartbeat_decision decision;
    long long int now = 0;
    struct request r = start(now);

    ck_assert(reply(&r, now + MS, &decision));
    ck_assert_int_eq(decision, HEARTBEAT_NOTHING);
    now += 10 * MS;
    r = request(now);
    ck_assert(reply(&r, now + MS, &decision));
    ck_assert_int_eq(decision, HEARTBEAT_WENT_UP);

    ck_assert_int_eq(heartbeat_deadline(&echo.hb), now + 31 * MS);
    ck_assert_int_eq(heartbeat_run(&echo.hb, now + 31 * MS),
                     HEARTBEAT_WENT_DOWN);
}
END_TEST

START_TEST(requests_keep_their_pace)
{
    start(0);
    ck_assert_int_eq(icmp_echo_deadline(&echo), 10 * MS);
    ck_assert(!icmp_echo_must_send(&echo, 10 * MS - 1));

    /* A little late: the next one is not. */
    request(13 * MS);
    ck_assert_int_eq(echo.next_us, 20 * MS);

    /* Very late: no burst. */
    request(95 * MS);
    ck_assert_int_eq(echo.next_us, 105 * MS);
    ck_assert(!icmp_echo_must_send(&echo, 95 * MS));
}
END_TEST

START_TEST(a_reply_counts_once)
{
    enum heartbeat_decision decision;
    struct request r = start(0);

    ck_assert(reply(&r, MS, &decision));
    ck_assert(!reply(&r, 9 * MS, &decision));
    ck_assert_uint_eq(echo.hb.n_beats, 1);
}
END_TEST

START_TEST(forged_replies_do_not_count)
{
    enum heartbeat_decision decision;
    const struct request r = start(0);
    struct request f;

    f = r;
    f.id++;
    ck_assert(!reply(&f, MS, &decision));
    f = r;
    f.seq++;                            /* Not sent yet. */
    ck_assert(!reply(&f, MS, &decision));
    f = r;
    f.seq -= ICMP_ECHO_WINDOW;          /* Never sent. */
    ck_assert(!reply(&f, MS, &decision));
    for (int i = 0; i < ICMP_ECHO_PAYLOAD; i++) {
        f = r;
        f.payload[i] ^= 1;
        ck_assert(!reply(&f, MS, &decision));
    }
    ck_assert(!icmp_echo_receive(&echo, r.id, r.seq, r.payload,
                                 sizeof r.payload - 1, MS, &decision));
    ck_assert(!icmp_echo_receive(&echo, r.id, r.seq, NULL, 0, MS, &decision));
    ck_assert_uint_eq(echo.hb.n_beats, 0);
    ck_assert(reply(&r, MS, &decision));
}
END_TEST

/* The path's delay may be much longer than the interval. */
START_TEST(late_replies_count_within_the_window)
{
    enum heartbeat_decision decision;
    struct request sent[ICMP_ECHO_WINDOW + 1];

    sent[0] = start(0);
    for (int i = 1; i <= ICMP_ECHO_WINDOW; i++) {
        sent[i] = request(i * 10 * MS);
    }
    ck_assert(!reply(&sent[0], 3000 * MS, &decision));
    ck_assert(reply(&sent[1], 3000 * MS, &decision));
    ck_assert(reply(&sent[ICMP_ECHO_WINDOW], 3000 * MS, &decision));
}
END_TEST

START_TEST(sequence_numbers_wrap_around)
{
    enum heartbeat_decision decision;

    start(0);
    for (int i = 1; i < 2 * 65536 + 10; i++) {
        struct request r = request(i * 10LL * MS);

        ck_assert_uint_eq(r.seq, i & 0xffff);
        ck_assert(reply(&r, i * 10LL * MS + 1, &decision));
    }
}
END_TEST

START_TEST(override_is_earlier_but_not_too_early)
{
    icmp_echo_init(&echo, &config, 20 * MS, 1, 0);
    ck_assert_int_eq(echo.hb.detect_us, 20 * MS);
    icmp_echo_configure(&echo, &config, MS, 0);
    ck_assert_int_eq(echo.hb.detect_us, 15 * MS);
    icmp_echo_configure(&echo, &config, 100 * MS, 0);
    ck_assert_int_eq(echo.hb.detect_us, 30 * MS);
}
END_TEST

/* A shorter interval is in force at once. */
START_TEST(new_interval_applies_to_the_next_request)
{
    struct heartbeat_config fast = config;

    start(0);
    fast.interval_us = MS;
    icmp_echo_configure(&echo, &fast, 0, 2 * MS);
    ck_assert_int_eq(echo.next_us, 3 * MS);
}
END_TEST

UNIT_MAIN("icmp-echo", replies_raise_and_silence_ends,
          requests_keep_their_pace, a_reply_counts_once,
          forged_replies_do_not_count, late_replies_count_within_the_window,
          sequence_numbers_wrap_around, override_is_earlier_but_not_too_early,
          new_interval_applies_to_the_next_request)
