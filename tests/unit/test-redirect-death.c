/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of what becomes of connections when their backend dies, drains, is
 * removed or loses its port. */

#include <config.h>
#include <string.h>
#include "redirect-world.h"
#include "unit.h"

enum { TCP = TPR_PROTO_TCP, UDP = TPR_PROTO_UDP };

static void
open_with(uint8_t proto, enum tpr_on_down on_down)
{
    world_open(NULL, false);
    world_redirect(proto, TPR_POLICY_FAILOVER, 2);
    w.r.on_down = on_down;
    world_set(3);
    world_deaths();                     /* Sees everything up. */
}

static uint64_t
counter(enum tpr_counter c)
{
    return tpr_dp_counter(w.dp, c);
}

static void
kill_backend(unsigned int i)
{
    world_word(i, TPR_LIVENESS_DOWN);
}

/* The client's packet 'm' must be answered by a reset. */
static void
assert_answered(const struct made *m, uint32_t seq, uint8_t flags,
                uint32_t ack)
{
    const struct passed p = forward(m);

    ck_assert_int_eq(p.verdict, TPR_REPLY);
    ck_assert_uint_eq(p.output, CLIENT_PORT);
    assert_reset(p.frame, p.len, m->src.port, seq, flags, ack);
}

/* ## on_down ## */

START_TEST(tcp_is_reset_with_its_next_packet)
{
    struct made m;

    open_with(TCP, TPR_ON_DOWN_DEFAULT);
    establish(4000, 0);
    kill_backend(0);
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    assert_answered(&m, 5001, TPR_TCP_RST, 0);
    m.ack = 7777;                       /* A challenge ACK, say. */
    assert_answered(&m, 7777, TPR_TCP_RST, 0);
    ck_assert_uint_eq(world_connections(3, 0), 0);

    m = from_client(TCP, 4000, TPR_TCP_RST);    /* Not to be answered. */
    ck_assert_int_eq(forward(&m).verdict, TPR_DROP);
    ck_assert_uint_eq(counter(TPR_COUNTER_RESET_ANSWERED), 2);

    /* It was told already. */
    ck_assert_uint_eq(world_deaths(), 0);

    /* Though the backend is back, this connection is not; a new one is. */
    world_word(0, TPR_LIVENESS_UP);
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    assert_answered(&m, 5001, TPR_TCP_RST, 0);
    establish(4000, 0);
    world_close();
}
END_TEST

/* ...for as long as the client asks, and not longer. */
START_TEST(a_reset_is_remembered_for_a_while)
{
    const uint32_t closing = 30 * 1000;
    struct made m;

    open_with(TCP, TPR_ON_DOWN_RESET);
    establish(4000, 0);
    kill_backend(0);
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    for (int i = 0; i < 3; i++) {
        assert_answered(&m, 5001, TPR_TCP_RST, 0);
        w.now_ms += closing - 1000;
    }
    w.now_ms += closing;
    tpr_dp_run(w.dp, w.now_ms);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
    world_close();
}
END_TEST

START_TEST(udp_is_reselected)
{
    struct made m, r;

    open_with(UDP, TPR_ON_DOWN_DEFAULT);
    m = from_client(UDP, 4000, 0);
    assert_goes_to(&m, 0);
    kill_backend(0);
    assert_goes_to(&m, 1);
    ck_assert_uint_eq(counter(TPR_COUNTER_RESELECTED), 1);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 1);
    r = from_backend(UDP, 1, 4000, 0);
    assert_comes_back(&r);
    r = from_backend(UDP, 0, 4000, 0);
    assert_passes(TPR_MODE_REVERSE, &r);

    /* The first one's return moves nobody. */
    world_word(0, TPR_LIVENESS_UP);
    assert_goes_to(&m, 1);
    world_close();
}
END_TEST

START_TEST(a_region_takes_its_backends_along)
{
    struct made m;

    open_with(UDP, TPR_ON_DOWN_RESELECT);
    m = from_client(UDP, 4000, 0);
    assert_goes_to(&m, 0);
    world_region(0, TPR_LIVENESS_DOWN);
    assert_goes_to(&m, 1);
    world_close();
}
END_TEST

START_TEST(keep_keeps)
{
    struct made ack, syn;

    open_with(TCP, TPR_ON_DOWN_KEEP);
    establish(4000, 0);
    syn = from_client(TCP, 4001, TPR_TCP_SYN);
    assert_goes_to(&syn, 0);
    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 0);
    ack = from_client(TCP, 4000, TPR_TCP_ACK);
    assert_goes_to(&ack, 0);
    assert_goes_to(&syn, 0);            /* Half open, too. */
    syn = from_client(TCP, 4002, TPR_TCP_SYN);
    assert_goes_to(&syn, 1);
    world_close();
}
END_TEST

START_TEST(draining_and_unknown_keep_what_they_have)
{
    static const enum tpr_liveness states[] = {
        TPR_LIVENESS_DRAIN, TPR_LIVENESS_UNKNOWN,
    };

    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        struct made m;

        open_with(TCP, TPR_ON_DOWN_RESET);
        establish(4000, 0);
        world_word(0, states[i]);
        ck_assert_uint_eq(world_deaths(), 0);
        m = from_client(TCP, 4000, TPR_TCP_ACK);
        assert_goes_to(&m, 0);
        establish(4001, 1);
        world_close();
    }
}
END_TEST

/* ## The sender's part. ## */

START_TEST(resets_are_exact)
{
    struct made m;

    open_with(TCP, TPR_ON_DOWN_DEFAULT);
    establish(4000, 0);                 /* All acknowledged: one reset. */
    establish(4001, 0);                 /* 100 bytes on their way: two. */
    m = from_backend(TCP, 0, 4001, TPR_TCP_ACK);
    m.seq = 5001;
    m.size = 100;
    assert_comes_back(&m);
    establish(4002, 0);                 /* Ended: none. */
    m = from_client(TCP, 4002, TPR_TCP_RST);
    m.seq = 1001;
    assert_goes_to(&m, 0);
    ck_assert_uint_eq(world_connections(3, 0), 2);

    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 3);
    ck_assert_uint_eq(w.n_sent, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(w.sent[i].output, CLIENT_PORT);
    }
    assert_reset(w.sent[0].frame, w.sent[0].len, 4000, 5001, TPR_TCP_RST, 0);
    assert_reset(w.sent[1].frame, w.sent[1].len, 4001, 5101, TPR_TCP_RST, 0);
    assert_reset(w.sent[2].frame, w.sent[2].len, 4001, 5001, TPR_TCP_RST, 0);
    ck_assert_uint_eq(counter(TPR_COUNTER_RESET_SENT), 3);
    ck_assert_uint_eq(world_connections(3, 0), 0);

    ck_assert_uint_eq(world_deaths(), 0);       /* Once. */
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    assert_answered(&m, 5001, TPR_TCP_RST, 0);
    world_close();
}
END_TEST

/* The client has the SYN-ACK, we have not seen its ACK yet. */
START_TEST(an_answered_syn_is_reset)
{
    struct made m;

    open_with(TCP, TPR_ON_DOWN_RESET);
    m = from_client(TCP, 4000, TPR_TCP_SYN);
    assert_goes_to(&m, 0);
    m = from_backend(TCP, 0, 4000, TPR_TCP_SYN | TPR_TCP_ACK);
    assert_comes_back(&m);
    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 1);
    assert_reset(w.sent[0].frame, w.sent[0].len, 4000, 5001, TPR_TCP_RST, 0);
    world_close();
}
END_TEST

START_TEST(a_saved_syn_is_repeated)
{
    struct made syn, m;

    open_with(TCP, TPR_ON_DOWN_RESET);
    syn = from_client(TCP, 4000, TPR_TCP_SYN);
    syn.vlan = 0x600a;
    assert_goes_to(&syn, 0);
    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 1);
    ck_assert_uint_eq(w.sent[0].output, BACKEND_PORT + 1);
    m = at_backend(syn, 1);
    assert_frame(&m, w.sent[0].frame, w.sent[0].len);
    ck_assert_uint_eq(counter(TPR_COUNTER_SYN_REPEATED), 1);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 1);
    m = from_backend(TCP, 1, 4000, TPR_TCP_SYN | TPR_TCP_ACK);
    m.vlan = 0x600a;
    assert_comes_back(&m);
    world_close();
}
END_TEST

/* Its checksum was to be completed by the device that sends. */
START_TEST(a_saved_syn_is_whole)
{
    for (size_t size = 0; size < 4; size++) {
        struct made syn, m;

        open_with(TCP, TPR_ON_DOWN_RESET);
        syn = from_client(TCP, 4000, TPR_TCP_SYN);
        syn.partial = true;
        syn.size = size;
        memset(syn.payload, 0xa5, size);
        assert_goes_to(&syn, 0);
        kill_backend(0);
        ck_assert_uint_eq(world_deaths(), 1);
        syn.partial = false;
        m = at_backend(syn, 1);
        assert_frame(&m, w.sent[0].frame, w.sent[0].len);
        world_close();
    }
}
END_TEST

START_TEST(a_repeated_syn_has_its_backends_tag)
{
    static const uint16_t vlans[] = { TPR_VLAN_NONE, 30 };

    for (size_t i = 0; i < ARRAY_SIZE(vlans); i++) {
        struct made syn, m;

        open_with(TCP, TPR_ON_DOWN_RESET);
        w.b[1].vlan = vlans[i];
        world_set(3);
        syn = from_client(TCP, 4000, TPR_TCP_SYN);
        syn.vlan = 10;
        assert_goes_to(&syn, 0);
        kill_backend(0);
        ck_assert_uint_eq(world_deaths(), 1);
        m = at_backend(syn, 1);
        assert_frame(&m, w.sent[0].frame, w.sent[0].len);
        world_close();
    }
}
END_TEST

START_TEST(a_saved_syn_is_repeated_again)
{
    struct made syn;

    open_with(TCP, TPR_ON_DOWN_RESET);
    syn = from_client(TCP, 4001, TPR_TCP_SYN);
    assert_goes_to(&syn, 0);
    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 1);
    world_word(0, TPR_LIVENESS_UP);
    world_deaths();
    kill_backend(1);
    ck_assert_uint_eq(world_deaths(), 1);
    ck_assert_uint_eq(w.sent[0].output, BACKEND_PORT);
    ck_assert_uint_eq(world_connections(3, 0), 1);
    ck_assert_uint_eq(world_connections(3, 1), 0);
    world_close();
}
END_TEST

/* Without the sender, the client's own repetition does it. */
START_TEST(a_repeated_syn_goes_elsewhere)
{
    struct made syn;

    open_with(TCP, TPR_ON_DOWN_RESET);
    syn = from_client(TCP, 4000, TPR_TCP_SYN);
    assert_goes_to(&syn, 0);
    assert_goes_to(&syn, 0);
    kill_backend(0);
    assert_goes_to(&syn, 1);
    ck_assert_uint_eq(world_connections(3, 0), 0);
    ck_assert_uint_eq(world_connections(3, 1), 1);
    world_close();
}
END_TEST

/* A backend that died before the sender ever looked has died all the same. */
START_TEST(a_quick_death_is_seen)
{
    world_open(NULL, false);
    world_redirect(TCP, TPR_POLICY_FAILOVER, 2);
    world_set(3);
    establish(4000, 0);
    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 1);
    world_close();
}
END_TEST

/* What timed out is not woken. */
START_TEST(the_dead_stay_dead)
{
    struct made syn;

    open_with(TCP, TPR_ON_DOWN_RESET);
    syn = from_client(TCP, 4000, TPR_TCP_SYN);
    assert_goes_to(&syn, 0);
    w.now_ms += 5000;
    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 0);
    world_close();
}
END_TEST

/* ## Nobody left. ## */

START_TEST(on_none)
{
    static const struct {
        enum tpr_on_none on_none;
        enum tpr_verdict verdict;
        enum tpr_counter counter;
    } cases[] = {
        { TPR_ON_NONE_DROP, TPR_DROP, TPR_COUNTER_NONE_DROPPED },
        { TPR_ON_NONE_RESET, TPR_REPLY, TPR_COUNTER_NONE_RESET },
        { TPR_ON_NONE_PASS, TPR_PASS, TPR_COUNTER_NONE_PASSED },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const bool reset = cases[i].on_none == TPR_ON_NONE_RESET;
        struct made m;

        world_open(NULL, false);
        world_redirect(TCP, TPR_POLICY_WEIGHTED, 2);
        w.r.on_none = cases[i].on_none;
        world_set(3);
        kill_backend(0);
        world_word(1, TPR_LIVENESS_DRAIN);

        m = from_client(TCP, 4000, TPR_TCP_SYN);
        m.size = 10;
        ck_assert_int_eq(forward(&m).verdict, cases[i].verdict);
        if (reset) {
            assert_answered(&m, 0, TPR_TCP_RST | TPR_TCP_ACK, 1011);
            m = from_client(TCP, 4000, TPR_TCP_ACK);
            assert_answered(&m, 5001, TPR_TCP_RST, 0);
        }
        ck_assert_uint_eq(counter(cases[i].counter), reset ? 3 : 1);
        ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
        world_close();
    }
}
END_TEST

START_TEST(no_backends_at_all)
{
    struct made m;

    world_open(NULL, false);
    world_redirect(TCP, TPR_POLICY_MAGLEV, 0);
    w.r.on_none = TPR_ON_NONE_PASS;
    world_set(3);
    m = from_client(TCP, 4000, TPR_TCP_SYN);
    assert_passes(TPR_MODE_FORWARD, &m);
    world_close();
}
END_TEST

/* ## Changes of the object. ## */

/* A backend that is removed is like one that died; the other keeps what it
 * has, whatever else is changed. */
START_TEST(modifications)
{
    struct tpr_redirect_backend second;
    struct made m;

    open_with(TCP, TPR_ON_DOWN_RESET);
    establish(4000, 0);
    world_word(0, TPR_LIVENESS_DRAIN);
    establish(4001, 1);
    second = w.b[1];
    second.weight = 7;
    second.max_connections = 5;
    second.output = 40;
    w.r.backends = &second;
    w.r.n_backends = 1;
    world_set(3);

    ck_assert_uint_eq(world_connections(3, 0), 1);      /* Counted on. */
    m = from_client(TCP, 4001, TPR_TCP_ACK);
    ck_assert_uint_eq(forward(&m).output, 40);
    ck_assert_uint_eq(world_deaths(), 1);
    assert_reset(w.sent[0].frame, w.sent[0].len, 4000, 5001, TPR_TCP_RST, 0);
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    assert_answered(&m, 5001, TPR_TCP_RST, 0);
    world_close();
}
END_TEST

START_TEST(another_vip_is_another_service)
{
    struct made m;

    open_with(TCP, TPR_ON_DOWN_RESET);
    establish(4000, 0);
    m = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    w.vip = w.r.vip = make_addr("10.0.0.101");
    world_set(3);
    assert_passes(TPR_MODE_REVERSE, &m);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
    ck_assert_uint_eq(world_connections(3, 0), 0);
    establish(4000, 0);
    world_close();
}
END_TEST

START_TEST(deleting_ends_connections)
{
    struct made m;

    open_with(TCP, TPR_ON_DOWN_RESET);
    establish(4000, 0);
    m = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    ck_assert(tpr_dp_has(w.dp, 3));
    ck_assert_int_eq(tpr_dp_del(w.dp, 3), 0);
    ck_assert(!tpr_dp_has(w.dp, 3));
    ck_assert_int_ne(tpr_dp_del(w.dp, 3), 0);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
    assert_passes(TPR_MODE_REVERSE, &m);
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    assert_passes(TPR_MODE_FORWARD, &m);
    world_close();
}
END_TEST

START_TEST(a_port_that_goes_takes_its_backends)
{
    struct made m;

    open_with(TCP, TPR_ON_DOWN_RESET);
    establish(4000, 0);
    tpr_dp_withdraw_port(w.dp, BACKEND_PORT);
    m = from_client(TCP, 4001, TPR_TCP_SYN);
    assert_goes_to(&m, 1);
    ck_assert_uint_eq(world_deaths(), 1);
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    assert_answered(&m, 5001, TPR_TCP_RST, 0);
    world_close();

    /* "Keep" does not send to a port that may be another's now; its clients
     * hear of it. */
    open_with(TCP, TPR_ON_DOWN_KEEP);
    establish(4000, 0);
    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 0);
    tpr_dp_withdraw_port(w.dp, BACKEND_PORT);
    ck_assert_uint_eq(world_deaths(), 1);
    assert_answered(&m, 5001, TPR_TCP_RST, 0);
    world_close();
}
END_TEST

START_TEST(a_clients_port_that_goes_gets_no_replies)
{
    struct made m;

    open_with(TCP, TPR_ON_DOWN_RESET);
    establish(4000, 0);
    tpr_dp_withdraw_port(w.dp, CLIENT_PORT);
    m = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    ck_assert_int_eq(reverse(&m).verdict, TPR_DROP);
    ck_assert_uint_eq(counter(TPR_COUNTER_NO_PORT), 1);
    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 0);
    world_close();
}
END_TEST

/* A packet that was received before the port went comes out after it was
 * withdrawn. */
START_TEST(a_late_packet_of_a_port_that_goes)
{
    struct made m;

    open_with(TCP, TPR_ON_DOWN_RESET);
    establish(4000, 0);
    tpr_dp_withdraw_port(w.dp, CLIENT_PORT);
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    assert_goes_to(&m, 0);
    m = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    assert_comes_back(&m);
    tpr_dp_forget_clients(w.dp, BACKEND_PORT);  /* Another port. */
    assert_comes_back(&m);
    tpr_dp_forget_clients(w.dp, CLIENT_PORT);
    ck_assert_int_eq(reverse(&m).verdict, TPR_DROP);
    ck_assert_uint_eq(counter(TPR_COUNTER_NO_PORT), 1);
    world_close();
}
END_TEST

/* For a while a client's port may not send; what its clients have stays. */
START_TEST(a_clients_port_that_may_not_send)
{
    struct made m, answer;
    struct passed p;

    open_with(TCP, TPR_ON_DOWN_RESET);
    establish(4000, 0);
    tpr_dp_block_port(w.dp, CLIENT_PORT, true);
    tpr_dp_block_port(w.dp, CLIENT_PORT, true);
    tpr_dp_block_port(w.dp, TPR_DP_MAX_PORTS, true);    /* There is none. */
    m = from_client(TCP, 4000, TPR_TCP_ACK);
    answer = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    assert_goes_to(&m, 0);              /* It may receive. */
    ck_assert_int_eq(reverse(&answer).verdict, TPR_DROP);
    ck_assert_uint_eq(counter(TPR_COUNTER_NO_PORT), 1);
    tpr_dp_block_port(w.dp, CLIENT_PORT, false);
    assert_comes_back(&answer);

    /* Nor is anything originated there. */
    tpr_dp_block_port(w.dp, CLIENT_PORT, true);
    kill_backend(0);
    ck_assert_uint_eq(world_deaths(), 0);
    ck_assert_int_eq(forward(&m).verdict, TPR_DROP);
    ck_assert_uint_eq(counter(TPR_COUNTER_NO_PORT), 2);
    ck_assert_uint_eq(counter(TPR_COUNTER_RESET_ANSWERED), 0);
    tpr_dp_block_port(w.dp, CLIENT_PORT, false);
    p = forward(&m);
    ck_assert_int_eq(p.verdict, TPR_REPLY);
    assert_reset(p.frame, p.len, 4000, 5001, TPR_TCP_RST, 0);

    /* Another port with that number is another one. */
    tpr_dp_block_port(w.dp, CLIENT_PORT, true);
    tpr_dp_forget_clients(w.dp, CLIENT_PORT);
    ck_assert_int_eq(forward(&m).verdict, TPR_REPLY);
    world_close();
}
END_TEST

/* Resets leave in batches, whoever is between them in the table. */
START_TEST(resets_are_batched)
{
    enum { N = 100 };

    for (int step = 1; step <= 2; step++) {
        open_with(TCP, TPR_ON_DOWN_RESET);
        for (int i = 0; i < N * step; i++) {
            world_word(0, i % step ? TPR_LIVENESS_DRAIN : TPR_LIVENESS_UP);
            establish(4000 + i, i % step);
        }
        kill_backend(0);
        ck_assert_uint_eq(world_deaths(), N);
        ck_assert_uint_eq(w.n_sent, N);
        ck_assert_uint_eq(w.n_batches,
                          DIV_ROUND_UP(N, TPR_DP_MAX_SEND - 1));
        for (int i = 0; i < N; i++) {
            assert_reset(w.sent[i].frame, w.sent[i].len, 4000 + i * step,
                         5001, TPR_TCP_RST, 0);
        }
        world_close();
    }
}
END_TEST

UNIT_MAIN("redirect-death",
          tcp_is_reset_with_its_next_packet,
          a_reset_is_remembered_for_a_while,
          udp_is_reselected,
          a_region_takes_its_backends_along,
          keep_keeps,
          draining_and_unknown_keep_what_they_have,
          resets_are_exact,
          an_answered_syn_is_reset,
          a_saved_syn_is_repeated,
          a_saved_syn_is_whole,
          a_repeated_syn_has_its_backends_tag,
          a_saved_syn_is_repeated_again,
          a_repeated_syn_goes_elsewhere,
          a_quick_death_is_seen,
          the_dead_stay_dead,
          on_none,
          no_backends_at_all,
          modifications,
          another_vip_is_another_service,
          deleting_ends_connections,
          a_port_that_goes_takes_its_backends,
          a_clients_port_that_goes_gets_no_replies,
          a_late_packet_of_a_port_that_goes,
          a_clients_port_that_may_not_send,
          resets_are_batched)
