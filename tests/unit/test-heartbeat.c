/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the heartbeat detector.
 *
 * A test feeds words to a detector and compares what changed.  Words are
 * separated by ';', each is a time in milliseconds and one of
 *
 *     beat              a good beat arrives
 *     down              the peer says that it goes down
 *     late MS           we wake up so late; until then we were not running
 *     detect INT MS     negotiated interval and detection time
 *     run               just let time pass
 *
 * Whenever the owner is running, deadlines are met on time.  The result has
 * one word a change: "30 up", "60 down 3" (with the beats missed), "60
 * excused". */

#include <config.h>
#include "heartbeat.h"
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "openvswitch/dynamic-string.h"

#define MS(N) ((N) * 1000LL)

/* interval 10 ms, fall 3, rise 2, 2 excuses. */
static const struct heartbeat_config cfg = {
    .interval_us = MS(10), .fall = 3, .rise = 2, .max_excuses = 2,
};

static void
note(struct ds *out, const struct heartbeat *hb,
     enum heartbeat_decision decision, long long int now_us)
{
    static const char *names[] = {
        [HEARTBEAT_WENT_UP] = "up",
        [HEARTBEAT_WENT_DOWN] = "down",
        [HEARTBEAT_EXCUSED] = "excused",
    };

    if (decision == HEARTBEAT_NOTHING) {
        return;
    }
    ds_put_format(out, "%s%lld %s", out->length ? "; " : "", now_us / 1000,
                  names[decision]);
    if (decision == HEARTBEAT_WENT_DOWN) {
        if (hb->cause == HEARTBEAT_CAUSE_MISSED) {
            ds_put_format(out, " %u", heartbeat_missed(hb, now_us));
        } else {
            ds_put_format(out, " (%s)", heartbeat_cause_to_string(hb->cause));
        }
    }
}

/* When the owner last did something or woke up: it runs nothing before. */
static long long int awake_us;

/* Meets all deadlines before and at 'now_us'. */
static void
run_until(struct ds *out, struct heartbeat *hb, long long int now_us)
{
    while (heartbeat_deadline(hb) <= now_us) {
        long long int when_us = MAX(heartbeat_deadline(hb), awake_us);

        note(out, hb, heartbeat_run(hb, when_us), when_us);
    }
}

static void
feed_word(struct ds *out, struct heartbeat *hb, const char *word)
{
    int time, a = 0, b = 0;
    char event[16];

    ck_assert_int_ge(sscanf(word, "%d %15s %d %d", &time, event, &a, &b), 2);
    long long int now_us = MS(time);

    if (!strcmp(event, "late")) {
        run_until(out, hb, now_us - MS(a) - 1);
        heartbeat_late(hb, MS(a));
        awake_us = now_us;
        return;
    }

    run_until(out, hb, now_us - 1);
    awake_us = now_us;
    if (!strcmp(event, "beat")) {
        note(out, hb, heartbeat_beat(hb, now_us), now_us);
    } else if (!strcmp(event, "down")) {
        note(out, hb, heartbeat_down(hb, HEARTBEAT_CAUSE_PEER_DOWN, now_us),
             now_us);
    } else if (!strcmp(event, "detect")) {
        heartbeat_set_detection(hb, MS(a), MS(b), now_us);
    } else {
        ck_assert_str_eq(event, "run");
        note(out, hb, heartbeat_run(hb, now_us), now_us);
    }
    run_until(out, hb, now_us);
}

/* Feeds 'words' and checks that 'changes' is what comes out. */
static void
feed(struct heartbeat *hb, const char *words, const char *changes)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    char *copy = xstrdup(words), *save = NULL;

    for (char *word = strtok_r(copy, ";", &save); word;
         word = strtok_r(NULL, ";", &save)) {
        feed_word(&out, hb, word);
    }
    ck_assert_str_eq(ds_cstr(&out), changes);
    ds_destroy(&out);
    free(copy);
}

static void
start(struct heartbeat *hb)
{
    heartbeat_init(hb, &cfg, 0);
    awake_us = 0;
}

START_TEST(unknown_goes_down_after_a_detection_time)
{
    struct heartbeat hb;

    start(&hb);
    ck_assert_int_eq(hb.state, HEARTBEAT_UNKNOWN);
    ck_assert_int_eq(heartbeat_deadline(&hb), MS(30));
    feed(&hb, "29 run", "");
    feed(&hb, "30 run", "30 down 3");
    ck_assert_int_eq(heartbeat_deadline(&hb), LLONG_MAX);
}
END_TEST

START_TEST(rise_beats_raise)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "5 beat; 15 beat", "15 up");
    ck_assert_int_eq(hb.cause, HEARTBEAT_CAUSE_BEATS);
    ck_assert_int_eq(hb.since_us, MS(15));
    ck_assert_int_eq(hb.n_up, 1);
}
END_TEST

START_TEST(rise_of_one_raises_at_once)
{
    struct heartbeat_config one = cfg;
    struct heartbeat hb;

    one.rise = 1;
    heartbeat_init(&hb, &one, 0);
    feed(&hb, "5 beat", "5 up");
}
END_TEST

START_TEST(beats_in_a_burst_count_once)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "5 beat; 5 beat; 6 beat; 9 beat", "");
    feed(&hb, "10 beat", "10 up");
}
END_TEST

START_TEST(silence_starts_rise_over)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "30 run; 40 beat; 70 beat; 80 beat", "30 down 3; 80 up");
}
END_TEST

START_TEST(unknown_with_too_few_beats_goes_down)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "20 beat; 60 run", "50 down 3");
}
END_TEST

START_TEST(misses_are_consecutive)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 39 beat; 68 beat; 97 beat; 126 run", "10 up");
    feed(&hb, "127 run", "127 down 3");
    ck_assert_int_eq(hb.max_gap_us, MS(29));
    ck_assert_int_eq(hb.last_beat_us, MS(97));
}
END_TEST

START_TEST(a_late_beat_is_too_late)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 41 beat; 51 beat", "10 up; 40 down 3; 51 up");
}
END_TEST

START_TEST(peer_says_down)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 12 down; 13 down",
         "10 up; 12 down (peer signalled down)");
    feed(&hb, "22 beat; 23 down; 32 beat", "");
    feed(&hb, "42 beat", "42 up");
    ck_assert_int_eq(hb.n_down, 1);
    ck_assert_int_eq(hb.n_up, 2);
}
END_TEST

START_TEST(unknown_and_peer_says_down)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "3 down", "3 down (peer signalled down)");
}
END_TEST

START_TEST(own_stall_is_excused)
{
    struct heartbeat hb;

    start(&hb);
    /* We sleep from 25 to 45, our deadline was at 40. */
    feed(&hb, "0 beat; 10 beat; 45 late 20; 45 run", "10 up; 45 excused");
    ck_assert_int_eq(heartbeat_deadline(&hb), MS(55));
    feed(&hb, "50 beat; 79 beat", "");
    ck_assert_int_eq(hb.state, HEARTBEAT_UP);
    ck_assert_int_eq(hb.n_excused, 1);
    ck_assert_int_eq(hb.guard.excuses, 0);
    ck_assert_int_eq(hb.max_late_us, MS(20));
}
END_TEST

START_TEST(more_than_half_an_interval_is_late)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 20 late 6; 45 run", "10 up; 40 excused");
}
END_TEST

START_TEST(excuses_end)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 45 late 20; 90 run",
         "10 up; 45 excused; 55 excused; 65 down 5");
    ck_assert_int_eq(hb.n_excused, 2);
}
END_TEST

START_TEST(a_beat_ends_the_excuse)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 20 late 9; 21 beat; 60 run",
         "10 up; 51 down 3");
    ck_assert_int_eq(hb.n_excused, 0);
}
END_TEST

START_TEST(small_lateness_is_no_excuse)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 20 late 5; 60 run", "10 up; 40 down 3");
}
END_TEST

START_TEST(no_excuses_when_disabled)
{
    struct heartbeat_config none = cfg;
    struct heartbeat hb;

    none.max_excuses = 0;
    heartbeat_init(&hb, &none, 0);
    feed(&hb, "0 beat; 10 beat; 45 late 20; 45 run", "10 up; 45 down 3");
}
END_TEST

START_TEST(negotiated_detection_counts_from_the_last_beat)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 20 detect 100 300; 300 beat; 310 run",
         "10 up");
    feed(&hb, "310 detect 50 150; 500 run", "450 down 3");

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 20 detect 1 5", "10 up; 20 down 10");
}
END_TEST

START_TEST(detection_set_again_changes_nothing)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 45 late 20; 45 run; 46 detect 10 30; 54 run",
         "10 up; 45 excused");
    ck_assert_int_eq(heartbeat_deadline(&hb), MS(55));
}
END_TEST

START_TEST(shorter_detection_keeps_the_excuse)
{
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat; 45 late 20; 45 run; 46 detect 8 24; 53 run",
         "10 up; 45 excused");
    ck_assert_int_eq(heartbeat_deadline(&hb), MS(54));
}
END_TEST

START_TEST(configure_keeps_state)
{
    struct heartbeat_config slow = cfg;
    struct heartbeat hb;

    start(&hb);
    feed(&hb, "0 beat; 10 beat", "10 up");
    slow.interval_us = MS(100);
    slow.fall = 2;
    heartbeat_configure(&hb, &slow, MS(10));
    feed(&hb, "209 run; 210 run", "210 down 2");
}
END_TEST

START_TEST(zeros_count_as_one)
{
    struct heartbeat_config zero = { .interval_us = 0 };
    struct heartbeat hb;

    heartbeat_init(&hb, &zero, 0);
    ck_assert_int_eq(heartbeat_beat(&hb, 0), HEARTBEAT_WENT_UP);
    ck_assert_int_eq(heartbeat_run(&hb, 1), HEARTBEAT_WENT_DOWN);
}
END_TEST

START_TEST(names)
{
    ck_assert_str_eq(heartbeat_state_to_string(HEARTBEAT_UNKNOWN), "unknown");
    ck_assert_str_eq(heartbeat_cause_to_string(HEARTBEAT_CAUSE_LINK_DOWN),
                     "link down");
    ck_assert_str_eq(heartbeat_state_to_string(77), "invalid");
    ck_assert_str_eq(heartbeat_cause_to_string(77), "invalid");
}
END_TEST

UNIT_MAIN("heartbeat",
          unknown_goes_down_after_a_detection_time, rise_beats_raise,
          rise_of_one_raises_at_once, beats_in_a_burst_count_once,
          silence_starts_rise_over, unknown_with_too_few_beats_goes_down,
          misses_are_consecutive, a_late_beat_is_too_late, peer_says_down,
          unknown_and_peer_says_down, own_stall_is_excused,
          more_than_half_an_interval_is_late, excuses_end,
          a_beat_ends_the_excuse, small_lateness_is_no_excuse,
          no_excuses_when_disabled,
          negotiated_detection_counts_from_the_last_beat,
          detection_set_again_changes_nothing,
          shorter_detection_keeps_the_excuse, configure_keeps_state,
          zeros_count_as_one, names)
