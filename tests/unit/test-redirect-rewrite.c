/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the rewriting of packets: every rewritten frame must be, byte for
 * byte, the one that is made from the rewritten description. */

#include <config.h>
#include <arpa/inet.h>
#include <string.h>
#include "packet-maker.h"
#include "random.h"
#include "redirect-rewrite.h"
#include "unit.h"

enum { ROUNDS = 3000 };

static const uint8_t protos[] = { 6, 17, 132, 136, 47 };
static const uint8_t client_mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t vip_mac[6] = { 2, 0, 0, 0, 0, 2 };
static const uint8_t backend_mac[6] = { 2, 0, 0, 0, 0, 3 };
static const uint8_t router_mac[6] = { 2, 0, 0, 0, 0, 4 };

/* Who takes part in one round. */
struct world {
    bool ip6;
    struct made_end client, vip, backend;
    struct tpr_redirect_backend b;
};

static struct made_end
random_end(bool ip6)
{
    struct made_end end = { .port = random_uint32() };

    end.addr = (ip6 ? make_addr("2001:db8::") : make_addr("10.0.0.0"));
    end.addr.w[3] ^= htonl(random_uint32() % (1 << 24));
    if (ip6) {
        end.addr.w[1] = random_uint32();
        end.addr.w[2] = random_uint32();
    }
    return end;
}

static struct world
random_world(void)
{
    struct world w = { .ip6 = random_range(2) };

    w.client = random_end(w.ip6);
    w.vip = random_end(w.ip6);
    w.backend = random_end(w.ip6);
    w.b.addr = w.backend.addr;
    memcpy(w.b.mac, backend_mac, 6);
    if (random_range(2)) {
        memcpy(w.b.src_mac, router_mac, 6);
    }
    return w;
}

static bool
has_ports(uint8_t proto)
{
    return proto == 6 || proto == 17;   /* Such as may be changed. */
}

/* A packet between 'src' and 'dst', in pieces or not. */
static struct made
random_packet(const struct world *w, const struct made_end *src,
              const struct made_end *dst)
{
    struct made m = { .src = *src, .dst = *dst };

    m.proto = protos[random_range(ARRAY_SIZE(protos))];
    m.vlan = random_range(2) ? 0x2000 + random_range(4095) : 0;
    m.size = 8 + random_range(200);
    random_bytes(m.payload, m.size);
    m.seq = random_uint32();
    m.ack = random_uint32();
    m.tcp_flags = TPR_TCP_ACK;
    m.options = random_range(2) ? (w->ip6 ? 8 * random_range(3)
                                   : 4 * random_range(11)) : 0;
    m.padding = random_range(2) ? random_range(30) : 0;
    if (!random_range(4)) {
        m.frag = random_range(2) ? TPR_FRAG_FIRST : TPR_FRAG_LATER;
        m.split = 24;
    } else if (has_ports(m.proto)) {
        m.partial = !random_range(4);
    }
    m.no_csum = m.proto == 17 && !m.partial && !random_range(4);
    return m;
}

static void
set_end(struct made_end *end, uint8_t proto, const struct made_end *to)
{
    end->addr = to->addr;
    if (has_ports(proto)) {
        end->port = to->port;
    }
}

static void
assert_frame(const uint8_t *frame, size_t n, const struct made *expected)
{
    uint8_t want[MAKER_MAX];

    ck_assert_uint_eq(make_frame(expected, want), n);
    ck_assert_mem_eq(frame, want, n);
}

static void
forward(const struct world *w, const struct made *m,
        const struct made *expected)
{
    uint8_t frame[MAKER_MAX];
    size_t n = make_frame(m, frame);
    struct tpr_packet p;

    ck_assert_int_eq(tpr_parse(frame, n, &p), TPR_PARSED_OK);
    tpr_rewrite_forward(frame, &p, &w->b, htons(w->backend.port), m->partial);
    assert_frame(frame, n, expected);
}

static void
reverse(const struct world *w, const struct made *m,
        const struct made *expected)
{
    uint8_t frame[MAKER_MAX];
    size_t n = make_frame(m, frame);
    struct tpr_packet p;

    ck_assert_int_eq(tpr_parse(frame, n, &p), TPR_PARSED_OK);
    tpr_rewrite_reverse(frame, &p, &w->backend.addr, &w->vip.addr,
                        htons(w->vip.port), vip_mac, client_mac, m->partial);
    assert_frame(frame, n, expected);
}

static void
set_macs(struct made *m, const uint8_t src[6], const uint8_t dst[6])
{
    memcpy(m->eth_src, src, 6);
    memcpy(m->eth_dst, dst, 6);
}

static void
set_backend_macs(const struct world *w, struct made *m)
{
    set_macs(m, w->b.src_mac[0] ? router_mac : m->eth_src, backend_mac);
}

START_TEST(forward_equals_naive)
{
    random_set_seed(1);
    for (int i = 0; i < ROUNDS; i++) {
        struct world w = random_world();
        struct made m = random_packet(&w, &w.client, &w.vip);

        set_macs(&m, client_mac, vip_mac);

        struct made expected = m;
        set_backend_macs(&w, &expected);
        set_end(&expected.dst, m.proto, &w.backend);
        forward(&w, &m, &expected);
    }
}
END_TEST

START_TEST(reverse_equals_naive)
{
    random_set_seed(2);
    for (int i = 0; i < ROUNDS; i++) {
        struct world w = random_world();
        struct made m = random_packet(&w, &w.backend, &w.client);

        set_macs(&m, backend_mac, router_mac);

        struct made expected = m;
        set_macs(&expected, vip_mac, client_mac);
        set_end(&expected.src, m.proto, &w.vip);
        reverse(&w, &m, &expected);
    }
}
END_TEST

/* An ICMP error from 'src' to 'dst' about 'quoted', which is cut off. */
static struct made
random_error(const struct world *w, const struct made_end *src,
             const struct made_end *dst, const struct made *quoted)
{
    static const uint8_t types4[] = { 3, 11, 12 };
    struct made m = {
        .src = *src,
        .dst = *dst,
        .proto = w->ip6 ? 58 : 1,
        .type = w->ip6 ? 1 + random_range(4) : types4[random_range(3)],
        .quoted = quoted,
        .vlan = random_range(2) ? 7 : 0,
    };

    /* Half a checksum at the end of a quote says nothing and stays. */
    size_t more = random_range(100);
    more &= more < 20 ? ~1 : ~0;
    m.quoted_size = ((w->ip6 ? 40 : 20) + quoted->options
                     + (quoted->frag ? 8 : 0) + 8 + more);
    return m;
}

static struct made
random_quoted(const struct world *w, const struct made_end *src,
              const struct made_end *dst)
{
    struct made m = random_packet(w, src, dst);

    m.partial = false;
    if (m.frag == TPR_FRAG_LATER) {
        m.frag = TPR_FRAG_NONE;
    }
    return m;
}

START_TEST(forward_errors_equal_naive)
{
    random_set_seed(3);
    for (int i = 0; i < ROUNDS; i++) {
        struct world w = random_world();
        struct made_end router = random_end(w.ip6);
        struct made quoted = random_quoted(&w, &w.vip, &w.client);
        struct made m = random_error(&w, random_range(2) ? &w.client : &router,
                                     &w.vip, &quoted);

        set_macs(&m, client_mac, vip_mac);

        struct made expected = m, inside = quoted;
        expected.quoted = &inside;
        set_backend_macs(&w, &expected);
        expected.dst.addr = w.backend.addr;
        set_end(&inside.src, quoted.proto, &w.backend);
        forward(&w, &m, &expected);
    }
}
END_TEST

/* What the backend says comes from the VIP, what a router on the way says
 * keeps its source. */
START_TEST(reverse_errors_equal_naive)
{
    random_set_seed(4);
    for (int i = 0; i < ROUNDS; i++) {
        struct world w = random_world();
        struct made_end router = random_end(w.ip6);
        bool by_router = random_range(2);
        struct made quoted = random_quoted(&w, &w.client, &w.backend);
        struct made m = random_error(&w, by_router ? &router : &w.backend,
                                     &w.client, &quoted);

        set_macs(&m, backend_mac, router_mac);

        struct made expected = m, inside = quoted;
        expected.quoted = &inside;
        set_macs(&expected, vip_mac, client_mac);
        if (!by_router) {
            expected.src.addr = w.vip.addr;
        }
        set_end(&inside.dst, quoted.proto, &w.vip);
        reverse(&w, &m, &expected);
    }
}
END_TEST

/* A checksum of UDP that comes out as zero is sent as 0xffff. */
START_TEST(udp_zero_becomes_ffff)
{
    random_set_seed(5);
    for (int i = 0; i < 200; i++) {
        struct world w = random_world();
        struct made m = { .src = w.client, .dst = w.vip, .proto = 17,
                          .size = 8 };
        uint8_t frame[MAKER_MAX];
        size_t csum = 14 + (w.ip6 ? 40 : 20) + 6;

        set_macs(&m, client_mac, vip_mac);

        struct made expected = m;
        set_backend_macs(&w, &expected);
        set_end(&expected.dst, m.proto, &w.backend);
        make_frame(&expected, frame);
        memcpy(expected.payload, frame + csum, 2);
        memcpy(m.payload, frame + csum, 2);
        make_frame(&expected, frame);
        ck_assert_uint_eq(frame[csum] << 8 | frame[csum + 1], 0xffff);
        forward(&w, &m, &expected);
    }
}
END_TEST

/* Damage must reach the one who notices it. */
START_TEST(damage_stays)
{
    random_set_seed(6);
    for (int i = 0; i < 200; i++) {
        struct world w = random_world();
        struct made m = { .src = w.client, .dst = w.vip, .proto = 6,
                          .size = 100 };
        uint8_t frame[MAKER_MAX], want[MAKER_MAX];
        size_t n = make_frame(&m, frame);
        struct tpr_packet p;

        frame[n - 1] ^= 1 + random_range(255);
        ck_assert_int_eq(tpr_parse(frame, n, &p), TPR_PARSED_OK);
        tpr_rewrite_forward(frame, &p, &w.b, htons(w.backend.port), false);
        set_end(&m.dst, 6, &w.backend);
        make_frame(&m, want);
        ck_assert_mem_eq(frame + 14, want + 14, n - 1 - 14);
        ck_assert_uint_ne(frame[n - 1], want[n - 1]);
    }
}
END_TEST

/* VIP and backend are the same: nothing changes but the MACs. */
START_TEST(identity)
{
    random_set_seed(7);
    for (int i = 0; i < 200; i++) {
        struct world w = random_world();
        struct made m = random_packet(&w, &w.client, &w.backend);

        set_macs(&m, client_mac, vip_mac);

        struct made expected = m;
        set_backend_macs(&w, &expected);
        forward(&w, &m, &expected);
    }
}
END_TEST

UNIT_MAIN("redirect-rewrite", forward_equals_naive, reverse_equals_naive,
          forward_errors_equal_naive, reverse_errors_equal_naive,
          udp_zero_becomes_ffff, damage_stays, identity)
