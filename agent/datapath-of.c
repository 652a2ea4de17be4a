/* SPDX-License-Identifier: Apache-2.0 */

/* What the providers that speak OpenFlow share: see datapath-of.h. */

#include <config.h>
#include "datapath-of.h"
#include <stdlib.h>
#include <string.h>
#include "arp-nd.h"
#include "byte-order.h"
#include "coverage.h"
#include "flow-check.h"
#include "flow.h"
#include "ofconn.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "switch-ctl.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(datapath_of);

COVERAGE_DEFINE(tpr_nd_answered);
COVERAGE_DEFINE(tpr_nd_ignored);    /* Malformed, or too many. */

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 20);

enum {
    RETRY_MS = 1000,            /* After a bundle that failed for no flow's
                                 * fault. */
    CLEAR_MS = 2000,            /* Longest wait of clear(). */
    ND_COST = 5,                /* Milliseconds an answer to ND is worth... */
    ND_BURST = 250,             /* ...of at most these. */
};

/* Somebody else may take single flows of ours away and nobody tells: compare
 * all with the switch this often, or COMPARE_COST times what a comparison
 * takes, where that is more. */
enum { COMPARE_MS = 10 * 1000, COMPARE_COST = 1000 };

struct datapath_of *
datapath_of_cast(const struct datapath *dp)
{
    ovs_assert(dp->class->set == of_set);
    return CONTAINER_OF(dp, struct datapath_of, up);
}

/* Bundles. */

/* True if 'cookie' is of a flow without which nothing is redirected, or not as
 * it shall be. */
static bool
is_critical(const struct datapath_of *df, uint64_t cookie)
{
    enum flow_kind kind = (cookie >> 24) & 0xff;

    return !(df->native && (kind == FLOW_ARP || kind == FLOW_ND
                            || kind == FLOW_GUARD || kind == FLOW_ECHO));
}

static void
add_flow_mod(void *df_, const struct ofputil_flow_mod *fm,
             struct flow_entry *e)
{
    struct datapath_of *df = df_;
    uint64_t cookie = ntohll(fm->command == OFPFC_ADD ? fm->new_cookie
                             : fm->cookie);

    flow_bundles_add(&df->bundles, fm, e, is_critical(df, cookie));
}

static void
add_group_mod(void *df_, const struct ofputil_group_mod *gm)
{
    struct datapath_of *df = df_;

    flow_bundles_add_group(&df->bundles, gm);
}

static void
delete_learned(struct datapath_of *df)
{
    uint32_t hash;

    while (flow_table_next_stale(&df->table, &hash)) {
        flow_bundles_delete(&df->bundles,
                            flow_cookie(FLOW_LEARN_CLIENT, hash), UINT64_MAX);
    }
    if (df->drop_learned) {
        df->drop_learned = false;
        flow_bundles_delete(&df->bundles, FLOW_COOKIE
                            | (uint64_t) FLOW_KIND_LEARNED << 24,
                            FLOW_COOKIE_MASK
                            | (uint64_t) FLOW_KIND_LEARNED << 24);
    }
}

static void
report_conflicts(struct datapath_of *df)
{
    if (df->n_conflicts != df->table.n_conflicts) {
        if (df->table.n_conflicts > df->n_conflicts) {
            VLOG_WARN_RL(&rl, "%s: %"PRIuSIZE" flows are wanted in different "
                         "ways by services that share a VIP and port, or a "
                         "backend's address and port; without state only one "
                         "of them can be served", df->up.bridge,
                         df->table.n_conflicts);
        }
        df->n_conflicts = df->table.n_conflicts;
    }
}

/* Takes note of what is in force now that all critical is. */
static void
note_applied(struct datapath_of *df)
{
    struct flow_bundle *b = flow_bundles_last_critical(&df->bundles);

    if (b) {
        b->seq = df->seq;
    } else if (df->applied_seq != df->seq) {
        df->applied_seq = df->seq;
        df->applied_us = (df->native && df->words_us ? df->words_us
                          : time_usec());
    }
}

/* Sends what differs, if the switch can be told now: redirect objects, then
 * flows that name them, then deletions of objects that no flow names. */
static void
flush(struct datapath_of *df)
{
    report_conflicts(df);
    if (!ofconn_ready(df->conn) || !df->have_ctx
        || redirects_busy(&df->redirects)
        || redirects_flush(&df->redirects)) {
        return;
    }
    flow_groups_flush(&df->groups, add_group_mod, df);
    flow_table_flush(&df->table, add_flow_mod, df);
    flow_groups_flush_stale(&df->groups, add_group_mod, df);
    delete_learned(df);
    flow_bundles_commit(&df->bundles, df->seq);
    note_applied(df);
    if (ovs_list_is_empty(&df->bundles.sent)) {
        redirects_flush_stale(&df->redirects);
    }
}

/* Callbacks of the connection. */

static void
cb_ports_changed(void *df_)
{
    struct datapath_of *df = df_;

    of_owners_update(df, false);
    flush(df);
}

static void
cb_redirects_begin(void *df_)
{
    redirects_begin(&((struct datapath_of *) df_)->redirects);
}

static void
cb_redirect(void *df_, const struct tpr_redirect *r)
{
    redirects_told(&((struct datapath_of *) df_)->redirects, r);
}

/* Has services with groups left out, or no longer, if the switch speaks
 * another version of OpenFlow than the one before it. */
static void
choose_groups(struct datapath_of *df)
{
    bool no_hash = !ofconn_can_hash(df->conn);

    if (no_hash != df->no_hash) {
        df->no_hash = no_hash;
        of_owners_update(df, true);
        df->refused_seqno++;
    }
}

/* Changes between flows and redirect objects if the switch demands it. */
static void
choose_way(struct datapath_of *df, bool first)
{
    bool native = (df->redirects.have && !df->redirects.unsupported
                   && df->wish != OF_WISH_FLOWS);

    if (native != df->native || first) {
        const char *why, *how;

        df->native = native;
        how = of_how(&df->up, &why);
        VLOG_INFO("%s: services are carried by %s (%s)", df->up.bridge, how,
                  why);
        of_owners_update(df, true);
        df->refused_seqno++;
    }
}

/* The switch's objects are not as we left them, and we put them back. */
static void
report_foreign(struct datapath_of *df)
{
    const struct redirect_object *o;
    size_t n = redirect_plan_foreign(&df->redirects.plan, &o);

    if (n) {
        VLOG_WARN_RL(&rl, "%s: redirect object 0x%"PRIx32" of service %s was "
                     "%s by somebody else (%"PRIuSIZE" in all); put back as "
                     "configured", df->up.bridge, o->id,
                     o->service ? o->service : "-",
                     o->have ? "changed" : "deleted", n);
    }
}

static void
cb_redirects_end(void *df_, bool have)
{
    struct datapath_of *df = df_;
    bool first = !df->redirects.asked;

    redirects_end(&df->redirects, have);
    report_foreign(df);
    choose_way(df, first);
    choose_groups(df);
}

static void
cb_barrier(void *df_, ovs_be32 xid)
{
    struct datapath_of *df = df_;

    if (redirects_answered(&df->redirects, xid)) {
        size_t n = redirect_plan_n_refused(&df->redirects.plan);

        if (n != df->n_refused) {
            df->n_refused = n;
            df->refused_seqno++;
        }
        choose_way(df, false);
        flush(df);
    }
}

static void
cb_groups_begin(void *df_)
{
    flow_groups_dump_begin(&((struct datapath_of *) df_)->groups);
}

static void
cb_group(void *df_, struct ofputil_group_desc *gd)
{
    flow_groups_dumped(&((struct datapath_of *) df_)->groups, gd);
}

static void
cb_dump_begin(void *df_)
{
    struct datapath_of *df = df_;

    df->dumping = true;
    df->dump_ms = time_msec();
    flow_table_dump_begin(&df->table);
}

static void
cb_dumped(void *df_, const struct ofputil_flow_stats *fs)
{
    struct datapath_of *df = df_;
    uint64_t cookie = ntohll(fs->cookie);
    enum flow_kind kind = (cookie >> 24) & 0xff;

    if (kind < FLOW_KIND_LEARNED) {
        flow_table_dumped(&df->table, fs);
    } else if (kind == FLOW_LEARN_CLIENT) {
        flow_table_set_stale(&df->table, cookie);
    }
}

static void
cb_dump_end(void *df_)
{
    struct datapath_of *df = df_;

    df->dumping = false;
    df->dump_took_ms = time_msec() - df->dump_ms;
    flow_table_dump_end(&df->table);
    flush(df);
}

static bool
cb_removed(void *df_, const struct ofputil_flow_removed *fr)
{
    struct datapath_of *df = df_;

    return flow_table_removed(&df->table, fr->table_id, fr->priority,
                              &fr->match);
}

static void
redirect_refused(struct datapath_of *df, uint32_t id, const char *service,
                 const char *sentence)
{
    if (service && df->wish == OF_WISH_BEST
        && strstr(sentence, "TPRC_UNSUPPORTED")) {
        /* Flows may do; who they cannot carry complains. */
        of_owners_update_service(df, service);
    } else if (service) {
        VLOG_WARN_RL(&rl, "%s: service %s is left out, the switch refused its "
                     "redirect object 0x%"PRIx32" (%s)", df->up.bridge,
                     service, id, sentence);
        of_owners_update_service(df, service);
    } else {
        VLOG_WARN_RL(&rl, "%s: the switch does not delete redirect object "
                     "0x%"PRIx32" (%s)", df->up.bridge, id, sentence);
    }
}

static void
group_refused(struct datapath_of *df, uint32_t id, const char *sentence)
{
    const char *service = flow_groups_refuse(&df->groups, id, sentence);

    VLOG_WARN_RL(&rl, "%s: the switch refused group 0x%"PRIx32" of service "
                 "%s (%s)", df->up.bridge, id, service ? service : "none",
                 sentence);
    if (service) {
        of_owners_update_service(df, service);
        df->refused_seqno++;
    }
}

/* A neighbour solicitation that a flow of ours hands to the agent. */
static void
cb_packet(void *df_, ofp_port_t in_port, const void *frame, size_t size,
          const void *userdata, size_t n)
{
    struct datapath_of *df = df_;
    uint8_t answer[ARP_ND_MAX_FRAME];
    struct eth_addr mac;
    size_t answer_size = 0;

    if (n == sizeof mac && token_bucket_withdraw(&df->nd_answers, ND_COST)) {
        memcpy(&mac, userdata, sizeof mac);
        answer_size = nd_answer(frame, size, &mac, answer);
    }
    if (answer_size) {
        COVERAGE_INC(tpr_nd_answered);
        ofconn_send_packet(df->conn, in_port, answer, answer_size);
    } else {
        COVERAGE_INC(tpr_nd_ignored);
    }
}

static void
cb_refused(void *df_, ovs_be32 xid, const char *sentence)
{
    struct datapath_of *df = df_;
    uint32_t group;
    struct flow_entry *e = flow_bundles_refused(&df->bundles, xid, &group);
    const char *service;
    uint32_t id;

    if (e && flow_entry_kind(e) == FLOW_ND && !df->ctx.nd_by_agent
        && !strcmp(sentence, "OFPBAC_BAD_SET_ARGUMENT")) {
        VLOG_INFO("%s: the switch cannot answer neighbour solicitations by "
                  "flows (%s); the agent answers them", df->up.bridge,
                  sentence);
        flow_table_refuse(&df->table, e);
        of_owners_set_nd(df, true);
    } else if (e && !flow_entry_wanted(e)) {
        return;                 /* Nobody needs it any more. */
    } else if (e) {
        struct ds s = DS_EMPTY_INITIALIZER;

        flow_entry_format(e, &s);
        VLOG_WARN_RL(&rl, "%s: the switch refused a flow (%s), the others are "
                     "tried without it: %s", df->up.bridge, sentence,
                     ds_cstr(&s));
        ds_destroy(&s);
        flow_table_refuse(&df->table, e);
    } else if (group) {
        group_refused(df, group, sentence);
    } else if (redirects_refused(&df->redirects, xid, &id, sentence,
                                 &service)) {
        redirect_refused(df, id, service, sentence);
    } else {
        VLOG_WARN_RL(&rl, "%s: the switch reported an error: %s",
                     df->up.bridge, sentence);
    }
}

static void
cb_committed(void *df_, uint32_t id, bool ok)
{
    struct datapath_of *df = df_;
    struct flow_bundle *b = flow_bundles_take(&df->bundles, id);

    if (!b) {
        return;
    }
    if (b->refused) {
        ofconn_redump(df->conn);
    } else if (!ok) {
        VLOG_WARN_RL(&rl, "%s: the switch refused a change of %"PRIuSIZE" "
                     "flows as a whole; trying again in %d ms",
                     df->up.bridge, b->n, RETRY_MS);
        df->retry_ms = time_msec() + RETRY_MS;
    } else if (b->critical) {
        df->applied_seq = MAX(df->applied_seq, b->seq);
        df->applied_us = time_usec();
    }
    flow_bundle_destroy(&df->bundles, b);
    if (ok && redirect_plan_has_stale(&df->redirects.plan)) {
        flush(df);
    }
}

static void
cb_lost(void *df_)
{
    struct datapath_of *df = df_;

    /* Nothing is in force until the next connection has proven it. */
    df->applied_seq = 0;
    flow_bundles_drop(&df->bundles);
    redirects_lost(&df->redirects);
    flow_table_forgive(&df->table);
    if (flow_groups_forgive(&df->groups)) {
        of_owners_update(df, true);
    }
    flow_table_forget_stale(&df->table);
    of_owners_set_nd(df, false);
    df->dumping = false;
    df->retry_ms = LLONG_MAX;
}

static const struct ofconn_callbacks callbacks = {
    .ports_changed = cb_ports_changed,
    .redirects_begin = cb_redirects_begin,
    .redirect = cb_redirect,
    .redirects_end = cb_redirects_end,
    .packet = cb_packet,
    .barrier = cb_barrier,
    .groups_begin = cb_groups_begin,
    .group = cb_group,
    .dump_begin = cb_dump_begin,
    .dumped = cb_dumped,
    .dump_end = cb_dump_end,
    .removed = cb_removed,
    .refused = cb_refused,
    .committed = cb_committed,
    .lost = cb_lost,
};

/* The class. */

/* Opens 'bridge' for a provider of 'class'. */
struct datapath *
of_open(const struct datapath_class *class, enum of_wish wish,
        const char *bridge)
{
    struct datapath_of *df = xzalloc(sizeof *df);

    df->up.class = class;
    df->up.bridge = xstrdup(bridge);
    df->wish = wish;
    flow_table_init(&df->table);
    flow_groups_init(&df->groups);
    of_owners_init(df);
    df->retry_ms = LLONG_MAX;
    token_bucket_init(&df->nd_answers, 1, ND_BURST);
    df->conn = ofconn_create(bridge, FLOW_COOKIE, FLOW_COOKIE_MASK,
                             &callbacks, df);
    df->ctl = switch_ctl_create();
    flow_bundles_init(&df->bundles, df->conn, &df->table);
    redirects_init(&df->redirects, df->conn);
    return &df->up;
}

void
of_close(struct datapath *dp)
{
    struct datapath_of *df = datapath_of_cast(dp);

    switch_ctl_destroy(df->ctl);
    flow_bundles_drop(&df->bundles);
    of_owners_destroy(df);
    flow_table_destroy(&df->table);
    flow_groups_destroy(&df->groups);
    redirects_destroy(&df->redirects);
    ofconn_destroy(df->conn);
    free(df->up.bridge);
    free(df);
}

/* Says why the switch cannot have the group of 's', or returns NULL. */
static char *
refuses_group(const struct datapath_of *df, const struct tpr_service *s)
{
    const struct flow_group *g = flow_groups_find(&df->groups, s->name);

    if (df->no_hash && s->policy == TPR_POLICY_WEIGHTED) {
        return xasprintf("service %s: policy weighted in plain flows needs "
                         "OpenFlow 1.5, which bridge %s does not speak (its "
                         "column \"protocols\")", s->name, df->up.bridge);
    }
    return (g && g->refused
            ? xasprintf("service %s: the switch refused its group 0x%"PRIx32
                        " (%s)", s->name, g->id, g->error)
            : NULL);
}

/* Says why the switch, as it is, cannot carry out 's'. */
char *
of_refuses(const struct datapath *dp, const struct tpr_service *s)
{
    const struct datapath_of *df = datapath_of_cast(dp);

    if (df->native) {
        const struct redirect_object *o
            = redirect_plan_find(&df->redirects.plan, s->name);

        return (o && o->refused
                ? xasprintf("service %s: the switch refused its redirect "
                            "object 0x%"PRIx32" (%s)", s->name, o->id,
                            o->error)
                : NULL);
    } else if (!df->redirects.asked) {
        return NULL;
    } else if (df->wish == OF_WISH_FLOWS) {
        return refuses_group(df, s);
    } else if (df->wish == OF_WISH_NATIVE) {
        return xasprintf("service %s: datapath \"ovs\" needs redirect "
                         "objects, which the switch of bridge %s does not "
                         "have", s->name, dp->bridge);
    }
    char *error = flow_check(s);
    return error ? error : refuses_group(df, s);
}

uint64_t
of_set(struct datapath *dp, const struct dp_state *state,
       long long int words_us)
{
    struct datapath_of *df = datapath_of_cast(dp);

    df->seq++;
    df->words_us = words_us;
    of_owners_set(df, state);
    flush(df);
    df->words_us = 0;
    return df->seq;
}

static bool
is_done(const struct datapath_of *df)
{
    return (df->applied_seq == df->seq && !redirects_busy(&df->redirects)
            && !(df->redirects.have
                 && redirect_plan_has_stale(&df->redirects.plan)));
}

/* Waits until the switch has done all that it was told, CLEAR_MS at most. */
static void
wait_applied(struct datapath_of *df)
{
    long long int end = time_msec() + CLEAR_MS;

    while (!is_done(df) && time_msec() < end) {
        ofconn_run(df->conn);
        if (!is_done(df)) {
            ofconn_wait(df->conn);
            poll_timer_wait_until(end);
            poll_block();
        }
    }
}

/* Removes all that is ours, learned flows and redirect objects included. */
void
of_clear(struct datapath *dp)
{
    struct datapath_of *df = datapath_of_cast(dp);

    df->seq++;
    of_owners_clear(df);
    flow_table_forget_stale(&df->table);
    df->drop_learned = true;
    df->have_ctx = true;
    flush(df);
    wait_applied(df);
}

void
of_run(struct datapath *dp, long long int now_us OVS_UNUSED)
{
    struct datapath_of *df = datapath_of_cast(dp);

    if (time_msec() >= df->retry_ms) {
        df->retry_ms = LLONG_MAX;
        ofconn_redump(df->conn);
    }
    if (time_msec() >= df->compare_ms) {
        if (df->compare_ms && ofconn_ready(df->conn)) {
            ofconn_redump(df->conn);
        }
        df->compare_ms = time_msec() + MAX(COMPARE_MS,
                                           df->dump_took_ms * COMPARE_COST);
    }
    ofconn_run(df->conn);
    switch_ctl_run(df->ctl);
}

void
of_wait(struct datapath *dp)
{
    struct datapath_of *df = datapath_of_cast(dp);

    ofconn_wait(df->conn);
    switch_ctl_wait(df->ctl);
    poll_timer_wait_until(df->compare_ms);
    if (df->retry_ms != LLONG_MAX) {
        poll_timer_wait_until(df->retry_ms);
    }
}

bool
of_applied(const struct datapath *dp, uint64_t *seq, long long int *when_us)
{
    const struct datapath_of *df = datapath_of_cast(dp);

    *seq = df->applied_seq;
    *when_us = df->applied_us;
    return df->applied_seq == df->seq;
}

bool
of_connected(const struct datapath *dp)
{
    return ofconn_ready(datapath_of_cast(dp)->conn);
}

/* Returns the name of the provider in force and a clause about the reason. */
const char *
of_how(const struct datapath *dp, const char **why)
{
    const struct datapath_of *df = datapath_of_cast(dp);

    *why = (df->wish != OF_WISH_BEST ? "as configured"
            : !df->redirects.asked ? "the switch was not asked yet"
            : df->native ? "the switch has redirect objects"
            : df->redirects.unsupported
            ? "the switch's datapath cannot redirect"
            : "the switch has no redirect objects");
    return df->native || df->wish == OF_WISH_NATIVE ? "ovs" : "flows";
}

bool
of_port(const struct datapath *dp, const char *name, struct dp_port *port)
{
    return ofconn_port(datapath_of_cast(dp)->conn, name, port);
}

unsigned int
of_port_seqno(const struct datapath *dp)
{
    const struct datapath_of *df = datapath_of_cast(dp);

    return ofconn_port_seqno(df->conn) + df->refused_seqno;
}

/* Has the switch learn from 'frame', as if it had come by port 'ofport', and
 * forward it as it likes.  Nothing while the switch is away. */
void
of_learn(struct datapath *dp, uint32_t ofport, const void *frame, size_t size)
{
    struct datapath_of *df = datapath_of_cast(dp);

    if (ofconn_ready(df->conn)) {
        ofconn_learn(df->conn, u16_to_ofp(ofport), frame, size);
    }
}

void
of_show(const struct datapath *dp, struct json *json)
{
    const struct datapath_of *df = datapath_of_cast(dp);

    const char *why;

    json_object_put_string(json, "datapath", of_how(dp, &why));
    json_object_put_string(json, "why", why);
    json_object_put_string(json, "nd_answers",
                           df->ctx.nd_by_agent ? "agent" : "switch");
    ofconn_show(df->conn, json);
    if (df->native) {
        redirects_show(&df->redirects, json);
    }
    json_object_put(json, "flows", json_integer_create(df->table.n_wanted));
    json_object_put(json, "flow_mods",
                    json_integer_create(df->bundles.n_flow_mods));
    json_object_put(json, "conflicts",
                    json_integer_create(df->table.n_conflicts));
    json_object_put(json, "in_force",
                    json_boolean_create(df->applied_seq == df->seq));
}
