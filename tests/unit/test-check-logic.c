/* SPDX-License-Identifier: Apache-2.0 */

/* Tests when health checks start and what their verdicts lead to. */

#include <config.h>
#include "check-logic.h"

#include <string.h>
#include "openvswitch/dynamic-string.h"
#include "random.h"
#include "unit.h"

/* The language: one letter a check, 'g' good, 'b' bad, 'o' our own error.
 * Prints "STATE@N" for each transition, N counts the letters from 1. */
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
        if (verdicts[i] != 'o'
            && check_logic_verdict(&logic, &check, verdicts[i] == 'g',
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

START_TEST(last_good_is_kept)
{
    const struct tpr_check check = { .fall = 2, .rise = 2 };
    struct check_logic logic;

    check_logic_init(&logic, CHECK_UP);
    ck_assert_int_eq(logic.last_good_us, 0);
    check_logic_verdict(&logic, &check, true, 100);
    check_logic_verdict(&logic, &check, false, 200);
    check_logic_verdict(&logic, &check, false, 300);
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
            check_logic_verdict(&logic, &check, good, n);
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
    /* Late: left out, not made up for. */
    ck_assert_int_eq(check_next_start(1000, 100, 1101), 1200);
    ck_assert_int_eq(check_next_start(1000, 100, 5050), 5100);
}
END_TEST

UNIT_MAIN("check-logic", first_good_check_is_enough, misses_count_in_a_row,
          good_checks_count_in_a_row, own_errors_neither_count_nor_forget,
          last_good_is_kept, naive_twin_agrees, first_starts_are_spread,
          starts_do_not_drift_or_pile_up)
