/* SPDX-License-Identifier: Apache-2.0 */

/* The connections of a datapath: see redirect-table.h. */

#include <config.h>
#include "redirect-table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "redirect-hash.h"
#include "util.h"

BUILD_ASSERT_DECL(sizeof(struct tpr_conn) <= 112);
/* An entry and two heads of buckets: at most 128 bytes a connection, even
 * right after a power of 2, where there are two buckets for each. */
BUILD_ASSERT_DECL(sizeof(struct tpr_conn) + 2 * 2 * sizeof(tpr_conn_no)
                  <= 128);
BUILD_ASSERT_DECL(sizeof(struct tpr_syn) == 128);

static uint32_t
load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void
store(uint32_t *p, uint32_t value)
{
    __atomic_store_n(p, value, __ATOMIC_RELAXED);
}

/* Returns an array of 'n' zeroed things of 'size' bytes, to be freed with
 * free_pagealign().  Its memory is there from the start, in large pages where
 * the system has them: else each new connection would wait for some page. */
static void *
new_array(size_t n, size_t size)
{
    void *array;

    if (n > SIZE_MAX / size) {
        out_of_memory();
    }
    array = xmalloc_pagealign(n * size);

#ifdef MADV_HUGEPAGE
    madvise(array, n * size, MADV_HUGEPAGE);
#endif
    memset(array, 0, n * size);
    return array;
}

/* Makes 't' an empty table for 'capacity' connections, whose pool keeps
 * 'n_syns' SYNs; both at least 1.  'seed' is the secret of its hashes. */
void
tpr_table_init(struct tpr_table *t, uint32_t capacity, uint32_t n_syns,
               uint32_t seed)
{
    uint32_t n_buckets = 1;

    while (n_buckets < capacity) {
        n_buckets *= 2;
    }
    *t = (struct tpr_table) {
        .capacity = capacity,
        .mask = n_buckets - 1,
        .seed = seed,
        .forward = new_array(n_buckets, sizeof *t->forward),
        .reverse = new_array(n_buckets, sizeof *t->reverse),
        .conns = new_array(capacity, sizeof *t->conns),
        .syns = new_array(n_syns, sizeof *t->syns),
        .links = xcalloc(n_syns, sizeof *t->links),
        .n_syns = n_syns,
        .frags = xcalloc(TPR_N_FRAGS, sizeof *t->frags),
    };
}

void
tpr_table_destroy(struct tpr_table *t)
{
    free_pagealign(t->forward);
    free_pagealign(t->reverse);
    free_pagealign(t->conns);
    free_pagealign(t->syns);
    free(t->links);
    free(t->frags);
}

/* Bytes that 't' has allocated for connections. */
uint64_t
tpr_table_memory(const struct tpr_table *t)
{
    return t->capacity * sizeof *t->conns
           + ((uint64_t) t->mask + 1) * 2 * sizeof *t->forward;
}

/* Follows a chain.  Returns the first entry that 'equal' finds, or NULL.
 *
 * An entry is judged between two looks at its sequence number; one that
 * changes hands meanwhile, or is found in another bucket, was moved under our
 * feet: the chain is followed anew.  Each time the writer has done something,
 * since no chain leads to an entry that is changing hands; a reader that finds
 * no end of that gives up. */
struct chain {
    const struct tpr_table *t;
    const tpr_conn_no *head;
    uint32_t bucket;
    bool is_reverse;
};

enum { MAX_RETRIES = 100 };

static inline __attribute__((always_inline)) struct tpr_conn *
follow(const struct chain *c,
       bool (*equal)(const struct tpr_conn *, const void *key),
       const void *key, tpr_conn_match *match, const void *aux,
       uint32_t *seqp)
{
    unsigned int retries = 0;

again:;
    tpr_conn_no number = load(c->head);

    while (number) {
        struct tpr_conn *conn = &c->t->conns[number - 1];
        uint32_t seq = __atomic_load_n(&conn->seq, __ATOMIC_ACQUIRE);
        uint32_t hash = load(c->is_reverse ? &conn->hash_reverse
                             : &conn->hash_forward);
        bool found = equal(conn, key) && (!match || match(conn, aux));
        tpr_conn_no next = load(c->is_reverse ? &conn->next_reverse
                                : &conn->next_forward);

        if (OVS_UNLIKELY(seq & 1 || (hash & c->t->mask) != c->bucket
                         || !tpr_conn_unchanged(conn, seq))) {
            if (++retries > MAX_RETRIES) {
                *seqp = TPR_SEQ_UNSURE;
                return NULL;
            }
            goto again;
        } else if (found) {
            *seqp = seq;
            return conn;
        }
        number = next;
    }
    *seqp = 0;
    return NULL;
}

struct forward_key {
    const struct tpr_tuple *tuple;
    uint32_t scope, hash;
};

static inline bool
equal_forward(const struct tpr_conn *conn, const void *key_)
{
    const struct forward_key *key = key_;
    const struct tpr_tuple *t = key->tuple;

    return conn->hash_forward == key->hash && conn->client_port == t->sport
           && conn->vip_port == t->dport && conn->proto == t->proto
           && conn->scope == key->scope
           && tpr_addr_equal(&conn->client, &t->src);
}

/* Returns the connection of a client's packet with 'tuple' and its 'hash',
 * and stores in '*seq' what tpr_conn_unchanged() wants.  'match' decides what
 * the table does not know: the VIP.
 *
 * Returns NULL if there is none; or, with TPR_SEQ_UNSURE in '*seq', if the
 * writer was in the way: the caller should look again as the writer. */
struct tpr_conn *
tpr_table_forward(const struct tpr_table *t, const struct tpr_tuple *tuple,
                  uint32_t scope, uint32_t hash, tpr_conn_match *match,
                  const void *aux, uint32_t *seq)
{
    const struct forward_key key = { tuple, scope, hash };
    const uint32_t bucket = hash & t->mask;
    const struct chain chain = { t, &t->forward[bucket], bucket, false };

    return follow(&chain, equal_forward, &key, match, aux, seq);
}

struct object_key {
    struct forward_key forward;
    uint32_t redirect;
};

static inline bool
equal_object(const struct tpr_conn *conn, const void *key_)
{
    const struct object_key *key = key_;

    return conn->redirect == key->redirect
           && equal_forward(conn, &key->forward);
}

/* The same among the connections of the object 'redirect', which has one
 * VIP. */
struct tpr_conn *
tpr_table_forward_of(const struct tpr_table *t, const struct tpr_tuple *tuple,
                     uint32_t scope, uint32_t hash, uint32_t redirect,
                     uint32_t *seq)
{
    const struct object_key key = { { tuple, scope, hash }, redirect };
    const uint32_t bucket = hash & t->mask;
    const struct chain chain = { t, &t->forward[bucket], bucket, false };

    return follow(&chain, equal_object, &key, NULL, NULL, seq);
}

static uint32_t
hash_reverse(const struct tpr_table *t, const struct tpr_reverse_key *key)
{
    const struct tpr_tuple tuple = {
        .src = *key->backend,
        .dst = *key->client,
        .sport = key->backend_port,
        .dport = key->client_port,
        .proto = key->proto,
    };

    return tpr_hash_tuple(&tuple, t->seed);
}

struct reverse_key {
    const struct tpr_reverse_key *key;
    uint32_t hash;
};

static inline bool
equal_reverse(const struct tpr_conn *conn, const void *key_)
{
    const struct reverse_key *k = key_;

    return conn->hash_reverse == k->hash
           && conn->client_port == k->key->client_port
           && conn->proto == k->key->proto
           && conn->scope == k->key->scope
           && tpr_addr_equal(&conn->client, k->key->client);
}

/* The same from the backend's side.  'match' compares the backend. */
struct tpr_conn *
tpr_table_reverse(const struct tpr_table *t,
                  const struct tpr_reverse_key *key, tpr_conn_match *match,
                  const void *aux, uint32_t *seq)
{
    const struct reverse_key k = { key, hash_reverse(t, key) };
    const uint32_t bucket = k.hash & t->mask;
    const struct chain chain = { t, &t->reverse[bucket], bucket, true };

    return follow(&chain, equal_reverse, &k, match, aux, seq);
}

/* Somebody is going to ask for the connection with this reverse key. */
void
tpr_table_expect_reverse(const struct tpr_table *t,
                         const struct tpr_reverse_key *key)
{
    OVS_PREFETCH(&t->reverse[hash_reverse(t, key) & t->mask]);
}

/* Writer: is no entry left? */
bool
tpr_table_full(const struct tpr_table *t)
{
    return t->fresh >= t->capacity && !t->free_head;
}

static struct tpr_conn *
take_free(struct tpr_table *t)
{
    if (t->fresh < t->capacity) {
        return &t->conns[t->fresh++];
    } else if (t->free_head) {
        struct tpr_conn *conn = &t->conns[t->free_head - 1];

        t->free_head = conn->next_forward;
        if (!t->free_head) {
            t->free_tail = 0;
        }
        return conn;
    }
    return NULL;
}

static void
give_free(struct tpr_table *t, struct tpr_conn *conn)
{
    const tpr_conn_no number = tpr_conn_number(t, conn);

    store(&conn->next_forward, 0);
    if (t->free_tail) {
        store(&t->conns[t->free_tail - 1].next_forward, number);
    } else {
        t->free_head = number;
    }
    t->free_tail = number;
}

/* From here on, and while nobody has it, nobody may rely on 'conn': its
 * sequence number is odd. */
static void
begin_change(struct tpr_conn *conn)
{
    __atomic_store_n(&conn->seq, conn->seq | 1, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void
end_change(struct tpr_conn *conn)
{
    __atomic_store_n(&conn->seq, conn->seq + 1, __ATOMIC_RELEASE);
}

/* Writer: adds a connection like 'init', whose replies have 'reverse'; neither
 * side may be in the table.  'init' is complete but for the sequence number,
 * the chains and the reverse hash, which are the table's: readers find the
 * entry at once.  Returns it, or NULL if the table is full. */
struct tpr_conn *
tpr_table_insert(struct tpr_table *t, const struct tpr_conn *init,
                 const struct tpr_reverse_key *reverse)
{
    struct tpr_conn *conn = take_free(t);

    if (!conn) {
        return NULL;
    }

    const uint32_t reverse_hash = hash_reverse(t, reverse);
    tpr_conn_no *forward_head = &t->forward[init->hash_forward & t->mask];
    tpr_conn_no *reverse_head = &t->reverse[reverse_hash & t->mask];

    struct tpr_conn new = *init;

    new.seq = conn->seq | 1;
    new.next_forward = *forward_head;
    new.next_reverse = *reverse_head;
    new.hash_reverse = reverse_hash;
    begin_change(conn);
    *conn = new;
    end_change(conn);
    __atomic_store_n(forward_head, tpr_conn_number(t, conn),
                     __ATOMIC_RELEASE);
    __atomic_store_n(reverse_head, tpr_conn_number(t, conn),
                     __ATOMIC_RELEASE);
    t->n++;
    return conn;
}

static void
unlink_from(struct tpr_table *t, tpr_conn_no *head, struct tpr_conn *conn,
            bool is_reverse)
{
    const tpr_conn_no number = tpr_conn_number(t, conn);
    const tpr_conn_no next = (is_reverse ? conn->next_reverse
                              : conn->next_forward);

    while (*head != number) {
        struct tpr_conn *other = &t->conns[*head - 1];

        head = is_reverse ? &other->next_reverse : &other->next_forward;
    }
    __atomic_store_n(head, next, __ATOMIC_RELEASE);
}

/* Writer: removes 'conn'.  It leaves both chains before it changes hands:
 * whoever follows one does not have to wait for a writer that was
 * interrupted. */
void
tpr_table_remove(struct tpr_table *t, struct tpr_conn *conn)
{
    tpr_table_leave_pool(t, conn);
    unlink_from(t, &t->forward[conn->hash_forward & t->mask], conn, false);
    unlink_from(t, &t->reverse[conn->hash_reverse & t->mask], conn, true);
    begin_change(conn);
    conn->redirect = UINT32_MAX;
    give_free(t, conn);
    t->n--;
}

/* ## Half-open pool. ## */

/* Writer: the backend has said something to 'conn', or it is over: it waits no
 * more. */
void
tpr_table_leave_pool(struct tpr_table *t, struct tpr_conn *conn)
{
    const uint32_t slot = conn->half_open;

    if (slot) {
        struct tpr_syn_link *link = &t->links[slot - 1];

        *(link->prev ? &t->links[link->prev - 1].next : &t->oldest)
            = link->next;
        *(link->next ? &t->links[link->next - 1].prev : &t->newest)
            = link->prev;
        link->next = t->free_syn;
        t->free_syn = slot;
        store(&conn->half_open, 0);
    }
}

/* Writer: the connection that has been half open for the longest time, or
 * NULL.  One that was answered this very moment may still be there. */
struct tpr_conn *
tpr_table_oldest_half_open(struct tpr_table *t)
{
    while (t->oldest) {
        struct tpr_conn *conn = &t->conns[t->syns[t->oldest - 1].conn - 1];

        if (tpr_track_half_open(conn->track.flags)) {
            return conn;
        }
        tpr_table_leave_pool(t, conn);
    }
    return NULL;
}

static uint32_t
take_syn_slot(struct tpr_table *t)
{
    const uint32_t slot = t->free_syn;

    if (slot) {
        t->free_syn = t->links[slot - 1].next;
        return slot;
    }
    return t->fresh_syn < t->n_syns ? ++t->fresh_syn : 0;
}

/* Writer: takes 'conn', which is new, into the pool, with its SYN in the 'len'
 * bytes at 'frame'; 0: it has none.  If the pool is full of half-open ones,
 * the oldest has to leave it: returns that, for the caller to remove; else
 * NULL. */
struct tpr_conn *
tpr_table_keep_syn(struct tpr_table *t, struct tpr_conn *conn,
                   const void *frame, uint32_t len)
{
    struct tpr_conn *old = NULL;
    uint32_t slot = take_syn_slot(t);
    struct tpr_syn *syn;

    if (!slot) {
        old = tpr_table_oldest_half_open(t);
        slot = take_syn_slot(t);        /* Of one that was answered. */
        if (slot) {
            old = NULL;
        } else {
            tpr_table_leave_pool(t, old);
            slot = take_syn_slot(t);
        }
    }
    t->links[slot - 1] = (struct tpr_syn_link) { .prev = t->newest };
    *(t->newest ? &t->links[t->newest - 1].next : &t->oldest) = slot;
    t->newest = slot;

    syn = &t->syns[slot - 1];
    syn->conn = tpr_conn_number(t, conn);
    syn->len = 0;
    if (len <= TPR_SYN_MAX) {
        memcpy(syn->data, frame, len);
        syn->len = len;
    }
    store(&conn->half_open, slot);
    return old;
}

/* Writer: the SYN that was kept for 'conn', or NULL. */
const struct tpr_syn *
tpr_table_syn(const struct tpr_table *t, const struct tpr_conn *conn)
{
    const struct tpr_syn *syn;

    if (!conn->half_open) {
        return NULL;
    }
    syn = &t->syns[conn->half_open - 1];
    return syn->len ? syn : NULL;
}

/* ## Fragments. ## */

static struct tpr_frag_entry *
frag_set(const struct tpr_table *t, const struct tpr_packet *p)
{
    struct tpr_tuple key = p->tuple;

    key.sport = (uint16_t) (p->frag_id >> 16);
    key.dport = (uint16_t) p->frag_id;
    return &t->frags[tpr_hash_tuple(&key, t->seed)
                     % (TPR_N_FRAGS / TPR_FRAG_WAYS) * TPR_FRAG_WAYS];
}

static bool
frag_equal(const struct tpr_frag_entry *f, const struct tpr_packet *p,
           uint32_t scope, bool reverse)
{
    return f->conn && f->id == p->frag_id && f->scope == scope
           && f->proto == p->tuple.proto && f->reverse == reverse
           && tpr_addr_equal(&f->src, &p->tuple.src)
           && tpr_addr_equal(&f->dst, &p->tuple.dst);
}

/* Writer: notes that 'p', a first fragment, belongs to 'conn', or with NULL
 * that it passed.  Returns true if that pushed out another that still
 * waited. */
bool
tpr_table_add_frag(struct tpr_table *t, const struct tpr_packet *p,
                   uint32_t scope, bool reverse, const struct tpr_conn *conn,
                   uint32_t now_ms)
{
    struct tpr_frag_entry *set = frag_set(t, p);
    struct tpr_frag_entry *f = set;
    bool evicted;

    for (int i = 0; i < TPR_FRAG_WAYS; i++) {
        if (frag_equal(&set[i], p, scope, reverse)
            || !set[i].conn || tpr_time_reached(now_ms, set[i].expires)) {
            f = &set[i];
            break;
        } else if (tpr_time_reached(f->expires, set[i].expires)) {
            f = &set[i];
        }
    }
    evicted = (f->conn && !tpr_time_reached(now_ms, f->expires)
               && !frag_equal(f, p, scope, reverse));
    *f = (struct tpr_frag_entry) {
        .src = p->tuple.src,
        .dst = p->tuple.dst,
        .id = p->frag_id,
        .scope = scope,
        .conn = conn ? tpr_conn_number(t, conn) : TPR_FRAG_PASSED,
        .conn_seq = conn ? conn->seq : 0,
        .expires = now_ms + TPR_FRAG_MS,
        .proto = p->tuple.proto,
        .reverse = reverse,
    };
    return evicted;
}

/* Writer: the connection that the later fragment 'p' belongs to, or NULL;
 * '*passed' is then whether its first fragment passed. */
struct tpr_conn *
tpr_table_find_frag(struct tpr_table *t, const struct tpr_packet *p,
                    uint32_t scope, bool reverse, uint32_t now_ms,
                    bool *passed)
{
    struct tpr_frag_entry *set = frag_set(t, p);

    *passed = false;
    for (int i = 0; i < TPR_FRAG_WAYS; i++) {
        struct tpr_frag_entry *f = &set[i];

        if (frag_equal(f, p, scope, reverse)
            && !tpr_time_reached(now_ms, f->expires)) {
            struct tpr_conn *conn;

            *passed = f->conn == TPR_FRAG_PASSED;
            conn = *passed ? NULL : &t->conns[f->conn - 1];
            return conn && conn->seq == f->conn_seq ? conn : NULL;
        }
    }
    return NULL;
}
