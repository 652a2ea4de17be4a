/* SPDX-License-Identifier: Apache-2.0 */

/* Datapath provider "flows": plain OpenFlow flows on any Open vSwitch, patched
 * or not.
 *
 *   set() --> owners (a service, a path: copies of what was set)
 *               |  changed ones only
 *               v
 *             flow-make.c --> flow-table.c --> difference --> ofconn.c
 *                                  ^                             |
 *                                  +---- what the switch has ----+
 *
 * set() sends the difference before it returns: a service that changes costs
 * one comparison of every service with its copy, one bundle of a few hundred
 * bytes, and no turn of the poll loop.
 *
 * "Applied" means: the switch has answered the commit.  Its flow tables are
 * changed then; its caches (megaflows) follow when they are revalidated, which
 * the switch starts at once but which takes 20 to 40 ms and longer with many
 * flows.  No OpenFlow message tells when that is done, a barrier reply
 * neither.  History must say "flows", not "last packet".
 *
 * Bundles are not waited for: the table takes a change for made when it is
 * sent.  If the switch refuses a flow, the rest of its bundle has not happened
 * either (it is atomic): then the flow is marked, all flows are asked from the
 * switch again, and the difference without the marked ones is sent.  Marked
 * flows are tried again when they change, or after a new connection.
 *
 * Threads: main thread. */

#include <config.h>
#include "datapath.h"
#include <stdlib.h>
#include <string.h>
#include "byte-order.h"
#include "coverage.h"
#include "dp-copy.h"
#include "flow-check.h"
#include "flow-table.h"
#include "flow.h"
#include "ofconn.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/ofp-flow.h"
#include "openvswitch/ofp-monitor.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(datapath_flows);

COVERAGE_DEFINE(tpr_flow_mod);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 20);

enum {
    RETRY_MS = 1000,            /* After a bundle that failed for no flow's
                                 * fault. */
    CLEAR_MS = 2000,            /* Longest wait of clear(). */
};

/* Somebody else may take single flows of ours away and nobody tells: compare
 * all with the switch this often, or COMPARE_COST times what a comparison
 * takes, where that is more. */
enum { COMPARE_MS = 10 * 1000, COMPARE_COST = 1000 };

/* What an owner's flows are made of: a copy of what was set. */
struct owner {
    struct flow_owner *flows;
    unsigned int generation;    /* Of the set() that named it last. */
    bool is_path;
    ofp_port_t port;            /* As used; OFPP_NONE: no such port. */
    struct dp_service service;
    struct dp_target target;
    struct dp_path path;
};

/* A bundle on its way. */
struct bundle {
    struct ovs_list node;       /* In 'bundles', oldest first. */
    uint32_t id;
    uint64_t seq;               /* In force once it is committed. */
    bool refused;               /* Some flow of it was. */
    size_t n;
    size_t allocated;
    struct bundle_entry {
        ovs_be32 xid;
        struct flow_entry *entry;
    } *entries;
};

struct datapath_flows {
    struct datapath up;
    struct ofconn *conn;
    struct flow_table table;
    struct shash owners;        /* Name -> struct owner. */
    struct owner **order;       /* Owners of services as set() named them, */
    size_t n_order;             /* finds most of them without hashing. */
    struct flow_owner *common;
    unsigned int generation;
    size_t n_named;             /* Owners of this generation. */

    struct flow_context ctx;
    bool have_ctx;              /* set() was called, or clear(). */

    uint64_t seq;               /* Last set(). */
    uint64_t applied_seq;
    long long int applied_us;
    struct ovs_list bundles;
    struct bundle *open;        /* Being filled. */
    long long int retry_ms;     /* LLONG_MAX: none. */
    long long int compare_ms;   /* Next comparison with the switch. */
    long long int dump_ms;      /* When the dump began... */
    long long int dump_took_ms; /* ...and how long the last one took. */
    bool drop_learned;          /* Delete all learned flows, too. */
    bool dumping;               /* The switch is telling what it has. */
    size_t n_conflicts;         /* As reported last. */
    uint64_t n_flow_mods;
};

static struct datapath_flows *
datapath_flows_cast(const struct datapath *dp)
{
    ovs_assert(dp->class == &datapath_flows_class);
    return CONTAINER_OF(dp, struct datapath_flows, up);
}

/* Owners. */

static void
sink(void *pair_, const struct flow_desc *d)
{
    void **pair = pair_;
    flow_table_claim(pair[0], pair[1], d);
}

static ofp_port_t
owner_port(const struct datapath_flows *df, const struct owner *o)
{
    const char *name = (o->is_path ? o->path.port
                        : o->service.active ? o->target.port : NULL);
    struct dp_port port;

    return (name && ofconn_port(df->conn, name, &port)
            ? u16_to_ofp(port.ofport) : OFPP_NONE);
}

/* Frees the copies in 'o'. */
static void
owner_clear(struct owner *o)
{
    dp_service_free(&o->service, &o->target);
    dp_path_free(&o->path);
}

/* Notes learned clients of a VIP that no service has any more; while the
 * switch is away the next dump will tell.  (Learned direct connections harm
 * nobody; they end by themselves.) */
static void
forget_learned(struct datapath_flows *df, bool learned, uint32_t hash)
{
    if (learned && (df->dumping || ofconn_ready(df->conn))) {
        flow_table_set_stale(&df->table, hash);
    }
}

/* Makes the flows of 'o' anew. */
static void
owner_update(struct datapath_flows *df, struct owner *o)
{
    void *pair[] = { &df->table, o->flows };
    bool learned = o->flows->learns;
    uint32_t hash = o->flows->learn_hash;
    struct ovs_list old;

    o->port = owner_port(df, o);
    flow_table_begin(&df->table, o->flows, &old);
    if (o->is_path) {
        flow_make_path(&df->ctx, &o->path, o->port, sink, pair);
    } else {
        flow_make_service(&df->ctx, &o->service, o->port, sink, pair);

        /* A service that is not redirected now keeps its clients: they are
         * in the middle of connections. */
        flow_table_set_learner(&df->table, o->flows, true,
                               flow_addr_hash(&o->service.vip.addr));
    }
    flow_table_end(&df->table, &old);
    forget_learned(df, learned, hash);
}

static void
owner_destroy(struct datapath_flows *df, struct shash_node *node)
{
    struct owner *o = node->data;
    bool learned = o->flows->learns;
    uint32_t hash = o->flows->learn_hash;

    flow_owner_destroy(&df->table, o->flows);
    forget_learned(df, learned, hash);
    owner_clear(o);
    free(o);
    shash_delete(&df->owners, node);
}

/* Finds or makes the owner called 'key'. */
static struct owner *
owner_get(struct datapath_flows *df, const char *key, bool *new)
{
    struct owner *o = shash_find_data(&df->owners, key);

    *new = !o;
    if (!o) {
        o = xzalloc(sizeof *o);
        o->flows = flow_owner_create(key);
        o->port = OFPP_NONE;
        shash_add(&df->owners, key, o);
    }
    return o;
}

/* Finds or makes the owner of service 's', number 'i' of this set(). */
static struct owner *
owner_get_service(struct datapath_flows *df, const struct dp_service *s,
                  size_t i, bool *new)
{
    struct owner *o = i < df->n_order ? df->order[i] : NULL;

    if (o && !strcmp(o->service.name, s->name)) {
        *new = false;
    } else {
        char *key = xasprintf("s:%s", s->name);
        o = owner_get(df, key, new);
        free(key);
    }
    return o;
}

/* Has the owner's flows made anew if it has changed.  Two things of one set()
 * with the same name: the first is taken. */
static void
update_service(struct datapath_flows *df, const struct dp_service *s,
               size_t i, struct owner **order, bool all)
{
    bool new;
    struct owner *o = owner_get_service(df, s, i, &new);

    order[i] = o;
    if (o->generation == df->generation) {
        return;
    }
    o->generation = df->generation;
    df->n_named++;
    if (new || all || !dp_service_equal(&o->service, s)) {
        owner_clear(o);
        dp_service_copy(&o->service, &o->target, s);
        owner_update(df, o);
    }
}

static void
update_services(struct datapath_flows *df, const struct dp_state *state,
                bool all)
{
    struct owner **order = xmalloc((state->n_services + 1) * sizeof *order);

    for (size_t i = 0; i < state->n_services; i++) {
        update_service(df, &state->services[i], i, order, all);
    }
    free(df->order);
    df->order = order;
    df->n_order = state->n_services;
}

static void
update_path(struct datapath_flows *df, const struct dp_path *path, bool all)
{
    char ip[INET6_ADDRSTRLEN];
    bool new;

    ipv6_string_mapped(ip, &path->peer);
    char *key = xasprintf("p:%s:%d:%s", path->port, (int) path->vlan, ip);
    struct owner *o = owner_get(df, key, &new);
    free(key);
    if (o->generation == df->generation) {
        return;
    }
    o->generation = df->generation;
    df->n_named++;
    if (new || all || !dp_path_equal(&o->path, path)) {
        owner_clear(o);
        o->is_path = true;
        dp_path_copy(&o->path, path);
        owner_update(df, o);
    }
}

/* Takes the context from 'state'; returns true if it has changed, and all
 * flows with it. */
static bool
update_context(struct datapath_flows *df, const struct dp_state *state)
{
    struct flow_context new = {
        .flow_table = MIN(state->flow_table, 253),
        .client_table = MIN(state->client_table, 254),
        .priority = MIN(state->flow_priority,
                        UINT16_MAX - FLOW_PRIORITY_SPAN),
        .n_locals = state->n_locals,
    };
    const struct flow_context *old = &df->ctx;

    if (df->have_ctx && new.flow_table == old->flow_table
        && new.client_table == old->client_table
        && new.priority == old->priority
        && new.n_locals == old->n_locals
        && (!new.n_locals || !memcmp(old->locals, state->locals,
                                     new.n_locals * sizeof *new.locals))) {
        return false;
    }
    free(CONST_CAST(struct in6_addr *, old->locals));
    new.locals = (new.n_locals
                  ? xmemdup(state->locals, new.n_locals * sizeof *new.locals)
                  : NULL);
    df->ctx = new;
    df->have_ctx = true;

    void *pair[] = { &df->table, df->common };
    struct ovs_list claims;
    flow_table_begin(&df->table, df->common, &claims);
    flow_make_common(&df->ctx, sink, pair);
    flow_table_end(&df->table, &claims);
    return true;
}

/* Bundles. */

static struct bundle *
bundle_open(struct datapath_flows *df)
{
    if (!df->open) {
        df->open = xzalloc(sizeof *df->open);
        df->open->id = ofconn_bundle_open(df->conn);
        df->open->seq = df->seq;
    }
    return df->open;
}

static void
bundle_destroy(struct datapath_flows *df, struct bundle *b)
{
    for (size_t i = 0; i < b->n; i++) {
        flow_entry_unref(&df->table, b->entries[i].entry);
    }
    free(b->entries);
    free(b);
}

static void
add_flow_mod(void *df_, const struct ofputil_flow_mod *fm,
             struct flow_entry *e)
{
    struct datapath_flows *df = df_;
    struct bundle *b = bundle_open(df);

    COVERAGE_INC(tpr_flow_mod);
    df->n_flow_mods++;
    if (b->n >= b->allocated) {
        b->entries = x2nrealloc(b->entries, &b->allocated,
                                sizeof *b->entries);
    }
    b->entries[b->n].entry = e;
    b->entries[b->n].xid = ofconn_bundle_add(df->conn, fm);
    b->n++;
}

static void
delete_by_cookie(struct datapath_flows *df, uint64_t cookie, uint64_t mask)
{
    struct ofputil_flow_mod fm;

    bundle_open(df);
    flow_mod_delete_by_cookie(&fm, cookie, mask);
    ofconn_bundle_add(df->conn, &fm);
    minimatch_destroy(&fm.match);
    df->n_flow_mods++;
}

static void
delete_learned(struct datapath_flows *df)
{
    uint32_t hash;

    while (flow_table_next_stale(&df->table, &hash)) {
        delete_by_cookie(df, flow_cookie(FLOW_LEARN_CLIENT, hash),
                         UINT64_MAX);
    }
    if (df->drop_learned) {
        df->drop_learned = false;
        delete_by_cookie(df, FLOW_COOKIE
                         | (uint64_t) FLOW_KIND_LEARNED << 24,
                         FLOW_COOKIE_MASK
                         | (uint64_t) FLOW_KIND_LEARNED << 24);
    }
}

static void
report_conflicts(struct datapath_flows *df)
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

/* Sends what differs, if the switch can be told now. */
static void
flush(struct datapath_flows *df)
{
    report_conflicts(df);
    if (!ofconn_ready(df->conn) || !df->have_ctx) {
        return;
    }
    flow_table_flush(&df->table, add_flow_mod, df);
    delete_learned(df);

    struct bundle *b = df->open;
    if (b) {
        df->open = NULL;
        ovs_list_push_back(&df->bundles, &b->node);
        ofconn_bundle_commit(df->conn);
    } else if (ovs_list_is_empty(&df->bundles)) {
        if (df->applied_seq != df->seq) {
            df->applied_seq = df->seq;
            df->applied_us = time_usec();
        }
    } else {
        b = CONTAINER_OF(ovs_list_back(&df->bundles), struct bundle, node);
        b->seq = df->seq;
    }
}

/* Callbacks of the connection. */

static void
cb_ports_changed(void *df_)
{
    struct datapath_flows *df = df_;
    struct shash_node *node;

    SHASH_FOR_EACH (node, &df->owners) {
        struct owner *o = node->data;

        if (o->port != owner_port(df, o)) {
            owner_update(df, o);
        }
    }
    flush(df);
}

static void
cb_dump_begin(void *df_)
{
    struct datapath_flows *df = df_;

    df->dumping = true;
    df->dump_ms = time_msec();
    flow_table_dump_begin(&df->table);
}

static void
cb_dumped(void *df_, const struct ofputil_flow_stats *fs)
{
    struct datapath_flows *df = df_;
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
    struct datapath_flows *df = df_;

    df->dumping = false;
    df->dump_took_ms = time_msec() - df->dump_ms;
    flow_table_dump_end(&df->table);
    flush(df);
}

static bool
cb_removed(void *df_, const struct ofputil_flow_removed *fr)
{
    struct datapath_flows *df = df_;

    return flow_table_removed(&df->table, fr->table_id, fr->priority,
                              &fr->match);
}

static void
cb_refused(void *df_, ovs_be32 xid, const char *sentence)
{
    struct datapath_flows *df = df_;
    struct bundle *b;

    LIST_FOR_EACH (b, node, &df->bundles) {
        for (size_t i = 0; i < b->n; i++) {
            if (b->entries[i].xid == xid) {
                struct ds s = DS_EMPTY_INITIALIZER;

                flow_entry_format(b->entries[i].entry, &s);
                VLOG_WARN_RL(&rl, "%s: the switch refused a flow (%s), the "
                             "others are tried without it: %s",
                             df->up.bridge, sentence, ds_cstr(&s));
                ds_destroy(&s);
                flow_table_refuse(&df->table, b->entries[i].entry);
                b->refused = true;
                return;
            }
        }
    }
    VLOG_WARN_RL(&rl, "%s: the switch reported an error: %s", df->up.bridge,
                 sentence);
}

static void
cb_committed(void *df_, uint32_t id, bool ok)
{
    struct datapath_flows *df = df_;
    struct bundle *b;

    LIST_FOR_EACH (b, node, &df->bundles) {
        if (b->id == id) {
            break;
        }
    }
    if (!b) {
        return;
    }
    ovs_list_remove(&b->node);
    if (b->refused) {
        ofconn_redump(df->conn);
    } else if (!ok) {
        VLOG_WARN_RL(&rl, "%s: the switch refused a change of %"PRIuSIZE" "
                     "flows as a whole; trying again in %d ms",
                     df->up.bridge, b->n, RETRY_MS);
        df->retry_ms = time_msec() + RETRY_MS;
    } else {
        df->applied_seq = MAX(df->applied_seq, b->seq);
        df->applied_us = time_usec();
    }
    bundle_destroy(df, b);
}

static void
drop_bundles(struct datapath_flows *df)
{
    struct bundle *b;

    LIST_FOR_EACH_POP (b, node, &df->bundles) {
        bundle_destroy(df, b);
    }
}

static void
cb_lost(void *df_)
{
    struct datapath_flows *df = df_;

    /* Nothing is in force until the next connection has proven it. */
    df->applied_seq = 0;
    drop_bundles(df);
    flow_table_forgive(&df->table);
    flow_table_forget_stale(&df->table);
    df->dumping = false;
    df->retry_ms = LLONG_MAX;
}

static const struct ofconn_callbacks callbacks = {
    .ports_changed = cb_ports_changed,
    .dump_begin = cb_dump_begin,
    .dumped = cb_dumped,
    .dump_end = cb_dump_end,
    .removed = cb_removed,
    .refused = cb_refused,
    .committed = cb_committed,
    .lost = cb_lost,
};

/* The class. */

static struct datapath *
flows_open(const char *bridge)
{
    struct datapath_flows *df = xzalloc(sizeof *df);

    df->up.class = &datapath_flows_class;
    df->up.bridge = xstrdup(bridge);
    flow_table_init(&df->table);
    shash_init(&df->owners);
    ovs_list_init(&df->bundles);
    df->common = flow_owner_create("");
    df->retry_ms = LLONG_MAX;
    df->conn = ofconn_create(bridge, FLOW_COOKIE, FLOW_COOKIE_MASK,
                             &callbacks, df);
    return &df->up;
}

static void
flows_close(struct datapath *dp)
{
    struct datapath_flows *df = datapath_flows_cast(dp);
    struct shash_node *node;

    drop_bundles(df);
    SHASH_FOR_EACH_SAFE (node, &df->owners) {
        owner_destroy(df, node);
    }
    flow_owner_destroy(&df->table, df->common);
    shash_destroy(&df->owners);
    flow_table_destroy(&df->table);
    ofconn_destroy(df->conn);
    free(CONST_CAST(struct in6_addr *, df->ctx.locals));
    free(df->order);
    free(df->up.bridge);
    free(df);
}

static uint64_t
flows_set(struct datapath *dp, const struct dp_state *state,
          long long int now_us OVS_UNUSED)
{
    struct datapath_flows *df = datapath_flows_cast(dp);
    bool all = update_context(df, state);
    struct shash_node *node;

    df->seq++;
    df->generation++;
    df->n_named = 0;
    update_services(df, state, all);
    for (size_t i = 0; i < state->n_paths; i++) {
        update_path(df, &state->paths[i], all);
    }
    if (df->n_named < shash_count(&df->owners)) {
        SHASH_FOR_EACH_SAFE (node, &df->owners) {
            const struct owner *o = node->data;

            if (o->generation != df->generation) {
                owner_destroy(df, node);
            }
        }
    }
    flush(df);
    return df->seq;
}

/* Waits until the switch has done all that it was told, CLEAR_MS at most. */
static void
wait_applied(struct datapath_flows *df)
{
    long long int end = time_msec() + CLEAR_MS;

    while (df->applied_seq != df->seq && time_msec() < end) {
        ofconn_run(df->conn);
        if (df->applied_seq != df->seq) {
            ofconn_wait(df->conn);
            poll_timer_wait_until(end);
            poll_block();
        }
    }
}

/* Removes all that is ours, learned flows included. */
static void
flows_clear(struct datapath *dp)
{
    struct datapath_flows *df = datapath_flows_cast(dp);
    struct shash_node *node;
    struct ovs_list claims;

    df->seq++;
    df->n_order = 0;
    SHASH_FOR_EACH_SAFE (node, &df->owners) {
        owner_destroy(df, node);
    }
    flow_table_begin(&df->table, df->common, &claims);
    flow_table_end(&df->table, &claims);
    free(CONST_CAST(struct in6_addr *, df->ctx.locals));
    memset(&df->ctx, 0, sizeof df->ctx);        /* Unlike any other. */
    flow_table_forget_stale(&df->table);
    df->drop_learned = true;
    df->have_ctx = true;
    flush(df);
    wait_applied(df);
}

static void
flows_run(struct datapath *dp, long long int now_us OVS_UNUSED)
{
    struct datapath_flows *df = datapath_flows_cast(dp);

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
}

static void
flows_wait(struct datapath *dp)
{
    struct datapath_flows *df = datapath_flows_cast(dp);

    ofconn_wait(df->conn);
    poll_timer_wait_until(df->compare_ms);
    if (df->retry_ms != LLONG_MAX) {
        poll_timer_wait_until(df->retry_ms);
    }
}

static bool
flows_applied(const struct datapath *dp, uint64_t *seq, long long int *when_us)
{
    const struct datapath_flows *df = datapath_flows_cast(dp);

    *seq = df->applied_seq;
    *when_us = df->applied_us;
    return df->applied_seq == df->seq;
}

static bool
flows_connected(const struct datapath *dp)
{
    return ofconn_ready(datapath_flows_cast(dp)->conn);
}

static bool
flows_port(const struct datapath *dp, const char *name, struct dp_port *port)
{
    return ofconn_port(datapath_flows_cast(dp)->conn, name, port);
}

static unsigned int
flows_port_seqno(const struct datapath *dp)
{
    return ofconn_port_seqno(datapath_flows_cast(dp)->conn);
}

static void
flows_show(const struct datapath *dp, struct json *json)
{
    const struct datapath_flows *df = datapath_flows_cast(dp);

    json_object_put_string(json, "datapath", dp->class->name);
    ofconn_show(df->conn, json);
    json_object_put(json, "flows", json_integer_create(df->table.n_wanted));
    json_object_put(json, "flow_mods", json_integer_create(df->n_flow_mods));
    json_object_put(json, "conflicts",
                    json_integer_create(df->table.n_conflicts));
    json_object_put(json, "in_force",
                    json_boolean_create(df->applied_seq == df->seq));
}

const struct datapath_class datapath_flows_class = {
    .name = "flows",
    .open = flows_open,
    .close = flows_close,
    .check = flow_check,
    .set = flows_set,
    .clear = flows_clear,
    .run = flows_run,
    .wait = flows_wait,
    .applied = flows_applied,
    .connected = flows_connected,
    .port = flows_port,
    .port_seqno = flows_port_seqno,
    .show = flows_show,
};
