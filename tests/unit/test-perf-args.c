/* SPDX-License-Identifier: Apache-2.0 */

/* Tests how tpr-perf reads its command line. */

#include <config.h>
#include <string.h>
#include "perf-args.h"
#include "unit.h"

/* 'error' must be a sentence that contains 'part'. */
static void
check_error(char *error, const char *part)
{
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strstr(error, part), "'%s' lacks '%s'", error, part);
    free(error);
}

START_TEST(times)
{
    static const struct {
        const char *word;
        int64_t ns;
    } good[] = {
        { "5ms", 5000000 }, { "1.5s", 1500000000 }, { "500us", 500000 },
        { "250ns", 250 }, { ".5us", 500 }, { "0s", 0 },
        { "2min", INT64_C(120000000000) }, { "1h", INT64_C(3600000000000) },
    };
    static const char *const bad[] = {
        "", "ms", "-5ms", "+5ms", "5 ms", "5MS", "5m", "1e3ms", "5ms ",
        "1.2.3ms", "0x5ms", ".", ".ms", "inf", "99999999999999999999s",
        "999999999999999h",
    };
    int64_t ns;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        ck_assert_ptr_null(perf_parse_time(good[i].word, &ns));
        ck_assert_int_eq(ns, good[i].ns);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ns = 42;
        check_error(perf_parse_time(bad[i], &ns), "time");
        ck_assert_int_eq(ns, 42);
    }
    check_error(perf_parse_time("5", &ns), "has no unit; say 5ns");
    check_error(perf_parse_time("0", &ns), "has no unit");
}
END_TEST

START_TEST(numbers)
{
    uint64_t n = 0;

    ck_assert_ptr_null(perf_parse_number("n", "10", 1, 10, &n));
    ck_assert_uint_eq(n, 10);
    check_error(perf_parse_number("n", "11", 1, 10, &n), "from 1 to 10");
    check_error(perf_parse_number("n", "0", 1, 10, &n), "n is a whole");
    check_error(perf_parse_number("n", "-1", 1, 10, &n), "whole");
    check_error(perf_parse_number("n", "1x", 1, 10, &n), "whole");
    check_error(perf_parse_number("n", "", 0, 10, &n), "whole");
    check_error(perf_parse_number("n", "18446744073709551617", 0, 10, &n),
                "whole");

    double rate = 0;
    ck_assert_ptr_null(perf_parse_rate("200/s", &rate));
    ck_assert_double_eq(rate, 200);
    ck_assert_ptr_null(perf_parse_rate("0.5", &rate));
    ck_assert_double_eq(rate, 0.5);
    check_error(perf_parse_rate("0", &rate), "rate");
    check_error(perf_parse_rate("5/min", &rate), "rate");
}
END_TEST

START_TEST(headers)
{
    ck_assert_ptr_null(perf_check_header("Host: example.org"));
    ck_assert_ptr_null(perf_check_header("X-Empty:"));
    check_error(perf_check_header("nothing"), "header");
    check_error(perf_check_header(": value"), "header");
    check_error(perf_check_header("a b: c"), "header");
    check_error(perf_check_header("A: b\r\nC: d"), "control");
    check_error(perf_check_header("connection: close"), "--keepalive");
}
END_TEST

START_TEST(urls)
{
    static const struct {
        const char *word, *host, *port, *authority, *path;
    } good[] = {
        { "http://10.0.0.1", "10.0.0.1", "80", "10.0.0.1", "/" },
        { "http://10.0.0.1:8080/a?b=c", "10.0.0.1", "8080", "10.0.0.1:8080",
          "/a?b=c" },
        { "HTTP://[::1]/", "::1", "80", "[::1]", "/" },
        { "http://[2001:db8::1]:81/x", "2001:db8::1", "81",
          "[2001:db8::1]:81", "/x" },
        { "http://[fe80::1%eth0]:81/", "fe80::1%eth0", "81", "[fe80::1]:81",
          "/" },
        { "http://www.example.org:080/", "www.example.org", "80",
          "www.example.org", "/" },
    };
    static const char *const bad[] = {
        "", "10.0.0.1", "https://10.0.0.1/", "http://", "http:///x",
        "http://:80/", "http://a:/", "http://a:0/", "http://a:65536/",
        "http://a:999999/", "http://a:b/", "http://[::1/", "http://[]/",
        "http://[::1]x/", "http://[10.0.0.1]/", "http://u@a/",
        "http://a?b", "http://a/#b", "http://a/ b", "http://2001:db8::1/",
    };
    struct perf_url url;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        ck_assert_ptr_null(perf_parse_url(good[i].word, &url));
        ck_assert_str_eq(url.host, good[i].host);
        ck_assert_str_eq(url.port, good[i].port);
        ck_assert_str_eq(url.authority, good[i].authority);
        ck_assert_str_eq(url.path, good[i].path);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        check_error(perf_parse_url(bad[i], &url), bad[i]);
    }
}
END_TEST

UNIT_MAIN("perf-args", times, numbers, headers, urls)
