/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of redirect-affinity.c: what is noted of clients, and what is
 * forgotten. */

#include <config.h>
#include "redirect-affinity.h"
#include "unit.h"

enum { SECOND = 1000 };

static struct tpr_addr
client(uint32_t n)
{
    return (struct tpr_addr) { .w = { 1, 2, 3, n } };
}

static uint32_t
find(const struct tpr_affinity *a, uint32_t n, uint32_t object, uint32_t now)
{
    const struct tpr_addr c = client(n);

    return tpr_affinity_find(a, &c, object, now, SECOND);
}

static void
note(struct tpr_affinity *a, uint32_t n, uint32_t object, uint32_t backend,
     uint32_t now)
{
    const struct tpr_addr c = client(n);

    tpr_affinity_note(a, &c, object, backend, now);
}

START_TEST(each_object_has_its_own)
{
    struct tpr_affinity *a = tpr_affinity_create(8, 1);

    ck_assert_uint_eq(find(NULL, 1, 1, 0), 0);
    ck_assert_uint_eq(find(a, 1, 1, 0), 0);
    note(a, 1, 1, 7, 0);
    note(a, 1, 2, 8, 0);
    ck_assert_uint_eq(find(a, 1, 1, 0), 7);
    ck_assert_uint_eq(find(a, 1, 2, 0), 8);
    ck_assert_uint_eq(find(a, 2, 1, 0), 0);
    note(a, 1, 1, 9, 0);
    ck_assert_uint_eq(find(a, 1, 1, 0), 9);
    tpr_affinity_destroy(a);
}
END_TEST

START_TEST(its_time_is_over)
{
    struct tpr_affinity *a = tpr_affinity_create(8, 1);
    const struct tpr_addr c = client(1);
    const uint32_t start = UINT32_MAX - 100;    /* The clock wraps. */

    note(a, 1, 1, 7, start);
    ck_assert_uint_eq(find(a, 1, 1, start + SECOND - 1), 7);
    ck_assert_uint_eq(find(a, 1, 1, start + SECOND), 0);
    ck_assert_uint_eq(tpr_affinity_find(a, &c, 1, start, 0), 0);
    note(a, 1, 1, 7, start + SECOND);
    ck_assert_uint_eq(find(a, 1, 1, start + SECOND + 1), 7);
    /* Of a thread whose clock is behind. */
    ck_assert_uint_eq(find(a, 1, 1, start + SECOND - 1), 7);
    tpr_affinity_destroy(a);
}
END_TEST

/* With the oldest forgotten, time and again, against an array as the
 * oracle. */
START_TEST(the_oldest_is_forgotten)
{
    enum { MAX = 8, CLIENTS = 24 };
    struct tpr_affinity *a = tpr_affinity_create(MAX, 1);
    uint32_t order[MAX];
    uint32_t n = 0, x = 1;

    for (uint32_t step = 1; step < 20000; step++) {
        uint32_t c, at = 0;

        x = x * 1664525 + 1013904223;
        c = (x >> 16) % CLIENTS;
        note(a, c, 1, step, 0);
        while (at < n && order[at] != c) {
            at++;
        }
        if (at == MAX) {
            at = 0;
        }
        if (at < n) {
            memmove(&order[at], &order[at + 1], (n - at - 1) * sizeof *order);
            n--;
        }
        order[n++] = c;
        for (uint32_t i = 0; i < CLIENTS; i++) {
            bool known = false;

            for (uint32_t j = 0; j < n; j++) {
                known |= order[j] == i;
            }
            ck_assert_int_eq(find(a, i, 1, 0) != 0, known);
        }
    }
    tpr_affinity_destroy(a);
}
END_TEST

UNIT_MAIN("redirect-affinity", each_object_has_its_own, its_time_is_over,
          the_oldest_is_forgotten)
