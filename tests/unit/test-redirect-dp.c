/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of the packet's way through a datapath's redirect: every packet that
 * leaves must be, byte for byte, the one that is made from the rewritten
 * description. */

#include <config.h>
#include <string.h>
#include "dp-packet.h"
#include "openvswitch/dynamic-string.h"
#include "redirect-world.h"
#include "smap.h"
#include "unit.h"

enum { TCP = TPR_PROTO_TCP, UDP = TPR_PROTO_UDP };

static void
setup(void)
{
    world_open(NULL, false);
    world_redirect(TCP, TPR_POLICY_FAILOVER, 2);
    world_set(3);
}

static void
setup_udp(void)
{
    world_open(NULL, false);
    world_redirect(UDP, TPR_POLICY_FAILOVER, 2);
    world_set(3);
}

static void
both_ways(bool ip6)
{
    world_open(NULL, ip6);
    world_redirect(TCP, TPR_POLICY_FAILOVER, 2);
    world_set(3);
    establish(4000, 0);
    world_redirect(TCP, TPR_POLICY_FAILOVER, 2);
    w.b[0].l4_port = 8080;
    w.b[0].vlan = 30;
    world_set(3);                       /* Another backend, with that port. */
    establish(4001, 0);
    world_close();
}

START_TEST(tcp_both_ways_ip4)
{
    both_ways(false);
}
END_TEST

START_TEST(tcp_both_ways_ip6)
{
    both_ways(true);
}
END_TEST

START_TEST(tags_are_restored)
{
    static const struct {
        uint16_t client, configured, expected;
    } cases[] = {
        { 0, TPR_VLAN_KEEP, 0 },
        { 0x600a, TPR_VLAN_KEEP, 0x600a },
        { 0, TPR_VLAN_NONE, 0 },
        { 0x600a, TPR_VLAN_NONE, 0 },
        { 0, 30, 30 },
        { 0x600a, 30, 0x601e },         /* The priority stays. */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        setup_udp();
        w.b[0].vlan = cases[i].configured;
        world_set(3);

        struct made m = from_client(UDP, 4000, 0);

        m.vlan = cases[i].client;

        const struct passed there = forward(&m);
        struct made expected = at_backend(m, 0);

        expected.vlan = cases[i].expected;
        assert_sent(&there, &expected, BACKEND_PORT);

        struct made reply = from_backend(UDP, 0, 4000, 0);

        reply.vlan = cases[i].expected;

        const struct passed back = reverse(&reply);

        expected = at_client(reply);
        expected.vlan = cases[i].client;
        assert_sent(&back, &expected, CLIENT_PORT);
        world_close();
    }
}
END_TEST

/* Replies follow a client that moves. */
START_TEST(replies_follow_the_client)
{
    setup();
    establish(4000, 0);

    struct made m = from_client(TCP, 4000, TPR_TCP_ACK);
    const struct made reply = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    struct made expected = at_client(reply);
    struct passed p;

    m.eth_src[5] = 77;
    p = world_pass(TPR_MODE_FORWARD, 3, &m, 9);
    ck_assert_int_eq(p.verdict, TPR_SEND);
    p = reverse(&reply);
    expected.eth_dst[5] = 77;
    assert_sent(&p, &expected, 9);
    world_close();
}
END_TEST

START_TEST(direct_traffic_is_never_touched)
{
    setup();
    establish(4000, 0);

    /* Another port, another backend's, another protocol. */
    struct made m = from_backend(TCP, 0, 4001, TPR_TCP_ACK);

    assert_passes(TPR_MODE_REVERSE, &m);
    m = from_backend(TCP, 1, 4000, TPR_TCP_ACK);
    assert_passes(TPR_MODE_REVERSE, &m);
    m = from_backend(UDP, 0, 4000, 0);
    assert_passes(TPR_MODE_REVERSE, &m);
    m = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    m.src.port = VIP_L4 + 1;
    assert_passes(TPR_MODE_REVERSE, &m);
    world_close();
}
END_TEST

START_TEST(what_is_not_covered_passes)
{
    setup();

    struct made m = from_client(UDP, 4000, 0);

    assert_passes(TPR_MODE_FORWARD, &m);
    m = from_client(TCP, 4000, TPR_TCP_SYN);
    m.dst.port = VIP_L4 + 10;
    assert_passes(TPR_MODE_FORWARD, &m);
    m.dst.port = VIP_L4;
    m.dst.addr = w.client;
    assert_passes(TPR_MODE_FORWARD, &m);
    ck_assert_uint_eq(tpr_dp_counter(w.dp, TPR_COUNTER_NOT_OURS), 3);

    m = from_client(TCP, 4000, TPR_TCP_SYN);

    const struct passed p = world_pass(TPR_MODE_FORWARD, 4, &m, CLIENT_PORT);

    ck_assert_int_eq(p.verdict, TPR_PASS);      /* No such redirect. */
    m = from_client(TCP, 4000, TPR_TCP_RST);
    assert_passes(TPR_MODE_FORWARD, &m);        /* Opens nothing. */
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
    world_close();
}
END_TEST

START_TEST(odd_ones_pass)
{
    setup();

    struct made m = from_client(TCP, 4000, TPR_TCP_SYN);

    m.proto = TPR_IP_ICMP;
    m.type = 3;                         /* Quotes nothing. */
    assert_passes(TPR_MODE_FORWARD, &m);
    ck_assert_uint_eq(tpr_dp_counter(w.dp, TPR_COUNTER_ODD), 1);
    world_close();
}
END_TEST

/* The VIP may be a backend's own address: nothing to rewrite, all to track. */
START_TEST(identity_is_tracked)
{
    world_open(NULL, false);
    w.vip = w.backend[0];
    world_redirect(TCP, TPR_POLICY_FAILOVER, 2);
    world_set(3);
    establish(4000, 0);
    ck_assert_uint_eq(world_connections(3, 0), 1);
    world_close();
}
END_TEST

START_TEST(udp_and_others)
{
    world_open(NULL, false);
    world_redirect(TPR_PROTO_ANY, TPR_POLICY_FAILOVER, 2);
    world_set(3);

    static const uint8_t protos[] = { UDP, TPR_PROTO_SCTP, 47 };

    for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
        struct made m = from_client(protos[i], 4000, 0);
        struct made r = from_backend(protos[i], 0, 4000, 0);

        m.size = r.size = 100;
        assert_goes_to(&m, 0);
        assert_comes_back(&r);
    }
    ck_assert_uint_eq(tpr_dp_connections(w.dp), ARRAY_SIZE(protos));
    world_close();
}
END_TEST

START_TEST(scopes_are_apart)
{
    setup();
    establish(4000, 0);

    struct made m = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    const struct tpr_redirect r = w.r;

    /* The same VIP in another bridge. */
    ck_assert_ptr_null(tpr_dp_set(w.dp, 4, SCOPE + 1, &r));
    assert_comes_back(&m);

    /* A bridge's flow that has its number. */
    const struct made syn = from_client(TCP, 4001, TPR_TCP_SYN);

    ck_assert_int_eq(world_pass(TPR_MODE_FORWARD, 4, &syn,
                                CLIENT_PORT).verdict, TPR_PASS);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 1);
    ck_assert_int_eq(tpr_dp_del(w.dp, 4), 0);
    assert_comes_back(&m);
    world_close();
}
END_TEST

/* ## Fragments. ## */

static struct made
part(struct made m, enum tpr_frag frag)
{
    m.size = 200;
    m.frag = frag;
    m.split = 64;
    return m;
}

/* In 'mode', the first fragment is placed and the later one follows. */
static void
fragments_follow(enum tpr_mode mode)
{
    setup_udp();

    const struct made datagram = from_client(UDP, 4000, 0);
    const struct made answer = from_backend(UDP, 0, 4000, 0);
    const enum tpr_frag parts[] = { TPR_FRAG_FIRST, TPR_FRAG_LATER };
    struct made later = part(datagram, TPR_FRAG_LATER);
    struct passed p = world_pass(mode, 3, &later, CLIENT_PORT);

    ck_assert_int_eq(p.verdict, TPR_DROP);
    ck_assert_uint_eq(tpr_dp_counter(w.dp, TPR_COUNTER_FRAG_LOST), 1);
    for (int i = 0; i < 2; i++) {
        const struct made m = part(datagram, parts[i]);
        const struct made expected = part(at_backend(datagram, 0), parts[i]);

        p = world_pass(mode, 3, &m, CLIENT_PORT);
        assert_sent(&p, &expected, BACKEND_PORT);
    }
    later = part(answer, TPR_FRAG_LATER);
    assert_passes(TPR_MODE_REVERSE, &later);    /* Its first did not come. */
    for (int i = 0; i < 2; i++) {
        const struct made m = part(answer, parts[i]);
        const struct made expected = part(at_client(answer), parts[i]);

        p = reverse(&m);
        assert_sent(&p, &expected, CLIENT_PORT);
    }
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 1);
    world_close();
}

START_TEST(fragments_follow_forward)
{
    fragments_follow(TPR_MODE_FORWARD);
}
END_TEST

START_TEST(fragments_follow_any)
{
    fragments_follow(TPR_MODE_ANY);
}
END_TEST

/* "any" places nothing else, and leaves alone what is no VIP's. */
START_TEST(any_places_first_fragments_only)
{
    setup_udp();

    struct made m = from_client(UDP, 4000, 0);

    assert_passes(TPR_MODE_ANY, &m);
    m.dst.addr = w.client;
    m = part(m, TPR_FRAG_FIRST);
    assert_passes(TPR_MODE_ANY, &m);
    m = part(m, TPR_FRAG_LATER);
    assert_passes(TPR_MODE_ANY, &m);
    ck_assert_uint_eq(tpr_dp_connections(w.dp), 0);
    ck_assert_uint_eq(tpr_dp_counter(w.dp, TPR_COUNTER_FRAG_LOST), 0);
    world_close();
}
END_TEST

/* ## ICMP errors. ## */

static struct made
icmp_error(const struct made *quoted, const struct tpr_addr *src)
{
    struct made m = {
        .src = { *src, 0 },
        .dst = { quoted->src.addr, 0 },
        .proto = TPR_IP_ICMP,
        .type = 3,
        .quoted = quoted,
        .quoted_size = 28,
    };

    memcpy(m.eth_src, quoted->eth_dst, 6);
    memcpy(m.eth_dst, quoted->eth_src, 6);
    return m;
}

/* A router before the client complains about a reply; "any" sees it. */
START_TEST(icmp_errors_to_the_backend)
{
    const struct tpr_addr router = make_addr("10.9.9.9");

    setup();
    establish(4000, 0);

    const struct made reply = from_backend(TCP, 0, 4000, TPR_TCP_ACK);
    struct made seen = at_client(reply);
    const struct made error = icmp_error(&seen, &router);
    struct made expected = icmp_error(&reply, &router);
    const struct passed p = world_pass(TPR_MODE_ANY, 0, &error, CLIENT_PORT);

    memcpy(expected.eth_src, client_mac, 6);
    assert_sent(&p, &expected, BACKEND_PORT);
    ck_assert_uint_eq(tpr_dp_counter(w.dp, TPR_COUNTER_ICMP_TRANSLATED), 1);

    seen.dst.port = 4001;               /* No connection of ours. */

    const struct made other = icmp_error(&seen, &router);

    assert_passes(TPR_MODE_ANY, &other);
    world_close();
}
END_TEST

/* The backend itself, or a router before it, complains to the client. */
static void
icmp_errors_to_the_client(const struct tpr_addr *by,
                          const struct tpr_addr *shown_as)
{
    establish(4000, 0);

    const struct made packet = from_client(TCP, 4000, TPR_TCP_ACK);
    const struct made seen = at_backend(packet, 0);
    struct made error = icmp_error(&seen, by);
    struct made expected = icmp_error(&packet, shown_as);
    const struct passed p = reverse(&error);

    assert_sent(&p, &expected, CLIENT_PORT);
    world_close();
}

START_TEST(icmp_errors_of_the_backend)
{
    setup();
    icmp_errors_to_the_client(&w.backend[0], &w.vip);
}
END_TEST

START_TEST(icmp_errors_of_a_router)
{
    const struct tpr_addr router = make_addr("10.1.9.9");

    setup();
    icmp_errors_to_the_client(&router, &router);
}
END_TEST

/* ## What people see. ## */

START_TEST(counts_packets_and_bytes)
{
    struct tpr_redirect_stats stats;

    setup();
    establish(4000, 0);
    ck_assert_int_eq(tpr_dp_get_stats(w.dp, 3, &stats), 0);
    ck_assert_uint_eq(stats.id, 7);
    ck_assert_uint_eq(stats.n_backends, 2);
    ck_assert_uint_eq(stats.backends[0].packets, 2);
    ck_assert_uint_eq(stats.backends[0].bytes, 2 * 54);
    ck_assert_uint_eq(stats.backends[0].rev_packets, 1);
    ck_assert_uint_eq(stats.backends[0].rev_bytes, 54);
    ck_assert_uint_eq(stats.backends[0].connections, 1);
    ck_assert_uint_eq(stats.backends[0].total_connections, 1);
    ck_assert_uint_eq(stats.backends[0].why, TPR_WHY_OK);
    ck_assert_uint_eq(stats.backends[1].packets, 0);
    free(stats.backends);
    ck_assert_int_ne(tpr_dp_get_stats(w.dp, 4, &stats), 0);
    world_close();
}
END_TEST

START_TEST(shows_connections)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    setup();
    establish(4000, 0);
    tpr_dp_format_connections(w.dp, 3, &ds);
    ck_assert_ptr_nonnull(strstr(ds_cstr(&ds), "10.9.0.1:4000 -> "
                                 "10.0.0.100:80 -> 10.1.0.1:80 in_port 1"));
    ds_clear(&ds);
    tpr_dp_format_connections(w.dp, 4, &ds);
    ck_assert_str_eq(ds_cstr(&ds), "");
    tpr_dp_format_connections(w.dp, UINT32_MAX, &ds);
    ck_assert_str_ne(ds_cstr(&ds), "");
    ds_clear(&ds);
    tpr_dp_format(w.dp, &ds);
    ck_assert_ptr_nonnull(strstr(ds_cstr(&ds), "connections: 1 of 256, "));
    ck_assert_ptr_nonnull(strstr(ds_cstr(&ds), "backend 1: 10.1.0.2"));
    ds_destroy(&ds);
    world_close();
}
END_TEST

/* Appends the connection 'view', with times in seconds, to 'ds'. */
static void
note_state(void *ds, const struct tpr_conn_view *view)
{
    ds_put_format(ds, "%d>%d %s idle %d left %d; ", view->client_port,
                  view->backend_port, view->state, (int) view->idle_ms / 1000,
                  (int) view->expires_ms / 1000);
}

static void
expect_states(const char *want)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    tpr_dp_each_connection(w.dp, 3, note_state, &ds);
    ck_assert_str_eq(ds_cstr(&ds), want);
    ds_destroy(&ds);
}

START_TEST(shows_states)
{
    struct made syn;

    setup();
    syn = from_client(TCP, 4000, TPR_TCP_SYN);
    ck_assert_int_eq(forward(&syn).verdict, TPR_SEND);
    expect_states("4000>80 half open idle 0 left 5; ");
    establish(4000, 0);
    expect_states("4000>80 established idle 0 left 7200; ");
    w.now_ms += 10 * 1000;
    tpr_dp_run(w.dp, w.now_ms);
    expect_states("4000>80 established idle 10 left 7190; ");
    world_word(0, TPR_LIVENESS_DOWN);
    world_deaths();
    expect_states("4000>80 reset idle 0 left 30; ");
    world_close();
}
END_TEST

START_TEST(limit_of_redirects)
{
    char *error;

    world_open(NULL, false);
    world_redirect(TCP, TPR_POLICY_FAILOVER, 1);
    for (uint32_t i = 1; i <= TPR_MAX_SERVICES; i++) {
        w.r.id = i;
        w.r.vip = make_addr("10.0.0.100");
        ck_assert_ptr_null(tpr_dp_set(w.dp, i, SCOPE, &w.r));
    }
    error = tpr_dp_set(w.dp, TPR_MAX_SERVICES + 1, SCOPE, &w.r);
    ck_assert_ptr_nonnull(error);
    ck_assert_str_eq(error, "the datapath has 16384 redirects, the limit");
    free(error);

    /* One may be changed, or take the place of another. */
    ck_assert_ptr_null(tpr_dp_set(w.dp, 7, SCOPE, &w.r));
    ck_assert_int_eq(tpr_dp_del(w.dp, 7), 0);
    ck_assert_ptr_null(tpr_dp_set(w.dp, TPR_MAX_SERVICES + 1, SCOPE, &w.r));
    world_close();
}
END_TEST

START_TEST(limit_of_backends)
{
    struct tpr_redirect_backend *b
        = xcalloc(TPR_MAX_REDIRECT_BACKENDS, sizeof *b);
    uint32_t n = TPR_MAX_BACKENDS / TPR_MAX_REDIRECT_BACKENDS;
    char *error;

    world_open(NULL, false);
    world_redirect(TCP, TPR_POLICY_FAILOVER, 1);
    for (int i = 0; i < TPR_MAX_REDIRECT_BACKENDS; i++) {
        char addr[20];

        b[i] = w.b[0];
        snprintf(addr, sizeof addr, "10.2.%d.%d", i / 256, i % 256);
        b[i].addr = make_addr(addr);
    }
    w.r.backends = b;
    w.r.n_backends = TPR_MAX_REDIRECT_BACKENDS;
    for (uint32_t i = 1; i <= n; i++) {
        ck_assert_ptr_null(tpr_dp_set(w.dp, i, SCOPE, &w.r));
    }
    w.r.n_backends = 1;
    error = tpr_dp_set(w.dp, n + 1, SCOPE, &w.r);
    ck_assert_ptr_nonnull(error);
    ck_assert_str_eq(error, "with 1 more backends the datapath would have "
                     "65537, the limit is 65536");
    free(error);
    ck_assert_ptr_null(tpr_dp_set(w.dp, 1, SCOPE, &w.r));
    ck_assert_ptr_null(tpr_dp_set(w.dp, n + 1, SCOPE, &w.r));
    world_close();
    free(b);
}
END_TEST

START_TEST(options_are_numbers)
{
    static const struct {
        const char *value;
        uint32_t want;
    } cases[] = {
        { "4096", 4096 }, { "0x1000", 4096 }, { "0", 0 }, { "67108864",
        67108864 }, { "67108865", 0 }, { "-5", 0 }, { " 5", 0 }, { "5k", 0 },
        { "", 0 }, { "99999999999999999999", 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct smap config = SMAP_INITIALIZER(&config);
        struct tpr_dp_options o = { .connections = 1 };

        smap_add(&config, "tpr-connections", cases[i].value);
        tpr_dp_configure(&o, &config);
        ck_assert_msg(o.connections == cases[i].want, "%s: %u",
                      cases[i].value, o.connections);
        smap_destroy(&config);
    }
}
END_TEST

UNIT_MAIN("redirect-dp",
          tcp_both_ways_ip4,
          tcp_both_ways_ip6,
          tags_are_restored,
          replies_follow_the_client,
          direct_traffic_is_never_touched,
          what_is_not_covered_passes,
          odd_ones_pass,
          identity_is_tracked,
          udp_and_others,
          scopes_are_apart,
          fragments_follow_forward,
          fragments_follow_any,
          any_places_first_fragments_only,
          icmp_errors_to_the_backend,
          icmp_errors_of_the_backend,
          icmp_errors_of_a_router,
          counts_packets_and_bytes,
          shows_connections,
          shows_states,
          limit_of_redirects,
          limit_of_backends,
          options_are_numbers)
