/* SPDX-License-Identifier: Apache-2.0 */

/* Tests when health checks start and what their verdicts lead to. */

#include <config.h>
#include "check-logic.h"

#include <string.h>
#include "openvswitch/dynamic-string.h"
#include "random.h"
#include "unit.h"

static enum check_proof
proof_of(char letter)
{
    return (letter == 'g' ? CHECK_PROOF_GOOD
            : letter == 'b' ? CHECK_PROOF_BAD : CHECK_PROOF_SILENCE);
}

/* The language: one letter a check, 'g' good, 'b' bad, '-' without an answer,
 * 'o' our own error; 's' makes the backend suspect.  Prints "STATE@N" for each
 * transition, N counts the letters from 1. */
static void
check_verdicts(enum check_state start, unsigned int fall, unsigned int rise,
               const char *verdicts, const char *expected)
{
    static const char *const names[] = { "unknown", "up", "down" };
    const struct tpr_check check = { .fall = fall, .rise = rise };
    struct ds s = DS_EMPTY_INITIALIZER;
    struct check_logic logic;

    check_logic_init(&logic, start);
    for (size_t i = 0; verdicts[i]; i++) {
        if (verdicts[i] == 's') {
            check_logic_suspect(&logic);
        } else if (verdicts[i] != 'o'
            && check_logic_verdict(&logic, &check, proof_of(verdicts[i]),
                                   (i + 1) * 10)) {
            ds_put_format(&s, "%s%s@%"PRIuSIZE, s.length ? " " : "",
                          names[logic.state], i + 1);
        }
    }
    ck_assert_msg(!strcmp(ds_cstr(&s), expected),
                  "%s: expected \"%s\", got \"%s\"", verdicts, expected,
                  ds_cstr(&s));
    ds_destroy(&s);
}

START_TEST(first_good_check_is_enough)
{
    check_verdicts(CHECK_UNKNOWN, 3, 2, "g", "up@1");
    check_verdicts(CHECK_UNKNOWN, 3, 2, "bbg", "up@3");
    check_verdicts(CHECK_UNKNOWN, 3, 2, "bbbg", "down@3");
    check_verdicts(CHECK_UNKNOWN, 3, 2, "bbbgg", "down@3 up@5");
}
END_TEST

START_TEST(misses_count_in_a_row)
{
    check_verdicts(CHECK_UP, 3, 2, "bbgbbgbbgbbg", "");
    check_verdicts(CHECK_UP, 3, 2, "bbgbbb", "down@6");
    check_verdicts(CHECK_UP, 1, 1, "bgbg", "down@1 up@2 down@3 up@4");
    check_verdicts(CHECK_UP, 3, 2, "bbbbbb", "down@3");
}
END_TEST

START_TEST(good_checks_count_in_a_row)
{
    check_verdicts(CHECK_DOWN, 3, 2, "gbgbgb", "");
    check_verdicts(CHECK_DOWN, 3, 2, "gbgg", "up@4");
    check_verdicts(CHECK_DOWN, 3, 3, "ggbggg", "up@6");
}
END_TEST

START_TEST(own_errors_neither_count_nor_forget)
{
    check_verdicts(CHECK_UP, 3, 2, "oooooo", "");
    check_verdicts(CHECK_UP, 3, 2, "bobob", "down@5");
    check_verdicts(CHECK_DOWN, 3, 2, "gog", "up@3");
    check_verdicts(CHECK_UNKNOWN, 3, 2, "ooo", "");
}
END_TEST

/* A path that loses 1 % must not take anybody down. */
START_TEST(a_silent_suspect_has_two_chances)
{
    check_verdicts(CHECK_UP, 3, 2, "s-", "");
    check_verdicts(CHECK_UP, 3, 2, "s--", "down@3");
    check_verdicts(CHECK_UP, 3, 2, "s-s-", "down@4");
    check_verdicts(CHECK_UNKNOWN, 3, 2, "s--", "down@3");
    /* An answer in between, or a refusal, decides. */
    check_verdicts(CHECK_UP, 3, 2, "s-g-g--g", "");
    check_verdicts(CHECK_UP, 3, 2, "s-gs-gs-", "");
    check_verdicts(CHECK_UP, 3, 2, "s-b", "down@3");
    check_verdicts(CHECK_UP, 3, 2, "s-o-", "down@4");
    /* Nobody has more chances than without suspicion. */
    check_verdicts(CHECK_UP, 3, 2, "-s-", "down@3");
    check_verdicts(CHECK_UP, 1, 2, "s-", "down@2");
    check_verdicts(CHECK_UP, 3, 2, "---", "down@3");
    /* Suspicion ends with "down". */
    check_verdicts(CHECK_UP, 3, 2, "s--gg-", "down@3 up@5");
}
END_TEST

START_TEST(a_suspect_has_one_chance)
{
    check_verdicts(CHECK_UP, 3, 2, "sb", "down@2");
    check_verdicts(CHECK_UP, 3, 2, "ssob", "down@4");
    check_verdicts(CHECK_UP, 3, 2, "bsb", "down@3");
    check_verdicts(CHECK_UNKNOWN, 3, 2, "sb", "down@2");
    /* Suspicion alone is nothing, and a good check ends it. */
    check_verdicts(CHECK_UP, 3, 2, "sssooo", "");
    check_verdicts(CHECK_UP, 3, 2, "sgbb", "");
    check_verdicts(CHECK_UP, 3, 2, "sgsgbbb", "down@7");
    /* Coming up takes what it always does. */
    check_verdicts(CHECK_UP, 3, 2, "sbgbgg", "down@2 up@6");
    check_verdicts(CHECK_DOWN, 3, 2, "sgsg", "up@4");
}
END_TEST

START_TEST(early_starts_are_spaced)
{
    const long long int began_us = 1000 * 1000;

    ck_assert_int_eq(check_early_start(began_us, began_us),
                     began_us + CHECK_EARLY_SPACING_US);
    ck_assert_int_eq(check_early_start(began_us, began_us + 1),
                     began_us + CHECK_EARLY_SPACING_US);
    ck_assert_int_eq(check_early_start(began_us, 2 * began_us),
                     2 * began_us);
}
END_TEST

START_TEST(last_good_is_kept)
{
    const struct tpr_check check = { .fall = 2, .rise = 2 };
    struct check_logic logic;

    check_logic_init(&logic, CHECK_UP);
    ck_assert_int_eq(logic.last_good_us, 0);
    check_logic_verdict(&logic, &check, CHECK_PROOF_GOOD, 100);
    check_logic_verdict(&logic, &check, CHECK_PROOF_BAD, 200);
    check_logic_verdict(&logic, &check, CHECK_PROOF_BAD, 300);
    ck_assert_int_eq(logic.state, CHECK_DOWN);
    ck_assert_int_eq(logic.last_good_us, 100);
}
END_TEST

/* Against a twin that looks at the whole past each time. */
START_TEST(naive_twin_agrees)
{
    random_set_seed(1);
    for (int round = 0; round < 2000; round++) {
        const struct tpr_check check = { .fall = 1 + random_range(4),
                                         .rise = 1 + random_range(4) };
        enum check_state state = random_range(3);
        struct check_logic logic;
        bool past[40];

        check_logic_init(&logic, state);
        for (size_t n = 1; n <= ARRAY_SIZE(past); n++) {
            unsigned int run = 0;
            bool good = past[n - 1] = random_range(2);

            while (run < n && past[n - 1 - run] == good) {
                run++;
            }
            if (good && (state == CHECK_UNKNOWN || run >= check.rise)) {
                state = CHECK_UP;
            } else if (!good && run >= check.fall) {
                state = CHECK_DOWN;
            }
            check_logic_verdict(&logic, &check,
                                good ? CHECK_PROOF_GOOD : CHECK_PROOF_BAD,
                                n);
            ck_assert_int_eq(logic.state, state);
        }
    }
}
END_TEST

START_TEST(first_starts_are_spread)
{
    const long long int interval_us = 100 * 1000;
    const long long int now_us = 123456789;
    unsigned int slots[10] = { 0 };

    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t hash = i * (UINT32_MAX / 1000);
        long long int start_us = check_first_start(hash, interval_us, now_us);

        ck_assert_int_ge(start_us, now_us);
        ck_assert_int_lt(start_us, now_us + interval_us);
        /* Deterministic: also after a restart. */
        ck_assert_int_eq((check_first_start(hash, interval_us,
                                            now_us + 7777777) - start_us)
                         % interval_us, 0);
        slots[(start_us - now_us) / (interval_us / 10)]++;
    }
    for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
        ck_assert_uint_ge(slots[i], 90);
        ck_assert_uint_le(slots[i], 110);
    }
}
END_TEST

START_TEST(starts_do_not_drift_or_pile_up)
{
    /* In time, however long the check took. */
    ck_assert_int_eq(check_next_start(1000, 100, 1001), 1100);
    ck_assert_int_eq(check_next_start(1000, 100, 1100), 1100);
    /* A little late: at once. */
    ck_assert_int_eq(check_next_start(1000, 100, 1101), 1100);
    ck_assert_int_eq(check_next_start(1000, 100, 1125), 1100);
    /* Late: left out, not made up for. */
    ck_assert_int_eq(check_next_start(1000, 100, 1126), 1200);
    ck_assert_int_eq(check_next_start(1000, 100, 5050), 5100);
}
END_TEST

/* One letter a check of 'took' each, as above; prints the time between two
 * starts. */
static void
check_starts(enum check_state state, long long int fast_us,
             long long int took_us, const char *verdicts,
             const char *expected)
{
    const struct tpr_check check = { .interval_us = 1000, .fast_us = fast_us,
                                     .fall = 3, .rise = 2 };
    const uint32_t hash = UINT32_MAX / 2 + 1;       /* Phase 500. */
    long long int start_us = check_first_start(hash, 1000, 10000);
    struct ds s = DS_EMPTY_INITIALIZER;
    struct check_logic logic;

    check_logic_init(&logic, state);
    for (const char *v = verdicts; *v; v++) {
        long long int last_us = start_us;

        if (*v != 'o') {
            check_logic_verdict(&logic, &check, proof_of(*v), 1);
        }
        start_us = check_logic_next_start(&logic, &check, hash, start_us,
                                          start_us + took_us);
        ds_put_format(&s, "%s%lld", s.length ? " " : "", start_us - last_us);
    }
    ck_assert_msg(!strcmp(ds_cstr(&s), expected),
                  "%s: expected \"%s\", got \"%s\"", verdicts, expected,
                  ds_cstr(&s));
    ds_destroy(&s);
}

START_TEST(doubt_makes_haste)
{
    /* Up, the first failures; then it is known to be down. */
    check_starts(CHECK_UP, 100, 10, "ggbbbb", "1000 1000 100 100 800 1000");
    check_starts(CHECK_UP, 100, 10, "bg", "100 900");
    /* Down, the first success. */
    check_starts(CHECK_DOWN, 100, 10, "bbggg", "1000 1000 100 900 1000");
    check_starts(CHECK_UNKNOWN, 100, 10, "bbg", "100 100 800");
    /* Without it nothing changes; a failure of our own is no doubt. */
    check_starts(CHECK_UP, 0, 10, "gbbbbgg",
                 "1000 1000 1000 1000 1000 1000 1000");
    check_starts(CHECK_UP, 1000, 10, "gbbb", "1000 1000 1000 1000");
    check_starts(CHECK_UP, 100, 10, "oobog", "1000 1000 100 100 800");
    /* A check that takes longer than the fast interval. */
    check_starts(CHECK_UP, 100, 250, "bbb", "300 300 1400");
}
END_TEST

/* A server that hangs is asked every interval although the timeout is as
 * long. */
START_TEST(hanging_checks_are_not_left_out)
{
    check_starts(CHECK_DOWN, 0, 1001, "bbb", "1000 1000 1000");
    check_starts(CHECK_DOWN, 0, 1250, "bbb", "1000 1000 1000");
    check_starts(CHECK_DOWN, 0, 1251, "bbb", "2000 2000 2000");
}
END_TEST

UNIT_MAIN("check-logic", first_good_check_is_enough, misses_count_in_a_row,
          good_checks_count_in_a_row, own_errors_neither_count_nor_forget,
          last_good_is_kept, a_suspect_has_one_chance,
          a_silent_suspect_has_two_chances,
          early_starts_are_spaced, naive_twin_agrees, first_starts_are_spread,
          starts_do_not_drift_or_pile_up, doubt_makes_haste,
          hanging_checks_are_not_left_out)
