/* SPDX-License-Identifier: Apache-2.0 */

/* The BPF programs' part of answers to people, as datapath.h has them: see
 * fast-path.h.  It is added to what the inner provider has answered.
 *
 * Threads: main thread. */

#include <config.h>
#include "fast-path.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json-get.h"
#include "loader.h"
#include "packets.h"
#include "redirect-check.h"
#include "redirect-plan.h"
#include "trace-flow.h"
#include "util.h"

static uint32_t
now_bpf_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return tpr_bpf_ms(now.tv_sec * 1000000000ULL + now.tv_nsec);
}

/* Returns array 'name' of 'o', made if it is not there. */
static struct json *
get_array(struct json *o, const char *name)
{
    struct json *a = CONST_CAST(struct json *, json_get(o, name, JSON_ARRAY));

    if (!a) {
        a = json_array_create_empty();
        json_object_put(o, name, a);
    }
    return a;
}

/* Connections. */

static void
add_number(struct json *o, const char *name, uint64_t n)
{
    json_put_int(o, name, json_get_int(o, name) + n);
}

/* Returns the object in 'counts' that is about 'word', made if there is
 * none. */
static struct json *
get_count(struct json *counts, uint32_t word)
{
    struct json *o;

    for (size_t i = 0; i < json_array(counts)->n; i++) {
        o = json_array(counts)->elems[i];
        if (json_get_int(o, "word") == word) {
            return o;
        }
    }
    o = json_object_create();
    json_put_int(o, "word", word);
    json_array_add(counts, o);
    return o;
}

/* Adds the numbers of the object that 'found' tells to 'counts'. */
static void
add_counts(const struct fast_found *found, struct json *counts, bool merge)
{
    struct tpr_redirect_stats stats;

    if (tpr_bpf_get_stats(found->bpf, found->id, &stats)) {
        return;
    }
    for (uint32_t i = 0; i < MIN(stats.n_backends, found->r->n_backends);
         i++) {
        const struct tpr_backend_stats *s = &stats.backends[i];
        uint32_t word = found->r->backends[i].word;
        struct json *o = json_object_create();

        if (merge) {
            json_destroy(o);
            o = get_count(counts, word);
        } else {
            json_put_int(o, "word", word);
            json_array_add(counts, o);
        }
        add_number(o, "connections", s->connections);
        add_number(o, "total", s->total_connections);
        add_number(o, "packets", s->packets);
        add_number(o, "bytes", s->bytes);
        add_number(o, "rev_packets", s->rev_packets);
        add_number(o, "rev_bytes", s->rev_bytes);
    }
    free(stats.backends);
}

/* The same for one of many, for which a backend need not be listed once
 * only. */
static void
add_counts_of(void *counts, const struct fast_found *found)
{
    add_counts(found, counts, false);
}

struct listing {
    const struct dp_conn_query *query;
    struct json *list;
    long long int n_matching;
};

static void
put_address(struct json *o, const char *name, const struct tpr_addr *addr)
{
    struct in6_addr in6;

    memcpy(&in6, addr, sizeof in6);
    json_put_nocopy(o, name, tpr_format_address(&in6));
}

static void
add_connection(void *l_, const struct tpr_conn_view *view)
{
    struct listing *l = l_;
    const struct dp_conn_query *q = l->query;
    char ifname[IF_NAMESIZE];
    struct json *o;

    if ((q->client && memcmp(q->client, &view->client, sizeof *q->client))
        || (q->region != TPR_NO_WORD && q->region != view->region)
        || (q->word != TPR_NO_WORD && q->word != view->word)) {
        return;
    }
    l->n_matching++;
    if (json_array(l->list)->n >= q->limit) {
        return;
    }
    o = json_object_create();
    put_address(o, "client", &view->client);
    json_put_int(o, "client_port", view->client_port);
    put_address(o, "vip", &view->vip);
    json_put_int(o, "vip_port", view->vip_port);
    json_put_int(o, "proto", view->proto);
    json_put_int(o, "word", view->word);
    put_address(o, "backend_address", &view->backend);
    json_put_int(o, "backend_port", view->backend_port);
    json_object_put_string(o, "state", view->state);
    json_put_int(o, "idle_ms", view->idle_ms);
    json_put_int(o, "expires_ms", view->expires_ms);
    if (view->in_port && if_indextoname(view->in_port, ifname)) {
        json_object_put_string(o, "in_port", ifname);
    }
    json_array_add(l->list, o);
}

/* Adds the programs' connections to 'answer', the inner provider's.  Where
 * the programs take the service, what that says of it does not count. */
void
fast_add_connections(struct fast *f, const struct dp_conn_query *query,
                     struct json *answer)
{
    struct fast_found found;

    if (!query->service) {
        fast_for_each(f, add_counts_of, get_array(answer, "counts"));
    } else if (fast_find(f, query->service, &found)) {
        struct listing l = {
            .query = query, .list = get_array(answer, "connections"),
        };

        json_destroy(shash_find_and_delete(json_object(answer), "note"));
        add_counts(&found, get_array(answer, "counts"), true);
        tpr_bpf_each_connection(found.bpf, found.id, now_bpf_ms(),
                                add_connection, &l);
        add_number(answer, "matching", l.n_matching);
    }
}

/* Traces. */

/* The connection that a traced packet belongs to. */
struct search {
    const struct trace_flow *flow;
    bool found;
    struct tpr_conn_view view;
};

static void
compare(void *s_, const struct tpr_conn_view *view)
{
    struct search *s = s_;
    const struct trace_flow *f = s->flow;

    if (view->proto == f->proto && view->client_port == f->tp_src
        && view->vip_port == f->tp_dst
        && !memcmp(&view->client, &f->src, sizeof f->src)) {
        s->found = true;
        s->view = *view;
    }
}

static void
tuple_of(const struct trace_flow *f, struct tpr_tuple *tuple)
{
    *tuple = (struct tpr_tuple) { .proto = f->proto };
    memcpy(&tuple->src, &f->src, sizeof tuple->src);
    memcpy(&tuple->dst, &f->dst, sizeof tuple->dst);
    if (tpr_proto_has_ports(f->proto)) {
        tuple->sport = tpr_swap16(f->tp_src);
        tuple->dport = tpr_swap16(f->tp_dst);
    }
}

/* Says whom a new connection would be given, and why. */
static void
put_choice(const struct fast_found *found, const struct trace_flow *flow,
           struct json *o)
{
    struct tpr_bpf_choice *choice = xmalloc(sizeof *choice);
    struct json *whys = json_array_create_empty();
    struct tpr_tuple tuple;

    tuple_of(flow, &tuple);
    json_object_put(o, "whys", whys);
    if (tpr_bpf_choose(found->bpf, found->id, &tuple, now_bpf_ms(),
                       choice)) {
        free(choice);
        return;
    }
    for (int i = 0; i < found->r->n_backends; i++) {
        struct json *why = json_object_create();

        json_put_int(why, "word", found->r->backends[i].word);
        json_object_put_string(why, "why", tpr_why_name(choice->why[i]));
        json_array_add(whys, why);
    }
    if (choice->held) {
        json_object_put_string(o, "because", "its client had it before "
                               "(affinity)");
    } else if (choice->chosen >= 0 && choice->ring_size) {
        json_put_nocopy(o, "because", xasprintf(
            "policy %s chooses it by ring slot %u of %u",
            tpr_policy_name(found->r->policy), choice->slot,
            choice->ring_size));
    } else if (choice->chosen >= 0) {
        json_put_nocopy(o, "because", xasprintf(
            "policy %s chooses it", tpr_policy_name(found->r->policy)));
    } else {
        json_object_put_string(o, "note", "no backend is usable");
    }
    if (choice->chosen >= 0) {
        json_put_int(o, "word", found->r->backends[choice->chosen].word);
    }
    free(choice);
}

/* Adds "before" to 'answer', the inner provider's: what the programs do with
 * the packet, if it comes in by a port that has one. */
void
fast_add_trace(struct fast *f, const char *service,
               const struct trace_flow *flow, struct json *answer)
{
    struct search search = { .flow = flow };
    struct fast_found found;
    struct json *o;

    if (!fast_find(f, service, &found)) {
        return;
    }
    o = json_object_create();
    tpr_bpf_each_connection(found.bpf, found.id, now_bpf_ms(), compare,
                            &search);
    if (search.found) {
        json_put_nocopy(o, "connection", xasprintf(
            "%s, idle %u ms", search.view.state, search.view.idle_ms));
        json_put_int(o, "word", search.view.word);
        json_object_put_string(o, "because", "the connection has it");
    } else {
        put_choice(&found, flow, o);
    }
    json_put_bool(o, "here", fast_has_program(f, flow->in_port));
    json_object_put(answer, "before", o);
}
