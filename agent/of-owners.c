/* SPDX-License-Identifier: Apache-2.0 */

/* Owners of flows and redirect objects: copies of the services and paths that
 * were set.  datapath-of.h has the machine.
 *
 * Threads: main thread. */

#include <config.h>
#include "datapath-of.h"
#include <stdlib.h>
#include <string.h>
#include "dp-copy.h"
#include "flow.h"
#include "hash.h"
#include "ofconn.h"
#include "packets.h"
#include "util.h"

/* What an owner's flows are made of: a copy of what was set. */
struct owner {
    struct flow_owner *flows;
    unsigned int generation;    /* Of the set() that named it last. */
    bool is_path;
    uint32_t ports;             /* Hash of the switch's ports as used. */
    struct dp_service service;
    struct dp_target target;
    struct dp_path path;
};

static void
sink(void *pair_, const struct flow_desc *d)
{
    void **pair = pair_;
    flow_table_claim(pair[0], pair[1], d);
}

static uint32_t
find_port(void *df_, const char *name)
{
    const struct datapath_of *df = df_;
    struct dp_port port;

    return name && ofconn_port(df->conn, name, &port) ? port.ofport : 0;
}

static ofp_port_t
owner_port(struct datapath_of *df, const struct owner *o)
{
    uint32_t port = find_port(df, (o->is_path ? o->path.port
                                   : o->service.active ? o->target.port
                                   : NULL));

    return port ? u16_to_ofp(port) : OFPP_NONE;
}

/* Is 'o' a service that flows carry out by a group? */
static bool
is_balanced(const struct owner *o)
{
    return !o->is_path && o->service.policy == TPR_POLICY_WEIGHTED;
}

/* A number that changes when a port that 'o' uses does. */
static uint32_t
owner_ports(struct datapath_of *df, const struct owner *o)
{
    uint32_t hash = ofp_to_u16(owner_port(df, o));

    for (size_t i = 0; ((df->native || is_balanced(o))
                        && i < o->service.n_targets); i++) {
        hash = hash_add(hash, find_port(df, o->service.targets[i].port));
    }
    return hash;
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
void
of_forget_learned(struct datapath_of *df, bool learned, uint32_t hash)
{
    if (learned && (df->dumping || ofconn_ready(df->conn))) {
        flow_table_set_stale(&df->table, hash);
    }
}

/* Makes the redirect object of 'o' and its flows. */
static void
make_native(struct datapath_of *df, struct owner *o, void *pair)
{
    struct redirect_plan *plan = &df->redirects.plan;
    struct tpr_redirect *r = redirect_make(&o->service, find_port, df);
    const struct redirect_object *object;
    uint32_t id = 0;

    if (r) {
        id = redirect_plan_want(plan, o->service.name, r);
        object = redirect_plan_find(plan, o->service.name);
        if (!id || (object->refused && !object->have)) {
            return;             /* Left out. */
        }
    } else {
        redirect_plan_unwant(plan, o->service.name);
    }
    flow_make_redirect(&df->ctx, &o->service, id, find_port, df, sink, pair);
}

/* Makes the group of 'o' and its flows. */
static void
make_balanced(struct datapath_of *df, struct owner *o, void *pair)
{
    const struct dp_service *s = &o->service;
    struct ofputil_group_desc gd;
    const struct flow_group *g;
    uint32_t id;

    if (df->no_hash) {
        flow_groups_unwant(&df->groups, s->name);
        return;                 /* Left out. */
    }
    flow_make_group(s, find_port, df, &gd);
    if (ovs_list_is_empty(&gd.buckets) && s->on_none == TPR_ON_NONE_PASS) {
        ofputil_uninit_group_desc(&gd);
        flow_groups_unwant(&df->groups, s->name);
        flow_make_balanced(&df->ctx, s, 0, find_port, df, sink, pair);
        return;
    }
    id = flow_groups_want(&df->groups, s->name, &gd, s->unproven);
    g = flow_groups_find(&df->groups, s->name);
    if (id && !g->refused) {
        flow_make_balanced(&df->ctx, s, id, find_port, df, sink, pair);
    }
}

static void
make_flows(struct datapath_of *df, struct owner *o, void *pair)
{
    bool can = df->wish != OF_WISH_NATIVE && !o->service.needs_state;

    if (can && is_balanced(o)) {
        make_balanced(df, o, pair);
        return;
    }
    flow_groups_unwant(&df->groups, o->service.name);
    if (can) {
        flow_make_service(&df->ctx, &o->service, owner_port(df, o), sink,
                          pair);
    }
}

static void
make_service(struct datapath_of *df, struct owner *o, void *pair)
{
    if (df->native) {
        flow_groups_unwant(&df->groups, o->service.name);
        make_native(df, o, pair);
        flow_table_set_learner(&df->table, o->flows, false, 0);
        return;
    }
    redirect_plan_unwant(&df->redirects.plan, o->service.name);
    make_flows(df, o, pair);
    /* A service that is not redirected now keeps its clients: they are in the
     * middle of connections. */
    flow_table_set_learner(&df->table, o->flows, true,
                           flow_addr_hash(&o->service.vip.addr));
}

/* Makes the flows of 'o' anew. */
static void
owner_update(struct datapath_of *df, struct owner *o)
{
    void *pair[] = { &df->table, o->flows };
    bool learned = o->flows->learns;
    uint32_t hash = o->flows->learn_hash;
    struct ovs_list old;

    o->ports = owner_ports(df, o);
    flow_table_begin(&df->table, o->flows, &old);
    if (o->is_path) {
        flow_make_path(&df->ctx, &o->path, owner_port(df, o), sink, pair);
    } else {
        make_service(df, o, pair);
    }
    flow_table_end(&df->table, &old);
    of_forget_learned(df, learned, hash);
}

/* Has the agent answer ND from now on, or the switch. */
void
of_owners_set_nd(struct datapath_of *df, bool by_agent)
{
    struct shash_node *node;

    if (df->ctx.nd_by_agent != by_agent) {
        df->ctx.nd_by_agent = by_agent;
        SHASH_FOR_EACH (node, &df->owners) {
            owner_update(df, node->data);
        }
    }
}

static void
owner_destroy(struct datapath_of *df, struct shash_node *node)
{
    struct owner *o = node->data;
    bool learned = o->flows->learns;
    uint32_t hash = o->flows->learn_hash;

    if (!o->is_path) {
        redirect_plan_unwant(&df->redirects.plan, o->service.name);
        flow_groups_unwant(&df->groups, o->service.name);
    }
    flow_owner_destroy(&df->table, o->flows);
    of_forget_learned(df, learned, hash);
    owner_clear(o);
    free(o);
    shash_delete(&df->owners, node);
}

/* Finds or makes the owner called 'key'. */
static struct owner *
owner_get(struct datapath_of *df, const char *key, bool *new)
{
    struct owner *o = shash_find_data(&df->owners, key);

    *new = !o;
    if (!o) {
        o = xzalloc(sizeof *o);
        o->flows = flow_owner_create(key);
        shash_add(&df->owners, key, o);
    }
    return o;
}

/* Finds or makes the owner of service 's', number 'i' of this set(). */
static struct owner *
owner_get_service(struct datapath_of *df, const struct dp_service *s,
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
update_service(struct datapath_of *df, const struct dp_service *s,
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
    bool same = !new && !all && dp_service_equal(&o->service, s);

    if (!same || !dp_service_same_usable(&o->service, s)) {
        owner_clear(o);
        dp_service_copy(&o->service, &o->target, s);
        /* Who is usable, redirect objects find out by themselves. */
        if (!same || (!df->native && is_balanced(o))) {
            owner_update(df, o);
        }
    }
}

static void
update_services(struct datapath_of *df, const struct dp_state *state,
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
update_path(struct datapath_of *df, const struct dp_path *path, bool all)
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
update_context(struct datapath_of *df, const struct dp_state *state)
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
    new.nd_by_agent = old->nd_by_agent;
    df->ctx = new;
    df->have_ctx = true;

    void *pair[] = { &df->table, df->common };
    struct ovs_list claims;
    flow_table_begin(&df->table, df->common, &claims);
    flow_make_common(&df->ctx, sink, pair);
    flow_table_end(&df->table, &claims);
    return true;
}

/* Makes the flows of all owners anew, or of those whose ports have changed. */
void
of_owners_update(struct datapath_of *df, bool all)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &df->owners) {
        struct owner *o = node->data;

        if (all || o->ports != owner_ports(df, o)) {
            owner_update(df, o);
        }
    }
}

/* Makes the flows of the service called 'name' anew. */
void
of_owners_update_service(struct datapath_of *df, const char *name)
{
    char *key = xasprintf("s:%s", name);
    struct owner *o = shash_find_data(&df->owners, key);

    free(key);
    if (o) {
        owner_update(df, o);
    }
}

/* Returns the service called 'name' as it was set last, or NULL. */
const struct dp_service *
of_owners_service(const struct datapath_of *df, const char *name)
{
    char *key = xasprintf("s:%s", name);
    const struct owner *o = shash_find_data(&df->owners, key);

    free(key);
    return o ? &o->service : NULL;
}

/* Makes 'df' own nothing. */
void
of_owners_init(struct datapath_of *df)
{
    shash_init(&df->owners);
    df->common = flow_owner_create("");
}

/* Takes 'state' over: copies what has changed, and makes its flows. */
void
of_owners_set(struct datapath_of *df, const struct dp_state *state)
{
    bool all = update_context(df, state);
    struct shash_node *node;

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
}

/* Gives up all owners and what serves all of them. */
void
of_owners_clear(struct datapath_of *df)
{
    struct shash_node *node;
    struct ovs_list claims;

    df->n_order = 0;
    SHASH_FOR_EACH_SAFE (node, &df->owners) {
        owner_destroy(df, node);
    }
    flow_table_begin(&df->table, df->common, &claims);
    flow_table_end(&df->table, &claims);
    free(CONST_CAST(struct in6_addr *, df->ctx.locals));
    memset(&df->ctx, 0, sizeof df->ctx);        /* Unlike any other. */
}

/* Frees what of_owners_init() and _set() allocated. */
void
of_owners_destroy(struct datapath_of *df)
{
    of_owners_clear(df);
    flow_owner_destroy(&df->table, df->common);
    shash_destroy(&df->owners);
    free(df->order);
}
