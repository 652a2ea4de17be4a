/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the check of descriptions: each thing that is refused, with its
 * sentence, and what is covered. */

#include <config.h>
#include <arpa/inet.h>
#include <string.h>
#include "redirect-check.h"
#include "unit.h"

static struct tpr_redirect_backend b[TPR_MAX_REDIRECT_BACKENDS + 1];
static struct tpr_redirect r;

static struct tpr_addr
ip4(uint32_t ip)
{
    return tpr_addr_from_ip4(htonl(ip));
}

static struct tpr_addr
ip6(uint32_t first, uint32_t last)
{
    return (struct tpr_addr) { { htonl(first), 0, 0, htonl(last) } };
}

/* A good description, of TCP port 80 with 'n' backends. */
static void
good(int n)
{
    memset(b, 0, sizeof b);
    tpr_redirect_init(&r, 7);
    r.vip = ip4(0x0a000050);
    r.proto = TPR_PROTO_TCP;
    r.n_ports = 1;
    r.ports[0] = (struct tpr_port_range) { 80, 80 };
    r.backends = b;
    r.n_backends = n;
    for (int i = 0; i < n; i++) {
        b[i].addr = ip4(0x0a000101 + i);
        b[i].mac[0] = 2;
        b[i].output = 1;
        b[i].region = b[i].word = TPR_NO_WORD;
        b[i].weight = 100;
    }
}

static void
assert_ok(void)
{
    char *error = tpr_redirect_check(&r);

    ck_assert_ptr_null(error);
}

static void
assert_refused(const char *sentence)
{
    char *error = tpr_redirect_check(&r);

    ck_assert_pstr_eq(error, sentence);
    free(error);
    good(3);
}

START_TEST(good_ones)
{
    good(0);
    assert_ok();
    good(TPR_MAX_REDIRECT_BACKENDS);
    assert_ok();
    good(3);
    b[0].vlan = 4094;
    b[1].vlan = TPR_VLAN_KEEP;
    b[0].region = TPR_MAX_REGIONS - 1;
    b[0].word = TPR_MAX_BACKENDS - 1;
    b[0].weight = 0;
    b[1].addr = b[0].addr;
    b[1].l4_port = 8080;        /* Another port, another backend. */
    b[2].addr = r.vip;          /* Identity. */
    assert_ok();
    r.on_down = TPR_ON_DOWN_RESET;
    r.on_none = TPR_ON_NONE_RESET;
    r.policy = TPR_POLICY_MAGLEV;
    r.ports[0] = (struct tpr_port_range) { 1, 65535 };
    assert_ok();

    good(1);
    r.proto = TPR_PROTO_ANY;
    r.n_ports = 0;
    r.vip = ip6(0x20010db8, 1);
    b[0].addr = ip6(0x20010db8, 2);
    assert_ok();
}
END_TEST

START_TEST(stateless)
{
    good(2);
    r.stateless = true;
    r.policy = TPR_POLICY_MAGLEV;
    r.on_none = TPR_ON_NONE_RESET;
    assert_ok();
    r.on_down = TPR_ON_DOWN_RESELECT;
    r.policy = TPR_POLICY_FAILOVER;
    assert_ok();
    r.policy = TPR_POLICY_WEIGHTED;
    assert_refused("policy weighted needs connections: a stateless redirect "
                   "has failover or maglev");
    r.stateless = true;
    r.on_down = TPR_ON_DOWN_KEEP;
    assert_refused("on_down=keep needs connections: a stateless redirect "
                   "reselects");
    r.stateless = true;
    r.on_down = TPR_ON_DOWN_RESET;
    assert_refused("on_down=reset needs connections: a stateless redirect "
                   "reselects");
    r.stateless = true;
    r.affinity_ms = 1000;
    assert_refused("affinity needs connections: a stateless redirect has "
                   "none");
    r.affinity_ms = TPR_TIMEOUT_MAX_MS + 1;
    assert_refused("affinity must be at most 24 h");
    r.stateless = true;
    b[1].l4_port = 8080;
    assert_refused("backend 1: l4_port needs connections: a stateless "
                   "redirect changes no ports");
    r.stateless = true;
    b[0].max_connections = 1;
    assert_refused("backend 0: max_connections needs connections: a "
                   "stateless redirect has none");
    r.stateless = true;
    b[1].max_pps = 1;
    assert_refused("backend 1: max_pps needs connections: a stateless "
                   "redirect has none");
    r.stateless = 2;
    assert_refused("stateless 2 is neither true nor false");
}
END_TEST

START_TEST(services)
{
    static const struct {
        uint32_t vip;
        bool good;
    } vips[] = {
        { 0, false }, { 0xe0000001, false }, { UINT32_MAX, false },
        { 0x7f000001, true }, { 0xdfffffff, true },
    };

    good(3);
    r.id = 0;
    assert_refused("id must be between 1 and 4294967294");
    r.id = UINT32_MAX;
    assert_refused("id must be between 1 and 4294967294");
    for (size_t i = 0; i < ARRAY_SIZE(vips); i++) {
        r.vip = ip4(vips[i].vip);
        if (vips[i].good) {
            assert_ok();
        } else {
            assert_refused("vip must be a unicast address");
        }
    }
    r.vip = ip6(0, 0);
    assert_refused("vip must be a unicast address");
    r.vip = ip6(0xff020000, 1);
    assert_refused("vip must be a unicast address");
    r.proto = 1;
    assert_refused("protocol 1 is not tcp, udp, sctp or any");
    r.policy = TPR_POLICY_SPILLOVER + 1;
    assert_refused("this switch does not have policy 6");
    r.on_down = TPR_ON_DOWN_KEEP + 1;
    assert_refused("on_down 4 is unknown");
    r.on_none = TPR_ON_NONE_PASS + 1;
    assert_refused("on_none 3 is unknown");
    r.on_down = TPR_ON_DOWN_RESET;
    r.proto = TPR_PROTO_UDP;
    assert_refused("on_down=reset needs protocol tcp");
    r.n_ports = TPR_MAX_PORT_RANGES + 1;
    assert_refused("at most 32 ranges of ports");
    r.proto = TPR_PROTO_ANY;
    assert_refused("ports need protocol tcp, udp or sctp");
    r.ports[0].first = 0;
    assert_refused("0-80 is no range of ports");
    r.ports[0].first = 81;
    assert_refused("81-80 is no range of ports");
    r.timeouts[TPR_TIMEOUT_ANSWERED] = 0;
    assert_refused("timeout answered must be between 1 ms and 24 h");
    r.timeouts[TPR_TIMEOUT_SYN] = TPR_TIMEOUT_MAX_MS + 1;
    assert_refused("timeout syn must be between 1 ms and 24 h");
}
END_TEST

START_TEST(backends)
{
    good(3);
    r.n_backends = TPR_MAX_REDIRECT_BACKENDS + 1;
    assert_refused("at most 1024 backends");
    b[1].addr = ip4(0);
    assert_refused("backend 1: its address must be a unicast address");
    b[1].addr = ip6(0xff020000, 1);
    assert_refused("backend 1: its address must be a unicast address");
    b[2].addr = ip6(0x20010db8, 1);
    assert_refused("backend 2: its address and the vip must both be IPv4 or "
                   "both IPv6");
    b[0].mac[0] = 0;
    assert_refused("backend 0: mac must be a unicast Ethernet address");
    b[0].mac[0] = 1;
    assert_refused("backend 0: mac must be a unicast Ethernet address");
    b[0].src_mac[0] = 1;
    assert_refused("backend 0: src_mac must be a unicast Ethernet address");
    b[0].output = 0;
    assert_refused("backend 0: output must be a port");
    b[0].l4_port = 8080;
    r.proto = TPR_PROTO_SCTP;
    assert_refused("backend 0: l4_port needs protocol tcp or udp");
    b[0].l4_port = 8080;
    r.n_ports = 0;
    assert_refused("backend 0: l4_port needs a service with ports");
    b[0].vlan = 4095;
    assert_refused("backend 0: vlan 4095 is above 4094");
    b[0].region = TPR_MAX_REGIONS;
    assert_refused("backend 0: region 1024 is above 1023");
    b[0].word = TPR_MAX_BACKENDS;
    assert_refused("backend 0: word 65536 is above 65535");
    b[2].addr = b[0].addr;
    assert_refused("backends 0 and 2 are the same");
    b[0].l4_port = b[1].l4_port = 8080;
    b[0].addr = b[1].addr;
    assert_refused("backends 0 and 1 are the same");
}
END_TEST

START_TEST(coverage)
{
    struct tpr_addr vip, other = ip4(0x0a000051);

    good(1);
    vip = r.vip;
    r.n_ports = 2;
    r.ports[1] = (struct tpr_port_range) { 8000, 8010 };
    ck_assert(tpr_redirect_covers(&r, &vip, 6, htons(80)));
    ck_assert(tpr_redirect_covers(&r, &vip, 6, htons(8000)));
    ck_assert(tpr_redirect_covers(&r, &vip, 6, htons(8010)));
    ck_assert(!tpr_redirect_covers(&r, &vip, 6, htons(79)));
    ck_assert(!tpr_redirect_covers(&r, &vip, 6, htons(81)));
    ck_assert(!tpr_redirect_covers(&r, &vip, 6, htons(7999)));
    ck_assert(!tpr_redirect_covers(&r, &vip, 6, htons(8011)));
    ck_assert(!tpr_redirect_covers(&r, &vip, 17, htons(80)));
    ck_assert(!tpr_redirect_covers(&r, &other, 6, htons(80)));
    r.n_ports = 0;
    ck_assert(tpr_redirect_covers(&r, &vip, 6, 0));
    ck_assert(!tpr_redirect_covers(&r, &vip, 1, 0));
    r.proto = TPR_PROTO_ANY;
    ck_assert(tpr_redirect_covers(&r, &vip, 1, 0));
    ck_assert(!tpr_redirect_covers(&r, &other, 1, 0));
}
END_TEST

START_TEST(names)
{
    ck_assert_str_eq(tpr_policy_name(TPR_POLICY_ROUND_ROBIN), "round-robin");
    ck_assert_str_eq(tpr_policy_name(TPR_POLICY_SPILLOVER + 1), "?");
    ck_assert_str_eq(tpr_why_name(TPR_WHY_COLLISION), "reverse key in use");
    ck_assert_str_eq(tpr_why_name(TPR_WHY_RATE + 1), "?");
    ck_assert_str_eq(tpr_counter_name(TPR_COUNTER_ODD), "odd");
    ck_assert_str_eq(tpr_counter_name(TPR_N_COUNTERS), "?");
    ck_assert_str_eq(tpr_timeout_name(TPR_TIMEOUT_NEW), "new");
    ck_assert_str_eq(tpr_timeout_name(TPR_N_TIMEOUTS), "?");
}
END_TEST

UNIT_MAIN("redirect-check", good_ones, services, stateless, backends, coverage,
          names)
