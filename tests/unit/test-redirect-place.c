/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of placement: policies in a datapath, limits, reverse keys, full
 * tables and pools, timeouts. */

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "redirect-dp-private.h"
#include "redirect-world.h"
#include "unit.h"

enum { TCP = TPR_PROTO_TCP, UDP = TPR_PROTO_UDP };

static void
open_with(uint8_t proto, enum tpr_policy policy, uint16_t n)
{
    world_open(NULL, false);
    world_redirect(proto, policy, n);
    world_set(3);
}

static uint64_t
counter(enum tpr_counter c)
{
    return tpr_dp_counter(w.dp, c);
}

/* Which backend the client's packet went to. */
static int
backend_of(const struct made *m)
{
    const struct passed p = forward(m);

    ck_assert_int_eq(p.verdict, TPR_SEND);
    return p.output - BACKEND_PORT;
}

START_TEST(shares_are_exact)
{
    unsigned int n[3] = { 0 };

    open_with(UDP, TPR_POLICY_WEIGHTED, 3);
    w.b[0].weight = 50;
    w.b[1].weight = 30;
    w.b[2].weight = 20;
    world_set(3);
    for (int i = 0; i < 100; i++) {
        const struct made m = from_client(UDP, 4000 + i, 0);

        n[backend_of(&m)]++;
        if (i == 42) {
            w.r.on_none = TPR_ON_NONE_PASS;
            world_set(3);               /* Turns go on where they were. */
        }
    }
    ck_assert_uint_eq(n[0], 50);
    ck_assert_uint_eq(n[1], 30);
    ck_assert_uint_eq(n[2], 20);
    world_close();
}
END_TEST

/* After a restart, Maglev gives everybody the same backend. */
START_TEST(maglev_forgets_nothing)
{
    int before[100];
    unsigned int n[4] = { 0 };

    for (int round = 0; round < 2; round++) {
        open_with(UDP, TPR_POLICY_MAGLEV, 4);
        for (int i = 0; i < 100; i++) {
            const struct made m = from_client(UDP, 4000 + i, 0);
            const int backend = backend_of(&m);

            if (!round) {
                before[i] = backend;
                n[backend]++;
            } else {
                ck_assert_int_eq(backend, before[i]);
            }
        }
        world_close();
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_uint_gt(n[i], 5);
    }
}
END_TEST

/* Sends 'n' packets of the client's 'port', and tells who got the last. */
static int
send_packets(unsigned int n, uint16_t port)
{
    const struct made m = from_client(UDP, port, 0);
    int backend = -1;

    while (n--) {
        backend = backend_of(&m);
    }
    return backend;
}

START_TEST(packets_of_the_last_second)
{
    open_with(UDP, TPR_POLICY_SPILLOVER, 2);
    send_packets(100, 4000);
    w.b[0].max_pps = 10;                /* Earlier ones do not count. */
    world_set(3);
    ck_assert_int_eq(send_packets(1, 4001), 0);
    w.now_ms += 1000;
    ck_assert_int_eq(send_packets(1, 4002), 0);
    w.now_ms += 999;
    ck_assert_int_eq(send_packets(8, 4003), 0);

    /* Who asks first notices that the second is over. */
    w.now_ms += 1;
    ck_assert_int_eq(send_packets(9, 4004), 0);
    w.now_ms += 500;
    ck_assert_int_eq(send_packets(1, 4000), 0);
    w.now_ms += 500;
    tpr_dp_run(w.dp, w.now_ms);
    ck_assert_int_eq(send_packets(1, 4005), 1);
    ck_assert_int_eq(send_packets(1, 4000), 0);

    /* Where somebody looks late, a second's share of them counts. */
    send_packets(39, 4000);
    w.now_ms += 4000;
    ck_assert_int_eq(send_packets(1, 4006), 1);
    send_packets(39, 4000);
    w.now_ms += 4000;
    ck_assert_int_eq(send_packets(1, 4007), 0);
    world_close();
}
END_TEST

START_TEST(limits_are_exact)
{
    struct made m;

    open_with(TCP, TPR_POLICY_FAILOVER, 2);
    w.b[0].max_connections = 2;
    world_set(3);
    establish(4000, 0);
    establish(4001, 0);
    establish(4002, 1);
    ck_assert_uint_eq(counter(TPR_COUNTER_LIMITED), 1);
    ck_assert_uint_eq(world_connections(3, 0), 2);

    /* Both close: there is room again, at once. */
    m = from_client(TCP, 4000, TPR_TCP_FIN | TPR_TCP_ACK);
    assert_goes_to(&m, 0);
    ck_assert_uint_eq(world_connections(3, 0), 2);
    m = from_backend(TCP, 0, 4000, TPR_TCP_FIN | TPR_TCP_ACK);
    assert_comes_back(&m);
    ck_assert_uint_eq(world_connections(3, 0), 1);
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    assert_goes_to(&m, 0);              /* The last ACK finds its way. */
    establish(4003, 0);

    /* A reset of the backend's, too. */
    m = from_backend(TCP, 0, 4001, TPR_TCP_RST);
    m.seq = 5001;
    assert_comes_back(&m);
    establish(4004, 0);
    establish(4005, 1);
    ck_assert_uint_eq(world_connections(3, 0), 2);

    /* So does time. */
    w.now_ms += 7200 * 1000;
    establish(4006, 0);
    ck_assert_uint_eq(world_connections(3, 0), 1);
    world_close();
}
END_TEST

/* New connections that meet a limit look for what has ended, but not each of
 * them. */
START_TEST(room_is_sought_once_a_millisecond)
{
    const struct tpr_dp_options o = { .connections = 4096, .half_open = 4096 };
    struct made m;
    uint32_t at;

    world_open(&o, false);
    world_redirect(UDP, TPR_POLICY_FAILOVER, 2);
    w.b[0].max_connections = 1;
    world_set(3);
    for (int i = 0; i < 1500; i++) {
        m = from_client(UDP, 4000 + i, 0);
        ck_assert_int_eq(backend_of(&m), i > 0);
    }
    at = w.dp->table.sweep;
    m = from_client(UDP, 6000, 0);
    assert_goes_to(&m, 1);
    ck_assert_uint_eq(w.dp->table.sweep, at);
    w.now_ms++;
    m = from_client(UDP, 6001, 0);
    assert_goes_to(&m, 1);
    ck_assert_uint_ne(w.dp->table.sweep, at);
    ck_assert_uint_eq(counter(TPR_COUNTER_LIMITED), 1501);
    world_close();
}
END_TEST

START_TEST(a_reopened_connection_is_a_new_one)
{
    struct made m;

    open_with(TCP, TPR_POLICY_FAILOVER, 2);
    establish(4000, 0);
    m = from_client(TCP, 4000, TPR_TCP_RST);
    m.seq = 1001;
    assert_goes_to(&m, 0);
    world_word(0, TPR_LIVENESS_DRAIN);
    establish(4000, 1);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 1);
    world_close();
}
END_TEST

/* Two services with the same backend; the client uses one port for both. */
START_TEST(a_reverse_key_has_one_owner)
{
    struct made m, r;
    struct passed p;

    open_with(UDP, TPR_POLICY_FAILOVER, 2);
    m = from_client(UDP, 4000, 0);
    assert_goes_to(&m, 0);
    w.r.id = 8;
    w.r.vip = make_addr("10.0.0.200");
    world_set(4);
    m.dst.addr = w.r.vip;
    p = world_pass(TPR_MODE_FORWARD, 4, &m, CLIENT_PORT);
    ck_assert_uint_eq(p.output, BACKEND_PORT + 1);
    ck_assert_uint_eq(counter(TPR_COUNTER_REV_COLLISION), 1);
    r = from_backend(UDP, 0, 4000, 0);
    assert_comes_back(&r);              /* From the first VIP. */

    /* With a third service nobody is left. */
    w.r.id = 9;
    w.r.vip = make_addr("10.0.0.201");
    world_set(5);
    m.dst.addr = w.r.vip;
    p = world_pass(TPR_MODE_FORWARD, 5, &m, CLIENT_PORT);
    ck_assert_int_eq(p.verdict, TPR_DROP);
    ck_assert_uint_eq(counter(TPR_COUNTER_NONE_DROPPED), 1);

    /* Unless the owner's time is over, though nobody swept. */
    w.now_ms += 180 * 1000;
    p = world_pass(TPR_MODE_FORWARD, 5, &m, CLIENT_PORT);
    ck_assert_uint_eq(p.output, BACKEND_PORT);
    world_close();
}
END_TEST

/* A client's packet and the backend's answer. */
static void
ask(uint16_t port)
{
    const struct made m = from_client(UDP, port, 0);
    const struct made r = from_backend(UDP, 0, port, 0);

    assert_goes_to(&m, 0);
    assert_comes_back(&r);
}

START_TEST(a_full_table_takes_no_more)
{
    const struct tpr_dp_options o = { .connections = 10 };

    world_open(&o, false);
    world_redirect(UDP, TPR_POLICY_FAILOVER, 2);
    world_set(3);
    for (int i = 0; i < 10; i++) {
        ask(4000 + i);
    }
    for (int i = 10; i < 60; i++) {
        const struct made m = from_client(UDP, 4000 + i, 0);

        ck_assert_int_eq(forward(&m).verdict, TPR_DROP);
    }
    ck_assert_uint_eq(counter(TPR_COUNTER_TABLE_FULL), 50);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 10);

    /* Those that are there go on; those that end make room. */
    ask(4000);
    w.now_ms += 180 * 1000;
    ask(5000);
    ck_assert_uint_eq(counter(TPR_COUNTER_TABLE_FULL), 50);
    world_close();
}
END_TEST

/* Where the backend has the VIP itself, replies need no rewriting. */
START_TEST(a_full_table_places_without_memory)
{
    const struct tpr_dp_options o = { .connections = 10 };

    world_open(&o, false);
    w.backend[0] = w.vip;
    world_redirect(UDP, TPR_POLICY_FAILOVER, 1);
    world_set(3);
    for (int i = 0; i < 10; i++) {
        ask(4000 + i);
    }
    for (int i = 10; i < 60; i++) {
        const struct made m = from_client(UDP, 4000 + i, 0);
        const struct made r = from_backend(UDP, 0, 4000 + i, 0);

        assert_goes_to(&m, 0);
        assert_passes(TPR_MODE_REVERSE, &r);
    }
    ck_assert_uint_eq(counter(TPR_COUNTER_TABLE_FULL), 50);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 10);
    world_close();
}
END_TEST

/* Packets that nobody answers take no room from others. */
START_TEST(a_flood_of_anything_goes_first)
{
    const struct tpr_dp_options o = { .connections = 100, .half_open = 200 };

    world_open(&o, false);
    world_redirect(0, TPR_POLICY_FAILOVER, 2);
    world_set(3);
    ask(4000);
    for (int i = 0; i < 1000; i++) {
        const struct made m = from_client(i % 2 ? UDP : TCP, 5000 + i,
                                          TPR_TCP_ACK);

        assert_goes_to(&m, 0);
    }
    ck_assert_uint_eq(counter(TPR_COUNTER_TABLE_FULL), 0);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 100);
    ask(4000);
    establish(4001, 0);
    world_close();
}
END_TEST

/* A SYN flood pushes out nothing but half-open connections. */
START_TEST(a_flood_stays_in_its_pool)
{
    enum { HALF_OPEN = 8, FLOOD = 1000 };
    const struct tpr_dp_options o = { .half_open = HALF_OPEN };

    world_open(&o, false);
    world_redirect(TCP, TPR_POLICY_FAILOVER, 2);
    world_set(3);
    establish(4000, 0);
    for (int i = 0; i < FLOOD; i++) {
        const struct made m = from_client(TCP, 5000 + i, TPR_TCP_SYN);

        assert_goes_to(&m, 0);
    }
    ck_assert_uint_eq(counter(TPR_COUNTER_SYN_EVICTED), FLOOD - HALF_OPEN);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), HALF_OPEN + 1);
    ck_assert_uint_eq(world_connections(3, 0), HALF_OPEN + 1);

    const struct made m = from_client(TCP, 4000, TPR_TCP_ACK);

    assert_goes_to(&m, 0);
    world_close();
}
END_TEST

/* ## Timeouts. ## */

/* After 'ms' without a packet the connection ends; not before. */
static void
assert_ends_after(uint32_t ms)
{
    const uint32_t grain = 64;          /* It may be that much short. */

    w.now_ms += ms - grain - 1;
    tpr_dp_run(w.dp, w.now_ms);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 1);
    w.now_ms += grain + 1;
    tpr_dp_run(w.dp, w.now_ms);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
}

START_TEST(timeouts_of_tcp)
{
    struct made m;

    open_with(TCP, TPR_POLICY_FAILOVER, 2);
    m = from_client(TCP, 4000, TPR_TCP_SYN);
    assert_goes_to(&m, 0);
    assert_ends_after(5 * 1000);
    establish(4000, 0);
    assert_ends_after(7200 * 1000);
    establish(4000, 0);
    m = from_client(TCP, 4000, TPR_TCP_FIN | TPR_TCP_ACK);
    assert_goes_to(&m, 0);
    assert_ends_after(7200 * 1000);     /* Only one side has closed. */
    establish(4000, 0);
    assert_goes_to(&m, 0);
    m = from_backend(TCP, 0, 4000, TPR_TCP_FIN | TPR_TCP_ACK);
    assert_comes_back(&m);
    assert_ends_after(30 * 1000);
    m = from_client(TCP, 4000, TPR_TCP_ACK);    /* Met in the middle. */
    assert_goes_to(&m, 0);
    assert_ends_after(5 * 1000);
    assert_goes_to(&m, 0);
    m = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    assert_comes_back(&m);
    assert_ends_after(7200 * 1000);
    world_close();
}
END_TEST

START_TEST(timeouts_of_udp)
{
    struct made m, r;

    open_with(UDP, TPR_POLICY_FAILOVER, 2);
    w.now_ms = UINT32_MAX - 10 * 1000;  /* The clock will wrap. */
    tpr_dp_run(w.dp, w.now_ms);
    m = from_client(UDP, 4000, 0);
    assert_goes_to(&m, 0);
    assert_ends_after(30 * 1000);
    assert_goes_to(&m, 0);
    r = from_backend(UDP, 0, 4000, 0);
    assert_comes_back(&r);
    assert_ends_after(180 * 1000);
    w.r.timeouts[TPR_TIMEOUT_NEW] = 700;
    world_set(3);
    assert_goes_to(&m, 0);
    assert_ends_after(700);
    world_close();
}
END_TEST

/* Nobody swept, and yet: the next packet is a new connection's. */
START_TEST(an_old_connection_is_not_believed)
{
    struct made m, r;

    open_with(UDP, TPR_POLICY_FAILOVER, 2);
    m = from_client(UDP, 4000, 0);
    assert_goes_to(&m, 0);
    world_word(0, TPR_LIVENESS_DRAIN);
    w.now_ms += 30 * 1000;
    r = from_backend(UDP, 0, 4000, 0);
    assert_passes(TPR_MODE_REVERSE, &r);

    /* Nor is an error about it translated. */
    struct made error = from_client(1, 0, 0);

    r = at_client(r);
    error.type = 3;
    error.src.port = error.dst.port = 0;
    error.quoted = &r;
    error.quoted_size = 28;
    assert_passes(TPR_MODE_ANY, &error);
    assert_goes_to(&m, 1);
    world_close();
}
END_TEST

/* ## The seed. ## */

static uint32_t
seed_of(const struct tpr_dp_options *o)
{
    struct tpr_dp *dp;
    char *error = tpr_dp_create(o, &dp);
    uint32_t seed;

    ck_assert_msg(!error, "%s", error);
    seed = dp->seed;
    tpr_dp_destroy(dp);
    return seed;
}

START_TEST(the_seed_survives)
{
    char dir[] = "/tmp/redirect-seed.XXXXXX";
    struct tpr_dp_options o = { .connections = 16, .half_open = 16 };
    char *kept, *page;
    struct stat st;
    uint32_t seed;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    o.page = page = xasprintf("%s/page", dir);
    kept = xasprintf("%s.seed", page);
    seed = seed_of(&o);
    ck_assert_uint_ne(seed, 0);
    ck_assert_uint_eq(seed_of(&o), seed);
    ck_assert_int_eq(stat(kept, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    o.seed = 5;
    ck_assert_uint_eq(seed_of(&o), 5);
    o.seed = 0;
    ck_assert_uint_eq(seed_of(&o), seed);
    ck_assert_int_eq(truncate(kept, 3), 0);
    seed = seed_of(&o);
    ck_assert_uint_ne(seed, 0);
    ck_assert_uint_eq(seed_of(&o), seed);
    unlink(kept);
    unlink(page);
    rmdir(dir);
    free(kept);
    free(page);
}
END_TEST

/* ## Refusals. ## */

/* An agent that was started when the page's file was gone has made another
 * one. */
START_TEST(another_page_is_followed)
{
    struct tpr_page *other;
    char *dir, *error;

    open_with(TCP, TPR_POLICY_FAILOVER, 2);
    tpr_dp_run(w.dp, w.now_ms);
    establish(4000, 0);                 /* What was there stays in force. */

    dir = dir_name(w.dp->page_path);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    error = tpr_page_open(w.dp->page_path, &other);
    ck_assert_msg(!error, "%s", error);
    tpr_page_set(other, true, 1, TPR_LIVENESS_UP);
    tpr_page_set(other, false, 101, TPR_LIVENESS_UP);
    establish(4001, 0);
    w.now_ms += 1000;
    tpr_dp_run(w.dp, w.now_ms);
    establish(4002, 1);
    world_word(1, TPR_LIVENESS_DRAIN);
    ck_assert_int_eq(tpr_word_state(other->backend[101]), TPR_LIVENESS_DRAIN);

    tpr_page_close(other);
    unlink(w.dp->page_path);
    rmdir(dir);
    free(dir);
    world_close();
}
END_TEST

START_TEST(nonsense_is_refused)
{
    char *error;

    open_with(TCP, TPR_POLICY_FAILOVER, 2);
    w.b[1].addr = w.b[0].addr;
    error = tpr_dp_set(w.dp, 3, SCOPE, &w.r);
    ck_assert_ptr_nonnull(error);
    free(error);
    w.b[1].addr = w.backend[1];
    error = tpr_dp_set(w.dp, TPR_DP_MAX_REDIRECTS, SCOPE, &w.r);
    ck_assert_str_eq(error, "more than 65536 redirects");
    free(error);
    establish(4000, 0);                 /* Nothing has changed. */

    const struct tpr_liveness_mod bad[] = {
        { TPR_MAX_REGIONS, true, TPR_LIVENESS_UP },
        { TPR_MAX_BACKENDS, false, TPR_LIVENESS_UP },
        { 0, false, TPR_LIVENESS_DRAIN + 1 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        ck_assert_int_ne(tpr_dp_set_liveness(w.dp, &bad[i]), 0);
    }
    world_close();
}
END_TEST

/* What changes at a backend that is there, as its port does, needs no room. */
START_TEST(a_change_needs_no_record)
{
    uint32_t n_records;
    char *error;

    open_with(TCP, TPR_POLICY_FAILOVER, 2);
    n_records = w.dp->n_records;
    w.dp->n_records = TPR_DP_MAX_RECORDS;
    w.b[0].withdrawn = TPR_WITHDRAWN_PORT;
    world_set(3);
    w.r.n_backends = 3;
    error = tpr_dp_set(w.dp, 3, SCOPE, &w.r);
    ck_assert_ptr_nonnull(error);
    ck_assert_ptr_nonnull(strstr(error, "backends, those included"));
    free(error);
    w.dp->n_records = n_records;
    world_set(3);
    establish(4000, 1);
    world_close();
}
END_TEST

UNIT_MAIN("redirect-place",
          shares_are_exact,
          maglev_forgets_nothing,
          limits_are_exact, packets_of_the_last_second,
          room_is_sought_once_a_millisecond,
          a_reopened_connection_is_a_new_one,
          a_reverse_key_has_one_owner,
          a_full_table_takes_no_more,
          a_full_table_places_without_memory,
          a_flood_of_anything_goes_first,
          a_flood_stays_in_its_pool,
          timeouts_of_tcp,
          timeouts_of_udp,
          an_old_connection_is_not_believed,
          the_seed_survives,
          another_page_is_followed,
          nonsense_is_refused,
          a_change_needs_no_record)
