/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of what ofproto/trace is told: whatever a packet would meet, nothing
 * changes by asking. */

#include <config.h>
#include <stdlib.h>
#include <string.h>
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "redirect-world.h"
#include "unit.h"

enum { TCP = TPR_PROTO_TCP, UDP = TPR_PROTO_UDP };

static void
setup(uint8_t proto, enum tpr_on_down on_down)
{
    world_open(NULL, false);
    world_redirect(proto, TPR_POLICY_FAILOVER, 2);
    w.r.on_down = on_down;
    world_set(3);
}

/* What object 'dp_id', if 'mode' asks for one, says of a packet between the
 * client's 'port' and the VIP, or another one by 'vip_xor', or in reverse
 * backend 0, must have all of the words, which end with NULL. */
static void
expect__(enum tpr_mode mode, uint32_t dp_id, ovs_be32 vip_xor, uint8_t proto,
         uint16_t port, uint16_t tcp_flags, const char *const words[])
{
    const struct tpr_action action = {
        .id = mode == TPR_MODE_FORWARD ? dp_id : 0,
        .scope = SCOPE,
        .mode = mode,
    };
    const bool reverse = mode == TPR_MODE_REVERSE;
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct flow flow;

    memset(&flow, 0, sizeof flow);
    flow.dl_type = htons(ETH_TYPE_IP);
    flow.nw_proto = proto;
    flow.tcp_flags = htons(tcp_flags);
    memcpy(&flow.nw_src, &(reverse ? w.backend[0] : w.client).w[3], 4);
    memcpy(&flow.nw_dst, &(reverse ? w.client : w.vip).w[3], 4);
    flow.nw_dst ^= vip_xor;
    flow.tp_src = htons(reverse ? VIP_L4 : port);
    flow.tp_dst = htons(reverse ? port : VIP_L4);
    tpr_dp_explain(w.dp, &action, &flow, &ds);
    for (int i = 0; words[i]; i++) {
        const bool not = words[i][0] == '!';

        ck_assert_msg(!strstr(ds_cstr(&ds), words[i] + not) == not,
                      "'%s' in: %s", words[i], ds_cstr(&ds));
    }
    ds_destroy(&ds);
}

static void
expect(enum tpr_mode mode, uint8_t proto, uint16_t port, uint16_t tcp_flags,
       const char *const words[])
{
    expect__(mode, 3, 0, proto, port, tcp_flags, words);
}

static void
expect_of(uint32_t dp_id, ovs_be32 vip_xor, uint8_t proto, uint16_t port,
          uint16_t tcp_flags, const char *const words[])
{
    expect__(TPR_MODE_FORWARD, dp_id, vip_xor, proto, port, tcp_flags, words);
}

#define WORDS(...) (const char *const []) { __VA_ARGS__, NULL }

/* Time goes by for all to see, without a sweep. */
static void
let_pass(uint32_t ms)
{
    const struct made m = from_client(w.r.proto, 9999, TPR_TCP_SYN);

    w.now_ms += ms;
    forward(&m);
}

START_TEST(a_new_one)
{
    setup(TCP, TPR_ON_DOWN_DEFAULT);
    expect(TPR_MODE_FORWARD, TCP, 4000, TCP_SYN,
           WORDS("backend 0: 10.1.0.1 priority 1, usable, policy chooses it",
                 "!connection"));
    expect(TPR_MODE_REVERSE, TCP, 4000, TCP_ACK, WORDS("no connection"));
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
    world_close();
}
END_TEST

START_TEST(one_that_goes_on)
{
    setup(TCP, TPR_ON_DOWN_DEFAULT);
    establish(4000, 0);
    expect(TPR_MODE_FORWARD, TCP, 4000, TCP_ACK,
           WORDS("connection: ", "10.1.0.1:80", "!its ", "!policy"));
    expect(TPR_MODE_REVERSE, TCP, 4000, TCP_ACK,
           WORDS("connection: ", "!its "));
    world_close();
}
END_TEST

START_TEST(one_whose_backend_is_down)
{
    static const struct {
        enum tpr_on_down on_down;
        const char *word, *choice;
    } cases[] = {
        { TPR_ON_DOWN_RESET, "the client is reset", "!policy" },
        { TPR_ON_DOWN_KEEP, "kept there", "!policy" },
        { TPR_ON_DOWN_RESELECT, "a new one", "backend 1: 10.1.0.2 priority "
          "2, usable, policy chooses it" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        setup(TCP, cases[i].on_down);
        establish(4000, 0);
        world_word(0, TPR_LIVENESS_DOWN);
        expect(TPR_MODE_FORWARD, TCP, 4000, TCP_ACK,
               WORDS("its backend is down: ", cases[i].word,
                     cases[i].choice));
        expect(TPR_MODE_REVERSE, TCP, 4000, TCP_ACK, WORDS("!down"));
        world_close();
    }
}
END_TEST

START_TEST(one_that_was_reset)
{
    setup(TCP, TPR_ON_DOWN_DEFAULT);
    establish(4000, 0);
    world_word(0, TPR_LIVENESS_DOWN);
    world_deaths();
    expect(TPR_MODE_FORWARD, TCP, 4000, TCP_ACK,
           WORDS("it was reset", "!policy"));
    expect(TPR_MODE_FORWARD, TCP, 4000, TCP_SYN,
           WORDS("it has ended, this is a SYN: a new one",
                 "backend 1: 10.1.0.2 priority 2, usable, policy chooses it"));
    world_close();
}
END_TEST

START_TEST(one_that_waits_for_an_answer)
{
    struct made syn;

    setup(TCP, TPR_ON_DOWN_DEFAULT);
    syn = from_client(TCP, 4000, TPR_TCP_SYN);
    forward(&syn);
    world_word(0, TPR_LIVENESS_DOWN);
    expect(TPR_MODE_FORWARD, TCP, 4000, TCP_SYN,
           WORDS("its backend is down: a new one", "policy chooses it"));
    world_close();
}
END_TEST

START_TEST(one_whose_client_was_here)
{
    struct made m;

    setup(UDP, TPR_ON_DOWN_DEFAULT);
    w.r.affinity_ms = 10 * 1000;
    world_set(3);
    world_word(0, TPR_LIVENESS_DOWN);
    m = from_client(UDP, 4000, 0);
    forward(&m);
    world_word(0, TPR_LIVENESS_UP);
    expect(TPR_MODE_FORWARD, UDP, 4001, 0,
           WORDS("backend 1: 10.1.0.2 priority 2, usable, chosen by affinity",
                 "!policy"));
    world_close();
}
END_TEST

START_TEST(one_whose_time_is_over)
{
    struct made m;

    setup(UDP, TPR_ON_DOWN_DEFAULT);
    m = from_client(UDP, 4000, 0);
    forward(&m);
    let_pass(30 * 1000);
    expect(TPR_MODE_FORWARD, UDP, 4000, 0,
           WORDS("its time is over: a new one", "policy chooses it"));
    expect(TPR_MODE_REVERSE, UDP, 4000, 0,
           WORDS("its time is over: goes on"));
    world_close();
}
END_TEST

START_TEST(one_whose_answers_would_be_anothers)
{
    setup(TCP, TPR_ON_DOWN_DEFAULT);
    establish(4000, 0);
    w.vip.w[3] ^= htonl(1);             /* Another VIP, the same backends. */
    w.r.vip = w.vip;
    world_set(4);
    w.vip.w[3] ^= htonl(1);
    w.r.vip = w.vip;
    for (int i = 0; i < 2; i++) {       /* It stays so. */
        expect_of(4, htonl(1), TCP, 4000, TCP_SYN,
                  WORDS("backend 0: 10.1.0.1 priority 1, reverse key in use\n",
                        "backend 1: 10.1.0.2 priority 2, usable, policy "
                        "chooses it"));
    }
    expect_of(4, htonl(1), TCP, 4001, TCP_SYN,
              WORDS("backend 0: 10.1.0.1 priority 1, usable, policy chooses "
                    "it"));

    /* None is left. */
    world_word(1, TPR_LIVENESS_DOWN);
    expect_of(4, htonl(1), TCP, 4000, TCP_SYN,
              WORDS("reverse key in use", "no backend is usable"));
    ck_assert_uint_eq(tpr_dp_counter(w.dp, TPR_COUNTER_REV_COLLISION), 0);

    /* Its own past is in nobody's way. */
    world_word(1, TPR_LIVENESS_UP);
    let_pass(7200 * 1000);
    expect_of(4, htonl(1), TCP, 4000, TCP_SYN,
              WORDS("usable, policy chooses it", "!in use"));
    expect(TPR_MODE_FORWARD, TCP, 4000, TCP_SYN,
           WORDS("usable, policy chooses it", "!in use"));
    world_close();
}
END_TEST

START_TEST(one_that_opens_again)
{
    struct made rst;

    setup(TCP, TPR_ON_DOWN_DEFAULT);
    establish(4000, 0);
    rst = from_client(TCP, 4000, TPR_TCP_RST);
    rst.seq = 1001;
    forward(&rst);
    expect(TPR_MODE_FORWARD, TCP, 4000, TCP_SYN,
           WORDS("it has ended", "usable, policy chooses it", "!in use"));
    world_close();
}
END_TEST

START_TEST(one_that_finds_no_room)
{
    const struct tpr_dp_options o = { .connections = 4, .half_open = 4 };
    struct made syn;

    world_open(&o, false);
    world_redirect(TCP, TPR_POLICY_FAILOVER, 2);
    world_set(3);
    for (int i = 0; i < 3; i++) {
        establish(4000 + i, 0);
    }
    expect(TPR_MODE_FORWARD, TCP, 4009, TCP_SYN, WORDS("usable", "!full"));
    syn = from_client(TCP, 4003, TPR_TCP_SYN);
    assert_goes_to(&syn, 0);
    expect(TPR_MODE_FORWARD, TCP, 4009, TCP_SYN,
           WORDS("policy chooses it",
                 "full: the oldest half-open one ends for this one"));
    establish(4003, 0);
    expect(TPR_MODE_FORWARD, TCP, 4009, TCP_SYN,
           WORDS("policy chooses it",
                 "full: dropped, since answers could not be translated"));
    expect(TPR_MODE_FORWARD, TCP, 4000, TCP_ACK, WORDS("!full"));
    w.b[0].addr = w.b[1].addr = w.vip;
    w.r.n_backends = 1;
    world_set(3);
    expect(TPR_MODE_FORWARD, TCP, 4009, TCP_SYN,
           WORDS("policy chooses it", "full: sent without being remembered"));
    ck_assert_uint_eq(tpr_dp_counter(w.dp, TPR_COUNTER_TABLE_FULL), 0);
    world_close();
}
END_TEST

UNIT_MAIN("redirect-explain",
          a_new_one,
          one_that_goes_on,
          one_whose_backend_is_down,
          one_that_was_reset,
          one_that_waits_for_an_answer,
          one_whose_client_was_here,
          one_whose_time_is_over,
          one_whose_answers_would_be_anothers,
          one_that_opens_again,
          one_that_finds_no_room)
