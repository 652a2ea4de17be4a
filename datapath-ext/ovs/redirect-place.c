/* SPDX-License-Identifier: Apache-2.0 */

/* Who gets a new connection, and what becomes of those that have to go: see
 * redirect-dp.h.  Everything here holds the mutex: limits, shares and reverse
 * keys are exact because one thread at a time decides. */

#include <config.h>
#include "redirect-dp-private.h"

#include <string.h>
#include "redirect-build.h"
#include "redirect-check.h"
#include "redirect-choose.h"
#include "redirect-hash.h"
#include "util.h"

/* Does the connection belong to the VIP, and to the object where one is
 * given? */
bool
tpr_match_vip(const struct tpr_conn *conn, const void *aux)
{
    const struct tpr_match *m = aux;
    const uint32_t id = conn->redirect;
    const struct tpr_object *object;

    if (m->redirect != UINT32_MAX) {
        return id == m->redirect;       /* That object has one VIP. */
    }
    object = tpr_object_get(m->dp, id);
    return object && tpr_addr_equal(&object->r.vip, m->addr);
}

/* Is the connection with that backend? */
bool
tpr_match_backend(const struct tpr_conn *conn, const void *aux)
{
    const struct tpr_match *m = aux;
    const uint32_t slot = __atomic_load_n(&conn->backend, __ATOMIC_RELAXED);
    const struct tpr_record *record;

    if (slot >= m->dp->n_records) {
        return false;                   /* The entry is changing hands. */
    }
    record = m->dp->records[slot];
    return tpr_record_port(record, conn->vip_port) == m->port
           && tpr_addr_equal(&record->addr, m->addr);
}

/* Packets of 'record' after the last full second. */
static uint64_t
packets_since(const struct tpr_record *record)
{
    return __atomic_load_n(&record->packets, __ATOMIC_RELAXED) - record->paced;
}

/* Says for each backend of 'object' whether it may be given a connection. */
void
tpr_why_all(const struct tpr_dp *dp, const struct tpr_object *object,
            uint8_t *why)
{
    for (int i = 0; i < object->r.n_backends; i++) {
        const struct tpr_record *record = object->records[i];
        const struct tpr_redirect_backend *b = tpr_record_conf(record);

        why[i] = tpr_why_of(b, dp->page);
        if (why[i] == TPR_WHY_OK && b->max_connections
            && record->n_connections >= b->max_connections) {
            why[i] = TPR_WHY_LIMIT;
        } else if (why[i] == TPR_WHY_OK
                   && tpr_is_fast(record->pps, packets_since(record),
                                  b->max_pps)) {
            why[i] = TPR_WHY_RATE;
        }
    }
}

/* Returns the index of the backend of 'object' that 'client' is to have by
 * affinity, -1: whom the policy chooses. */
int
tpr_held(const struct tpr_dp *dp, const struct tpr_object *object,
         const struct tpr_addr *client, const uint8_t *why, uint32_t now_ms)
{
    const uint32_t serial = tpr_affinity_find(dp->affinity, client,
                                              object->shared->serial, now_ms,
                                              object->r.affinity_ms);

    for (int i = 0; serial && i < object->r.n_backends; i++) {
        if (object->records[i]->serial == serial) {
            return why[i] == TPR_WHY_OK ? i : -1;
        }
    }
    return -1;
}

/* Fills in how many connections each backend of 'object' has, if its policy
 * asks for that. */
void
tpr_count_connections(const struct tpr_object *object, uint32_t *connections)
{
    if (object->r.policy == TPR_POLICY_LEAST_CONNECTIONS) {
        for (int i = 0; i < object->r.n_backends; i++) {
            connections[i] = object->records[i]->n_connections;
        }
    }
}

/* The connection counts no more for its backend's limit. */
void
tpr_conn_release(struct tpr_dp *dp, struct tpr_conn *conn)
{
    if (!(conn->flags & TPR_CONN_RELEASED)) {
        conn->flags |= TPR_CONN_RELEASED;
        dp->records[conn->backend]->n_connections--;
    }
}

/* Adds 'conn' to the list of its object's. */
static void
join_object(struct tpr_dp *dp, struct tpr_shared *shared,
            struct tpr_conn *conn)
    OVS_REQUIRES(dp->mutex)
{
    const tpr_conn_no number = tpr_conn_number(&dp->table, conn);

    conn->prev_of_object = 0;
    conn->next_of_object = shared->conns;
    if (shared->conns) {
        dp->table.conns[shared->conns - 1].prev_of_object = number;
    }
    shared->conns = number;
}

static void
leave_object(struct tpr_dp *dp, struct tpr_shared *shared,
             const struct tpr_conn *conn)
    OVS_REQUIRES(dp->mutex)
{
    const tpr_conn_no next = conn->next_of_object;
    const tpr_conn_no prev = conn->prev_of_object;

    if (next) {
        dp->table.conns[next - 1].prev_of_object = prev;
    }
    if (prev) {
        dp->table.conns[prev - 1].next_of_object = next;
    } else {
        shared->conns = next;
    }
}

void
tpr_conn_remove(struct tpr_dp *dp, struct tpr_conn *conn)
{
    struct tpr_record *record = dp->records[conn->backend];

    tpr_conn_release(dp, conn);
    record->n_entries--;
    leave_object(dp, record->shared, conn);
    tpr_table_remove(&dp->table, conn);
    tpr_record_release(dp, record);
}

/* Fills in the key of the replies of 'record' to the client of 'p'. */
static struct tpr_reverse_key
reverse_key(const struct tpr_object *object, const struct tpr_record *record,
            const struct tpr_packet *p)
{
    return (struct tpr_reverse_key) {
        .backend = &record->addr,
        .client = &p->tuple.src,
        .backend_port = tpr_record_port(record, p->tuple.dport),
        .client_port = p->tuple.sport,
        .proto = p->tuple.proto,
        .scope = object->scope,
    };
}

/* Is there a connection with this reverse key?  One whose time is over, or
 * whose object is being deleted, has to go for the new one. */
static bool
reverse_in_use(struct tpr_dp *dp, const struct tpr_reverse_key *key,
               uint32_t now_ms)
    OVS_REQUIRES(dp->mutex)
{
    const struct tpr_match match = {
        .dp = dp, .addr = key->backend, .port = key->backend_port,
    };
    uint32_t seq;
    struct tpr_conn *conn = tpr_table_reverse(&dp->table, key,
                                              tpr_match_backend, &match,
                                              &seq);

    if (conn && (tpr_time_reached(now_ms, conn->expires)
                 || !tpr_object_get(dp, conn->redirect))) {
        tpr_conn_remove(dp, conn);
        conn = NULL;
    }
    return conn != NULL;
}

/* Removes connections whose time is over, looking at up to 'n'. */
static void
sweep(struct tpr_dp *dp, uint32_t n, uint32_t now_ms)
    OVS_REQUIRES(dp->mutex)
{
    struct tpr_table *t = &dp->table;

    for (n = MIN(n, t->fresh); n; n--) {
        struct tpr_conn *conn;

        t->sweep = t->sweep + 1 < t->fresh ? t->sweep + 1 : 0;
        conn = &t->conns[t->sweep];
        if (tpr_conn_used(conn)) {
            if (tpr_time_reached(now_ms, conn->expires)) {
                tpr_conn_remove(dp, conn);
            } else if (tpr_track_ended(conn->track.flags)) {
                tpr_conn_release(dp, conn);
            }
        }
    }
}

enum {
    SWEEP_FULL = 1024,          /* Looked at when there is no room, once in
                                 * a millisecond. */
    SWEEP_SLICE = 4096,         /* In each run, at least... */
    SWEEP_ROUND_MS = 1000,      /* ...or the whole table in so long... */
    SWEEP_PIECE = 64,           /* ...between pauses. */
    SWEEP_MS = 10,              /* Between runs at least. */
    FOLLOW_MS = 1000,           /* Between looks at the page's file. */
    PACE_MS = 250,              /* Between looks at all backends' packets. */
    PACE_PART = 64,             /* Backends between pauses. */
};

/* If a second is over for 'record', finds out how many packets it got in it,
 * one second's worth of them where somebody looks late. */
static void
pace(struct tpr_record *record, uint32_t now_ms)
{
    const uint32_t passed_ms = now_ms - record->paced_ms;
    uint64_t packets;

    if (tpr_record_conf(record)->max_pps && passed_ms >= 1000
        && passed_ms <= UINT32_MAX - 1000) {    /* Nobody was faster. */
        packets = __atomic_load_n(&record->packets, __ATOMIC_RELAXED);
        record->pps = MIN((packets - record->paced) * 1000 / passed_ms,
                          UINT32_MAX);
        record->paced = packets;
        record->paced_ms = now_ms;
    }
}

/* The same for all records. */
static void
pace_all(struct tpr_dp *dp, uint32_t now_ms)
    OVS_REQUIRES(dp->mutex)
{
    if (dp->has_paces && now_ms - dp->paced_ms >= PACE_MS) {
        dp->paced_ms = now_ms;
        for (uint32_t i = 0; i < dp->n_records; i++) {
            pace(dp->records[i], now_ms);
            if (!(i % PACE_PART)) {
                tpr_pause(dp);
            }
        }
    }
}

/* Sweeps as much as is due 'elapsed_ms' after the last time. */
static void
sweep_share(struct tpr_dp *dp, uint32_t elapsed_ms, uint32_t now_ms)
    OVS_REQUIRES(dp->mutex)
{
    const uint64_t fresh = dp->table.fresh;
    uint64_t left = MIN(fresh, MAX(SWEEP_SLICE, fresh * MIN(
                            elapsed_ms, SWEEP_ROUND_MS) / SWEEP_ROUND_MS));

    while (left) {
        const uint32_t n = MIN(left, SWEEP_PIECE);

        sweep(dp, n, now_ms);
        left -= n;
        tpr_pause(dp);
    }
}

/* Lets connections end whose time is over, a slice of the table at a time, and
 * looks after the liveness page.  Should be called often, by one thread. */
void
tpr_dp_run(struct tpr_dp *dp, uint32_t now_ms)
{
    const uint32_t elapsed_ms = now_ms - dp->swept_ms;

    __atomic_store_n(&dp->now_ms, now_ms, __ATOMIC_RELAXED);
    if (elapsed_ms >= SWEEP_MS) {
        dp->swept_ms = now_ms;
        ovs_mutex_lock(&dp->mutex);
        sweep_share(dp, elapsed_ms, now_ms);
        pace_all(dp, now_ms);
        ovs_mutex_unlock(&dp->mutex);
    }
    if (now_ms - dp->page_ms >= FOLLOW_MS) {
        dp->page_ms = now_ms;
        tpr_follow_page(dp);
    }
}

/* A placement finds no room: looks for connections that have ended, at
 * SWEEP_FULL entries in each millisecond, so that where all new ones meet a
 * limit, they do not each look through the table.  What has ended elsewhere in
 * a greater table counts until the sweep comes there, at the latest by
 * tpr_dp_run(): limits may refuse a connection too many, never let one in. */
static void
sweep_for_room(struct tpr_dp *dp, uint32_t now_ms)
    OVS_REQUIRES(dp->mutex)
{
    if (!dp->pressed || dp->pressed_ms != now_ms) {
        dp->pressed = true;
        dp->pressed_ms = now_ms;
        sweep(dp, SWEEP_FULL, now_ms);
    }
}

/* The client's side of 'conn', as its packet 'p' shows it. */
static void
learn_client(struct tpr_conn *conn, const struct tpr_packet *p,
             uint32_t in_port)
{
    conn->in_port = in_port;
    conn->tci = p->tci;
    memcpy(conn->client_mac, p->eth_src, sizeof conn->client_mac);
    memcpy(conn->vip_mac, p->eth_dst, sizeof conn->vip_mac);
}

static struct tpr_conn *
record_connection(struct tpr_dp *dp, struct tpr_object *object,
                  struct tpr_record *record, const struct tpr_packet *p,
                  const struct tpr_reverse_key *key, uint32_t in_port,
                  uint32_t now_ms)
    OVS_REQUIRES(dp->mutex)
{
    struct tpr_conn *inserted;
    struct tpr_conn conn = {
        .client = p->tuple.src,
        .hash_forward = tpr_hash_tuple(&p->tuple, dp->seed),
        .scope = object->scope,
        .redirect = object->dp_id,
        .backend = record->slot,
        .client_port = p->tuple.sport,
        .vip_port = p->tuple.dport,
        .proto = p->tuple.proto,
    };

    learn_client(&conn, p, in_port);
    tpr_track_forward(&conn.track, p);
    conn.expires = now_ms + object->r.timeouts[
        tpr_track_timeout(conn.track.flags, conn.proto)];
    record->n_connections++;
    record->n_entries++;
    __atomic_store_n(&record->kept, true,       /* Or it would not be */
                     __ATOMIC_RELAXED);         /* usable. */
    tpr_add(&record->total_connections, 1);
    inserted = tpr_table_insert(&dp->table, &conn, key);
    join_object(dp, object->shared, inserted);
    return inserted;
}

/* Chooses a backend whose reverse key is free; tells in 'why' which are not.
 * Returns its index, or -1. */
static int
choose(struct tpr_dp *dp, struct tpr_object *object,
       const struct tpr_packet *p, uint32_t now_ms, uint8_t *why,
       struct tpr_reverse_key *key)
    OVS_REQUIRES(dp->mutex)
{
    const uint32_t hash = tpr_hash_tuple(&p->tuple, dp->seed);
    uint32_t connections[TPR_MAX_REDIRECT_BACKENDS];
    int held = tpr_held(dp, object, &p->tuple.src, why, now_ms);

    tpr_count_connections(object, connections);
    for (;;) {
        int i = held >= 0 ? held : tpr_choose(
            &object->r, object->ring, object->shared->smooth, connections,
            why, hash);

        held = -1;
        if (i < 0) {
            return -1;
        }
        *key = reverse_key(object, object->records[i], p);
        if (!reverse_in_use(dp, key, now_ms)) {
            return i;
        }
        why[i] = TPR_WHY_COLLISION;
        tpr_count(dp, object, TPR_COUNTER_REV_COLLISION);
    }
}

static bool
any_limited(const struct tpr_object *object, const uint8_t *why)
{
    return memchr(why, TPR_WHY_LIMIT, object->r.n_backends) != NULL;
}

/* Do packets from 'b' reach the clients of 'r', who asked for port 'dport', as
 * they are? */
bool
tpr_needs_no_entry(const struct tpr_redirect *r,
                   const struct tpr_redirect_backend *b, uint16_t dport)
{
    return tpr_addr_equal(&b->addr, &r->vip)
           && (!b->l4_port || tpr_swap16(b->l4_port) == dport);
}

/* 'object' is stateless: the policy's choice for each packet.  Returns false
 * if none is usable. */
static bool
place_direct(struct tpr_dp *dp, struct tpr_object *object,
             const struct tpr_packet *p, uint8_t *why,
             struct tpr_placement *result)
    OVS_REQUIRES(dp->mutex)
{
    int i = tpr_choose(&object->r, object->ring, NULL, NULL, why,
                       tpr_hash_tuple(&p->tuple, dp->seed));

    if (i < 0) {
        return false;
    }
    result->record = object->records[i];
    result->conn = NULL;
    result->verdict = TPR_SEND;
    return true;
}

/* Without an entry: the ring's choice, so that the next packet goes to the
 * same backend as long as the same ones are usable.  Where replies would have
 * to be rewritten, which takes an entry, the packet is dropped.  Returns false
 * if none is usable. */
static bool
place_stateless(struct tpr_dp *dp, struct tpr_object *object,
                const struct tpr_packet *p, uint8_t *why,
                struct tpr_placement *result)
    OVS_REQUIRES(dp->mutex)
{
    struct tpr_redirect r = object->r;
    int i;

    r.policy = TPR_POLICY_MAGLEV;
    i = tpr_choose(&r, object->ring, NULL, NULL, why,
                   tpr_hash_tuple(&p->tuple, dp->seed));
    if (i < 0) {
        return false;
    }
    tpr_count(dp, object, TPR_COUNTER_TABLE_FULL);
    result->record = object->records[i];
    result->conn = NULL;
    result->verdict = (tpr_needs_no_entry(&object->r,
                                          tpr_record_conf(result->record),
                                          p->tuple.dport)
                       ? TPR_SEND : TPR_DROP);
    return true;
}

static void
place_none(struct tpr_dp *dp, struct tpr_object *object,
           struct tpr_placement *result)
{
    static const struct {
        enum tpr_verdict verdict;
        enum tpr_counter counter;
    } ways[] = {
        [TPR_ON_NONE_DROP] = { TPR_DROP, TPR_COUNTER_NONE_DROPPED },
        [TPR_ON_NONE_RESET] = { TPR_REPLY, TPR_COUNTER_NONE_RESET },
        [TPR_ON_NONE_PASS] = { TPR_PASS, TPR_COUNTER_NONE_PASSED },
    };

    result->verdict = ways[object->r.on_none].verdict;
    tpr_count(dp, object, ways[object->r.on_none].counter);
}

/* The half-open connection 'conn' has to go, for one of 'object'. */
static void
evict(struct tpr_dp *dp, struct tpr_object *object, struct tpr_conn *conn)
    OVS_REQUIRES(dp->mutex)
{
    tpr_count(dp, object, TPR_COUNTER_SYN_EVICTED);
    tpr_conn_remove(dp, conn);
}

/* Takes the new connection 'conn' into the half-open pool; another one may
 * have to go for it. */
static void
keep_syn(struct tpr_dp *dp, struct tpr_object *object, struct tpr_conn *conn,
         const struct tpr_packet *p, const struct tpr_frame *frame)
    OVS_REQUIRES(dp->mutex)
{
    uint8_t whole[TPR_SYN_MAX];
    const uint8_t *data = frame->data;
    struct tpr_conn *evicted;
    uint32_t len = (conn->proto == TPR_PROTO_TCP
                    && tpr_track_only_syn(conn->track.flags) ? frame->len : 0);

    if (frame->partial && len && len <= sizeof whole) {
        memcpy(whole, frame->data, len);
        tpr_complete_csum(whole, p);
        data = whole;
    }
    evicted = tpr_table_keep_syn(&dp->table, conn, data, len);
    if (evicted) {
        evict(dp, object, evicted);
    }
}

/* Finds a backend for the client's packet 'p', which has no connection, and
 * records one.  'frame' has its bytes as they came.  The result's verdict is
 * TPR_SEND, or what 'on_none' says. */
void
tpr_place(struct tpr_dp *dp, struct tpr_object *object,
          const struct tpr_packet *p, const struct tpr_frame *frame,
          uint32_t in_port, uint32_t now_ms, struct tpr_placement *result)
{
    uint8_t why[TPR_MAX_REDIRECT_BACKENDS];
    struct tpr_conn *victim = NULL;
    struct tpr_reverse_key key;
    int i;

    *result = (struct tpr_placement) { .verdict = TPR_DROP };
    for (int j = 0; dp->has_paces && j < object->r.n_backends; j++) {
        pace(object->records[j], now_ms);
    }
    tpr_why_all(dp, object, why);
    if (object->r.stateless) {
        if (!place_direct(dp, object, p, why, result)) {
            place_none(dp, object, result);
        }
        return;
    }
    if (any_limited(object, why)) {
        /* Some of what a limit counts may have ended. */
        sweep_for_room(dp, now_ms);
        tpr_why_all(dp, object, why);
        if (any_limited(object, why)) {
            tpr_count(dp, object, TPR_COUNTER_LIMITED);
        }
    }
    if (tpr_table_full(&dp->table)) {
        sweep_for_room(dp, now_ms);
    }
    if (tpr_table_full(&dp->table)) {
        victim = tpr_table_oldest_half_open(&dp->table);
        if (!victim) {
            if (!place_stateless(dp, object, p, why, result)) {
                place_none(dp, object, result);
            }
            return;
        }
    }
    i = choose(dp, object, p, now_ms, why, &key);
    if (i < 0) {
        place_none(dp, object, result);
        return;
    }
    if (tpr_table_full(&dp->table)) {
        /* Still there, and if it was answered meanwhile, by another thread,
         * there may be no other one. */
        evict(dp, object, victim);
    }
    result->verdict = TPR_SEND;
    result->record = object->records[i];
    result->conn = record_connection(dp, object, object->records[i], p, &key,
                                     in_port, now_ms);
    keep_syn(dp, object, result->conn, p, frame);
    if (object->r.affinity_ms) {
        tpr_affinity_note(dp->affinity, &p->tuple.src, object->shared->serial,
                          result->record->serial, now_ms);
    }
}
