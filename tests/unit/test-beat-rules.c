/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the rules that heartbeats in user space and in the kernel share.
 *
 * A watch is fed with words, "TIME beat", "TIME look", "TIME look LATE", in
 * milliseconds; a look uses an interval of 10 ms, detection of 30 ms and two
 * excuses.  The result has a word for every look that found silence. */

#include <config.h>
#include "beat-rules.h"
#include "heartbeat.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include "bfd-packet.h"
#include "openvswitch/dynamic-string.h"

#define MS(N) ((N) * 1000LL)

static void
look(struct ds *out, struct tpr_beat_watch *w, int time, int64_t rx_us,
     int late)
{
    switch (tpr_beat_look(w, MS(time), rx_us, MS(late), MS(10), MS(30), 2)) {
    case TPR_BEAT_ALIVE:
    case TPR_BEAT_STILL_EXCUSED:
        break;
    case TPR_BEAT_EXCUSED:
        ds_put_format(out, "%s%d excused", out->length ? "; " : "", time);
        break;
    case TPR_BEAT_DEAD:
        ds_put_format(out, "%s%d dead", out->length ? "; " : "", time);
        break;
    }
}

static void
expect(const char *words, const char *result)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    struct tpr_beat_watch w = { .n_excused = 0 };
    char *copy = xstrdup(words), *save = NULL;
    int64_t rx_us = 0;

    for (char *word = strtok_r(copy, ";", &save); word;
         word = strtok_r(NULL, ";", &save)) {
        char event[16];
        int time, late = 0;

        ck_assert_int_ge(sscanf(word, "%d %15s %d", &time, event, &late), 2);
        if (!strcmp(event, "beat")) {
            rx_us = MS(time);
        } else {
            look(&out, &w, time, rx_us, late);
        }
    }
    ck_assert_str_eq(ds_cstr(&out), result);
    ds_destroy(&out);
    free(copy);
}

START_TEST(silence_is_death)
{
    expect("100 beat; 110 look; 129 look; 130 look", "130 dead");
    expect("100 beat; 129 look; 129 beat; 130 look; 158 look; 159 look",
           "159 dead");
}
END_TEST

START_TEST(own_stall_is_excused)
{
    /* Not by half an interval, by more. */
    expect("100 beat; 130 look 5", "130 dead");
    expect("100 beat; 135 look 6; 144 look; 145 look; 154 look; 155 look",
           "135 excused; 145 excused; 155 dead");
}
END_TEST

/* While it goes on, it is one stall, which is over an interval after it. */
START_TEST(a_long_stall_is_one_excuse)
{
    expect("100 beat; 130 look 6; 141 look 6; 152 look 6; 163 look 6; "
           "173 look; 183 look", "130 excused; 173 excused; 183 dead");
    /* But a tenth of a second is too long. */
    expect("100 beat; 130 look 6; 141 look 6; 181 look 6; 220 look 6; "
           "230 look 6; 240 look 6", "130 excused; 230 excused; 240 dead");
}
END_TEST

START_TEST(lateness_counts_until_the_next_beat)
{
    expect("100 beat; 110 look 6; 130 look; 139 look", "130 excused");
    expect("100 beat; 110 look 6; 111 beat; 112 look; 141 look", "141 dead");
    /* A beat wipes excuses out. */
    expect("100 beat; 130 look 6; 131 beat; 161 look 6; 171 look; 181 look",
           "130 excused; 161 excused; 171 excused; 181 dead");
}
END_TEST

/* The agent's detector decides the same whenever its owner looks. */
START_TEST(agrees_with_the_detector)
{
    static const struct heartbeat_config cfg = {
        .interval_us = MS(10), .fall = 3, .rise = 1, .max_excuses = 2,
    };
    uint64_t random = 4711;

    for (int round = 0; round < 200; round++) {
        struct tpr_beat_watch w = { .n_excused = 0 };
        int64_t now_us = MS(1000), rx_us = now_us;
        struct heartbeat hb;

        heartbeat_init(&hb, &cfg, now_us);
        heartbeat_beat(&hb, now_us);
        for (;;) {
            int64_t late_us = tpr_beat_random(&random) % MS(8);
            enum heartbeat_decision decision;
            enum tpr_beat_judgement judgement;

            now_us += 1 + tpr_beat_random(&random) % MS(12);
            judgement = tpr_beat_look(&w, now_us, rx_us, late_us, MS(10),
                                      MS(30), 2);
            heartbeat_late(&hb, late_us);
            decision = heartbeat_run(&hb, now_us);
            ck_assert_int_eq(judgement,
                             judgement == TPR_BEAT_STILL_EXCUSED
                             && decision == HEARTBEAT_NOTHING
                             ? TPR_BEAT_STILL_EXCUSED
                             : decision == HEARTBEAT_NOTHING ? TPR_BEAT_ALIVE
                             : decision == HEARTBEAT_EXCUSED
                             ? TPR_BEAT_EXCUSED : TPR_BEAT_DEAD);
            if (judgement == TPR_BEAT_DEAD) {
                break;
            }
            if (tpr_beat_random(&random) % 4) {
                rx_us = now_us;
                heartbeat_beat(&hb, now_us);
            }
        }
    }
}
END_TEST

START_TEST(own_silence_begins_after_an_interval)
{
    ck_assert_int_eq(tpr_beat_own_silence(MS(10), MS(1), MS(10)), 0);
    ck_assert_int_eq(tpr_beat_own_silence(MS(11), MS(1), MS(10)), 0);
    ck_assert_int_eq(tpr_beat_own_silence(MS(14), MS(1), MS(10)), MS(3));
}
END_TEST

/* Packets. */

static void
make_packet(struct bfd_packet *p)
{
    *p = (struct bfd_packet) {
        .state = BFD_STATE_UP, .mult = 3, .my_discr = 7, .your_discr = 9,
        .min_tx_us = 1000, .min_rx_us = 1000,
    };
}

/* What 'p' is after an ordinary packet. */
static enum tpr_beat_kind
classify(const struct bfd_packet *p)
{
    uint8_t expected[BFD_MAX_LEN], buf[BFD_MAX_LEN];
    struct bfd_auth none = { .type = BFD_AUTH_NONE };
    struct bfd_packet usual;

    make_packet(&usual);
    bfd_packet_encode(&usual, &none, 0, expected);
    return tpr_beat_classify(buf, bfd_packet_encode(p, &none, 0, buf),
                             expected);
}

START_TEST(packets_are_told_apart)
{
    struct bfd_packet p;

#define EXPECT(KIND, CHANGE)                                    \
    make_packet(&p);                                            \
    CHANGE;                                                     \
    ck_assert_int_eq(classify(&p), TPR_BEAT_##KIND)

    EXPECT(ORDINARY, );
    EXPECT(LIVING, p.poll = true);
    EXPECT(LIVING, p.final = true);
    EXPECT(LIVING, p.cpi = true);
    EXPECT(LIVING, p.mult = 4);
    EXPECT(LIVING, p.min_tx_us = 2000);
    EXPECT(LIVING, p.min_rx_us = 2000);
    EXPECT(LIVING, p.min_echo_rx_us = 1);
    EXPECT(LIVING, p.diag = BFD_DIAG_ECHO);
    EXPECT(STRANGE, p.my_discr = 8);
    EXPECT(STRANGE, p.your_discr = 8);
    EXPECT(STRANGE, p.your_discr = 0);
    EXPECT(STRANGE, p.mult = 0);
    EXPECT(STRANGE, p.state = BFD_STATE_INIT);
    EXPECT(SAYS_DOWN, p.state = BFD_STATE_DOWN);
    EXPECT(SAYS_DOWN, p.state = BFD_STATE_ADMIN_DOWN);
    EXPECT(STRANGE, p.state = BFD_STATE_DOWN; p.my_discr = 8);
#undef EXPECT
}
END_TEST

START_TEST(packets_of_other_versions_and_lengths_are_strange)
{
    struct bfd_auth none = { .type = BFD_AUTH_NONE };
    uint8_t expected[BFD_MAX_LEN], buf[BFD_MAX_LEN];
    struct bfd_packet p;

    make_packet(&p);
    bfd_packet_encode(&p, &none, 0, expected);
    memcpy(buf, expected, sizeof buf);
    ck_assert_int_eq(tpr_beat_classify(buf, 24, expected), TPR_BEAT_ORDINARY);
    ck_assert_int_eq(tpr_beat_classify(buf, 25, expected), TPR_BEAT_STRANGE);
    ck_assert_int_eq(tpr_beat_classify(buf, 23, expected), TPR_BEAT_STRANGE);
    buf[3] = 26;
    ck_assert_int_eq(tpr_beat_classify(buf, 24, expected), TPR_BEAT_STRANGE);
    buf[3] = 24;
    /* Authentication, demand, multipoint. */
    buf[1] = expected[1] | 4;
    ck_assert_int_eq(tpr_beat_classify(buf, 24, expected), TPR_BEAT_STRANGE);
    buf[1] = expected[1] | 2;
    ck_assert_int_eq(tpr_beat_classify(buf, 24, expected), TPR_BEAT_STRANGE);
    buf[1] = expected[1] | 1;
    ck_assert_int_eq(tpr_beat_classify(buf, 24, expected), TPR_BEAT_STRANGE);
    buf[1] = expected[1];
    buf[0] = 2 << 5;
    ck_assert_int_eq(tpr_beat_classify(buf, 24, expected), TPR_BEAT_STRANGE);
}
END_TEST

START_TEST(a_peer_may_blame_us_for_a_while)
{
    uint8_t p[2] = { 1 << 5 | BFD_DIAG_EXPIRED, BFD_STATE_DOWN << 6 };

    ck_assert(tpr_beat_is_blame(p, 99, 100));
    ck_assert(!tpr_beat_is_blame(p, 100, 100));
    p[1] = BFD_STATE_ADMIN_DOWN << 6;
    ck_assert(!tpr_beat_is_blame(p, 99, 100));
    p[1] = BFD_STATE_DOWN << 6;
    p[0] = 1 << 5 | BFD_DIAG_NEIGHBOR_DOWN;
    ck_assert(!tpr_beat_is_blame(p, 99, 100));
}
END_TEST

/* Transmission. */

START_TEST(jitter_stays_within_its_bounds)
{
    uint32_t min = UINT32_MAX, max = 0, max_single = 0;
    uint64_t random = 1;

    for (int i = 0; i < 100000; i++) {
        uint32_t jitter = tpr_beat_jitter(&random, false);
        uint32_t single = tpr_beat_jitter(&random, true);

        min = MIN(min, MIN(jitter, single));
        max = MAX(max, jitter);
        max_single = MAX(max_single, single);
    }
    ck_assert_uint_ge(min, 65536 * 75 / 100);
    ck_assert_uint_le(min, 65536 * 76 / 100);
    ck_assert_uint_le(max, 65536);
    ck_assert_uint_ge(max, 65536 * 99 / 100);
    ck_assert_uint_le(max_single, 65536 * 90 / 100);
    ck_assert_uint_ge(max_single, 65536 * 89 / 100);
}
END_TEST

START_TEST(a_lease_ends_with_farewells)
{
    ck_assert_int_eq(tpr_beat_lease(99, 100), TPR_BEAT_LEASE_VALID);
    ck_assert_int_eq(tpr_beat_lease(100, 100), TPR_BEAT_LEASE_OVER);
    ck_assert_int_eq(tpr_beat_lease(99 + TPR_BEAT_FAREWELL_US, 100),
                     TPR_BEAT_LEASE_OVER);
    ck_assert_int_eq(tpr_beat_lease(100 + TPR_BEAT_FAREWELL_US, 100),
                     TPR_BEAT_LEASE_GONE);
}
END_TEST

/* Two ears, one of which may be deaf. */
/* What the timer finds, looking four times in an interval of 1 ms, counts for
 * whoever else judges the silence that it was in: once, at its worst. */
START_TEST(a_stall_is_told_once)
{
    struct tpr_beat_stall stall = { 0, 0 };
    int64_t told_us = 0, other_us = 0;

    tpr_beat_note_stall(&stall, MS(50), 500, 250);
    ck_assert_int_eq(tpr_beat_ask_stall(&stall, MS(40), &told_us), 0);

    tpr_beat_note_stall(&stall, MS(100), 600, 250);
    tpr_beat_note_stall(&stall, MS(100) + 250, 850, 250);
    tpr_beat_note_stall(&stall, MS(100) + 500, 700, 250);
    /* The last beat came after it, or just then. */
    ck_assert_int_eq(tpr_beat_ask_stall(&stall, MS(101), &told_us), 0);
    ck_assert_int_eq(tpr_beat_ask_stall(&stall, MS(100) + 500, &told_us), 0);
    ck_assert_int_eq(tpr_beat_ask_stall(&stall, MS(100), &told_us), 850);
    ck_assert_int_eq(tpr_beat_ask_stall(&stall, MS(100), &told_us), 0);
    ck_assert_int_eq(tpr_beat_ask_stall(&stall, MS(100), &other_us), 850);

    /* It goes on; another is another. */
    tpr_beat_note_stall(&stall, MS(101), 1200, 250);
    ck_assert_int_eq(tpr_beat_ask_stall(&stall, MS(100), &told_us), 1200);
    tpr_beat_note_stall(&stall, MS(200), 550, 250);
    ck_assert_int_eq(tpr_beat_ask_stall(&stall, MS(100), &told_us), 550);
}
END_TEST

START_TEST(who_is_deaf)
{
    /* Both heard it, long ago or just now. */
    ck_assert(!tpr_beat_is_deaf(MS(130), MS(100), MS(100), MS(30)));
    ck_assert(!tpr_beat_is_deaf(MS(129), MS(100), MS(129), MS(30)));
    /* Only the other one did. */
    ck_assert(tpr_beat_is_deaf(MS(130), MS(100), MS(101), MS(30)));
    ck_assert(tpr_beat_is_deaf(MS(130), MS(100), MS(130), MS(30)));
    ck_assert(!tpr_beat_is_deaf(MS(131), MS(100), MS(101), MS(30)));
}
END_TEST

/* The token passes every half millisecond until 100 ms, and again from 200 ms
 * on. */
START_TEST(a_token_is_missed)
{
    struct tpr_beat_token_watch w = { .n_lost = 0 };
    struct ds out = DS_EMPTY_INITIALIZER;

    for (int64_t now_us = MS(90); now_us < MS(220); now_us += 250) {
        int64_t token_us = (now_us < MS(100) || now_us >= MS(200)
                            ? now_us / 500 * 500 : MS(100) - 500);
        bool lost = w.lost, broken = w.broken;

        if (tpr_beat_watch_token(&w, now_us, token_us,
                                 tpr_beat_lost_after(MS(1)))) {
            ds_put_format(&out, "%.2f retry; ", now_us / 1e3);
        }
        if (w.lost != lost || w.broken != broken) {
            ds_put_format(&out, "%.2f %s; ", now_us / 1e3,
                          w.broken ? "broken" : w.lost ? "lost" : "back");
        }
        if (now_us == MS(122)) {
            now_us = MS(199);   /* It goes on so. */
            w.retry_us = MS(300);
        }
    }
    ck_assert_str_eq(ds_cstr(&out), "101.25 retry; 101.25 lost; 106.25 retry; "
                     "111.25 retry; 116.25 retry; 121.25 retry; "
                     "121.25 broken; 210.00 back; ");
    ck_assert_uint_eq(w.n_lost, 1);
    ds_destroy(&out);
}
END_TEST

/* One that stutters is not back. */
START_TEST(a_token_has_to_stay)
{
    struct tpr_beat_token_watch w = { .lost = true };

    ck_assert(!tpr_beat_watch_token(&w, MS(100), MS(100), 1500));
    ck_assert(!tpr_beat_watch_token(&w, MS(109), MS(109), 1500));
    ck_assert(tpr_beat_watch_token(&w, MS(111), MS(109), 1500));
    ck_assert(w.lost && !w.broken);
    ck_assert(!tpr_beat_watch_token(&w, MS(112), MS(112), 1500));
    ck_assert(!tpr_beat_watch_token(&w, MS(121), MS(121), 1500));
    ck_assert(w.lost);
    ck_assert(!tpr_beat_watch_token(&w, MS(122), MS(122), 1500));
    ck_assert(!w.lost);
}
END_TEST

START_TEST(how_old_a_token_may_be)
{
    ck_assert_int_eq(tpr_beat_lost_after(250), 1500);
    ck_assert_int_eq(tpr_beat_lost_after(MS(1)), 1500);
    ck_assert_int_eq(tpr_beat_lost_after(MS(5)), MS(5));
    ck_assert_int_eq(tpr_beat_lost_after(MS(300)), MS(10));
}
END_TEST

UNIT_MAIN("beat-rules", silence_is_death, own_stall_is_excused,
          a_long_stall_is_one_excuse,
          lateness_counts_until_the_next_beat, agrees_with_the_detector,
          own_silence_begins_after_an_interval, packets_are_told_apart,
          packets_of_other_versions_and_lengths_are_strange,
          a_peer_may_blame_us_for_a_while, jitter_stays_within_its_bounds,
          a_lease_ends_with_farewells, a_stall_is_told_once,
          who_is_deaf, a_token_is_missed,
          a_token_has_to_stay, how_old_a_token_may_be)
