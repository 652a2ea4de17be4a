/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the door of the heartbeat thread: orders in, facts out, liveness words
 * before facts.  With sessions of type LINK, which need no socket, so no root;
 * the transports are tested by the system tests t-bfd-*. */

#include <config.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "hb-thread.h"
#include "liveness.h"
#include "unit.h"

enum { N_SESSIONS = 64, TIMEOUT_MS = 10000 };

static struct hb_thread *t;
static struct liveness *liveness;
static char *path;

static void
set_up(void)
{
    path = xasprintf("/tmp/test-hb-thread.%ld", (long int) getpid());
    ck_assert_ptr_null(liveness_open(path, &liveness));
    t = hb_thread_create(liveness, N_SESSIONS);
}

static void
tear_down(void)
{
    hb_thread_destroy(t);
    liveness_close(liveness);
    unlink(path);
    free(path);
}

static void
add_link(uint32_t id)
{
    struct hb_session_config cfg = { .id = id, .type = HB_LINK };

    ck_assert_int_eq(hb_thread_set(t, &cfg), 0);
}

/* Waits for the next fact. */
static struct hb_fact
next_fact(void)
{
    struct hb_fact fact;

    while (!hb_thread_next_fact(t, &fact)) {
        struct pollfd pfd = { .fd = hb_thread_fd(t), .events = POLLIN };

        ck_assert_int_eq(poll(&pfd, 1, TIMEOUT_MS), 1);
    }
    return fact;
}

static enum tpr_liveness
word(uint32_t id)
{
    return tpr_word_state(liveness_get_region(liveness, id));
}

START_TEST(link_makes_facts_and_words)
{
    struct hb_stats stats;
    struct hb_fact fact;

    ck_assert(!hb_thread_stats(t, 5, &stats));
    add_link(5);
    hb_thread_set_link(t, 5, true);
    fact = next_fact();
    ck_assert_uint_eq(fact.id, 5);
    ck_assert_int_eq(fact.type, HB_FACT_UP);
    ck_assert_int_eq(word(5), TPR_LIVENESS_UP);

    hb_thread_set_link(t, 5, false);
    fact = next_fact();
    ck_assert_int_eq(fact.type, HB_FACT_DOWN);
    ck_assert_int_eq(fact.cause, HEARTBEAT_CAUSE_LINK_DOWN);
    ck_assert_int_eq(word(5), TPR_LIVENESS_DOWN);
    ck_assert(hb_thread_stats(t, 5, &stats));
    ck_assert_int_eq(stats.type, HB_LINK);
    ck_assert_uint_eq(stats.hb.n_up, 1);
    ck_assert_int_eq(stats.hb.state, HEARTBEAT_DOWN);
}
END_TEST

/* A session with a new configuration goes on; one that was removed is
 * forgotten, its word too. */
START_TEST(set_again_and_remove)
{
    add_link(0);
    hb_thread_set_link(t, 0, true);
    ck_assert_int_eq(next_fact().type, HB_FACT_UP);
    add_link(0);
    hb_thread_set_link(t, 0, true);
    hb_thread_set_link(t, 0, false);
    ck_assert_int_eq(next_fact().type, HB_FACT_DOWN);

    hb_thread_remove(t, 0);
    hb_thread_remove(t, 0);
    hb_thread_set_link(t, 0, true);         /* Nobody there. */
    add_link(1);
    hb_thread_set_link(t, 1, true);
    ck_assert_uint_eq(next_fact().id, 1);
    ck_assert_int_eq(word(0), TPR_LIVENESS_UNKNOWN);
}
END_TEST

/* Nothing is lost if the main thread does not look for a while: the last
 * transition of each session comes through, in order. */
START_TEST(facts_are_kept_for_a_slow_reader)
{
    enum { N_FLAPS = 5000 };
    enum hb_fact_type last[4] = { HB_FACT_ERROR };
    long long int time[4] = { 0 };
    int n = 0;

    for (uint32_t id = 0; id < 4; id++) {
        add_link(id);
    }
    for (int i = 0; i < N_FLAPS; i++) {
        for (uint32_t id = 0; id < 4; id++) {
            while (hb_thread_set_link(t, id, (i + id) % 2) == EAGAIN) {
                continue;
            }
        }
    }
    /* Afterwards there is one that tells when all was done. */
    add_link(63);
    while (hb_thread_set_link(t, 63, true) == EAGAIN) {
        continue;
    }
    for (;;) {
        struct hb_fact fact = next_fact();

        if (fact.id == 63) {
            break;
        }
        ck_assert_uint_lt(fact.id, 4);
        ck_assert_int_ge(fact.now_us, time[fact.id]);
        time[fact.id] = fact.now_us;
        last[fact.id] = fact.type;
        n++;
    }

    /* What was held back comes by the next round at the latest. */
    for (uint32_t id = 0; id < 4; id++) {
        enum hb_fact_type want = ((N_FLAPS - 1 + id) % 2
                                  ? HB_FACT_UP : HB_FACT_DOWN);

        while (last[id] != want) {
            struct hb_fact fact = next_fact();

            last[fact.id] = fact.type;
            n++;
        }
        ck_assert_int_eq(word(id), (want == HB_FACT_UP
                                    ? TPR_LIVENESS_UP : TPR_LIVENESS_DOWN));
    }
    ck_assert_int_ge(n, 4096);
}
END_TEST

START_TEST(a_device_that_is_not_there)
{
    struct hb_session_config cfg = {
        .type = HB_BFD, .path = HB_PATH_PACKET, .ifname = "no-such-dev",
        .hb = { .interval_us = 1000, .fall = 3, .rise = 1 },
        .bfd = { .min_tx_us = 1000, .min_rx_us = 1000, .mult = 3 },
    };

    inet_pton(AF_INET6, "::ffff:10.0.0.1", &cfg.local);
    inet_pton(AF_INET6, "::ffff:10.0.0.2", &cfg.peer);
    ck_assert_int_ne(hb_thread_set(t, &cfg), 0);    /* ENODEV or EPERM. */

    /* It begins all the same and finds out that nobody answers. */
    struct hb_fact fact;
    do {
        fact = next_fact();
    } while (fact.type != HB_FACT_ERROR);
    ck_assert_int_eq(fact.error, ENODEV);

    cfg.path = HB_PATH_UDP;
    cfg.type = HB_ICMP;
    ck_assert_int_eq(hb_thread_set(t, &cfg), EOPNOTSUPP);
}
END_TEST

/* Commands that come while the thread obeys others wake it again. */
START_TEST(no_command_is_lost)
{
    for (int i = 0; i < 3000; i++) {
        add_link(0);
        ck_assert_int_eq(hb_thread_set_link(t, 0, true), 0);
        ck_assert_int_eq(next_fact().type, HB_FACT_UP);
        ck_assert_int_eq(hb_thread_remove(t, 0), 0);
    }
}
END_TEST

START_TEST(thread_tells_about_itself)
{
    struct hb_thread_stats self;

    add_link(0);
    hb_thread_set_link(t, 0, true);
    next_fact();
    hb_thread_self_stats(t, &self);
    ck_assert_uint_ge(self.n_wakeups, 1);
    ck_assert_uint_eq(self.n_strays, 0);
}
END_TEST

/* Makes session 5 one that hears nothing, and waits for its death. */
static struct hb_fact
silent_session(void)
{
    struct hb_session_config cfg = {
        .id = 5, .type = HB_BFD, .path = HB_PATH_UDP,
        .hb = { .interval_us = 10000, .fall = 2, .rise = 1 },
        .bfd = { .min_tx_us = 10000, .min_rx_us = 10000, .mult = 2 },
    };
    struct hb_fact fact;

    inet_pton(AF_INET6, "::ffff:127.83.7.1", &cfg.local);
    inet_pton(AF_INET6, "::ffff:127.83.7.2", &cfg.peer);
    ck_assert_int_eq(hb_thread_set(t, &cfg), 0);
    do {
        fact = next_fact();
    } while (fact.type != HB_FACT_DOWN);
    return fact;
}

START_TEST(silence_after_a_restart_is_no_proof)
{
    liveness_set_region(liveness, 5, TPR_LIVENESS_UP);
    ck_assert_uint_eq(silent_session().id, 5);
    ck_assert_int_eq(word(5), TPR_LIVENESS_UP);
}
END_TEST

START_TEST(a_dead_link_is_proof_at_once)
{
    liveness_set_region(liveness, 5, TPR_LIVENESS_UP);
    add_link(5);
    hb_thread_set_link(t, 5, false);
    ck_assert_int_eq(next_fact().type, HB_FACT_DOWN);
    ck_assert_int_eq(word(5), TPR_LIVENESS_DOWN);
}
END_TEST

START_TEST(silence_from_the_beginning_is_death)
{
    ck_assert_uint_eq(silent_session().id, 5);
    ck_assert_int_eq(word(5), TPR_LIVENESS_DOWN);
}
END_TEST

static Suite *
suite(void)
{
    Suite *suite = suite_create("hb-thread");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, link_makes_facts_and_words);
    tcase_add_test(tcase, set_again_and_remove);
    tcase_add_test(tcase, facts_are_kept_for_a_slow_reader);
    tcase_add_test(tcase, a_device_that_is_not_there);
    tcase_add_test(tcase, no_command_is_lost);
    tcase_add_test(tcase, silence_after_a_restart_is_no_proof);
    tcase_add_test(tcase, silence_from_the_beginning_is_death);
    tcase_add_test(tcase, a_dead_link_is_proof_at_once);
    tcase_add_test(tcase, thread_tells_about_itself);
    suite_add_tcase(suite, tcase);
    return suite;
}

UNIT_MAIN_SUITE(suite)
