/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of what RFC 5880 asks of a session for single packets: one session,
 * packets written by hand. */

#include <config.h>
#include "bfd-session.h"
#include "unit.h"

#include <limits.h>

#define MS(N) ((N) * 1000LL)
#define SEC(N) ((N) * 1000000LL)

enum { MY_DISCR = 11, YOUR_DISCR = 22 };

static const struct bfd_session_config config = {
    .min_tx_us = MS(10), .min_rx_us = MS(10), .mult = 3,
};
static const struct heartbeat_config hb_config = {
    .interval_us = MS(10), .fall = 3, .rise = 1,
};

static struct bfd_session s;
static long long int now_us;

static void
start(const struct bfd_session_config *cfg)
{
    now_us = SEC(1000);
    bfd_session_init(&s, cfg, &hb_config, 0, MY_DISCR, 4711, now_us);
}

/* A good packet in state 'state'. */
static struct bfd_packet
packet(enum bfd_state state)
{
    return (struct bfd_packet) {
        .state = state, .mult = 3, .my_discr = YOUR_DISCR,
        .your_discr = MY_DISCR, .min_tx_us = MS(10), .min_rx_us = MS(10),
    };
}

static enum bfd_error
receive(struct bfd_packet p, uint32_t seq)
{
    enum heartbeat_decision decision;

    return bfd_session_receive(&s, &p, seq, now_us, &decision);
}

static void
receive_ok(struct bfd_packet p)
{
    ck_assert_int_eq(receive(p, 0), BFD_ERR_NONE);
}

/* Sends all that is due now and returns the last packet. */
static struct bfd_packet
flush(unsigned int *n)
{
    struct bfd_packet p = { .mult = 0 };
    uint8_t buf[BFD_MAX_LEN];

    *n = 0;
    while (bfd_session_must_send(&s, now_us)) {
        size_t size = bfd_session_build(&s, buf, now_us);

        ck_assert_int_eq(bfd_packet_decode(buf, size, &p), BFD_ERR_NONE);
        ck_assert_uint_lt(++*n, 10);
    }
    return p;
}

/* Keeps the session Up for 'duration_us' and returns how many packets it
 * sent. */
static unsigned int
live(struct bfd_packet p, long long int duration_us)
{
    unsigned int total = 0, n;

    for (long long int end_us = now_us + duration_us; now_us < end_us;
         now_us += MS(1)) {
        receive_ok(p);
        flush(&n);
        total += n;
        ck_assert_int_eq(bfd_session_run(&s, now_us), HEARTBEAT_NOTHING);
    }
    return total;
}

static void
start_up(void)
{
    struct bfd_packet p = packet(BFD_STATE_INIT);
    unsigned int n;

    start(&config);
    receive_ok(p);
    ck_assert_int_eq(s.state, BFD_STATE_UP);
    flush(&n);
    p = packet(BFD_STATE_UP);
    p.final = true;
    receive_ok(p);
    ck_assert(!s.polling);
    flush(&n);
}

/* 6.8.6: state, received state, next state, diagnostic. */
START_TEST(state_table)
{
    static const struct {
        enum bfd_state from, received, to;
        enum bfd_diag diag;
    } table[] = {
#define ROW(FROM, RECEIVED, TO, DIAG) \
        { BFD_STATE_##FROM, BFD_STATE_##RECEIVED, BFD_STATE_##TO, \
          BFD_DIAG_##DIAG }
        ROW(ADMIN_DOWN, ADMIN_DOWN, ADMIN_DOWN, ADMIN_DOWN),
        ROW(ADMIN_DOWN, DOWN, ADMIN_DOWN, ADMIN_DOWN),
        ROW(ADMIN_DOWN, INIT, ADMIN_DOWN, ADMIN_DOWN),
        ROW(ADMIN_DOWN, UP, ADMIN_DOWN, ADMIN_DOWN),
        ROW(DOWN, ADMIN_DOWN, DOWN, NONE),
        ROW(DOWN, DOWN, INIT, NONE),
        ROW(DOWN, INIT, UP, NONE),
        ROW(DOWN, UP, DOWN, NONE),
        ROW(INIT, ADMIN_DOWN, DOWN, NEIGHBOR_DOWN),
        ROW(INIT, DOWN, INIT, NONE),
        ROW(INIT, INIT, UP, NONE),
        ROW(INIT, UP, UP, NONE),
        ROW(UP, ADMIN_DOWN, DOWN, NEIGHBOR_DOWN),
        ROW(UP, DOWN, DOWN, NEIGHBOR_DOWN),
        ROW(UP, INIT, UP, NONE),
        ROW(UP, UP, UP, NONE),
#undef ROW
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct bfd_session_config cfg = config;

        cfg.admin_down = table[i].from == BFD_STATE_ADMIN_DOWN;
        cfg.admin_diag = BFD_DIAG_ADMIN_DOWN;
        start(&cfg);
        if (table[i].from == BFD_STATE_INIT) {
            receive_ok(packet(BFD_STATE_DOWN));
        } else if (table[i].from == BFD_STATE_UP) {
            receive_ok(packet(BFD_STATE_INIT));
        }
        ck_assert_int_eq(s.state, table[i].from);
        receive_ok(packet(table[i].received));
        ck_assert_msg(s.state == table[i].to, "row %"PRIuSIZE, i);
        ck_assert_msg(s.diag == table[i].diag, "row %"PRIuSIZE, i);
    }
}
END_TEST

START_TEST(discriminators)
{
    struct bfd_packet p = packet(BFD_STATE_DOWN);

    start(&config);
    p.your_discr = MY_DISCR + 1;
    ck_assert_int_eq(receive(p, 0), BFD_ERR_YOUR_DISCR);
    ck_assert_uint_eq(s.your_discr, 0);
    ck_assert_int_eq(s.state, BFD_STATE_DOWN);

    p.your_discr = 0;
    ck_assert_int_eq(receive(p, 0), BFD_ERR_NONE);
    ck_assert_uint_eq(s.your_discr, YOUR_DISCR);

    /* The remote system restarts with another one. */
    start_up();
    p.my_discr = 33;
    receive_ok(p);
    ck_assert_uint_eq(s.your_discr, 33);
    ck_assert_int_eq(s.state, BFD_STATE_DOWN);
}
END_TEST

START_TEST(silence_forgets_the_remote_system)
{
    unsigned int n;

    start_up();
    now_us += MS(30) - 1;
    ck_assert_int_eq(bfd_session_run(&s, now_us), HEARTBEAT_NOTHING);
    now_us++;
    ck_assert_int_eq(bfd_session_run(&s, now_us), HEARTBEAT_WENT_DOWN);
    ck_assert_uint_eq(s.your_discr, 0);
    ck_assert_int_eq(s.diag, BFD_DIAG_EXPIRED);
    struct bfd_packet p = flush(&n);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(p.your_discr, 0);
    ck_assert_int_eq(p.state, BFD_STATE_DOWN);
    ck_assert_uint_eq(p.min_tx_us, 1000000);

    /* The same from Init. */
    start(&config);
    receive_ok(packet(BFD_STATE_DOWN));
    ck_assert_int_eq(s.state, BFD_STATE_INIT);
    now_us += SEC(10);
    bfd_session_run(&s, now_us);
    ck_assert_int_eq(s.state, BFD_STATE_DOWN);
    ck_assert_int_eq(s.diag, BFD_DIAG_EXPIRED);
    ck_assert_uint_eq(s.n_flaps, 0);
}
END_TEST

/* Before the session is Up the region is given the slow detection time, for
 * the remote system may still be as fast as it was before we restarted. */
START_TEST(unknown_region_waits_for_the_handshake)
{
    start(&config);
    receive_ok(packet(BFD_STATE_UP));
    ck_assert_int_eq(s.state, BFD_STATE_DOWN);
    now_us += SEC(3) - 1;
    ck_assert_int_eq(bfd_session_run(&s, now_us), HEARTBEAT_NOTHING);
    ck_assert_int_eq(s.hb.state, HEARTBEAT_UNKNOWN);
    now_us++;
    ck_assert_int_eq(bfd_session_run(&s, now_us), HEARTBEAT_WENT_DOWN);
}
END_TEST

START_TEST(a_poll_begins_with_up)
{
    unsigned int n;

    start(&config);
    flush(&n);
    receive_ok(packet(BFD_STATE_INIT));
    struct bfd_packet p = flush(&n);
    ck_assert_int_eq(p.state, BFD_STATE_UP);
    ck_assert(p.poll);
    ck_assert_uint_eq(p.min_tx_us, MS(10));
}
END_TEST

/* A region that is not up yet has nothing to lose, its session has. */
START_TEST(session_is_excused_while_its_region_rises)
{
    struct heartbeat_config slow = hb_config;

    slow.rise = 5;
    slow.max_excuses = 1;
    now_us = SEC(1000);
    bfd_session_init(&s, &config, &slow, 0, MY_DISCR, 1, now_us);
    bfd_session_down(&s, BFD_DIAG_PATH_DOWN, HEARTBEAT_CAUSE_LINK_DOWN,
                     now_us);
    receive_ok(packet(BFD_STATE_INIT));
    ck_assert_int_eq(s.state, BFD_STATE_UP);
    now_us += MS(35);
    bfd_session_late(&s, MS(20));
    ck_assert_int_eq(bfd_session_run(&s, now_us), HEARTBEAT_EXCUSED);
    ck_assert_int_eq(s.state, BFD_STATE_UP);
    now_us += MS(10);
    bfd_session_run(&s, now_us);
    ck_assert_int_eq(s.state, BFD_STATE_DOWN);
}
END_TEST

START_TEST(poll_is_answered_at_once)
{
    struct bfd_packet p = packet(BFD_STATE_UP);
    unsigned int n;

    start_up();
    live(p, SEC(1));
    flush(&n);
    ck_assert(!bfd_session_must_send(&s, now_us));
    p.poll = true;
    receive_ok(p);
    ck_assert_int_eq(bfd_session_deadline(&s), 0);
    struct bfd_packet reply = flush(&n);
    ck_assert_uint_eq(n, 1);
    ck_assert(reply.final && !reply.poll);
    ck_assert(!bfd_session_must_send(&s, now_us));
}
END_TEST

START_TEST(poll_is_answered_in_any_state_but_admin_down)
{
    struct bfd_session_config cfg = config;
    struct bfd_packet p = packet(BFD_STATE_UP);
    unsigned int n;

    p.poll = true;
    start(&config);
    flush(&n);
    receive_ok(p);
    ck_assert_int_eq(s.state, BFD_STATE_DOWN);
    ck_assert(flush(&n).final);

    cfg.admin_down = true;
    start(&cfg);
    flush(&n);
    receive_ok(p);
    ck_assert(!flush(&n).final);
}
END_TEST

START_TEST(our_poll_is_not_starved_by_theirs)
{
    struct bfd_session_config cfg = config;
    struct bfd_packet p = packet(BFD_STATE_UP);
    unsigned int n, polls = 0;

    start_up();
    cfg.min_tx_us = MS(20);
    bfd_session_configure(&s, &cfg, &hb_config, 0, now_us);
    p.poll = true;
    for (int i = 0; i < 100; i++) {
        now_us += MS(1);
        receive_ok(p);
        while (bfd_session_must_send(&s, now_us)) {
            uint8_t buf[BFD_MAX_LEN];
            struct bfd_packet sent;
            size_t size = bfd_session_build(&s, buf, now_us);

            ck_assert_int_eq(bfd_packet_decode(buf, size, &sent),
                             BFD_ERR_NONE);
            polls += sent.poll;
        }
    }
    ck_assert_uint_ge(polls, 9);
    p.poll = false;
    p.final = true;
    receive_ok(p);
    flush(&n);
    ck_assert(!s.polling);
}
END_TEST

START_TEST(never_faster_than_the_remote_system_wants)
{
    struct bfd_packet p = packet(BFD_STATE_UP);
    struct bfd_session_status status;

    start_up();
    p.min_rx_us = MS(100);
    unsigned int n = live(p, SEC(3));
    ck_assert_uint_ge(n, 29);
    ck_assert_uint_le(n, 41);

    /* Faster again, at once. */
    p.min_rx_us = 1;
    n = live(p, SEC(1));
    ck_assert_uint_ge(n, 90);
    bfd_session_status(&s, &status);
    ck_assert_int_eq(status.tx_interval_us, MS(10));

    /* Zero: no periodic packets. */
    p.min_rx_us = 0;
    ck_assert_uint_eq(live(p, SEC(3)), 0);
    bfd_session_status(&s, &status);
    ck_assert_int_eq(status.tx_interval_us, 0);

    /* After it has gone, we go on calling. */
    now_us += SEC(1);
    bfd_session_run(&s, now_us);
    ck_assert_int_eq(s.state, BFD_STATE_DOWN);
    ck_assert_int_lt(bfd_session_deadline(&s), LLONG_MAX);
    flush(&n);
    ck_assert_int_le(bfd_session_deadline(&s), now_us + SEC(1));
}
END_TEST

START_TEST(remote_demand_mode)
{
    struct bfd_session_config cfg = config;
    struct bfd_packet p = packet(BFD_STATE_UP);

    start_up();
    p.demand = true;
    ck_assert_uint_eq(live(p, SEC(1)), 0);

    /* A Poll Sequence is sent until it ends. */
    cfg.min_tx_us = MS(20);
    bfd_session_configure(&s, &cfg, &hb_config, 0, now_us);
    ck_assert_uint_ge(live(p, SEC(1)), 90);
    p.final = true;
    live(p, MS(1));
    p.final = false;
    ck_assert_uint_eq(live(p, SEC(1)), 0);

    /* Not while the remote system is not Up. */
    p.state = BFD_STATE_INIT;
    ck_assert_uint_ge(live(p, SEC(1)), 45);
}
END_TEST

START_TEST(a_change_is_said_at_once)
{
    struct bfd_session_config cfg = config;
    unsigned int n;

    start_up();
    ck_assert(!bfd_session_must_send(&s, now_us));
    cfg.min_rx_us = MS(50);
    bfd_session_configure(&s, &cfg, &hb_config, 0, now_us);
    struct bfd_packet p = flush(&n);
    ck_assert_uint_eq(n, 1);
    ck_assert(p.poll);
    ck_assert_uint_eq(p.min_rx_us, MS(50));

    /* The same again is no change. */
    bfd_session_configure(&s, &cfg, &hb_config, 0, now_us);
    ck_assert(!bfd_session_must_send(&s, now_us));
    ck_assert(!s.repoll);
}
END_TEST

START_TEST(sequence_numbers_in_and_out_of_range)
{
    struct bfd_session_config cfg = config;
    struct bfd_packet p = packet(BFD_STATE_UP);

    cfg.auth.type = BFD_AUTH_METICULOUS_SHA1;
    start(&cfg);
    ck_assert_int_eq(receive(packet(BFD_STATE_INIT), 1000), BFD_ERR_NONE);
    ck_assert_int_eq(receive(p, 1001), BFD_ERR_NONE);
    ck_assert_int_eq(receive(p, 1001), BFD_ERR_AUTH_SEQ);   /* Replay. */
    ck_assert_int_eq(receive(p, 1000), BFD_ERR_AUTH_SEQ);
    ck_assert_int_eq(receive(p, 1010), BFD_ERR_NONE);
    ck_assert_int_eq(receive(p, 1020), BFD_ERR_AUTH_SEQ);

    /* A replayed Down does nothing. */
    ck_assert_int_eq(receive(packet(BFD_STATE_DOWN), 1000),
                     BFD_ERR_AUTH_SEQ);
    ck_assert_int_eq(s.state, BFD_STATE_UP);

    /* Known until twice the detection time has passed. */
    now_us += MS(60) - 1;
    ck_assert_int_eq(receive(p, 5), BFD_ERR_AUTH_SEQ);
    now_us += 1;
    ck_assert_int_eq(receive(p, 5), BFD_ERR_NONE);
}
END_TEST

START_TEST(another_key_starts_sequence_numbers_over)
{
    struct bfd_session_config cfg = config;

    cfg.auth.type = BFD_AUTH_SHA1;
    start(&cfg);
    ck_assert_int_eq(receive(packet(BFD_STATE_INIT), 1000), BFD_ERR_NONE);
    bfd_session_configure(&s, &cfg, &hb_config, 0, now_us);
    ck_assert_int_eq(receive(packet(BFD_STATE_UP), 5), BFD_ERR_AUTH_SEQ);
    cfg.auth.key_id++;
    bfd_session_configure(&s, &cfg, &hb_config, 0, now_us);
    ck_assert_int_eq(receive(packet(BFD_STATE_UP), 5), BFD_ERR_NONE);
}
END_TEST

static uint32_t
next_seq(void)
{
    uint8_t buf[BFD_MAX_LEN];
    uint32_t seq;
    size_t size = bfd_session_build(&s, buf, now_us);

    ck_assert_int_eq(bfd_packet_check_auth(buf, size, &s.cfg.auth, &seq),
                     BFD_ERR_NONE);
    return seq;
}

START_TEST(sequence_numbers_sent)
{
    struct bfd_session_config cfg = config;

    cfg.auth.type = BFD_AUTH_METICULOUS_SHA1;
    start(&cfg);
    uint32_t seq = next_seq();
    ck_assert_uint_eq(next_seq(), seq + 1);
    ck_assert_uint_eq(next_seq(), seq + 2);

    cfg.auth.type = BFD_AUTH_SHA1;
    start(&cfg);
    seq = next_seq();
    ck_assert_uint_eq(next_seq(), seq);
    ck_assert_int_eq(receive(packet(BFD_STATE_DOWN), 0), BFD_ERR_NONE);
    ck_assert_uint_eq(next_seq(), seq + 1);
    ck_assert_uint_eq(next_seq(), seq + 1);
}
END_TEST

START_TEST(odd_configuration)
{
    static const struct bfd_session_config zero = { .mult = 0 };
    unsigned int n;

    now_us = SEC(1000);
    bfd_session_init(&s, &zero, &hb_config, 0, 0, 0, now_us);
    struct bfd_packet p = flush(&n);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(p.mult, 1);
    ck_assert_uint_ne(p.my_discr, 0);
    ck_assert_uint_eq(p.min_rx_us, 1);
}
END_TEST

START_TEST(longest_intervals_do_not_overflow)
{
    struct bfd_session_config cfg = config;
    struct bfd_packet p = packet(BFD_STATE_INIT);
    struct bfd_session_status status;
    unsigned int n;

    cfg.min_tx_us = cfg.min_rx_us = UINT32_MAX;
    cfg.mult = 255;
    start(&cfg);
    p.min_tx_us = p.min_rx_us = UINT32_MAX;
    p.mult = 255;
    receive_ok(p);
    flush(&n);
    bfd_session_status(&s, &status);
    ck_assert_int_eq(status.detect_us, 255LL * UINT32_MAX);
    ck_assert_int_eq(status.tx_interval_us, UINT32_MAX);
    ck_assert_int_ge(bfd_session_deadline(&s),
                     now_us + UINT32_MAX / 4 * 3LL);
}
END_TEST

START_TEST(seqno_tells_of_changes)
{
    struct bfd_packet p = packet(BFD_STATE_UP);

    start_up();
    receive_ok(p);
    uint64_t seqno = s.seqno;
    receive_ok(p);
    ck_assert_uint_eq(s.seqno, seqno);
    p.min_rx_us = MS(20);
    receive_ok(p);
    ck_assert_uint_gt(s.seqno, seqno);
}
END_TEST

UNIT_MAIN("bfd-rules",
          state_table, discriminators, silence_forgets_the_remote_system,
          unknown_region_waits_for_the_handshake, a_poll_begins_with_up,
          session_is_excused_while_its_region_rises, poll_is_answered_at_once,
          poll_is_answered_in_any_state_but_admin_down,
          our_poll_is_not_starved_by_theirs,
          never_faster_than_the_remote_system_wants, remote_demand_mode,
          a_change_is_said_at_once, sequence_numbers_in_and_out_of_range,
          another_key_starts_sequence_numbers_over, sequence_numbers_sent,
          odd_configuration,
          longest_intervals_do_not_overflow, seqno_tells_of_changes)
