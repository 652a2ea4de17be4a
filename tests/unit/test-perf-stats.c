/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the figures of tpr-perf, the picture and the report made of them. */

#include <config.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "perf-report.h"
#include "perf-shares.h"
#include "perf-stats.h"
#include "perf-svg.h"
#include "unit.h"

#define MS INT64_C(1000000)

static struct perf_run run;
static struct perf_summary summary;

static void
setup(void)
{
    ck_assert(perf_run_init(&run));
}

static void
teardown(void)
{
    perf_run_destroy(&run);
}

/* Adds a request that ended after 'end_ms' and took 1 ms. */
static void
add(int64_t end_ms, enum perf_kind kind, const char *server)
{
    struct perf_record record = {
        .start_ns = (end_ms - 1) * MS,
        .end_ns = end_ms * MS,
        .kind = kind,
        .status = kind == PERF_OK ? 200 : kind == PERF_STATUS ? 500 : 0,
        .server = perf_run_server(&run, server),
    };
    ck_assert(perf_run_add(&run, &record));
}

static void
summarize(int64_t end_ms)
{
    run.end_ns = end_ms * MS;
    ck_assert(perf_summarize(&run, &summary));
}

static void
check_t_un(int64_t begin_ms, int64_t end_ms, size_t failures, bool cut_begin,
           bool cut_end)
{
    ck_assert_int_eq(summary.t_un.begin_ns, begin_ms * MS);
    ck_assert_int_eq(summary.t_un.end_ns, end_ms * MS);
    ck_assert_uint_eq(summary.t_un.failures, failures);
    ck_assert_int_eq(summary.t_un.cut_begin, cut_begin);
    ck_assert_int_eq(summary.t_un.cut_end, cut_end);
}

START_TEST(nothing_at_all)
{
    summarize(0);
    ck_assert_uint_eq(summary.requests, 0);
    ck_assert_uint_eq(summary.n_gaps, 0);
    ck_assert_double_eq(summary.success_pct, 0);
    ck_assert_int_eq(perf_gap_length(&summary.t_un), 0);

    /* A run without requests is one gap, cut on both sides. */
    summarize(7);
    check_t_un(0, 7, 0, true, true);
    ck_assert_uint_eq(summary.n_gaps, 0);
}
END_TEST

/* T_un counts from success to success; failures make it an interruption. */
START_TEST(gap_in_the_middle)
{
    add(1, PERF_OK, "a");
    add(2, PERF_OK, "a");
    add(7, PERF_TIMEOUT, "");
    add(12, PERF_TIMEOUT, "");
    add(13, PERF_OK, "b");
    add(14, PERF_OK, "b");
    summarize(14);
    check_t_un(2, 13, 2, false, false);
    ck_assert_uint_eq(summary.n_gaps, 1);
    ck_assert_int_eq(summary.gap_sum_ns, 11 * MS);
    ck_assert_uint_eq(summary.requests, 6);
    ck_assert_uint_eq(summary.failures, 2);
    ck_assert_uint_eq(summary.kinds[PERF_TIMEOUT], 2);
    ck_assert_double_eq_tol(summary.success_pct, 66.6667, 0.001);
}
END_TEST

/* A pause without failures can be T_un, but is no interruption. */
START_TEST(gap_without_failure)
{
    add(1, PERF_OK, "a");
    add(21, PERF_OK, "a");
    add(22, PERF_REFUSED, "");
    add(23, PERF_OK, "a");
    add(24, PERF_STATUS, "a");
    add(28, PERF_OK, "a");
    summarize(28);
    check_t_un(1, 21, 0, false, false);
    ck_assert_uint_eq(summary.n_gaps, 2);
    ck_assert_int_eq(summary.gap_sum_ns, 7 * MS);
}
END_TEST

START_TEST(gap_at_the_start)
{
    add(5, PERF_REFUSED, "");
    add(9, PERF_OK, "a");
    add(10, PERF_OK, "a");
    summarize(11);
    check_t_un(0, 9, 1, true, false);
}
END_TEST

START_TEST(gap_at_the_end)
{
    add(1, PERF_OK, "a");
    add(6, PERF_RESET, "");
    summarize(11);
    check_t_un(1, 11, 1, false, true);
    ck_assert_uint_eq(summary.n_gaps, 1);
    ck_assert_int_eq(summary.gap_sum_ns, 10 * MS);
}
END_TEST

START_TEST(never_a_success)
{
    add(5, PERF_UNREACHABLE, "");
    add(10, PERF_REPLY, "");
    summarize(10);
    check_t_un(0, 10, 2, true, true);
    ck_assert_double_eq(summary.success_pct, 0);
    ck_assert_int_eq(summary.max_ns, 0);
}
END_TEST

/* The first of equal gaps is T_un. */
START_TEST(equal_gaps)
{
    add(1, PERF_OK, "a");
    add(5, PERF_OK, "a");
    add(9, PERF_OK, "a");
    summarize(9);
    check_t_un(1, 5, 0, false, false);
}
END_TEST

/* Our own stall within a gap is remembered with it. */
START_TEST(own_stall)
{
    add(1, PERF_OK, "a");
    add(6, PERF_TIMEOUT, "");
    run.records[1].own_stall = true;
    add(7, PERF_OK, "a");
    summarize(7);
    ck_assert_uint_eq(summary.t_un.own_stalls, 1);
}
END_TEST

/* The walk visits all gaps, and they cover the run without holes. */
START_TEST(walk_covers_run)
{
    struct perf_gap_walk walk = { .next = 0 };
    struct perf_gap gap;
    int64_t at = 0;
    size_t n = 0, failures = 0;

    for (int i = 1; i <= 100; i++) {
        add(i, i % 7 ? PERF_OK : PERF_TIMEOUT, "a");
    }
    summarize(103);
    while (perf_gap_next(&run, &walk, &gap)) {
        ck_assert_int_eq(gap.begin_ns, at);
        ck_assert_int_eq(gap.cut_begin, n == 0);
        at = gap.end_ns;
        failures += gap.failures;
        n++;
    }
    ck_assert_int_eq(at, 103 * MS);
    ck_assert_uint_eq(n, summary.kinds[PERF_OK] + 1);
    ck_assert_uint_eq(failures, summary.failures);
    ck_assert(!perf_gap_next(&run, &walk, &gap));
}
END_TEST

START_TEST(percentiles)
{
    int64_t v[100];

    for (int i = 0; i < 100; i++) {
        v[i] = i + 1;
    }
    ck_assert_int_eq(perf_percentile(v, 0, 50), 0);
    ck_assert_int_eq(perf_percentile(v, 1, 99), 1);
    ck_assert_int_eq(perf_percentile(v, 2, 50), 1);
    ck_assert_int_eq(perf_percentile(v, 3, 50), 2);
    ck_assert_int_eq(perf_percentile(v, 100, 0), 1);
    ck_assert_int_eq(perf_percentile(v, 100, 50), 50);
    ck_assert_int_eq(perf_percentile(v, 100, 90), 90);
    ck_assert_int_eq(perf_percentile(v, 100, 99), 99);
    ck_assert_int_eq(perf_percentile(v, 100, 100), 100);
    ck_assert_int_eq(perf_percentile(v, 10, 99), 10);
}
END_TEST

/* Only successes have a latency. */
START_TEST(latency_of_successes)
{
    for (int i = 0; i < 10; i++) {
        struct perf_record record = {
            .end_ns = (10 - i) * MS,
            .kind = i ? PERF_OK : PERF_TIMEOUT,
            .status = i ? 200 : 0,
        };
        ck_assert(perf_run_add(&run, &record));
    }
    summarize(10);
    ck_assert_int_eq(summary.min_ns, 1 * MS);
    ck_assert_int_eq(summary.p50_ns, 5 * MS);
    ck_assert_int_eq(summary.max_ns, 9 * MS);
}
END_TEST

START_TEST(servers)
{
    add(1, PERF_OK, "a");
    add(2, PERF_STATUS, "b");
    add(3, PERF_TIMEOUT, "");
    add(4, PERF_OK, "b");
    add(5, PERF_OK, "");
    add(6, PERF_OK, "b");
    summarize(6);
    ck_assert_uint_eq(run.n_servers, 3);
    ck_assert_str_eq(run.servers[2], "b");
    ck_assert_uint_eq(summary.servers[1].ok, 1);
    ck_assert_uint_eq(summary.servers[2].ok, 2);
    ck_assert_uint_eq(summary.servers[2].failed, 1);
    ck_assert_int_eq(summary.servers[2].first_ns, 2 * MS);
    ck_assert_int_eq(summary.servers[2].last_ns, 6 * MS);
    ck_assert_uint_eq(summary.servers[PERF_NO_SERVER].ok, 1);
    ck_assert_uint_eq(summary.servers[PERF_NO_SERVER].failed, 0);
}
END_TEST

/* Any number of names; those beyond the table share its last entry. */
START_TEST(too_many_servers)
{
    char name[32];

    for (int i = 0; i < 2 * PERF_MAX_SERVERS; i++) {
        snprintf(name, sizeof name, "s%d", i);
        add(i + 1, PERF_OK, name);
    }
    summarize(2 * PERF_MAX_SERVERS);
    ck_assert_uint_eq(run.n_servers, PERF_MAX_SERVERS);
    ck_assert_str_eq(run.servers[PERF_MAX_SERVERS - 1], "(others)");
    ck_assert_uint_eq(summary.servers[1].ok, 1);
    ck_assert_uint_eq(summary.servers[PERF_MAX_SERVERS - 1].ok,
                      PERF_MAX_SERVERS + 2);
}
END_TEST

START_TEST(kinds_of_errno)
{
    ck_assert_int_eq(perf_kind_from_errno(ECONNREFUSED), PERF_REFUSED);
    ck_assert_int_eq(perf_kind_from_errno(ECONNRESET), PERF_RESET);
    ck_assert_int_eq(perf_kind_from_errno(EPIPE), PERF_RESET);
    ck_assert_int_eq(perf_kind_from_errno(EHOSTUNREACH), PERF_UNREACHABLE);
    ck_assert_int_eq(perf_kind_from_errno(ENETUNREACH), PERF_UNREACHABLE);
    ck_assert_int_eq(perf_kind_from_errno(ETIMEDOUT), PERF_TIMEOUT);
    ck_assert_int_eq(perf_kind_from_errno(EADDRNOTAVAIL), PERF_LOCAL);
    ck_assert_int_eq(perf_kind_from_errno(EMFILE), PERF_LOCAL);
    ck_assert_str_eq(perf_kind_to_string(PERF_REFUSED), "refused");
}
END_TEST

/* What 'write' writes about the run; to be freed. */
static char *
written(bool (*write)(const struct perf_report *, FILE *), size_t *len)
{
    struct perf_report report = {
        .url = "http://[::1]/\"<&>", .concurrency = 1, .timeout_ns = 5 * MS,
        .run = &run, .summary = &summary,
    };
    char *text;
    FILE *stream = open_memstream(&text, len);

    ck_assert_ptr_nonnull(stream);
    ck_assert(write(&report, stream));
    ck_assert_int_eq(fclose(stream), 0);
    return text;
}

static bool
write_json(const struct perf_report *report, FILE *stream)
{
    perf_report_json(report, stream);
    return true;
}

static bool
write_text(const struct perf_report *report, FILE *stream)
{
    perf_report_text(report, stream);
    return true;
}

START_TEST(reports)
{
    size_t len;

    add(1, PERF_OK, "a\"b");
    add(6, PERF_TIMEOUT, "");
    add(7, PERF_OK, "c");
    summarize(7);

    char *json = written(write_json, &len);
    ck_assert_ptr_nonnull(strstr(json, "\"t_un_ms\":6.000000"));
    ck_assert_ptr_nonnull(strstr(json, "\"server\":\"a\\\"b\""));
    ck_assert_ptr_nonnull(strstr(json, "\"timeout\":1"));
    ck_assert_ptr_eq(strchr(json, '\n'), json + len - 1);
    free(json);

    char *text = written(write_text, &len);
    ck_assert_ptr_nonnull(strstr(text, "T_un        6.000 ms, from 0.001000 s "
                                 "to 0.007000 s: 1 failed in it"));
    ck_assert_ptr_null(strstr(text, "shares"));
    free(text);
}
END_TEST

static bool
write_shares(const struct perf_report *report, FILE *stream)
{
    perf_report_shares(report, stream);
    return true;
}

START_TEST(shares)
{
    size_t len;

    summarize(0);
    char *text = written(write_shares, &len);
    ck_assert_str_eq(text, "  shares      of 0 successes\n");
    free(text);

    for (int i = 1; i <= 99; i++) {
        add(i, PERF_OK, i % 3 ? "r2" : "r1");
    }
    add(100, PERF_STATUS, "r3");
    add(101, PERF_TIMEOUT, "");
    add(102, PERF_OK, "a server with a long name");
    summarize(102);
    ck_assert_double_eq_tol(perf_share_percent(&summary, &summary.servers[1]), 66, 1e-9);
    text = written(write_shares, &len);
    ck_assert_ptr_nonnull(strstr(text, "of 100 successes\n    a server with a long name |#  "));
    ck_assert_ptr_nonnull(strstr(text, "    r1               |####################  "));
    ck_assert_ptr_nonnull(strstr(text, "    r2               |##################################"
                                 "######|     66   66.0 %  mean 1.000 ms\n"));
    ck_assert_ptr_null(strstr(text, "r3"));
    free(text);

    text = written(write_json, &len);
    ck_assert_ptr_nonnull(strstr(text, "{\"server\":\"r1\",\"successes\":33,\"failures\":0,"
                                 "\"share_pct\":33.0000,\"mean_ms\":1.000000,"));
    free(text);
}
END_TEST

static bool
write_shares_svg(const struct perf_report *report, FILE *stream)
{
    perf_shares_svg_write(report, stream);
    return true;
}

START_TEST(pictures_of_shares)
{
    size_t len;

    summarize(0);
    char *svg = written(write_shares_svg, &len);
    ck_assert_ptr_nonnull(strstr(svg, "Shares of 0 successes, 0 failures"));
    free(svg);

    for (int i = 1; i <= 99; i++) {
        add(i, PERF_OK, i % 3 ? "<b>&" : "r1");
    }
    add(100, PERF_TIMEOUT, "");
    summarize(100);
    svg = written(write_shares_svg, &len);
    ck_assert_ptr_nonnull(strstr(svg, "Shares of 99 successes, 1 failures"));
    ck_assert_ptr_nonnull(strstr(svg, ">&lt;b&gt;&amp;</text>\n<rect x=\"220\" y=\"84\" "
                                 "width=\"420.0\""));
    ck_assert_ptr_nonnull(strstr(svg, ">66, 66.7 %, mean 1.000 ms</text>"));
    ck_assert_ptr_nonnull(strstr(svg, "y=\"114\" width=\"210.0\""));
    ck_assert_ptr_null(strstr(svg, "<b>"));
    ck_assert_ptr_nonnull(strstr(svg, "</svg>\n"));
    free(svg);
}
END_TEST

/* The picture stays small, is well escaped, and needs no request. */
START_TEST(pictures)
{
    size_t len;

    summarize(0);
    free(written(perf_svg_write, &len));

    for (int i = 1; i <= 50000; i++) {
        add(i, i > 1000 && i < 1100 ? PERF_TIMEOUT : PERF_OK, "<script>&");
    }
    summarize(50000);
    char *svg = written(perf_svg_write, &len);
    ck_assert_uint_lt(len, 200000);
    ck_assert_ptr_null(strstr(svg, "<script"));
    ck_assert_ptr_null(strstr(svg, "nan"));
    ck_assert_ptr_nonnull(strstr(svg, "T_un 100.0 ms"));
    ck_assert_ptr_nonnull(strstr(svg, "</svg>\n"));
    free(svg);
}
END_TEST

START_TEST(numbers_for_people)
{
    char text[PERF_TEXT_MAX];

    ck_assert_str_eq(perf_format_ns(999, text), "999 ns");
    ck_assert_str_eq(perf_format_ns(33412345, text), "33.41 ms");
    ck_assert_str_eq(perf_format_ns(3250 * MS, text), "3.250 s");
    ck_assert_str_eq(perf_format_count(0, text), "0");
    ck_assert_str_eq(perf_format_count(999, text), "999");
    ck_assert_str_eq(perf_format_count(1234567, text), "1,234,567");
    ck_assert_str_eq(perf_format_percent(100, text), "100 %");
    ck_assert_str_eq(perf_format_percent(99.9999, text), "> 99.999 %");
    ck_assert_str_eq(perf_format_percent(99.9876, text), "99.988 %");
}
END_TEST

static Suite *
stats_suite(void)
{
    const TTest *const tests[] = {
        nothing_at_all, gap_in_the_middle, gap_without_failure,
        gap_at_the_start, gap_at_the_end, never_a_success, equal_gaps,
        own_stall, walk_covers_run, percentiles, latency_of_successes,
        servers, too_many_servers, kinds_of_errno, reports, shares,
        pictures_of_shares, pictures,
        numbers_for_people,
    };
    Suite *suite = suite_create("perf-stats");

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        TCase *tcase = tcase_create(tests[i]->name);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

UNIT_MAIN_SUITE(stats_suite)
