/* SPDX-License-Identifier: Apache-2.0 */

/* What tpr-regiond answers to "regiond/show": JSON first, and text out of the
 * JSON, so that both say the same. */

#include <config.h>
#include "regiond.h"

#include <inttypes.h>
#include <stdlib.h>
#include "check.h"
#include "hb-thread.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "tpr-time.h"
#include "util.h"

static void
put_int(struct json *o, const char *name, long long int value)
{
    json_object_put(o, name, json_integer_create(value));
}

static void
put_address(struct json *o, const char *name, const struct in6_addr *addr)
{
    char *s = tpr_format_address(addr);

    json_object_put_string(o, name, s);
    free(s);
}

static struct json *
session_to_json(const struct hb_stats *s, const char *why)
{
    struct json *o = json_object_create();
    uint64_t n_bad = 0;

    for (int i = 0; i < BFD_N_ERRORS; i++) {
        n_bad += s->rx_bad[i];
    }
    put_address(o, "peer", &s->peer);
    put_address(o, "local", &s->local);
    json_object_put_string(o, "state", bfd_state_to_string(s->bfd.state));
    json_object_put_string(o, "diag", bfd_diag_to_string(s->bfd.diag));
    json_object_put_string(o, "remote_state",
                           bfd_state_to_string(s->bfd.remote_state));
    json_object_put_string(o, "remote_diag",
                           bfd_diag_to_string(s->bfd.remote_diag));
    put_int(o, "my_discr", s->bfd.my_discr);
    put_int(o, "your_discr", s->bfd.your_discr);
    put_int(o, "tx_interval_us", s->bfd.tx_interval_us);
    put_int(o, "detect_us", s->bfd.detect_us);
    put_int(o, "tx", s->tx);
    put_int(o, "rx", s->rx);
    put_int(o, "rx_bad", n_bad);
    put_int(o, "tx_errors", s->tx_errors);
    put_int(o, "stalls_excused", s->hb.n_excused);
    put_int(o, "flaps", s->bfd.n_flaps);
    json_object_put(o, "kernel_detects", json_boolean_create(s->kernel_rx));
    json_object_put(o, "kernel_sends", json_boolean_create(s->kernel_tx));
    if (why) {
        json_object_put_string(o, "kernel_why", why);
    }
    put_int(o, "for_us", tpr_now_us() - s->hb.since_us);
    return o;
}

static struct json *
check_to_json(const struct regiond *r, const struct tpr_backend *b)
{
    static const char *const states[] = {
        [CHECK_UNKNOWN] = "unknown", [CHECK_UP] = "up", [CHECK_DOWN] = "down",
    };
    const char *complaint = check_set_complaint(r->checks, b);
    struct json *o = json_object_create();
    struct check_stats s;

    json_object_put_string(o, "check", b->name);
    if (check_set_stats(r->checks, b, &s)) {
        json_object_put_string(o, "state", states[s.state]);
        json_object_put_string(o, "last", s.last);
        put_int(o, "ok", s.n_ok);
        put_int(o, "failed", s.n_failed);
        put_int(o, "own_errors", s.n_own_errors);
        put_int(o, "latency_us", s.latency_us);
        put_int(o, "max_late_us", s.late_us);
    }
    if (complaint) {
        json_object_put_string(o, "complaint", complaint);
    }
    return o;
}

static struct json *
agent_to_json(const struct regiond *r)
{
    const struct regiond_options *o = &r->options;
    struct json *a = json_object_create();
    struct json *metrics = json_array_create_empty();
    struct ds s = DS_EMPTY_INITIALIZER;
    struct agent_words words;

    regiond_agent_words(r, &words);
    agent_words_put(&words, &s);
    json_object_put_string(a, "says", ds_cstr(&s));
    put_int(a, "port", o->agent_port);
    put_int(a, "asked", regiond_agent_asked(r->agent));
    for (size_t i = 0; i < o->n_metrics; i++) {
        const struct regiond_metric *m = &o->metrics[i];
        struct json *j = json_object_create();

        json_object_put_string(j, "metric", m->text);
        if (m->known) {
            json_object_put(j, "load", json_real_create(m->load));
            put_int(j, "weight", m->weight);
        } else if (m->trouble[0]) {
            json_object_put_string(j, "complaint", m->trouble);
        }
        json_array_add(metrics, j);
    }
    json_object_put(a, "metrics", metrics);
    ds_destroy(&s);
    return a;
}

static struct json *
self_to_json(const struct regiond *r)
{
    struct json *o = json_object_create();
    struct hb_thread_stats s;

    hb_thread_self_stats(r->hb, &s);
    json_object_put(o, "realtime", json_boolean_create(s.realtime));
    json_object_put(o, "locked", json_boolean_create(s.locked));
    put_int(o, "wakeups", s.n_wakeups);
    put_int(o, "late", s.n_late);
    put_int(o, "max_late_us", s.max_late_us);
    put_int(o, "strays", s.n_strays);
    return o;
}

/* Returns everything that there is to know about 'r'. */
struct json *
regiond_to_json(const struct regiond *r)
{
    const struct tpr_service *svc = r->options.service;
    struct json *o = json_object_create();
    struct json *sessions = json_array_create_empty();
    struct json *checks = json_array_create_empty();
    enum bfd_diag diag;
    bool down = regiond_wants_down(r, &diag);

    for (size_t i = 0; i < r->n_sessions; i++) {
        struct hb_stats s;

        if (hb_thread_stats(r->hb, i, &s)
            && !IN6_IS_ADDR_UNSPECIFIED(&s.peer)) {
            json_array_add(sessions, session_to_json(
                               &s, hb_thread_offload_why(r->hb, i)));
        }
    }
    for (size_t i = 0; i < svc->n_backends; i++) {
        json_array_add(checks, check_to_json(r, svc->backends[i]));
    }
    json_object_put_string(o, "status", (!down ? "serving"
                                         : r->admin_down ? "admin-down"
                                         : "failing"));
    if (down) {
        json_object_put_string(o, "diag", bfd_diag_to_string(diag));
    }
    if (r->admin_reason) {
        json_object_put_string(o, "reason", r->admin_reason);
    }
    json_object_put(o, "sessions", sessions);
    json_object_put(o, "checks", checks);
    if (r->agent) {
        json_object_put(o, "agent_check", agent_to_json(r));
    }
    json_object_put(o, "thread", self_to_json(r));
    return o;
}

/* Text. */

static const char *
get_string(const struct json *o, const char *name)
{
    const struct json *v = shash_find_data(json_object(o), name);

    return v && v->type == JSON_STRING ? json_string(v) : "";
}

static bool
get_bool(const struct json *o, const char *name)
{
    const struct json *v = shash_find_data(json_object(o), name);

    return v && v->type == JSON_TRUE;
}

static long long int
get_int(const struct json *o, const char *name)
{
    const struct json *v = shash_find_data(json_object(o), name);

    return v && v->type == JSON_INTEGER ? json_integer(v) : 0;
}

static void
session_to_text(const struct json *o, struct ds *s)
{
    char *tx = tpr_format_duration(get_int(o, "tx_interval_us"));
    char *detect = tpr_format_duration(get_int(o, "detect_us"));
    const char *diag = get_string(o, "diag");
    const struct json *why_json = shash_find_data(json_object(o),
                                                  "kernel_why");
    const char *why = why_json ? json_string(why_json) : NULL;

    ds_put_format(s, "peer %s: %s", get_string(o, "peer"),
                  get_string(o, "state"));
    if (strcmp(diag, bfd_diag_to_string(BFD_DIAG_NONE))) {
        ds_put_format(s, " (%s)", diag);
    }
    ds_put_format(s, ", remote %s for %.3f s\n",
                  get_string(o, "remote_state"),
                  get_int(o, "for_us") / 1e6);
    ds_put_format(s, "    sends every %s, detects in %s; %lld sent, %lld "
                  "received, %lld discarded, %lld stalls excused, %lld "
                  "flaps\n    the %s detects, the %s sends%s%s\n", tx, detect,
                  get_int(o, "tx"), get_int(o, "rx"),
                  get_int(o, "rx_bad"), get_int(o, "stalls_excused"),
                  get_int(o, "flaps"),
                  get_bool(o, "kernel_detects") ? "kernel" : "program",
                  get_bool(o, "kernel_sends") ? "kernel" : "program",
                  why ? ": " : "", why ? why : "");
    free(tx);
    free(detect);
}

static void
check_to_text(const struct json *o, struct ds *s)
{
    ds_put_format(s, "check %s: %s (%s), %lld good, %lld failed\n",
                  get_string(o, "check"), get_string(o, "state"),
                  *get_string(o, "last") ? get_string(o, "last") : "not yet",
                  get_int(o, "ok"), get_int(o, "failed"));
    if (*get_string(o, "complaint")) {
        ds_put_format(s, "    %s\n", get_string(o, "complaint"));
    }
}

static void
agent_to_text(const struct json *o, struct ds *s)
{
    const struct json *metrics = shash_find_data(json_object(o), "metrics");

    ds_put_format(s, "agent-check at port %lld: says \"%s\", asked %lld "
                  "times\n", get_int(o, "port"), get_string(o, "says"),
                  get_int(o, "asked"));
    for (size_t i = 0; i < json_array(metrics)->n; i++) {
        const struct json *m = json_array(metrics)->elems[i];
        const struct json *load = shash_find_data(json_object(m), "load");

        ds_put_format(s, "    %s: ", get_string(m, "metric"));
        if (load) {
            ds_put_format(s, "load %.1f, weight %lld%%\n",
                          json_real(load), get_int(m, "weight"));
        } else {
            ds_put_format(s, "%s\n", *get_string(m, "complaint")
                          ? get_string(m, "complaint") : "not measured yet");
        }
    }
}

/* Returns regiond_to_json() as text for people; the caller frees it. */
char *
regiond_to_text(const struct regiond *r)
{
    struct json *o = regiond_to_json(r);
    const struct json *sessions = shash_find_data(json_object(o), "sessions");
    const struct json *checks = shash_find_data(json_object(o), "checks");
    const struct json *self = shash_find_data(json_object(o), "thread");
    const struct json *agent = shash_find_data(json_object(o), "agent_check");
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_format(&s, "status: %s", get_string(o, "status"));
    if (*get_string(o, "reason")) {
        ds_put_format(&s, " (%s)", get_string(o, "reason"));
    }
    ds_put_char(&s, '\n');
    for (size_t i = 0; i < json_array(sessions)->n; i++) {
        session_to_text(json_array(sessions)->elems[i], &s);
    }
    if (!json_array(sessions)->n) {
        ds_put_cstr(&s, "no session yet\n");
    }
    for (size_t i = 0; i < json_array(checks)->n; i++) {
        check_to_text(json_array(checks)->elems[i], &s);
    }
    if (agent) {
        agent_to_text(agent, &s);
    }
    ds_put_format(&s, "thread: %lld wake-ups, %lld late, worst %lld us\n",
                  get_int(self, "wakeups"), get_int(self, "late"),
                  get_int(self, "max_late_us"));
    json_destroy(o);
    return ds_steal_cstr(&s);
}
