/* SPDX-License-Identifier: Apache-2.0 */

/* The agent; agent.h says what and why. */

#include <config.h>
#include "agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batches.h"
#include "bridges.h"
#include "check.h"
#include "config.h"
#include "coverage.h"
#include "datapath.h"
#include "dirs.h"
#include "gather.h"
#include "hb-session.h"
#include "hb-thread.h"
#include "hearing.h"
#include "journal.h"
#include "liveness.h"
#include "metrics-http.h"
#include "model.h"
#include "neigh.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "plan.h"
#include "policy.h"
#include "sset.h"
#include "status.h"
#include "suspects.h"
#include "timeval.h"
#include "tpr-config.h"
#include "tpr-db.h"
#include "tpr-idl.h"
#include "tpr-time.h"
#include "util.h"
#include "vswitch.h"
#include "words.h"

VLOG_DEFINE_THIS_MODULE(agent);

COVERAGE_DEFINE(agent_fact);
COVERAGE_DEFINE(agent_decide);
COVERAGE_DEFINE(agent_replan);

enum {
    GATHER_US = 200 * 1000,     /* Between two looks for complaints. */
};

struct agent {
    /* Databases. */
    struct tpr_db *db;
    struct status *status;
    struct vswitch *vswitch;

    /* Sources of facts. */
    struct liveness *liveness;
    struct hb_thread *hb;
    struct check_set *checks;
    struct check_set *agents;   /* Agent-checks. */
    struct hearing *hearing;    /* What they hear. */
    struct neigh *neigh;

    /* Decisions. */
    struct tpr_config *config;
    struct policy *policy;
    struct plan *plan;
    struct bridges bridges;
    struct batches batches;
    struct journal *journal;
    struct metrics_http *metrics;

    /* What the plan was made from. */
    unsigned int vswitch_seqno, neigh_seqno, port_seqno;
    bool replan;                /* Regions must be planned anew. */
    bool reset;                 /* Bridges must be handed their state anew. */
    bool standby;               /* Another agent acts on the database. */

    struct shash sessions;      /* Region -> struct hb_session_config *:
                                 * handed to the heartbeat thread. */
    struct sset config_complaints, plan_complaints, complaints;
    long long int gather_us;    /* Next look for complaints. */
    long long int start_ms;
};

static struct plan_input
plan_input(const struct agent *a)
{
    return (struct plan_input) {
        .config = a->config, .policy = a->policy,
        .neigh = a->neigh, .vswitch = a->vswitch,
    };
}

static check_way_func has_way;

/* Creates the agent: opens the liveness page, starts the heartbeat thread and
 * begins to follow the databases at 'tpr_db' and 'ovs_db'.  Exits with a
 * sentence if the liveness page cannot be had. */
struct agent *
agent_create(const char *tpr_db, const char *ovs_db)
{
    struct agent *a = xzalloc(sizeof *a);
    char *page = xasprintf("%s/tpr-liveness", ovs_rundir());
    char *error = liveness_open(page, &a->liveness);

    if (error) {
        ovs_fatal(0, "%s", error);
    }
    free(page);
    a->start_ms = time_wall_msec();
    a->db = tpr_db_create(tpr_db);
    a->status = status_create(a->db);
    a->vswitch = vswitch_create(ovs_db);
    a->neigh = neigh_create();
    a->checks = check_set_create();
    check_set_way(a->checks, has_way, a);
    a->agents = check_set_create_agents();
    a->hearing = hearing_create();
    check_set_way(a->agents, has_way, a);
    a->policy = policy_create();
    a->journal = journal_create();
    a->metrics = metrics_http_create();
    a->hb = hb_thread_create(a->liveness, TPR_MAX_REGIONS);
    journal_note(a->journal, JOURNAL_START, "agent", "", "",
                 "ovs-tprd " TPR_VERSION " started");
    bridges_init(&a->bridges, &(struct dp_env) {
        .liveness = a->liveness, .vswitch = a->vswitch, .hb = a->hb,
    });
    shash_init(&a->sessions);
    batches_init(&a->batches);
    sset_init(&a->config_complaints);
    sset_init(&a->plan_complaints);
    sset_init(&a->complaints);
    return a;
}

/* Ends the agent.  The switch keeps working as it was left. */
void
agent_destroy(struct agent *a)
{
    a->bridges.env.hb = NULL;
    hb_thread_destroy(a->hb);
    a->hb = NULL;               /* Providers may answer until they are gone. */
    batches_destroy(&a->batches);
    bridges_destroy(&a->bridges);
    metrics_http_destroy(a->metrics);
    shash_destroy_free_data(&a->sessions);
    check_set_destroy(a->checks);
    check_set_destroy(a->agents);
    hearing_destroy(a->hearing);
    plan_destroy(a->plan);
    policy_destroy(a->policy);
    tpr_config_destroy(a->config);
    neigh_destroy(a->neigh);
    vswitch_destroy(a->vswitch);
    journal_destroy(a->journal);
    status_destroy(a->status);
    tpr_db_destroy(a->db);
    liveness_close(a->liveness);
    sset_destroy(&a->config_complaints);
    sset_destroy(&a->plan_complaints);
    sset_destroy(&a->complaints);
    free(a);
}

/* Takes everything that is the agent's own out of the switch, for 'exit
 * --cleanup'.  Blocks until the switch has confirmed, 2 s at most. */
void
agent_clear(struct agent *a)
{
    bridges_clear(&a->bridges);
}

/* Facts. */

static const struct tpr_region *
region_by_index(const struct agent *a, unsigned int index)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &a->config->regions) {
        const struct tpr_region *region = node->data;

        if (region->index == index) {
            return region;
        }
    }
    return NULL;
}

static void
heartbeat_fact(struct agent *a, const struct hb_fact *fact)
{
    const struct tpr_region *region = region_by_index(a, fact->id);

    COVERAGE_INC(agent_fact);
    if (!region) {
        return;                 /* Deleted meanwhile. */
    }
    switch (fact->type) {
    case HB_FACT_UP:
    case HB_FACT_DOWN:
        policy_region(a->policy, region,
                      (fact->type == HB_FACT_UP
                       ? HEARTBEAT_UP : HEARTBEAT_DOWN),
                      fact->cause, fact->missed, fact->last_beat_us,
                      fact->now_us);
        break;
    case HB_FACT_EXCUSED:
        journal_excused(a->journal, region->name, fact->late_us,
                        fact->now_us);
        break;
    case HB_FACT_SESSION:
        status_touch(a->status);
        break;
    case HB_FACT_ERROR:
        VLOG_WARN("region %s: cannot send or receive beats (%s)",
                  region->name, ovs_strerror(fact->error));
        a->replan = true;
        break;
    default:
        OVS_NOT_REACHED();
    }
}

static void
collect_heartbeats(struct agent *a)
{
    struct hb_fact fact;

    while (hb_thread_next_fact(a->hb, &fact)) {
        if (a->config) {
            heartbeat_fact(a, &fact);
        }
    }
}

/* Silence of a backend that is behind a switch that is away says nothing. */
static bool
has_way(void *a_, const struct tpr_backend *backend, long long int since_us)
{
    const struct agent *a = a_;
    const struct plan_region *pr
        = (a->plan ? shash_find_data(&a->plan->regions, backend->region->name)
           : NULL);

    return (!pr || !pr->bridge
            || bridges_here_since(&a->bridges, pr->bridge, since_us));
}

static void
collect_checks(struct agent *a)
{
    struct check_change change;

    check_set_run(a->checks, tpr_now_us());
    while (check_set_next_change(a->checks, &change)) {
        policy_backend_check(a->policy, change.backend, change.up,
                             change.cause, change.last_good_us,
                             change.now_us);
    }
}

static void
collect_suspects(struct agent *a)
{
    const struct suspects_env env = {
        .config = a->config, .policy = a->policy, .checks = a->checks,
        .bridges = &a->bridges, .journal = a->journal,
    };

    if (suspects_collect(&env, tpr_now_us())) {
        status_touch(a->status);
    }
}

static void
collect_agents(struct agent *a)
{
    const struct hearing_env env = {
        .policy = a->policy, .agents = a->agents, .journal = a->journal,
    };

    if (hearing_collect(a->hearing, &env, tpr_now_us(), &a->reset)) {
        status_touch(a->status);
    }
}

/* Decisions. */

/* Backends' words follow the policy: a datapath that chooses by itself chooses
 * by them, other forwarders and a restarted agent learn what was decided. */
static void
store_words(struct agent *a)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &a->config->services) {
        const struct tpr_service *svc = node->data;

        for (size_t i = 0; i < svc->n_backends; i++) {
            int state = words_backend(a->policy, svc, i);

            if (state != WORDS_LEAVE) {
                liveness_set_backend(a->liveness, svc->backends[i]->index,
                                     state);
            }
        }
    }
}

/* Lets the policy decide and hands the outcome to the switch.  Nothing that
 * may take long belongs here: this is the way from a death to the words and
 * the flows. */
static void
decide(struct agent *a)
{
    struct plan_input in = plan_input(a);
    long long int words_us;
    struct batch *b;

    if (!a->config || !a->plan) {
        return;
    }
    if (policy_deadline(a->policy) <= tpr_now_us()) {
        status_touch(a->status);
    }
    policy_run(a->policy, tpr_now_us());
    b = batches_take(&a->batches, a->policy);
    a->reset |= policy_reweighed(a->policy);
    if (!b && !a->reset) {
        return;
    }
    COVERAGE_INC(agent_decide);
    a->reset = false;
    store_words(a);
    words_us = tpr_now_us();
    plan_bridges(a->plan, &in, &a->plan_complaints);
    bridges_set(&a->bridges, a->config, a->plan, a->vswitch, words_us);
    if (b) {
        batch_needs(b, &a->bridges);
    }
    status_touch(a->status);
}

/* Plans. */

/* Ends the sessions of regions that are gone.  One whose device is gone, or
 * whose port has left the switch, stays: the region is down, not unknown. */
static void
end_sessions(struct agent *a)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &a->sessions) {
        const struct hb_session_config *old = node->data;
        const struct plan_region *pr
            = shash_find_data(&a->plan->regions, node->name);

        if (!pr || pr->region->index != old->id) {
            if (hb_thread_remove(a->hb, old->id)) {
                a->replan = true;       /* Its queue is full: later. */
                continue;
            }
            free(node->data);
            shash_delete(&a->sessions, node);
        } else if (!pr->has_session
                   && (pr->bridge ? pr->bypass && !pr->has_link
                       : vswitch_ready(a->vswitch))
                   && hb_thread_set_link(a->hb, old->id, false)) {
            a->replan = true;
        }
    }
}

static void
set_sessions(struct agent *a)
{
    struct shash_node *node;

    end_sessions(a);
    SHASH_FOR_EACH (node, &a->plan->regions) {
        const struct plan_region *pr = node->data;
        struct hb_session_config *old = shash_find_data(&a->sessions,
                                                        node->name);
        int error = 0;

        if (pr->has_session
            && (!old || !hb_session_config_equal(old, &pr->session))) {
            error = hb_thread_set(a->hb, &pr->session);
            if (!error) {
                free(shash_replace(&a->sessions, node->name,
                                   xmemdup(&pr->session,
                                           sizeof pr->session)));
            } else if (error == EAGAIN) {
                a->replan = true;       /* Its queue was full. */
            } else {
                char *s = xasprintf("Region %s: cannot open %s for beats "
                                    "(%s)", node->name, pr->ifname,
                                    ovs_strerror(error));
                sset_add_and_free(&a->plan_complaints, s);
            }
        }
        if (pr->has_session && !error
            && hb_thread_set_link(a->hb, pr->session.id, pr->link_up)) {
            a->replan = true;
        }
    }
}

static void
set_reachable(struct agent *a)
{
    struct plan_input in = plan_input(a);
    struct shash_node *node;

    SHASH_FOR_EACH (node, &a->config->services) {
        const struct tpr_service *svc = node->data;

        for (size_t i = 0; i < svc->n_backends; i++) {
            const struct tpr_backend *b = svc->backends[i];
            const struct plan_region *pr = plan_region(a->plan, b->region);
            struct eth_addr mac;

            policy_backend_reachable(a->policy, b, pr->bridge != NULL,
                                     plan_backend_mac(a->plan, &in, b,
                                                      &mac));
        }
    }
}

static void
replan(struct agent *a)
{
    struct plan_input in = plan_input(a);

    COVERAGE_INC(agent_replan);
    a->replan = false;
    plan_destroy(a->plan);
    sset_clear(&a->plan_complaints);
    a->plan = plan_create(&in, &a->plan_complaints);
    if (!datapath_lookup(a->config->datapath)) {
        char *c = xasprintf("TPR: datapath: this ovs-tprd has no provider "
                            "\"%s\", it uses \"auto\"",
                            a->config->datapath);

        sset_add_and_free(&a->plan_complaints, c);
    }
    bridges_open(&a->bridges, a->config, a->plan);
    bridges_complain(&a->bridges, a->config, a->plan, &a->plan_complaints);
    set_sessions(a);
    plan_want_neighbours(a->plan, &in, a->neigh);
    set_reachable(a);
    a->reset = true;
    a->gather_us = 0;
}

static void
replan_if_needed(struct agent *a, bool reconfigured)
{
    unsigned int vs = vswitch_seqno(a->vswitch);
    unsigned int ns = neigh_seqno(a->neigh);
    unsigned int ps = bridges_ports_seqno(&a->bridges);

    if (reconfigured || a->replan || vs != a->vswitch_seqno
        || ns != a->neigh_seqno || ps != a->port_seqno) {
        a->vswitch_seqno = vs;
        a->neigh_seqno = ns;
        a->port_seqno = ps;
        replan(a);
    }
}

/* Configuration. */

/* Asks the provider whether it can carry out 'svc' at all. */
static char *
check_service(const struct tpr_service *svc, void *a_)
{
    const struct agent *a = a_;
    const struct tprrec_tpr *tpr = tprrec_tpr_first(tpr_db_idl(a->db));
    const struct datapath_class *class
        = datapath_lookup(tpr && tpr->datapath ? tpr->datapath : "auto");

    return (class ? class : datapath_lookup("auto"))->check(svc);
}

static bool
reconfigure(struct agent *a)
{
    struct tpr_config *config;

    if (!tpr_db_changed(a->db)) {
        return false;
    }
    sset_clear(&a->config_complaints);
    config = config_build(tpr_db_idl(a->db), a->config, check_service, a,
                          &a->config_complaints);
    /* They point into the old configuration. */
    batches_report(&a->batches, &a->bridges, a->journal, true);
    policy_set_now_wall(a->policy, time_wall_msec());
    policy_set_config(a->policy, config, tpr_now_us());
    check_set_configure(a->checks, config, tpr_now_us());
    check_set_configure(a->agents, config, tpr_now_us());
    plan_destroy(a->plan);      /* So does the plan. */
    a->plan = NULL;
    tpr_config_destroy(a->config);
    a->config = config;
    journal_configure(a->journal, config);
    a->gather_us = 0;
    return true;
}

static void
collect_complaints(const struct agent *a, struct sset *all)
{
    struct agent_view view;
    const char *s;

    sset_clone(all, &a->config_complaints);
    SSET_FOR_EACH (s, &a->plan_complaints) {
        sset_add(all, s);
    }
    s = metrics_http_complaint(a->metrics);
    if (s && !a->standby) {
        sset_add(all, s);
    }
    agent_view(a, &view);
    gather_complaints_of(&view, all);
}

/* Nobody else may say who lives while we do. */
static void
guard_words(struct agent *a)
{
    unsigned int n = a->standby || !a->config ? 0
                     : liveness_repair(a->liveness);

    if (n) {
        VLOG_WARN("somebody else changed %u liveness word%s; stored again",
                  n, n == 1 ? "" : "s");
    }
}

/* Brings the list of complaints up to date, now and then, and logs those that
 * are new. */
static void
gather_complaints(struct agent *a)
{
    struct sset all;
    const char *s;

    if (tpr_now_us() < a->gather_us) {
        return;
    }
    a->gather_us = tpr_now_us() + GATHER_US;
    guard_words(a);
    collect_complaints(a, &all);
    SSET_FOR_EACH (s, &all) {
        if (!sset_contains(&a->complaints, s)) {
            VLOG_WARN("%s", s);
            status_touch(a->status);
        }
    }
    if (sset_count(&all) != sset_count(&a->complaints)) {
        status_touch(a->status);
    }
    sset_swap(&a->complaints, &all);
    sset_destroy(&all);
}

/* Steps back while another agent acts on the database: it closes the bridges,
 * leaving all as it is, and comes back with a fresh comparison. */
static void
follow_lock(struct agent *a)
{
    bool standby = tpr_db_standby(a->db);

    if (standby && !a->standby) {
        batches_report(&a->batches, &a->bridges, a->journal, true);
        bridges_close_all(&a->bridges);
    }
    if (!standby && a->standby) {
        a->replan = true;
    }
    a->standby = standby;
}

/* One turn of the main loop. */
void
agent_run(struct agent *a)
{
    struct agent_view view;
    bool reconfigured;

    collect_heartbeats(a);
    if (!a->standby) {
        decide(a);
    }
    vswitch_run(a->vswitch);
    neigh_run(a->neigh, tpr_now_us());
    tpr_db_run(a->db);
    follow_lock(a);
    reconfigured = reconfigure(a);
    if (a->config && !a->standby) {
        bridges_run(&a->bridges);
        replan_if_needed(a, reconfigured);
        policy_set_now_wall(a->policy, time_wall_msec());
        collect_heartbeats(a);
        collect_suspects(a);
        collect_checks(a);
        collect_agents(a);
        decide(a);
        batches_report(&a->batches, &a->bridges, a->journal, false);
    }
    journal_run(a->journal);
    gather_complaints(a);
    agent_view(a, &view);
    status_run(a->status, &view, a->journal,
               a->plan && bridges_applied(&a->bridges));
    metrics_http_run(a->metrics, &view);
}

/* Wakes the poll loop when agent_run() has something to do. */
void
agent_wait(struct agent *a)
{
    long long int deadline_us;

    poll_fd_wait(hb_thread_fd(a->hb), POLLIN);
    tpr_db_wait(a->db);
    vswitch_wait(a->vswitch);
    neigh_wait(a->neigh);
    check_set_wait(a->checks);
    check_set_wait(a->agents);
    hearing_wait(a->hearing);
    journal_wait(a->journal);
    status_wait(a->status);
    bridges_wait(&a->bridges);
    metrics_http_wait(a->metrics);
    deadline_us = policy_deadline(a->policy);
    if (deadline_us != LLONG_MAX && !a->standby) {
        poll_timer_wait_until(deadline_us / 1000 + 1);
    }
    batches_wait(&a->batches);
    poll_timer_wait_until(a->gather_us / 1000 + 1);
    if ((a->replan || a->reset) && !a->standby) {
        poll_immediate_wake();
    }
}

/* Stores in '*view' what the agent knows now; valid until agent_run(). */
void
agent_view(const struct agent *a, struct agent_view *view)
{
    *view = (struct agent_view) {
        .config = a->config,
        .policy = a->policy,
        .checks = a->checks,
        .agents = a->agents,
        .hb = a->hb,
        .neigh = a->neigh,
        .plan = a->plan,
        .journal = a->journal,
        .bridges = &a->bridges.datapaths,
        .complaints = &a->complaints,
        .db_connected = tpr_db_connected(a->db),
        .standby = a->standby,
        .start_ms = a->start_ms,
    };
}
