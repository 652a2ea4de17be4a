/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of learn.c: of whom the switch is told, how often, and how. */

#include <config.h>
#include "learn.h"
#include <string.h>
#include "packets.h"
#include "unit.h"

static const struct eth_addr A = ETH_ADDR_C(02,00,00,00,00,0a);
static const struct eth_addr B = ETH_ADDR_C(02,00,00,00,00,0b);
static const struct eth_addr BR = ETH_ADDR_C(02,00,00,00,00,01);

START_TEST(one_frame_a_minute)
{
    const struct learn_entry *e;
    struct learn l;
    int n = 0;

    learn_init(&l);
    ck_assert_ptr_null(learn_next(&l, 1000));
    /* Heard every second for five minutes, less one. */
    for (long long int t = 1000; t < 300 * 1000; t += 1000) {
        learn_saw(&l, &A, 3, 0, t);
        e = learn_next(&l, t);
        if (e) {
            ck_assert(eth_addr_equals(e->mac, A));
            ck_assert_int_eq(e->ifindex, 3);
            n++;
        }
        ck_assert_ptr_null(learn_next(&l, t));
    }
    ck_assert_int_eq(n, 5);
    ck_assert_int_eq(l.n_frames, 5);
    learn_destroy(&l);
}
END_TEST

START_TEST(silent_ones_are_forgotten)
{
    struct learn l;

    learn_init(&l);
    learn_saw(&l, &A, 3, 0, 1000);
    ck_assert_ptr_nonnull(learn_next(&l, 1000));
    ck_assert_ptr_null(learn_next(&l, 62 * 1000));
    ck_assert_int_eq(hmap_count(&l.entries), 1);
    ck_assert_ptr_null(learn_next(&l, 182 * 1000));
    ck_assert_int_eq(hmap_count(&l.entries), 0);
    learn_destroy(&l);
}
END_TEST

START_TEST(who_moves_is_told_at_once)
{
    const struct learn_entry *e;
    struct learn l;

    learn_init(&l);
    learn_saw(&l, &A, 3, 0, 1000);
    ck_assert_ptr_nonnull(learn_next(&l, 1000));
    learn_saw(&l, &A, 4, 0, 2000);
    e = learn_next(&l, 2000);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->ifindex, 4);
    /* Old news. */
    learn_saw(&l, &A, 3, 0, 1500);
    ck_assert_ptr_null(learn_next(&l, 2000));
    /* In another VLAN it is another. */
    learn_saw(&l, &A, 4, 7, 2000);
    e = learn_next(&l, 2000);
    ck_assert_ptr_nonnull(e);
    ck_assert_int_eq(e->vid, 7);
    learn_destroy(&l);
}
END_TEST

START_TEST(only_stations_and_not_too_many)
{
    struct eth_addr mac = B;
    struct learn l;

    learn_init(&l);
    learn_saw(&l, &eth_addr_zero, 3, 0, 1000);
    learn_saw(&l, &eth_addr_broadcast, 3, 0, 1000);
    ck_assert_int_eq(hmap_count(&l.entries), 0);
    for (int i = 0; i < LEARN_MAX + 10; i++) {
        mac.be16[1] = htons(i);
        learn_saw(&l, &mac, 3, 0, 1000);
    }
    ck_assert_int_eq(hmap_count(&l.entries), LEARN_MAX);
    learn_destroy(&l);
}
END_TEST

START_TEST(what_the_frame_looks_like)
{
    static const uint8_t tagged[] = {
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xa, 0x81, 0, 0, 7, 0x88, 0xb5, 0,
    };
    static const uint8_t untagged[] = {
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xa, 0x88, 0xb5, 0,
    };
    struct learn_entry e = { .mac = A, .vid = 7 };
    uint8_t frame[LEARN_FRAME_MAX];

    ck_assert_uint_eq(learn_frame(&e, &BR, frame), 64);
    ck_assert_mem_eq(frame, tagged, sizeof tagged);
    e.vid = 0;
    learn_frame(&e, &BR, frame);
    ck_assert_mem_eq(frame, untagged, sizeof untagged);
}
END_TEST

UNIT_MAIN("learn", one_frame_a_minute, silent_ones_are_forgotten,
          who_moves_is_told_at_once, only_stations_and_not_too_many,
          what_the_frame_looks_like)
