/* SPDX-License-Identifier: Apache-2.0 */

/* Commands of ovs-tprctl that look: show, status, history.
 *
 * Everything comes out of status columns, so they work from anywhere and
 * while the agent is away; ages are counted by this machine's clock.
 *
 * Threads: main thread. */

#include <config.h>
#include "tprctl.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "timeval.h"
#include "util.h"

static bool
wants_json(struct ctl_context *ctx)
{
    return tprctl.json || shash_find(&ctx->options, "--json");
}

static void
put_json(struct ctl_context *ctx, struct json *json)
{
    json_to_ds(json, JSSF_SORT | tprctl.json_flags, &ctx->output);
    ds_put_char(&ctx->output, '\n');
    json_destroy(json);
}

/* Appends ' HH:MM:SS', the time since 'ms'. */
static void
put_age(struct ds *ds, const int64_t *ms, size_t n)
{
    if (n && *ms) {
        long long int s = MAX(time_wall_msec() - *ms, 0) / 1000;

        ds_put_format(ds, " %02lld:%02lld:%02lld", s / 3600, s / 60 % 60,
                      s % 60);
    }
}

static bool
is_word(const char *s, const char *word)
{
    return s && !strcmp(s, word);
}

static const struct tprrec_intent *
find_intent(struct ctl_context *ctx, const char *kind, const char *object)
{
    const struct tprrec_intent *intent;

    TPRREC_INTENT_FOR_EACH (intent, ctx->idl) {
        if (!strcmp(intent->kind, kind)
            && (!object || !strcmp(intent->object, object))) {
            return intent;
        }
    }
    return NULL;
}

/* status */

/* Three times what the agent needs at its slowest to write its status. */
enum { STALE_MS = 20 * 1000 };

enum level { LEVEL_OK, LEVEL_DEGRADED, LEVEL_FAILED, LEVEL_UNKNOWN };

/* Appends what is wrong with the regions. */
static size_t
judge_regions(struct ctl_context *ctx, struct ds *why)
{
    const struct tprrec_region **regions;
    size_t n_bad = 0, n = tprctl_regions(ctx, &regions);

    for (size_t i = 0; i < n; i++) {
        const struct tprrec_region *r = regions[i];

        if (!is_word(r->state, "up") || r->draining) {
            ds_put_format(why, "%s%s %s", n_bad++ ? ", " : "", r->name,
                          !is_word(r->state, "up")
                          ? (r->state ? r->state : "unknown") : "draining");
            put_age(why, r->since, r->n_since);
        }
    }
    free(regions);
    return n_bad;
}

/* The agent signs its status every few seconds.  If it has not for long, what
 * the rows say is history: returns true and a sentence. */
static bool
is_stale(const struct tprrec_tpr *tpr, char **line)
{
    int64_t signed_ms = smap_get_ullong(&tpr->status, "refreshed_ms", 0);
    struct ds s = DS_EMPTY_INITIALIZER;

    if (time_wall_msec() - signed_ms < STALE_MS) {
        return false;
    }
    ds_put_cstr(&s, "UNKNOWN: ovs-tprd does not report");
    if (signed_ms) {
        ds_put_cstr(&s, ", last");
        put_age(&s, &signed_ms, 1);
        ds_put_cstr(&s, " ago");
    }
    ds_put_cstr(&s, "; the switch works on as it was left");
    *line = ds_steal_cstr(&s);
    return true;
}

/* Judges everything; '*line' becomes one sentence, to be freed. */
static enum level
judge(struct ctl_context *ctx, char **line)
{
    const struct tprrec_tpr *tpr = tprrec_tpr_first(ctx->idl);
    struct ds why = DS_EMPTY_INITIALIZER;
    const struct tprrec_service *service;
    size_t n_down = 0, n_backup = 0, n_services = 0, n_bad;
    enum level level = LEVEL_OK;
    bool bypass = find_intent(ctx, "bypass", NULL) != NULL;

    if (!tpr || !tpr->version) {
        *line = xstrdup("UNKNOWN: ovs-tprd has not written to this database");
        return LEVEL_UNKNOWN;
    }
    if (is_stale(tpr, line)) {
        return LEVEL_UNKNOWN;
    }
    n_bad = judge_regions(ctx, &why);
    TPRREC_SERVICE_FOR_EACH (service, ctx->idl) {
        n_services++;
        n_backup += is_word(service->state, "backup");
        if (!service->n_active && !bypass) {
            ds_put_format(&why, "%sservice %s has no usable backend",
                          why.length ? ", " : "", service->name);
            n_down++;
        }
    }
    if (n_backup) {
        ds_put_format(&why, "%s%"PRIuSIZE" service%s on backup",
                      why.length ? ", " : "", n_backup,
                      n_backup == 1 ? "" : "s");
    }
    if (bypass) {
        ds_put_format(&why, "%sbypass is on", why.length ? ", " : "");
    }
    if (tpr->n_complaints) {
        ds_put_format(&why, "%s%"PRIuSIZE" complaint%s",
                      why.length ? ", " : "", tpr->n_complaints,
                      tpr->n_complaints == 1 ? "" : "s");
    }
    level = (n_down ? LEVEL_FAILED
             : n_bad || n_backup || bypass || tpr->n_complaints
             ? LEVEL_DEGRADED : LEVEL_OK);
    *line = (level == LEVEL_OK
             ? xasprintf("OK: %"PRIuSIZE" service%s", n_services,
                         n_services == 1 ? "" : "s")
             : xasprintf("%s: %s", level == LEVEL_FAILED ? "FAILED"
                         : "DEGRADED", ds_cstr(&why)));
    ds_destroy(&why);
    return level;
}

/* "status [--quiet] [--json]" */
static void
cmd_status(struct ctl_context *ctx)
{
    static const char *const words[] = {
        [LEVEL_OK] = "ok", [LEVEL_DEGRADED] = "degraded",
        [LEVEL_FAILED] = "failed", [LEVEL_UNKNOWN] = "unknown",
    };
    char *line;
    enum level level = judge(ctx, &line);

    tprctl.exit_status = level;
    if (wants_json(ctx)) {
        struct json *json = json_object_create();

        json_object_put_string(json, "state", words[level]);
        json_object_put_string(json, "line", line);
        put_json(ctx, json);
    } else if (!shash_find(&ctx->options, "--quiet")) {
        ds_put_format(&ctx->output, "%s\n", line);
    }
    free(line);
}

/* show, for people */

/* Returns the detection time that 'region' is configured for, in us. */
static long long int
configured_detect(const struct tprrec_heartbeat *hb)
{
    long long int us = TPR_HB_INTERVAL_US;
    char *error = NULL;

    if (hb->detect_override) {
        error = tpr_parse_duration(hb->detect_override, &us);
    } else {
        if (hb->interval) {
            error = tpr_parse_duration(hb->interval, &us);
        }
        us *= hb->n_fall ? *hb->fall : TPR_HB_FALL;
    }
    free(error);
    return us;
}

static void
show_heartbeat(struct ds *ds, const struct tprrec_region *r)
{
    const struct tprrec_heartbeat *hb = r->heartbeat;
    const char *negotiated = smap_get(&r->negotiated, "detect");
    long long int detect_us = 0;
    char *configured;

    if (!hb) {
        ds_put_cstr(ds, "        heartbeat: none, carrier of the port only\n");
        return;
    }
    ds_put_format(ds, "        heartbeat: %s", hb->type);
    if (hb->peer) {
        ds_put_format(ds, " with %s", hb->peer);
    }
    if (r->path) {
        ds_put_format(ds, ", path %s", r->path);
    }
    ds_put_char(ds, '\n');
    if (!strcmp(hb->type, "link")) {
        return;
    }
    configured = tpr_format_duration(configured_detect(hb));
    ds_put_format(ds, "        detection: configured %s", configured);
    if (negotiated) {
        char *error = tpr_parse_duration(negotiated, &detect_us);

        ds_put_format(ds, ", negotiated %s", negotiated);
        if (!error && detect_us != configured_detect(hb)) {
            ds_put_cstr(ds, " (WARNING: they differ)");
        }
        free(error);
    }
    ds_put_char(ds, '\n');
    free(configured);
}

static void
show_region(struct ctl_context *ctx, const struct tprrec_region *r)
{
    struct ds *ds = &ctx->output;
    char buf[64];

    ds_put_format(ds, "    Region %s: %s%s", r->name,
                  r->state ? r->state : "unknown",
                  r->draining || find_intent(ctx, "drain", r->name)
                  ? ", draining" : "");
    put_age(ds, r->since, r->n_since);
    if (r->reason) {
        ds_put_format(ds, " (%s)", r->reason);
    }
    ds_put_format(ds, "\n        port: %s", r->port);
    if (r->n_vlan) {
        ds_put_format(ds, ", VLAN %"PRId64, *r->vlan);
    }
    if (r->gateway) {
        ds_put_format(ds, ", behind %s", r->gateway);
    }
    ds_put_char(ds, '\n');
    show_heartbeat(ds, r);
    if (r->n_hold_until && *r->hold_until > time_wall_msec()) {
        ds_put_format(ds, "        held down after flapping until %s\n",
                      tprctl_format_time(*r->hold_until, buf, sizeof buf));
    }
    if (r->complaint) {
        ds_put_format(ds, "        complaint: %s\n", r->complaint);
    }
}

/* The weight, where the policy of 's' goes by it, and what it is to become. */
static void
put_weight(struct ds *ds, const struct tprrec_service *s,
           const struct tprrec_backend *b)
{
    int64_t whole = b->n_weight ? *b->weight : (int64_t) TPR_WEIGHT;

    if (!s->policy || is_word(s->policy, "failover")
        || is_word(s->policy, "round-robin")) {
        return;
    }
    ds_put_cstr(ds, ", weight ");
    if (is_word(b->state, "up") && b->n_effective_weight
        && *b->effective_weight != whole) {
        ds_put_format(ds, "%"PRId64" of ", *b->effective_weight);
    }
    ds_put_format(ds, "%"PRId64, whole);
}

/* Those who get new connections, few; or how many. */
static void
put_servers(struct ds *ds, const struct tprrec_service *s)
{
    enum { MAX_SHOWN = 4 };

    if (s->n_active > MAX_SHOWN) {
        ds_put_format(ds, "%"PRIuSIZE" backends", s->n_active);
        return;
    }
    for (size_t i = 0; i < s->n_active; i++) {
        ds_put_format(ds, "%s%s", i ? ", " : "", s->active[i]);
    }
    if (!s->n_active) {
        ds_put_cstr(ds, "nothing");
    }
}

static void
show_backend(struct ds *ds, const struct tprrec_service *s,
             const struct tprrec_backend *b)
{
    ds_put_format(ds, "        Backend %s/%s: %s", s->name,
                  tprctl_backend_name(b), b->state ? b->state : "unknown");
    if (b->reason && !is_word(b->state, "up")) {
        ds_put_format(ds, " (%s)", b->reason);
    }
    ds_put_format(ds, ", %s", b->address);
    if (b->n_port) {
        ds_put_format(ds, " port %"PRId64, *b->port);
    }
    ds_put_format(ds, ", priority %"PRId64,
                  b->n_priority ? *b->priority : (int64_t) TPR_PRIORITY);
    if (b->backup) {
        ds_put_cstr(ds, " (backup)");
    }
    put_weight(ds, s, b);
    if (b->resolved_mac) {
        ds_put_format(ds, ", %s", b->resolved_mac);
    }
    if (b->agent) {
        ds_put_format(ds, ", agent says \"%s\"", b->agent);
    }
    ds_put_char(ds, '\n');
    if (b->complaint) {
        ds_put_format(ds, "            complaint: %s\n", b->complaint);
    }
}

static void
show_service(struct ctl_context *ctx, const struct tprrec_service *s)
{
    const struct tprrec_backend **backends;
    size_t n = tprctl_backends(s, &backends);
    struct ds *ds = &ctx->output;

    ds_put_format(ds, "    Service %s: %s, %s, on ", s->name, s->vip,
                  s->policy ? s->policy : "failover");
    put_servers(ds, s);
    if (is_word(s->mode, "manual")) {
        ds_put_cstr(ds, ", MANUAL since");
    } else if (s->mode && strcmp(s->mode, "auto")) {
        ds_put_format(ds, ", %s since", s->mode);
    } else {
        ds_put_cstr(ds, ", since");
    }
    put_age(ds, s->since, s->n_since);
    if (!s->n_since) {
        ds_put_cstr(ds, " never");
    }
    if (s->reason) {
        ds_put_format(ds, " (%s)", s->reason);
    }
    ds_put_char(ds, '\n');
    if (s->provider) {
        ds_put_format(ds, "        datapath: %s%s%s\n", s->provider,
                      s->why ? ", " : "", s->why ? s->why : "");
    }
    if (s->complaint) {
        ds_put_format(ds, "        complaint: %s\n", s->complaint);
    }
    for (size_t i = 0; i < n; i++) {
        show_backend(ds, s, backends[i]);
    }
    free(backends);
}

static void
show_intents(struct ctl_context *ctx)
{
    const struct tprrec_intent *intent;
    struct ds *ds = &ctx->output;
    char buf[64];

    TPRREC_INTENT_FOR_EACH (intent, ctx->idl) {
        ds_put_format(ds, "    Intent %s", intent->kind);
        if (intent->object[0]) {
            ds_put_format(ds, " %s", intent->object);
        }
        if (intent->to) {
            ds_put_format(ds, " to %s", intent->to);
        }
        ds_put_format(ds, ": MANUAL since %s by %s",
                      tprctl_format_time(intent->when, buf, sizeof buf),
                      intent->who);
        if (intent->n_until && *intent->until) {
            ds_put_format(ds, " until %s",
                          tprctl_format_time(*intent->until, buf,
                                             sizeof buf));
        }
        if (intent->reason[0]) {
            ds_put_format(ds, ", \"%s\"", intent->reason);
        }
        ds_put_format(ds, "%s%s\n", intent->state ? ", " : "",
                      intent->state ? intent->state : "");
    }
}

/* The agent writes "bridge-br0" = "flows, connected". */
static void
show_bridges(struct ds *ds, const struct tprrec_tpr *tpr)
{
    const struct smap_node **nodes = smap_sort(&tpr->status);

    for (size_t i = 0; i < smap_count(&tpr->status); i++) {
        if (!strncmp(nodes[i]->key, "bridge-", 7)) {
            ds_put_format(ds, "    Bridge %s: %s\n", nodes[i]->key + 7,
                          nodes[i]->value);
        }
    }
    free(nodes);
}

static void
show_text(struct ctl_context *ctx)
{
    const struct tprrec_tpr *tpr = tprrec_tpr_first(ctx->idl);
    const struct tprrec_service **services;
    const struct tprrec_region **regions;
    struct ds *ds = &ctx->output;
    size_t n;
    char *line;

    judge(ctx, &line);
    ds_put_format(ds, "%s\n", line);
    free(line);
    if (tpr && tpr->version) {
        ds_put_format(ds, "    ovs-tprd %s, %s\n", tpr->version,
                      tpr->cur_cfg >= tpr->next_cfg
                      ? "configuration in force"
                      : "WARNING: it has not yet taken the newest "
                        "configuration");
    }
    if (tpr) {
        show_bridges(ds, tpr);
    }
    n = tprctl_regions(ctx, &regions);
    for (size_t i = 0; i < n; i++) {
        show_region(ctx, regions[i]);
    }
    free(regions);
    n = tprctl_services(ctx, &services);
    for (size_t i = 0; i < n; i++) {
        show_service(ctx, services[i]);
    }
    free(services);
    show_intents(ctx);
    for (size_t i = 0; tpr && i < tpr->n_complaints; i++) {
        ds_put_format(ds, "    Complaint: %s\n", tpr->complaints[i]);
    }
}

/* show, for programs */

static void
put_string(struct json *json, const char *name, const char *value)
{
    json_object_put(json, name, value ? json_string_create(value)
                    : json_null_create());
}

static void
put_integer(struct json *json, const char *name, const int64_t *value,
            size_t n)
{
    json_object_put(json, name, n ? json_integer_create(*value)
                    : json_null_create());
}

static struct json *
region_json(const struct tprrec_region *r)
{
    struct json *json = json_object_create();

    put_string(json, "name", r->name);
    put_string(json, "port", r->port);
    put_integer(json, "vlan", r->vlan, r->n_vlan);
    put_string(json, "state", r->state);
    put_string(json, "reason", r->reason);
    put_integer(json, "since_ms", r->since, r->n_since);
    json_object_put(json, "draining", json_boolean_create(r->draining));
    put_string(json, "path", r->path);
    put_string(json, "heartbeat", r->heartbeat ? r->heartbeat->type : NULL);
    if (r->heartbeat) {
        json_object_put(json, "detect_configured_us",
                        json_integer_create(configured_detect(r->heartbeat)));
    }
    json_object_put(json, "negotiated", smap_to_json(&r->negotiated));
    put_string(json, "complaint", r->complaint);
    return json;
}

static struct json *
backend_json(const struct tprrec_backend *b)
{
    struct json *json = json_object_create();

    put_string(json, "name", tprctl_backend_name(b));
    put_string(json, "region", b->region ? b->region->name : NULL);
    put_string(json, "address", b->address);
    put_integer(json, "port", b->port, b->n_port);
    json_object_put(json, "priority", json_integer_create(
                        b->n_priority ? *b->priority
                        : (int64_t) TPR_PRIORITY));
    put_string(json, "state", b->state);
    put_string(json, "reason", b->reason);
    put_string(json, "check_state", b->check_state);
    put_string(json, "agent", b->agent);
    json_object_put(json, "weight", json_integer_create(
                        b->n_weight ? *b->weight : (int64_t) TPR_WEIGHT));
    put_integer(json, "effective_weight", b->effective_weight,
                b->n_effective_weight);
    put_string(json, "mac", b->resolved_mac);
    put_string(json, "complaint", b->complaint);
    return json;
}

static struct json *
service_json(const struct tprrec_service *s)
{
    const struct tprrec_backend **backends;
    size_t n = tprctl_backends(s, &backends);
    struct json *list = json_array_create_empty();
    struct json *active = json_array_create_empty();
    struct json *json = json_object_create();

    put_string(json, "name", s->name);
    put_string(json, "vip", s->vip);
    put_string(json, "policy", s->policy ? s->policy : "failover");
    put_string(json, "state", s->state);
    put_string(json, "mode", s->mode);
    put_string(json, "reason", s->reason);
    put_string(json, "provider", s->provider);
    put_string(json, "complaint", s->complaint);
    put_integer(json, "since_ms", s->since, s->n_since);
    for (size_t i = 0; i < s->n_active; i++) {
        json_array_add(active, json_string_create(s->active[i]));
    }
    for (size_t i = 0; i < n; i++) {
        json_array_add(list, backend_json(backends[i]));
    }
    json_object_put(json, "active", active);
    json_object_put(json, "backends", list);
    free(backends);
    return json;
}

static struct json *
intent_json(const struct tprrec_intent *intent)
{
    struct json *json = json_object_create();

    put_string(json, "kind", intent->kind);
    put_string(json, "object", intent->object);
    put_string(json, "to", intent->to);
    put_string(json, "who", intent->who);
    put_string(json, "reason", intent->reason);
    put_string(json, "state", intent->state);
    put_integer(json, "when_ms", &intent->when, 1);
    put_integer(json, "until_ms", intent->until, intent->n_until);
    return json;
}

static struct json *
show_json(struct ctl_context *ctx)
{
    const struct tprrec_tpr *tpr = tprrec_tpr_first(ctx->idl);
    struct json *regions = json_array_create_empty();
    struct json *services = json_array_create_empty();
    struct json *intents = json_array_create_empty();
    struct json *complaints = json_array_create_empty();
    struct json *json = json_object_create();
    const struct tprrec_service **service_rows;
    const struct tprrec_region **region_rows;
    const struct tprrec_intent *intent;
    char *line;
    size_t n;

    judge(ctx, &line);
    json_object_put_string(json, "status", line);
    free(line);
    n = tprctl_regions(ctx, &region_rows);
    for (size_t i = 0; i < n; i++) {
        json_array_add(regions, region_json(region_rows[i]));
    }
    free(region_rows);
    n = tprctl_services(ctx, &service_rows);
    for (size_t i = 0; i < n; i++) {
        json_array_add(services, service_json(service_rows[i]));
    }
    free(service_rows);
    TPRREC_INTENT_FOR_EACH (intent, ctx->idl) {
        json_array_add(intents, intent_json(intent));
    }
    for (size_t i = 0; tpr && i < tpr->n_complaints; i++) {
        json_array_add(complaints, json_string_create(tpr->complaints[i]));
    }
    json_object_put(json, "regions", regions);
    json_object_put(json, "services", services);
    json_object_put(json, "intents", intents);
    json_object_put(json, "complaints", complaints);
    return json;
}

/* "show [--json]" */
static void
cmd_show(struct ctl_context *ctx)
{
    if (wants_json(ctx)) {
        put_json(ctx, show_json(ctx));
    } else {
        show_text(ctx);
    }
}

/* history */

static int
compare_history(const void *a_, const void *b_)
{
    const struct tprrec_history *const *a = a_;
    const struct tprrec_history *const *b = b_;

    return (*a)->seq < (*b)->seq ? -1 : (*a)->seq > (*b)->seq;
}

static struct json *
history_json(const struct tprrec_history *h)
{
    struct json *json = json_object_create();
    struct json *budget = json_object_create();

    put_integer(json, "seq", &h->seq, 1);
    put_integer(json, "when_ms", &h->when_ms, 1);
    put_integer(json, "mono_us", &h->mono_us, 1);
    put_string(json, "boot_id", h->boot_id);
    put_string(json, "event", h->event);
    put_string(json, "object", h->object);
    put_string(json, "from", h->from);
    put_string(json, "to", h->to);
    put_string(json, "reason", h->reason);
    for (size_t i = 0; i < h->n_budget; i++) {
        put_integer(budget, h->key_budget[i], &h->value_budget[i], 1);
    }
    json_object_put(json, "budget", budget);
    return json;
}

static void
history_text(struct ds *ds, const struct tprrec_history *h)
{
    char buf[64];

    ds_put_format(ds, "%s.%03"PRId64" %s %s: %s -> %s, %s",
                  tprctl_format_time(h->when_ms, buf, sizeof buf),
                  h->when_ms % 1000, h->event, h->object, h->from, h->to,
                  h->reason);
    for (size_t i = 0; i < h->n_budget; i++) {
        ds_put_format(ds, "%s%s %"PRId64" us", i ? ", " : " (",
                      h->key_budget[i], h->value_budget[i]);
    }
    ds_put_cstr(ds, h->n_budget ? ")\n" : "\n");
}

/* "history [--limit=N] [--json]" */
static void
cmd_history(struct ctl_context *ctx)
{
    const char *limit_arg = shash_find_data(&ctx->options, "--limit");
    const struct tprrec_history *h, **rows = NULL;
    struct json *list = json_array_create_empty();
    size_t n = 0, allocated = 0;
    unsigned long long int limit = SIZE_MAX;

    if (limit_arg) {
        char *error = tpr_parse_unsigned(limit_arg, 1, INT_MAX, &limit);

        if (error) {
            ctl_error(ctx, "history: --limit: %s", error);
            free(error);
            json_destroy(list);
            return;
        }
    }
    TPRREC_HISTORY_FOR_EACH (h, ctx->idl) {
        if (n >= allocated) {
            rows = x2nrealloc(rows, &allocated, sizeof *rows);
        }
        rows[n++] = h;
    }
    if (n) {
        qsort(rows, n, sizeof *rows, compare_history);
    }
    for (size_t i = n > limit ? n - limit : 0; i < n; i++) {
        if (wants_json(ctx)) {
            json_array_add(list, history_json(rows[i]));
        } else {
            history_text(&ctx->output, rows[i]);
        }
    }
    if (wants_json(ctx)) {
        put_json(ctx, list);
    } else {
        json_destroy(list);
    }
    free(rows);
}

const struct ctl_command_syntax tprctl_show_commands[] = {
    {"show", 0, 0, "", NULL, cmd_show, NULL, "--json", RO},
    {"status", 0, 0, "", NULL, cmd_status, NULL, "--json,--quiet", RO},
    {"history", 0, 0, "", NULL, cmd_history, NULL,
     "--json,--limit=", RO},
    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};
