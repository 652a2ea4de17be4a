/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the agent-check protocol: what lines mean, in any portions. */

#include <config.h>
#include "agent-words.h"

#include <stdlib.h>
#include <string.h>
#include "openvswitch/dynamic-string.h"
#include "unit.h"

/* Lines as HAProxy takes them, and what they say in one order. */
static const struct {
    const char *line, *words, *error;
} lines[] = {
    { "", "", NULL },
    { "75%", "75%", NULL },
    { "100% up", "100% up", NULL },
    { "0%", "0%", NULL },
    { "150%", "150%", NULL },
    { "99999999999999999999%", "25600%", NULL },
    { "maxconn:30", "maxconn:30", NULL },
    { "MAXCONN:0", "maxconn:0", NULL },
    { "ready,up,50%,maxconn:7", "50% maxconn:7 ready up", NULL },
    { " \t, up \t,\t 10% ,", "10% up", NULL },
    { "UP Ready", "ready up", NULL },
    { "drain", "drain", NULL },
    { "maint", "maint", NULL },
    { "stopped", "stopped", NULL },
    { "fail # no\tdatabase ", "fail # no?database", NULL },
    { "down #disk full", "down # disk full", NULL },
    { "down # \t disk, 5% left", "down # disk, 5% left", NULL },
    /* The last of a kind counts; a reason belongs to a failure. */
    { "10% 20% up down", "20% down", NULL },
    { "drain ready", "ready", NULL },
    { "down up # was down", "up", NULL },
    { "50% # reason of nothing", "50%", NULL },
    { "#down", "", NULL },
    /* How busy its processors are. */
    { "40% ready up # cpu=83", "40% ready up # cpu=83", NULL },
    { "#load, cpu=5 cpu=7", "# cpu=7", NULL },
    { "1% # cpu=101", "1% # cpu=100", NULL },
    { "1% # cpu= cpu=x cpu=5% cpu=-1 CPU=4", "1%", NULL },
    { "down # cpu=83", "down # cpu=83", NULL },
    { "up # cpu=-", "up # cpu=-", NULL },
    { "up # cpu=5 cpu=-", "up # cpu=-", NULL },
    { "up # cpu=- cpu=5", "up # cpu=5", NULL },
    /* "#" begins a reason only where it begins a word. */
    { "down#full", "", "unknown word \"down#full\"" },
    { "up sideways 5%", "5% up", "unknown word \"sideways\"" },
    { "75", "", "unknown word \"75\"" },
    { "75%x", "", "unknown word \"75%x\"" },
    { "-5%", "", "unknown word \"-5%\"" },
    { "7 5%", "5%", "unknown word \"7\"" },
    { "%", "", "unknown word \"%\"" },
    { "maxconn:", "", "unknown word \"maxconn:\"" },
    { "maxconn: 5", "", "unknown word \"maxconn:\"" },
    { "maxconn:5x up", "up", "unknown word \"maxconn:5x\"" },
    { "maxconn:-5", "", "unknown word \"maxconn:-5\"" },
    { "upp", "", "unknown word \"upp\"" },
    { "\x01\xff", "", "unknown word \"??\"" },
    { "0123456789012345678901234567890123456789", "",
      "unknown word \"01234567890123456789012345678901\"" },
};

static void
check_words(const struct agent_words *words, const char *expected)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    agent_words_put(words, &s);
    ck_assert_str_eq(ds_cstr(&s), expected);
    ds_destroy(&s);
}

START_TEST(lines_are_understood)
{
    struct agent_words words, again;
    char *error = agent_words_parse(lines[_i].line, &words);

    check_words(&words, lines[_i].words);
    if (lines[_i].error) {
        ck_assert_ptr_nonnull(error);
        ck_assert_str_eq(error, lines[_i].error);
    } else {
        ck_assert_ptr_null(error);
    }
    free(error);

    /* What we write we read. */
    ck_assert_ptr_null(agent_words_parse(lines[_i].words, &again));
    ck_assert(agent_words_equal(&words, &again));
}
END_TEST

START_TEST(lines_end_at_cr_or_lf)
{
    static const char *const streams[] = {
        "75% up\n", "75% up\r\n", "75% up\rdown\n", "75% up\n\ndown\n",
    };
    struct agent_line line;

    for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
        const char *s = streams[i];
        size_t n = strlen(s);

        for (size_t portion = 1; portion <= n; portion++) {
            enum agent_line_result result = AGENT_LINE_MORE;

            agent_line_init(&line);
            for (size_t j = 0; result == AGENT_LINE_MORE; j += portion) {
                ck_assert_uint_lt(j, n);
                result = agent_line_feed(&line, s + j, MIN(portion, n - j));
            }
            ck_assert_int_eq(result, AGENT_LINE_DONE);
            ck_assert_str_eq(line.text, "75% up");
        }
    }
    agent_line_init(&line);
    ck_assert_int_eq(agent_line_feed(&line, "\n", 1), AGENT_LINE_DONE);
    ck_assert_str_eq(line.text, "");
}
END_TEST

START_TEST(lines_are_bounded)
{
    struct agent_line line;

    agent_line_init(&line);
    for (int i = 0; i < AGENT_LINE_MAX; i++) {
        ck_assert_int_eq(agent_line_feed(&line, "x", 1), AGENT_LINE_MORE);
    }
    ck_assert_int_eq(agent_line_feed(&line, "x", 1), AGENT_LINE_TOO_LONG);
    ck_assert_int_eq(agent_line_feed(&line, "\n", 1), AGENT_LINE_DONE);
    agent_line_init(&line);
    ck_assert_int_eq(agent_line_feed(&line, "up\0\n", 4), AGENT_LINE_ZERO);
}
END_TEST

/* Each line of 'said', ended by LF, after the other. */
static struct agent_words
hear(const char *said)
{
    struct agent_words known;

    agent_words_init(&known);
    while (*said) {
        size_t n = strcspn(said, "\n");
        char *line = xmemdup0(said, n);
        struct agent_words words;

        ck_assert_ptr_null(agent_words_parse(line, &words));
        agent_words_merge(&known, &words);
        free(line);
        said += n + 1;
    }
    return known;
}

/* Only the agent takes back what it has said. */
START_TEST(what_is_not_mentioned_stays)
{
    struct agent_words w;

    w = hear("50%\ndrain\n");
    check_words(&w, "50% drain");
    w = hear("50%\ndrain\nready\n");
    check_words(&w, "50% ready");
    w = hear("down # full\n20%\nmaxconn:3\n");
    check_words(&w, "20% maxconn:3 down # full");
    w = hear("down # full\nmaint\nfail\n");
    check_words(&w, "maint fail");
    w = hear("down # full\nup\n\n");
    check_words(&w, "up");
    w = hear("up # cpu=5\n50%\n");
    check_words(&w, "50% up # cpu=5");
    w = hear("up # cpu=5\ndown # full\nup\n");
    check_words(&w, "up # cpu=5");
    w = hear("up # cpu=5\nup # cpu=-\n");
    check_words(&w, "up");
}
END_TEST

START_TEST(words_have_consequences)
{
    struct agent_words w = hear("");

    ck_assert(!agent_words_is_down(&w) && !agent_words_is_draining(&w));
    ck_assert_uint_eq(agent_words_weight(&w, 100), 100);
    ck_assert_uint_eq(agent_words_limit(&w, 7), 7);
    w = hear("75% maxconn:30\n");
    ck_assert_uint_eq(agent_words_weight(&w, 200), 150);
    ck_assert_uint_eq(agent_words_limit(&w, 7), 30);
    w = hear("maxconn:0\n");
    ck_assert_uint_eq(agent_words_limit(&w, 7), 0);
    /* Little is more than nothing. */
    w = hear("1%\n");
    ck_assert_uint_eq(agent_words_weight(&w, 10), 1);
    ck_assert_uint_eq(agent_words_weight(&w, 0), 0);
    w = hear("25600%\n");
    ck_assert_uint_eq(agent_words_weight(&w, 65535), 65535);
    w = hear("0%\n");
    ck_assert_uint_eq(agent_words_weight(&w, 100), 0);
    ck_assert(agent_words_is_draining(&w));
    w = hear("drain\n100%\n");
    ck_assert(agent_words_is_draining(&w) && !agent_words_is_down(&w));
    w = hear("stopped\n");
    ck_assert(agent_words_is_down(&w));
}
END_TEST

static Suite *
words_suite(void)
{
    Suite *suite = suite_create("agent-words");
    TCase *tcase = tcase_create("agent-words");

    tcase_add_loop_test(tcase, lines_are_understood, 0, ARRAY_SIZE(lines));
    tcase_add_test(tcase, lines_end_at_cr_or_lf);
    tcase_add_test(tcase, lines_are_bounded);
    tcase_add_test(tcase, what_is_not_mentioned_stays);
    tcase_add_test(tcase, words_have_consequences);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(words_suite)
