/* SPDX-License-Identifier: Apache-2.0 */

/* What the agent knows, as JSON: see show-private.h. */

#include <config.h>
#include "show-private.h"

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
#include "util.h"
#include "words.h"
#include "show.h"

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

/* Who receives and sends a region's beats, and why not the kernel. */
static struct json *
kernel_to_json(const struct agent_view *v, const struct plan_region *pr,
               const struct hb_stats *st)
{
    const char *why = (pr->no_offload ? pr->no_offload
                       : hb_thread_offload_why(v->hb, pr->region->index));
    struct json *o = json_object_create();

    if (!why && !st->kernel_rx) {
        why = "the session is not up, or negotiates";
    }
    put_bool(o, "detection", st->kernel_rx);
    put_bool(o, "transmission", st->kernel_tx);
    if (why) {
        json_object_put_string(o, "why", why);
    }
    if (!pr->no_offload) {
        put_int(o, "excused", st->kernel_excused);
        put_int(o, "suspended", st->kernel_suspended);
        put_int(o, "deaf", st->kernel_n_deaf);
        put_int(o, "tokens_lost", st->kernel_n_mute);
        put_int(o, "max_late_us", st->kernel_late_us);
        put_int(o, "max_tx_late_us", st->kernel_tx_late_us);
    }
    return o;
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
    if (v->hb && hb_thread_stats(v->hb, region->index, &st)) {
        put_stats(o, region, &st);
        if (pr && pr->has_session && region->hb_type == HB_BFD) {
            json_object_put(o, "kernel", kernel_to_json(v, pr, &st));
        }
    }
    return o;
}

/* Returns all regions; the caller must destroy them, as with other views. */
struct json *
show_regions_to_json(const struct agent_view *v)
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

/* What real traffic has said against a backend. */
static struct json *
suspicion_to_json(const struct suspicion *s)
{
    struct json *o = json_object_create();

    put_bool(o, "suspect", s->suspect);
    put_int(o, "since_us", age_us(s->since_us));
    put_int(o, "last_age_us", age_us(s->last_us));
    put_int(o, "times", s->n_episodes);
    put_int(o, "refused", s->n_refused);
    put_int(o, "silent", s->n_silent);
    return o;
}

/* What the agent of 'b' has said, and what became of it. */
static void
put_agent(struct json *o, const struct agent_view *v,
          const struct tpr_backend *b)
{
    const struct agent_words *words = check_set_agent(v->agents, b);
    struct ds s = DS_EMPTY_INITIALIZER;
    struct check_stats st;
    struct json *a;

    put_int(o, "weight", policy_weight(v->policy, b));
    put_int(o, "configured_weight", b->weight);
    if (policy_limit(v->policy, b)) {
        put_int(o, "max_connections", policy_limit(v->policy, b));
    }
    if (!words || !check_set_stats(v->agents, b, &st)) {
        return;
    }
    a = json_object_create();
    agent_words_put(words, &s);
    put_nocopy(a, "says", ds_steal_cstr(&s));
    if (words->has_cpu) {
        put_int(a, "cpu_pct", words->cpu);
    }
    put_bool(a, "answers", st.state == CHECK_UP);
    put_int(a, "ok", st.n_ok);
    put_int(a, "failed", st.n_failed);
    put_int(a, "own_errors", st.n_own_errors);
    put_int(a, "latency_us", st.latency_us);
    json_object_put_string(a, "last", st.last);
    json_object_put(o, "agent", a);
}

static struct json *
backend_to_json(const struct agent_view *v, const struct tpr_backend *b,
                bool active, bool serves)
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
    put_int(o, "priority", b->priority % TPR_BACKUP);
    put_bool(o, "backup", b->priority >= TPR_BACKUP);
    put_int(o, "index", b->index);
    put_bool(o, "active", active);
    put_bool(o, "serves", serves);
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
        if (st.suspicion.n_episodes) {
            json_object_put(o, "suspicion", suspicion_to_json(&st.suspicion));
        }
    }
    put_agent(o, v, b);
    return o;
}

/* Who carries the service, and why. */
static void
put_how(struct json *o, const struct agent_view *v,
        const struct tpr_service *svc)
{
    const char *bridge = plan_service_bridge(v->plan, svc);
    const struct datapath *dp = (bridge ? shash_find_data(v->bridges, bridge)
                                 : NULL);
    const char *why;

    if (dp) {
        json_object_put_string(o, "provider",
                               datapath_service_how(dp, svc->name, &why));
        if (why) {
            json_object_put_string(o, "why", why);
        }
    }
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
    json_object_put_string(o, "policy", tpr_policy_to_string(svc->policy));
    json_object_put_string(o, "mode", policy_mode_to_string(mode));
    json_object_put_string(o, "active", active ? active->name : "");
    json_object_put_string(o, "active_region",
                           active ? active->region->name : "");
    put_int(o, "since_us", age_us(since_us));
    if (v->plan) {
        plan_vip_mac(v->plan, &in, svc, &mac);
        put_mac(o, "vip_mac", &mac);
        put_how(o, v, svc);
    }
    for (size_t i = 0; i < svc->n_backends; i++) {
        const struct tpr_backend *b = svc->backends[i];

        json_array_add(backends, backend_to_json(
                           v, b, b == active,
                           words_serves(v->policy, svc, i)));
    }
    json_object_put(o, "backends", backends);
    return o;
}

/* Returns all services. */
struct json *
show_services_to_json(const struct agent_view *v)
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

/* Returns all of what 'v' shows; the caller must destroy it. */
struct json *
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
    json_object_put(o, "regions", show_regions_to_json(v));
    json_object_put(o, "services", show_services_to_json(v));
    return o;
}

/* Returns the newest 'n' entries, oldest of them first. */
struct json *
show_history_to_json(const struct agent_view *v, size_t n)
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
