/* SPDX-License-Identifier: Apache-2.0 */

/* Questions to providers that speak OpenFlow: connections and traces.
 *
 * OpenFlow tells neither, so they go to ovs-vswitchd's control socket
 * (switch-ctl.h): "tpr/connections" of the patched switch, and "ofproto/trace"
 * of any.  What is answered in OpenFlow's ids, liveness words and addresses is
 * translated to names here, when the answer is there: services may have come
 * and gone meanwhile.
 *
 * Threads: main thread. */

#include <config.h>
#include "datapath-of.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "json-get.h"
#include "packets.h"
#include "switch-ctl.h"
#include "trace-flow.h"
#include "util.h"

/* A question on its way. */
struct question {
    struct datapath_of *df;
    char *service;              /* NULL: all. */
    dp_answer_func *cb;
    void *aux;
};

static struct question *
question_create(struct datapath_of *df, const char *service,
                dp_answer_func *cb, void *aux)
{
    struct question *q = xmalloc(sizeof *q);

    *q = (struct question) {
        .df = df, .service = nullable_xstrdup(service), .cb = cb, .aux = aux,
    };
    return q;
}

/* Gives 'answer', which this destroys, or 'error'; 'q' is gone then. */
static void
question_end(struct question *q, struct json *answer, const char *error)
{
    q->cb(q->aux, answer, error);
    json_destroy(answer);
    free(q->service);
    free(q);
}

/* Connections. */

/* Returns the backend of 's' with liveness word 'word', or NULL. */
static const struct dp_target *
target_by_word(const struct dp_service *s, uint32_t word)
{
    for (size_t i = 0; s && i < s->n_targets; i++) {
        if (s->targets[i].word == word) {
            return &s->targets[i];
        }
    }
    return NULL;
}

/* Adds the numbers of the switch's redirect 'r' to 'counts'. */
static void
add_counts(const struct json *r, struct json *counts)
{
    static const char *const names[] = {
        "word", "connections", "total", "packets", "bytes", "rev_packets",
        "rev_bytes",
    };
    const struct json *backends = json_get(r, "backends", JSON_ARRAY);
    const struct json *b;

    JSON_FOR_EACH_ELEM (b, i, backends) {
        struct json *o = json_object_create();

        for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
            if (json_get(b, names[j], JSON_INTEGER)) {
                json_put_int(o, names[j], json_get_int(b, names[j]));
            }
        }
        json_array_add(counts, o);
    }
}

/* The switch's 'reply' as datapath.h has it. */
static struct json *
translate_connections(const struct datapath_of *df, const struct json *reply)
{
    const struct json *redirects = json_get(reply, "redirects", JSON_ARRAY);
    const struct json *list = json_get(reply, "connections", JSON_ARRAY);
    struct json *counts = json_array_create_empty();
    struct json *o = json_object_create();
    const struct json *r;

    JSON_FOR_EACH_ELEM (r, i, redirects) {
        const struct redirect_object *object = redirect_plan_find_id(
            &df->redirects.plan, json_get_int(r, "id"));

        if (object && object->service) {        /* Else it is another's. */
            add_counts(r, counts);
        }
    }
    json_object_put(o, "counts", counts);
    json_object_put(o, "connections", (list ? json_deep_clone(list)
                                       : json_array_create_empty()));
    json_put_int(o, "matching", json_get_int(reply, "matching"));
    return o;
}

static void
cb_connections(void *q_, bool ok, const char *text)
{
    struct question *q = q_;
    struct json *reply;
    char *error;

    if (ok) {
        reply = json_from_string(text);
        if (reply->type == JSON_OBJECT) {
            question_end(q, translate_connections(q->df, reply), NULL);
        } else {
            question_end(q, NULL, "the switch's answer is not understood");
        }
        json_destroy(reply);
        return;
    }
    error = xasprintf("the switch does not tell its connections: %s", text);
    question_end(q, NULL, error);
    free(error);
}

/* Plain flows have no connections; says what they do instead. */
static struct json *
explain_flows(const struct datapath_of *df, const char *service)
{
    const struct dp_service *s = (service ? of_owners_service(df, service)
                                  : NULL);
    struct json *o = json_object_create();

    if (!s || !s->active) {
        json_object_put_string(o, "note",
                               "provider flows keeps no connections");
    } else if (s->policy == TPR_POLICY_WEIGHTED) {
        json_put_nocopy(o, "note", xasprintf(
            "provider flows keeps no connections: a hash of the client's "
            "address%s decides which backend gets a packet to %s",
            s->vip.n_ports ? " and port" : "", service));
    } else {
        char *addr = tpr_format_address(&s->active->addr);

        json_put_nocopy(o, "note", xasprintf(
            "provider flows keeps no connections: every packet to %s goes to "
            "%s by port %s, and what that answers goes back to the client by "
            "its MAC address", service, addr, s->active->port));
        free(addr);
    }
    return o;
}

/* Asks the switch for connections; see datapath.h. */
void
of_connections(struct datapath *dp, const struct dp_conn_query *query,
               dp_answer_func *cb, void *aux)
{
    struct datapath_of *df = datapath_of_cast(dp);
    const struct redirect_object *object
        = (query->service ? redirect_plan_find(&df->redirects.plan,
                                               query->service) : NULL);
    struct question *q = question_create(df, query->service, cb, aux);
    const char *args[7] = { dp->bridge };
    size_t n = 1;

    if (!df->native) {
        question_end(q, explain_flows(df, query->service), NULL);
        return;
    } else if (query->service && !object) {
        question_end(q, NULL, "the switch has no redirect object for the "
                     "service: nothing can serve it, or it is left out");
        return;
    }
    if (query->service) {
        args[n++] = xasprintf("id=%"PRIu32, object->id);
    }
    args[n++] = xasprintf("limit=%u", query->limit);
    if (query->region != TPR_NO_WORD) {
        args[n++] = xasprintf("region=%"PRIu32, query->region);
    }
    if (query->word != TPR_NO_WORD) {
        args[n++] = xasprintf("word=%"PRIu32, query->word);
    }
    if (query->client) {
        char *client = tpr_format_address(query->client);

        args[n++] = xasprintf("client=%s", client);
        free(client);
    }
    switch_ctl_ask(df->ctl, "tpr/connections", args, n, cb_connections, q);
    for (size_t i = 1; i < n; i++) {
        free(CONST_CAST(char *, args[i]));
    }
}

/* Traces. */

static void
put_rewrites(struct json *o, const struct dp_service *s,
             const struct dp_target *t)
{
    struct json *rewrite = json_object_create();

    json_put_int(o, "word", t->word);
    json_object_put_string(o, "port", t->port);
    if (!ipv6_addr_equals(&t->addr, &s->vip.addr) || t->l4_port
        || t->routed) {
        json_put_nocopy(rewrite, "eth_dst", xasprintf(
            ETH_ADDR_FMT, ETH_ADDR_ARGS(t->mac)));
        if (!s->stateless) {
            json_put_nocopy(rewrite, "ip_dst", tpr_format_address(&t->addr));
        }
        if (t->l4_port) {
            json_put_int(rewrite, "tp_dst", t->l4_port);
        }
        if (t->routed) {
            json_put_nocopy(rewrite, "eth_src", xasprintf(
                ETH_ADDR_FMT, ETH_ADDR_ARGS(s->vip_mac)));
        }
    }
    if (t->vlan) {
        json_put_int(rewrite, "vlan", t->vlan);
    }
    json_object_put(o, "rewrite", rewrite);
}

/* Returns the backend of 's' that the switch's object has as number 'i'. */
static const struct dp_target *
target_by_index(const struct datapath_of *df, const struct dp_service *s,
                size_t i)
{
    const struct redirect_object *object
        = redirect_plan_find(&df->redirects.plan, s->name);
    const struct tpr_redirect *r = object ? object->have : NULL;

    return (r && i < r->n_backends ? target_by_word(s, r->backends[i].word)
            : NULL);
}

/* Returns the backend of 's' that has this address; 'port' is what a client's
 * packet has there. */
static const struct dp_target *
target_by_address(const struct dp_service *s, const struct in6_addr *addr,
                  uint16_t port)
{
    for (size_t i = 0; i < s->n_targets; i++) {
        const struct dp_target *t = &s->targets[i];

        if (ipv6_addr_equals(&t->addr, addr)
            && (!t->l4_port || t->l4_port == port)) {
            return t;
        }
    }
    return NULL;
}

/* What the switch's redirect object does with the packet. */
static void
put_native(struct json *o, const struct datapath_of *df,
           const struct dp_service *s, const struct trace_answer *a)
{
    const struct dp_target *t = NULL;
    struct json *whys = json_array_create_empty();

    for (size_t i = 0; i < a->n_whys; i++) {
        const struct dp_target *other = target_by_index(df, s, i);

        if (other) {
            struct json *why = json_object_create();

            json_put_int(why, "word", other->word);
            json_object_put_string(why, "why", a->whys[i]);
            json_array_add(whys, why);
        }
    }
    json_object_put(o, "whys", whys);
    if (a->connection) {
        json_object_put_string(o, "connection", a->connection);
        t = target_by_address(s, &a->backend, a->backend_port);
        json_object_put_string(o, "because", "the connection has it");
    } else if (a->chosen >= 0) {
        t = target_by_index(df, s, a->chosen);
        if (a->held) {
            json_object_put_string(o, "because", "its client had it before "
                                   "(affinity)");
        } else {
            json_put_nocopy(o, "because", xasprintf(
                "policy %s chooses it%s%s", tpr_policy_to_string(s->policy),
                a->how ? " " : "", a->how ? a->how : ""));
        }
    }
    if (t) {
        put_rewrites(o, s, t);
    }
}

/* What plain flows do with it.  A backend that has the service's address
 * itself needs none of the agent's. */
static void
put_flows(struct json *o, const struct dp_service *s,
          const struct trace_answer *a)
{
    const struct dp_target *t = (a->ours && a->bucket != UINT32_MAX
                                 ? flow_bucket_target(s, a->bucket) : NULL);

    if (t) {
        put_rewrites(o, s, t);
        json_put_nocopy(o, "because", xasprintf(
            "its bucket %"PRIu32" wins by hash", a->bucket));
    } else if (s->policy == TPR_POLICY_WEIGHTED) {
        return;
    } else if (a->ours && s->active) {
        put_rewrites(o, s, s->active);
        json_object_put_string(o, "because", "the agent's policy chose it");
    } else if (s->identity && a->actions && strcmp(a->actions, "drop")) {
        put_rewrites(o, s, s->active);
        json_object_put_string(o, "because", "it has the service's address "
                               "itself and the switch forwards as usual");
    }
}

static struct json *
translate_trace(const struct datapath_of *df, const struct dp_service *s,
                const struct trace_answer *a)
{
    struct json *o = json_object_create();
    bool takes = df->native ? a->met : a->ours;

    json_put_bool(o, "takes", takes);
    if (a->rule) {
        json_object_put_string(o, "rule", a->rule);
    }
    if (a->note) {
        json_object_put_string(o, "note", a->note);
    }
    if (a->actions) {
        json_object_put_string(o, "actions", a->actions);
    }
    if (!df->native) {
        put_flows(o, s, a);
    } else if (takes) {
        put_native(o, df, s, a);
    }
    return o;
}

static void
cb_trace(void *q_, bool ok, const char *text)
{
    struct question *q = q_;
    const struct dp_service *s = (ok ? of_owners_service(q->df, q->service)
                                  : NULL);
    struct trace_answer a;
    char *error;

    if (s) {
        trace_answer_parse(&a, text, FLOW_COOKIE, FLOW_COOKIE_MASK);
        question_end(q, translate_trace(q->df, s, &a), NULL);
        trace_answer_uninit(&a);
        return;
    }
    error = (ok ? xasprintf("service %s is not in this bridge any more",
                            q->service)
             : xasprintf("the switch does not trace the packet: %s", text));
    question_end(q, NULL, error);
    free(error);
}

/* Asks the switch for the way of 'flow'; see datapath.h. */
void
of_trace(struct datapath *dp, const char *service,
         const struct trace_flow *flow, dp_answer_func *cb, void *aux)
{
    struct datapath_of *df = datapath_of_cast(dp);
    struct question *q = question_create(df, service, cb, aux);
    char *text = trace_flow_format(flow);
    const char *args[] = { dp->bridge, text };

    if (of_owners_service(df, service)) {
        switch_ctl_ask(df->ctl, "ofproto/trace", args, ARRAY_SIZE(args),
                       cb_trace, q);
    } else {
        question_end(q, NULL, "the service is not carried out now: nothing "
                     "is proven to live yet, bypass is on, or it is left "
                     "out");
    }
    free(text);
}
