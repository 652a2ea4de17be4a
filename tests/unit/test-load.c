/* SPDX-License-Identifier: Apache-2.0 */

/* Tests curves of weights, and what is read in the kernel's files. */

#include <config.h>
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "file-text.h"
#include "openvswitch/dynamic-string.h"
#include "unit.h"

static struct load_curve
curve(const char *s)
{
    struct load_curve c;
    char *error = load_curve_parse(s, &c);

    ck_assert_msg(!error, "%s: %s", s, error);
    return c;
}

START_TEST(weights_follow_the_curve)
{
    struct load_curve c = curve("50:100,90:10,95:0");

    ck_assert_uint_eq(load_curve_weight(&c, 0), 100);
    ck_assert_uint_eq(load_curve_weight(&c, 50), 100);
    ck_assert_uint_eq(load_curve_weight(&c, 70), 55);
    ck_assert_uint_eq(load_curve_weight(&c, 89.9), 10);
    ck_assert_uint_eq(load_curve_weight(&c, 90), 10);
    ck_assert_uint_eq(load_curve_weight(&c, 92.5), 5);
    ck_assert_uint_eq(load_curve_weight(&c, 95), 0);
    ck_assert_uint_eq(load_curve_weight(&c, 1e9), 0);
    c = curve("1000:77");
    ck_assert_uint_eq(load_curve_weight(&c, 0), 77);
    ck_assert_uint_eq(load_curve_weight(&c, 2000), 77);
    /* Upwards, too. */
    c = curve("0:0,10:1000");
    ck_assert_uint_eq(load_curve_weight(&c, 5), 500);
}
END_TEST

static const struct {
    const char *curve, *error;
} bad_curves[] = {
    { "", "needs a point" },
    { "50", "\"50\" is not LOAD:WEIGHT" },
    { "50:", "is not" },
    { "50:1001", "1001" },
    { "-1:5", "is not" },
    { "50:100,50:10", "loads must ascend, but 50 follows 50" },
    { "1:1,2:1,3:1,4:1,5:1,6:1,7:1,8:1,9:1,10:1,11:1,12:1,13:1,14:1,15:1,16:1,"
      "17:1", "at most 16 points" },
};

START_TEST(bad_curves_have_sentences)
{
    struct load_curve c;
    char *error = load_curve_parse(bad_curves[_i].curve, &c);

    ck_assert_ptr_nonnull(error);
    ck_assert_msg(strstr(error, bad_curves[_i].error), "%s", error);
    free(error);
}
END_TEST

START_TEST(processors_are_busy)
{
    struct load_ticks a, b;

    ck_assert(load_parse_stat("cpu  100 10 50 800 40 5 15 20 7 3\ncpu0 1 2\n",
                              &a));
    ck_assert_uint_eq(a.busy, 200);
    ck_assert_uint_eq(a.all, 1040);
    b = a;
    ck_assert(load_ticks_percent(&a, &b) == 0);
    b.busy += 25;
    b.all += 100;
    ck_assert(load_ticks_percent(&a, &b) == 25);
    /* The kernel's idle time may go back. */
    ck_assert(load_ticks_percent(&b, &a) == 0);
    b.all = a.all + 1;
    ck_assert(load_ticks_percent(&a, &b) == 100);
    ck_assert(!load_parse_stat("", &a));
    ck_assert(!load_parse_stat("cpu 1 2 3", &a));
}
END_TEST

START_TEST(groups_have_limits)
{
    uint64_t usage_us;

    ck_assert(load_parse_cpu_stat("usage_usec 123456789\nuser_usec 5\n",
                                  &usage_us));
    ck_assert_uint_eq(usage_us, 123456789);
    ck_assert(!load_parse_cpu_stat("nr_periods 0\n", &usage_us));
    ck_assert(load_parse_cpu_max("max 100000\n", 8) == 8);
    ck_assert(load_parse_cpu_max("50000 100000\n", 8) == 0.5);
    ck_assert(load_parse_cpu_max("900000 100000\n", 8) == 8);
    ck_assert(load_parse_cpu_max("", 8) == 8);
    ck_assert_uint_eq(load_parse_cpu_list("0\n"), 1);
    ck_assert_uint_eq(load_parse_cpu_list("0-3,8,10-11\n"), 7);
    ck_assert_uint_eq(load_parse_cpu_list("0-65535"), 65536);
    ck_assert_uint_eq(load_parse_cpu_list("\n"), 0);
    ck_assert_uint_eq(load_parse_cpu_list("1,\n"), 0);
    ck_assert_uint_eq(load_parse_cpu_list("3-1"), 0);
    ck_assert_uint_eq(load_parse_cpu_list("3-"), 0);
}
END_TEST

START_TEST(devices_have_packets)
{
    static const char text[]
        = "Inter-|   Receive                |  Transmit\n"
          " face |bytes    packets errs drop|bytes packets\n"
          "    lo: 1000      10    0    0 0 0 0 0 1000 10 0 0 0 0 0 0\n"
          "  eth0:18446744073709551615 4294967299 0 0 0 0 0 0 7 8 0 0\n"
          " eth01: 5 6 0 0\n";
    uint64_t n;

    ck_assert(load_parse_net_dev(text, "lo", &n));
    ck_assert_uint_eq(n, 10);
    ck_assert(load_parse_net_dev(text, "eth0", &n));
    ck_assert_uint_eq(n, UINT64_C(4294967299));
    ck_assert(load_parse_net_dev(text, "eth01", &n));
    ck_assert_uint_eq(n, 6);
    ck_assert(!load_parse_net_dev(text, "eth", &n));
    ck_assert(!load_parse_net_dev(text, "eth1", &n));
    ck_assert(!load_parse_net_dev("", "lo", &n));
}
END_TEST

/* A router has thousands of devices, and its file as many lines. */
START_TEST(files_are_read_whole)
{
    char path[] = "/tmp/test-load.XXXXXX";
    int fd = mkstemp(path);
    struct ds s = DS_EMPTY_INITIALIZER;
    FILE *stream = fdopen(fd, "w");
    uint64_t n;

    ck_assert_ptr_nonnull(stream);
    for (int i = 0; i < 5000; i++) {
        fprintf(stream, " veth%d: %d %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", i,
                100 * i, i);
    }
    fclose(stream);
    ck_assert_int_eq(file_text(path, &s), 0);
    ck_assert_uint_gt(s.length, 3 * 65536);
    ck_assert(load_parse_net_dev(ds_cstr(&s), "veth4999", &n));
    ck_assert_uint_eq(n, 4999);
    unlink(path);

    ck_assert_int_eq(file_text("/proc/self/net/dev", &s), 0);
    ck_assert(load_parse_net_dev(ds_cstr(&s), "lo", &n));
    ck_assert_int_eq(file_text(path, &s), ENOENT);
    ck_assert_str_eq(ds_cstr(&s), "");
    ds_destroy(&s);
}
END_TEST

static Suite *
load_suite(void)
{
    Suite *suite = suite_create("load");
    TCase *tcase = tcase_create("load");

    tcase_add_test(tcase, weights_follow_the_curve);
    tcase_add_loop_test(tcase, bad_curves_have_sentences, 0,
                        ARRAY_SIZE(bad_curves));
    tcase_add_test(tcase, processors_are_busy);
    tcase_add_test(tcase, groups_have_limits);
    tcase_add_test(tcase, devices_have_packets);
    tcase_add_test(tcase, files_are_read_whole);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(load_suite)
