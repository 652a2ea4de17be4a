/* SPDX-License-Identifier: Apache-2.0 */

/* Tests whether what a check expects is found in an answer. */

#include <config.h>
#include "check-answer.h"

#include <string.h>
#include "random.h"
#include "unit.h"

static struct tpr_bytes
bytes(const char *s)
{
    return (struct tpr_bytes) {
        .data = (uint8_t *) CONST_CAST(char *, s), .n = strlen(s),
    };
}

/* Feeds 'answer' in portions of 'portion' bytes. */
static enum check_answer_result
feed(struct check_answer *a, const struct tpr_bytes *want, const char *answer,
     size_t portion)
{
    enum check_answer_result result = CHECK_ANSWER_MORE;
    size_t n = strlen(answer);

    check_answer_init(a, want);
    for (size_t i = 0; i < n && result == CHECK_ANSWER_MORE; i += portion) {
        result = check_answer_feed(a, want, answer + i, MIN(portion, n - i));
    }
    return result;
}

static const struct {
    const char *want, *answer;
    bool found;
} searches[] = {
    { "+PONG", "+PONG\r\n", true },
    { "ready", "220 smtp.example.org ready", true },
    { "ready", "220 smtp.example.org read", false },
    { "aab", "aaaaab", true },
    { "abab", "abaabab", true },
    { "abcabd", "abcabcabd", true },
    { "abcabd", "abcabcab", false },
    { "a", "", false },
};

START_TEST(found_in_any_portions)
{
    struct tpr_bytes want = bytes(searches[_i].want);
    struct check_answer a;

    for (size_t portion = 1; portion < 12; portion++) {
        ck_assert_int_eq(feed(&a, &want, searches[_i].answer, portion),
                         (searches[_i].found
                          ? CHECK_ANSWER_FOUND : CHECK_ANSWER_MORE));
    }
}
END_TEST

START_TEST(nothing_is_in_everything)
{
    struct tpr_bytes want = { .n = 0 };
    struct check_answer a;

    check_answer_init(&a, &want);
    ck_assert_int_eq(check_answer_feed(&a, &want, "", 0),
                     CHECK_ANSWER_FOUND);
}
END_TEST

/* Against strstr(), over two letters, so that there is much to fall back
 * to. */
START_TEST(naive_twin_agrees)
{
    random_set_seed(1);
    for (int round = 0; round < 20000; round++) {
        char want[9], answer[65];
        size_t n_want = 1 + random_range(sizeof want - 1);
        size_t n_answer = random_range(sizeof answer);
        struct tpr_bytes b;
        struct check_answer a;

        for (size_t i = 0; i < n_want; i++) {
            want[i] = 'a' + random_range(2);
        }
        for (size_t i = 0; i < n_answer; i++) {
            answer[i] = 'a' + random_range(2);
        }
        want[n_want] = answer[n_answer] = '\0';
        b = bytes(want);
        ck_assert_int_eq(feed(&a, &b, answer, 1 + random_range(10)),
                         (strstr(answer, want)
                          ? CHECK_ANSWER_FOUND : CHECK_ANSWER_MORE));
    }
}
END_TEST

/* A server may send for ever: only its first bytes are looked at. */
START_TEST(answers_are_bounded)
{
    struct tpr_bytes want = bytes("y");
    char x[1000];
    struct check_answer a;
    size_t n = 0;

    memset(x, 'x', sizeof x);
    check_answer_init(&a, &want);
    while (check_answer_feed(&a, &want, x, sizeof x) == CHECK_ANSWER_MORE) {
        n += sizeof x;
        ck_assert_uint_le(n, CHECK_ANSWER_MAX);
    }
    ck_assert_uint_eq(a.n, CHECK_ANSWER_MAX);
    ck_assert_int_eq(check_answer_feed(&a, &want, "y", 1),
                     CHECK_ANSWER_TOO_LONG);
}
END_TEST

START_TEST(what_came_is_shown)
{
    struct tpr_bytes want = bytes("OK");
    struct check_answer a;
    char clause[64];

    feed(&a, &want, "", 1);
    check_answer_show(&a, "wrong", clause, sizeof clause);
    ck_assert_str_eq(clause, "wrong");
    feed(&a, &want, "-ERR \"\\\x01\r\n", 3);
    check_answer_show(&a, "wrong", clause, sizeof clause);
    ck_assert_str_eq(clause, "wrong: \"-ERR \"\\\\\\x01\\r\\n\"");
    feed(&a, &want, "012345678901234567890123456789", 7);
    check_answer_show(&a, "wrong", clause, sizeof clause);
    ck_assert_str_eq(clause, "wrong: \"012345678901234567890123\"...");
    check_answer_show(&a, "wrong", clause, 12);
    ck_assert_str_eq(clause, "wrong: \"012");
}
END_TEST

static Suite *
answer_suite(void)
{
    Suite *suite = suite_create("check-answer");
    TCase *tcase = tcase_create("check-answer");

    tcase_add_loop_test(tcase, found_in_any_portions, 0,
                        ARRAY_SIZE(searches));
    tcase_add_test(tcase, nothing_is_in_everything);
    tcase_add_test(tcase, naive_twin_agrees);
    tcase_add_test(tcase, answers_are_bounded);
    tcase_add_test(tcase, what_came_is_shown);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(answer_suite)
