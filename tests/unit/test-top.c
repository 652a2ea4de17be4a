/* SPDX-License-Identifier: Apache-2.0 */

/* Tests what tpr/top says, from two counts. */

#include <config.h>
#include <string.h>
#include "counts.h"
#include "json-get.h"
#include "top.h"
#include "unit.h"
#include "util.h"

/* ' stands for ". */
static const char services[] =
    "{'summary':'OK: 2 services','services':["
    "{'name':'mail','vip':'10.0.0.2:25/tcp','provider':'flows','backends':["
    "  {'name':'mail/r1','region':'r1','index':3,'usable':true,'active':true,'serves':true,"
    "   'weight':100,'reason':'usable'}]},"
    "{'name':'web','vip':'10.0.0.1:80/tcp','provider':'ovs','backends':["
    "  {'name':'web/r1','region':'r1','index':0,'usable':true,'active':true,'serves':true,"
    "   'weight':100,'reason':'usable','max_connections':1000},"
    "  {'name':'web/r2','region':'r2','index':1,'usable':true,'active':false,'serves':false,"
    "   'weight':50,'reason':'usable','agent':{'says':'50% up','cpu_pct':83}},"
    "  {'name':'web/r3','region':'r3','index':2,'usable':false,'active':false,'serves':false,"
    "   'weight':100,'reason':'region down'}]}]}";

static struct json *show;
static struct counts *before, *after;

/* 'word' had 'total' connections; each makes 10 packets of 100 bytes there, and half as many
 * back. */
static void
count(struct counts *counts, int word, int open, int total)
{
    counts_add(counts, word, COUNT_OPEN, open);
    counts_add(counts, word, COUNT_TOTAL, total);
    counts_add(counts, word, COUNT_PACKETS, 10 * total);
    counts_add(counts, word, COUNT_BYTES, 1000 * total);
    counts_add(counts, word, COUNT_REV_PACKETS, 5 * total);
    counts_add(counts, word, COUNT_REV_BYTES, 500 * total);
}

static void
setup(void)
{
    char *copy = xstrdup(services);

    for (char *p = copy; *p; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    show = json_from_string(copy);
    ck_assert_int_eq(show->type, JSON_OBJECT);
    free(copy);
    before = counts_create(4);
    after = counts_create(4);
    before->when_us = 1000000;
    after->when_us = 3000000;
}

static void
teardown(void)
{
    json_destroy(show);
    counts_destroy(before);
    counts_destroy(after);
}

static double
real(const struct json *o, const char *name)
{
    const struct json *j = json_get(o, name, JSON_REAL);

    ck_assert_msg(j, "%s", name);
    return json_real(j);
}

static const struct json *
elem(const struct json *o, const char *list, size_t i)
{
    const struct json *a = json_get(o, list, JSON_ARRAY);

    ck_assert_uint_lt(i, json_array(a)->n);
    return json_array(a)->elems[i];
}

#define ck_assert_name(O, NAME) ck_assert_str_eq(json_get_string(O, "name"), NAME)

START_TEST(rates_and_shares)
{
    const struct json *web, *b;
    struct json *top;

    count(before, 0, 5, 100);
    count(before, 1, 1, 1000);
    count(before, 2, 0, 7);
    count(after, 0, 8, 130);
    count(after, 1, 90, 1010);
    count(after, 2, 0, 7);
    top = top_make(show, before, after, TOP_NEW);
    ck_assert_int_eq(json_get_int(top, "interval_us"), 2000000);

    web = elem(top, "services", 0);
    ck_assert_name(web, "web");
    ck_assert_int_eq(json_get_int(web, "connections"), 98);
    ck_assert_int_eq(json_get_int(web, "total"), 1147);
    ck_assert_int_eq(json_get_int(web, "cpu_pct"), 83);
    ck_assert_double_eq_tol(real(web, "new_per_s"), 20, 1e-9);
    ck_assert_double_eq_tol(real(web, "packets_per_s"), 300, 1e-9);
    ck_assert_double_eq_tol(real(web, "bytes_per_s"), 30000, 1e-9);

    b = elem(web, "backends", 0);
    ck_assert_name(b, "web/r1");
    ck_assert_double_eq_tol(real(b, "new_per_s"), 15, 1e-9);
    ck_assert_double_eq_tol(real(b, "share_pct"), 75, 1e-9);
    ck_assert_int_eq(json_get_int(b, "max_connections"), 1000);
    b = elem(web, "backends", 1);
    ck_assert_name(b, "web/r2");
    ck_assert_double_eq_tol(real(b, "share_pct"), 25, 1e-9);
    ck_assert_str_eq(json_get_string(b, "agent"), "50% up");
    b = elem(web, "backends", 2);
    ck_assert_double_eq_tol(real(b, "share_pct"), 0, 1e-9);
    ck_assert(!json_get_bool(b, "usable"));

    /* What nobody counts. */
    b = elem(top, "services", 1);
    ck_assert_name(b, "mail");
    ck_assert_ptr_null(json_get(b, "connections", JSON_INTEGER));
    ck_assert_ptr_null(json_get(b, "new_per_s", JSON_REAL));
    ck_assert_ptr_null(json_get(elem(b, "backends", 0), "share_pct", JSON_REAL));
    json_destroy(top);
}
END_TEST

START_TEST(orders)
{
    static const struct {
        const char *key;
        const char *names[3];
    } wanted[] = {
        { "new", { "web/r1", "web/r2", "web/r3" } },
        { "packets", { "web/r1", "web/r2", "web/r3" } },
        { "connections", { "web/r2", "web/r3", "web/r1" } },
        { "cpu", { "web/r2", "web/r1", "web/r3" } },
        { "name", { "web/r1", "web/r2", "web/r3" } },
    };
    enum top_key key;

    ck_assert(!top_key_from_string("colour", &key));
    count(before, 0, 0, 0);
    count(before, 1, 0, 0);
    count(before, 2, 0, 0);
    count(after, 0, 1, 3);
    count(after, 1, 9, 2);
    count(after, 2, 4, 1);
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        struct json *top;

        ck_assert(top_key_from_string(wanted[i].key, &key));
        top = top_make(show, before, after, key);
        for (size_t j = 0; j < 3; j++) {
            const struct json *web = elem(top, "services", key == TOP_NAME);

            ck_assert_name(elem(web, "backends", j), wanted[i].names[j]);
        }
        json_destroy(top);
    }
}
END_TEST

/* A switch that has restarted counts from 0 again: no rate is negative. */
START_TEST(restart)
{
    struct json *top;

    count(before, 0, 5, 100);
    count(after, 0, 1, 3);
    count(after, 1, 1, 3);      /* Not known before: has no rate. */
    top = top_make(show, before, after, TOP_NAME);
    ck_assert_double_eq_tol(real(elem(elem(top, "services", 1), "backends", 0), "new_per_s"), 0,
                            1e-9);
    ck_assert_ptr_null(json_get(elem(elem(top, "services", 1), "backends", 1), "new_per_s",
                                JSON_REAL));
    json_destroy(top);
}
END_TEST

START_TEST(text)
{
    struct json *top;
    char *s;

    count(before, 0, 5, 100);
    count(before, 1, 1, 1000);
    count(after, 0, 8, 130);
    count(after, 1, 90, 1000010);
    top = top_make(show, before, after, TOP_NEW);
    s = top_text(top);
    ck_assert_str_eq(
        s, "OK: 2 services\n"
        "in 2.00 s:\n"
        "SERVICE, BACKENDS             CONNS    NEW/s   PKTS/s  BYTES/s  SHARE  CPU WEIGHT\n"
        "web                              98   499520    7.49M  749.28M"
        "                     10.0.0.1:80/tcp by ovs\n"
        "  web/r2                         90   499505    7.49M  749.26M 100.0%  83%     50  usable,"
        " agent says \"50% up\"\n"
        "  web/r1                          8     15.0      225    22500   0.0%    -    100"
        "  -> usable\n"
        "  web/r3                          -        -        -        -      -    -    100"
        "  region down\n"
        "mail                              -        -        -        -"
        "                     10.0.0.2:25/tcp by flows\n"
        "  mail/r1                         -        -        -        -      -    -    100"
        "  -> usable\n");
    free(s);
    json_destroy(top);
}
END_TEST

static Suite *
top_suite(void)
{
    const TTest *const tests[] = { rates_and_shares, orders, restart, text };
    Suite *suite = suite_create("top");

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

UNIT_MAIN_SUITE(top_suite)
