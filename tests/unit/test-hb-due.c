/* SPDX-License-Identifier: Apache-2.0 */

/* Tests whose turn it is on the heartbeat thread. */

#include <config.h>
#include <limits.h>
#include "hb-due.h"
#include "random.h"
#include "unit.h"

enum { MAX = 100 };

static struct hb_due d;

static void
set_up(void)
{
    random_set_seed(7);
    hb_due_init(&d, MAX);
}

static void
tear_down(void)
{
    hb_due_destroy(&d);
}

static uint32_t
next(void)
{
    uint32_t id;

    ck_assert(hb_due_next(&d, &id));
    return id;
}

static void
assert_nobody(void)
{
    uint32_t id;

    ck_assert(!hb_due_next(&d, &id));
}

START_TEST(nobody_is_due_at_first)
{
    ck_assert_int_eq(hb_due_earliest(&d), LLONG_MAX);
    hb_due_collect(&d, LLONG_MAX - 1);
    assert_nobody();
}
END_TEST

START_TEST(a_visit_is_one_turn)
{
    hb_due_visit(&d, 7);
    hb_due_visit(&d, MAX - 1);
    hb_due_visit(&d, 7);
    ck_assert_uint_eq(next(), 7);
    /* It has had its turn: another visit is another one. */
    hb_due_visit(&d, 7);
    ck_assert_uint_eq(next(), MAX - 1);
    ck_assert_uint_eq(next(), 7);
    assert_nobody();
}
END_TEST

START_TEST(all_may_wait_at_once_again_and_again)
{
    for (int round = 0; round < 5; round++) {
        for (uint32_t id = 0; id < MAX; id++) {
            hb_due_visit(&d, (id + 13 * round) % MAX);
        }
        for (uint32_t id = 0; id < MAX; id++) {
            ck_assert_uint_eq(next(), (id + 13 * round) % MAX);
        }
        assert_nobody();
        hb_due_visit(&d, 1);            /* Another beginning of the ring. */
        ck_assert_uint_eq(next(), 1);
    }
}
END_TEST

START_TEST(a_deadline_is_due_once_it_has_come)
{
    hb_due_set(&d, 3, 1000);
    hb_due_set(&d, 4, 999);
    hb_due_set(&d, 5, -5);              /* Long ago. */
    ck_assert_int_eq(hb_due_earliest(&d), 0);
    hb_due_collect(&d, 999);
    ck_assert_uint_eq(next(), 5);
    ck_assert_uint_eq(next(), 4);
    assert_nobody();
    ck_assert_int_eq(hb_due_earliest(&d), 1000);
    /* Who was collected has none until it gets another. */
    hb_due_set(&d, 4, 1001);
    hb_due_collect(&d, 1001);
    ck_assert_uint_eq(next(), 3);
    ck_assert_uint_eq(next(), 4);
    ck_assert_int_eq(hb_due_earliest(&d), LLONG_MAX);
}
END_TEST

/* Beside a list that is searched. */
START_TEST(deadlines_at_random)
{
    long long int deadlines[MAX], now = 0;
    bool waits[MAX] = { false };
    uint32_t id;

    for (id = 0; id < MAX; id++) {
        deadlines[id] = LLONG_MAX;
    }
    for (int round = 0; round < 2000; round++) {
        long long int earliest = LLONG_MAX;

        for (int i = 0; i < 5; i++) {
            id = random_range(MAX);
            deadlines[id] = (random_range(10)
                             ? now + random_range(100) : LLONG_MAX);
            hb_due_set(&d, id, deadlines[id]);
        }
        id = random_range(MAX);
        waits[id] = true;
        hb_due_visit(&d, id);
        for (id = 0; id < MAX; id++) {
            earliest = MIN(earliest, deadlines[id]);
        }
        ck_assert_int_eq(hb_due_earliest(&d), earliest);

        now += random_range(20);
        for (id = 0; id < MAX; id++) {
            if (deadlines[id] <= now) {
                waits[id] = true;
                deadlines[id] = LLONG_MAX;
            }
        }
        hb_due_collect(&d, now);
        while (hb_due_next(&d, &id)) {
            ck_assert(waits[id]);
            waits[id] = false;
        }
        for (id = 0; id < MAX; id++) {
            ck_assert(!waits[id]);
        }
    }
}
END_TEST

static Suite *
hb_due_suite(void)
{
    const TTest *const tests[] = {
        nobody_is_due_at_first, a_visit_is_one_turn,
        all_may_wait_at_once_again_and_again,
        a_deadline_is_due_once_it_has_come, deadlines_at_random,
    };
    Suite *suite = suite_create("hb-due");

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

UNIT_MAIN_SUITE(hb_due_suite)
