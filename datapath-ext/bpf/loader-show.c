/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What people see of the programs' connections and choices: see loader.h.
 * Nothing is changed by looking. */

#include <config.h>
#include "loader-private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "redirect-choose.h"
#include "redirect-hash.h"
#include "util.h"

/* Copies the connection at 'place' to '*conn', whole, if there is one. */
static bool
copy_connection(const struct tpr_bpf *b, uint32_t place,
                struct tpr_bpf_conn *conn)
{
    const struct tpr_bpf_conn *c = &VALUE(b, conns,
                                          struct tpr_bpf_conn)[place];
    const uint32_t seq = __atomic_load_n(&c->seq, __ATOMIC_ACQUIRE);

    if (seq & 1) {
        return false;
    }
    *conn = *c;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&c->seq, __ATOMIC_RELAXED) == seq
           && (conn->flags & TPR_BPF_USED)
           && conn->record < b->sizes.records;
}

static void
view_connection(const struct tpr_bpf *b, const struct tpr_bpf_conn *conn,
                const struct tpr_redirect *r, uint32_t now_ms,
                struct tpr_conn_view *view)
{
    const struct tpr_redirect_backend *conf = tpr_bpf_conf(b, conn->record);
    const int32_t left = (int32_t) (conn->expires - now_ms);
    const int32_t timeout = (int32_t) r->timeouts[
        tpr_track_timeout(conn->track.flags, conn->proto)];

    *view = (struct tpr_conn_view) {
        .redirect = conn->object,
        .proto = conn->proto,
        .client = conn->client,
        .vip = r->vip,
        .backend = conf->addr,
        .client_port = tpr_swap16(conn->client_port),
        .vip_port = tpr_swap16(conn->vip_port),
        .backend_port = (conf->l4_port ? conf->l4_port
                         : tpr_swap16(conn->vip_port)),
        .in_port = conn->in_port,
        .region = conf->region,
        .word = conf->word,
        .state = tpr_track_state(conn->track.flags, conn->proto),
        .idle_ms = MAX(0, timeout - left),
        .expires_ms = MAX(0, left),
    };
}

static const struct loaded *
find_loaded(const struct tpr_bpf *b, uint32_t id)
{
    return (id < b->sizes.objects && b->loaded[id].created_ms
            ? &b->loaded[id] : NULL);
}

/* Calls 'cb' for each connection of object 'id' that has not expired at
 * 'now_ms'.  Of what comes and goes meanwhile, some is seen. */
void
tpr_bpf_each_connection(struct tpr_bpf *b, uint32_t id, uint32_t now_ms,
                        tpr_bpf_conn_cb *cb, void *aux)
{
    const struct loaded *l = find_loaded(b, id);
    uint32_t n = __atomic_load_n(&b->state->fresh, __ATOMIC_RELAXED);

    for (uint32_t i = 0; l && i < MIN(n, b->sizes.connections); i++) {
        struct tpr_conn_view view;
        struct tpr_bpf_conn conn;

        if (copy_connection(b, i, &conn) && conn.object == id
            && !tpr_bpf_reached(now_ms, conn.expires)) {
            view_connection(b, &conn, &l->r, now_ms, &view);
            cb(aux, &view);
        }
    }
}

/* The index of the backend that 'client' is to have by affinity at 'now_ms',
 * as place.h has it; -1: none. */
static int
held_index(struct tpr_bpf *b, const struct loaded *l,
           const struct tpr_addr *client, uint32_t now_ms, const uint8_t *why)
{
    const struct tpr_bpf_holder key = {
        .client = *client,
        .object = l->serial,
    };
    struct tpr_bpf_held held;

    if (!l->r.affinity_ms
        || bpf_map_lookup_elem(tpr_bpf_map(b, "tpr_holders"), &key, &held)
        || !tpr_affinity_holds(held.noted_ms, now_ms, l->r.affinity_ms)) {
        return -1;
    }
    for (int i = 0; i < l->r.n_backends; i++) {
        if (tpr_bpf_record(b, l->records[i])->serial == held.record) {
            return why[i] == TPR_WHY_OK ? i : -1;
        }
    }
    return -1;
}

/* Finds out whom object 'id' would give a new connection with 'tuple' at
 * 'now_ms'.  Returns 0 or ENOENT. */
int
tpr_bpf_choose(struct tpr_bpf *b, uint32_t id, const struct tpr_tuple *tuple,
               uint32_t now_ms, struct tpr_bpf_choice *choice)
{
    const struct loaded *l = find_loaded(b, id);
    uint32_t hash = tpr_hash_tuple(tuple, b->limits->seed);
    uint32_t connections[TPR_MAX_REDIRECT_BACKENDS];
    struct tpr_ring ring = { .size = 0 };
    int32_t *smooth;

    if (!l) {
        return ENOENT;
    }
    smooth = xcalloc(MAX(1, l->r.n_backends), sizeof *smooth);
    for (int i = 0; i < l->r.n_backends; i++) {
        choice->why[i] = tpr_bpf_why(b, l->records[i]);
        smooth[i] = VALUE(b, lists, struct tpr_bpf_entry)[l->list + i].smooth;
        connections[i] = VALUE(b, records, struct tpr_bpf_record)[
            l->records[i]].n_connections;
    }
    if (l->ring) {
        ring.size = l->ring->size;
        ring.slot = &VALUE(b, rings, uint16_t)[l->ring->first];
    }
    choice->chosen = held_index(b, l, &tuple->src, now_ms, choice->why);
    choice->held = choice->chosen >= 0;
    if (!choice->held) {
        choice->chosen = tpr_choose(&l->r, l->ring ? &ring : NULL, smooth,
                                    connections, choice->why, hash);
    }
    choice->ring_size = l->r.policy == TPR_POLICY_MAGLEV ? ring.size : 0;
    choice->slot = choice->ring_size ? hash % choice->ring_size : 0;
    free(smooth);
    return 0;
}
