/* SPDX-License-Identifier: Apache-2.0 */

/* Connections and traces for ovs-appctl; ask.h says what and why. */

#include <config.h>
#include "ask.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "datapath.h"
#include "json-get.h"
#include "openvswitch/dynamic-string.h"
#include "plan.h"
#include "policy.h"
#include "trace-flow.h"
#include "unixctl.h"
#include "util.h"

enum {
    CONNECTIONS_LIMIT = 100,    /* Listed if nothing else is said, */
    CONNECTIONS_MAX = 1000,     /* and at most: the agent has other work. */
    NAMES_MAX = 10,             /* In a sentence. */
    MAX_ARGS = 16,              /* Of a command, its name included. */
};

/* A question on its way. */
struct ask {
    struct unixctl_conn *conn;
    bool json;
    struct agent *agent;
    struct json *o;             /* The reply as far as it is known. */
};

/* Replies. */

/* Replies with 'j', as it is or as 'to_text' prints it; frees 'j'. */
void
ask_reply(struct unixctl_conn *conn, struct json *j, bool json,
          char *(*to_text)(const struct json *))
{
    char *text = json ? json_to_string(j, JSSF_SORT) : to_text(j);

    unixctl_command_reply(conn, text);
    free(text);
    json_destroy(j);
}

/* Replies with 'error', which this frees. */
void
ask_error(struct unixctl_conn *conn, char *error)
{
    unixctl_command_reply_error(conn, error);
    free(error);
}

/* Returns a sentence: there is no 'what' called 'name', but 'all' of these. */
char *
ask_unknown(const char *what, const char *name, const struct shash *all)
{
    const struct shash_node **sorted = shash_sort(all);
    struct ds s = DS_EMPTY_INITIALIZER;
    size_t n = shash_count(all);

    ds_put_format(&s, "there is no %s %s; ", what, name);
    if (n) {
        ds_put_format(&s, "there %s ", n == 1 ? "is" : "are");
    } else {
        ds_put_cstr(&s, "there is none at all");
    }
    for (size_t i = 0; i < MIN(n, NAMES_MAX); i++) {
        ds_put_format(&s, "%s%s", i ? ", " : "", sorted[i]->name);
    }
    if (n > NAMES_MAX) {
        ds_put_format(&s, " and %"PRIuSIZE" more", n - NAMES_MAX);
    }
    free(sorted);
    return ds_steal_cstr(&s);
}

/* Returns true if the agent knows enough to answer anything, else replies
 * why not. */
bool
ask_ready(struct unixctl_conn *conn, const struct agent_view *v)
{
    if (v->config && v->plan) {
        return true;
    }
    ask_error(conn, xstrdup(v->standby
                            ? "another agent acts on the database"
                            : "the agent has no configuration yet"));
    return false;
}

static struct ask *
ask_create(struct unixctl_conn *conn, bool json, struct agent *agent)
{
    struct ask *ask = xmalloc(sizeof *ask);

    *ask = (struct ask) {
        .conn = conn, .json = json, .agent = agent,
        .o = json_object_create(),
    };
    return ask;
}

/* Returns the provider that carries 'svc', or NULL: no bridge has it. */
static struct datapath *
provider_of(const struct agent_view *v, const struct tpr_service *svc)
{
    const char *bridge = plan_service_bridge(v->plan, svc);

    return bridge ? shash_find_data(v->bridges, bridge) : NULL;
}

static void
put_service(struct json *o, const struct tpr_service *svc,
            const struct datapath *dp)
{
    const char *why = NULL;

    json_object_put_string(o, "service", svc->name);
    json_put_nocopy(o, "vip", tpr_format_vip(&svc->vip));
    json_object_put_string(o, "policy", tpr_policy_to_string(svc->policy));
    if (dp) {
        json_object_put_string(o, "bridge", dp->bridge);
        json_object_put_string(o, "provider",
                               (dp->class->service_how
                                ? dp->class->service_how(dp, svc->name, &why)
                                : dp->class->how ? dp->class->how(dp, &why)
                                : dp->class->name));
    }
}

/* Copies the arguments without "--json" to 'args', which has room for as many,
 * and returns how many these are. */
static int
take_json(int argc, const char *argv[], const char *args[], bool *json)
{
    int n = 0;

    *json = false;
    for (int i = 0; i < argc; i++) {
        if (i && !strcmp(argv[i], "--json")) {
            *json = true;
        } else {
            args[n++] = argv[i];
        }
    }
    return n;
}

/* Looks for the service that argument 1 names; NULL after an error reply. */
static const struct tpr_service *
find_service(struct unixctl_conn *conn, const struct agent_view *v, int argc,
             const char *argv[], const char *usage)
{
    const struct tpr_service *svc;

    if (argc < 2) {
        ask_error(conn, xasprintf("the command takes %s", usage));
        return NULL;
    }
    svc = tpr_config_service(v->config, argv[1]);
    if (!svc) {
        ask_error(conn, ask_unknown("service", argv[1],
                                    &v->config->services));
    }
    return svc;
}

/* Connections: text. */

static void
put_end(struct ds *s, const char *address, long long int port)
{
    const char *format = strchr(address, ':') ? "[%s]:%lld" : "%s:%lld";

    ds_put_format(s, format, address, port);
}

static void
put_connection(struct ds *s, const struct json *c)
{
    const char *backend = json_get_string(c, "backend");

    ds_put_cstr(s, "  ");
    put_end(s, json_get_string(c, "client"), json_get_int(c, "client_port"));
    ds_put_cstr(s, " -> ");
    put_end(s, json_get_string(c, "vip"), json_get_int(c, "vip_port"));
    ds_put_format(s, " -> %s (region %s) ",
                  backend[0] ? backend : "a former backend",
                  json_get_string(c, "region"));
    put_end(s, json_get_string(c, "backend_address"),
            json_get_int(c, "backend_port"));
    ds_put_format(s, ": %s", json_get_string(c, "state"));
    if (json_get(c, "idle_ms", JSON_INTEGER)) {
        ds_put_cstr(s, ", idle ");
        tpr_put_us(s, json_get_int(c, "idle_ms") * 1000);
    }
    if (json_get(c, "expires_ms", JSON_INTEGER)) {
        ds_put_cstr(s, ", expires in ");
        tpr_put_us(s, json_get_int(c, "expires_ms") * 1000);
    }
    if (json_get(c, "packets", JSON_INTEGER)) {
        ds_put_format(s, ", %lld packets, %lld bytes",
                      json_get_int(c, "packets"), json_get_int(c, "bytes"));
    }
    if (json_get(c, "in_port", JSON_STRING)) {
        ds_put_format(s, ", client at %s", json_get_string(c, "in_port"));
    }
    ds_put_char(s, '\n');
}

static void
put_backend(struct ds *s, const struct json *b)
{
    ds_put_format(s, "  backend %s, region %s: %lld connections",
                  json_get_string(b, "backend"), json_get_string(b, "region"),
                  json_get_int(b, "connections"));
    if (json_get(b, "total", JSON_INTEGER)) {
        ds_put_format(s, ", %lld in all", json_get_int(b, "total"));
    }
    if (json_get(b, "packets", JSON_INTEGER)) {
        ds_put_format(s, ", %lld packets (%lld bytes) to it, %lld (%lld) "
                      "back", json_get_int(b, "packets"),
                      json_get_int(b, "bytes"),
                      json_get_int(b, "rev_packets"),
                      json_get_int(b, "rev_bytes"));
    }
    ds_put_char(s, '\n');
}

static char *
connections_text(const struct json *o)
{
    const struct json *list = json_get(o, "connections", JSON_ARRAY);
    const struct json *backends = json_get(o, "backends", JSON_ARRAY);
    const char *note = json_get_string(o, "note");
    struct ds s = DS_EMPTY_INITIALIZER;
    const struct json *elem;

    ds_put_format(&s, "service %s %s, provider %s",
                  json_get_string(o, "service"), json_get_string(o, "vip"),
                  json_get_string(o, "provider"));
    if (list) {
        ds_put_format(&s, ": %lld connections", json_get_int(o, "matching"));
        if (json_get_int(o, "matching") > (long long) json_array(list)->n) {
            ds_put_format(&s, ", the first %"PRIuSIZE" of them follow "
                          "(limit=N)", json_array(list)->n);
        }
    }
    ds_put_format(&s, "\n%s%s%s", note[0] ? "  " : "", note,
                  note[0] ? "\n" : "");
    JSON_FOR_EACH_ELEM (elem, i, backends) {
        put_backend(&s, elem);
    }
    JSON_FOR_EACH_ELEM (elem, i, list) {
        put_connection(&s, elem);
    }
    return ds_steal_cstr(&s);
}

/* Connections: the answer. */

/* Returns the backend of 'svc' with liveness word 'word', or NULL. */
static const struct tpr_backend *
backend_by_word(const struct tpr_service *svc, long long int word)
{
    for (size_t i = 0; svc && i < svc->n_backends; i++) {
        if (svc->backends[i]->index == word) {
            return svc->backends[i];
        }
    }
    return NULL;
}

/* Returns 'list', whose objects have a "word", with names of backends of 'svc'
 * and regions added. */
static struct json *
add_names(const struct tpr_service *svc, const struct json *list)
{
    struct json *named = json_array_create_empty();
    const struct json *elem;

    JSON_FOR_EACH_ELEM (elem, i, list) {
        const struct tpr_backend *b
            = backend_by_word(svc, json_get_int(elem, "word"));
        struct json *o = json_deep_clone(elem);

        json_object_put_string(o, "backend", b ? b->name : "");
        json_object_put_string(o, "region", b ? b->region->name : "");
        json_array_add(named, o);
    }
    return named;
}

/* Returns the service that the reply is about, or NULL: it is gone. */
static const struct tpr_service *
service_of(const struct ask *ask)
{
    struct agent_view v;

    agent_view(ask->agent, &v);
    return (v.config ? tpr_config_service(v.config,
                                          json_get_string(ask->o, "service"))
            : NULL);
}

static void
connections_answered(void *ask_, struct json *answer, const char *error)
{
    struct ask *ask = ask_;
    const struct tpr_service *svc;

    if (!answer) {
        unixctl_command_reply_error(ask->conn, error);
        json_destroy(ask->o);
        free(ask);
        return;
    }
    svc = service_of(ask);
    if (json_get(answer, "note", JSON_STRING)) {
        json_object_put_string(ask->o, "note",
                               json_get_string(answer, "note"));
    }
    if (json_get(answer, "connections", JSON_ARRAY)) {
        json_object_put(ask->o, "backends", add_names(
            svc, json_get(answer, "counts", JSON_ARRAY)));
        json_object_put(ask->o, "connections", add_names(
            svc, json_get(answer, "connections", JSON_ARRAY)));
        json_put_int(ask->o, "matching", json_get_int(answer, "matching"));
    }
    ask_reply(ask->conn, ask->o, ask->json, connections_text);
    free(ask);
}

/* Connections: the question. */

#define CONNECTIONS_USAGE "[--json] SERVICE [region=REGION] " \
    "[backend=BACKEND] [client=ADDRESS] [limit=N]"

/* Returns what stands after "KEY=" in 'arg', or NULL if that is not there. */
static const char *
value_of(const char *arg, const char *key)
{
    size_t n = strlen(key);

    return !strncmp(arg, key, n) && arg[n] == '=' ? arg + n + 1 : NULL;
}

static char *
parse_backend(const struct tpr_service *svc, const char *name,
              struct dp_conn_query *q)
{
    const struct tpr_backend *b = tpr_service_find_backend(svc, name);
    struct shash names = SHASH_INITIALIZER(&names);
    char *error;

    for (size_t i = 0; i < svc->n_backends; i++) {
        shash_add_once(&names, svc->backends[i]->name, NULL);
        if (!strcmp(svc->backends[i]->name, name)) {
            b = svc->backends[i];
        }
    }
    error = b ? NULL : ask_unknown("backend", name, &names);
    shash_destroy(&names);
    if (b) {
        q->word = b->index;
    }
    return error;
}

/* Takes a filter into 'q'; 'client' is where its address shall be. */
static char *
parse_filter(const struct agent_view *v, const struct tpr_service *svc,
             const char *arg, struct dp_conn_query *q,
             struct in6_addr *client)
{
    const char *value;

    if ((value = value_of(arg, "region")) != NULL) {
        const struct tpr_region *r = tpr_config_region(v->config, value);

        if (!r) {
            return ask_unknown("region", value, &v->config->regions);
        }
        q->region = r->index;
        return NULL;
    } else if ((value = value_of(arg, "backend")) != NULL) {
        return parse_backend(svc, value, q);
    } else if ((value = value_of(arg, "client")) != NULL) {
        q->client = client;
        return tpr_parse_address(value, client);
    } else if ((value = value_of(arg, "limit")) != NULL) {
        return (str_to_uint(value, 10, &q->limit)
                && q->limit <= CONNECTIONS_MAX ? NULL
                : xasprintf("limit=%s is not a number from 0 to %d", value,
                            CONNECTIONS_MAX));
    }
    return xasprintf("%s: unknown argument; the command takes "
                     CONNECTIONS_USAGE, arg);
}

static void
ask_connections(struct unixctl_conn *conn, int argc, const char *argv[],
                void *agent)
{
    struct dp_conn_query q = {
        .region = TPR_NO_WORD, .word = TPR_NO_WORD,
        .limit = CONNECTIONS_LIMIT,
    };
    const char *args[MAX_ARGS];
    const struct tpr_service *svc;
    struct in6_addr client;
    struct datapath *dp;
    struct agent_view v;
    struct ask *ask;
    bool json;

    argc = take_json(argc, argv, args, &json);
    agent_view(agent, &v);
    if (!ask_ready(conn, &v)) {
        return;
    }
    svc = find_service(conn, &v, argc, args, CONNECTIONS_USAGE);
    if (!svc) {
        return;
    }
    q.service = svc->name;
    for (int i = 2; i < argc; i++) {
        char *error = parse_filter(&v, svc, args[i], &q, &client);

        if (error) {
            ask_error(conn, error);
            return;
        }
    }
    dp = provider_of(&v, svc);
    if (!dp) {
        ask_error(conn, xasprintf("no bridge has service %s now", svc->name));
        return;
    }
    ask = ask_create(conn, json, agent);
    put_service(ask->o, svc, dp);
    if (dp->class->connections) {
        dp->class->connections(dp, &q, connections_answered, ask);
    } else {
        json_put_nocopy(ask->o, "note", xasprintf(
            "provider %s does not tell connections", dp->class->name));
        ask_reply(conn, ask->o, json, connections_text);
        free(ask);
    }
}

/* Traces: text. */

static void
put_rewrite(struct ds *s, const struct json *rewrite)
{
    const char *separator = "    rewritten: ";
    struct shash_node *node;

    if (shash_is_empty(json_object(rewrite))) {
        ds_put_cstr(s, "    nothing is rewritten\n");
        return;
    }
    SHASH_FOR_EACH (node, json_object(rewrite)) {
        const struct json *value = node->data;

        ds_put_format(s, "%s%s=", separator, node->name);
        if (value->type == JSON_STRING) {
            ds_put_cstr(s, json_string(value));
        } else {
            ds_put_format(s, "%"PRId64, json_integer(value));
        }
        separator = ", ";
    }
    ds_put_char(s, '\n');
}

/* What the programs before the switch do. */
static void
put_before(struct ds *s, const struct json *before)
{
    const char *backend = json_get_string(before, "backend");

    ds_put_format(s, "  BPF programs: %s",
                  json_get_bool(before, "here") ? "they take it"
                  : "they would take it at a port that has one");
    if (json_get(before, "connection", JSON_STRING)) {
        ds_put_format(s, "\n    existing connection: %s",
                      json_get_string(before, "connection"));
    }
    if (backend[0]) {
        ds_put_format(s, "\n    -> %s, because %s", backend,
                      json_get_string(before, "because"));
    }
    if (json_get(before, "note", JSON_STRING)) {
        ds_put_format(s, "\n    %s", json_get_string(before, "note"));
    }
    ds_put_char(s, '\n');
}

/* What the switch said. */
static void
put_switch(struct ds *s, const struct json *sw)
{
    const char *backend = json_get_string(sw, "backend");
    const struct json *rewrite = json_get(sw, "rewrite", JSON_OBJECT);

    if (!json_get(sw, "rule", JSON_STRING)) {
        ds_put_format(s, "  switch: %s\n", json_get_string(sw, "note"));
        return;
    }
    ds_put_format(s, "  switch: %s flow decides: %s\n",
                  json_get_bool(sw, "takes") ? "the agent's" : "another",
                  json_get_string(sw, "rule"));
    if (json_get(sw, "connection", JSON_STRING)) {
        ds_put_format(s, "    existing connection: %s\n",
                      json_get_string(sw, "connection"));
    }
    if (backend[0]) {
        ds_put_format(s, "    -> %s by port %s, because %s\n", backend,
                      json_get_string(sw, "port"),
                      json_get_string(sw, "because"));
    }
    if (json_get(sw, "note", JSON_STRING)) {
        ds_put_format(s, "    %s\n", json_get_string(sw, "note"));
    }
    if (rewrite) {
        put_rewrite(s, rewrite);
    }
    ds_put_format(s, "    datapath actions: %s\n",
                  json_get_string(sw, "actions"));
}

static char *
trace_text(const struct json *o)
{
    const struct json *backends = json_get(o, "backends", JSON_ARRAY);
    const struct json *sw = json_get(o, "switch", JSON_OBJECT);
    const struct json *before = sw ? json_get(sw, "before", JSON_OBJECT)
                                   : NULL;
    const struct json *decider = (before && json_get_bool(before, "here")
                                  ? before : sw);
    const char *other = json_get_string(o, "other_service");
    struct ds s = DS_EMPTY_INITIALIZER;
    const struct json *b;

    ds_put_format(&s, "flow: %s\n", json_get_string(o, "flow"));
    if (json_get_string(o, "assumed")[0]) {
        ds_put_format(&s, "  assumed: %s\n", json_get_string(o, "assumed"));
    }
    ds_put_format(&s, "service %s %s, policy %s",
                  json_get_string(o, "service"), json_get_string(o, "vip"),
                  json_get_string(o, "policy"));
    if (json_get(o, "mismatch", JSON_STRING)) {
        ds_put_format(&s, ": not its packet, %s; %s%s\n",
                      json_get_string(o, "mismatch"),
                      other[0] ? "it is service " : "no service has it",
                      other);
        return ds_steal_cstr(&s);
    }
    ds_put_format(&s, ", provider %s\n", json_get_string(o, "provider"));
    JSON_FOR_EACH_ELEM (b, i, backends) {
        const char *name = json_get_string(b, "name");
        const char *why = json_get_string(b, "switch_says");
        bool gets = (decider ? !strcmp(name, json_get_string(decider,
                                                             "backend"))
                     : json_get_bool(b, "active"));

        ds_put_format(&s, "  %s %s: priority %lld, %s%s%s\n",
                      gets ? "->" : "  ", name, json_get_int(b, "priority"),
                      json_get_string(b, "reason"),
                      why[0] ? "; the switch says: " : "", why);
    }
    if (before) {
        put_before(&s, before);
    }
    if (sw) {
        put_switch(&s, sw);
    }
    if (json_get(o, "error", JSON_STRING)) {
        ds_put_format(&s, "  switch: %s\n", json_get_string(o, "error"));
    }
    return ds_steal_cstr(&s);
}

/* Traces: the answer. */

/* Returns what the switch says of the backend with 'word', or NULL. */
static const char *
why_of(const struct json *whys, unsigned int word)
{
    const struct json *why;

    JSON_FOR_EACH_ELEM (why, i, whys) {
        if (json_get_int(why, "word") == word) {
            return json_get_string(why, "why");
        }
    }
    return NULL;
}

/* Adds what the policy thinks of the backends of 'svc'; 'whys', which may be
 * NULL, is the switch's opinion. */
static void
put_candidates(struct json *o, const struct policy *policy,
               const struct tpr_service *svc, const struct json *whys)
{
    const struct tpr_backend *active = policy_active(policy, svc, NULL, NULL);
    struct json *backends = json_array_create_empty();

    for (size_t i = 0; i < svc->n_backends; i++) {
        const struct tpr_backend *b = svc->backends[i];
        const char *why = why_of(whys, b->index);
        struct json *backend = json_object_create();

        json_object_put_string(backend, "name", b->name);
        json_object_put_string(backend, "region", b->region->name);
        json_put_int(backend, "priority", b->priority);
        json_put_bool(backend, "active", b == active);
        json_object_put_string(backend, "reason", policy_reason_to_string(
            policy_usable(policy, b)));
        if (why) {
            json_object_put_string(backend, "switch_says", why);
        }
        json_array_add(backends, backend);
    }
    json_object_put(o, "backends", backends);
}

/* Adds the name of the backend whose word 'o' has. */
static void
name_backend(const struct tpr_service *svc, struct json *o)
{
    const struct tpr_backend *b
        = (json_get(o, "word", JSON_INTEGER)
           ? backend_by_word(svc, json_get_int(o, "word")) : NULL);

    if (b) {
        json_object_put_string(o, "backend", b->name);
        json_object_put_string(o, "region", b->region->name);
    }
}

/* The provider's answer, with names of backends. */
static struct json *
name_answer(const struct tpr_service *svc, const struct json *answer)
{
    struct json *o = json_deep_clone(answer);
    const struct json *before = json_get(o, "before", JSON_OBJECT);

    name_backend(svc, o);
    if (before) {
        name_backend(svc, CONST_CAST(struct json *, before));
    }
    return o;
}

static void
trace_answered(void *ask_, struct json *answer, const char *error)
{
    struct ask *ask = ask_;
    const struct tpr_service *svc = service_of(ask);
    struct agent_view v;

    agent_view(ask->agent, &v);
    if (answer) {
        json_object_put(ask->o, "switch", name_answer(svc, answer));
    } else {
        json_object_put_string(ask->o, "error", error);
    }
    if (svc) {
        put_candidates(ask->o, v.policy, svc,
                       answer ? json_get(answer, "whys", JSON_ARRAY) : NULL);
    }
    ask_reply(ask->conn, ask->o, ask->json, trace_text);
    free(ask);
}

/* Traces: the question. */

#define TRACE_USAGE "[--json] SERVICE CLIENT[:PORT]|FLOW"

/* Adds which service 'f' is a packet to, if any. */
static void
put_other_service(struct json *o, const struct agent_view *v,
                  const struct trace_flow *f)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &v->config->services) {
        char *mismatch = trace_flow_mismatch(f, node->data);

        if (!mismatch) {
            json_object_put_string(o, "other_service", node->name);
        }
        free(mismatch);
    }
}

/* Asks for 'f', which is complete. */
static void
trace(struct unixctl_conn *conn, bool json, struct agent *agent,
      const struct agent_view *v, const struct tpr_service *svc,
      const struct trace_flow *f)
{
    struct ask *ask = ask_create(conn, json, agent);
    struct datapath *dp = provider_of(v, svc);
    char *mismatch = trace_flow_mismatch(f, svc);
    struct ds assumed = DS_EMPTY_INITIALIZER;

    put_service(ask->o, svc, dp);
    json_put_nocopy(ask->o, "flow", trace_flow_format(f));
    trace_flow_format_assumed(f, &assumed);
    json_put_nocopy(ask->o, "assumed", ds_steal_cstr(&assumed));
    if (mismatch) {
        json_put_nocopy(ask->o, "mismatch", mismatch);
        put_other_service(ask->o, v, f);
        ask_reply(conn, ask->o, json, trace_text);
        free(ask);
    } else if (!dp || !dp->class->trace) {
        char *error = (dp ? xasprintf("provider %s cannot trace",
                                      dp->class->name)
                       : xstrdup("no bridge has the service now"));

        trace_answered(ask, NULL, error);
        free(error);
    } else {
        dp->class->trace(dp, svc->name, f, trace_answered, ask);
    }
}

static void
ask_trace(struct unixctl_conn *conn, int argc, const char *argv[],
          void *agent)
{
    const char *args[MAX_ARGS];
    struct ds words = DS_EMPTY_INITIALIZER;
    const struct tpr_service *svc;
    struct plan_input in;
    struct agent_view v;
    struct eth_addr mac;
    struct trace_flow f;
    char *error;
    bool json;

    argc = take_json(argc, argv, args, &json);
    agent_view(agent, &v);
    if (!ask_ready(conn, &v)) {
        return;
    }
    svc = find_service(conn, &v, argc, args, TRACE_USAGE);
    if (!svc) {
        return;
    }
    for (int i = 2; i < argc; i++) {
        ds_put_format(&words, "%s%s", i > 2 ? "," : "", args[i]);
    }
    error = trace_flow_parse(ds_cstr(&words), &f);
    ds_destroy(&words);
    if (error) {
        ask_error(conn, error);
    } else {
        in = (struct plan_input) { .config = v.config, .policy = v.policy,
                                   .neigh = v.neigh };
        plan_vip_mac(v.plan, &in, svc, &mac);
        trace_flow_complete(&f, svc, &mac);
        trace(conn, json, agent, &v, svc, &f);
    }
    trace_flow_uninit(&f);
}

/* Registers the commands that ask on behalf of 'agent', which must outlive
 * them. */
void
ask_init(struct agent *agent)
{
    unixctl_command_register("tpr/connections", CONNECTIONS_USAGE, 1, 6,
                             ask_connections, agent);
    unixctl_command_register("tpr/trace", TRACE_USAGE, 1,
                             MAX_ARGS - 1, ask_trace, agent);
    ask_simulate_init(agent);
    ask_top_init(agent);
}
