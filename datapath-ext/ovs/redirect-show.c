/* SPDX-License-Identifier: Apache-2.0 */

/* What people see of a datapath's redirects: see redirect-dp.h. */

#include <config.h>
#include "redirect-dp-private.h"

#include <errno.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include "flow.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "redirect-check.h"
#include "redirect-choose.h"
#include "redirect-hash.h"
#include "timeval.h"
#include "util.h"

static uint64_t
get(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Fills in 'stats' for object 'dp_id'; 'stats->backends' is to be freed by the
 * caller.  Returns 0 or ENOENT. */
int
tpr_dp_get_stats(struct tpr_dp *dp, uint32_t dp_id,
                 struct tpr_redirect_stats *stats)
{
    const struct tpr_object *object;
    uint8_t why[TPR_MAX_REDIRECT_BACKENDS];

    ovs_mutex_lock(&dp->mutex);
    object = tpr_object_get(dp, dp_id);
    if (object) {
        tpr_why_all(dp, object, why);
        *stats = (struct tpr_redirect_stats) {
            .id = object->r.id,
            .n_backends = object->r.n_backends,
            .duration_ms = time_msec() - object->shared->created_ms,
            .backends = xcalloc(MAX(object->r.n_backends, 1),
                                sizeof *stats->backends),
        };
        for (int i = 0; i < TPR_N_COUNTERS; i++) {
            stats->counters[i] = get(&object->shared->counters[i]);
        }
        for (int i = 0; i < object->r.n_backends; i++) {
            const struct tpr_record *record = object->records[i];

            stats->backends[i] = (struct tpr_backend_stats) {
                .packets = get(&record->packets),
                .bytes = get(&record->bytes),
                .rev_packets = get(&record->rev_packets),
                .rev_bytes = get(&record->rev_bytes),
                .total_connections = get(&record->total_connections),
                .connections = record->n_connections,
                .why = why[i],
            };
        }
    }
    ovs_mutex_unlock(&dp->mutex);
    return object ? 0 : ENOENT;
}

uint64_t
tpr_dp_counter(const struct tpr_dp *dp, enum tpr_counter counter)
{
    return get(&dp->counters[counter]);
}

/* Connections in the table, those included that have ended and wait for their
 * timeout. */
uint32_t
tpr_dp_connections(const struct tpr_dp *dp)
{
    return __atomic_load_n(&dp->table.n, __ATOMIC_RELAXED);
}

static void
format_addr(struct ds *ds, const struct tpr_addr *addr)
{
    struct in6_addr in6;

    memcpy(&in6, addr, sizeof in6);
    ipv6_format_mapped(&in6, ds);
}

/* "10.0.0.1:80", "[::1]:80". */
static void
format_end(struct ds *ds, const struct tpr_addr *addr, uint16_t port)
{
    const bool bracket = !tpr_addr_is_ip4(addr);

    ds_put_cstr(ds, bracket ? "[" : "");
    format_addr(ds, addr);
    ds_put_format(ds, "%s:%"PRIu16, bracket ? "]" : "", tpr_swap16(port));
}

static void
format_backend(const struct tpr_object *object, int i, enum tpr_why why,
               struct ds *ds)
{
    const struct tpr_record *record = object->records[i];
    const struct tpr_redirect_backend *b = tpr_record_conf(record);

    ds_put_format(ds, "    backend %d: ", i);
    format_addr(ds, &b->addr);
    if (b->l4_port) {
        ds_put_format(ds, " l4_port %"PRIu16, b->l4_port);
    }
    ds_put_format(ds, " port %"PRIu32" priority %"PRIu16" weight %"PRIu16
                  ": %s, %"PRIu32" connections, packets %"PRIu64"/%"PRIu64
                  ", bytes %"PRIu64"/%"PRIu64"\n",
                  b->output, b->priority, b->weight, tpr_why_name(why),
                  record->n_connections, get(&record->packets),
                  get(&record->rev_packets), get(&record->bytes),
                  get(&record->rev_bytes));
}

static void
format_blocked(const struct tpr_dp *dp, struct ds *ds)
{
    const char *separator = "blocked ports: ";

    for (uint32_t port = 0; dp->n_blocked && port < TPR_DP_MAX_PORTS;
         port++) {
        if (tpr_is_blocked(dp, port)) {
            ds_put_format(ds, "%s%"PRIu32, separator, port);
            separator = ", ";
        }
    }
    ds_put_cstr(ds, dp->n_blocked ? "\n" : "");
}

/* Appends what the datapath has to 'ds', for people. */
void
tpr_dp_format(struct tpr_dp *dp, struct ds *ds)
{
    uint8_t why[TPR_MAX_REDIRECT_BACKENDS];

    ovs_mutex_lock(&dp->mutex);
    ds_put_format(ds, "redirects: %"PRIu32"\nconnections: %"PRIu32" of %"
                  PRIu32", %"PRIu64" bytes\n", dp->n_objects, dp->table.n,
                  dp->table.capacity, tpr_table_memory(&dp->table));
    for (int i = 0; i < TPR_N_COUNTERS; i++) {
        ds_put_format(ds, "%s%s %"PRIu64, i ? ", " : "counters: ",
                      tpr_counter_name(i), get(&dp->counters[i]));
    }
    ds_put_char(ds, '\n');
    format_blocked(dp, ds);
    for (uint32_t id = 0; id < TPR_DP_MAX_REDIRECTS; id++) {
        const struct tpr_object *object = tpr_object_get(dp, id);

        if (object) {
            ds_put_format(ds, "redirect %"PRIu32" (id %"PRIu32" of scope %"
                          PRIu32"): vip ", id, object->r.id, object->scope);
            format_addr(ds, &object->r.vip);
            ds_put_format(ds, " policy %s\n",
                          tpr_policy_name(object->r.policy));
            tpr_why_all(dp, object, why);
            for (int i = 0; i < object->r.n_backends; i++) {
                format_backend(object, i, why[i], ds);
            }
            tpr_pause(dp);
        }
    }
    ovs_mutex_unlock(&dp->mutex);
}

static void
format_connection(const struct tpr_dp *dp, const struct tpr_conn *conn,
                  const struct tpr_object *object, struct ds *ds)
{
    static const char *const states[] = {
        "syn", "fin", "fin-reply", "rst", "reset",
    };
    static const uint8_t flags[] = {
        TPR_TRACK_SYN, TPR_TRACK_FIN_FORWARD, TPR_TRACK_FIN_REVERSE,
        TPR_TRACK_RST, TPR_TRACK_RESET,
    };
    const struct tpr_record *record = dp->records[conn->backend];
    const char *separator = " ";

    ds_put_format(ds, "redirect %"PRIu32" proto %d ", conn->redirect,
                  conn->proto);
    format_end(ds, &conn->client, conn->client_port);
    ds_put_cstr(ds, " -> ");
    format_end(ds, &object->r.vip, conn->vip_port);
    ds_put_cstr(ds, " -> ");
    format_end(ds, &record->addr, tpr_record_port(record, conn->vip_port));
    ds_put_format(ds, " in_port %"PRIu32" expires in %"PRId32" ms",
                  conn->in_port, (int32_t) (conn->expires - dp->now_ms));
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (conn->track.flags & flags[i]) {
            ds_put_format(ds, "%s%s", separator, states[i]);
            separator = ",";
        }
    }
    if (conn->track.flags & TPR_TRACK_ANSWERED) {
        ds_put_format(ds, "%sanswered", separator);
    }
    ds_put_char(ds, '\n');
}

static void
view_connection(const struct tpr_dp *dp, const struct tpr_conn *conn,
                const struct tpr_object *object, struct tpr_conn_view *view)
{
    const struct tpr_record *record = dp->records[conn->backend];
    const int32_t left = (int32_t) (conn->expires - dp->now_ms);
    const int32_t timeout = (int32_t) object->r.timeouts[
        tpr_track_timeout(conn->track.flags, conn->proto)];

    *view = (struct tpr_conn_view) {
        .redirect = conn->redirect,
        .proto = conn->proto,
        .client = conn->client,
        .vip = object->r.vip,
        .backend = record->addr,
        .client_port = tpr_swap16(conn->client_port),
        .vip_port = tpr_swap16(conn->vip_port),
        .backend_port = tpr_swap16(tpr_record_port(record, conn->vip_port)),
        .in_port = conn->in_port,
        .region = record->region,
        .word = record->word,
        .state = tpr_track_state(conn->track.flags, conn->proto),
        .idle_ms = MAX(0, timeout - left),
        .expires_ms = MAX(0, left),
    };
}

enum { PAUSE_EVERY = 16 };      /* Connections: some 20 us. */

/* Calls 'cb' for each connection of object 'dp_id', or with UINT32_MAX all;
 * 'cb' must not call back.  Forwarding and placement go on: of what comes and
 * goes meanwhile, some is seen. */
void
tpr_dp_each_connection(struct tpr_dp *dp, uint32_t dp_id, tpr_conn_func *cb,
                       void *aux)
{
    ovs_mutex_lock(&dp->mutex);
    for (uint32_t i = 0; i < dp->table.fresh; i++) {
        const struct tpr_conn *conn = &dp->table.conns[i];
        const struct tpr_object *object = tpr_object_get(dp, conn->redirect);

        if (object && (dp_id == UINT32_MAX || conn->redirect == dp_id)) {
            struct tpr_conn_view view;

            view_connection(dp, conn, object, &view);
            cb(aux, &view);
        }
        if (!(i % PAUSE_EVERY)) {
            tpr_pause(dp);
        }
    }
    ovs_mutex_unlock(&dp->mutex);
}

/* Appends the connections of object 'dp_id', or with UINT32_MAX all, a line
 * each.  Forwarding and placement go on: of what comes and goes meanwhile,
 * some is seen. */
void
tpr_dp_format_connections(struct tpr_dp *dp, uint32_t dp_id, struct ds *ds)
{
    ovs_mutex_lock(&dp->mutex);
    for (uint32_t i = 0; i < dp->table.fresh; i++) {
        const struct tpr_conn *conn = &dp->table.conns[i];
        const struct tpr_object *object = tpr_object_get(dp, conn->redirect);

        if (object && (dp_id == UINT32_MAX || conn->redirect == dp_id)) {
            format_connection(dp, conn, object, ds);
        }
        if (!(i % PAUSE_EVERY)) {
            tpr_pause(dp);
        }
    }
    ovs_mutex_unlock(&dp->mutex);
}

static void
tuple_from_flow(const struct flow *flow, struct tpr_tuple *tuple)
{
    *tuple = (struct tpr_tuple) { .proto = flow->nw_proto };
    if (flow->dl_type == htons(ETH_TYPE_IP)) {
        tuple->src = tpr_addr_from_ip4((OVS_FORCE uint32_t) flow->nw_src);
        tuple->dst = tpr_addr_from_ip4((OVS_FORCE uint32_t) flow->nw_dst);
    } else {
        memcpy(&tuple->src, &flow->ipv6_src, sizeof tuple->src);
        memcpy(&tuple->dst, &flow->ipv6_dst, sizeof tuple->dst);
    }
    if (tpr_proto_has_ports(flow->nw_proto)
        && !(flow->nw_frag & FLOW_NW_FRAG_LATER)) {
        tuple->sport = (OVS_FORCE uint16_t) flow->tp_src;
        tuple->dport = (OVS_FORCE uint16_t) flow->tp_dst;
    }
}

/* Says where in the ring 'hash' fell, if 'object' has one. */
static void
explain_slot(const struct tpr_object *object, const uint8_t *why,
             uint32_t hash, struct ds *ds)
{
    const struct tpr_ring *ring = object->ring;
    uint16_t own;

    if (object->r.policy != TPR_POLICY_MAGLEV || !ring || !ring->size) {
        return;
    }
    ds_put_format(ds, ", by ring slot %"PRIu32" of %"PRIu32,
                  hash % ring->size, ring->size);
    own = ring->slot[hash % ring->size];
    if (own < object->r.n_backends && why[own] != TPR_WHY_OK) {
        ds_put_format(ds, ", in place of backend %"PRIu16, own);
    }
}

/* Is there a connection, other than 'old', whose replies from 'record' would
 * look like those of one with 'tuple'? */
static bool
is_reverse_taken(const struct tpr_dp *dp, const struct tpr_object *object,
                 const struct tpr_record *record,
                 const struct tpr_tuple *tuple, const struct tpr_conn *old)
{
    const uint16_t port = tpr_record_port(record, tuple->dport);
    const struct tpr_match match = {
        .dp = dp, .addr = &record->addr, .port = port,
    };
    const struct tpr_reverse_key key = {
        .backend = &record->addr,
        .client = &tuple->src,
        .backend_port = port,
        .client_port = tuple->sport,
        .proto = tuple->proto,
        .scope = object->scope,
    };
    uint32_t seq;
    const struct tpr_conn *conn = tpr_table_reverse(
        &dp->table, &key, tpr_match_backend, &match, &seq);

    return conn && conn != old && !tpr_time_reached(dp->now_ms, conn->expires)
           && tpr_object_get(dp, conn->redirect);
}

/* Chooses as a placement would; tells in 'why' whose reverse key is taken, and
 * in '*held' whether affinity chose, not the policy. */
static int
choose_as_if(struct tpr_dp *dp, struct tpr_object *object,
             const struct tpr_tuple *tuple, const struct tpr_conn *old,
             uint8_t *why, bool *held)
    OVS_REQUIRES(dp->mutex)
{
    const struct tpr_redirect *r = &object->r;
    const size_t size = MAX(r->n_backends, 1) * sizeof(int32_t);
    int32_t *smooth = xmemdup(object->shared->smooth, size);
    uint32_t connections[TPR_MAX_REDIRECT_BACKENDS];
    int i = tpr_held(dp, object, &tuple->src, why, dp->now_ms);

    *held = i >= 0;
    tpr_count_connections(object, connections);
    for (;; *held = false) {
        i = *held ? i : tpr_choose(r, object->ring, smooth, connections, why,
                                   tpr_hash_tuple(tuple, dp->seed));
        if (i < 0 || r->stateless
            || !is_reverse_taken(dp, object, object->records[i], tuple, old)) {
            break;
        }
        why[i] = TPR_WHY_COLLISION;
    }
    free(smooth);
    return i;
}

/* Chooses as it is done when the table is full, and nobody can go. */
static int
choose_without_entry(const struct tpr_dp *dp, const struct tpr_object *object,
                     const struct tpr_tuple *tuple, uint8_t *why)
{
    struct tpr_redirect r = object->r;

    r.policy = TPR_POLICY_MAGLEV;
    return tpr_choose(&r, object->ring, NULL, NULL, why,
                      tpr_hash_tuple(tuple, dp->seed));
}

/* Says whom a new connection with 'tuple', in place of 'old' where that is not
 * NULL, would be given; changes nothing. */
static void
explain_choice(struct tpr_dp *dp, struct tpr_object *object,
               const struct tpr_tuple *tuple, const struct tpr_conn *old,
               struct ds *ds)
    OVS_REQUIRES(dp->mutex)
{
    const struct tpr_redirect *r = &object->r;
    const uint32_t hash = tpr_hash_tuple(tuple, dp->seed);
    const bool full = !r->stateless && !old && tpr_table_full(&dp->table);
    const bool no_entry = full && !tpr_table_oldest_half_open(&dp->table);
    uint8_t why[TPR_MAX_REDIRECT_BACKENDS];
    bool held = false;
    int chosen;

    tpr_why_all(dp, object, why);
    chosen = (no_entry ? choose_without_entry(dp, object, tuple, why)
              : choose_as_if(dp, object, tuple, old, why, &held));
    for (int i = 0; i < r->n_backends; i++) {
        ds_put_format(ds, "backend %d: ", i);
        format_addr(ds, &r->backends[i].addr);
        ds_put_format(ds, " priority %"PRIu16", %s%s",
                      r->backends[i].priority, tpr_why_name(why[i]),
                      i != chosen ? "" : held ? ", chosen by affinity"
                      : ", policy chooses it");
        if (i == chosen && !held) {
            explain_slot(object, why, hash, ds);
        }
        ds_put_char(ds, '\n');
    }
    if (chosen < 0) {
        ds_put_format(ds, "no backend is usable: on_none=%s\n",
                      r->on_none == TPR_ON_NONE_PASS ? "pass"
                      : r->on_none == TPR_ON_NONE_RESET ? "reset" : "drop");
    } else if (full) {
        ds_put_format(ds, "unless one has ended, the connection table is "
                      "full: %s\n",
                      !no_entry ? "the oldest half-open one ends for this one"
                      : tpr_needs_no_entry(r, &r->backends[chosen],
                                           tuple->dport)
                      ? "sent without being remembered"
                      : "dropped, since answers could not be translated");
    }
}

static struct tpr_conn *
explain_find(const struct tpr_dp *dp, const struct tpr_action *action,
             const struct tpr_tuple *t)
{
    const bool reverse = action->mode == TPR_MODE_REVERSE;
    const struct tpr_match match = {
        .dp = dp,
        .addr = reverse ? &t->src : &t->dst,
        .port = t->sport,
        .redirect = (action->mode == TPR_MODE_FORWARD
                     ? action->id : UINT32_MAX),
    };
    const struct tpr_reverse_key key = {
        .backend = &t->src,
        .client = &t->dst,
        .backend_port = t->sport,
        .client_port = t->dport,
        .proto = t->proto,
        .scope = action->scope,
    };
    uint32_t seq;

    return (reverse
            ? tpr_table_reverse(&dp->table, &key, tpr_match_backend, &match,
                                &seq)
            : tpr_table_forward(&dp->table, t, action->scope,
                                tpr_hash_tuple(t, dp->seed), tpr_match_vip,
                                &match, &seq));
}

/* Says what becomes of a packet of 'flow' with connection 'conn' of 'object'.
 * Returns true if it is placed as if there were none. */
static bool
explain_conn(const struct tpr_dp *dp, const struct tpr_action *action,
             const struct tpr_object *object, const struct tpr_conn *conn,
             const struct flow *flow, struct ds *ds)
{
    const bool reverse = action->mode == TPR_MODE_REVERSE;
    const uint8_t flags = conn->track.flags;
    const struct tpr_redirect_backend *b
        = tpr_record_conf(dp->records[conn->backend]);
    const struct tpr_packet p = {
        .tuple.proto = conn->proto,
        .tcp_flags = (uint8_t) ntohs(flow->tcp_flags),
    };
    enum tpr_on_down on_down = tpr_on_death(object->r.on_down, conn->proto, b);

    ds_put_cstr(ds, "connection: ");
    format_connection(dp, conn, object, ds);
    if (tpr_time_reached(dp->now_ms, conn->expires)) {
        ds_put_format(ds, "its time is over: %s\n",
                      reverse ? "goes on" : "a new one");
        return !reverse;
    } else if (reverse) {
        return false;
    } else if (tpr_track_reopens(flags, &p)) {
        ds_put_cstr(ds, "it has ended, this is a SYN: a new one\n");
        return true;
    } else if (flags & TPR_TRACK_RESET) {
        ds_put_cstr(ds, "it was reset: so is the client, again\n");
        return false;
    } else if (tpr_keeps(b, dp->page)) {
        return false;
    } else if (on_down == TPR_ON_DOWN_KEEP) {
        ds_put_cstr(ds, "its backend is down: kept there\n");
        return false;
    } else if (on_down == TPR_ON_DOWN_RESELECT
               || (conn->proto == TPR_PROTO_TCP
                   && tpr_track_only_syn(flags))) {
        ds_put_cstr(ds, "its backend is down: a new one\n");
        return true;
    }
    ds_put_cstr(ds, "its backend is down: the client is reset\n");
    return false;
}

/* Appends what would happen to a packet of 'flow', and why, to 'ds'; changes
 * nothing.  For ofproto/trace. */
void
tpr_dp_explain(struct tpr_dp *dp, const struct tpr_action *action,
               const struct flow *flow, struct ds *ds)
{
    struct tpr_object *object, *of_conn;
    struct tpr_tuple tuple;
    struct tpr_conn *conn;
    bool is_known;

    if (!is_ip_any(flow)) {
        ds_put_cstr(ds, "not IP: goes on\n");
        return;
    }
    if (flow->nw_frag & FLOW_NW_FRAG_LATER) {
        ds_put_cstr(ds, "later fragment: goes where its first one went\n");
        return;
    }
    tuple_from_flow(flow, &tuple);
    ovs_mutex_lock(&dp->mutex);
    object = (action->mode == TPR_MODE_FORWARD
              ? tpr_object_get(dp, action->id)
              : action->mode == TPR_MODE_ANY && flow->nw_frag
              ? tpr_object_covering(dp, action->scope, &tuple)
              : NULL);
    conn = explain_find(dp, action, &tuple);
    of_conn = conn ? tpr_object_get(dp, conn->redirect) : NULL;
    is_known = of_conn && !explain_conn(dp, action, of_conn, conn, flow, ds);
    if (of_conn && !is_known) {
        object = of_conn;
    }
    if (is_known) {
        /* That is all. */
    } else if (!object) {
        ds_put_format(ds, "no %s: goes on\n",
                      action->mode == TPR_MODE_FORWARD ? "such redirect"
                      : "connection");
    } else if (!tpr_redirect_covers(&object->r, &tuple.dst, tuple.proto,
                                    tuple.dport)) {
        ds_put_cstr(ds, "not covered by the redirect: goes on\n");
    } else {
        explain_choice(dp, object, &tuple, of_conn ? conn : NULL, ds);
    }
    ovs_mutex_unlock(&dp->mutex);
}
