/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The connections: see layout.h, and redirect-table.h for what is alike.
 *
 * Functions that say so are called with the lock held, where neither helpers
 * nor functions may be called: everything they need is in struct tables, and
 * everything here is inline.
 *
 * A connection that was freed is the last to be used again, and whoever found
 * one looks at its sequence number once more before it relies on it.  BPF has
 * no barrier that would order the two for certain on every processor; what
 * could come of it is one packet astray. */

#ifndef TPR_BPF_CONNS_H
#define TPR_BPF_CONNS_H 1

#include "maps.h"
#include "redirect-hash.h"

struct tables {
    tpr_bpf_no *heads;
    void *conns, *records, *syns, *frags;
    struct bpf_spin_lock *lock;
};

/* Finds all of them; false, which never happens, if one is missing. */
TPR_INLINE bool
tables_open(struct tables *t)
{
    struct tpr_lock *lock = VALUE_OF(tpr_locks);

    t->heads = VALUE_OF(tpr_heads);
    t->conns = VALUE_OF(tpr_conns);
    t->records = VALUE_OF(tpr_records);
    t->syns = VALUE_OF(tpr_syns);
    t->frags = VALUE_OF(tpr_frags);
    if (!lock || !t->heads || !t->conns || !t->records || !t->syns
        || !t->frags) {
        return false;
    }
    t->lock = &lock->lock;
    return true;
}

TPR_INLINE tpr_bpf_no *
forward_head(tpr_bpf_no *heads, uint32_t hash)
{
    return &heads[hash & tpr_sizes.mask];
}

TPR_INLINE tpr_bpf_no *
reverse_head(tpr_bpf_no *heads, uint32_t hash)
{
    return &heads[tpr_sizes.mask + 1 + (hash & tpr_sizes.mask)];
}

TPR_INLINE uint16_t
port_at(const struct tpr_redirect_backend *b, uint16_t port)
{
    return b->l4_port ? tpr_swap16(b->l4_port) : port;
}

/* ## Finding, with or without the lock. ## */

/* 0 if 'conn' is of that client and 'other', what else may differ, is 0.
 * Without a branch, for the verifier would follow each with every link of a
 * chain. */
TPR_INLINE uint32_t
conn_differs(const struct tpr_bpf_conn *conn, uint32_t other,
             const struct tpr_addr *client, uint16_t client_port,
             uint8_t proto)
{
    uint32_t differs = other | (conn->client.w[3] ^ client->w[3])
                       | (conn->client.w[2] ^ client->w[2])
                       | (conn->client.w[1] ^ client->w[1])
                       | (conn->client.w[0] ^ client->w[0])
                       | (uint32_t) (conn->client_port ^ client_port)
                       | (uint32_t) (conn->proto ^ proto);

    OPAQUE(differs);
    return differs;
}

/* The connection of a reverse tuple as the backend's packets have it; 0 if
 * there is none, TPR_BPF_NONE if the bucket is full of others. */
TPR_INLINE tpr_bpf_no
find_reverse(const struct tables *t, const struct tpr_tuple *tuple,
             uint32_t hash)
{
    tpr_bpf_no no = *reverse_head(t->heads, hash);

    for (int i = 0; i < TPR_BPF_CHAIN; i++) {
        const struct tpr_bpf_conn *conn = conn_at(t->conns, no);

        if (!conn) {
            return 0;
        }
        if (!conn_differs(conn, conn->hash_reverse ^ hash, &tuple->dst,
                          tuple->dport, tuple->proto)) {
            const struct tpr_bpf_record *record
                = record_at(t->records, conn->record);
            const struct tpr_redirect_backend *b;

            if (record) {
                b = conf_of(record);
                if (port_at(b, conn->vip_port) == tuple->sport
                    && tpr_addr_equal(&b->addr, &tuple->src)) {
                    return no;
                }
            }
        }
        no = conn->next_reverse;
    }
    return TPR_BPF_NONE;
}

/* ## Changing, with the lock. ## */

/* A backend has one connection less that counts. */
TPR_INLINE void
release(const struct tables *t, struct tpr_bpf_conn *conn)
{
    struct tpr_bpf_record *record = record_at(t->records, conn->record);

    if (record && !(conn->flags & TPR_BPF_RELEASED)) {
        conn->flags |= TPR_BPF_RELEASED;
        record->n_connections--;
    }
}

TPR_INLINE void
unlink_forward(const struct tables *t, const struct tpr_bpf_conn *conn)
{
    struct tpr_bpf_conn *next = conn_at(t->conns, conn->next_forward);
    struct tpr_bpf_conn *prev = conn_at(t->conns, conn->prev_forward);

    if (next) {
        next->prev_forward = conn->prev_forward;
    }
    if (prev) {
        prev->next_forward = conn->next_forward;
    } else {
        *forward_head(t->heads, conn->hash_forward) = conn->next_forward;
    }
}

TPR_INLINE void
unlink_reverse(const struct tables *t, const struct tpr_bpf_conn *conn)
{
    struct tpr_bpf_conn *next = conn_at(t->conns, conn->next_reverse);
    struct tpr_bpf_conn *prev = conn_at(t->conns, conn->prev_reverse);

    if (next) {
        next->prev_reverse = conn->prev_reverse;
    }
    if (prev) {
        prev->next_reverse = conn->next_reverse;
    } else {
        *reverse_head(t->heads, conn->hash_reverse) = conn->next_reverse;
    }
}

/* Removes 'conn', whose number is 'no'. */
TPR_INLINE void
remove_conn(const struct tables *t, struct tpr_bpf_conn *conn, tpr_bpf_no no)
{
    struct tpr_bpf_record *record = record_at(t->records, conn->record);
    struct tpr_bpf_conn *tail;

    release(t, conn);
    if (record) {
        record->n_entries--;
    }
    conn->seq |= 1;
    unlink_forward(t, conn);
    unlink_reverse(t, conn);
    conn->flags = 0;
    conn->next_forward = 0;
    tail = conn_at(t->conns, tpr_state.free_tail);
    if (tail) {
        tail->next_forward = no;
    } else {
        tpr_state.free_head = no;
    }
    tpr_state.free_tail = no;
    tpr_state.n--;
}

TPR_INLINE bool
is_full(void)
{
    return tpr_state.fresh >= tpr_limits.connections && !tpr_state.free_head;
}

/* The number of a free place, 0 if there is none. */
TPR_INLINE tpr_bpf_no
take_free(const struct tables *t)
{
    tpr_bpf_no no = tpr_state.free_head;
    struct tpr_bpf_conn *conn;

    if (tpr_state.fresh < tpr_limits.connections) {
        return ++tpr_state.fresh;
    }
    conn = conn_at(t->conns, no);
    if (!conn) {
        return 0;
    }
    tpr_state.free_head = conn->next_forward;
    if (!tpr_state.free_head) {
        tpr_state.free_tail = 0;
    }
    return no;
}

/* Makes 'conn', which is filled in, known by its hashes. */
TPR_INLINE void
link_conn(const struct tables *t, struct tpr_bpf_conn *conn, tpr_bpf_no no)
{
    tpr_bpf_no *forward = forward_head(t->heads, conn->hash_forward);
    tpr_bpf_no *reverse = reverse_head(t->heads, conn->hash_reverse);
    struct tpr_bpf_conn *next;

    conn->next_forward = *forward;
    conn->prev_forward = 0;
    conn->next_reverse = *reverse;
    conn->prev_reverse = 0;
    next = conn_at(t->conns, conn->next_forward);
    if (next) {
        next->prev_forward = no;
    }
    next = conn_at(t->conns, conn->next_reverse);
    if (next) {
        next->prev_reverse = no;
    }
    barrier();
    conn->seq++;                        /* Even: it is one. */
    barrier();
    *forward = no;
    *reverse = no;
    tpr_state.n++;
}

/* ## The half-open pool, with the lock. ## */

/* The connection in slot 'at' of the pool, which is 'syn', if it is still half
 * open; '*no' is its number then. */
TPR_INLINE struct tpr_bpf_conn *
half_open(const struct tables *t, const struct tpr_bpf_syn *syn, uint32_t at,
          tpr_bpf_no *no)
{
    struct tpr_bpf_conn *conn;

    *no = syn->conn;
    conn = conn_at(t->conns, *no);
    return (conn && conn->flags & TPR_BPF_USED && conn->half_open == at + 1
            && tpr_track_half_open(conn->track.flags) ? conn : NULL);
}

/* The connection that has waited for the longest time, or NULL if it does not
 * wait any more or there is none. */
TPR_INLINE struct tpr_bpf_conn *
longest_waiting(const struct tables *t, tpr_bpf_no *no)
{
    const uint32_t n = tpr_state.n_waiting;
    uint32_t at = tpr_state.next_syn;
    const struct tpr_bpf_syn *syn;

    at = at >= n ? at - n : at + tpr_limits.half_open - n;
    syn = AT(struct tpr_bpf_syn, t->syns, at, tpr_sizes.half_open);
    return n && syn ? half_open(t, syn, at, no) : NULL;
}

/* Gives 'conn' a slot of the pool, and says which, plus 1.  A connection which
 * that pushes out is removed if it is still half open; '*evicted' then. */
TPR_INLINE uint32_t
take_syn(const struct tables *t, struct tpr_bpf_conn *conn, tpr_bpf_no no,
         uint32_t *evicted)
{
    const uint32_t at = tpr_state.next_syn;
    struct tpr_bpf_syn *syn = AT(struct tpr_bpf_syn, t->syns, at,
                                 tpr_sizes.half_open);
    struct tpr_bpf_conn *old;
    tpr_bpf_no old_no;

    if (!syn) {
        tpr_state.next_syn = 0;
        return 0;
    }
    tpr_state.next_syn = at + 1 < tpr_limits.half_open ? at + 1 : 0;
    if (tpr_state.n_waiting < tpr_limits.half_open) {
        tpr_state.n_waiting++;
    }
    old = half_open(t, syn, at, &old_no);
    if (old && old_no != no) {
        remove_conn(t, old, old_no);
        ++*evicted;
    }
    syn->conn = no;
    syn->len = 0;
    syn->partial = syn->judged = 0;
    conn->half_open = at + 1;
    return at + 1;
}

/* ## Fragments, with the lock. ## */

TPR_INLINE uint32_t
frag_hash(const struct tpr_packet *p)
{
    struct tpr_tuple key = p->tuple;

    key.sport = (uint16_t) (p->frag_id >> 16);
    key.dport = (uint16_t) p->frag_id;
    return tpr_hash_tuple(&key, tpr_limits.seed)
           % (TPR_BPF_FRAGS / TPR_BPF_FRAG_WAYS) * TPR_BPF_FRAG_WAYS;
}

TPR_INLINE bool
frag_equal(const struct tpr_bpf_frag *f, const struct tpr_packet *p,
           bool reverse)
{
    return f->conn && f->id == p->frag_id && f->proto == p->tuple.proto
           && f->reverse == reverse
           && tpr_addr_equal(&f->src, &p->tuple.src)
           && tpr_addr_equal(&f->dst, &p->tuple.dst);
}

/* Notes that 'p', a first fragment, belongs to connection 'no', or with
 * TPR_BPF_NONE that it passed.  Returns true if that pushed out another that
 * still waited. */
TPR_INLINE bool
frag_add(struct tpr_bpf_frag *set, const struct tpr_packet *p, bool reverse,
         tpr_bpf_no no, uint32_t seq, uint32_t now_ms)
{
    uint32_t best = 0;
    bool evicted = true;

    for (uint32_t i = 0; i < TPR_BPF_FRAG_WAYS; i++) {
        if (frag_equal(&set[i], p, reverse) || !set[i].conn
            || tpr_bpf_reached(now_ms, set[i].expires)) {
            best = i;
            evicted = false;
            break;
        } else if (tpr_bpf_reached(set[best & 3].expires, set[i].expires)) {
            best = i;
        }
    }
    set += best & 3;
    set->src = p->tuple.src;
    set->dst = p->tuple.dst;
    set->id = p->frag_id;
    set->conn = no;
    set->conn_seq = seq;
    set->expires = now_ms + TPR_BPF_FRAG_MS;
    set->proto = p->tuple.proto;
    set->reverse = reverse;
    return evicted;
}

#endif /* conns.h */
