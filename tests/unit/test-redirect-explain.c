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

/* What is said of a packet between the client's 'port' and the VIP, or in
 * reverse backend 0, must have all of the words, which end with NULL. */
static void
expect(enum tpr_mode mode, uint8_t proto, uint16_t port, uint16_t tcp_flags,
       const char *const words[])
{
    const struct tpr_action action = {
        .id = mode == TPR_MODE_FORWARD ? 3 : 0, .scope = SCOPE, .mode = mode,
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

#define WORDS(...) (const char *const []) { __VA_ARGS__, NULL }

/* Time goes by for all to see, without a sweep. */
static void
let_pass(uint32_t ms)
{
    const struct made m = from_client(UDP, 9999, 0);

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

UNIT_MAIN("redirect-explain",
          a_new_one,
          one_that_goes_on,
          one_whose_backend_is_down,
          one_that_was_reset,
          one_that_waits_for_an_answer,
          one_whose_time_is_over)
