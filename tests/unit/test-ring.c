/* SPDX-License-Identifier: Apache-2.0 */

/* Tests Maglev's table: shares, disturbance, and that equal sets are equal. */

#include <config.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "redirect-parse.h"
#include "ring.h"
#include "unit.h"

static struct tpr_redirect_backend backends[TPR_MAX_REDIRECT_BACKENDS];
static bool member[TPR_MAX_REDIRECT_BACKENDS];

static struct tpr_redirect
redirect(int n)
{
    memset(backends, 0, sizeof backends);
    memset(member, 0, sizeof member);
    for (int i = 0; i < n; i++) {
        backends[i].addr = tpr_addr_from_ip4(htonl(0x0a000001 + i));
        backends[i].weight = 100;
        member[i] = true;
    }
    return (struct tpr_redirect) { .n_backends = n, .backends = backends };
}

/* Counts each backend's slots; every slot must be a member's. */
static void
count(const struct tpr_ring *ring, uint32_t got[TPR_MAX_REDIRECT_BACKENDS])
{
    memset(got, 0, TPR_MAX_REDIRECT_BACKENDS * sizeof *got);
    for (uint32_t i = 0; i < ring->size; i++) {
        ck_assert_uint_lt(ring->slot[i], TPR_MAX_REDIRECT_BACKENDS);
        ck_assert(member[ring->slot[i]]);
        got[ring->slot[i]]++;
    }
}

START_TEST(sizes)
{
    static const struct { unsigned int n, size; } rows[] = {
        { 0, 251 }, { 1, 251 }, { 2, 251 }, { 3, 401 }, { 4, 401 },
        { 5, 809 }, { 8, 809 }, { 9, 1601 }, { 512, 51203 }, { 513, 65521 },
        { 1024, 65521 },
    }, maglev[] = {
        { 0, 251 }, { 1, 1601 }, { 2, 3203 }, { 9, 25601 }, { 10, 25601 },
        { 32, 51203 }, { 33, 65521 }, { 1024, 65521 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        ck_assert_uint_eq(tpr_ring_size_for(TPR_POLICY_FAILOVER, rows[i].n),
                          rows[i].size);
    }
    for (size_t i = 0; i < ARRAY_SIZE(maglev); i++) {
        ck_assert_uint_eq(tpr_ring_size_for(TPR_POLICY_MAGLEV, maglev[i].n),
                          maglev[i].size);
    }
}
END_TEST

/* With equal weights, no two differ by more than one slot. */
START_TEST(equal_shares)
{
    static const int ns[] = { 1, 2, 3, 7, 64, 500, 1024 };

    for (size_t i = 0; i < ARRAY_SIZE(ns); i++) {
        struct tpr_redirect r = redirect(ns[i]);
        struct tpr_ring *ring = tpr_ring_create(&r, member);
        uint32_t got[TPR_MAX_REDIRECT_BACKENDS];

        count(ring, got);
        for (int j = 0; j < ns[i]; j++) {
            ck_assert_uint_ge(got[j], ring->size / ns[i]);
            ck_assert_uint_le(got[j], ring->size / ns[i] + 1);
        }
        tpr_ring_destroy(ring);
    }
}
END_TEST

/* A share is the weight's, give or take two slots; nobody has none. */
START_TEST(weighted_shares)
{
    static const uint16_t weights[] = { 100, 50, 25, 1, 200, 100, 65, 3 };
    struct tpr_redirect r = redirect(ARRAY_SIZE(weights));
    uint32_t got[TPR_MAX_REDIRECT_BACKENDS], total = 0;
    struct tpr_ring *ring;

    for (int i = 0; i < r.n_backends; i++) {
        backends[i].weight = weights[i];
        total += weights[i];
    }
    ring = tpr_ring_create(&r, member);
    count(ring, got);
    for (int i = 0; i < r.n_backends; i++) {
        double want = (double) ring->size * weights[i] / total;

        ck_assert_uint_ge(got[i], 1);
        ck_assert_double_ge(got[i], want - 2);
        ck_assert_double_le(got[i], want + 2);
    }
    tpr_ring_destroy(ring);

    /* As light as can be beside as heavy as can be. */
    r = redirect(2);
    backends[0].weight = 1;
    backends[1].weight = UINT16_MAX;
    ring = tpr_ring_create(&r, member);
    count(ring, got);
    ck_assert_uint_eq(got[0], 1);
    tpr_ring_destroy(ring);
}
END_TEST

/* Slots of others that belong to somebody else without 'who'. */
static uint32_t
moved_without(const struct tpr_redirect *r, int who)
{
    struct tpr_ring *before, *after;
    uint32_t moved = 0;

    before = tpr_ring_create(r, member);
    member[who] = false;
    after = tpr_ring_create(r, member);
    member[who] = true;
    ck_assert_uint_eq(before->size, after->size);
    for (uint32_t i = 0; i < before->size; i++) {
        moved += (before->slot[i] != who
                  && before->slot[i] != after->slot[i]);
    }
    tpr_ring_destroy(before);
    tpr_ring_destroy(after);
    return moved;
}

/* Who leaves takes few others along. */
START_TEST(disturbance)
{
    static const int ns[] = { 4, 10, 50, 300 };

    for (size_t i = 0; i < ARRAY_SIZE(ns); i++) {
        struct tpr_redirect r = redirect(ns[i]);

        ck_assert_uint_le(moved_without(&r, ns[i] / 2),
                          tpr_ring_size_for(r.policy, ns[i]) * 5 / 100);
    }
}
END_TEST

/* With policy maglev and ten backends, nobody's share is more than one percent
 * off, and whoever leaves takes at most one percent of the others' connections
 * along, if they are not tracked. */
START_TEST(ten_of_maglev)
{
    struct tpr_redirect r = redirect(10);
    uint32_t got[TPR_MAX_REDIRECT_BACKENDS];
    double worst = 0, sum = 0, skew = 0;
    struct tpr_ring *ring;

    r.policy = TPR_POLICY_MAGLEV;
    ring = tpr_ring_create(&r, member);
    count(ring, got);
    for (int i = 0; i < 10; i++) {
        const double percent = (100.0 * moved_without(&r, i)
                                / (ring->size - got[i]));
        const double off = got[i] * 1000.0 / ring->size - 100;

        sum += percent;
        worst = MAX(worst, percent);
        skew = MAX(skew, off < 0 ? -off : off);
    }
    printf("# maglev, 10 backends, %u slots: shares within %.2f %%; one leaves:"
           " %.2f %% of the others move, at most %.2f %%\n",
           (unsigned int) ring->size, skew, sum / 10, worst);
    ck_assert_double_le(worst, 1);
    ck_assert_double_le(skew, 1);
    tpr_ring_destroy(ring);
}
END_TEST

/* So it is with other addresses. */
START_TEST(many_tens_of_maglev)
{
    struct tpr_redirect r = redirect(10);
    double worst = 0, sum = 0;
    uint32_t random = 2;
    enum { SETS = 15 };

    r.policy = TPR_POLICY_MAGLEV;
    for (int i = 0; i < SETS; i++) {
        uint32_t got[TPR_MAX_REDIRECT_BACKENDS];
        struct tpr_ring *ring;

        for (int j = 0; j < 10; j++) {
            random = random * 1664525 + 1013904223;     /* Numerical Recipes. */
            backends[j].addr = tpr_addr_from_ip4(htonl(0x0a000000
                                                       | random >> 8));
            backends[j].l4_port = i % 2 ? 80 : 0;
        }
        ring = tpr_ring_create(&r, member);
        count(ring, got);
        for (int j = 0; j < 10; j++) {
            const double percent = (100.0 * moved_without(&r, j)
                                    / (ring->size - got[j]));

            sum += percent;
            worst = MAX(worst, percent);
        }
        tpr_ring_destroy(ring);
    }
    printf("# maglev, %d sets of 10 backends; one leaves: %.2f %% of the others"
           " move, at most %.2f %%\n", SETS, sum / SETS / 10, worst);
    ck_assert_double_le(worst, 1);
}
END_TEST

/* The description's order does not matter, nor who is no member. */
START_TEST(equal_sets)
{
    struct tpr_redirect r = redirect(20);
    struct tpr_ring *straight, *turned;

    member[19] = false;
    backends[18].weight = 0;
    backends[0].l4_port = 80;
    straight = tpr_ring_create(&r, member);
    for (int i = 0; i < 9; i++) {
        struct tpr_redirect_backend b = backends[i];

        backends[i] = backends[17 - i];
        backends[17 - i] = b;
    }
    turned = tpr_ring_create(&r, member);
    ck_assert_uint_eq(straight->size, tpr_ring_size_for(r.policy, 18));
    ck_assert_uint_eq(turned->size, straight->size);
    for (uint32_t i = 0; i < straight->size; i++) {
        ck_assert_uint_eq(straight->slot[i], 17 - turned->slot[i]);
    }
    tpr_ring_destroy(straight);
    tpr_ring_destroy(turned);
}
END_TEST

START_TEST(nobody)
{
    struct tpr_redirect r = redirect(0);
    struct tpr_ring *ring = tpr_ring_create(&r, member);

    ck_assert_uint_eq(ring->size, 0);
    tpr_ring_destroy(ring);
    tpr_ring_destroy(NULL);
}
END_TEST

UNIT_MAIN("ring", sizes, equal_shares, weighted_shares, disturbance,
          ten_of_maglev, many_tens_of_maglev, equal_sets, nobody)
