/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the policies, and who may be chosen at all. */

#include <config.h>
#include <string.h>
#include "redirect-choose.h"
#include "unit.h"

enum { MAX = 8 };

static struct tpr_redirect_backend backends[MAX];
static struct tpr_redirect redirect;
static int32_t smooth[MAX];
static uint8_t why[MAX];
static uint32_t connections[MAX];

/* A redirect of 'n' usable backends of weight 1 and priority 0. */
static void
reset(enum tpr_policy policy, int n)
{
    memset(backends, 0, sizeof backends);
    memset(smooth, 0, sizeof smooth);
    memset(why, 0, sizeof why);
    memset(connections, 0, sizeof connections);
    redirect = (struct tpr_redirect) { .policy = policy, .n_backends = n,
                                       .backends = backends };
    for (int i = 0; i < n; i++) {
        backends[i].addr.w[3] = i + 1;
        backends[i].weight = 1;
        backends[i].region = backends[i].word = TPR_NO_WORD;
    }
}

static int
choose(void)
{
    return tpr_choose(&redirect, NULL, smooth, connections, why, 0);
}

static void
assert_sequence(const char *expected)
{
    for (int i = 0; expected[i]; i++) {
        ck_assert_int_eq(choose(), expected[i] - 'a');
    }
}

START_TEST(failover)
{
    reset(TPR_POLICY_FAILOVER, 4);
    backends[0].priority = 2;
    backends[1].priority = 1;
    backends[2].priority = 1;
    assert_sequence("ddd");
    why[3] = TPR_WHY_DOWN;
    assert_sequence("bbb");
    why[1] = TPR_WHY_LIMIT;
    assert_sequence("ccc");
    why[2] = TPR_WHY_REGION_DOWN;
    assert_sequence("aaa");
    why[0] = TPR_WHY_DRAIN;
    ck_assert_int_eq(choose(), -1);
    why[3] = TPR_WHY_OK;
    assert_sequence("d");
}
END_TEST

/* The example of nginx, which made the algorithm known. */
START_TEST(smooth_example)
{
    reset(TPR_POLICY_WEIGHTED, 3);
    backends[0].weight = 5;
    assert_sequence("aabacaaaabacaa");
}
END_TEST

/* Of as many as the weights sum up to, each has exactly its weight. */
START_TEST(smooth_is_exact)
{
    static const uint16_t weights[] = { 1, 7, 100, 33, 65535, 2 };
    int total = 0, got[MAX] = { 0 };

    reset(TPR_POLICY_WEIGHTED, ARRAY_SIZE(weights));
    for (int i = 0; i < redirect.n_backends; i++) {
        backends[i].weight = weights[i];
        total += weights[i];
    }
    for (int i = 0; i < total; i++) {
        got[choose()]++;
    }
    for (int i = 0; i < redirect.n_backends; i++) {
        ck_assert_int_eq(got[i], weights[i]);
        ck_assert_int_eq(smooth[i], 0);
    }
}
END_TEST

START_TEST(round_robin)
{
    reset(TPR_POLICY_ROUND_ROBIN, 4);
    backends[1].weight = 50;
    assert_sequence("abcdabcd");
    why[1] = TPR_WHY_DOWN;
    assert_sequence("acdacd");

    /* Only the best level takes part. */
    backends[2].priority = backends[3].priority = 1;
    assert_sequence("aaa");
    why[0] = TPR_WHY_DOWN;
    reset(TPR_POLICY_ROUND_ROBIN, 0);
    ck_assert_int_eq(choose(), -1);
}
END_TEST

START_TEST(least_connections)
{
    reset(TPR_POLICY_LEAST_CONNECTIONS, 3);

    /* As few as the others: in turn. */
    assert_sequence("abcabc");
    connections[0] = 1;
    assert_sequence("bcbc");
    connections[1] = 2;
    connections[2] = 2;
    assert_sequence("aaa");

    /* Per weight; equals share by weight. */
    backends[1].weight = 2;
    backends[2].weight = 2;
    connections[0] = 2;
    connections[2] = 3;
    assert_sequence("bbb");
    backends[0].weight = 4;
    backends[1].weight = backends[2].weight = 1;
    connections[0] = connections[1] = connections[2] = 0;
    memset(smooth, 0, sizeof smooth);
    assert_sequence("aabacaaabaca");

    /* Numbers as great as there are. */
    backends[0].weight = 65535;
    backends[1].weight = 65535;
    backends[2].weight = 65534;
    connections[0] = UINT32_MAX;
    connections[1] = UINT32_MAX - 1;
    connections[2] = UINT32_MAX - 1;
    assert_sequence("bb");

    /* Only who is usable, and only the best level. */
    why[1] = TPR_WHY_DOWN;
    assert_sequence("aa");
    backends[0].priority = 1;
    assert_sequence("cc");
}
END_TEST

START_TEST(spillover)
{
    reset(TPR_POLICY_SPILLOVER, 3);
    backends[0].priority = 1;
    assert_sequence("bb");
    why[1] = TPR_WHY_LIMIT;
    assert_sequence("cc");
    why[2] = TPR_WHY_LIMIT;
    assert_sequence("aa");
    why[1] = TPR_WHY_OK;
    assert_sequence("bb");
}
END_TEST

/* Who is at the limit of packets/s comes after all others. */
START_TEST(packet_limit)
{
    reset(TPR_POLICY_SPILLOVER, 3);
    why[0] = TPR_WHY_RATE;
    assert_sequence("bb");
    why[1] = why[2] = TPR_WHY_RATE;
    ck_assert_int_eq(why[0], TPR_WHY_RATE);
    backends[0].priority = 1;
    backends[2].weight = 2;
    assert_sequence("cabccabc");        /* Turns by weight, of all. */
    ck_assert_int_eq(why[0], TPR_WHY_RATE);
    why[1] = TPR_WHY_COLLISION;
    assert_sequence("caccac");
    why[0] = TPR_WHY_OK;
    assert_sequence("aa");

    reset(TPR_POLICY_FAILOVER, 2);
    why[0] = why[1] = TPR_WHY_RATE;
    backends[0].priority = 1;
    assert_sequence("bb");

    reset(TPR_POLICY_ROUND_ROBIN, 3);
    why[0] = TPR_WHY_LIMIT;
    why[1] = why[2] = TPR_WHY_RATE;
    assert_sequence("bcbc");
    ck_assert_int_eq(why[0], TPR_WHY_LIMIT);

    ck_assert(!tpr_is_fast(1000, 1000, 0));
    ck_assert(!tpr_is_fast(999, 999, 1000));
    ck_assert(tpr_is_fast(1000, 0, 1000));
    ck_assert(tpr_is_fast(0, 1000, 1000));
    ck_assert(!tpr_is_fast(0, UINT64_C(1) << 32, 0));
    ck_assert(tpr_is_fast(0, UINT64_C(1) << 32, 1000));
}
END_TEST

START_TEST(maglev)
{
    uint16_t slots[] = { 0, 1, 2, 0, 1, TPR_RING_EMPTY, 900 };
    struct tpr_ring ring = { ARRAY_SIZE(slots), slots };

    reset(TPR_POLICY_MAGLEV, 4);
    why[3] = TPR_WHY_DOWN;
    for (uint32_t hash = 0; hash < 5; hash++) {
        ck_assert_int_eq(tpr_choose(&redirect, &ring, smooth, NULL, why, hash),
                         slots[hash]);
        ck_assert_int_eq(tpr_choose(&redirect, &ring, smooth, NULL, why,
                                    hash + 70),
                         slots[hash]);
    }

    /* Who is not usable is walked over, and so are slots of nobody. */
    why[1] = TPR_WHY_DOWN;
    ck_assert_int_eq(tpr_choose(&redirect, &ring, smooth, NULL, why, 1), 2);
    ck_assert_int_eq(tpr_choose(&redirect, &ring, smooth, NULL, why, 4), 0);
    ck_assert_int_eq(tpr_choose(&redirect, &ring, smooth, NULL, why, 5), 0);

    /* A level of its own. */
    backends[0].priority = 1;
    ck_assert_int_eq(tpr_choose(&redirect, &ring, smooth, NULL, why, 3), 2);

    /* Who is usable is found although the ring does not have it. */
    why[0] = why[2] = TPR_WHY_DOWN;
    ck_assert_int_eq(tpr_choose(&redirect, &ring, smooth, NULL, why, 3), -1);
    why[3] = TPR_WHY_OK;
    ck_assert_int_eq(tpr_choose(&redirect, &ring, smooth, NULL, why, 3), 3);
    ck_assert_int_eq(tpr_choose(&redirect, NULL, smooth, NULL, why, 3), 3);
}
END_TEST

/* Every state of both words, and whether connections stay. */
START_TEST(reasons)
{
    static const struct {
        enum tpr_liveness region, own;
        enum tpr_why why;
        bool keeps;
    } rows[] = {
        { TPR_LIVENESS_UP, TPR_LIVENESS_UP, TPR_WHY_OK, true },
        { TPR_LIVENESS_UP, TPR_LIVENESS_UNKNOWN, TPR_WHY_UNKNOWN, true },
        { TPR_LIVENESS_UP, TPR_LIVENESS_DOWN, TPR_WHY_DOWN, false },
        { TPR_LIVENESS_UP, TPR_LIVENESS_DRAIN, TPR_WHY_DRAIN, true },
        { TPR_LIVENESS_UNKNOWN, TPR_LIVENESS_UP, TPR_WHY_REGION_UNKNOWN,
          true },
        { TPR_LIVENESS_DRAIN, TPR_LIVENESS_UP, TPR_WHY_REGION_DRAIN, true },
        { TPR_LIVENESS_DOWN, TPR_LIVENESS_UP, TPR_WHY_REGION_DOWN, false },
        { TPR_LIVENESS_DOWN, TPR_LIVENESS_DOWN, TPR_WHY_REGION_DOWN, false },
        { TPR_LIVENESS_UNKNOWN, TPR_LIVENESS_DOWN, TPR_WHY_REGION_UNKNOWN,
          false },
        { 77, TPR_LIVENESS_UP, TPR_WHY_REGION_DOWN, true },
    };
    enum { LAST = TPR_MAX_REGIONS - 1 };
    struct tpr_page *page = xzalloc(sizeof *page);
    struct tpr_redirect_backend b = { .region = LAST, .word = 65535,
                                      .weight = 1 };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        page->region[LAST] = tpr_word_next(0xabcd, rows[i].region);
        page->backend[65535] = tpr_word_next(0xabcd, rows[i].own);
        ck_assert_int_eq(tpr_why_of(&b, page), rows[i].why);
        ck_assert_int_eq(tpr_keeps(&b, page), rows[i].keeps);
    }

    page->region[LAST] = page->backend[65535] = TPR_LIVENESS_UP;
    b.weight = 0;
    ck_assert_int_eq(tpr_why_of(&b, page), TPR_WHY_WEIGHT);
    ck_assert(tpr_keeps(&b, page));
    b.withdrawn = 1;
    ck_assert_int_eq(tpr_why_of(&b, page), TPR_WHY_WITHDRAWN);
    ck_assert(!tpr_keeps(&b, page));

    b = (struct tpr_redirect_backend) { .region = TPR_NO_WORD,
                                        .word = TPR_NO_WORD, .weight = 1 };
    ck_assert_int_eq(tpr_why_of(&b, page), TPR_WHY_OK);
    free(page);
}
END_TEST

UNIT_MAIN("redirect-choose", failover, smooth_example, smooth_is_exact,
          round_robin, least_connections, spillover, packet_limit,
          maglev, reasons)
