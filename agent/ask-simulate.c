/* SPDX-License-Identifier: Apache-2.0 */

/* Answers to "what if?" for ovs-appctl; ask.h says what and why. */

#include <config.h>
#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "counts.h"
#include "json-get.h"
#include "openvswitch/dynamic-string.h"
#include "policy.h"
#include "redirect.h"
#include "simulate.h"
#include "tpr-time.h"
#include "unixctl.h"
#include "util.h"

#define USAGE "[--json] REGION|SERVICE/BACKEND down|up"

/* A question on its way. */
struct what_if {
    struct unixctl_conn *conn;
    bool json;
    struct agent *agent;
    char *object;               /* Region's or backend's name. */
    bool up;
    struct counts *counts;      /* Connections. */
};

/* Text. */

static void
put_names(struct ds *s, const struct json *names)
{
    for (size_t i = 0; i < json_array(names)->n; i++) {
        ds_put_format(s, "%s%s", i ? ", " : "",
                      json_string(json_array(names)->elems[i]));
    }
    if (!json_array(names)->n) {
        ds_put_cstr(s, "nothing");
    }
}

static void
put_service_text(struct ds *s, const struct json *svc)
{
    const struct json *dying = json_get(svc, "dying", JSON_ARRAY);
    const struct json *d;

    ds_put_format(s, "  service %s: ", json_get_string(svc, "service"));
    put_names(s, json_get(svc, "from", JSON_ARRAY));
    if (json_equal(json_get(svc, "from", JSON_ARRAY),
                   json_get(svc, "to", JSON_ARRAY))) {
        ds_put_cstr(s, " as before");
    } else {
        ds_put_cstr(s, " -> ");
        put_names(s, json_get(svc, "to", JSON_ARRAY));
    }
    if (json_get_int(svc, "after_us")) {
        ds_put_cstr(s, " after ");
        tpr_put_us(s, json_get_int(svc, "after_us"));
    }
    if (json_get(svc, "cause", JSON_STRING)) {
        ds_put_format(s, " (%s)", json_get_string(svc, "cause"));
    }
    if (json_get(svc, "on_none", JSON_STRING)) {
        ds_put_format(s, "; on_none=%s", json_get_string(svc, "on_none"));
    }
    ds_put_char(s, '\n');
    JSON_FOR_EACH_ELEM (d, i, dying) {
        ds_put_format(s, "    backend %s dies: ", json_get_string(d, "name"));
        if (json_get(d, "connections", JSON_INTEGER)) {
            ds_put_format(s, "%lld connections, on_down=%s\n",
                          json_get_int(d, "connections"),
                          json_get_string(d, "on_down"));
        } else {
            ds_put_cstr(s, "nobody knows its connections\n");
        }
    }
    if (json_get(svc, "warning", JSON_STRING)) {
        ds_put_format(s, "    warning: %s\n", json_get_string(svc, "warning"));
    }
}

static char *
simulate_text(const struct json *o)
{
    const struct json *services = json_get(o, "services", JSON_ARRAY);
    struct ds s = DS_EMPTY_INITIALIZER;
    const struct json *svc;

    ds_put_format(&s, "if %s went %s now%s: ", json_get_string(o, "object"),
                  json_get_string(o, "event"),
                  json_get_bool(o, "no_news") ? " (which it is)" : "");
    ds_put_format(&s, "%lld of %lld services affected",
                  json_get_int(o, "n_affected"),
                  json_get_int(o, "n_services"));
    if (json_get_int(o, "n_without")) {
        ds_put_format(&s, ", %lld are left without a backend",
                      json_get_int(o, "n_without"));
    }
    if (json_get_bool(o, "panic")) {
        ds_put_cstr(&s, "; so many failures at once exceed the panic "
                    "threshold");
    }
    ds_put_char(&s, '\n');
    JSON_FOR_EACH_ELEM (svc, i, services) {
        put_service_text(&s, svc);
    }
    return ds_steal_cstr(&s);
}

/* JSON. */

static const char *
on_down_name(const struct tpr_service *svc)
{
    switch (tpr_on_down_of(svc->on_down, svc->vip.proto)) {
    case TPR_ON_DOWN_RESET: return "reset";
    case TPR_ON_DOWN_RESELECT: return "reselect";
    case TPR_ON_DOWN_KEEP: return "keep";
    case TPR_ON_DOWN_DEFAULT: break;
    }
    OVS_NOT_REACHED();
}

/* The names of those that get new connections, before or after. */
static struct json *
names(const struct sim_service *s, bool after)
{
    struct json *a = json_array_create_empty();

    for (size_t i = 0; i < s->svc->n_backends; i++) {
        const struct sim_backend *b = &s->backends[i];

        if (after ? b->after : b->before) {
            json_array_add(a, json_string_create(s->svc->backends[i]->name));
        }
    }
    return a;
}

static struct json *
dying(const struct sim_service *s, const struct counts *counts)
{
    struct json *a = json_array_create_empty();

    for (size_t i = 0; i < s->svc->n_backends; i++) {
        const struct tpr_backend *b = s->svc->backends[i];

        if (s->backends[i].dies) {
            struct json *o = json_object_create();

            json_object_put_string(o, "name", b->name);
            json_object_put_string(o, "on_down", on_down_name(s->svc));
            if (counts_get(counts, b->index, COUNT_OPEN) >= 0) {
                json_put_int(o, "connections",
                             counts_get(counts, b->index, COUNT_OPEN));
            }
            json_array_add(a, o);
        }
    }
    return a;
}

/* Warns if the backends that are left cannot take the connections of those
 * that die. */
static void
put_limits(struct json *o, const struct sim_service *s,
           const struct counts *counts)
{
    unsigned long long int room = 0, moving = 0;
    bool limited = true, any = false;

    for (size_t i = 0; i < s->svc->n_backends; i++) {
        const struct tpr_backend *b = s->svc->backends[i];
        unsigned long long int n
            = MAX(0, counts_get(counts, b->index, COUNT_OPEN));

        if (s->backends[i].dies) {
            moving += n;
        } else if (s->backends[i].after) {
            any = true;
            limited &= b->max_connections != 0;
            room += b->max_connections > n ? b->max_connections - n : 0;
        }
    }
    if (any && limited && moving > room) {
        json_put_nocopy(o, "warning", xasprintf(
            "%llu connections would have to move, and limits leave room for "
            "%llu", moving, room));
    }
}

static const char *
on_none_name(const struct tpr_service *svc)
{
    return (svc->on_none == TPR_ON_NONE_PASS ? "pass"
            : svc->on_none == TPR_ON_NONE_RESET ? "reset" : "drop");
}

static struct json *
service_to_json(const struct sim_service *s, const struct counts *counts,
                bool *without)
{
    struct json *o = json_object_create();
    struct json *to = names(s, true);

    *without = !json_array(to)->n;
    json_object_put_string(o, "service", s->svc->name);
    json_object_put(o, "from", names(s, false));
    json_object_put(o, "to", to);
    json_object_put_string(o, "mode", policy_mode_to_string(s->mode));
    json_put_int(o, "after_us", s->after_us);
    if (s->cause) {
        json_object_put_string(o, "cause", s->cause);
    }
    if (*without) {
        json_object_put_string(o, "on_none", on_none_name(s->svc));
    }
    json_object_put(o, "dying", dying(s, counts));
    put_limits(o, s, counts);
    return o;
}

static struct json *
simulation_to_json(const struct what_if *w, const struct simulation *sim)
{
    struct json *services = json_array_create_empty();
    struct json *o = json_object_create();
    int n_affected = 0, n_without = 0;

    for (size_t i = 0; i < sim->n; i++) {
        const struct sim_service *s = &sim->services[i];
        bool without;

        if (s->changes) {
            json_array_add(services, service_to_json(s, w->counts,
                                                     &without));
            n_affected++;
            n_without += without;
        }
    }
    json_object_put_string(o, "object", w->object);
    json_object_put_string(o, "event", w->up ? "up" : "down");
    json_put_bool(o, "no_news", sim->no_news);
    json_put_bool(o, "panic", sim->panic);
    json_put_int(o, "n_services", sim->n);
    json_put_int(o, "n_affected", n_affected);
    json_put_int(o, "n_without", n_without);
    json_object_put(o, "services", services);
    return o;
}

/* The command. */

/* Tries it out.  Returns NULL and stores a sentence in '*error' if there is no
 * such object. */
static struct simulation *
simulate(const struct agent_view *v, const char *object, bool up,
         char **error)
{
    const struct tpr_region *region = tpr_config_region(v->config, object);
    const struct tpr_backend *b = tpr_config_backend(v->config, object);

    *error = NULL;
    if (region) {
        return simulate_region(v->policy, v->config, region, up,
                               tpr_now_us());
    } else if (b && b->check) {
        return simulate_backend(v->policy, v->config, b, up, tpr_now_us());
    }
    *error = (b ? xasprintf("backend %s has no health check: it lives and "
                            "dies with region %s", object, b->region->name)
              : ask_unknown("region or backend", object,
                            &v->config->regions));
    return NULL;
}

/* Connections are counted, as far as anybody does: replies. */
static void
counted(void *w_, struct counts *counts)
{
    struct what_if *w = w_;
    struct simulation *sim;
    struct agent_view v;
    char *error;

    w->counts = counts;
    agent_view(w->agent, &v);
    if (ask_ready(w->conn, &v)) {
        sim = simulate(&v, w->object, w->up, &error);
        if (sim) {
            ask_reply(w->conn, simulation_to_json(w, sim), w->json,
                      simulate_text);
            simulation_destroy(sim);
        } else {
            ask_error(w->conn, error);
        }
    }
    counts_destroy(w->counts);
    free(w->object);
    free(w);
}

static void
ask_simulate(struct unixctl_conn *conn, int argc, const char *argv[],
             void *agent)
{
    const char *words[2] = { NULL, NULL };
    struct simulation *sim;
    struct agent_view v;
    struct what_if *w;
    bool json = false;
    char *error;
    int n = 0;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            json = true;
        } else if (n < 2) {
            words[n++] = argv[i];
        }
    }
    agent_view(agent, &v);
    if (!ask_ready(conn, &v)) {
        return;
    } else if (n < 2 || (strcmp(words[1], "down") && strcmp(words[1], "up"))) {
        ask_error(conn, xstrdup("the command takes " USAGE));
        return;
    }
    sim = simulate(&v, words[0], false, &error);
    if (!sim) {
        ask_error(conn, error);
        return;
    }
    simulation_destroy(sim);
    w = xmalloc(sizeof *w);
    *w = (struct what_if) {
        .conn = conn, .json = json, .agent = agent,
        .object = xstrdup(words[0]), .up = !strcmp(words[1], "up"),
    };
    counts_ask(&v, counted, w);
}

/* Registers the command, which ask_init() does. */
void
ask_simulate_init(struct agent *agent)
{
    unixctl_command_register("tpr/simulate", USAGE, 2, 3, ask_simulate,
                             agent);
}
