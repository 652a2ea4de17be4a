/* SPDX-License-Identifier: Apache-2.0 */

/* A datapath with redirects for tests: see redirect-world.h. */

#include <config.h>
#include "redirect-world.h"

#include <check.h>
#include <string.h>
#include <unistd.h>
#include "dp-packet.h"
#include "ovs-rcu.h"
#include "redirect-check.h"
#include "util.h"

const uint8_t client_mac[6] = { 2, 0, 0, 0, 0, 1 };
const uint8_t vip_mac[6] = { 2, 0, 0, 0, 0, 2 };
const uint8_t backend_mac[6] = { 2, 0, 0, 0, 0, 3 };

struct world w;

static void
capture(void *aux OVS_UNUSED, struct dp_packet *packets[],
        const uint32_t outputs[], size_t n)
{
    ck_assert_uint_ge(n, 1);
    ck_assert_uint_le(n, TPR_DP_MAX_SEND);
    ck_assert_uint_le(w.n_sent + n, ARRAY_SIZE(w.sent));
    w.n_batches++;
    for (size_t i = 0; i < n; i++) {
        size_t len = dp_packet_size(packets[i]);

        ck_assert_uint_le(len, sizeof w.sent[0].frame);
        memcpy(w.sent[w.n_sent].frame, dp_packet_data(packets[i]), len);
        w.sent[w.n_sent].len = len;
        w.sent[w.n_sent++].output = outputs[i];
        dp_packet_delete(packets[i]);
    }
}

/* Opens the world with the options that matter to a test; NULL: none do. */
void
world_open(const struct tpr_dp_options *options, bool ip6)
{
    struct tpr_dp_options o = options ? *options
                                      : (struct tpr_dp_options) { 0 };
    char dir[64];

    memset(&w, 0, sizeof w);
    snprintf(dir, sizeof dir, "%s/redirect-world.XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));

    char *page = xasprintf("%s/page", dir);

    o.page = page;
    o.seed = o.seed ? o.seed : 1;
    o.connections = o.connections ? o.connections : 256;
    o.half_open = o.half_open ? o.half_open : 64;

    char *error = tpr_dp_create(&o, &w.dp);

    ck_assert_msg(!error, "%s", error);
    unlink(page);                       /* The mapping is enough. */
    rmdir(dir);
    free(page);

    w.now_ms = 1000000;
    w.client = make_addr(ip6 ? "2001:db8:9::1" : "10.9.0.1");
    w.vip = make_addr(ip6 ? "2001:db8::100" : "10.0.0.100");
    for (int i = 0; i < N_BACKENDS; i++) {
        char s[32];

        snprintf(s, sizeof s, ip6 ? "2001:db8:1::%d" : "10.1.0.%d", i + 1);
        w.backend[i] = make_addr(s);
        world_word(i, TPR_LIVENESS_UP);
        world_region(i, TPR_LIVENESS_UP);
    }
}

void
world_close(void)
{
    tpr_dp_destroy(w.dp);
    w.dp = NULL;
}

/* Makes w.r a redirect of the first 'n_backends', priorities 1, 1, ...
 * (failover: 1, 2, ...). */
void
world_redirect(uint8_t proto, enum tpr_policy policy, uint16_t n_backends)
{
    tpr_redirect_init(&w.r, 7);
    w.r.proto = proto;
    w.r.policy = policy;
    w.r.vip = w.vip;
    if (proto) {
        w.r.n_ports = 1;
        w.r.ports[0] = (struct tpr_port_range) { VIP_L4, VIP_L4 + 9 };
    }
    w.r.n_backends = n_backends;
    w.r.backends = w.b;
    for (int i = 0; i < N_BACKENDS; i++) {
        w.b[i] = (struct tpr_redirect_backend) {
            .addr = w.backend[i],
            .output = BACKEND_PORT + i,
            .region = i,
            .word = 100 + i,
            .vlan = TPR_VLAN_KEEP,
            .weight = 100,
            .priority = policy == TPR_POLICY_FAILOVER ? i + 1 : 1,
        };
        memcpy(w.b[i].mac, backend_mac, 6);
    }
}

void
world_set(uint32_t dp_id)
{
    char *error = tpr_dp_set(w.dp, dp_id, SCOPE, &w.r);

    ck_assert_msg(!error, "%s", error);
}

void
world_word(unsigned int backend, enum tpr_liveness state)
{
    const struct tpr_liveness_mod mod = { 100 + backend, false, state };

    ck_assert_int_eq(tpr_dp_set_liveness(w.dp, &mod), 0);
}

void
world_region(unsigned int backend, enum tpr_liveness state)
{
    const struct tpr_liveness_mod mod = { backend, true, state };

    ck_assert_int_eq(tpr_dp_set_liveness(w.dp, &mod), 0);
}

/* Does what the sender's thread would, now. */
uint32_t
world_deaths(void)
{
    const struct tpr_dp_ops ops = { .send = capture };

    w.n_sent = w.n_batches = 0;
    tpr_dp_run(w.dp, w.now_ms);
    return tpr_dp_handle_deaths(w.dp, w.now_ms, &ops);
}

uint64_t
world_connections(uint32_t dp_id, unsigned int backend)
{
    struct tpr_redirect_stats stats;

    ck_assert_int_eq(tpr_dp_get_stats(w.dp, dp_id, &stats), 0);
    ck_assert_uint_lt(backend, stats.n_backends);

    uint64_t n = stats.backends[backend].connections;

    free(stats.backends);
    return n;
}

/* A packet of the client's 'port' to the VIP. */
struct made
from_client(uint8_t proto, uint16_t port, uint8_t tcp_flags)
{
    struct made m = {
        .src = { w.client, port },
        .dst = { w.vip, VIP_L4 },
        .proto = proto,
        .tcp_flags = tcp_flags,
        .seq = 1000,
        .ack = tcp_flags & TPR_TCP_ACK ? 5001 : 0,
    };

    memcpy(m.eth_src, client_mac, 6);
    memcpy(m.eth_dst, vip_mac, 6);
    return m;
}

/* A packet of a backend to the client's 'port'. */
struct made
from_backend(uint8_t proto, unsigned int backend, uint16_t port,
             uint8_t tcp_flags)
{
    struct made m = {
        .src = { w.backend[backend],
                 w.b[backend].l4_port ? w.b[backend].l4_port : VIP_L4 },
        .dst = { w.client, port },
        .proto = proto,
        .tcp_flags = tcp_flags,
        .seq = 5000,
        .ack = 1001,
    };

    memcpy(m.eth_src, backend_mac, 6);
    memcpy(m.eth_dst, client_mac, 6);
    return m;
}

/* The client's packet as the backend gets it. */
struct made
at_backend(struct made m, unsigned int backend)
{
    const struct tpr_redirect_backend *b = &w.b[backend];

    memcpy(m.eth_dst, backend_mac, 6);
    m.dst.addr = b->addr;
    m.dst.port = b->l4_port ? b->l4_port : m.dst.port;
    if (b->vlan != TPR_VLAN_KEEP) {
        m.vlan = b->vlan;
    }
    return m;
}

/* The backend's packet as the client gets it. */
struct made
at_client(struct made m)
{
    memcpy(m.eth_src, vip_mac, 6);
    memcpy(m.eth_dst, client_mac, 6);
    m.src.addr = w.vip;
    m.src.port = VIP_L4;
    return m;
}

/* Sends 'm' through the datapath. */
struct passed
world_pass(enum tpr_mode mode, uint32_t dp_id, const struct made *m,
           uint32_t in_port)
{
    const struct tpr_action action = {
        .id = mode == TPR_MODE_FORWARD ? dp_id : 0,
        .scope = SCOPE,
        .mode = mode,
    };
    struct tpr_dp_result result;
    struct passed passed;
    struct dp_packet *packet;

    passed.len = make_frame(m, passed.frame);
    packet = dp_packet_clone_data_with_headroom(passed.frame, passed.len, 8);
    if (m->partial) {
        *dp_packet_ol_flags_ptr(packet) |= (m->proto == TPR_PROTO_TCP
                                            ? DP_PACKET_OL_TX_TCP_CKSUM
                                            : DP_PACKET_OL_TX_UDP_CKSUM);
    }
    tpr_dp_process(w.dp, &action, packet, in_port, w.now_ms, &result);

    const struct dp_packet *out = (result.verdict == TPR_REPLY
                                   ? result.reply : packet);

    ck_assert_int_eq(result.reply != NULL, result.verdict == TPR_REPLY);
    passed.verdict = result.verdict;
    passed.output = result.output;
    passed.len = dp_packet_size(out);
    ck_assert_uint_le(passed.len, sizeof passed.frame);
    memcpy(passed.frame, dp_packet_data(out), passed.len);
    dp_packet_delete(packet);
    dp_packet_delete(result.reply);
    return passed;
}

struct passed
forward(const struct made *m)
{
    return world_pass(TPR_MODE_FORWARD, 3, m, CLIENT_PORT);
}

struct passed
reverse(const struct made *m)
{
    return world_pass(TPR_MODE_REVERSE, 0, m, BACKEND_PORT);
}

void
assert_frame(const struct made *m, const uint8_t *frame, size_t len)
{
    uint8_t expected[MAKER_MAX];

    ck_assert_uint_eq(len, make_frame(m, expected));
    ck_assert_mem_eq(frame, expected, len);
}

void
assert_sent(const struct passed *p, const struct made *m, uint32_t output)
{
    ck_assert_int_eq(p->verdict, TPR_SEND);
    ck_assert_uint_eq(p->output, output);
    assert_frame(m, p->frame, p->len);
}

/* The client's packet 'm' must be given to 'backend'. */
void
assert_goes_to(const struct made *m, unsigned int backend)
{
    const struct passed p = forward(m);
    const struct made expected = at_backend(*m, backend);

    assert_sent(&p, &expected, BACKEND_PORT + backend);
}

/* The backend's packet 'm' must be given to the client. */
void
assert_comes_back(const struct made *m)
{
    const struct passed p = reverse(m);
    const struct made expected = at_client(*m);

    assert_sent(&p, &expected, CLIENT_PORT);
}

/* 'm' must go on as it is. */
void
assert_passes(enum tpr_mode mode, const struct made *m)
{
    const struct passed p = world_pass(mode, 3, m, CLIENT_PORT);

    ck_assert_int_eq(p.verdict, TPR_PASS);
    assert_frame(m, p.frame, p.len);
}

/* 'frame' must be a reset from the VIP to the client. */
void
assert_reset(const uint8_t *frame, size_t len, uint16_t client_port,
             uint32_t seq, uint8_t flags, uint32_t ack)
{
    struct made m = {
        .src = { w.vip, VIP_L4 },
        .dst = { w.client, client_port },
        .proto = TPR_PROTO_TCP,
        .tcp_flags = flags,
        .seq = seq,
        .ack = ack,
        .no_window = true,
        .dont_fragment = true,
    };

    memcpy(m.eth_src, vip_mac, 6);
    memcpy(m.eth_dst, client_mac, 6);
    assert_frame(&m, frame, len);
}

/* Opens a TCP connection from 'port', which must get 'backend'.  The client
 * has then acknowledged 5001, all that it was sent. */
void
establish(uint16_t port, unsigned int backend)
{
    const struct made syn = from_client(TPR_PROTO_TCP, port, TPR_TCP_SYN);
    const struct made synack = from_backend(TPR_PROTO_TCP, backend, port,
                                            TPR_TCP_SYN | TPR_TCP_ACK);
    const struct made ack = from_client(TPR_PROTO_TCP, port, TPR_TCP_ACK);

    assert_goes_to(&syn, backend);
    assert_comes_back(&synack);
    assert_goes_to(&ack, backend);
}
