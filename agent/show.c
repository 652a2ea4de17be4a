/* SPDX-License-Identifier: Apache-2.0 */

/* Answers to ovs-appctl; show.h says what and why.  The first half makes JSON,
 * the second half prints text from it. */

#include <config.h>
#include "show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "check.h"
#include "datapath.h"
#include "hb-thread.h"
#include "journal.h"
#include "model.h"
#include "neigh.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "plan.h"
#include "policy.h"
#include "sset.h"
#include "summary.h"
#include "timeval.h"
#include "tpr-config.h"
#include "tpr-time.h"
#include "unixctl.h"
#include "util.h"

/* JSON. */

static void
put_int(struct json *o, const char *name, long long int value)
{
    json_object_put(o, name, json_integer_create(value));
}

static void
put_bool(struct json *o, const char *name, bool value)
{
    json_object_put(o, name, json_boolean_create(value));
}

static void
put_nocopy(struct json *o, const char *name, char *value)
{
    json_object_put(o, name, json_string_create_nocopy(value));
}

static void
put_mac(struct json *o, const char *name, const struct eth_addr *mac)
{
    if (!eth_addr_is_zero(*mac)) {
        put_nocopy(o, name, xasprintf(ETH_ADDR_FMT, ETH_ADDR_ARGS(*mac)));
    }
}

static long long int
age_us(long long int then_us)
{
    return then_us ? tpr_now_us() - then_us : 0;
}

static struct json *
bfd_to_json(const struct tpr_region *region, const struct hb_stats *st)
{
    const struct bfd_session_status *b = &st->bfd;
    struct json *o = json_object_create();
    long long int wanted_us = region->hb.interval_us * region->hb.fall;

    json_object_put_string(o, "state", bfd_state_to_string(b->state));
    json_object_put_string(o, "diag", bfd_diag_to_string(b->diag));
    json_object_put_string(o, "remote_state",
                           bfd_state_to_string(b->remote_state));
    json_object_put_string(o, "remote_diag",
                           bfd_diag_to_string(b->remote_diag));
    put_int(o, "my_discr", b->my_discr);
    put_int(o, "your_discr", b->your_discr);
    put_int(o, "tx_interval_us", b->tx_interval_us);
    put_int(o, "remote_min_tx_us", b->remote_min_tx_us);
    put_int(o, "remote_min_rx_us", b->remote_min_rx_us);
    put_int(o, "remote_mult", b->remote_mult);
    put_int(o, "flaps", b->n_flaps);
    if (b->state == BFD_STATE_UP && b->detect_us != wanted_us) {
        char *want = tpr_format_duration(wanted_us);
        char *got = tpr_format_duration(b->detect_us);

        put_nocopy(o, "warning",
                   xasprintf("configured for detection in %s, but the peer "
                             "agreed to %s", want, got));
        free(want);
        free(got);
    }
    return o;
}

static struct json *
rx_bad_to_json(const struct hb_stats *st)
{
    struct json *o = json_object_create();

    for (int i = 1; i < BFD_N_ERRORS; i++) {
        if (st->rx_bad[i]) {
            put_int(o, bfd_error_to_string(i), st->rx_bad[i]);
        }
    }
    return o;
}

static void
put_stats(struct json *o, const struct tpr_region *region,
          const struct hb_stats *st)
{
    put_int(o, "detect_us", st->hb.detect_us);
    if (st->hb.last_beat_us) {
        put_int(o, "last_beat_age_us", age_us(st->hb.last_beat_us));
    }
    put_int(o, "beats", st->hb.n_beats);
    put_int(o, "tx", st->tx);
    put_int(o, "rx", st->rx);
    put_int(o, "tx_errors", st->tx_errors);
    put_int(o, "went_up", st->hb.n_up);
    put_int(o, "went_down", st->hb.n_down);
    put_int(o, "stalls_excused", st->hb.n_excused);
    put_int(o, "max_gap_us", st->hb.max_gap_us);
    put_int(o, "max_late_us", st->hb.max_late_us);
    put_bool(o, "realtime", st->realtime);
    json_object_put(o, "rx_bad", rx_bad_to_json(st));
    if (region->has_heartbeat && region->hb_type == HB_BFD) {
        json_object_put(o, "bfd", bfd_to_json(region, st));
    }
}

static const char *
hb_type_to_string(const struct tpr_region *region)
{
    return (!region->has_heartbeat || region->hb_type == HB_LINK ? "link"
            : region->hb_type == HB_BFD ? "bfd" : "icmp");
}

static struct json *
region_to_json(const struct agent_view *v, const struct tpr_region *region)
{
    const struct plan_region *pr = v->plan ? plan_region(v->plan, region)
                                           : NULL;
    struct json *o = json_object_create();
    long long int hold_us, since_us;
    enum heartbeat_state state;
    struct hb_stats st;
    bool draining;

    state = policy_region_state(v->policy, region, &draining, &hold_us,
                                &since_us);
    json_object_put_string(o, "name", region->name);
    json_object_put_string(o, "state", heartbeat_state_to_string(state));
    put_int(o, "since_us", age_us(since_us));
    put_bool(o, "draining", draining);
    if (hold_us) {
        put_int(o, "held_for_us", MAX(0, hold_us - tpr_now_us()));
    }
    put_int(o, "index", region->index);
    json_object_put_string(o, "port", region->port);
    json_object_put_string(o, "heartbeat", hb_type_to_string(region));
    if (region->has_heartbeat && region->hb_type != HB_LINK) {
        put_nocopy(o, "peer", tpr_format_address(&region->peer));
        put_int(o, "interval_us", region->hb.interval_us);
        put_int(o, "fall", region->hb.fall);
        put_int(o, "rise", region->hb.rise);
    }
    if (pr) {
        json_object_put_string(o, "bridge", pr->bridge ? pr->bridge : "");
        put_bool(o, "link_up", pr->link_up);
        json_object_put_string(o, "path", (!pr->has_session ? "none"
                                           : pr->bypass ? "bypass"
                                           : "switch"));
        if (pr->has_session && region->has_heartbeat
            && region->hb_type != HB_LINK) {
            put_nocopy(o, "local", tpr_format_address(&pr->session.local));
        }
    }
    if (hb_thread_stats(v->hb, region->index, &st)) {
        put_stats(o, region, &st);
    }
    return o;
}

static struct json *
regions_to_json(const struct agent_view *v)
{
    struct json *a = json_array_create_empty();

    if (v->config) {
        const struct shash_node **sorted = shash_sort(&v->config->regions);

        for (size_t i = 0; i < shash_count(&v->config->regions); i++) {
            json_array_add(a, region_to_json(v, sorted[i]->data));
        }
        free(sorted);
    }
    return a;
}

static struct json *
backend_to_json(const struct agent_view *v, const struct tpr_backend *b,
                bool active)
{
    struct plan_input in = { .config = v->config, .policy = v->policy,
                             .neigh = v->neigh };
    enum policy_reason why = policy_usable(v->policy, b);
    struct json *o = json_object_create();
    struct check_stats st;
    struct eth_addr mac;

    json_object_put_string(o, "name", b->name);
    json_object_put_string(o, "region", b->region->name);
    put_nocopy(o, "address", tpr_format_address(&b->addr));
    if (b->port) {
        put_int(o, "port", b->port);
    }
    put_int(o, "priority", b->priority);
    put_int(o, "index", b->index);
    put_bool(o, "active", active);
    put_bool(o, "usable", why == POLICY_OK || why == POLICY_PANIC);
    json_object_put_string(o, "reason", policy_reason_to_string(why));
    if (v->plan && plan_backend_mac(v->plan, &in, b, &mac)) {
        put_mac(o, "mac", &mac);
    }
    if (b->check && check_set_stats(v->checks, b, &st)) {
        struct json *c = json_object_create();

        json_object_put_string(c, "state", (st.state == CHECK_UP ? "up"
                                            : st.state == CHECK_DOWN ? "down"
                                            : "unknown"));
        put_int(c, "ok", st.n_ok);
        put_int(c, "failed", st.n_failed);
        put_int(c, "own_errors", st.n_own_errors);
        put_int(c, "latency_us", st.latency_us);
        put_int(c, "max_late_us", st.late_us);
        json_object_put_string(c, "last", st.last);
        json_object_put(o, "check", c);
    }
    return o;
}

static struct json *
service_to_json(const struct agent_view *v, const struct tpr_service *svc)
{
    struct plan_input in = { .config = v->config, .policy = v->policy,
                             .neigh = v->neigh };
    struct json *o = json_object_create();
    struct json *backends = json_array_create_empty();
    enum policy_mode mode;
    long long int since_us;
    const struct tpr_backend *active = policy_active(v->policy, svc, &mode,
                                                     &since_us);
    struct eth_addr mac;

    json_object_put_string(o, "name", svc->name);
    put_nocopy(o, "vip", tpr_format_vip(&svc->vip));
    json_object_put_string(o, "mode", policy_mode_to_string(mode));
    json_object_put_string(o, "active", active ? active->name : "");
    json_object_put_string(o, "active_region",
                           active ? active->region->name : "");
    put_int(o, "since_us", age_us(since_us));
    if (v->plan) {
        plan_vip_mac(v->plan, &in, svc, &mac);
        put_mac(o, "vip_mac", &mac);
    }
    for (size_t i = 0; i < svc->n_backends; i++) {
        const struct tpr_backend *b = svc->backends[i];

        json_array_add(backends, backend_to_json(v, b, b == active));
    }
    json_object_put(o, "backends", backends);
    return o;
}

static struct json *
services_to_json(const struct agent_view *v)
{
    struct json *a = json_array_create_empty();

    if (v->config) {
        const struct shash_node **sorted = shash_sort(&v->config->services);

        for (size_t i = 0; i < shash_count(&v->config->services); i++) {
            json_array_add(a, service_to_json(v, sorted[i]->data));
        }
        free(sorted);
    }
    return a;
}

/* The provider in force, which "auto" chooses at each connection, and why. */
static void
put_provider(struct json *o, const struct datapath *dp)
{
    const char *why = NULL;

    json_object_put_string(o, "configured", dp->class->name);
    json_object_put_string(o, "provider",
                           (dp->class->how ? dp->class->how(dp, &why)
                            : dp->class->name));
    if (why) {
        json_object_put_string(o, "why", why);
    }
}

static struct json *
bridges_to_json(const struct agent_view *v)
{
    const struct shash_node **sorted = shash_sort(v->bridges);
    struct json *a = json_array_create_empty();

    for (size_t i = 0; i < shash_count(v->bridges); i++) {
        const struct datapath *dp = sorted[i]->data;
        struct json *o = json_object_create();

        json_object_put_string(o, "name", sorted[i]->name);
        put_provider(o, dp);
        put_bool(o, "connected", dp->class->connected(dp));
        dp->class->show(dp, o);
        json_array_add(a, o);
    }
    free(sorted);
    return a;
}

static struct json *
show_to_json(const struct agent_view *v)
{
    const char **complaints = sset_sort(v->complaints);
    struct json *list = json_array_create_empty();
    struct json *o = json_object_create();
    struct summary summary;

    summary_make(v, &summary);
    json_object_put_string(o, "state", summary.word);
    json_object_put_string(o, "summary", summary.line);
    summary_destroy(&summary);
    json_object_put_string(o, "version", TPR_VERSION);
    put_bool(o, "database_connected", v->db_connected);
    put_int(o, "uptime_s", (time_wall_msec() - v->start_ms) / 1000);
    for (size_t i = 0; i < sset_count(v->complaints); i++) {
        json_array_add(list, json_string_create(complaints[i]));
    }
    free(complaints);
    json_object_put(o, "complaints", list);
    json_object_put(o, "bridges", bridges_to_json(v));
    json_object_put(o, "regions", regions_to_json(v));
    json_object_put(o, "services", services_to_json(v));
    return o;
}

/* The newest 'n' entries, oldest of them first. */
static struct json *
history_to_json(const struct agent_view *v, size_t n)
{
    struct json *a = json_array_create_empty();
    const struct journal_entry *e;
    size_t total = 0;

    JOURNAL_FOR_EACH (e, v->journal) {
        total++;
    }
    JOURNAL_FOR_EACH (e, v->journal) {
        if (total-- <= n) {
            json_array_add(a, journal_entry_to_json(e));
        }
    }
    return a;
}

/* Text. */

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
put_regions(struct ds *s, const struct json *regions)
{
    for (size_t i = 0; i < json_array(regions)->n; i++) {
        put_region_line(s, json_array(regions)->elems[i]);
    }
}

static void
put_backend_line(struct ds *s, const struct json *b)
{
    const struct json *check = get(b, "check");

    ds_put_format(s, "    %s %s: %s", get_bool(b, "active") ? "->" : "  ",
                  get_str(b, "name"), get_str(b, "address"));
    if (get(b, "port")) {
        ds_put_format(s, " port %lld", get_int(b, "port"));
    }
    ds_put_format(s, ", priority %lld, %s", get_int(b, "priority"),
                  get_str(b, "reason"));
    if (check) {
        ds_put_format(s, "; check %s (%s)", get_str(check, "state"),
                      get_str(check, "last"));
    }
    ds_put_char(s, '\n');
}

static void
put_services(struct ds *s, const struct json *services)
{
    for (size_t i = 0; i < json_array(services)->n; i++) {
        const struct json *svc = json_array(services)->elems[i];
        const struct json *backends = get(svc, "backends");
        const char *active = get_str(svc, "active");
        bool manual = !strcmp(get_str(svc, "mode"), "manual");

        ds_put_format(s, "  service %s %s: %s, %s since ",
                      get_str(svc, "name"), get_str(svc, "vip"),
                      active[0] ? active : "no backend",
                      manual ? "MANUAL" : get_str(svc, "mode"));
        tpr_put_us(s, get_int(svc, "since_us"));
        ds_put_char(s, '\n');
        for (size_t j = 0; j < json_array(backends)->n; j++) {
            put_backend_line(s, json_array(backends)->elems[j]);
        }
    }
}

static char *
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
    if (bad) {
        SHASH_FOR_EACH (node, json_object(bad)) {
            ds_put_format(s, "    discarded: %"PRId64", %s\n",
                          json_integer(node->data), node->name);
        }
    }
}

static char *
heartbeats_text(const struct json *regions)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < json_array(regions)->n; i++) {
        put_heartbeat(&s, json_array(regions)->elems[i]);
    }
    return ds_steal_cstr(&s);
}

static char *
services_text(const struct json *services)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    put_services(&s, services);
    return ds_steal_cstr(&s);
}

static char *
history_text(const struct json *history)
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

/* Commands. */

/* Parses [--json] [N].  Returns false after an error reply. */
static bool
parse_args(struct unixctl_conn *conn, int argc, const char *argv[],
           bool *json, size_t *n)
{
    *json = false;
    for (int i = 1; i < argc; i++) {
        unsigned int value;

        if (!strcmp(argv[i], "--json")) {
            *json = true;
        } else if (n && str_to_uint(argv[i], 10, &value) && value) {
            *n = value;
        } else {
            char *error = xasprintf("%s: unknown argument; the command takes "
                                    "%s", argv[i], n ? "[--json] [N]"
                                    : "[--json]");

            unixctl_command_reply_error(conn, error);
            free(error);
            return false;
        }
    }
    return true;
}

/* Answers with 'j', as it is or as 'to_text' prints it; frees 'j'. */
static void
reply(struct unixctl_conn *conn, struct json *j, bool json,
      char *(*to_text)(const struct json *))
{
    char *text = json ? json_to_string(j, JSSF_SORT) : to_text(j);

    unixctl_command_reply(conn, text);
    free(text);
    json_destroy(j);
}

static void
show_all(struct unixctl_conn *conn, int argc, const char *argv[],
         void *agent)
{
    struct agent_view v;
    bool json;

    if (parse_args(conn, argc, argv, &json, NULL)) {
        agent_view(agent, &v);
        reply(conn, show_to_json(&v), json, show_text);
    }
}

static void
show_heartbeats(struct unixctl_conn *conn, int argc, const char *argv[],
                void *agent)
{
    struct agent_view v;
    bool json;

    if (parse_args(conn, argc, argv, &json, NULL)) {
        agent_view(agent, &v);
        reply(conn, regions_to_json(&v), json, heartbeats_text);
    }
}

static void
show_services(struct unixctl_conn *conn, int argc, const char *argv[],
              void *agent)
{
    struct agent_view v;
    bool json;

    if (parse_args(conn, argc, argv, &json, NULL)) {
        agent_view(agent, &v);
        reply(conn, services_to_json(&v), json, services_text);
    }
}

static void
show_history(struct unixctl_conn *conn, int argc, const char *argv[],
             void *agent)
{
    size_t n = SIZE_MAX;
    struct agent_view v;
    bool json;

    if (parse_args(conn, argc, argv, &json, &n)) {
        agent_view(agent, &v);
        reply(conn, history_to_json(&v, n), json, history_text);
    }
}

/* Registers the commands that look at 'agent', which must outlive them. */
void
show_init(struct agent *agent)
{
    unixctl_command_register("tpr/show", "[--json]", 0, 1, show_all, agent);
    unixctl_command_register("tpr/heartbeats", "[--json]", 0, 1,
                             show_heartbeats, agent);
    unixctl_command_register("tpr/services", "[--json]", 0, 1, show_services,
                             agent);
    unixctl_command_register("tpr/history", "[--json] [N]", 0, 2,
                             show_history, agent);
}
