/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of flow-make.c, flow-answer.c and flow-table.c: which flows a service
 * or a path becomes, as ovs-ofctl prints them, and what of them must be sent. */

#include <config.h>
#include <string.h>
#include "byte-order.h"
#include "flow-make.h"
#include "flow-table.h"
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "packets.h"
#include "unit.h"

static const struct eth_addr VIP_MAC = ETH_ADDR_C(02,00,00,00,00,50);
static const struct eth_addr B_MAC = ETH_ADDR_C(02,00,00,00,00,60);

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

/* A service on 10.0.0.50:80/tcp, served by 10.0.0.60 behind port 2. */
struct fixture {
    struct in6_addr local;
    struct dp_target target;
    struct dp_service service;
    struct flow_context ctx;
    ofp_port_t port;
};

static void
fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->local = addr("10.0.0.1");
    f->port = 2;
    f->target.addr = addr("10.0.0.60");
    f->target.mac = B_MAC;
    f->service.name = "web";
    f->service.vip.addr = addr("10.0.0.50");
    f->service.vip.proto = TPR_PROTO_TCP;
    f->service.vip.n_ports = 1;
    f->service.vip.ports[0] = (struct tpr_port_range) { 80, 80 };
    f->service.vip_mac = VIP_MAC;
    f->service.active = &f->target;
    f->ctx.client_table = 250;
    f->ctx.priority = 1000;
}

static void
append(void *s_, const struct flow_desc *d)
{
    struct ds *s = s_;
    struct ofpact_format_params fp = { .s = s };

    ds_put_format(s, "%d ", d->table);
    match_format(&d->match, NULL, s, d->priority);
    ds_put_cstr(s, " actions=");
    ofpacts_format(d->actions.data, d->actions.size, &fp);
    ds_put_char(s, '\n');
}

/* Compares the service's flows with 'expected', in the order of making. */
static void
check_service(const struct fixture *f, const char *expected)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    flow_make_service(&f->ctx, &f->service, f->port, append, &s);
    ck_assert_str_eq(ds_cstr(&s), expected);
    ds_destroy(&s);
}

#define LEARN4                                                              \
    "learn(table=250,idle_timeout=300,priority=100,"                        \
    "cookie=0x74707220802c6c77,eth_type=0x800,"                             \
    "NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],"    \
    "load:NXM_OF_VLAN_TCI[]->NXM_OF_VLAN_TCI[],output:NXM_OF_IN_PORT[])"
#define DIRECT4(L4)                                                         \
    "learn(table=0,idle_timeout=60,fin_idle_timeout=5,priority=1004,"       \
    "cookie=0x7470722081029e68,limit=65536,eth_type=0x800,nw_proto=6,"      \
    "NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],NXM_OF_IP_DST[]=NXM_OF_IP_SRC[],"      \
    "NXM_OF_"L4"_SRC[]=NXM_OF_"L4"_DST[],"                                  \
    "NXM_OF_"L4"_DST[]=NXM_OF_"L4"_SRC[],"                                  \
    "load:NXM_OF_VLAN_TCI[]->NXM_OF_VLAN_TCI[],output:NXM_OF_IN_PORT[])"
#define SAVE "move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG0[0..47]," \
             "set_field:02:00:00:00:00:50->eth_src,"

START_TEST(redirect_v4)
{
    struct fixture f;

    fixture_init(&f);
    check_service(
        &f,
        "0 priority=1003,tcp,nw_dst=10.0.0.50,tp_dst=80 actions=" LEARN4
        ",set_field:02:00:00:00:00:60->eth_dst,"
        "set_field:10.0.0.60->ip_dst,set_field:0->vlan_tci,output:2\n"
        "0 priority=1003,tcp,in_port=2,nw_src=10.0.0.60,tp_src=80 actions="
        SAVE "set_field:10.0.0.50->ip_src,resubmit(,250)\n"
        "0 priority=1000,tcp,nw_dst=10.0.0.60,tp_dst=80 actions="
        DIRECT4("TCP") ",NORMAL\n");
}
END_TEST

static uint32_t
port_number(void *aux OVS_UNUSED, const char *name)
{
    return strcmp(name, "gone") ? name[3] - '0' : 0;
}

/* Compares the flows of the service as redirect object 'id', with 'n'
 * backends, with 'expected'. */
static void
check_native(struct fixture *f, uint32_t id, size_t n, const char *expected)
{
    static char eth2[] = "eth2", eth3[] = "eth3", gone[] = "gone";
    struct dp_target targets[3] = { { .port = eth2 }, { .port = gone },
                                    { .port = eth3 } };
    struct ds s = DS_EMPTY_INITIALIZER;

    targets[0].addr = f->target.addr;
    f->service.targets = targets;
    f->service.n_targets = n;
    flow_make_redirect(&f->ctx, &f->service, id, port_number, NULL, append,
                       &s);
    ck_assert_str_eq(ds_cstr(&s), expected);
    ds_destroy(&s);
}

#define ANY4(MATCH) \
    "0 priority=1004," MATCH " actions=redirect(any),NORMAL\n"

START_TEST(native_v4)
{
    struct fixture f;

    fixture_init(&f);
    f.ctx.locals = &f.local;
    f.ctx.n_locals = 1;
    check_native(
        &f, 7, 3,
        "0 priority=1003,tcp,nw_dst=10.0.0.50,tp_dst=80 "
        "actions=redirect(7),NORMAL\n"
        "0 priority=1006,tcp,in_port=LOCAL,nw_src=10.0.0.1,nw_dst=10.0.0.50,"
        "tp_src=0xf000/0xfe00 actions=NORMAL\n"
        "0 priority=1000,ip,in_port=2 actions=redirect(reverse),NORMAL\n"
        "0 priority=1000,ip,in_port=3 actions=redirect(reverse),NORMAL\n"
        ANY4("ip,nw_dst=10.0.0.50,nw_frag=yes")
        ANY4("icmp,nw_dst=10.0.0.50,icmp_type=3")
        ANY4("icmp,nw_dst=10.0.0.50,icmp_type=4")
        ANY4("icmp,nw_dst=10.0.0.50,icmp_type=5")
        ANY4("icmp,nw_dst=10.0.0.50,icmp_type=11")
        ANY4("icmp,nw_dst=10.0.0.50,icmp_type=12"));
}
END_TEST

START_TEST(native_v6_any)
{
    struct fixture f;

    fixture_init(&f);
    f.service.vip.addr = addr("2001:db8::50");
    f.service.vip.proto = TPR_PROTO_ANY;
    f.service.vip.n_ports = 0;
    f.target.addr = addr("2001:db8::60");
    check_native(
        &f, 0x74000000, 1,
        "0 priority=1001,ipv6,ipv6_dst=2001:db8::50 "
        "actions=redirect(1946157056),NORMAL\n"
        "0 priority=1002,icmp6,ipv6_dst=2001:db8::50,icmp_type=135 "
        "actions=NORMAL\n"
        "0 priority=1002,icmp6,ipv6_dst=2001:db8::50,icmp_type=136 "
        "actions=NORMAL\n"
        "0 priority=1000,ipv6,in_port=2 actions=redirect(reverse),NORMAL\n"
        "0 priority=1002,icmp6,in_port=2,ipv6_src=2001:db8::60,icmp_type=135 "
        "actions=NORMAL\n"
        "0 priority=1002,icmp6,in_port=2,ipv6_src=2001:db8::60,icmp_type=136 "
        "actions=NORMAL\n"
        ANY4("ipv6,ipv6_dst=2001:db8::50,nw_frag=yes")
        ANY4("icmp6,ipv6_dst=2001:db8::50,icmp_type=1")
        ANY4("icmp6,ipv6_dst=2001:db8::50,icmp_type=2")
        ANY4("icmp6,ipv6_dst=2001:db8::50,icmp_type=3")
        ANY4("icmp6,ipv6_dst=2001:db8::50,icmp_type=4")
        "250 priority=300,icmp6,reg0=0x1,icmp_type=136,icmp_code=0,"
        "nd_target=2001:db8::50,nd_options_type=1 actions="
        "set_field:2->nd_options_type,"
        "set_field:02:00:00:00:00:50->nd_tll,IN_PORT\n");
}
END_TEST

START_TEST(native_without_object)
{
    struct fixture f;

    fixture_init(&f);
    check_native(&f, 0, 3,
                 "0 priority=1003,tcp,nw_dst=10.0.0.50,tp_dst=80 "
                 "actions=drop\n");
    f.service.on_none = TPR_ON_NONE_PASS;
    check_native(&f, 0, 3, "");
}
END_TEST

START_TEST(other_port_vlan_and_gateway)
{
    struct fixture f;

    fixture_init(&f);
    f.target.l4_port = 8080;
    f.target.vlan = 5;
    f.target.routed = true;
    check_service(
        &f,
        "0 priority=1003,tcp,nw_dst=10.0.0.50,tp_dst=80 actions=" LEARN4
        ",set_field:02:00:00:00:00:60->eth_dst,"
        "set_field:02:00:00:00:00:50->eth_src,"
        "set_field:10.0.0.60->ip_dst,set_field:8080->tcp_dst,"
        "set_field:0x1005/0x1fff->vlan_tci,output:2\n"
        "0 priority=1003,tcp,in_port=2,nw_src=10.0.0.60,tp_src=8080 actions="
        SAVE "set_field:10.0.0.50->ip_src,set_field:80->tcp_src,"
        "resubmit(,250)\n"
        "0 priority=1000,tcp,nw_dst=10.0.0.60,tp_dst=8080 actions="
        DIRECT4("TCP") ",NORMAL\n");
}
END_TEST

START_TEST(checks_are_exempt)
{
    struct fixture f;

    fixture_init(&f);
    f.ctx.locals = &f.local;
    f.ctx.n_locals = 1;
    f.service.active = NULL;
    check_service(
        &f,
        "0 priority=1003,tcp,nw_dst=10.0.0.50,tp_dst=80 actions=drop\n"
        "0 priority=1006,tcp,in_port=LOCAL,nw_src=10.0.0.1,nw_dst=10.0.0.50,"
        "tp_src=0xf000/0xfe00 actions=NORMAL\n");

    f.service.active = &f.target;
    struct ds s = DS_EMPTY_INITIALIZER;
    flow_make_service(&f.ctx, &f.service, f.port, append, &s);
    ck_assert_ptr_nonnull(strstr(
        ds_cstr(&s), "0 priority=1006,tcp,in_port=LOCAL,nw_src=10.0.0.1,"
        "nw_dst=10.0.0.60,tp_src=0xf000/0xfe00 actions=NORMAL\n"
        "0 priority=1006,tcp,in_port=2,nw_src=10.0.0.60,nw_dst=10.0.0.1,"
        "tp_dst=0xf000/0xfe00 actions=NORMAL\n"));
    ds_destroy(&s);
}
END_TEST

START_TEST(nothing_usable)
{
    struct fixture f;

    fixture_init(&f);
    f.port = OFPP_NONE;
    check_service(
        &f,
        "0 priority=1003,tcp,nw_dst=10.0.0.50,tp_dst=80 actions=drop\n");
    f.service.on_none = TPR_ON_NONE_PASS;
    check_service(&f, "");
    fixture_init(&f);
    f.service.identity = true;
    check_service(&f, "");
}
END_TEST

START_TEST(answer_v4)
{
    struct fixture f;

    fixture_init(&f);
    f.service.identity = true;
    f.service.answer = true;
    check_service(
        &f,
        "0 priority=1004,arp,arp_tpa=10.0.0.50,arp_op=1 actions="
        "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],"
        "set_field:02:00:00:00:00:50->eth_src,set_field:2->arp_op,"
        "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],"
        "set_field:02:00:00:00:00:50->arp_sha,"
        "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],"
        "set_field:10.0.0.50->arp_spa,IN_PORT\n"
        "0 priority=1005,arp,arp_spa=0.0.0.0,arp_tpa=10.0.0.50,arp_op=1 "
        "actions=NORMAL\n"
        "0 priority=1005,arp,arp_spa=10.0.0.50,arp_tpa=10.0.0.50,arp_op=1 "
        "actions=NORMAL\n"
        "0 priority=1006,arp,in_port=LOCAL,arp_tpa=10.0.0.50,arp_op=1 "
        "actions=NORMAL\n");
}
END_TEST

START_TEST(answer_v6)
{
    struct fixture f;

    fixture_init(&f);
    f.service.vip.addr = addr("2001:db8::50");
    f.service.identity = true;
    f.service.answer = true;
    f.service.pure = true;

#define NS "0 priority=1004,icmp6,%s,icmp_type=135,icmp_code=0,"            \
           "nd_target=2001:db8::50,nd_options_type=%d actions="             \
           "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],"                       \
           "set_field:02:00:00:00:00:50->eth_src,"                          \
           "move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[],"                     \
           "set_field:2001:db8::50->ipv6_src,"                              \
           "set_field:%d->nd_reserved,set_field:136->icmpv6_type,"
    char *expected = xasprintf(
        "250 priority=300,icmp6,reg0=0x1,icmp_type=136,icmp_code=0,"
        "nd_target=2001:db8::50,nd_options_type=1 actions="
        "set_field:2->nd_options_type,"
        "set_field:02:00:00:00:00:50->nd_tll,IN_PORT\n"
        NS "IN_PORT\n"
        NS "set_field:0x1->reg0,resubmit(,250)\n"
        "0 priority=1005,icmp6,ipv6_src=::,icmp_type=135,icmp_code=0,"
        "nd_target=2001:db8::50 actions=NORMAL\n"
        "0 priority=1004,icmp6,ipv6_dst=2001:db8::50,nw_frag=no,"
        "icmp_type=128,icmp_code=0 actions="
        "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],"
        "set_field:02:00:00:00:00:50->eth_src,"
        "move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[],"
        "set_field:2001:db8::50->ipv6_src,set_field:129->icmpv6_type,"
        "set_field:64->nw_ttl,IN_PORT\n",
        "ipv6_dst=2001:db8::50,nw_ttl=255", 0, 0x40000000,
        "nw_ttl=255", 1, 0x60000000);
    check_service(&f, expected);
    free(expected);
}
END_TEST

START_TEST(any_protocol_v6_spares_nd)
{
    struct fixture f;
    struct ds s = DS_EMPTY_INITIALIZER;

    fixture_init(&f);
    f.service.vip.addr = addr("2001:db8::50");
    f.service.vip.proto = TPR_PROTO_ANY;
    f.target.addr = addr("2001:db8::60");
    flow_make_service(&f.ctx, &f.service, f.port, append, &s);
    ck_assert_ptr_nonnull(strstr(
        ds_cstr(&s), "0 priority=1001,ipv6,ipv6_dst=2001:db8::50 actions="));
    ck_assert_ptr_nonnull(strstr(
        ds_cstr(&s), "0 priority=1002,icmp6,in_port=2,ipv6_src=2001:db8::60,"
        "icmp_type=136 actions=NORMAL\n"));
    ck_assert_ptr_null(strstr(ds_cstr(&s), "idle_timeout=60"));
    ds_destroy(&s);
}
END_TEST

static void
check_path(const struct dp_path *path, const char *expected)
{
    const struct flow_context ctx = { .client_table = 250, .priority = 1000 };
    struct ds s = DS_EMPTY_INITIALIZER;

    flow_make_path(&ctx, path, 2, append, &s);
    ck_assert_str_eq(ds_cstr(&s), expected);
    ds_destroy(&s);
}

START_TEST(beats)
{
    char port[] = "p2";
    struct dp_path path = {
        .port = port, .type = HB_BFD, .local = addr("10.0.0.1"),
        .peer = addr("10.0.0.60"), .vlan = 5,
    };

    check_path(&path, "0 priority=1007,udp,in_port=2,nw_src=10.0.0.60,"
               "nw_dst=10.0.0.1,tp_dst=3784 actions=drop\n");
    path.through_switch = true;
    check_path(&path,
               "0 priority=1007,udp,in_port=LOCAL,nw_src=10.0.0.1,"
               "nw_dst=10.0.0.60,tp_dst=3784 "
               "actions=set_field:0x1005/0x1fff->vlan_tci,output:2\n"
               "0 priority=1007,udp,in_port=2,nw_src=10.0.0.60,"
               "nw_dst=10.0.0.1,tp_dst=3784 "
               "actions=set_field:0->vlan_tci,LOCAL\n"
               "0 priority=1007,icmp,in_port=LOCAL,nw_src=10.0.0.1,"
               "nw_dst=10.0.0.60,icmp_type=3,icmp_code=3 actions=drop\n");
    path.through_switch = false;
    path.type = HB_ICMP;
    check_path(&path, "");
}
END_TEST

/* Ranges become masks that cover exactly their ports, each once. */
static void
check_masks(uint16_t first, uint16_t last, size_t max)
{
    const struct tpr_port_range r = { first, last };
    uint16_t (*masks)[2];
    size_t n = flow_port_masks(&r, 1, &masks);

    ck_assert_uint_le(n, max);
    for (unsigned int port = 0; port <= UINT16_MAX; port++) {
        int hits = 0;

        for (size_t i = 0; i < n; i++) {
            hits += (port & masks[i][1]) == masks[i][0];
        }
        ck_assert_int_eq(hits, port >= first && port <= last);
    }
    free(masks);
}

START_TEST(ranges)
{
    check_masks(80, 80, 1);
    check_masks(0, 65535, 1);
    check_masks(8000, 8010, 3);
    check_masks(1, 65535, 16);
    check_masks(1, 65534, 30);
    check_masks(32767, 32768, 2);
    check_masks(65535, 65535, 1);
}
END_TEST

/* The table. */

struct requests {
    struct flow_table table;
    struct ds s;                /* "add PRIORITY " or "delete PRIORITY ", .. */
    struct flow_entry *last;
};

static void
record(void *r_, const struct ofputil_flow_mod *fm, struct flow_entry *e)
{
    struct requests *r = r_;

    ds_put_format(&r->s, "%s %d ",
                  fm->command == OFPFC_ADD ? "add" : "delete", fm->priority);
    r->last = e;
    flow_entry_unref(&r->table, e);
}

static void
check_flush(struct requests *r, const char *expected)
{
    ds_clear(&r->s);
    flow_table_flush(&r->table, record, r);
    ck_assert_str_eq(ds_cstr(&r->s), expected);
}

/* Owner 'o' wants, instead of what it wanted, a flow of 'priority' that
 * outputs to 'port'; 0: nothing. */
static void
want(struct requests *r, struct flow_owner *o, uint16_t priority, int port)
{
    struct flow_desc d = { .priority = priority,
                           .cookie = flow_cookie(FLOW_FORWARD, port) };
    struct ovs_list old;

    match_init_catchall(&d.match);
    ofpbuf_init(&d.actions, 64);
    ofpact_put_OUTPUT(&d.actions)->port = u16_to_ofp(port);
    flow_table_begin(&r->table, o, &old);
    if (priority) {
        flow_table_claim(&r->table, o, &d);
    }
    flow_table_end(&r->table, &old);
    ofpbuf_uninit(&d.actions);
}

/* The switch has a flow of 'priority' that outputs to 'port'. */
static void
dump(struct requests *r, uint16_t priority, int port)
{
    struct ofputil_flow_stats fs = {
        .priority = priority,
        .cookie = htonll(flow_cookie(FLOW_FORWARD, port)),
    };
    struct ofpbuf actions;

    match_init_catchall(&fs.match);
    ofpbuf_init(&actions, 64);
    ofpact_put_OUTPUT(&actions)->port = u16_to_ofp(port);
    fs.ofpacts = actions.data;
    fs.ofpacts_len = actions.size;
    flow_table_dumped(&r->table, &fs);
    ofpbuf_uninit(&actions);
}

static void
requests_init(struct requests *r)
{
    flow_table_init(&r->table);
    ds_init(&r->s);
}

static void
requests_destroy(struct requests *r)
{
    flow_table_destroy(&r->table);
    ds_destroy(&r->s);
}

START_TEST(only_the_difference_is_sent)
{
    struct flow_owner *a = flow_owner_create("a");
    struct requests r;

    requests_init(&r);
    want(&r, a, 7, 1);
    check_flush(&r, "add 7 ");
    want(&r, a, 7, 1);
    check_flush(&r, "");
    want(&r, a, 7, 2);
    check_flush(&r, "add 7 ");
    want(&r, a, 8, 2);
    check_flush(&r, "add 8 delete 7 ");
    want(&r, a, 9, 2);
    want(&r, a, 8, 2);
    check_flush(&r, "");
    flow_owner_destroy(&r.table, a);
    check_flush(&r, "delete 8 ");
    ck_assert_uint_eq(hmap_count(&r.table.entries), 0);
    requests_destroy(&r);
}
END_TEST

START_TEST(owners_share_and_quarrel)
{
    struct flow_owner *a = flow_owner_create("a");
    struct flow_owner *b = flow_owner_create("b");
    struct requests r;

    requests_init(&r);
    want(&r, b, 7, 2);
    check_flush(&r, "add 7 ");
    want(&r, a, 7, 2);
    check_flush(&r, "");
    ck_assert_uint_eq(r.table.n_conflicts, 0);
    want(&r, a, 7, 1);              /* The smaller cookie wins. */
    ck_assert_uint_eq(r.table.n_conflicts, 1);
    check_flush(&r, "add 7 ");
    want(&r, b, 7, 3);              /* Loses still. */
    check_flush(&r, "");
    flow_owner_destroy(&r.table, a);
    ck_assert_uint_eq(r.table.n_conflicts, 0);
    check_flush(&r, "add 7 ");
    flow_owner_destroy(&r.table, b);
    check_flush(&r, "delete 7 ");
    requests_destroy(&r);
}
END_TEST

START_TEST(reconcile)
{
    struct flow_owner *a = flow_owner_create("a");
    struct flow_owner *b = flow_owner_create("b");
    struct flow_owner *c = flow_owner_create("c");
    struct requests r;

    requests_init(&r);
    want(&r, a, 1, 1);
    want(&r, b, 2, 2);
    want(&r, c, 3, 3);
    flow_table_dump_begin(&r.table);
    dump(&r, 1, 1);                 /* Equal: left alone. */
    dump(&r, 2, 9);                 /* Different: replaced. */
    dump(&r, 4, 4);                 /* Stale: removed. */
    flow_table_dump_end(&r.table);
    ds_clear(&r.s);
    ck_assert_uint_eq(flow_table_flush(&r.table, record, &r), 3);
    ck_assert_ptr_nonnull(strstr(ds_cstr(&r.s), "add 2 "));
    ck_assert_ptr_nonnull(strstr(ds_cstr(&r.s), "add 3 "));
    ck_assert_ptr_nonnull(strstr(ds_cstr(&r.s), "delete 4 "));

    /* The switch lost everything. */
    flow_table_dump_begin(&r.table);
    flow_table_dump_end(&r.table);
    ck_assert_uint_eq(flow_table_flush(&r.table, record, &r), 3);
    flow_owner_destroy(&r.table, a);
    flow_owner_destroy(&r.table, b);
    flow_owner_destroy(&r.table, c);
    requests_destroy(&r);
}
END_TEST

/* The switch tells that its flow of 'priority' is gone. */
static bool
removed(struct requests *r, uint16_t priority)
{
    struct match match;

    match_init_catchall(&match);
    return flow_table_removed(&r->table, 0, priority, &match);
}

START_TEST(removals_of_our_own_are_no_news)
{
    struct flow_owner *a = flow_owner_create("a");
    struct requests r;

    requests_init(&r);
    want(&r, a, 7, 1);
    ck_assert(!removed(&r, 7));     /* The switch has never had it. */
    check_flush(&r, "add 7 ");
    ck_assert(removed(&r, 7));
    ck_assert(!removed(&r, 8));
    want(&r, a, 8, 1);
    check_flush(&r, "add 8 delete 7 ");
    ck_assert(!removed(&r, 7));
    flow_owner_destroy(&r.table, a);
    check_flush(&r, "delete 8 ");
    requests_destroy(&r);
}
END_TEST

START_TEST(refused_flow_waits_for_a_change)
{
    struct flow_owner *a = flow_owner_create("a");
    struct requests r;

    requests_init(&r);
    want(&r, a, 7, 1);
    check_flush(&r, "add 7 ");
    flow_table_refuse(&r.table, r.last);
    flow_table_dump_begin(&r.table);
    flow_table_dump_end(&r.table);
    check_flush(&r, "");
    want(&r, a, 7, 1);
    check_flush(&r, "");
    want(&r, a, 7, 2);
    check_flush(&r, "add 7 ");

    /* A predecessor of what is refused is removed. */
    flow_table_refuse(&r.table, r.last);
    flow_table_dump_begin(&r.table);
    dump(&r, 7, 1);
    flow_table_dump_end(&r.table);
    check_flush(&r, "delete 7 ");

    flow_table_forgive(&r.table);
    flow_table_dump_begin(&r.table);
    flow_table_dump_end(&r.table);
    check_flush(&r, "add 7 ");
    flow_owner_destroy(&r.table, a);
    requests_destroy(&r);
}
END_TEST

START_TEST(learners_are_counted)
{
    struct flow_owner *a = flow_owner_create("a");
    struct flow_owner *b = flow_owner_create("b");
    struct requests r;

    requests_init(&r);
    flow_table_set_learner(&r.table, a, true, 0x12345678);
    flow_table_set_learner(&r.table, b, true, 0x12345678);
    ck_assert(flow_table_learns(&r.table, 0x12345678));
    flow_owner_destroy(&r.table, a);
    ck_assert(flow_table_learns(&r.table, 0x345678));
    flow_owner_destroy(&r.table, b);
    ck_assert(!flow_table_learns(&r.table, 0x12345678));
    requests_destroy(&r);
}
END_TEST

START_TEST(stale_vips_are_told_once)
{
    struct flow_owner *a = flow_owner_create("a");
    struct requests r;
    uint32_t hash, seen = 0;

    requests_init(&r);
    flow_table_set_learner(&r.table, a, true, 3);
    for (int i = 0; i < 100; i++) {     /* A dump, in the switch's order. */
        flow_table_set_stale(&r.table, 0x81000000 + i % 4);
    }
    flow_table_set_learner(&r.table, a, true, 0);   /* Wanted again. */
    while (flow_table_next_stale(&r.table, &hash)) {
        ck_assert_uint_lt(hash, 4);
        ck_assert(!(seen & 1u << hash));
        seen |= 1u << hash;
    }
    ck_assert_uint_eq(seen, 1u << 1 | 1u << 2);
    flow_table_set_stale(&r.table, 5);
    flow_table_forget_stale(&r.table);
    ck_assert(!flow_table_next_stale(&r.table, &hash));
    flow_table_set_stale(&r.table, 6);  /* Nothing leaks. */
    flow_owner_destroy(&r.table, a);
    requests_destroy(&r);
}
END_TEST

UNIT_MAIN("flow-table", redirect_v4, native_v4, native_v6_any,
          native_without_object, other_port_vlan_and_gateway,
          checks_are_exempt, nothing_usable, answer_v4, answer_v6,
          any_protocol_v6_spares_nd, beats, ranges,
          only_the_difference_is_sent, owners_share_and_quarrel, reconcile,
          removals_of_our_own_are_no_news, refused_flow_waits_for_a_change,
          learners_are_counted, stale_vips_are_told_once)
