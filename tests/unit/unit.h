/* SPDX-License-Identifier: Apache-2.0 */

/* main() of a unit test.
 *
 * A test program is one file, tests/unit/test-NAME.c, named in
 * tests/automake.mk.  It tests one core, without root, in milliseconds:
 *
 *     #include <config.h>
 *     #include "heartbeat.h"
 *     #include "unit.h"
 *
 *     START_TEST(three_beats_raise)
 *     {
 *         ck_assert_int_eq(...);
 *     }
 *     END_TEST
 *
 *     UNIT_MAIN("heartbeat", three_beats_raise, two_misses_stay)
 *
 * "make check" reads its output as TAP, one line a test.  By hand,
 * "CK_RUN_CASE=NAME" picks, "CK_FORK=no" runs all in one process for a
 * debugger.  For fixtures or loop tests, build a TCase by hand and hand it
 * over with UNIT_MAIN_SUITE(function that returns a Suite). */

#ifndef TPR_UNIT_H
#define TPR_UNIT_H 1

#include <check.h>
#include <stdlib.h>
#include "util.h"

/* Runs 'suite', frees it, and returns the exit status of the program.  A
 * reader of TAP knows of failed tests from their lines; for it, another
 * status than 0 means a crash or a report of a sanitizer. */
static inline int
unit_run(const char *program, Suite *suite)
{
    ovs_set_program_name(program, "test");

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return (failed && !getenv("CK_TAP_LOG_FILE_NAME")
            ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* main() for the Suite that SUITE_FUNCTION(void) makes. */
#define UNIT_MAIN_SUITE(SUITE_FUNCTION)                     \
    int                                                     \
    main(int argc OVS_UNUSED, char *argv[])                 \
    {                                                       \
        return unit_run(argv[0], SUITE_FUNCTION());         \
    }

/* main() for the tests that follow, each defined by START_TEST. */
#define UNIT_MAIN(NAME, ...)                                            \
    static Suite *                                                      \
    unit_suite(void)                                                    \
    {                                                                   \
        const TTest *const tests[] = { __VA_ARGS__ };                   \
        Suite *suite = suite_create(NAME);                              \
                                                                        \
        for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {                \
            TCase *tcase = tcase_create(tests[i]->name);                \
            tcase_add_test(tcase, tests[i]);                            \
            suite_add_tcase(suite, tcase);                              \
        }                                                               \
        return suite;                                                   \
    }                                                                   \
    UNIT_MAIN_SUITE(unit_suite)

#endif /* TPR_UNIT_H */
