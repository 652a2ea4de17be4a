/* SPDX-License-Identifier: Apache-2.0 */

/* Tests policy least-connections of a datapath against an oracle, which knows
 * of each connection when it comes and goes, and where all others are. */

#include <config.h>
#include <string.h>
#include "dp-packet.h"
#include "redirect-world.h"
#include "unit.h"

enum {
    TCP = TPR_PROTO_TCP,
    N_ARRIVALS = 100 * 1000,
    FIRST_PORT = 1024,
    N_PORTS = 60 * 1000,
    MAX_OPEN = 4096,
};

/* One connection. */
struct session {
    uint16_t port;
    unsigned int backend;
    unsigned int until;         /* Arrivals. */
};

struct oracle {
    unsigned int n[N_BACKENDS];         /* Connections, */
    double weight[N_BACKENDS];
    double credit[N_BACKENDS];          /* turns of those that are equal. */
};

static uint32_t state;

static uint32_t
draw(uint32_t n)
{
    state ^= state << 13;               /* Marsaglia's xorshift. */
    state ^= state >> 17;
    state ^= state << 5;
    return (state >> 3) % n;
}

/* Page, download, long poll: 1 to 20 arrivals, 50 to 450, 1,000 to 5,000. */
static unsigned int
service_time(void)
{
    const uint32_t kind = draw(100);

    return (kind < 80 ? 1 + draw(20)
            : kind < 99 ? 50 + draw(400) : 1000 + draw(4000));
}

/* Whom the next connection belongs to: the smallest quotient; of several, in
 * proportion to their weights. */
static unsigned int
ask(struct oracle *o)
{
    unsigned int best = N_BACKENDS;
    double least = 1e9, sum = 0;

    for (int i = 0; i < N_BACKENDS; i++) {
        least = MIN(least, o->n[i] / o->weight[i]);
    }
    for (int i = 0; i < N_BACKENDS; i++) {
        if (o->n[i] / o->weight[i] - least < 1e-9) {
            o->credit[i] += o->weight[i];
            sum += o->weight[i];
            if (best == N_BACKENDS || o->credit[i] > o->credit[best]) {
                best = i;
            }
        }
    }
    o->credit[best] -= sum;
    return best;
}

/* Sends 'm' to the VIP, or to the client.  Returns the port by which it
 * leaves; as world_pass(), but without a word to the test's parent for each
 * packet. */
static uint32_t
pass(enum tpr_mode mode, const struct made *m)
{
    const struct tpr_action action = {
        .id = mode == TPR_MODE_FORWARD ? 3 : 0, .scope = SCOPE, .mode = mode,
    };
    struct tpr_dp_result result;
    uint8_t frame[MAKER_MAX];
    struct dp_packet *packet;

    packet = dp_packet_clone_data_with_headroom(frame, make_frame(m, frame),
                                                8);
    tpr_dp_process(w.dp, &action, packet,
                   mode == TPR_MODE_FORWARD ? CLIENT_PORT : BACKEND_PORT,
                   w.now_ms, &result);
    dp_packet_delete(packet);
    if (result.verdict != TPR_SEND) {
        ck_abort_msg("packet of port %d was not redirected", m->src.port);
    }
    return result.output;
}

/* Begins a connection; returns whose it is. */
static unsigned int
begin(uint16_t port)
{
    struct made m = from_client(TCP, port, TPR_TCP_SYN);
    unsigned int backend = pass(TPR_MODE_FORWARD, &m) - BACKEND_PORT;

    m = from_backend(TCP, backend, port, TPR_TCP_SYN | TPR_TCP_ACK);
    pass(TPR_MODE_REVERSE, &m);
    return backend;
}

static void
end(const struct session *s)
{
    struct made m = from_client(TCP, s->port, TPR_TCP_RST);

    m.seq = 1001;
    pass(TPR_MODE_FORWARD, &m);
}

static void
play(const uint16_t weights[N_BACKENDS], uint32_t seed)
{
    const struct tpr_dp_options options = {
        .connections = N_PORTS, .half_open = MAX_OPEN,
    };
    static struct session open[MAX_OPEN];
    struct oracle oracle;
    unsigned int n_open = 0, n_same = 0;

    state = seed;
    memset(&oracle, 0, sizeof oracle);
    world_open(&options, false);
    world_redirect(TCP, TPR_POLICY_LEAST_CONNECTIONS, N_BACKENDS);
    for (int i = 0; i < N_BACKENDS; i++) {
        w.b[i].weight = weights[i];
        oracle.weight[i] = weights[i];
    }
    world_set(3);
    for (unsigned int now = 0; now < N_ARRIVALS; now++) {
        struct session *s;

        for (unsigned int i = n_open; i-- > 0;) {
            if (open[i].until <= now) {
                end(&open[i]);
                oracle.n[open[i].backend]--;
                open[i] = open[--n_open];
            }
        }
        if (n_open == MAX_OPEN) {
            ck_abort_msg("too many are open");
        }
        s = &open[n_open++];
        s->port = FIRST_PORT + now % N_PORTS;
        s->until = now + service_time();
        s->backend = begin(s->port);
        n_same += s->backend == ask(&oracle);
        oracle.n[s->backend]++;         /* That is a fact, right or wrong. */
    }
    ck_assert_uint_eq(n_same, N_ARRIVALS);
    for (int i = 0; i < N_BACKENDS; i++) {
        ck_assert_uint_eq(world_connections(3, i), oracle.n[i]);
    }
    world_close();
}

START_TEST(equal_servers)
{
    play((const uint16_t[]) { 100, 100, 100, 100 }, 1);
}
END_TEST

START_TEST(unequal_servers)
{
    play((const uint16_t[]) { 100, 50, 7, 200 }, 2);
}
END_TEST

UNIT_MAIN("redirect-least", equal_servers, unequal_servers)
