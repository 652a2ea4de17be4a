/* SPDX-License-Identifier: Apache-2.0 */

/* Metrics as text; metrics.h says what of.  First comes the table of all
 * samples, then what reads it. */

#include <config.h>
#include "metrics.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "counts.h"
#include "json-get.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#include "util.h"

/* What a sample is about: its labels, and the object its value is in. */
enum scope {
    AGENT,                      /* No labels; the whole. */
    BRIDGE,                     /* "bridge" */
    PORT,                       /* "bridge", "port" */
    REGION,                     /* "region" */
    SERVICE,                    /* "service" */
    BACKEND,                    /* "service", "backend", "region" */
};

/* How the value is made of what is at 'path'. */
enum how {
    INT,                        /* An integer. */
    US,                         /* An integer, of microseconds. */
    BOOL,                       /* true or false. */
    PERCENT,                    /* An integer, of hundredths. */
    IS,                         /* A word: is it 'word'? */
    GIVEN,                      /* Is there anything? */
    LENGTH,                     /* An array: how long is it? */
    EACH,                       /* An object of integers: 'label' names each */
    LABELS,                     /* 1; 'word' names more labels, by what the
                                 * object has of these names. */
    COUNTED,                    /* counts.h; 'count' says what. */
};

struct sample {
    const char *name;           /* NULL: as the one before. */
    const char *type, *help;
    enum scope scope;
    enum how how;
    const char *path;           /* "NAME" or "OBJECT.NAME". */
    const char *label;          /* One label more, or NULL, */
    const char *word;           /* and its value; see enum how. */
    enum count count;
};

static const struct sample samples[] = {
    { "tpr_build_info", "gauge", "1; the label says the agent's version.",
      AGENT, LABELS, NULL, NULL, "version", 0 },
    { "tpr_state", "gauge", "1 for the state that the whole is in.",
      AGENT, IS, "state", "state", "ok", 0 },
    { NULL, NULL, NULL, AGENT, IS, "state", "state", "degraded", 0 },
    { NULL, NULL, NULL, AGENT, IS, "state", "state", "down", 0 },
    { NULL, NULL, NULL, AGENT, IS, "state", "state", "bypass", 0 },
    { NULL, NULL, NULL, AGENT, IS, "state", "state", "starting", 0 },
    { NULL, NULL, NULL, AGENT, IS, "state", "state", "standby", 0 },
    { "tpr_uptime_seconds", "gauge", "Time since the agent started.",
      AGENT, INT, "uptime_s", NULL, NULL, 0 },
    { "tpr_database_connected", "gauge",
      "Whether the agent is connected to the TPR database.",
      AGENT, BOOL, "database_connected", NULL, NULL, 0 },
    { "tpr_complaints", "gauge", "Complaints that hold now.",
      AGENT, LENGTH, "complaints", NULL, NULL, 0 },

    { "tpr_bridge_connected", "gauge",
      "Whether the agent is connected to the switch's bridge.",
      BRIDGE, BOOL, "connected", NULL, NULL, 0 },
    { "tpr_bridge_dropped_packets_total", "counter",
      "Packets that programs dropped because there was no port for them.",
      BRIDGE, INT, "bpf_lost", NULL, NULL, 0 },
    { "tpr_port_dropped_packets_total", "counter",
      "Packets that programs sent to the port and that were dropped.",
      PORT, INT, "drops", NULL, NULL, 0 },

    { "tpr_region_state", "gauge", "1 for the state that the region is in.",
      REGION, IS, "state", "state", "up", 0 },
    { NULL, NULL, NULL, REGION, IS, "state", "state", "down", 0 },
    { NULL, NULL, NULL, REGION, IS, "state", "state", "unknown", 0 },
    { "tpr_region_state_seconds", "gauge",
      "Time since the region came into its state.",
      REGION, US, "since_us", NULL, NULL, 0 },
    { "tpr_region_draining", "gauge",
      "Whether the region gets no new connections by order.",
      REGION, BOOL, "draining", NULL, NULL, 0 },
    { "tpr_region_held", "gauge",
      "Whether the region is held down after flapping.",
      REGION, GIVEN, "held_for_us", NULL, NULL, 0 },
    { "tpr_region_link_up", "gauge", "Whether the region's port has a link.",
      REGION, BOOL, "link_up", NULL, NULL, 0 },
    { "tpr_region_detection_seconds", "gauge",
      "Silence after which the region is down.",
      REGION, US, "detect_us", NULL, NULL, 0 },
    { "tpr_region_last_beat_seconds", "gauge",
      "Time since the last good heartbeat.",
      REGION, US, "last_beat_age_us", NULL, NULL, 0 },
    { "tpr_region_beats_total", "counter", "Good heartbeats.",
      REGION, INT, "beats", NULL, NULL, 0 },
    { "tpr_region_sent_packets_total", "counter",
      "Packets of heartbeats sent.", REGION, INT, "tx", NULL, NULL, 0 },
    { "tpr_region_received_packets_total", "counter",
      "Packets of heartbeats received.", REGION, INT, "rx", NULL, NULL, 0 },
    { "tpr_region_send_errors_total", "counter",
      "Packets of heartbeats that could not be sent.",
      REGION, INT, "tx_errors", NULL, NULL, 0 },
    { "tpr_region_discarded_packets_total", "counter",
      "Packets received that were no good heartbeats, by reason.",
      REGION, EACH, "rx_bad", "reason", NULL, 0 },
    { "tpr_region_transitions_total", "counter",
      "How often heartbeats began (up) or were missed (down).",
      REGION, INT, "went_up", "to", "up", 0 },
    { NULL, NULL, NULL, REGION, INT, "went_down", "to", "down", 0 },
    { "tpr_region_stalls_excused_total", "counter",
      "How often silence was excused because the agent itself was late.",
      REGION, INT, "stalls_excused", NULL, NULL, 0 },
    { "tpr_region_beat_gap_max_seconds", "gauge",
      "Longest time between two good heartbeats.",
      REGION, US, "max_gap_us", NULL, NULL, 0 },
    { "tpr_region_lateness_max_seconds", "gauge",
      "Worst lateness of the agent with this region's heartbeats.",
      REGION, US, "max_late_us", NULL, NULL, 0 },
    { "tpr_region_kernel_detection", "gauge",
      "Whether the kernel watches the region's heartbeats.",
      REGION, BOOL, "kernel.detection", NULL, NULL, 0 },

    { "tpr_service_info", "gauge",
      "1; the labels say the service's address and who carries it.",
      SERVICE, LABELS, NULL, NULL, "vip provider", 0 },
    { "tpr_service_up", "gauge", "Whether the service has a usable backend.",
      SERVICE, GIVEN, "active", NULL, NULL, 0 },
    { "tpr_service_mode", "gauge",
      "1 for the way in which the service came to its backend.",
      SERVICE, IS, "mode", "mode", "auto", 0 },
    { NULL, NULL, NULL, SERVICE, IS, "mode", "mode", "manual", 0 },
    { NULL, NULL, NULL, SERVICE, IS, "mode", "mode", "held", 0 },
    { NULL, NULL, NULL, SERVICE, IS, "mode", "mode", "damped", 0 },
    { NULL, NULL, NULL, SERVICE, IS, "mode", "mode", "loaded", 0 },
    { NULL, NULL, NULL, SERVICE, IS, "mode", "mode", "panic", 0 },
    { NULL, NULL, NULL, SERVICE, IS, "mode", "mode", "starting", 0 },
    { "tpr_service_state_seconds", "gauge",
      "Time since the service moved or changed its mode.",
      SERVICE, US, "since_us", NULL, NULL, 0 },

    { "tpr_backend_usable", "gauge",
      "Whether the backend may be given new connections.",
      BACKEND, BOOL, "usable", NULL, NULL, 0 },
    { "tpr_backend_active", "gauge",
      "Whether the backend is its service's first choice.",
      BACKEND, BOOL, "active", NULL, NULL, 0 },
    { "tpr_backend_weight", "gauge", "Weight now in force.",
      BACKEND, INT, "weight", NULL, NULL, 0 },
    { "tpr_backend_max_connections", "gauge",
      "Limit of open connections, if there is one.",
      BACKEND, INT, "max_connections", NULL, NULL, 0 },
    { "tpr_backend_check_up", "gauge",
      "Whether the health check says that the backend serves.",
      BACKEND, IS, "check.state", NULL, "up", 0 },
    { "tpr_backend_checks_total", "counter", "Health checks, by result.",
      BACKEND, INT, "check.ok", "result", "ok", 0 },
    { NULL, NULL, NULL, BACKEND, INT, "check.failed", "result", "failed", 0 },
    { NULL, NULL, NULL, BACKEND, INT, "check.own_errors", "result",
      "own_error", 0 },
    { "tpr_backend_check_latency_seconds", "gauge",
      "Time that the last good health check took.",
      BACKEND, US, "check.latency_us", NULL, NULL, 0 },
    { "tpr_backend_check_lateness_max_seconds", "gauge",
      "Worst lateness of a health check's start.",
      BACKEND, US, "check.max_late_us", NULL, NULL, 0 },
    { "tpr_backend_suspect", "gauge",
      "Whether clients' connections speak against the backend.",
      BACKEND, BOOL, "suspicion.suspect", NULL, NULL, 0 },
    { "tpr_backend_suspicions_total", "counter",
      "How often clients' connections spoke against the backend.",
      BACKEND, INT, "suspicion.times", NULL, NULL, 0 },
    { "tpr_backend_unserved_connections_total", "counter",
      "Connections of clients that were refused or got no answer.",
      BACKEND, INT, "suspicion.refused", "why", "refused", 0 },
    { NULL, NULL, NULL, BACKEND, INT, "suspicion.silent", "why", "silent",
      0 },
    { "tpr_backend_agent_answers", "gauge",
      "Whether the backend's agent answers.",
      BACKEND, BOOL, "agent.answers", NULL, NULL, 0 },
    { "tpr_backend_cpu_ratio", "gauge",
      "Load of the backend's processors, 0 to 1, as its agent says.",
      BACKEND, PERCENT, "agent.cpu_pct", NULL, NULL, 0 },
    { "tpr_backend_agent_checks_total", "counter",
      "Questions to the backend's agent, by result.",
      BACKEND, INT, "agent.ok", "result", "ok", 0 },
    { NULL, NULL, NULL, BACKEND, INT, "agent.failed", "result", "failed", 0 },
    { NULL, NULL, NULL, BACKEND, INT, "agent.own_errors", "result",
      "own_error", 0 },
    { "tpr_backend_open_connections", "gauge", "Connections that are open.",
      BACKEND, COUNTED, NULL, NULL, NULL, COUNT_OPEN },
    { "tpr_backend_connections_total", "counter",
      "Connections that the backend was given.",
      BACKEND, COUNTED, NULL, NULL, NULL, COUNT_TOTAL },
    { "tpr_backend_packets_total", "counter",
      "Packets to the backend and back from it.",
      BACKEND, COUNTED, NULL, "direction", "to", COUNT_PACKETS },
    { NULL, NULL, NULL, BACKEND, COUNTED, NULL, "direction", "from",
      COUNT_REV_PACKETS },
    { "tpr_backend_bytes_total", "counter",
      "Bytes to the backend and back from it.",
      BACKEND, COUNTED, NULL, "direction", "to", COUNT_BYTES },
    { NULL, NULL, NULL, BACKEND, COUNTED, NULL, "direction", "from",
      COUNT_REV_BYTES },
};

/* Returns the name of metric number 'i', from 0 on, or NULL: there are no
 * more. */
const char *
metrics_name(size_t i)
{
    for (size_t j = 0; j < ARRAY_SIZE(samples); j++) {
        if (samples[j].name && !i--) {
            return samples[j].name;
        }
    }
    return NULL;
}

/* Text.  Objects are visited once, and each metric's samples gathered. */

struct render {
    const struct counts *counts;
    struct ds *out;             /* Of each metric, by number of its first
                                 * sample. */
    const struct sample *first; /* Of the metric at hand. */
    const struct sample *s;     /* Its sample at hand. */
    struct ds labels;           /* Of the object at hand. */
};

static struct ds *
out_of(struct render *r)
{
    return &r->out[r->first - samples];
}

static void
put_label(struct ds *labels, const char *name, const char *value)
{
    if (labels->length) {
        ds_put_char(labels, ',');
    }
    ds_put_cstr(labels, name);
    ds_put_cstr(labels, "=\"");
    for (;;) {
        size_t n = strcspn(value, "\n\"\\");

        ds_put_buffer(labels, value, n);
        value += n;
        if (!*value) {
            break;
        }
        ds_put_char(labels, '\\');
        ds_put_char(labels, *value == '\n' ? 'n' : *value);
        value++;
    }
    ds_put_char(labels, '"');
}

/* Appends what stands before a sample's value, with one more label if 'label'
 * is not NULL. */
static void
put_name(struct render *r, const char *label, const char *value)
{
    size_t length = r->labels.length;
    struct ds *out = out_of(r);

    if (label) {
        put_label(&r->labels, label, value);
    }
    ds_put_cstr(out, r->first->name);
    if (r->labels.length) {
        ds_put_char(out, '{');
        ds_put_buffer(out, r->labels.string, r->labels.length);
        ds_put_char(out, '}');
    }
    ds_put_char(out, ' ');
    ds_truncate(&r->labels, length);
}

static void
put_int(struct render *r, long long int value)
{
    put_name(r, r->s->label, r->s->word);
    ds_put_format(out_of(r), "%lld\n", value);
}

static void
put_us(struct render *r, long long int us)
{
    put_name(r, r->s->label, r->s->word);
    ds_put_format(out_of(r), "%s%lld.%06lld\n", us < 0 ? "-" : "",
                  llabs(us) / 1000000, llabs(us) % 1000000);
}

static void
put_percent(struct render *r, long long int percent)
{
    put_name(r, r->s->label, r->s->word);
    ds_put_format(out_of(r), "%lld.%02lld\n", percent / 100, percent % 100);
}

static void
put_each(struct render *r, const struct json *o)
{
    const struct shash_node **sorted = shash_sort(json_object(o));

    for (size_t i = 0; i < shash_count(json_object(o)); i++) {
        const struct json *value = sorted[i]->data;

        if (value->type == JSON_INTEGER) {
            put_name(r, r->s->label, sorted[i]->name);
            ds_put_format(out_of(r), "%"PRId64"\n", json_integer(value));
        }
    }
    free(sorted);
}

/* The labels that 'word' names, separated by blanks. */
static void
put_labels(struct render *r, const struct json *o)
{
    size_t length = r->labels.length;
    const char *word = r->s->word;

    while (*word) {
        size_t n = strcspn(word, " ");
        char *name = xmemdup0(word, n);

        put_label(&r->labels, name, json_get_string(o, name));
        free(name);
        word += n + strspn(word + n, " ");
    }
    put_name(r, NULL, NULL);
    ds_put_cstr(out_of(r), "1\n");
    ds_truncate(&r->labels, length);
}

/* Returns what is at 'path' in 'o', or NULL. */
static const struct json *
find(const struct json *o, const char *path)
{
    const char *dot = strchr(path, '.');

    if (dot) {
        char *name = xmemdup0(path, dot - path);

        o = json_get(o, name, JSON_OBJECT);
        free(name);
        path = dot + 1;
    }
    return o ? shash_find_data(json_object(o), path) : NULL;
}

/* Appends sample 'r->s' of 'o', if its value is known. */
static void
put_sample(struct render *r, const struct json *o)
{
    const struct sample *s = r->s;
    const struct json *j = s->path ? find(o, s->path) : NULL;
    int64_t n;

    switch (s->how) {
    case INT:
        if (j && j->type == JSON_INTEGER) {
            put_int(r, json_integer(j));
        }
        break;
    case US:
        if (j && j->type == JSON_INTEGER) {
            put_us(r, json_integer(j));
        }
        break;
    case PERCENT:
        if (j && j->type == JSON_INTEGER) {
            put_percent(r, json_integer(j));
        }
        break;
    case BOOL:
        if (j && (j->type == JSON_TRUE || j->type == JSON_FALSE)) {
            put_int(r, j->type == JSON_TRUE);
        }
        break;
    case IS:
        if (j && j->type == JSON_STRING) {
            put_int(r, !strcmp(json_string(j), s->word));
        }
        break;
    case GIVEN:
        put_int(r, j && (j->type != JSON_STRING || json_string(j)[0]));
        break;
    case LENGTH:
        if (j && j->type == JSON_ARRAY) {
            put_int(r, json_array(j)->n);
        }
        break;
    case EACH:
        if (j && j->type == JSON_OBJECT) {
            put_each(r, j);
        }
        break;
    case LABELS:
        put_labels(r, o);
        break;
    case COUNTED:
        n = counts_get(r->counts, json_get_int(o, "index"), s->count);
        if (n >= 0) {
            put_int(r, n);
        }
        break;
    default:
        OVS_NOT_REACHED();
    }
}

/* Appends all samples of 'scope' about object 'o', with the labels at hand. */
static void
put_samples(struct render *r, enum scope scope, const struct json *o)
{
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        if (samples[i].scope == scope) {
            r->s = &samples[i];
            r->first = r->s->name ? r->s : r->first;
            put_sample(r, o);
        }
    }
}

/* The same with one more label, from the object's own name. */
static void
put_named(struct render *r, enum scope scope, const struct json *o,
          const char *label)
{
    size_t length = r->labels.length;

    put_label(&r->labels, label, json_get_string(o, "name"));
    put_samples(r, scope, o);
    ds_truncate(&r->labels, length);
}

static void
put_bridge(struct render *r, const struct json *bridge)
{
    const struct json *ports = json_get(bridge, "bpf_ports", JSON_ARRAY);
    const struct json *o;

    put_named(r, BRIDGE, bridge, "bridge");
    put_label(&r->labels, "bridge", json_get_string(bridge, "name"));
    JSON_FOR_EACH_ELEM (o, i, ports) {
        put_named(r, PORT, o, "port");
    }
    ds_truncate(&r->labels, 0);
}

static void
put_service(struct render *r, const struct json *service)
{
    const struct json *backends = json_get(service, "backends", JSON_ARRAY);
    const struct json *o;

    put_named(r, SERVICE, service, "service");
    JSON_FOR_EACH_ELEM (o, i, backends) {
        put_label(&r->labels, "service", json_get_string(service, "name"));
        put_label(&r->labels, "backend", json_get_string(o, "name"));
        put_label(&r->labels, "region", json_get_string(o, "region"));
        put_samples(r, BACKEND, o);
        ds_truncate(&r->labels, 0);
    }
}

/* Appends all metrics of 'show', what show_to_json() returns, and 'counts',
 * which may be NULL, to 'out'. */
void
metrics_render(const struct json *show, const struct counts *counts,
               struct ds *out)
{
    struct ds metrics[ARRAY_SIZE(samples)];
    struct render r = {
        .counts = counts, .out = metrics, .labels = DS_EMPTY_INITIALIZER,
    };
    const struct json *bridges = json_get(show, "bridges", JSON_ARRAY);
    const struct json *regions = json_get(show, "regions", JSON_ARRAY);
    const struct json *services = json_get(show, "services", JSON_ARRAY);
    const struct json *o;

    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        ds_init(&metrics[i]);
    }
    put_samples(&r, AGENT, show);
    JSON_FOR_EACH_ELEM (o, i, bridges) {
        put_bridge(&r, o);
    }
    JSON_FOR_EACH_ELEM (o, i, regions) {
        put_named(&r, REGION, o, "region");
    }
    JSON_FOR_EACH_ELEM (o, i, services) {
        put_service(&r, o);
    }
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        const struct sample *s = &samples[i];

        if (metrics[i].length) {
            ds_put_format(out, "# HELP %s %s\n# TYPE %s %s\n", s->name,
                          s->help, s->name, s->type);
            ds_put_buffer(out, metrics[i].string, metrics[i].length);
        }
        ds_destroy(&metrics[i]);
    }
    ds_destroy(&r.labels);
}
