/* SPDX-License-Identifier: Apache-2.0 */

/* Tests that a thousand health checks neither beat together nor wait for each
 * other, on a clock of our own, and what one of them costs in memory. */

#include <config.h>
#include "check-logic.h"
#include "check.h"

#include <malloc.h>
#include <string.h>
#include "hash.h"
#include "heap.h"
#include "random.h"
#include "unit.h"

enum {
    N_CHECKS = 1000,
    INTERVAL_US = 100 * 1000,
    COST_US = 50,               /* Of our time for one whole check. */
    RUN_US = 20 * 1000 * 1000,
    WINDOW_US = 1000,
};

/* A check as check.c keeps it, as far as time is concerned. */
struct fake {
    struct heap_node node;      /* By 'start_us'; soonest is maximum. */
    struct check_logic logic;
    uint32_t hash;
    long long int start_us;
};

static struct fake fakes[N_CHECKS];
static unsigned int windows[RUN_US / WINDOW_US + 1];

static uint64_t
priority(const struct fake *f)
{
    return UINT64_MAX - f->start_us;
}

static void
start_all(struct heap *heap, const struct tpr_check *check)
{
    for (int i = 0; i < N_CHECKS; i++) {
        struct fake *f = &fakes[i];
        char *name = xasprintf("web%d/r%d", i / 20, i % 20);

        memset(f, 0, sizeof *f);
        f->hash = hash_string(name, 0);
        f->start_us = check_first_start(f->hash, check->interval_us, 0);
        check_logic_init(&f->logic, CHECK_UNKNOWN);
        heap_insert(heap, &f->node, priority(f));
        free(name);
    }
}

/* Runs all checks for RUN_US on one thread, of which each takes COST_US and the
 * server up to 'latency_us'; 'bad_percent' of them fail.  Returns the worst
 * lateness. */
static long long int
play(const struct tpr_check *check, unsigned int latency_us,
     unsigned int bad_percent)
{
    long long int now_us = 0, worst_us = 0;
    struct heap heap;

    heap_init(&heap);
    random_set_seed(1);
    memset(windows, 0, sizeof windows);
    start_all(&heap, check);
    for (;;) {
        struct fake *f = CONTAINER_OF(heap_max(&heap), struct fake, node);
        bool good = random_range(100) >= bad_percent;

        now_us = MAX(now_us, f->start_us);
        if (now_us >= RUN_US) {
            break;
        }
        worst_us = MAX(worst_us, now_us - f->start_us);
        windows[now_us / WINDOW_US]++;
        now_us += COST_US;
        check_logic_verdict(&f->logic, check,
                            good ? CHECK_PROOF_GOOD : CHECK_PROOF_BAD, now_us);
        f->start_us = check_logic_next_start(
            &f->logic, check, f->hash, f->start_us,
            now_us + random_range(latency_us));
        heap_change(&heap, &f->node, priority(f));
    }
    heap_destroy(&heap);
    return worst_us;
}

/* 10 of 1,000 checks each millisecond, on average; twice as many would be
 * what the thread can do. */
START_TEST(starts_are_spread_and_in_time)
{
    const struct tpr_check check = {
        .interval_us = INTERVAL_US, .fast_us = INTERVAL_US,
        .fall = 3, .rise = 2,
    };
    long long int worst_us = play(&check, INTERVAL_US / 2, 0);
    unsigned int total = 0;

    ck_assert_int_le(worst_us, INTERVAL_US / 10);
    for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
        ck_assert_uint_le(windows[i], WINDOW_US / COST_US);
        total += windows[i];
    }
    /* None is left out. */
    ck_assert_uint_eq(total, N_CHECKS * (RUN_US / INTERVAL_US));
}
END_TEST

/* Doubt makes some faster, which does not throw the others off. */
START_TEST(doubt_does_not_delay_others)
{
    const struct tpr_check check = {
        .interval_us = INTERVAL_US, .fast_us = INTERVAL_US / 5,
        .fall = 3, .rise = 2,
    };

    ck_assert_int_le(play(&check, INTERVAL_US / 20, 5), INTERVAL_US / 10);
}
END_TEST

/* All names alike but for a digit: no tenth of the interval has more than one
 * and a half times its share. */
START_TEST(names_alike_are_spread)
{
    unsigned int tenths[10] = { 0 };

    for (int i = 0; i < N_CHECKS; i++) {
        char *name = xasprintf("web/r%d", i);

        tenths[check_first_start(hash_string(name, 0), INTERVAL_US, 0)
               / (INTERVAL_US / 10)]++;
        free(name);
    }
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_le(tenths[i], N_CHECKS / 10 * 3 / 2);
        ck_assert_uint_ge(tenths[i], N_CHECKS / 10 / 2);
    }
}
END_TEST

/* What check.h promises. */
START_TEST(checks_are_small)
{
    static struct tpr_backend backends[N_CHECKS];
    static struct tpr_backend *list[N_CHECKS];
    struct tpr_check check = {
        .type = TPR_CHECK_HTTP, .interval_us = INTERVAL_US,
        .timeout_us = INTERVAL_US, .fall = 3, .rise = 2, .port = 80,
        .path = CONST_CAST(char *, "/health"),
        .expect_min = 200, .expect_max = 399,
    };
    struct tpr_service service = {
        .name = CONST_CAST(char *, "web"), .backends = list,
        .n_backends = N_CHECKS,
    };
    struct tpr_config config = { .n_intents = 0 };
    struct mallinfo2 before, after;
    struct check_set *set;

    shash_init(&config.services);
    shash_add(&config.services, "web", &service);
    for (int i = 0; i < N_CHECKS; i++) {
        backends[i].name = xasprintf("web/r%d", i);
        in6_addr_set_mapped_ipv4(&backends[i].addr, htonl(0x0a000001 + i));
        backends[i].check = &check;
        backends[i].last_up = -1;
        list[i] = &backends[i];
    }
    before = mallinfo2();
    set = check_set_create();
    check_set_configure(set, &config, 1);
    after = mallinfo2();
    ck_assert_uint_le((after.uordblks - before.uordblks) / N_CHECKS,
                      CHECK_MEMORY);
    check_set_destroy(set);
    for (int i = 0; i < N_CHECKS; i++) {
        free(backends[i].name);
    }
    shash_destroy(&config.services);
}
END_TEST

UNIT_MAIN("check-scale", starts_are_spread_and_in_time,
          doubt_does_not_delay_others, names_alike_are_spread,
          checks_are_small)
