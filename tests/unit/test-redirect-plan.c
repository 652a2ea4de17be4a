/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of redirect-plan.c: which redirect object a service becomes, which id
 * it has, and what of it must be sent. */

#include <config.h>
#include "redirect-plan.h"
#include <string.h>
#include "openvswitch/dynamic-string.h"
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

/* Ports are called "eth1" and so on; "gone" is none. */
static uint32_t
port(void *aux OVS_UNUSED, const char *name)
{
    return strcmp(name, "gone") ? name[3] - '0' : 0;
}

/* Service "web" on 10.0.0.50:80/tcp, with backends .60 and .61 behind eth2 and
 * eth3. */
struct fixture {
    struct dp_target targets[2];
    struct dp_service service;
    struct redirect_plan plan;
    struct ds sent;
};

static void
fixture_init(struct fixture *f)
{
    static char eth2[] = "eth2", eth3[] = "eth3";

    memset(f, 0, sizeof *f);
    f->targets[0] = (struct dp_target) {
        .port = eth2, .addr = addr("10.0.0.60"), .mac = B_MAC, .region = 1,
        .word = 5, .priority = 1, .weight = 100,
    };
    f->targets[1] = (struct dp_target) {
        .port = eth3, .addr = addr("10.0.0.61"), .mac = B_MAC, .region = 2,
        .word = 6, .priority = 2, .weight = 50, .l4_port = 8080, .vlan = 7,
        .routed = true, .max_connections = 9,
    };
    f->service = (struct dp_service) {
        .name = "web",
        .vip = {
            .addr = addr("10.0.0.50"), .proto = TPR_PROTO_TCP, .n_ports = 1,
            .ports = { { 80, 80 } },
        },
        .vip_mac = VIP_MAC,
        .policy = TPR_POLICY_MAGLEV,
        .on_down = TPR_ON_DOWN_KEEP,
        .on_none = TPR_ON_NONE_RESET,
        .targets = f->targets,
        .n_targets = 2,
    };
    redirect_plan_init(&f->plan);
    ds_init(&f->sent);
}

static void
fixture_destroy(struct fixture *f)
{
    redirect_plan_destroy(&f->plan);
    ds_destroy(&f->sent);
}

static uint32_t
want(struct fixture *f)
{
    return redirect_plan_want(&f->plan, f->service.name,
                              redirect_make(&f->service, port, NULL));
}

static void
note(void *f_, uint32_t id, const struct tpr_redirect *r, bool is_new)
{
    struct fixture *f = f_;

    ds_put_format(&f->sent, "%s%x ", !r ? "-" : is_new ? "+" : "~", id);
    ck_assert(!r || r->id == id);
}

/* What goes out now, "+" added, "~" changed, "-" deleted. */
static void
expect(struct fixture *f, const char *changes, const char *deletions)
{
    ds_clear(&f->sent);
    redirect_plan_flush(&f->plan, note, f);
    ck_assert_str_eq(ds_cstr(&f->sent), changes);
    ds_clear(&f->sent);
    redirect_plan_flush_stale(&f->plan, note, f);
    ck_assert_str_eq(ds_cstr(&f->sent), deletions);
}

/* So many objects of the last dump are not as we left them; if any, one of
 * 'service', that the switch has or has not. */
static void
expect_foreign(const struct fixture *f, size_t n, const char *service,
               bool there)
{
    const struct redirect_object *o;

    ck_assert_uint_eq(redirect_plan_foreign(&f->plan, &o), n);
    ck_assert_int_eq(o != NULL, n != 0);
    if (o) {
        ck_assert_str_eq(o->service, service);
        ck_assert_int_eq(o->have != NULL, there);
    }
}

/* The switch has the fixture's object under 'id'. */
static void
told(struct fixture *f, uint32_t id)
{
    struct tpr_redirect *r = redirect_make(&f->service, port, NULL);

    r->id = id;
    redirect_plan_dumped(&f->plan, r);
    redirect_free(r);
}

START_TEST(object_of_a_service)
{
    struct fixture f;

    fixture_init(&f);
    struct tpr_redirect *r = redirect_make(&f.service, port, NULL);
    const struct tpr_redirect_backend *a = &r->backends[0], *b = a + 1;
    const struct tpr_addr vip = {
        { 0, 0, htonl(0xffff), htonl(0x0a000032) }
    };

    ck_assert(!memcmp(&r->vip, &vip, sizeof vip));
    ck_assert_int_eq(r->proto, TPR_PROTO_TCP);
    ck_assert_int_eq(r->policy, TPR_POLICY_MAGLEV);
    ck_assert_int_eq(r->on_down, TPR_ON_DOWN_KEEP);
    ck_assert_int_eq(r->on_none, TPR_ON_NONE_RESET);
    ck_assert_int_eq(r->n_ports, 1);
    ck_assert_int_eq(r->ports[0].first, 80);
    ck_assert_int_eq(r->timeouts[TPR_TIMEOUT_SYN], 5000);
    ck_assert_int_eq(r->timeouts[TPR_TIMEOUT_ANSWERED], 180000);
    ck_assert_int_eq(r->n_backends, 2);
    ck_assert_int_eq(a->output, 2);
    ck_assert_int_eq(a->region, 1);
    ck_assert_int_eq(a->word, 5);
    ck_assert_int_eq(a->priority, 1);
    ck_assert_int_eq(a->weight, 100);
    ck_assert_int_eq(a->vlan, TPR_VLAN_NONE);
    ck_assert_int_eq(a->l4_port, 0);
    ck_assert(!a->src_mac[0] && !a->src_mac[5]);
    ck_assert_int_eq(b->output, 3);
    ck_assert_int_eq(b->l4_port, 8080);
    ck_assert_int_eq(b->vlan, 7);
    ck_assert_int_eq(b->max_connections, 9);
    ck_assert(!memcmp(b->src_mac, VIP_MAC.ea, sizeof b->src_mac));
    ck_assert(!memcmp(b->mac, B_MAC.ea, sizeof b->mac));
    redirect_free(r);

    /* The service's own port is no other port. */
    f.targets[1].l4_port = 80;
    r = redirect_make(&f.service, port, NULL);
    ck_assert_int_eq(r->backends[1].l4_port, 0);
    redirect_free(r);
    fixture_destroy(&f);
}
END_TEST

START_TEST(weight_counts_where_there_are_shares)
{
    struct fixture f;

    fixture_init(&f);
    for (int policy = 0; policy <= TPR_POLICY_SPILLOVER; policy++) {
        f.service.policy = policy;
        f.targets[0].weight = 0;

        struct tpr_redirect *r = redirect_make(&f.service, port, NULL);
        ck_assert_int_eq(r->backends[0].weight,
                         tpr_policy_is_ordered(policy));
        redirect_free(r);
    }
    fixture_destroy(&f);
}
END_TEST

START_TEST(backends_without_a_port_are_not_in_it)
{
    static char gone[] = "gone";
    struct fixture f;

    fixture_init(&f);
    f.targets[0].port = gone;
    struct tpr_redirect *r = redirect_make(&f.service, port, NULL);
    ck_assert_int_eq(r->n_backends, 1);
    ck_assert_int_eq(r->backends[0].word, 6);
    redirect_free(r);

    f.targets[1].port = gone;
    ck_assert_ptr_null(redirect_make(&f.service, port, NULL));
    fixture_destroy(&f);
}
END_TEST

START_TEST(sent_once_and_again_when_changed)
{
    struct fixture f;

    fixture_init(&f);
    redirect_plan_dump_begin(&f.plan);
    ck_assert_int_eq(want(&f), REDIRECT_ID_FIRST);
    expect(&f, "+74000000 ", "");
    ck_assert_int_eq(want(&f), REDIRECT_ID_FIRST);
    expect(&f, "", "");
    f.targets[0].weight = 1;
    want(&f);
    expect(&f, "~74000000 ", "");
    f.service.vip.ports[0].last = 81;
    want(&f);
    expect(&f, "~74000000 ", "");
    redirect_plan_unwant(&f.plan, "web");
    ck_assert(redirect_plan_has_stale(&f.plan));
    expect(&f, "", "-74000000 ");
    ck_assert(!redirect_plan_has_stale(&f.plan));
    expect(&f, "", "");
    fixture_destroy(&f);
}
END_TEST

START_TEST(each_service_has_an_id)
{
    struct fixture f;

    fixture_init(&f);
    ck_assert_int_eq(want(&f), REDIRECT_ID_FIRST);
    f.service.name = "mail";
    f.service.vip.ports[0] = (struct tpr_port_range) { 25, 25 };
    ck_assert_int_eq(want(&f), REDIRECT_ID_FIRST + 1);
    ck_assert_int_eq(redirect_plan_n_wanted(&f.plan), 2);
    ck_assert_int_eq(redirect_plan_find(&f.plan, "web")->id,
                     REDIRECT_ID_FIRST);
    /* Nothing was sent: gone without a trace. */
    redirect_plan_unwant(&f.plan, "web");
    ck_assert(!redirect_plan_has_stale(&f.plan));
    ck_assert_ptr_null(redirect_plan_find(&f.plan, "web"));
    expect(&f, "+74000001 ", "");
    fixture_destroy(&f);
}
END_TEST

START_TEST(restarted_agent_finds_its_objects)
{
    struct fixture f;

    fixture_init(&f);
    redirect_plan_dump_begin(&f.plan);
    told(&f, REDIRECT_ID_FIRST + 7);
    f.service.vip.ports[0].first = 79;
    told(&f, REDIRECT_ID_FIRST + 3);
    f.service.vip.ports[0].first = 80;
    redirect_plan_dump_end(&f.plan);
    ck_assert_int_eq(want(&f), REDIRECT_ID_FIRST + 7);
    /* The other one belongs to nobody any more. */
    expect(&f, "", "-74000003 ");

    /* The same VIP in another form is a change. */
    redirect_plan_dump_begin(&f.plan);
    f.targets[0].priority = 9;
    told(&f, REDIRECT_ID_FIRST + 7);
    redirect_plan_dump_end(&f.plan);
    expect(&f, "~74000007 ", "");
    fixture_destroy(&f);
}
END_TEST

START_TEST(restarted_switch_is_told_all)
{
    struct fixture f;

    fixture_init(&f);
    want(&f);
    expect(&f, "+74000000 ", "");
    redirect_plan_dump_begin(&f.plan);
    ck_assert_int_eq(want(&f), REDIRECT_ID_FIRST);
    redirect_plan_dump_end(&f.plan);
    expect(&f, "+74000000 ", "");

    /* What nobody wants any more, it need not be told to delete. */
    redirect_plan_unwant(&f.plan, "web");
    ck_assert(redirect_plan_has_stale(&f.plan));
    redirect_plan_dump_begin(&f.plan);
    redirect_plan_dump_end(&f.plan);
    expect(&f, "", "");
    fixture_destroy(&f);
}
END_TEST

/* An object whose last change was refused is there all the same, and that does
 * not change while the switch tells what it has. */
START_TEST(a_refused_change_leaves_the_object)
{
    const struct redirect_object *o;
    struct fixture f;

    fixture_init(&f);
    want(&f);
    expect(&f, "+74000000 ", "");
    f.targets[0].weight = 3;
    want(&f);
    expect(&f, "~74000000 ", "");
    redirect_plan_refuse(&f.plan, REDIRECT_ID_FIRST, false, "no");
    f.targets[0].weight = 100;

    redirect_plan_dump_begin(&f.plan);
    o = redirect_plan_find(&f.plan, "web");
    ck_assert(o->refused);
    ck_assert_ptr_nonnull(o->have);
    told(&f, REDIRECT_ID_FIRST);
    ck_assert_ptr_nonnull(o->have);
    redirect_plan_dump_end(&f.plan);
    ck_assert(o->refused);
    ck_assert_ptr_nonnull(o->have);
    expect(&f, "", "");

    /* Somebody has deleted it: that is another matter. */
    redirect_plan_dump_begin(&f.plan);
    ck_assert_ptr_nonnull(o->have);
    redirect_plan_dump_end(&f.plan);
    ck_assert_ptr_null(o->have);
    expect(&f, "+74000000 ", "");
    fixture_destroy(&f);
}
END_TEST

START_TEST(objects_of_others_are_left_alone)
{
    struct fixture f;

    fixture_init(&f);
    redirect_plan_dump_begin(&f.plan);
    told(&f, 7);
    told(&f, REDIRECT_ID_FIRST - 1);
    told(&f, REDIRECT_ID_LAST + 1);
    redirect_plan_dump_end(&f.plan);
    ck_assert(!redirect_plan_has_stale(&f.plan));
    ck_assert_int_eq(want(&f), REDIRECT_ID_FIRST);
    expect(&f, "+74000000 ", "");
    fixture_destroy(&f);
}
END_TEST

START_TEST(withdrawn_is_no_difference)
{
    struct fixture f;

    fixture_init(&f);
    want(&f);
    redirect_plan_dump_begin(&f.plan);
    struct tpr_redirect *r = redirect_make(&f.service, port, NULL);
    r->id = REDIRECT_ID_FIRST;
    r->backends[1].withdrawn = 1;
    redirect_plan_dumped(&f.plan, r);
    redirect_plan_dump_end(&f.plan);
    redirect_free(r);
    expect(&f, "", "");
    fixture_destroy(&f);
}
END_TEST

START_TEST(refused_is_not_sent_again)
{
    struct fixture f;

    fixture_init(&f);
    want(&f);
    expect(&f, "+74000000 ", "");
    ck_assert_str_eq(redirect_plan_refuse(&f.plan, REDIRECT_ID_FIRST, true,
                                          "no"), "web");
    ck_assert_str_eq(redirect_plan_find(&f.plan, "web")->error, "no");
    expect(&f, "", "");
    ck_assert_int_eq(redirect_plan_n_refused(&f.plan), 1);
    redirect_plan_dump_begin(&f.plan);
    redirect_plan_dump_end(&f.plan);
    want(&f);
    expect(&f, "", "");
    f.targets[0].weight = 3;
    want(&f);
    expect(&f, "+74000000 ", "");

    redirect_plan_refuse(&f.plan, REDIRECT_ID_FIRST, true, "no");
    redirect_plan_forgive(&f.plan);
    redirect_plan_dump_begin(&f.plan);
    redirect_plan_dump_end(&f.plan);
    expect(&f, "+74000000 ", "");
    ck_assert_ptr_null(redirect_plan_refuse(&f.plan, 7, false, "no"));

    /* A change that was refused leaves the object as it was. */
    f.targets[0].weight = 4;
    want(&f);
    expect(&f, "~74000000 ", "");
    redirect_plan_refuse(&f.plan, REDIRECT_ID_FIRST, false, "no");
    ck_assert_ptr_nonnull(redirect_plan_find(&f.plan, "web")->have);
    redirect_plan_unwant(&f.plan, "web");
    expect(&f, "", "-74000000 ");
    fixture_destroy(&f);
}
END_TEST

START_TEST(all_ids_taken)
{
    struct fixture f;
    char name[16];

    fixture_init(&f);
    f.service.n_targets = 1;
    for (int i = 0; i <= REDIRECT_ID_LAST - REDIRECT_ID_FIRST; i++) {
        snprintf(name, sizeof name, "s%d", i);
        ck_assert_int_eq(redirect_plan_want(
                             &f.plan, name,
                             redirect_make(&f.service, port, NULL)),
                         REDIRECT_ID_FIRST + i);
    }
    ck_assert_int_eq(want(&f), 0);
    redirect_plan_unwant(&f.plan, "s77");
    ck_assert_int_eq(want(&f), REDIRECT_ID_FIRST + 77);
    fixture_destroy(&f);
}
END_TEST

/* What a service must not be. */

static void
refuse(const char *words, const struct tpr_service *s)
{
    char *error = redirect_check_service(s);

    ck_assert_msg(error && strstr(error, words), "%s",
                  error ? error : "accepted");
    free(error);
}

START_TEST(what_it_refuses)
{
    char web[] = "web", a_name[] = "web/a", b_name[] = "web/b";
    struct tpr_backend a = { .name = a_name, .addr = addr("10.0.0.60") };
    struct tpr_backend b = { .name = b_name, .addr = addr("10.0.0.61") };
    struct tpr_backend *backends[] = { &a, &b };
    struct tpr_check agent_check = { .type = TPR_CHECK_AGENT };
    struct tpr_service s = {
        .name = web,
        .vip = {
            .addr = addr("10.0.0.50"), .proto = TPR_PROTO_TCP, .n_ports = 2,
            .ports = { { 80, 80 }, { 443, 443 } },
        },
        .backends = backends,
        .n_backends = 2,
    };

    for (int policy = 0; policy <= TPR_POLICY_SPILLOVER; policy++) {
        s.policy = policy;
        a.port = 8080;
        a.max_connections = 5;
        s.on_down = TPR_ON_DOWN_RESET;
        s.on_none = TPR_ON_NONE_RESET;
        ck_assert_ptr_null(redirect_check_service(&s));
    }

    /* Nobody comes after one without a limit. */
    a.max_connections = 0;
    refuse("web/a has no max_connections, so that policy spillover never "
           "gets to web/b", &s);
    a.agent_check = &agent_check;       /* It may say one. */
    ck_assert_ptr_null(redirect_check_service(&s));
    a.agent_check = NULL;
    a.max_connections = 5;
    s.policy = TPR_POLICY_MAGLEV;

    s.vip.proto = TPR_PROTO_UDP;
    refuse("on_down=reset is for TCP", &s);
    s.on_down = TPR_ON_DOWN_KEEP;
    ck_assert_ptr_null(redirect_check_service(&s));
    s.vip.proto = TPR_PROTO_SCTP;
    refuse("SCTP", &s);
    s.vip.proto = TPR_PROTO_ANY;
    s.vip.n_ports = 0;
    refuse("port of its own", &s);
    a.port = 0;
    ck_assert_ptr_null(redirect_check_service(&s));
    b.addr = a.addr;
    refuse("web/a and web/b have the same address", &s);
    b.addr = addr("2001:db8::1");
    refuse("families", &s);
    s.n_backends = TPR_MAX_REDIRECT_BACKENDS + 1;
    refuse("1025 backends", &s);
}
END_TEST

START_TEST(who_changes_what_is_ours_is_noticed)
{
    struct fixture f;
    uint32_t id;

    fixture_init(&f);

    /* Before, and on another connection, nobody knows who it was. */
    redirect_plan_dump_begin(&f.plan);
    told(&f, REDIRECT_ID_FIRST);
    redirect_plan_dump_end(&f.plan);
    id = want(&f);
    expect_foreign(&f, 0, NULL, false);
    redirect_plan_forgive(&f.plan);
    f.service.on_none = TPR_ON_NONE_DROP;
    redirect_plan_dump_begin(&f.plan);
    told(&f, id);
    redirect_plan_dump_end(&f.plan);
    expect_foreign(&f, 0, NULL, false);
    want(&f);
    expect(&f, "", "");

    /* What we wanted and have sent is ours. */
    f.service.on_none = TPR_ON_NONE_PASS;
    want(&f);
    expect(&f, "~74000000 ", "");
    redirect_plan_dump_begin(&f.plan);
    told(&f, id);
    redirect_plan_dump_end(&f.plan);
    expect_foreign(&f, 0, NULL, false);

    /* Somebody changes it, in a way that we are about to want, or not. */
    for (int i = 0; i < 2; i++) {
        f.service.on_none = TPR_ON_NONE_RESET;
        redirect_plan_dump_begin(&f.plan);
        told(&f, id);
        redirect_plan_dump_end(&f.plan);
        expect_foreign(&f, 1, "web", true);
        f.service.on_none = TPR_ON_NONE_PASS;
        expect(&f, "~74000000 ", "");
        redirect_plan_dump_begin(&f.plan);
        told(&f, id);
        redirect_plan_dump_end(&f.plan);
        expect_foreign(&f, 0, NULL, false);
    }

    /* Somebody deletes it. */
    redirect_plan_dump_begin(&f.plan);
    redirect_plan_dump_end(&f.plan);
    expect_foreign(&f, 1, "web", false);
    expect(&f, "+74000000 ", "");

    /* What the switch has refused, it need not have. */
    redirect_plan_refuse(&f.plan, id, true, "TPRC_TABLE_FULL");
    redirect_plan_dump_begin(&f.plan);
    redirect_plan_dump_end(&f.plan);
    expect_foreign(&f, 0, NULL, false);
    f.service.on_none = TPR_ON_NONE_DROP;
    want(&f);
    expect(&f, "+74000000 ", "");
    f.service.on_none = TPR_ON_NONE_PASS;
    want(&f);
    expect(&f, "~74000000 ", "");
    redirect_plan_refuse(&f.plan, id, false, "TPRC_BAD_OUTPUT");
    f.service.on_none = TPR_ON_NONE_DROP;
    redirect_plan_dump_begin(&f.plan);
    told(&f, id);
    redirect_plan_dump_end(&f.plan);
    expect_foreign(&f, 0, NULL, false);

    /* Nor does anybody care for what nobody wants. */
    redirect_plan_unwant(&f.plan, "web");
    redirect_plan_dump_begin(&f.plan);
    redirect_plan_dump_end(&f.plan);
    expect_foreign(&f, 0, NULL, false);
    fixture_destroy(&f);
}
END_TEST

UNIT_MAIN("redirect-plan", object_of_a_service,
          weight_counts_where_there_are_shares,
          backends_without_a_port_are_not_in_it,
          sent_once_and_again_when_changed, each_service_has_an_id,
          restarted_agent_finds_its_objects, restarted_switch_is_told_all,
          a_refused_change_leaves_the_object,
          objects_of_others_are_left_alone, withdrawn_is_no_difference,
          refused_is_not_sent_again, all_ids_taken, what_it_refuses,
          who_changes_what_is_ours_is_noticed)
