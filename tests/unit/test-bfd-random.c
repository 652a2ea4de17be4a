/* SPDX-License-Identifier: Apache-2.0 */

/* BFD sessions under random configurations and random misfortune.
 *
 * Invariants hold all the time (sim_check() in bfd-sim.c).  After each run the
 * link is mended, and the sessions must find each other, agree on their
 * timers, and rest. */

#include <config.h>
#include "bfd-sim.h"
#include "unit.h"

#include <string.h>

enum {
    N_RUNS = 2000,
    N_STEPS = 12,
};

/* The run's number, for whoever debugs. */
static int run;

static uint32_t
random_interval(struct sim *sim)
{
    static const uint32_t intervals[] = {
        MS(3), MS(10), MS(20), MS(30), MS(50), MS(100), MS(300), MS(1000),
        MS(2000),
    };
    return intervals[sim_random(sim, ARRAY_SIZE(intervals))];
}

static void
randomize(struct sim *sim, struct sim_node *node, bool passive)
{
    node->cfg.min_tx_us = random_interval(sim);
    node->cfg.min_rx_us = random_interval(sim);
    node->cfg.mult = 1 + sim_random(sim, 5);
    node->cfg.passive = passive;
    node->hb_cfg.rise = 1 + sim_random(sim, 4);
    node->hb_cfg.max_excuses = 0;
    node->override_us = sim_random(sim, 4) ? 0 : MS(30);
}

static struct bfd_auth
random_auth(struct sim *sim)
{
    static const enum bfd_auth_type types[] = {
        BFD_AUTH_NONE, BFD_AUTH_NONE, BFD_AUTH_SIMPLE, BFD_AUTH_SHA1,
        BFD_AUTH_METICULOUS_SHA1,
    };

    return (struct bfd_auth) {
        .type = types[sim_random(sim, ARRAY_SIZE(types))],
        .key_id = 1, .key_len = 4, .key = "abcd",
    };
}

static void
init(struct sim *sim, int seed)
{
    static const struct bfd_session_config any = { .mult = 1 };

    sim_init(sim, &any, &any, seed);
    int passive = sim_random(sim, 3);       /* Not both. */
    randomize(sim, &sim->a, passive == 1);
    randomize(sim, &sim->b, passive == 2);
    sim->a.cfg.auth = sim->b.cfg.auth = random_auth(sim);
    sim->dir[0].delay_us = US(20 + sim_random(sim, 200));
    sim->dir[1].delay_us = US(20 + sim_random(sim, 200));
    sim_restart(sim, &sim->a);
    sim_restart(sim, &sim->b);
}

/* One random event. */
static void
misfortune(struct sim *sim)
{
    struct sim_node *node = sim_random(sim, 2) ? &sim->a : &sim->b;

    switch (sim_random(sim, 7)) {
    case 0:
        sim_cut(sim, sim_random(sim, 2), sim_random(sim, 2));
        break;
    case 1:
        sim->dir[0].loss = sim_random(sim, 40);
        sim->dir[1].loss = sim_random(sim, 40);
        break;
    case 2:
        sim_cut(sim, false, false);
        sim->dir[0].loss = sim->dir[1].loss = 0;
        break;
    case 3:
        node->cfg.admin_down = !node->cfg.admin_down;
        sim_configure(sim, node);
        break;
    case 4:
        randomize(sim, node, node->cfg.passive);
        sim_configure(sim, node);
        break;
    case 5:
        sim_restart(sim, node);
        break;
    case 6:
        bfd_session_down(&node->s, BFD_DIAG_PATH_DOWN,
                         HEARTBEAT_CAUSE_LINK_DOWN, sim->now_us);
        break;
    }
}

static bool
settled(const struct sim_node *node)
{
    return (node->s.state == BFD_STATE_UP && !node->s.polling
            && node->s.hb.state == HEARTBEAT_UP);
}

/* Lets the sessions come up on a good link; they must, within twice the
 * longest detection time (for sequence numbers) and a few seconds.  First
 * stalls and silence from before the link was good have their effect. */
static void
settle(struct sim *sim)
{
    long long int end_us = sim->now_us + SEC(40);

    sim_run(sim, MS(100) + MAX(sim->a.s.rx.detect_us, sim->b.s.rx.detect_us));
    while (!settled(&sim->a) || !settled(&sim->b)) {
        ck_assert_msg(sim->now_us < end_us, "run %d does not come up: %s",
                      run, ds_cstr(&sim->log));
        sim_run(sim, MS(50));
    }
}

static void
assert_agreement(const struct sim_node *node, const struct sim_node *peer)
{
    struct bfd_session_status status;

    bfd_session_status(&node->s, &status);
    ck_assert_int_eq(status.tx_interval_us,
                     MAX(node->cfg.min_tx_us, peer->cfg.min_rx_us));
    ck_assert_int_eq(status.detect_us,
                     (long long int) peer->cfg.mult
                     * MAX(node->cfg.min_rx_us, peer->cfg.min_tx_us));
    ck_assert_uint_eq(status.your_discr, peer->s.my_discr);
    ck_assert_int_eq(status.diag, BFD_DIAG_NONE);
}

/* Mends everything, and checks that both sessions come to rest. */
static void
assert_recovery(struct sim *sim)
{
    sim->dir[0].loss = sim->dir[1].loss = 0;
    sim_cut(sim, false, false);
    sim->a.cfg.admin_down = sim->b.cfg.admin_down = false;
    sim_configure(sim, &sim->a);
    sim_configure(sim, &sim->b);
    settle(sim);
    assert_agreement(&sim->a, &sim->b);
    assert_agreement(&sim->b, &sim->a);
    ds_clear(&sim->log);
    sim_run(sim, SEC(1));
    ck_assert_msg(!sim->log.length, "run %d: %s", run, ds_cstr(&sim->log));
}

START_TEST(random_misfortune)
{
    for (run = 0; run < N_RUNS; run++) {
        struct sim sim;

        init(&sim, run);
        for (int i = 0; i < N_STEPS; i++) {
            misfortune(&sim);
            sim_run(&sim, 1 + sim_random(&sim, sim_random(&sim, 3)
                                               ? MS(100) : SEC(2)));
        }
        assert_recovery(&sim);
        sim_destroy(&sim);
    }
}
END_TEST

/* On a good link no change of timers, in whatever order, is a flap. */
START_TEST(random_timers_never_flap)
{
    for (run = 0; run < N_RUNS; run++) {
        struct sim sim;

        init(&sim, run);
        settle(&sim);
        ds_clear(&sim.log);
        for (int i = 0; i < N_STEPS; i++) {
            struct sim_node *node = sim_random(&sim, 2) ? &sim.a : &sim.b;

            randomize(&sim, node, node->cfg.passive);
            node->override_us = 0;
            sim_configure(&sim, node);
            sim_run(&sim, 1 + sim_random(&sim, MS(200)));
        }
        sim_run(&sim, SEC(4));
        ck_assert_msg(!sim.log.length, "run %d: %s", run, ds_cstr(&sim.log));
        assert_recovery(&sim);
        sim_destroy(&sim);
    }
}
END_TEST

/* With owners that stall and are excused, sessions may live longer than their
 * detection time, but still end up in agreement. */
START_TEST(random_stalls)
{
    for (run = 0; run < N_RUNS; run++) {
        struct sim sim;

        init(&sim, run);
        sim.guard_off = true;
        sim.a.hb_cfg.max_excuses = sim_random(&sim, 4);
        sim.b.hb_cfg.max_excuses = sim_random(&sim, 4);
        sim_configure(&sim, &sim.a);
        sim_configure(&sim, &sim.b);
        for (int i = 0; i < N_STEPS; i++) {
            sim_sleep(&sim, sim_random(&sim, 2) ? &sim.a : &sim.b,
                      sim_random(&sim, MS(80)));
            if (!sim_random(&sim, 3)) {
                misfortune(&sim);
            }
            sim_run(&sim, 1 + sim_random(&sim, MS(150)));
        }
        assert_recovery(&sim);
        sim_destroy(&sim);
    }
}
END_TEST

static Suite *
random_suite(void)
{
    const TTest *const tests[] = {
        random_misfortune, random_timers_never_flap, random_stalls,
    };
    Suite *suite = suite_create("bfd-random");

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_set_timeout(tcase, 120);      /* With sanitizers. */
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

UNIT_MAIN_SUITE(random_suite)
