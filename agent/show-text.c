/* SPDX-License-Identifier: Apache-2.0 */

/* Text for people, from JSON: see show-private.h. */

#include <config.h>
#include "show-private.h"

#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "timeval.h"
#include "tpr-time.h"
#include "util.h"

static const char *
get_str(const struct json *o, const char *name)
{
    const struct json *j = shash_find_data(json_object(o), name);

    return j && j->type == JSON_STRING ? json_string(j) : "";
}

static long long int
get_int(const struct json *o, const char *name)
{
    const struct json *j = shash_find_data(json_object(o), name);

    return j && j->type == JSON_INTEGER ? json_integer(j) : 0;
}

static bool
get_bool(const struct json *o, const char *name)
{
    const struct json *j = shash_find_data(json_object(o), name);

    return j && j->type == JSON_TRUE;
}

static const struct json *
get(const struct json *o, const char *name)
{
    return shash_find_data(json_object(o), name);
}

static void
put_region_line(struct ds *s, const struct json *r)
{
    ds_put_format(s, "  region %s: %s for ", get_str(r, "name"),
                  get_str(r, "state"));
    tpr_put_us(s, get_int(r, "since_us"));
    if (get_bool(r, "draining")) {
        ds_put_cstr(s, ", draining");
    }
    if (get(r, "held_for_us")) {
        ds_put_cstr(s, ", held down after flapping for another ");
        tpr_put_us(s, get_int(r, "held_for_us"));
    }
    ds_put_format(s, "; port %s%s, %s", get_str(r, "port"),
                  get_bool(r, "link_up") ? "" : " (link down)",
                  get_str(r, "heartbeat"));
    if (get(r, "peer")) {
        ds_put_format(s, " to %s", get_str(r, "peer"));
        ds_put_cstr(s, ", detect ");
        tpr_put_us(s, get(r, "detect_us") ? get_int(r, "detect_us")
               : get_int(r, "interval_us") * get_int(r, "fall"));
    }
    ds_put_char(s, '\n');
    if (get(r, "bfd") && get(get(r, "bfd"), "warning")) {
        ds_put_format(s, "    warning: %s\n",
                      get_str(get(r, "bfd"), "warning"));
    }
}

static void
put_kernel(struct ds *s, const struct json *k)
{
    if (!k) {
        return;
    }
    ds_put_format(s, "    detection by the %s, transmission by the %s",
                  get_bool(k, "detection") ? "kernel" : "agent",
                  get_bool(k, "transmission") ? "kernel" : "agent");
    if (get(k, "why")) {
        ds_put_format(s, " (%s)", get_str(k, "why"));
    }
    if (get(k, "max_late_us")) {
        ds_put_cstr(s, "; the kernel was late by at most ");
        tpr_put_us(s, get_int(k, "max_late_us"));
        ds_put_cstr(s, ", its beats by ");
        tpr_put_us(s, get_int(k, "max_tx_late_us"));
        ds_put_format(s, ", stalls excused %lld", get_int(k, "excused"));
    }
    ds_put_char(s, '\n');
}

static void
put_regions(struct ds *s, const struct json *regions)
{
    for (size_t i = 0; i < json_array(regions)->n; i++) {
        const struct json *r = json_array(regions)->elems[i];

        put_region_line(s, r);
        put_kernel(s, get(r, "kernel"));
    }
}

static void
put_suspicion(struct ds *s, const struct json *suspicion)
{
    if (!suspicion) {
        return;
    }
    if (get_bool(suspicion, "suspect")) {
        ds_put_cstr(s, "; SUSPECT for ");
        tpr_put_us(s, get_int(suspicion, "since_us"));
    } else {
        ds_put_cstr(s, "; last suspect ");
        tpr_put_us(s, get_int(suspicion, "last_age_us"));
        ds_put_cstr(s, " ago");
    }
    ds_put_format(s, " (clients were refused %lld times and left without an "
                  "answer %lld times)", get_int(suspicion, "refused"),
                  get_int(suspicion, "silent"));
}

/* The weight, where 'policy' goes by it, and what it is to become. */
static void
put_weight(struct ds *s, const char *policy, const struct json *b)
{
    long long int weight = get_int(b, "weight");
    long long int whole = get_int(b, "configured_weight");

    if (strcmp(policy, "failover") && strcmp(policy, "round-robin")) {
        ds_put_format(s, ", weight %lld", weight);
        if (weight != whole) {
            ds_put_format(s, " of %lld", whole);
        }
    }
}

static void
put_backend_line(struct ds *s, const char *policy, const struct json *b)
{
    const struct json *check = get(b, "check");
    const struct json *agent = get(b, "agent");

    ds_put_format(s, "    %s %s: %s", get_bool(b, "serves") ? "->" : "  ",
                  get_str(b, "name"), get_str(b, "address"));
    if (get(b, "port")) {
        ds_put_format(s, " port %lld", get_int(b, "port"));
    }
    ds_put_format(s, ", %spriority %lld", get_bool(b, "backup") ? "backup, "
                  : "", get_int(b, "priority"));
    if (!agent) {
        put_weight(s, policy, b);
    }
    ds_put_format(s, ", %s", get_str(b, "reason"));
    if (check) {
        ds_put_format(s, "; check %s (%s)", get_str(check, "state"),
                      get_str(check, "last"));
    }
    if (agent) {
        ds_put_format(s, "; weight %lld, agent says \"%s\"",
                      get_int(b, "weight"), get_str(agent, "says"));
        if (!get_bool(agent, "answers")) {
            ds_put_format(s, " (%s)", (*get_str(agent, "last")
                                       ? get_str(agent, "last")
                                       : "not asked yet"));
        }
    }
    put_suspicion(s, get(b, "suspicion"));
    ds_put_char(s, '\n');
}

/* Those who serve, each after a comma, few; or how many. */
static void
put_servers(struct ds *s, const struct json *backends)
{
    enum { MAX = 4 };
    size_t n = 0, length = s->length;

    for (size_t i = 0; i < json_array(backends)->n; i++) {
        const struct json *b = json_array(backends)->elems[i];

        if (get_bool(b, "serves")) {
            ds_put_format(s, "%s%s", n++ ? ", " : "", get_str(b, "name"));
        }
    }
    if (n > MAX) {
        ds_truncate(s, length);
        ds_put_format(s, "%"PRIuSIZE" backends", n);
    } else if (!n) {
        ds_put_cstr(s, "no backend");
    }
}

static void
put_services(struct ds *s, const struct json *services)
{
    for (size_t i = 0; i < json_array(services)->n; i++) {
        const struct json *svc = json_array(services)->elems[i];
        const struct json *backends = get(svc, "backends");
        const char *policy = get_str(svc, "policy");
        bool manual = !strcmp(get_str(svc, "mode"), "manual");

        ds_put_format(s, "  service %s %s, %s: ", get_str(svc, "name"),
                      get_str(svc, "vip"), policy);
        put_servers(s, backends);
        ds_put_format(s, ", %s since ",
                      manual ? "MANUAL" : get_str(svc, "mode"));
        tpr_put_us(s, get_int(svc, "since_us"));
        ds_put_char(s, '\n');
        if (get(svc, "provider")) {
            ds_put_format(s, "       by %s%s%s\n", get_str(svc, "provider"),
                          get(svc, "why") ? ": " : "", get_str(svc, "why"));
        }
        for (size_t j = 0; j < json_array(backends)->n; j++) {
            put_backend_line(s, policy, json_array(backends)->elems[j]);
        }
    }
}

/* The ports that BPF programs are attached to, or why not. */
static void
put_ports(struct ds *s, const struct json *ports)
{
    for (size_t i = 0; ports && i < json_array(ports)->n; i++) {
        const struct json *p = json_array(ports)->elems[i];

        ds_put_format(s, "    port %s: %s (%s)", get_str(p, "name"),
                      get_str(p, "mode"), get_str(p, "why"));
        if (get_int(p, "drops")) {
            ds_put_format(s, ", %lld packets dropped on the way to it",
                          get_int(p, "drops"));
        }
        ds_put_char(s, '\n');
    }
}

/* Returns what people see of show_to_json(), malloc'd, as all texts are. */
char *
show_text(const struct json *o)
{
    const struct json *complaints = get(o, "complaints");
    const struct json *bridges = get(o, "bridges");
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "%s\n", get_str(o, "summary"));
    if (!get_bool(o, "database_connected")) {
        ds_put_cstr(&s, "  the TPR database is out of reach: the last "
                    "configuration stays in force\n");
    }
    for (size_t i = 0; i < json_array(complaints)->n; i++) {
        ds_put_format(&s, "  complaint: %s\n",
                      json_string(json_array(complaints)->elems[i]));
    }
    for (size_t i = 0; i < json_array(bridges)->n; i++) {
        const struct json *b = json_array(bridges)->elems[i];

        ds_put_format(&s, "  bridge %s: provider %s%s%s%s, %s\n",
                      get_str(b, "name"), get_str(b, "provider"),
                      get(b, "why") ? " (" : "", get_str(b, "why"),
                      get(b, "why") ? ")" : "",
                      get_bool(b, "connected") ? "connected"
                      : "switch is away");
        put_ports(&s, get(b, "bpf_ports"));
        if (get_int(b, "bpf_lost")) {
            ds_put_format(&s, "    %lld packets dropped: no port for them\n",
                          get_int(b, "bpf_lost"));
        }
    }
    put_regions(&s, get(o, "regions"));
    put_services(&s, get(o, "services"));
    return ds_steal_cstr(&s);
}

static void
put_heartbeat(struct ds *s, const struct json *r)
{
    const struct json *bfd = get(r, "bfd");
    const struct json *bad = get(r, "rx_bad");
    struct shash_node *node;

    put_region_line(s, r);
    ds_put_format(s, "    path %s%s%s%s, %s\n", get_str(r, "path"),
                  get(r, "local") ? ", from " : "", get_str(r, "local"),
                  get_bool(r, "realtime") ? ", real-time" : "",
                  get_bool(r, "link_up") ? "link up" : "link down");
    if (bfd) {
        ds_put_format(s, "    session %s (%s), peer %s (%s), "
                      "discriminators %lld/%lld, sends every ",
                      get_str(bfd, "state"), get_str(bfd, "diag"),
                      get_str(bfd, "remote_state"),
                      get_str(bfd, "remote_diag"), get_int(bfd, "my_discr"),
                      get_int(bfd, "your_discr"));
        tpr_put_us(s, get_int(bfd, "tx_interval_us"));
        ds_put_format(s, ", flaps %lld\n", get_int(bfd, "flaps"));
    }
    ds_put_format(s, "    beats %lld, sent %lld, received %lld, send errors "
                  "%lld, last beat ", get_int(r, "beats"), get_int(r, "tx"),
                  get_int(r, "rx"), get_int(r, "tx_errors"));
    if (get(r, "last_beat_age_us")) {
        tpr_put_us(s, get_int(r, "last_beat_age_us"));
        ds_put_cstr(s, " ago");
    } else {
        ds_put_cstr(s, "never");
    }
    ds_put_cstr(s, "\n    longest gap ");
    tpr_put_us(s, get_int(r, "max_gap_us"));
    ds_put_cstr(s, ", own worst lateness ");
    tpr_put_us(s, get_int(r, "max_late_us"));
    ds_put_format(s, ", stalls excused %lld, up %lld, down %lld\n",
                  get_int(r, "stalls_excused"), get_int(r, "went_up"),
                  get_int(r, "went_down"));
    put_kernel(s, get(r, "kernel"));
    if (bad) {
        SHASH_FOR_EACH (node, json_object(bad)) {
            ds_put_format(s, "    discarded: %"PRId64", %s\n",
                          json_integer(node->data), node->name);
        }
    }
}

/* Of show_regions_to_json(). */
char *
show_heartbeats_text(const struct json *regions)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < json_array(regions)->n; i++) {
        put_heartbeat(&s, json_array(regions)->elems[i]);
    }
    return ds_steal_cstr(&s);
}

/* Of show_services_to_json(). */
char *
show_services_text(const struct json *services)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    put_services(&s, services);
    return ds_steal_cstr(&s);
}

/* Of show_history_to_json(). */
char *
show_history_text(const struct json *history)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < json_array(history)->n; i++) {
        const struct json *e = json_array(history)->elems[i];

        ds_put_format(&s, "%lld ", get_int(e, "seq"));
        ds_put_strftime_msec(&s, "%Y-%m-%d %H:%M:%S.###",
                             get_int(e, "when_ms"), false);
        ds_put_format(&s, " %s %s", get_str(e, "event"),
                      get_str(e, "object"));
        if (get_str(e, "to")[0]) {
            ds_put_format(&s, " %s -> %s", get_str(e, "from"),
                          get_str(e, "to"));
        }
        ds_put_format(&s, ": %s", get_str(e, "reason"));
        if (get(e, "silence_us")) {
            ds_put_cstr(&s, " [silence ");
            tpr_put_us(&s, get_int(e, "silence_us"));
            ds_put_char(&s, ']');
        }
        if (get(e, "applied_us")) {
            ds_put_cstr(&s, " [switch changed in ");
            tpr_put_us(&s, get_int(e, "applied_us"));
            ds_put_char(&s, ']');
        }
        ds_put_char(&s, '\n');
    }
    return ds_steal_cstr(&s);
}
