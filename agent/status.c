/* SPDX-License-Identifier: Apache-2.0 */

/* Status columns and history rows; status.h says what and why. */

#include <config.h>
#include "status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "check.h"
#include "complaints.h"
#include "datapath.h"
#include "hb-thread.h"
#include "journal.h"
#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-idl.h"
#include "plan.h"
#include "policy.h"
#include "smap.h"
#include "sset.h"
#include "summary.h"
#include "timeval.h"
#include "tpr-config.h"
#include "tpr-db.h"
#include "tpr-idl.h"
#include "tpr-time.h"
#include "util.h"
#include "words.h"

VLOG_DEFINE_THIS_MODULE(status);

enum {
    SPACING_US = 100 * 1000,            /* Between two writings. */
    COST_FACTOR = 10,                   /* ...or so many times its cost. */
    REFRESH_US = 5 * 1000 * 1000,       /* Of statistics. */
    HISTORY_PER_TXN = 200,              /* Rows. */
};

#define MAX_HISTORY_SEQ (INT64_MAX / 2)

struct status {
    struct tpr_db *db;
    struct ovsdb_idl_txn *txn;  /* Under way, or NULL. */
    bool dirty;                 /* Something changed since the last one. */
    bool refused;               /* The last one was. */
    bool backlog;               /* More history than one writing takes. */
    int64_t cur_cfg;            /* Value in the database, once written. */
    int64_t writing_cfg;        /* Value in 'txn'. */
    uint64_t history_seq;       /* Newest row in 'txn'. */
    bool history_loaded;
    long long int next_us;      /* Not before. */
    long long int refresh_us;   /* At the latest. */
};

struct status *
status_create(struct tpr_db *db)
{
    struct status *s = xzalloc(sizeof *s);

    s->db = db;
    s->cur_cfg = -1;
    return s;
}

void
status_destroy(struct status *s)
{
    if (s) {
        if (s->txn) {
            ovsdb_idl_txn_destroy(s->txn);
        }
        free(s);
    }
}

/* Should be called when something that the status shows has changed. */
void
status_touch(struct status *s)
{
    s->dirty = true;
}

/* Optional columns want pointers and counts. */
#define SET_OPT(ROW, TABLE, COLUMN, VALUE)                              \
    do {                                                                \
        int64_t value__ = (VALUE);                                      \
        tprrec_##TABLE##_set_##COLUMN(ROW, &value__, 1);                \
    } while (0)

/* Wall clock in ms of a moment on the monotonic clock, 0 for "never". */
static int64_t
wall_ms(long long int mono_us)
{
    return (mono_us
            ? time_wall_msec() - (tpr_now_us() - mono_us) / 1000
            : 0);
}

/* Two readings of the same moment differ by rounding; keep the old one. */
static bool
differs(const int64_t *old, size_t n, int64_t new)
{
    return n != 1 || llabs(*old - new) > 50;
}

/* Returns the complaint about the object that 'format' names, or NULL. */
static const char *
find_complaint(const struct agent_view *v, const char *format,
               const char *name)
{
    char *prefix = xasprintf(format, name);
    const char *found = complaint_index_find(v->index, prefix);

    free(prefix);
    return found;
}

/* Regions. */

static void
write_negotiated(const struct tprrec_region *row, const struct hb_stats *st)
{
    struct smap map = SMAP_INITIALIZER(&map);
    char *s;

    s = tpr_format_duration(st->hb.detect_us);
    smap_add_nocopy(&map, xstrdup("detect"), s);
    s = tpr_format_duration(st->bfd.tx_interval_us);
    smap_add_nocopy(&map, xstrdup("tx_interval"), s);
    smap_add_format(&map, "remote_mult", "%"PRIu8, st->bfd.remote_mult);
    smap_add(&map, "state", bfd_state_to_string(st->bfd.state));
    smap_add(&map, "diag", bfd_diag_to_string(st->bfd.diag));
    smap_add(&map, "remote_state",
             bfd_state_to_string(st->bfd.remote_state));
    smap_add(&map, "remote_diag", bfd_diag_to_string(st->bfd.remote_diag));
    tprrec_region_set_negotiated(row, &map);
    smap_destroy(&map);
}

static void
write_region_statistics(const struct tprrec_region *row,
                        const struct hb_stats *st)
{
    const char *const keys[] = {
        "beats", "tx", "rx", "tx_errors", "up", "down", "stalls_excused",
        "max_gap_us", "max_late_us", "rx_bad",
    };
    int64_t bad = 0;

    for (size_t i = 0; i < BFD_N_ERRORS; i++) {
        bad += st->rx_bad[i];
    }
    const int64_t values[] = {
        st->hb.n_beats, st->tx, st->rx, st->tx_errors, st->hb.n_up,
        st->hb.n_down, st->hb.n_excused, st->hb.max_gap_us,
        st->hb.max_late_us, bad,
    };
    BUILD_ASSERT(ARRAY_SIZE(keys) == ARRAY_SIZE(values));
    tprrec_region_set_statistics(row, (const char **) keys, values,
                                 ARRAY_SIZE(keys));
}

static void
write_region(const struct tprrec_region *row, const struct agent_view *v)
{
    const struct tpr_region *region = shash_find_data(&v->config->regions,
                                                      row->name);
    long long int hold_us = 0, since_us = 0;
    const struct plan_region *pr;
    enum heartbeat_state state;
    const char *complaint, *reason;
    struct hb_stats st;
    bool draining;

    complaint = find_complaint(v, "Region %s: ", row->name);
    tprrec_region_set_complaint(row, (complaint ? complaint
                                      : find_complaint(
                                          v, "Heartbeat of region %s: ",
                                          row->name)));
    if (!region) {
        return;
    }
    state = policy_region_state(v->policy, region, &draining, &hold_us,
                                &since_us);
    SET_OPT(row, region, index, region->index);
    tprrec_region_set_state(row, heartbeat_state_to_string(state));
    if (since_us && differs(row->since, row->n_since, wall_ms(since_us))) {
        SET_OPT(row, region, since, wall_ms(since_us));
    }
    tprrec_region_set_draining(row, draining);
    if (hold_us) {
        if (differs(row->hold_until, row->n_hold_until, wall_ms(hold_us))) {
            SET_OPT(row, region, hold_until, wall_ms(hold_us));
        }
    } else {
        tprrec_region_set_hold_until(row, NULL, 0);
    }
    reason = policy_region_reason(v->policy, region);
    pr = plan_region(v->plan, region);
    tprrec_region_set_path(row, (!pr || !pr->has_session ? NULL
                                 : pr->bypass ? "bypass" : "switch"));
    if (hb_thread_stats(v->hb, region->index, &st)) {
        /* A restarted agent knows of no change: the row's reason stays. */
        if (!reason && (!row->reason || state == HEARTBEAT_UNKNOWN)) {
            reason = heartbeat_cause_to_string(st.hb.cause);
        }
        if (region->has_heartbeat && region->hb_type == HB_BFD) {
            write_negotiated(row, &st);
        }
        write_region_statistics(row, &st);
    }
    if (reason) {
        tprrec_region_set_reason(row, reason);
    }
}

/* Services and backends. */

static const struct tpr_backend *
find_backend(const struct tpr_service *svc, const struct tprrec_backend *row)
{
    const char *local = row->name && row->name[0] ? row->name
                        : row->region ? row->region->name : "";
    char *name = xasprintf("%s/%s", svc->name, local);
    const struct tpr_backend *found = NULL;

    for (size_t i = 0; i < svc->n_backends && !found; i++) {
        const struct tpr_backend *b = svc->backends[i];

        if (!strcmp(b->name, name) || !strcmp(b->name, local)) {
            found = b;
        }
    }
    free(name);
    return found;
}

/* What its agent has said, in the agent's words. */
static void
write_agent(const struct tprrec_backend *row, const struct tpr_backend *b,
            const struct agent_view *v)
{
    const struct agent_words *words = check_set_agent(v->agents, b);

    if (words) {
        struct ds s = DS_EMPTY_INITIALIZER;

        agent_words_put(words, &s);
        tprrec_backend_set_agent(row, s.length ? ds_cstr(&s) : NULL);
        ds_destroy(&s);
    } else {
        tprrec_backend_set_agent(row, NULL);
    }
}

static void
write_backend(const struct tprrec_backend *row, const struct tpr_backend *b,
              const struct agent_view *v)
{
    struct plan_input in = { .config = v->config, .policy = v->policy,
                             .neigh = v->neigh };
    enum policy_reason why = policy_usable(v->policy, b);
    struct check_stats st;
    bool checked = b->check && check_set_stats(v->checks, b, &st);
    bool suspect = checked && st.suspicion.suspect;
    long long int since_us;
    const char *complaint;
    struct eth_addr mac;

    SET_OPT(row, backend, index, b->index);
    tprrec_backend_set_state(
        row, tpr_backend_state_to_string(
            policy_backend_state(v->policy, b, &since_us)));
    if (since_us && differs(row->since, row->n_since, wall_ms(since_us))) {
        SET_OPT(row, backend, since, wall_ms(since_us));
    }
    tprrec_backend_set_reason(row, (suspect && why == POLICY_OK ? "suspect"
                                    : policy_reason_to_string(why)));
    SET_OPT(row, backend, effective_weight,
            why == POLICY_OK ? policy_weight(v->policy, b) : 0);
    write_agent(row, b, v);
    if (plan_backend_mac(v->plan, &in, b, &mac)) {
        char s[ETH_ADDR_STRLEN + 1];

        snprintf(s, sizeof s, ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
        tprrec_backend_set_resolved_mac(row, s);
    }
    if (checked) {
        const char *const keys[] = {
            "checks_ok", "checks_failed", "own_errors", "latency_us",
            "suspected", "refused", "silent",
        };
        const int64_t values[] = {
            st.n_ok, st.n_failed, st.n_own_errors, st.latency_us,
            st.suspicion.n_episodes, st.suspicion.n_refused,
            st.suspicion.n_silent,
        };

        BUILD_ASSERT(ARRAY_SIZE(keys) == ARRAY_SIZE(values));

        tprrec_backend_set_check_state(row, (st.state == CHECK_UP ? "up"
                                             : st.state == CHECK_DOWN
                                             ? "down" : "unknown"));
        tprrec_backend_set_statistics(row, (const char **) keys, values,
                                      ARRAY_SIZE(keys));
    }
    complaint = find_complaint(v, "Backend %s: ", b->name);
    tprrec_backend_set_complaint(row, (complaint ? complaint
                                       : check_set_complaint(v->checks, b)));
}

/* A row that the configuration does without has no state, but a reason. */
static void
leave_out_backend(const struct tprrec_service *svc,
                  const struct tprrec_backend *row,
                  const struct agent_view *v)
{
    char *name = xasprintf("%s/%s", svc->name,
                           row->name && row->name[0] ? row->name
                           : row->region ? row->region->name : "");

    tprrec_backend_set_state(row, "left out");
    tprrec_backend_set_reason(row, "its row is not valid");
    tprrec_backend_set_complaint(row, find_complaint(v, "Backend %s: ",
                                                     name));
    free(name);
}

/* Which provider carries 'svc', and why. */
static void
write_provider(const struct tprrec_service *row, const struct agent_view *v,
               const struct tpr_service *svc)
{
    const char *bridge = v->plan ? plan_service_bridge(v->plan, svc) : NULL;
    const struct datapath *dp = (bridge ? shash_find_data(v->bridges, bridge)
                                 : NULL);
    const char *why = NULL;

    tprrec_service_set_provider(row, (!dp ? NULL
                                      : datapath_service_how(dp, svc->name,
                                                             &why)));
    tprrec_service_set_why(row, why);
}

static void
write_active(const struct tprrec_service *row, const struct tpr_service *svc,
             const struct agent_view *v)
{
    const char **names = xcalloc(MAX(1, svc->n_backends), sizeof *names);
    size_t n = 0;

    for (size_t i = 0; i < svc->n_backends; i++) {
        if (words_serves(v->policy, svc, i)) {
            names[n++] = svc->backends[i]->name;
        }
    }
    tprrec_service_set_active(row, names, n);
    free(names);
}

static void
write_service(const struct tprrec_service *row, const struct agent_view *v)
{
    struct plan_input in = { .config = v->config, .policy = v->policy,
                             .neigh = v->neigh };
    const struct tpr_service *svc = shash_find_data(&v->config->services,
                                                    row->name);
    enum policy_mode mode = POLICY_MODE_AUTO;
    long long int since_us = 0;
    const struct tpr_backend *active;
    char s[ETH_ADDR_STRLEN + 1];
    struct eth_addr mac;

    tprrec_service_set_complaint(row, find_complaint(v, "Service %s: ",
                                                     row->name));
    if (!svc) {
        tprrec_service_set_state(row, "left out");
        tprrec_service_set_active(row, NULL, 0);
        tprrec_service_set_provider(row, NULL);
        tprrec_service_set_why(row, NULL);
        return;
    }
    write_provider(row, v, svc);
    active = policy_active(v->policy, svc, &mode, &since_us);
    tprrec_service_set_state(row, !active ? "down"
                             : policy_on_backup(v->policy, svc) ? "backup"
                             : "ok");
    write_active(row, svc, v);
    tprrec_service_set_mode(row, policy_mode_to_string(mode));
    if (since_us && differs(row->since, row->n_since, wall_ms(since_us))) {
        SET_OPT(row, service, since, wall_ms(since_us));
    }
    if (policy_service_reason(v->policy, svc)) {
        tprrec_service_set_reason(row, policy_service_reason(v->policy, svc));
    }
    plan_vip_mac(v->plan, &in, svc, &mac);
    snprintf(s, sizeof s, ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
    tprrec_service_set_learned_vip_mac(row, s);
    for (size_t i = 0; i < row->n_backends; i++) {
        const struct tpr_backend *b = find_backend(svc, row->backends[i]);

        if (b) {
            write_backend(row->backends[i], b, v);
        } else {
            leave_out_backend(row, row->backends[i], v);
        }
    }
}

/* Intents. */

static bool
drain_is_done(const struct agent_view *v, const char *object)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &v->config->services) {
        const struct tpr_backend *active
            = policy_active(v->policy, node->data, NULL, NULL);

        if (active && (!strcmp(active->region->name, object)
                       || !strcmp(active->name, object))) {
            return false;
        }
    }
    return true;
}

static bool
service_intent_is_done(const struct agent_view *v,
                       const struct tprrec_intent *row)
{
    const struct tpr_service *svc = shash_find_data(&v->config->services,
                                                    row->object);
    const struct tpr_backend *active;
    enum policy_mode mode;

    if (!svc) {
        return true;
    }
    active = policy_active(v->policy, svc, &mode, NULL);
    return (!strcmp(row->kind, "failover")
            ? (active && row->to && !strcmp(active->region->name, row->to))
            : mode == POLICY_MODE_AUTO);
}

/* Marks what has been carried out; takes away what has ended. */
static void
write_intent(const struct tprrec_intent *row, const struct agent_view *v,
             bool all_applied)
{
    char *prefix = xasprintf("Intent %s %s: ", row->kind, row->object);
    const char *complaint = find_complaint(v, "%s", prefix);
    bool done;

    free(prefix);
    tprrec_intent_set_complaint(row, complaint);
    if (complaint) {
        tprrec_intent_set_state(row, "refused");
        return;
    }
    if (row->n_until && *row->until && *row->until <= time_wall_msec()) {
        tprrec_intent_delete(row);
        return;
    }
    done = all_applied
           && (!strcmp(row->kind, "drain") ? drain_is_done(v, row->object)
               : !strcmp(row->kind, "bypass") ? v->config->bypass
               : service_intent_is_done(v, row));
    if (done && !strcmp(row->kind, "failback")) {
        tprrec_intent_delete(row);      /* An order, not a state. */
        return;
    }
    tprrec_intent_set_state(row, done ? "done" : "in force");
    if (done && !row->n_done) {
        SET_OPT(row, intent, done, time_wall_msec());
    } else if (!done && row->n_done) {
        tprrec_intent_set_done(row, NULL, 0);
    }
}

/* History. */

static void
write_history(struct status *s, struct ovsdb_idl_txn *txn,
              struct journal *journal)
{
    const struct journal_entry *e;
    int n = 0;

    s->backlog = false;
    s->history_seq = journal_written(journal);
    JOURNAL_FOR_EACH_UNWRITTEN (e, journal) {
        const struct tprrec_history *row;
        const char *keys[3];
        int64_t values[3];
        size_t n_budget = 0;

        if (n++ >= HISTORY_PER_TXN) {
            s->backlog = true;
            break;
        }
        row = tprrec_history_insert(txn);
        tprrec_history_set_seq(row, e->seq);
        tprrec_history_set_when_ms(row, e->when_ms);
        tprrec_history_set_mono_us(row, e->decided_us);
        tprrec_history_set_boot_id(row, journal_boot_id(journal));
        tprrec_history_set_event(row, e->event);
        tprrec_history_set_object(row, e->object);
        tprrec_history_set_from(row, e->from);
        tprrec_history_set_to(row, e->to);
        tprrec_history_set_reason(row, e->reason);
        if (e->last_beat_us) {
            keys[n_budget] = "silence_us";
            values[n_budget++] = e->decided_us - e->last_beat_us;
        }
        if (e->applied_us) {
            keys[n_budget] = "applied_us";
            values[n_budget++] = MAX(0, e->applied_us - e->decided_us);
        }
        tprrec_history_set_budget(row, keys, values, n_budget);
        s->history_seq = e->seq;
    }
}

/* Deletes the oldest rows beyond 'limit'. */
static void
trim_history(struct ovsdb_idl *idl, uint64_t newest, unsigned int limit)
{
    const struct tprrec_history *row, *next;

    TPRREC_HISTORY_FOR_EACH_SAFE (row, next, idl) {
        if (row->seq + (int64_t) limit <= (int64_t) newest) {
            tprrec_history_delete(row);
        }
    }
}

/* Reads the rows of earlier lives into the journal, once. */
static void
load_history(struct status *s, struct journal *journal)
{
    const struct tprrec_history *row;

    TPRREC_HISTORY_FOR_EACH (row, tpr_db_idl(s->db)) {
        struct journal_entry e = {
            .seq = row->seq, .when_ms = row->when_ms,
            .decided_us = row->mono_us, .event = row->event,
            .object = row->object, .from = row->from, .to = row->to,
            .reason = row->reason,
        };

        if (row->seq <= 0 || row->seq > MAX_HISTORY_SEQ) {
            continue;           /* Not of our making. */
        }
        for (size_t i = 0; i < row->n_budget; i++) {
            if (!strcmp(row->key_budget[i], "silence_us")) {
                e.last_beat_us = row->mono_us - row->value_budget[i];
            } else if (!strcmp(row->key_budget[i], "applied_us")) {
                e.applied_us = row->mono_us + row->value_budget[i];
            }
        }
        journal_load(journal, &e);
    }
    journal_load_done(journal);
    s->history_loaded = true;
}

/* The whole. */

static void
write_root(const struct tprrec_tpr *tpr, const struct agent_view *v)
{
    struct summary summary;
    struct smap map = SMAP_INITIALIZER(&map);
    const char **complaints = sset_array(v->complaints);
    struct shash_node *node;

    summary_make(v, &summary);
    tprrec_tpr_set_version(tpr, TPR_VERSION);
    if (!tpr->state || strcmp(tpr->state, summary.word)) {
        tprrec_tpr_set_state(tpr, summary.word);
        SET_OPT(tpr, tpr, since, time_wall_msec());
    }
    tprrec_tpr_set_complaints(tpr, complaints, sset_count(v->complaints));
    free(complaints);

    smap_add_nocopy(&map, xstrdup("summary"), xstrdup(summary.line));
    smap_add_format(&map, "started_ms", "%lld", v->start_ms);
    smap_add_format(&map, "refreshed_ms", "%lld", time_wall_msec());
    SHASH_FOR_EACH (node, v->bridges) {
        const struct datapath *dp = node->data;
        char *key = xasprintf("bridge-%s", node->name);

        const char *why = NULL;
        const char *how = (dp->class->how ? dp->class->how(dp, &why)
                           : dp->class->name);

        smap_add_format(&map, key, "%s, %s%s%s", how,
                        dp->class->connected(dp) ? "connected" : "away",
                        why ? ", " : "", why ? why : "");
        free(key);
    }
    tprrec_tpr_set_status(tpr, &map);
    smap_destroy(&map);
    summary_destroy(&summary);
}

static void
write_all(struct status *s, const struct agent_view *view,
          struct journal *journal, bool all_applied)
{
    struct agent_view copy = *view;
    const struct agent_view *v = &copy;
    struct complaint_index index;
    struct ovsdb_idl *idl = tpr_db_idl(s->db);
    const struct tprrec_tpr *tpr = tprrec_tpr_first(idl);
    const struct tprrec_intent *intent, *next;
    const struct tprrec_service *svc;
    const struct tprrec_region *region;

    complaint_index_init(&index, v->complaints);
    copy.index = &index;
    s->txn = ovsdb_idl_txn_create(idl);
    s->writing_cfg = s->cur_cfg;
    if (tpr) {
        write_root(tpr, v);
        if (all_applied) {
            s->writing_cfg = tpr->next_cfg;
            tprrec_tpr_set_cur_cfg(tpr, tpr->next_cfg);
        }
    }
    TPRREC_REGION_FOR_EACH (region, idl) {
        write_region(region, v);
    }
    TPRREC_SERVICE_FOR_EACH (svc, idl) {
        write_service(svc, v);
    }
    TPRREC_INTENT_FOR_EACH_SAFE (intent, next, idl) {
        write_intent(intent, v, all_applied);
    }
    write_history(s, s->txn, journal);
    trim_history(idl, s->history_seq, v->config->history_limit);
    complaint_index_destroy(&index);
}

/* Looks after the transaction under way.  Returns true if there is none
 * (any more). */
static bool
finish_txn(struct status *s, struct journal *journal)
{
    enum ovsdb_idl_txn_status result;

    if (!s->txn) {
        return true;
    }
    result = ovsdb_idl_txn_commit(s->txn);
    if (result == TXN_INCOMPLETE) {
        return false;
    }
    if (result == TXN_SUCCESS || result == TXN_UNCHANGED) {
        s->refused = false;
        s->cur_cfg = s->writing_cfg;
        journal_set_written(journal, s->history_seq);
    } else {
        if (result != TXN_TRY_AGAIN && result != TXN_NOT_LOCKED) {
            static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

            s->refused = true;
            VLOG_WARN_RL(&rl, "cannot write status (%s: %s)",
                         ovsdb_idl_txn_status_to_string(result),
                         ovsdb_idl_txn_get_error(s->txn));
        }
        s->dirty = true;
    }
    ovsdb_idl_txn_destroy(s->txn);
    s->txn = NULL;
    return true;
}

/* Writes what has changed, if it is time and the database is there.
 * 'all_applied' tells whether every bridge carries out the newest
 * configuration. */
void
status_run(struct status *s, const struct agent_view *v,
           struct journal *journal, bool all_applied)
{
    long long int now_us = tpr_now_us();
    bool cfg_due;

    if (!finish_txn(s, journal) || !v->config || !v->plan
        || !tpr_db_locked(s->db)) {
        return;
    }
    if (!s->history_loaded) {
        load_history(s, journal);
    }
    cfg_due = all_applied && tpr_db_next_cfg(s->db) != s->cur_cfg;
    s->dirty |= cfg_due || s->backlog || journal_has_unwritten(journal)
                || now_us >= s->refresh_us;
    if (!s->dirty || (now_us < s->next_us && (!cfg_due || s->refused))) {
        return;
    }
    s->dirty = false;
    write_all(s, v, journal, all_applied);
    finish_txn(s, journal);

    s->next_us = tpr_now_us() + MAX(SPACING_US, (tpr_now_us() - now_us)
                                                * COST_FACTOR);
    s->refresh_us = now_us + REFRESH_US;
}

/* Wakes the poll loop when status_run() has something to do. */
void
status_wait(struct status *s)
{
    if (s->txn) {
        ovsdb_idl_txn_wait(s->txn);
    } else if (tpr_db_locked(s->db)) {
        poll_timer_wait_until((s->dirty ? s->next_us : s->refresh_us) / 1000
                              + 1);
    }
}
