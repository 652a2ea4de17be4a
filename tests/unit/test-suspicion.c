/* SPDX-License-Identifier: Apache-2.0 */

/* Tests episodes of suspicion. */

#include <config.h>
#include "suspicion.h"

#include <limits.h>
#include "unit.h"

enum { QUIET = SUSPICION_QUIET_US };

START_TEST(an_episode)
{
    struct suspicion s = { .suspect = false };

    ck_assert(!suspicion_run(&s, LLONG_MAX - 1));
    ck_assert(suspicion_note(&s, 3, 0, 1000));
    ck_assert(!suspicion_note(&s, 0, 2, 2000));
    ck_assert(s.suspect);
    ck_assert_int_eq(s.since_us, 1000);
    ck_assert_int_eq(s.last_us, 2000);
    ck_assert_uint_eq(s.n_refused, 3);
    ck_assert_uint_eq(s.n_silent, 2);

    suspicion_good(&s);
    ck_assert_int_eq(suspicion_deadline(&s), 2000 + QUIET);
    ck_assert(!suspicion_run(&s, 2000 + QUIET - 1));
    ck_assert(suspicion_run(&s, 2000 + QUIET));
    ck_assert(!s.suspect);
    ck_assert(!suspicion_run(&s, LLONG_MAX - 1));

    /* What was counted stays, for people. */
    ck_assert(suspicion_note(&s, 1, 1, 5000 + QUIET));
    ck_assert_uint_eq(s.n_episodes, 2);
    ck_assert_uint_eq(s.n_refused, 4);
    ck_assert_uint_eq(s.n_silent, 3);
}
END_TEST

START_TEST(only_a_check_clears)
{
    struct suspicion s = { .suspect = false };

    suspicion_note(&s, 1, 0, 1000);
    ck_assert_int_eq(suspicion_deadline(&s), LLONG_MAX);
    ck_assert(!suspicion_run(&s, LLONG_MAX - 1));

    /* What comes after the check wants another one. */
    suspicion_good(&s);
    suspicion_note(&s, 1, 0, 3000);
    ck_assert_int_eq(suspicion_deadline(&s), LLONG_MAX);
    suspicion_good(&s);
    ck_assert_int_eq(suspicion_deadline(&s), 3000 + QUIET);
}
END_TEST

START_TEST(death_ends_it)
{
    struct suspicion s = { .suspect = false };

    suspicion_note(&s, 1, 0, 1000);
    suspicion_down(&s);
    ck_assert(!s.suspect);
    ck_assert_int_eq(suspicion_deadline(&s), LLONG_MAX);
    suspicion_good(&s);
    ck_assert(!suspicion_run(&s, LLONG_MAX - 1));
    ck_assert(suspicion_note(&s, 1, 0, 9000));
}
END_TEST

UNIT_MAIN("suspicion", an_episode, only_a_check_clears, death_ends_it)
