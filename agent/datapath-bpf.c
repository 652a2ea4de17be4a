/* SPDX-License-Identifier: Apache-2.0 */

/* Datapath providers "bpf" and "auto": BPF programs before the switch
 * (fast-path.h) and, behind them, the better of "ovs" and "flows".
 *
 *   packet --> program --taken--> rewritten, out of the backend's port
 *                 |
 *                 +--all others--> the switch: the inner provider's objects
 *                                  and flows, as if there were no program
 *
 * Both do the same; "bpf" complains of each service that the programs do not
 * take, "auto" only tells why.
 *
 * Threads: main thread. */

#include <config.h>
#include <stdlib.h>
#include "datapath-of.h"
#include "fast-path.h"
#include "openvswitch/json.h"
#include "trace-flow.h"
#include "util.h"

struct datapath_bpf {
    struct datapath up;
    struct datapath *inner;
    struct fast *fast;          /* NULL: the inner one only. */
    char *why;                  /* Of how(). */
    char *service_why;          /* Of service_how(). */
    char *blind;                /* Of blind(). */
};

static struct datapath_bpf *
datapath_bpf_cast(const struct datapath *dp)
{
    ovs_assert(dp->class == &datapath_bpf_class);
    return CONTAINER_OF(dp, struct datapath_bpf, up);
}

static struct datapath *
bpf_open(const char *bridge)
{
    struct datapath_bpf *db = xzalloc(sizeof *db);

    db->up.class = &datapath_bpf_class;
    db->up.bridge = xstrdup(bridge);
    db->inner = of_open(&datapath_auto_class, OF_WISH_BEST, bridge);
    return &db->up;
}

static void
bpf_equip(struct datapath *dp, const struct dp_env *env)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);

    if (env->liveness && env->vswitch) {
        db->fast = fast_create(db->inner, env);
    }
}

/* Providers without programs would not find these. */
static void
bpf_retire(struct datapath *dp, const struct datapath_class *next)
{
    if (next->close != dp->class->close) {
        fast_clear(datapath_bpf_cast(dp)->fast);
    }
}

static void
bpf_close(struct datapath *dp)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);

    fast_destroy(db->fast);
    db->fast = NULL;            /* Questions end with of_close(). */
    of_close(db->inner);
    free(db->why);
    free(db->service_why);
    free(db->blind);
    free(db->up.bridge);
    free(db);
}

/* What the programs take, the inner one need not be able to carry out. */
static char *
bpf_refuses(const struct datapath *dp, const struct tpr_service *s)
{
    const struct datapath_bpf *db = datapath_bpf_cast(dp);
    const char *why;

    return (fast_takes(db->fast, s->name, &why)
            ? NULL : of_refuses(db->inner, s));
}

/* Says that not all services are taken, if that is so. */
static char *
bpf_warns(const struct datapath *dp)
{
    const struct datapath_bpf *db = datapath_bpf_cast(dp);
    size_t n, n_taken = fast_n_taken(db->fast, &n);
    const char *refusal = fast_refusal(db->fast);
    const char *inner_why;

    if (refusal) {
        return xasprintf("Bridge %s: datapath bpf: %s (%s serves instead)",
                         dp->bridge, refusal, of_how(db->inner, &inner_why));
    }
    return (n_taken < n && fast_is_settled(db->fast)
            ? xasprintf("Bridge %s: datapath bpf: the programs take "
                        "%"PRIuSIZE" of %"PRIuSIZE" services; the services' "
                        "own lines say why", dp->bridge, n_taken, n)
            : NULL);
}

static uint64_t
bpf_set(struct datapath *dp, const struct dp_state *state,
        long long int words_us)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);
    uint64_t seq;

    fast_deaths(db->fast);
    seq = of_set(db->inner, state, words_us);
    fast_set(db->fast, state);
    return seq;
}

static void
bpf_clear(struct datapath *dp)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);

    fast_clear(db->fast);
    of_clear(db->inner);
}

static void
bpf_run(struct datapath *dp, long long int now_us)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);

    fast_deaths(db->fast);
    of_run(db->inner, now_us);
    fast_run(db->fast);
}

static void
bpf_wait(struct datapath *dp)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);

    of_wait(db->inner);
    fast_wait(db->fast);
}

static bool
bpf_applied(const struct datapath *dp, uint64_t *seq, long long int *when_us)
{
    return of_applied(datapath_bpf_cast(dp)->inner, seq, when_us);
}

static bool
bpf_connected(const struct datapath *dp)
{
    return of_connected(datapath_bpf_cast(dp)->inner);
}

/* "bpf" if the programs take anything: the rest goes to the inner one. */
static const char *
bpf_how(const struct datapath *dp, const char **why)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);
    const char *inner_why;
    const char *inner = of_how(db->inner, &inner_why);
    size_t n, n_taken = fast_n_taken(db->fast, &n);
    const char *refusal = fast_refusal(db->fast);

    free(db->why);
    db->why = (n_taken
               ? xasprintf("BPF programs take %"PRIuSIZE" of %"PRIuSIZE
                           " services; behind them %s, %s", n_taken, n, inner,
                           inner_why)
               : db->fast && refusal
               ? xasprintf("%s; no BPF: %s", inner_why, refusal)
               : xstrdup(inner_why));
    *why = db->why;
    return n_taken ? "bpf" : inner;
}

static const char *
bpf_service_how(const struct datapath *dp, const char *service,
                const char **why)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);
    const char *inner_why, *inner, *fast_why;

    if (fast_takes(db->fast, service, &fast_why)) {
        *why = fast_why;
        return "bpf";
    }
    inner = of_how(db->inner, &inner_why);
    free(db->service_why);
    db->service_why = xasprintf("%s; no BPF: %s", inner_why, fast_why);
    *why = db->service_why;
    return inner;
}

static bool
bpf_port(const struct datapath *dp, const char *name, struct dp_port *port)
{
    return of_port(datapath_bpf_cast(dp)->inner, name, port);
}

static unsigned int
bpf_port_seqno(const struct datapath *dp)
{
    const struct datapath_bpf *db = datapath_bpf_cast(dp);

    return of_port_seqno(db->inner) + fast_seqno(db->fast);
}

static void
bpf_show(const struct datapath *dp, struct json *json)
{
    const struct datapath_bpf *db = datapath_bpf_cast(dp);
    const char *why;

    of_show(db->inner, json);
    json_object_put_string(json, "provider", bpf_how(dp, &why));
    json_object_put_string(json, "why", why);
    if (db->fast) {
        fast_show(db->fast, json);
    }
}

/* Passive detection: the programs see it, of what they take. */

static bool
bpf_next_suspect(struct datapath *dp, struct dp_suspect *suspect)
{
    return fast_next_suspect(datapath_bpf_cast(dp)->fast, suspect);
}

static const char *
bpf_blind(const struct datapath *dp, const char *service)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);
    const char *why;

    if (fast_takes(db->fast, service, &why) || !fast_is_settled(db->fast)) {
        return NULL;
    }
    free(db->blind);
    db->blind = xasprintf("only BPF programs see how connections begin, and "
                          "they do not take it: %s", why);
    return db->blind;
}

/* Questions: the inner provider's answer first, and then what the programs add
 * to it. */

struct bpf_question {
    struct datapath_bpf *db;
    char *service;              /* NULL: all. */
    struct dp_conn_query query; /* Of connections. */
    struct in6_addr client;
    struct trace_flow flow;     /* Of traces. */
    dp_answer_func *cb;
    void *aux;
};

static struct bpf_question *
question_create(struct datapath_bpf *db, const char *service,
                dp_answer_func *cb, void *aux)
{
    struct bpf_question *q = xzalloc(sizeof *q);

    q->db = db;
    q->service = nullable_xstrdup(service);
    q->cb = cb;
    q->aux = aux;
    return q;
}

/* Hands on the inner provider's 'answer', or 'error', to which 'o' was
 * added. */
static void
question_end(struct bpf_question *q, struct json *o, const char *error)
{
    bool any = !shash_is_empty(json_object(o));

    if (any && error) {
        json_object_put_string(o, "note", error);
    }
    q->cb(q->aux, any || !error ? o : NULL, error);
    json_destroy(o);
    free(q->service);
    trace_flow_uninit(&q->flow);
    free(q);
}

static void
connections_answered(void *q_, struct json *answer, const char *error)
{
    struct bpf_question *q = q_;
    struct json *o = answer ? json_deep_clone(answer) : json_object_create();

    fast_add_connections(q->db->fast, &q->query, o);
    question_end(q, o, error);
}

static void
bpf_connections(struct datapath *dp, const struct dp_conn_query *query,
                dp_answer_func *cb, void *aux)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);
    struct bpf_question *q = question_create(db, query->service, cb, aux);

    q->query = *query;
    q->query.service = q->service;
    if (query->client) {
        q->client = *query->client;
        q->query.client = &q->client;
    }
    of_connections(db->inner, query, connections_answered, q);
}

static void
trace_answered(void *q_, struct json *answer, const char *error)
{
    struct bpf_question *q = q_;
    struct json *o = answer ? json_deep_clone(answer) : json_object_create();

    fast_add_trace(q->db->fast, q->service, &q->flow, o);
    question_end(q, o, error);
}

static void
bpf_trace(struct datapath *dp, const char *service,
          const struct trace_flow *flow, dp_answer_func *cb, void *aux)
{
    struct datapath_bpf *db = datapath_bpf_cast(dp);
    struct bpf_question *q = question_create(db, service, cb, aux);

    q->flow = *flow;
    q->flow.in_port = xstrdup(flow->in_port);
    of_trace(db->inner, service, flow, trace_answered, q);
}

const struct datapath_class datapath_bpf_class = {
    .name = "bpf",
    .open = bpf_open,
    .equip = bpf_equip,
    .retire = bpf_retire,
    .close = bpf_close,
    .check = redirect_check_service,
    .refuses = bpf_refuses,
    .warns = bpf_warns,
    .set = bpf_set,
    .clear = bpf_clear,
    .run = bpf_run,
    .wait = bpf_wait,
    .applied = bpf_applied,
    .connected = bpf_connected,
    .how = bpf_how,
    .service_how = bpf_service_how,
    .port = bpf_port,
    .port_seqno = bpf_port_seqno,
    .show = bpf_show,
    .next_suspect = bpf_next_suspect,
    .blind = bpf_blind,
    .connections = bpf_connections,
    .trace = bpf_trace,
};
