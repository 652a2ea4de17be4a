/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the queue between two threads. */

#include <config.h>
#include <pthread.h>
#include <sched.h>
#include "spsc.h"
#include "unit.h"

START_TEST(keeps_order_and_refuses_more_than_fits)
{
    struct spsc q;
    int x;

    spsc_init(&q, sizeof x, 5);
    ck_assert_uint_eq(spsc_capacity(&q), 8);
    ck_assert(!spsc_pop(&q, &x));
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 8; i++) {
            x = round * 8 + i;
            ck_assert(spsc_push(&q, &x));
        }
        ck_assert(!spsc_push(&q, &x));
        for (int i = 0; i < 8; i++) {
            ck_assert(spsc_pop(&q, &x));
            ck_assert_int_eq(x, round * 8 + i);
        }
        ck_assert(!spsc_pop(&q, &x));
    }
    spsc_destroy(&q);
}
END_TEST

/* Counters wrap around with size_t: nothing happens. */
START_TEST(counters_wrap_around)
{
    struct spsc q;

    spsc_init(&q, sizeof(int), 4);
    q.head = q.tail = SIZE_MAX - 1;
    for (int i = 0; i < 4; i++) {
        ck_assert(spsc_push(&q, &i));
    }
    ck_assert(!spsc_push(&q, &(int) { 9 }));
    for (int i = 0; i < 4; i++) {
        int x;

        ck_assert(spsc_pop(&q, &x));
        ck_assert_int_eq(x, i);
    }
    spsc_destroy(&q);
}
END_TEST

/* An element whose parts belong together. */
struct element {
    uint64_t n, square, pad[5];
};

enum { N_ELEMENTS = 200000 };

static void *
produce(void *q_)
{
    struct spsc *q = q_;

    for (uint64_t i = 0; i < N_ELEMENTS; i++) {
        struct element e = { .n = i, .square = i * i };

        while (!spsc_push(q, &e)) {
            sched_yield();
        }
    }
    return NULL;
}

START_TEST(two_threads_lose_and_tear_nothing)
{
    struct spsc q;
    pthread_t thread;

    spsc_init(&q, sizeof(struct element), 64);
    ck_assert_int_eq(pthread_create(&thread, NULL, produce, &q), 0);
    for (uint64_t i = 0; i < N_ELEMENTS; i++) {
        struct element e;

        while (!spsc_pop(&q, &e)) {
            sched_yield();
        }
        ck_assert_uint_eq(e.n, i);
        ck_assert_uint_eq(e.square, i * i);
    }
    pthread_join(thread, NULL);
    spsc_destroy(&q);
}
END_TEST

UNIT_MAIN("spsc", keeps_order_and_refuses_more_than_fits,
          counters_wrap_around, two_threads_lose_and_tear_nothing)
