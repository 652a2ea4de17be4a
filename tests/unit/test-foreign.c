/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of foreign.c: which flow of somebody else's comes before a
 * service's. */

#include <config.h>
#include "foreign.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "openvswitch/ofp-flow.h"
#include "packets.h"
#include "unit.h"

enum { BASE = 40000 };

static struct in6_addr
addr(const char *s)
{
    struct in6_addr a;
    ovs_be32 ip;

    if (ip_parse(s, &ip)) {
        in6_addr_set_mapped_ipv4(&a, ip);
    } else {
        ck_assert(ipv6_parse(s, &a));
    }
    return a;
}

/* "eth2" has number 2. */
static uint32_t
port(void *aux OVS_UNUSED, const char *name)
{
    return name[3] - '0';
}

/* Service 'name' on 'vip':'first'-'last'/tcp with a backend 'backend' behind
 * eth2. */
static void
set_service(struct foreign *f, const char *name, const char *vip,
            uint16_t first, uint16_t last, const char *backend)
{
    static char eth2[] = "eth2";
    struct dp_target t = { .port = eth2, .addr = addr(backend) };
    struct dp_service s = {
        .name = name,
        .vip = {
            .addr = addr(vip), .proto = TPR_PROTO_TCP, .n_ports = 1,
            .ports = { { first, last } },
        },
        .targets = &t, .n_targets = 1,
    };

    foreign_set_service(f, &s, port, NULL);
}

/* Parses 'flow' as ovs-ofctl does. */
static uint16_t
parse(const char *flow, struct match *m)
{
    enum ofputil_protocol usable;
    struct ofputil_flow_mod fm;
    char *error = parse_ofp_flow_mod_str(&fm, flow, NULL, NULL, OFPFC_ADD,
                                         &usable);

    ck_assert_pstr_eq(error, NULL);
    minimatch_expand(&fm.match, m);
    minimatch_destroy(&fm.match);
    free(CONST_CAST(struct ofpact *, fm.ofpacts));
    return fm.priority;
}

static void
put(struct foreign *f, const char *flow)
{
    struct match m;
    uint16_t priority = parse(flow, &m);

    foreign_put(f, priority, &m);
}

static void
del(struct foreign *f, const char *flow)
{
    struct match m;
    uint16_t priority = parse(flow, &m);

    foreign_del(f, priority, &m);
}

static void
expect(const struct foreign *f, const char *service, const char *want)
{
    char *found = foreign_find(f, service);

    ck_assert_pstr_eq(found, want);
    free(found);
}

static void
begin(struct foreign *f)
{
    foreign_init(f, BASE);
    set_service(f, "web", "10.0.0.50", 80, 80, "10.0.0.60");
    foreign_begin(f);
}

/* Flow 'flow' stands before service web, or, 'first' false, it does not. */
static void
check(const char *flow, bool first)
{
    struct foreign f;
    char *found;

    begin(&f);
    put(&f, flow);
    foreign_end(&f);
    found = foreign_find(&f, "web");
    ck_assert_msg(!found == !first, "%s: %s", flow, found ? found : "none");
    free(found);
    del(&f, flow);
    expect(&f, "web", NULL);
    foreign_destroy(&f);
}

START_TEST(which_flows_count)
{
    check("priority=65000,tcp,nw_dst=10.0.0.50,tp_dst=80,actions=drop", true);
    check("priority=65000,tcp,nw_src=10.9.0.0/16,actions=drop", true);
    check("priority=65000,in_port=1,actions=drop", true);
    check("priority=65000,actions=NORMAL", true);
    check("priority=40000,dl_src=02:00:00:00:00:01,actions=drop", true);
    check("priority=65000,tcp,tcp_flags=+syn,actions=drop", true);
    check("priority=65000,ip,nw_frag=yes,actions=drop", true);
    /* Replies. */
    check("priority=65000,in_port=2,tcp,nw_src=10.0.0.60,actions=drop", true);
    check("priority=65000,in_port=2,ip,actions=drop", true);
    check("priority=65000,ip,nw_dst=10.0.0.9,actions=drop", true);
    /* Errors about replies. */
    check("priority=65000,icmp,icmp_type=3,actions=drop", true);

    check("priority=39999,tcp,nw_dst=10.0.0.50,tp_dst=80,actions=drop", false);
    check("priority=65000,tcp,nw_dst=10.0.0.50,tp_dst=22,actions=drop", false);
    check("priority=65000,tcp,nw_dst=10.0.0.50,tp_dst=8081,actions=drop",
          false);
    check("priority=65000,tcp,tp_dst=22,actions=drop", false);
    check("priority=65000,udp,actions=drop", false);
    check("priority=65000,tcp6,actions=drop", false);
    check("priority=65000,arp,actions=NORMAL", false);
    check("priority=65000,dl_dst=01:80:c2:00:00:0e,dl_type=0x88cc,"
          "actions=drop", false);
    check("priority=65000,icmp,icmp_type=8,actions=drop", false);
    check("priority=65000,in_port=3,tcp,nw_src=10.0.0.60,nw_dst=10.0.0.9,"
          "actions=drop", false);
    check("priority=65000,in_port=2,tcp,tp_dst=22,nw_dst=10.0.0.60,"
          "nw_src=10.0.0.7,actions=drop", false);
}
END_TEST

START_TEST(services_are_told_apart)
{
    struct foreign f;

    begin(&f);
    set_service(&f, "six", "2001:db8::50", 80, 80, "2001:db8::60");
    set_service(&f, "many", "10.0.0.50", 800, 810, "10.0.0.60");
    put(&f, "priority=65000,tcp6,tp_dst=80,actions=drop");
    put(&f, "priority=65000,tcp,tp_dst=810,actions=drop");
    foreign_end(&f);
    expect(&f, "web", NULL);
    expect(&f, "six", "priority=65000,tcp6,tp_dst=80");
    expect(&f, "many", "priority=65000,tcp,tp_dst=810");
    expect(&f, "none", NULL);

    /* The service changes. */
    set_service(&f, "many", "10.0.0.50", 800, 809, "10.0.0.60");
    expect(&f, "many", NULL);
    foreign_del_service(&f, "six");
    expect(&f, "six", NULL);
    foreign_destroy(&f);
}
END_TEST

START_TEST(another_may_stand_behind)
{
    unsigned int seqno;
    struct foreign f;

    begin(&f);
    put(&f, "priority=65000,tcp,tp_dst=80,actions=drop");
    put(&f, "priority=65001,tcp,actions=drop");
    foreign_end(&f);
    del(&f, "priority=65000,tcp,tp_dst=80,actions=drop");
    expect(&f, "web", "priority=65001,tcp");
    seqno = f.seqno;
    /* That one was not there. */
    del(&f, "priority=65002,tcp,actions=drop");
    ck_assert_int_eq(f.seqno, seqno);
    del(&f, "priority=65001,tcp,actions=drop");
    ck_assert_int_ne(f.seqno, seqno);
    expect(&f, "web", NULL);
    foreign_destroy(&f);
}
END_TEST

START_TEST(a_dump_replaces_what_was_known)
{
    struct foreign f;

    begin(&f);
    ck_assert(!f.known);
    put(&f, "priority=65000,tcp,actions=drop");
    put(&f, "priority=65000,udp,actions=drop");
    foreign_end(&f);
    ck_assert(f.known);

    foreign_begin(&f);
    expect(&f, "web", "priority=65000,tcp");
    put(&f, "priority=65000,udp,actions=drop");
    expect(&f, "web", "priority=65000,tcp");
    foreign_end(&f);
    expect(&f, "web", NULL);

    foreign_set_priority(&f, 50000);
    ck_assert(!f.known);
    foreign_begin(&f);
    put(&f, "priority=49999,tcp,actions=drop");
    foreign_end(&f);
    expect(&f, "web", NULL);
    foreign_destroy(&f);
}
END_TEST

/* Service 'i' of many: "s.." on 10.1.x.y:80/tcp, its backend is 10.2.x.y. */
static void
set_numbered(struct foreign *f, unsigned int i)
{
    char name[16], vip[32], backend[32];

    snprintf(name, sizeof name, "s%u", i);
    snprintf(vip, sizeof vip, "10.1.%u.%u", i >> 8, i & 255);
    snprintf(backend, sizeof backend, "10.2.%u.%u", i >> 8, i & 255);
    set_service(f, name, vip, 80, 80, backend);
}

static unsigned int
count_changed(struct foreign *f)
{
    unsigned int n = 0;

    while (foreign_next_changed(f)) {
        n++;
    }
    return n;
}

/* What an access list of 'n_flows' costs 'n_services', in steps a flow: half
 * of it is about services, the rest about others. */
static uint64_t
cost(unsigned int n_services, unsigned int n_flows)
{
    uint64_t before;
    struct foreign f;

    foreign_init(&f, BASE);
    foreign_begin(&f);
    foreign_end(&f);
    for (unsigned int i = 0; i < n_services; i++) {
        set_numbered(&f, i);
    }
    /* Kinds of flows are learned once. */
    put(&f, "priority=65000,tcp,nw_dst=10.9.0.1,tp_dst=80,actions=drop");
    put(&f, "priority=65000,udp,nw_dst=10.9.0.1,tp_dst=53,actions=drop");
    ck_assert_int_eq(count_changed(&f), n_services);
    before = f.overlap.n_steps;
    for (unsigned int i = 0; i < n_flows; i++) {
        unsigned int of = i * (n_services / n_flows);
        char flow[128];

        snprintf(flow, sizeof flow, "priority=65000,tcp,nw_dst=10.1.%u.%u,"
                 "tp_dst=%d,actions=drop", of >> 8, of & 255,
                 i % 2 ? 80 : 22);
        put(&f, flow);
    }
    ck_assert_int_eq(count_changed(&f), n_flows / 2);
    for (unsigned int i = 0; i < n_flows; i++) {
        unsigned int of = i * (n_services / n_flows);
        char flow[128];

        snprintf(flow, sizeof flow, "priority=65000,tcp,nw_dst=10.1.%u.%u,"
                 "tp_dst=%d,actions=drop", of >> 8, of & 255,
                 i % 2 ? 80 : 22);
        del(&f, flow);
    }
    ck_assert_int_eq(count_changed(&f), n_flows / 2);
    before = (f.overlap.n_steps - before) / n_flows;
    foreign_destroy(&f);
    return before;
}

/* A flow costs by what it stands before, not by how much there is. */
START_TEST(many_cost_no_more)
{
    uint64_t few = cost(512, 64), many = cost(16384, 1000);

    ck_assert_msg(many <= few + few / 4 && many < 500,
                  "%"PRIu64" steps a flow, %"PRIu64" with many", few, many);
}
END_TEST

/* Those behind one flow are not looked at for others. */
START_TEST(blocked_services_cost_nothing)
{
    uint64_t before, all;
    struct foreign f;

    foreign_init(&f, BASE);
    foreign_begin(&f);
    foreign_end(&f);
    for (unsigned int i = 0; i < 1000; i++) {
        set_numbered(&f, i);
    }
    count_changed(&f);
    before = f.overlap.n_steps;
    put(&f, "priority=65000,tcp,actions=drop");
    ck_assert_int_eq(count_changed(&f), 1000);
    all = f.overlap.n_steps - before;
    before = f.overlap.n_steps;
    put(&f, "priority=65001,tcp,tp_dst=80,actions=drop");
    put(&f, "priority=65002,actions=drop");
    ck_assert_int_eq(count_changed(&f), 0);
    ck_assert_uint_lt(f.overlap.n_steps - before, all / 100);
    /* They find another one. */
    del(&f, "priority=65000,tcp,actions=drop");
    ck_assert_int_eq(count_changed(&f), 1000);
    del(&f, "priority=65002,actions=drop");
    expect(&f, "s7", "priority=65001,tcp,tp_dst=80");
    foreign_destroy(&f);
}
END_TEST

/* Does 'flow' come before service 'i', with nothing else there? */
static bool
stands_before(const char *flow, unsigned int i)
{
    char name[16], *found;
    struct foreign f;

    foreign_init(&f, BASE);
    set_numbered(&f, i);
    put(&f, flow);
    snprintf(name, sizeof name, "s%u", i);
    found = foreign_find(&f, name);
    foreign_destroy(&f);
    free(found);
    return found != NULL;
}

/* Against a naive twin: flows that come and go in no order. */
START_TEST(as_comparing_all_does)
{
    static const char *const matches[] = {
        "", "ip,", "tcp,", "udp,", "tcp,tp_dst=80,", "tcp,tp_dst=0x50/0xfff0,",
        "tcp,nw_dst=10.1.0.0/31,", "tcp,nw_dst=10.1.0.1,tp_dst=80,",
        "tcp,nw_src=10.2.0.0/30,", "in_port=2,", "in_port=2,ip,",
        "in_port=3,", "ip,nw_dst=10.1.0.2,", "ip,nw_dst=10.1.0.3,",
        "icmp,icmp_type=3,", "icmp,nw_dst=10.1.0.2,", "tcp,tp_src=80,",
        "tcp,nw_src=10.2.0.1,tp_src=80,", "ip,nw_proto=6,nw_dst=10.0.0.0/8,",
    };
    enum { N = ARRAY_SIZE(matches), SERVICES = 4 };
    bool present[N] = { false }, first[N][SERVICES];
    struct foreign f;
    unsigned int x = 1;
    char flow[128];

    foreign_init(&f, BASE);
    foreign_begin(&f);
    foreign_end(&f);
    for (unsigned int s = 0; s < SERVICES; s++) {
        set_numbered(&f, s);
        for (unsigned int i = 0; i < N; i++) {
            snprintf(flow, sizeof flow, "priority=65000,%sactions=drop",
                     matches[i]);
            first[i][s] = stands_before(flow, s);
        }
    }
    for (unsigned int round = 0; round < 500; round++) {
        unsigned int i = (x = x * 1103515245 + 12345) / 65536 % N;

        snprintf(flow, sizeof flow, "priority=65000,%sactions=drop",
                 matches[i]);
        (present[i] ? del : put)(&f, flow);
        present[i] = !present[i];
        for (unsigned int s = 0; s < SERVICES; s++) {
            bool want = false;
            char name[16], *found;

            snprintf(name, sizeof name, "s%u", s);
            if (round % 7 == s) {
                foreign_del_service(&f, name);
                set_numbered(&f, s);
            }
            for (unsigned int k = 0; k < N; k++) {
                want |= present[k] && first[k][s];
            }
            found = foreign_find(&f, name);
            ck_assert_int_eq(found != NULL, want);
            free(found);
        }
    }
    foreign_destroy(&f);
}
END_TEST

UNIT_MAIN("foreign", which_flows_count, services_are_told_apart,
          another_may_stand_behind, a_dump_replaces_what_was_known,
          many_cost_no_more, blocked_services_cost_nothing,
          as_comparing_all_does)
