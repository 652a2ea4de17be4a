/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of flow-balance.c and flow-groups.c: which flows and buckets a service
 * with policy weighted becomes, and what of its group must be sent. */

#include <config.h>
#include <string.h>
#include "flow-groups.h"
#include "flow-make.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "packets.h"
#include "unit.h"

/* A service on 10.0.0.50:80/tcp; backend i is 10.0.0.60 + i, port 8080, behind
 * switch port i + 1. */
struct fixture {
    char ports[300][8];
    struct dp_target targets[300];
    struct dp_service service;
};

static uint32_t
port_number(void *aux OVS_UNUSED, const char *name)
{
    int n;

    return str_to_int(name, 10, &n) ? n : 0;
}

static void
fixture_init(struct fixture *f, size_t n)
{
    memset(f, 0, sizeof *f);
    f->service.name = "web";
    in6_addr_set_mapped_ipv4(&f->service.vip.addr, htonl(0x0a000032));
    f->service.vip.proto = TPR_PROTO_TCP;
    f->service.vip.n_ports = 1;
    f->service.vip.ports[0] = (struct tpr_port_range) { 80, 80 };
    f->service.policy = TPR_POLICY_WEIGHTED;
    f->service.targets = f->targets;
    f->service.n_targets = n;
    for (size_t i = 0; i < n; i++) {
        struct dp_target *t = &f->targets[i];

        snprintf(f->ports[i], sizeof f->ports[i], "%d", (int) i + 1);
        t->port = f->ports[i];
        in6_addr_set_mapped_ipv4(&t->addr, htonl(0x0a00003c + i));
        t->l4_port = 8080;
        t->mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,60);
        t->weight = t->full_weight = 1;
        t->usable = true;
    }
}

/* How many buckets each backend has, "3 1 0". */
static const char *
buckets(const struct fixture *f)
{
    static char text[2048];
    struct ofputil_group_desc gd;
    const struct ofputil_bucket *b;
    unsigned int count[300] = { 0 };
    size_t n = 0;

    flow_make_group(&f->service, port_number, NULL, &gd);
    ck_assert(!ofputil_bucket_check_duplicate_id(&gd.buckets));
    LIST_FOR_EACH (b, list_node, &gd.buckets) {
        const struct dp_target *t = flow_bucket_target(&f->service,
                                                       b->bucket_id);

        ck_assert_ptr_nonnull(t);
        ck_assert_uint_eq(b->weight, 1);
        count[t - f->targets]++;
    }
    for (size_t i = 0; i < f->service.n_targets; i++) {
        n += snprintf(text + n, sizeof text - n, "%s%u", i ? " " : "",
                      count[i]);
    }
    ofputil_uninit_group_desc(&gd);
    return text;
}

START_TEST(as_many_buckets_as_weight)
{
    struct fixture f;

    fixture_init(&f, 3);
    ck_assert_str_eq(buckets(&f), "1 1 1");
    f.targets[0].weight = f.targets[0].full_weight = 30;
    f.targets[1].weight = f.targets[1].full_weight = 10;
    ck_assert_str_eq(buckets(&f), "30 10 1");
    f.targets[2].weight = 0;
    ck_assert_str_eq(buckets(&f), "30 10 0");
    for (int i = 0; i < 3; i++) {
        f.targets[i].weight = f.targets[i].full_weight = 100 - 48 * i;
    }
    ck_assert_str_eq(buckets(&f), "25 13 1");   /* 100, 52, 4. */
    f.targets[0].weight = 10;                   /* Slow start: the others... */
    ck_assert_str_eq(buckets(&f), "3 13 1");    /* ...stay. */
}
END_TEST

START_TEST(only_the_usable_of_the_best_priority)
{
    struct fixture f;

    fixture_init(&f, 3);
    f.targets[2].priority = 1;
    ck_assert_str_eq(buckets(&f), "1 1 0");
    f.targets[0].usable = false;
    ck_assert_str_eq(buckets(&f), "0 1 0");
    f.ports[1][0] = '0';                        /* The port is gone. */
    ck_assert_str_eq(buckets(&f), "0 0 1");
    f.targets[2].weight = 0;
    ck_assert_str_eq(buckets(&f), "0 0 0");
}
END_TEST

/* All fit into one message. */
START_TEST(many_backends)
{
    struct fixture f;
    struct ofputil_group_desc gd;

    fixture_init(&f, BALANCE_BACKENDS);
    for (int i = 0; i < BALANCE_BACKENDS; i++) {
        struct dp_target *t = &f.targets[i];

        t->full_weight = 100;
        t->weight = 1000;                       /* Its agent wants it. */
        t->addr.s6_addr[0] = 0x20;
        t->vlan = 5;
        t->routed = true;
    }
    f.service.vip.addr.s6_addr[0] = 0x20;
    flow_make_group(&f.service, port_number, NULL, &gd);

    struct ofputil_group_mod gm = {
        .command = OFPGC15_ADD, .type = gd.type, .group_id = 1,
        .command_bucket_id = OFPG15_BUCKET_ALL, .props = gd.props,
    };
    ovs_list_init(&gm.buckets);
    ofputil_bucket_clone_list(&gm.buckets, &gd.buckets, NULL);
    struct ofpbuf *msg = ofputil_encode_group_mod(OFP15_VERSION, &gm, NULL,
                                                  -1);
    ck_assert_uint_lt(msg->size, 65000);
    ck_assert_uint_ge(ovs_list_size(&gm.buckets), BALANCE_BACKENDS);
    ofpbuf_delete(msg);
    ofputil_bucket_list_destroy(&gm.buckets);
    ofputil_uninit_group_desc(&gd);
}
END_TEST

static void
append(void *s_, const struct flow_desc *d)
{
    struct ds *s = s_;
    struct ofpact_format_params fp = { .s = s };

    match_format(&d->match, NULL, s, d->priority);
    ds_put_cstr(s, " actions=");
    ofpacts_format(d->actions.data, d->actions.size, &fp);
    ds_put_char(s, '\n');
}

/* Flows but for what "learn" says. */
static char *
flows(const struct fixture *f, uint32_t group)
{
    struct flow_context ctx = { .client_table = 250, .priority = 1000 };
    struct ds s = DS_EMPTY_INITIALIZER;
    char *learn, *end;

    flow_make_balanced(&ctx, &f->service, group, port_number, NULL, append,
                       &s);
    while ((learn = strstr(ds_cstr(&s), "learn("))
           && (end = strstr(learn, "IN_PORT[])"))) {
        memmove(learn, end + 10, strlen(end + 10) + 1);
        s.length = strlen(s.string);
    }
    return ds_steal_cstr(&s);
}

START_TEST(flows_do_not_depend_on_life)
{
    struct fixture f;
    char *all, *some;

    fixture_init(&f, 2);
    all = flows(&f, 7);
    ck_assert_str_eq(
        all,
        "priority=1003,tcp,nw_dst=10.0.0.50,tp_dst=80 actions=,group:7\n"
        "priority=1003,tcp,in_port=1,nw_src=10.0.0.60,tp_src=8080 actions="
        "move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG0[0..47],"
        "set_field:00:00:00:00:00:00->eth_src,set_field:10.0.0.50->ip_src,"
        "set_field:80->tcp_src,resubmit(,250)\n"
        "priority=1000,tcp,nw_dst=10.0.0.60,tp_dst=8080 actions=,NORMAL\n"
        "priority=1003,tcp,in_port=2,nw_src=10.0.0.61,tp_src=8080 actions="
        "move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG0[0..47],"
        "set_field:00:00:00:00:00:00->eth_src,set_field:10.0.0.50->ip_src,"
        "set_field:80->tcp_src,resubmit(,250)\n"
        "priority=1000,tcp,nw_dst=10.0.0.61,tp_dst=8080 actions=,NORMAL\n");
    f.targets[0].usable = f.targets[1].usable = false;
    some = flows(&f, 7);
    ck_assert_str_eq(some, all);
    free(some);
    free(all);
    f.service.on_none = TPR_ON_NONE_PASS;
    some = flows(&f, 0);
    ck_assert_str_eq(some, "");
    free(some);
}
END_TEST

/* What must be sent: "add web", "modify ..", "delete". */
static void
record(void *s_, const struct ofputil_group_mod *gm)
{
    ds_put_format(s_, "%s%s %d", ds_last(s_) == EOF ? "" : ", ",
                  gm->command == OFPGC15_ADD ? "add"
                  : gm->command == OFPGC15_MODIFY ? "modify" : "delete",
                  (int) ovs_list_size(&gm->buckets));
}

static void
check_flush(struct flow_groups *fg, const char *expected)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    flow_groups_flush(fg, record, &s);
    flow_groups_flush_stale(fg, record, &s);
    ck_assert_str_eq(ds_cstr(&s), expected);
    ds_destroy(&s);
}

static uint32_t
want(struct flow_groups *fg, const char *name, size_t n, bool keep)
{
    struct ofputil_group_desc gd;
    struct fixture f;

    fixture_init(&f, n);
    f.service.name = name;
    flow_make_group(&f.service, port_number, NULL, &gd);
    return flow_groups_want(fg, name, &gd, keep);
}

/* The switch tells that it has the group 'id' of service 'name'. */
static void
dump(struct flow_groups *fg, uint32_t id, const char *name, size_t n)
{
    struct ofputil_group_desc gd;
    struct fixture f;

    fixture_init(&f, n);
    f.service.name = name;
    flow_make_group(&f.service, port_number, NULL, &gd);
    gd.group_id = id;
    flow_groups_dumped(fg, &gd);
    ofputil_uninit_group_desc(&gd);
}

START_TEST(only_the_difference_is_sent)
{
    struct flow_groups fg;
    uint32_t id;

    flow_groups_init(&fg);
    id = want(&fg, "web", 2, false);
    ck_assert_uint_ge(id, FLOW_GROUP_FIRST);
    ck_assert_uint_le(id, FLOW_GROUP_LAST);
    check_flush(&fg, "add 2");
    ck_assert_uint_eq(want(&fg, "web", 2, false), id);
    check_flush(&fg, "");
    want(&fg, "web", 1, false);
    check_flush(&fg, "modify 1");
    want(&fg, "web", 0, false);
    check_flush(&fg, "modify 0");
    flow_groups_unwant(&fg, "web");
    check_flush(&fg, "delete 0");
    check_flush(&fg, "");
    flow_groups_destroy(&fg);
}
END_TEST

START_TEST(adopts_its_own)
{
    struct flow_groups fg;
    uint32_t id;

    flow_groups_init(&fg);
    id = want(&fg, "web", 2, false);
    flow_groups_dump_begin(&fg);
    dump(&fg, id, "web", 2);                /* Equal. */
    dump(&fg, 5, "web", 2);                 /* Somebody else's. */
    dump(&fg, id ^ 1, "gone", 1);           /* Nobody's. */
    check_flush(&fg, "delete 0");
    flow_groups_dump_begin(&fg);            /* The switch lost everything. */
    check_flush(&fg, "add 2");
    flow_groups_destroy(&fg);
}
END_TEST

START_TEST(keeps_what_nothing_refutes)
{
    struct flow_groups fg;
    uint32_t id;

    flow_groups_init(&fg);
    id = want(&fg, "web", 1, true);
    flow_groups_dump_begin(&fg);
    dump(&fg, id, "web", 2);
    check_flush(&fg, "");
    want(&fg, "web", 1, false);
    check_flush(&fg, "modify 1");

    want(&fg, "web", 1, true);              /* Not another service's. */
    flow_groups_dump_begin(&fg);
    dump(&fg, id, "other", 2);
    check_flush(&fg, "modify 1");
    flow_groups_dump_begin(&fg);            /* Not none. */
    check_flush(&fg, "add 1");
    flow_groups_destroy(&fg);
}
END_TEST

START_TEST(refused_group_waits_for_a_change)
{
    struct flow_groups fg;
    uint32_t id;

    flow_groups_init(&fg);
    id = want(&fg, "web", 1, false);
    check_flush(&fg, "add 1");
    ck_assert_str_eq(flow_groups_refuse(&fg, id, "OFPGMFC_OUT_OF_GROUPS"),
                     "web");
    flow_groups_dump_begin(&fg);
    check_flush(&fg, "");
    want(&fg, "web", 1, false);
    check_flush(&fg, "");
    ck_assert(flow_groups_forgive(&fg));
    check_flush(&fg, "add 1");
    flow_groups_refuse(&fg, id, "OFPGMFC_OUT_OF_GROUPS");
    flow_groups_dump_begin(&fg);
    want(&fg, "web", 2, false);
    check_flush(&fg, "add 2");
    flow_groups_destroy(&fg);
}
END_TEST

UNIT_MAIN("flow-groups", as_many_buckets_as_weight,
          only_the_usable_of_the_best_priority, many_backends,
          flows_do_not_depend_on_life, only_the_difference_is_sent,
          adopts_its_own, keeps_what_nothing_refutes,
          refused_group_waits_for_a_change)
