/* SPDX-License-Identifier: Apache-2.0 */

/* Tests how often something is said that a peer can provoke. */

#include <config.h>
#include "say-limit.h"

#include <limits.h>
#include "unit.h"

enum { BEGIN_US = 1000, SPACING_US = SAY_SPACING_US };

static void
use_burst(struct say_limit *l)
{
    for (int i = 0; i < SAY_BURST; i++) {
        ck_assert(say_limit_take(l, BEGIN_US));
    }
}

START_TEST(a_burst_and_then_one_at_a_time)
{
    struct say_limit l = { .n_waiting = 0 };
    uint64_t n;

    ck_assert(say_limit_is_idle(&l, BEGIN_US));
    use_burst(&l);
    ck_assert(!say_limit_is_idle(&l, BEGIN_US));
    ck_assert_int_eq(say_limit_deadline(&l), LLONG_MAX);
    for (int i = 0; i < 1000; i++) {
        ck_assert(!say_limit_take(&l, BEGIN_US + i));
    }
    ck_assert_int_eq(say_limit_deadline(&l), BEGIN_US + SPACING_US);
    ck_assert(!say_limit_run(&l, BEGIN_US + SPACING_US - 1, &n));
    ck_assert(say_limit_run(&l, BEGIN_US + SPACING_US, &n));
    ck_assert_uint_eq(n, 1000);
    ck_assert(!say_limit_run(&l, LLONG_MAX - 1, &n));
    ck_assert(!say_limit_take(&l, BEGIN_US + 2 * SPACING_US - 1));
    ck_assert(say_limit_run(&l, BEGIN_US + 2 * SPACING_US, &n));
    ck_assert_uint_eq(n, 1);
}
END_TEST

/* The newest is said last, however late anybody looks. */
START_TEST(nothing_overtakes_what_waits)
{
    struct say_limit l = { .n_waiting = 0 };
    uint64_t n;

    use_burst(&l);
    ck_assert(!say_limit_take(&l, BEGIN_US));
    ck_assert(!say_limit_take(&l, BEGIN_US + 5LL * SPACING_US));
    ck_assert(say_limit_run(&l, BEGIN_US + 5LL * SPACING_US, &n));
    ck_assert_uint_eq(n, 2);
}
END_TEST

START_TEST(quiet_brings_the_burst_back)
{
    const long long int later_us = BEGIN_US + (long long) SAY_BURST
                                              * SPACING_US;
    struct say_limit l = { .n_waiting = 0 };

    use_burst(&l);
    ck_assert(!say_limit_is_idle(&l, later_us - 1));
    ck_assert(say_limit_is_idle(&l, later_us));
    for (int i = 0; i < SAY_BURST; i++) {
        ck_assert(say_limit_take(&l, later_us));
    }
    ck_assert(!say_limit_take(&l, later_us));
}
END_TEST

UNIT_MAIN("say-limit", a_burst_and_then_one_at_a_time,
          nothing_overtakes_what_waits, quiet_brings_the_burst_back)
