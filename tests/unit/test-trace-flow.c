/* SPDX-License-Identifier: Apache-2.0 */

/* Tests of trace-flow.c: flows as people write them, and what the switch says
 * of them. */

#include <config.h>
#include "trace-flow.h"
#include "openvswitch/dynamic-string.h"
#include "unit.h"

static const struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,50);

/* A service at 10.0.0.100 or 2001:db8::100. */
static void
make_service(struct tpr_service *svc, bool v4)
{
    char *error = tpr_parse_vip(v4 ? "10.0.0.100:80,8000-8010/tcp"
                                : "[2001:db8::100]:80/tcp", &svc->vip);

    ck_assert_ptr_null(error);
}

/* 's' is a packet to the service that ofproto/trace gets as 'want', or "- " and
 * why not. */
static void
expect(bool v4, const char *s, const char *want, const char *assumed)
{
    struct tpr_service svc = { .name = NULL };
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct trace_flow f;
    char *error, *got;

    make_service(&svc, v4);
    error = trace_flow_parse(s, &f);
    ck_assert_msg(!error, "\"%s\": %s", s, error);
    trace_flow_complete(&f, &svc, &mac);
    got = trace_flow_mismatch(&f, &svc);
    if (got) {
        ds_put_format(&ds, "- %s", got);
    } else {
        got = trace_flow_format(&f);
        ds_put_cstr(&ds, got);
    }
    ck_assert_str_eq(ds_cstr(&ds), want);
    ds_clear(&ds);
    trace_flow_format_assumed(&f, &ds);
    ck_assert_str_eq(ds_cstr(&ds), assumed);
    ds_destroy(&ds);
    free(got);
    trace_flow_uninit(&f);
}

START_TEST(client_alone)
{
    expect(true, "10.0.0.9:4321",
           "in_port=LOCAL,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:50,"
           "tcp,nw_src=10.0.0.9,nw_dst=10.0.0.100,nw_ttl=64,tp_src=4321,"
           "tp_dst=80", "in_port, dl_src, dl_dst, nw_proto, nw_dst, tp_dst");
    expect(true, "10.0.0.9",
           "in_port=LOCAL,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:50,"
           "tcp,nw_src=10.0.0.9,nw_dst=10.0.0.100,nw_ttl=64,tp_src=65000,"
           "tp_dst=80",
           "in_port, dl_src, dl_dst, nw_proto, nw_dst, tp_src, tp_dst");
    expect(false, "[2001:db8::9]:1",
           "in_port=LOCAL,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:50,"
           "tcp6,ipv6_src=2001:db8::9,ipv6_dst=2001:db8::100,nw_ttl=64,"
           "tp_src=1,tp_dst=80",
           "in_port, dl_src, dl_dst, nw_proto, nw_dst, tp_dst");
}
END_TEST

START_TEST(whole_flow)
{
    expect(true, "in_port=eth0,dl_src=00:00:00:00:00:01,"
           "dl_dst=00:00:00:00:00:02,dl_vlan=7,tcp,nw_src=1.2.3.4,"
           "nw_dst=10.0.0.100,tcp_src=5,tp_dst=8003",
           "in_port=eth0,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,"
           "dl_vlan=7,tcp,nw_src=1.2.3.4,nw_dst=10.0.0.100,nw_ttl=64,"
           "tp_src=5,tp_dst=8003", "");
    expect(true, "", "in_port=LOCAL,dl_src=02:00:00:00:00:01,"
           "dl_dst=02:00:00:00:00:50,tcp,nw_src=192.0.2.1,nw_dst=10.0.0.100,"
           "nw_ttl=64,tp_src=65000,tp_dst=80", "in_port, dl_src, dl_dst, "
           "nw_proto, nw_src, nw_dst, tp_src, tp_dst");
}
END_TEST

START_TEST(not_its_packet)
{
    expect(true, "nw_dst=10.0.0.101", "- it goes to another address",
           "in_port, dl_src, dl_dst, nw_proto, nw_src, tp_src, tp_dst");
    expect(true, "udp", "- it has another protocol",
           "in_port, dl_src, dl_dst, nw_src, nw_dst, tp_src, tp_dst");
    expect(true, "icmp", "- it has another protocol",
           "in_port, dl_src, dl_dst, nw_src, nw_dst");
    expect(true, "tcp6", "- it is IPv6",
           "in_port, dl_src, dl_dst, nw_src, nw_dst, tp_src, tp_dst");
    expect(true, "2001:db8::9", "- it is IPv6",
           "in_port, dl_src, dl_dst, nw_proto, nw_dst, tp_src, tp_dst");
    expect(false, "10.0.0.9", "- it is IPv4",
           "in_port, dl_src, dl_dst, nw_proto, nw_dst, tp_src, tp_dst");
    expect(true, "tp_dst=8011", "- it goes to another port", "in_port, "
           "dl_src, dl_dst, nw_proto, nw_src, nw_dst, tp_src");
}
END_TEST

static void
refuse(const char *s, const char *part)
{
    struct trace_flow f;
    char *error = trace_flow_parse(s, &f);

    ck_assert_msg(error && strstr(error, part), "\"%s\": %s", s,
                  error ? error : "taken");
    free(error);
    trace_flow_uninit(&f);
}

START_TEST(bad_flows)
{
    refuse("nw_src=10.0.0.300", "10.0.0.300");
    refuse("nw_tos=3", "nw_tos is no field");
    refuse("gre", "gre is no protocol");
    refuse("tp_src=65536", "tp_src=65536");
    refuse("tp_src=x", "tp_src=x");
    refuse("in_port=", "in_port=");
    refuse("nw_src=10.0.0.1,ipv6_dst=::1", "mixes");
    refuse("tcp6,nw_src=10.0.0.1", "mixes");
    refuse("1.2.3", "1.2.3");
    refuse("1.2.3.4:0", "is not a number");
}
END_TEST

/* What "ofproto/trace" says of a packet to a redirect object. */
static const char native[] =
    "Flow: tcp,in_port=1\n\nbridge(\"br0\")\n-------------\n"
    " 0. tcp,in_port=1, priority 50000, cookie 0x7\n"
    "    resubmit(,3)\n"
    " 3. tcp,nw_dst=10.0.0.100, priority 40003, cookie 0x7470722001000000\n"
    "    redirect(1946157056)\n"
    "     -> backend 0: 10.0.0.1 priority 1, region down\n"
    "     -> backend 1: 10.0.0.2 priority 2, usable, policy chooses it, by "
    "ring slot 7 of 1021, in place of backend 0\n"
    "    NORMAL\n"
    "     -> no learned MAC for destination, flooding\n\n"
    "Final flow: unchanged\nMegaflow: recirc_id=0\n"
    "Datapath actions: redirect(id=1,scope=1),2\n";

#define COOKIE 0x7470722000000000ULL
#define MASK   0xffffffff00000000ULL

START_TEST(answer_of_an_object)
{
    struct trace_answer a;

    trace_answer_parse(&a, native, COOKIE, MASK);
    ck_assert_str_eq(a.rule, "tcp,nw_dst=10.0.0.100, priority 40003, "
                     "cookie 0x7470722001000000");
    ck_assert(a.ours && a.met && !a.connection && !a.note);
    ck_assert_int_eq(a.chosen, 1);
    ck_assert_int_eq(a.n_whys, 2);
    ck_assert_str_eq(a.whys[0], "region down");
    ck_assert_str_eq(a.whys[1], "usable");
    ck_assert_str_eq(a.how, "by ring slot 7 of 1021, in place of backend 0");
    ck_assert(!a.held);
    ck_assert_str_eq(a.actions, "redirect(id=1,scope=1),2");
    trace_answer_uninit(&a);
}
END_TEST

START_TEST(answer_of_an_object_by_affinity)
{
    struct trace_answer a;

    trace_answer_parse(&a, " 3. tcp, priority 40003, cookie "
                       "0x7470722001000000\n"
                       "    redirect(1946157056)\n"
                       "     -> backend 0: 10.0.0.1 priority 1, usable\n"
                       "     -> backend 1: 10.0.0.2 priority 2, usable, "
                       "chosen by affinity\n", COOKIE, MASK);
    ck_assert(a.ours && a.met && a.held && !a.how);
    ck_assert_int_eq(a.chosen, 1);
    ck_assert_int_eq(a.n_whys, 2);
    ck_assert_str_eq(a.whys[1], "usable");
    trace_answer_uninit(&a);
}
END_TEST

START_TEST(answer_of_a_connection)
{
    struct in6_addr want;
    struct trace_answer a;

    trace_answer_parse(&a, " 0. ip, priority 1, cookie 0x7470722001000000\n"
                       "    redirect(7)\n"
                       "     -> connection: redirect 1 proto 6 10.0.0.9:1 -> "
                       "10.0.0.100:80 -> 10.0.0.2:8080 in_port 3 expires in "
                       "5000 ms syn\n", COOKIE, MASK);
    ck_assert(a.met && a.chosen < 0);
    ck_assert_str_eq(a.connection, "10.0.0.9:1 -> 10.0.0.100:80 -> "
                     "10.0.0.2:8080 in_port 3 expires in 5000 ms syn");
    ck_assert(!tpr_parse_address("10.0.0.2", &want));
    ck_assert_mem_eq(&a.backend, &want, sizeof want);
    ck_assert_int_eq(a.backend_port, 8080);
    trace_answer_uninit(&a);
}
END_TEST

START_TEST(answer_of_others)
{
    struct trace_answer a;

    trace_answer_parse(&a, " 0. tcp, priority 65000, cookie 0x7\n    drop\n"
                       "Datapath actions: drop\n", COOKIE, MASK);
    ck_assert_str_eq(a.rule, "tcp, priority 65000, cookie 0x7");
    ck_assert(!a.ours && !a.met);
    ck_assert_str_eq(a.actions, "drop");
    trace_answer_uninit(&a);

    trace_answer_parse(&a, "    redirect(7)\n     >> not redirected: the "
                       "packet came in by a tunnel\n", COOKIE, MASK);
    ck_assert_str_eq(a.note, "not redirected: the packet came in by a "
                     "tunnel");
    ck_assert(!a.rule);
    trace_answer_uninit(&a);

    trace_answer_parse(&a, "", COOKIE, MASK);
    ck_assert(!a.rule && !a.actions && !a.ours);
    trace_answer_uninit(&a);
}
END_TEST

UNIT_MAIN("trace-flow", client_alone, whole_flow, not_its_packet, bad_flows,
          answer_of_an_object, answer_of_an_object_by_affinity,
          answer_of_a_connection, answer_of_others)
