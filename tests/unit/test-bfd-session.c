/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of BFD sessions, two at a time on a simulated link (bfd-sim.h).
 * test-bfd-rules.c has the rules for single packets. */

#include <config.h>
#include "bfd-sim.h"
#include "unit.h"

#include <limits.h>
#include <string.h>

static const struct bfd_session_config fast = {
    .min_tx_us = MS(10), .min_rx_us = MS(10), .mult = 3,
};

static const struct bfd_auth sha1 = {
    .type = BFD_AUTH_SHA1, .key_id = 1, .key_len = 6, .key = "secret",
};

/* Two fast sessions, both Up, any Poll Sequence over. */
static void
init_up(struct sim *sim)
{
    sim_init(sim, &fast, &fast, 1);
    sim_run(sim, SEC(1));
    sim_expect(sim, "a:init b:init a:up a:region-up b:up b:region-up");
    ck_assert(!sim->a.s.polling && !sim->b.s.polling);
}

static struct bfd_session_status
status(const struct sim_node *node)
{
    struct bfd_session_status status;

    bfd_session_status(&node->s, &status);
    return status;
}

/* Establishment. */

START_TEST(three_way_handshake)
{
    struct bfd_session_config passive = fast;
    struct sim sim;

    passive.passive = true;
    sim_init(&sim, &fast, &passive, 1);
    sim_run(&sim, US(50));
    sim_expect(&sim, "b:init");
    ck_assert_uint_eq(sim.b.last_received.your_discr, 0);
    ck_assert_uint_eq(sim.b.last_sent.your_discr, sim.a.s.my_discr);
    sim_run(&sim, US(50));
    sim_expect(&sim, "a:up a:region-up");
    sim_run(&sim, US(50));
    sim_expect(&sim, "b:up b:region-up");
    sim_run(&sim, SEC(60));
    sim_expect(&sim, "");
    sim_destroy(&sim);
}
END_TEST

START_TEST(both_active)
{
    struct sim sim;

    init_up(&sim);
    ck_assert_int_eq(status(&sim.a).diag, BFD_DIAG_NONE);
    sim_run(&sim, SEC(60));
    sim_expect(&sim, "");
    sim_destroy(&sim);
}
END_TEST

START_TEST(both_passive_stay_silent)
{
    struct bfd_session_config passive = fast;
    struct sim sim;

    passive.passive = true;
    sim_init(&sim, &passive, &passive, 1);
    sim_run(&sim, SEC(60));
    sim_expect(&sim, "a:region-down b:region-down");
    ck_assert_uint_eq(sim.a.n_sent + sim.b.n_sent, 0);
    ck_assert_int_eq(bfd_session_deadline(&sim.a.s), LLONG_MAX);
    sim_destroy(&sim);
}
END_TEST

START_TEST(slow_while_not_up)
{
    struct sim sim;

    sim_init(&sim, &fast, &fast, 1);
    sim_cut(&sim, true, true);
    sim_run(&sim, SEC(100));
    ck_assert_uint_ge(sim.a.n_sent, 100);
    ck_assert_uint_le(sim.a.n_sent, 134);       /* 75 % jitter. */
    ck_assert_uint_eq(sim.a.last_sent.min_tx_us, 1000000);
    ck_assert_uint_eq(sim.a.last_sent.min_rx_us, MS(10));
    sim_expect(&sim, "a:region-down b:region-down");
    sim_destroy(&sim);
}
END_TEST

START_TEST(up_under_heavy_loss)
{
    struct sim sim;

    sim_init(&sim, &fast, &fast, 5);
    sim.a.cfg.mult = sim.b.cfg.mult = 20;
    sim_restart(&sim, &sim.a);
    sim_restart(&sim, &sim.b);
    sim.dir[0].loss = sim.dir[1].loss = 40;
    sim_run(&sim, SEC(60));
    ck_assert_int_eq(sim.a.s.state, BFD_STATE_UP);
    ck_assert_int_eq(sim.b.s.state, BFD_STATE_UP);
    ck_assert(!sim.a.s.polling && !sim.b.s.polling);
    sim_destroy(&sim);
}
END_TEST

START_TEST(region_waits_for_rise)
{
    struct sim sim;

    sim_init(&sim, &fast, &fast, 1);
    sim.a.hb_cfg.rise = 5;
    sim_restart(&sim, &sim.a);
    sim_run(&sim, MS(30));
    sim_expect(&sim, "a:init b:init a:up b:up b:region-up");
    sim_run(&sim, MS(30));
    sim_expect(&sim, "a:region-up");
    sim_destroy(&sim);
}
END_TEST

/* Negotiation. */

START_TEST(negotiated_timers)
{
    struct bfd_session_config a = fast, b = fast;
    struct sim sim;

    a.min_rx_us = MS(20);
    b.min_tx_us = MS(50);
    b.min_rx_us = MS(15);
    b.mult = 5;
    sim_init(&sim, &a, &b, 1);
    sim_run(&sim, SEC(3));

    /* 6.8.2 and 6.8.4. */
    ck_assert_int_eq(status(&sim.a).tx_interval_us, MS(15));
    ck_assert_int_eq(status(&sim.b).tx_interval_us, MS(50));
    ck_assert_int_eq(status(&sim.a).detect_us, 5 * MS(50));
    ck_assert_int_eq(status(&sim.b).detect_us, 3 * MS(15));
    ck_assert_int_eq(sim.a.s.hb.detect_us, 5 * MS(50));
    ck_assert_uint_eq(status(&sim.a).remote_mult, 5);
    ck_assert_uint_eq(status(&sim.a).remote_min_tx_us, MS(50));
    ck_assert_uint_eq(status(&sim.a).remote_min_rx_us, MS(15));
    sim_destroy(&sim);
}
END_TEST

/* Collects the gaps between packets of 'a', whose interval is 10 ms. */
static void
gaps(uint8_t mult, unsigned int *min, unsigned int *max)
{
    struct bfd_session_config cfg = fast;
    struct sim sim;

    cfg.mult = mult;
    sim_init(&sim, &cfg, &cfg, mult);
    sim_run(&sim, SEC(5));
    sim.a.min_gap_us = LLONG_MAX;
    sim.a.max_gap_us = 0;
    sim_run(&sim, SEC(60));
    *min = sim.a.min_gap_us;
    *max = sim.a.max_gap_us;
    sim_destroy(&sim);
}

START_TEST(jitter)
{
    unsigned int min, max;

    gaps(3, &min, &max);
    ck_assert_uint_ge(min, 7500);
    ck_assert_uint_le(min, 7510);
    ck_assert_uint_ge(max, 9990);
    ck_assert_uint_le(max, 10000);

    gaps(1, &min, &max);
    ck_assert_uint_ge(min, 7500);
    ck_assert_uint_le(min, 7510);
    ck_assert_uint_ge(max, 8990);
    ck_assert_uint_le(max, 9000);
}
END_TEST

START_TEST(slower_transmission_waits_for_final)
{
    struct sim sim;

    init_up(&sim);
    sim.a.cfg.min_tx_us = MS(100);
    sim_cut(&sim, false, true);
    sim_configure(&sim, &sim.a);
    sim_run(&sim, MS(10));
    ck_assert(sim.a.s.polling && sim.a.last_sent.poll);
    ck_assert_uint_eq(sim.a.last_sent.min_tx_us, MS(100));
    ck_assert_int_eq(status(&sim.a).tx_interval_us, MS(10));
    ck_assert_int_eq(status(&sim.b).detect_us, 3 * MS(100));

    sim_cut(&sim, false, false);
    sim_run(&sim, MS(20));
    ck_assert(!sim.a.s.polling);
    ck_assert_int_eq(status(&sim.a).tx_interval_us, MS(100));
    sim_run(&sim, SEC(10));
    ck_assert(!sim.a.last_sent.poll);
    ck_assert_int_ge(sim.a.gap_us, MS(75));
    sim_expect(&sim, "");
    sim_destroy(&sim);
}
END_TEST

START_TEST(shorter_detection_waits_for_final)
{
    struct sim sim;

    init_up(&sim);
    sim.a.cfg.min_rx_us = MS(100);
    sim_configure(&sim, &sim.a);
    ck_assert_int_eq(status(&sim.a).detect_us, 3 * MS(100));
    sim_run(&sim, SEC(1));
    ck_assert_int_eq(status(&sim.b).tx_interval_us, MS(100));

    sim.a.cfg.min_rx_us = MS(10);
    sim_configure(&sim, &sim.a);
    ck_assert_int_eq(status(&sim.a).detect_us, 3 * MS(100));
    sim_run(&sim, MS(1));
    ck_assert_int_eq(status(&sim.a).detect_us, 3 * MS(10));
    ck_assert_int_eq(status(&sim.b).tx_interval_us, MS(10));
    sim_run(&sim, SEC(10));
    sim_expect(&sim, "");
    sim_destroy(&sim);
}
END_TEST

START_TEST(change_during_a_poll_polls_again)
{
    struct sim sim;

    init_up(&sim);
    sim.a.cfg.min_tx_us = MS(100);
    sim_configure(&sim, &sim.a);
    sim_run(&sim, US(60));              /* The Final is on its way. */
    sim.a.cfg.min_tx_us = MS(200);
    sim_configure(&sim, &sim.a);
    sim_run(&sim, US(60));
    ck_assert(sim.a.s.polling);
    ck_assert_int_eq(status(&sim.a).tx_interval_us, MS(10));
    sim_run(&sim, SEC(10));
    ck_assert_int_eq(status(&sim.a).tx_interval_us, MS(200));
    sim_expect(&sim, "");
    sim_destroy(&sim);
}
END_TEST

START_TEST(changed_mult_needs_no_poll)
{
    struct sim sim;

    init_up(&sim);
    sim.a.cfg.mult = 10;
    sim_configure(&sim, &sim.a);
    ck_assert(!sim.a.s.polling);
    sim_run(&sim, US(50));
    ck_assert_int_eq(status(&sim.b).detect_us, 10 * MS(10));
    sim_destroy(&sim);
}
END_TEST

/* Failure. */

START_TEST(one_way_loss)
{
    struct sim sim;

    init_up(&sim);
    sim_cut(&sim, false, true);
    sim_run(&sim, MS(31));
    sim_expect(&sim, "a:down a:region-down b:down b:region-down");
    ck_assert_int_eq(status(&sim.a).diag, BFD_DIAG_EXPIRED);
    ck_assert_int_eq(sim.a.s.hb.cause, HEARTBEAT_CAUSE_MISSED);
    ck_assert_int_eq(sim.a.s.hb.since_us - sim.a.s.hb.last_beat_us, MS(30));
    ck_assert_uint_eq(status(&sim.a).your_discr, 0);
    ck_assert_int_eq(status(&sim.b).diag, BFD_DIAG_NEIGHBOR_DOWN);
    ck_assert_int_eq(status(&sim.b).remote_diag, BFD_DIAG_EXPIRED);
    ck_assert_int_eq(sim.b.s.hb.cause, HEARTBEAT_CAUSE_PEER_DOWN);
    ck_assert_uint_eq(status(&sim.a).n_flaps, 1);

    sim_run(&sim, SEC(1));
    sim_expect(&sim, "b:init");
    sim_cut(&sim, false, false);
    sim_run(&sim, SEC(1));
    sim_expect(&sim, "a:up a:region-up b:up b:region-up");
    sim_destroy(&sim);
}
END_TEST

START_TEST(both_ways_lost)
{
    struct sim sim;

    init_up(&sim);
    sim_cut(&sim, true, true);
    sim_run(&sim, MS(20));
    sim_expect(&sim, "");
    sim_run(&sim, SEC(10));
    ck_assert_int_eq(status(&sim.a).diag, BFD_DIAG_EXPIRED);
    ck_assert_int_eq(status(&sim.b).diag, BFD_DIAG_EXPIRED);
    ck_assert_int_eq(sim.a.s.hb.state, HEARTBEAT_DOWN);
    ck_assert_int_eq(sim.b.s.hb.state, HEARTBEAT_DOWN);
    sim_destroy(&sim);
}
END_TEST

START_TEST(remote_restart)
{
    struct sim sim;

    init_up(&sim);
    uint32_t old = sim.a.s.my_discr;
    sim_restart(&sim, &sim.a);
    ck_assert_uint_ne(sim.a.s.my_discr, old);
    sim_run(&sim, MS(5));
    ck_assert_int_eq(status(&sim.b).state, BFD_STATE_UP);
    ck_assert_uint_eq(status(&sim.b).n_flaps, 1);
    ck_assert_uint_eq(status(&sim.b).your_discr, sim.a.s.my_discr);
    sim_run(&sim, SEC(10));
    ck_assert_uint_eq(status(&sim.b).n_flaps, 1);
    sim_destroy(&sim);
}
END_TEST

START_TEST(flapping_link)
{
    struct sim sim;

    init_up(&sim);
    for (int i = 0; i < 50; i++) {
        sim_cut(&sim, true, true);
        sim_run(&sim, MS(50));
        sim_cut(&sim, false, false);
        sim_run(&sim, MS(1500));
    }
    ck_assert_uint_eq(status(&sim.a).n_flaps, 50);
    ck_assert_uint_eq(status(&sim.b).n_flaps, 50);
    ck_assert_uint_eq(sim.a.s.hb.n_up, 51);
    ck_assert_int_eq(status(&sim.a).state, BFD_STATE_UP);
    sim_destroy(&sim);
}
END_TEST

START_TEST(link_down_and_back)
{
    struct sim sim;

    init_up(&sim);
    ck_assert_int_eq(bfd_session_down(&sim.a.s, BFD_DIAG_PATH_DOWN,
                                      HEARTBEAT_CAUSE_LINK_DOWN, sim.now_us),
                     HEARTBEAT_WENT_DOWN);
    ck_assert_int_eq(sim.a.s.hb.cause, HEARTBEAT_CAUSE_LINK_DOWN);
    ck_assert_int_eq(status(&sim.a).diag, BFD_DIAG_PATH_DOWN);
    sim_run(&sim, US(50));
    ck_assert_int_eq(status(&sim.b).remote_diag, BFD_DIAG_PATH_DOWN);
    sim_run(&sim, SEC(1));
    sim_expect(&sim, "a:down b:down b:region-down a:init "
                     "b:up b:region-up a:up a:region-up");
    ck_assert_int_eq(bfd_session_down(&sim.a.s, BFD_DIAG_PATH_DOWN,
                                      HEARTBEAT_CAUSE_LINK_DOWN, sim.now_us),
                     HEARTBEAT_WENT_DOWN);
    ck_assert_int_eq(bfd_session_down(&sim.a.s, BFD_DIAG_PATH_DOWN,
                                      HEARTBEAT_CAUSE_LINK_DOWN, sim.now_us),
                     HEARTBEAT_NOTHING);
    sim_destroy(&sim);
}
END_TEST

/* Administration. */

START_TEST(admin_down)
{
    struct sim sim;

    init_up(&sim);
    sim.a.cfg.admin_down = true;
    sim.a.cfg.admin_diag = BFD_DIAG_CONCAT_DOWN;
    sim_configure(&sim, &sim.a);
    ck_assert_int_eq(sim.a.s.hb.cause, HEARTBEAT_CAUSE_DISABLED);
    sim_run(&sim, SEC(30));
    sim_expect(&sim, "a:admin-down a:region-down b:down b:region-down");
    ck_assert_int_eq(sim.b.s.hb.cause, HEARTBEAT_CAUSE_PEER_ADMIN_DOWN);
    ck_assert_int_eq(status(&sim.b).diag, BFD_DIAG_NEIGHBOR_DOWN);
    ck_assert_int_eq(status(&sim.b).remote_diag, BFD_DIAG_CONCAT_DOWN);
    ck_assert_int_eq(status(&sim.b).remote_state, BFD_STATE_ADMIN_DOWN);
    /* 6.8.18: it says so for as long as it lasts, slowly. */
    ck_assert_uint_le(sim.a.gap_us, SEC(1));
    ck_assert_uint_ge(sim.a.gap_us, MS(750));

    /* Another reason while down. */
    sim.a.cfg.admin_diag = BFD_DIAG_ADMIN_DOWN;
    sim_configure(&sim, &sim.a);
    sim_run(&sim, US(50));
    ck_assert_int_eq(status(&sim.b).remote_diag, BFD_DIAG_ADMIN_DOWN);

    sim.a.cfg.admin_down = false;
    sim_configure(&sim, &sim.a);
    sim_run(&sim, SEC(1));
    sim_expect(&sim, "a:down b:init a:up a:region-up b:up b:region-up");
    sim_destroy(&sim);
}
END_TEST

START_TEST(admin_down_from_the_start)
{
    struct bfd_session_config held = fast;
    struct sim sim;

    held.admin_down = true;
    held.admin_diag = BFD_DIAG_ADMIN_DOWN;
    sim_init(&sim, &fast, &held, 1);
    sim_run(&sim, US(50));
    sim_expect(&sim, "a:region-down");
    ck_assert_int_eq(sim.a.s.hb.cause, HEARTBEAT_CAUSE_PEER_ADMIN_DOWN);
    ck_assert_int_eq(sim.b.s.hb.state, HEARTBEAT_DOWN);
    sim_run(&sim, SEC(30));
    sim_expect(&sim, "");
    sim_destroy(&sim);
}
END_TEST

/* Authentication. */

START_TEST(each_authentication_comes_up)
{
    static const enum bfd_auth_type types[] = {
        BFD_AUTH_SIMPLE, BFD_AUTH_SHA1, BFD_AUTH_METICULOUS_SHA1,
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        struct bfd_session_config cfg = fast;
        struct sim sim;

        cfg.auth = sha1;
        cfg.auth.type = types[i];
        sim_init(&sim, &cfg, &cfg, i);
        sim_run(&sim, SEC(60));
        sim_expect(&sim, "a:init b:init a:up a:region-up b:up b:region-up");
        ck_assert_uint_eq(sim.a.n_errors[BFD_ERR_NONE], sim.a.n_received);
        sim_destroy(&sim);
    }
}
END_TEST

START_TEST(wrong_authentication_never_comes_up)
{
    struct bfd_session_config a = fast, b = fast;
    struct sim sim;

    a.auth = b.auth = sha1;
    b.auth.key[0] ^= 1;
    sim_init(&sim, &a, &b, 1);
    sim_run(&sim, SEC(10));
    ck_assert_uint_eq(sim.a.n_errors[BFD_ERR_AUTH_FAILED], sim.a.n_received);

    /* A key that changes on one side ends the session, on both renews it. */
    sim.b.cfg.auth = a.auth;
    sim_configure(&sim, &sim.b);
    sim_run(&sim, SEC(5));
    ck_assert_int_eq(status(&sim.a).state, BFD_STATE_UP);
    ds_clear(&sim.log);
    sim.a.cfg.auth.key[0] ^= 1;
    sim.b.cfg.auth.key[0] ^= 1;
    sim_configure(&sim, &sim.a);
    sim_run(&sim, MS(20));
    sim_configure(&sim, &sim.b);
    sim_run(&sim, SEC(5));
    sim_expect(&sim, "");
    sim.a.cfg.auth.type = BFD_AUTH_NONE;
    sim_configure(&sim, &sim.a);
    sim_run(&sim, SEC(10));
    sim_expect(&sim, "a:down a:region-down b:down b:region-down");
    ck_assert_uint_gt(sim.a.n_errors[BFD_ERR_AUTH_MISMATCH], 0);
    ck_assert_uint_gt(sim.b.n_errors[BFD_ERR_AUTH_MISMATCH], 0);
    sim_destroy(&sim);
}
END_TEST

START_TEST(restart_with_sequence_numbers)
{
    struct bfd_session_config cfg = fast;
    struct sim sim;

    cfg.auth = sha1;
    cfg.auth.type = BFD_AUTH_METICULOUS_SHA1;
    sim_init(&sim, &cfg, &cfg, 3);
    sim_run(&sim, SEC(5));
    sim_restart(&sim, &sim.a);
    sim_run(&sim, SEC(10));
    ck_assert_uint_gt(sim.b.n_errors[BFD_ERR_AUTH_SEQ], 0);
    ck_assert_int_eq(status(&sim.a).state, BFD_STATE_UP);
    ck_assert_int_eq(status(&sim.b).state, BFD_STATE_UP);
    sim_destroy(&sim);
}
END_TEST

/* The guard and the override. */

START_TEST(own_stall_keeps_session_and_region)
{
    struct sim sim;

    sim_init(&sim, &fast, &fast, 1);
    sim.a.hb_cfg.max_excuses = 2;
    sim.a.cfg.mult = 20;                /* 'b' is patient. */
    sim_restart(&sim, &sim.a);
    sim_run(&sim, SEC(1));
    ds_clear(&sim.log);

    /* 'a' does not run for 40 ms, and what was sent to it is lost. */
    sim_cut(&sim, false, true);
    sim_sleep(&sim, &sim.a, MS(29));
    sim_run(&sim, MS(35));
    sim_expect(&sim, "a:excused");
    sim_cut(&sim, false, false);
    sim_run(&sim, SEC(10));
    ck_assert_uint_eq(status(&sim.a).n_flaps, 0);
    ck_assert_uint_eq(sim.a.s.hb.n_down, 0);
    ck_assert_uint_eq(sim.a.s.hb.guard.excuses, 0);
    ds_clear(&sim.log);

    /* But not for ever. */
    sim_cut(&sim, false, true);
    sim_sleep(&sim, &sim.a, MS(29));
    sim_run(&sim, MS(60));
    sim_expect(&sim, "a:excused a:excused a:down a:region-down "
                     "b:down b:region-down");
    sim_destroy(&sim);
}
END_TEST

START_TEST(stall_with_packets_waiting)
{
    struct sim sim;

    init_up(&sim);
    sim.a.cfg.mult = 20;
    sim_configure(&sim, &sim.a);
    sim_run(&sim, SEC(1));
    sim_sleep(&sim, &sim.a, MS(150));
    sim_run(&sim, SEC(1));
    sim_expect(&sim, "");
    sim_destroy(&sim);
}
END_TEST

/* Our stall is longer than the peer's patience: it says Down, and it is right,
 * but the region lives and stays up. */
START_TEST(own_stall_that_the_peer_notices)
{
    struct sim sim;

    sim_init(&sim, &fast, &fast, 1);
    sim.a.hb_cfg.max_excuses = 2;
    sim_restart(&sim, &sim.a);
    sim_run(&sim, SEC(1));
    ds_clear(&sim.log);

    sim_sleep(&sim, &sim.a, MS(60));
    sim_run(&sim, SEC(1));
    ck_assert_ptr_null(strstr(ds_cstr(&sim.log), "a:region-down"));
    ds_clear(&sim.log);
    ck_assert_uint_eq(status(&sim.a).n_flaps, 1);
    ck_assert_int_eq(sim.a.s.hb.state, HEARTBEAT_UP);
    ck_assert_uint_eq(sim.a.s.hb.n_down, 0);
    ck_assert_uint_eq(sim.a.s.hb.n_excused, 1);
    ck_assert_uint_eq(sim.a.s.hb.guard.excuses, 0);
    ck_assert_int_eq(sim.a.s.hb.detect_us, MS(30));

    /* Without a stall, or with one long ago, the peer's word counts. */
    sim_cut(&sim, true, false);
    sim_run(&sim, MS(40));
    sim_expect(&sim, "b:down b:region-down a:down a:region-down");
    sim_cut(&sim, false, false);
    sim_run(&sim, SEC(1));
    ck_assert_uint_eq(sim.a.s.hb.n_up, 2);
    ds_clear(&sim.log);

    /* It must come back in time. */
    sim_sleep(&sim, &sim.a, MS(60));
    sim_run(&sim, MS(59));
    sim_expect(&sim, "b:down b:region-down");
    sim_cut(&sim, true, true);
    sim_run(&sim, MS(2));
    sim_expect(&sim, "a:down a:excused");
    sim_run(&sim, MS(30));
    sim_expect(&sim, "a:region-down");
    sim_destroy(&sim);
}
END_TEST

START_TEST(override_takes_the_region_down_first)
{
    struct sim sim;

    sim_init(&sim, &fast, &fast, 1);
    sim.a.override_us = MS(20);
    sim.b.cfg.mult = 10;
    sim_restart(&sim, &sim.a);
    sim_restart(&sim, &sim.b);
    sim_run(&sim, SEC(1));
    ds_clear(&sim.log);
    ck_assert_int_eq(status(&sim.a).detect_us, MS(100));
    ck_assert_int_eq(sim.a.s.hb.detect_us, MS(20));

    sim_cut(&sim, false, true);
    sim_run(&sim, MS(50));
    sim_expect(&sim, "a:region-down");
    sim_cut(&sim, false, false);
    sim_run(&sim, MS(50));
    sim_expect(&sim, "a:region-up");
    ck_assert_uint_eq(status(&sim.a).n_flaps, 0);

    /* Never below one and a half intervals, never above the negotiated. */
    sim.a.override_us = MS(2);
    sim_configure(&sim, &sim.a);
    ck_assert_int_eq(sim.a.s.hb.detect_us, MS(15));
    sim_run(&sim, SEC(5));
    sim_expect(&sim, "");
    sim.a.override_us = SEC(2);
    sim_configure(&sim, &sim.a);
    ck_assert_int_eq(sim.a.s.hb.detect_us, MS(100));
    sim_destroy(&sim);
}
END_TEST

UNIT_MAIN("bfd-session",
          three_way_handshake, both_active, both_passive_stay_silent,
          slow_while_not_up, up_under_heavy_loss, region_waits_for_rise,
          negotiated_timers, jitter, slower_transmission_waits_for_final,
          shorter_detection_waits_for_final, change_during_a_poll_polls_again,
          changed_mult_needs_no_poll, one_way_loss, both_ways_lost,
          remote_restart, flapping_link, link_down_and_back, admin_down,
          admin_down_from_the_start, each_authentication_comes_up,
          wrong_authentication_never_comes_up, restart_with_sequence_numbers,
          own_stall_keeps_session_and_region, stall_with_packets_waiting,
          own_stall_that_the_peer_notices,
          override_takes_the_region_down_first)
