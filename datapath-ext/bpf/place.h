/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Who gets a new connection: the policies of redirect-choose.h, in steps that
 * the verifier can follow.
 *
 * One attempt says first why each backend may not be given a connection and
 * chooses one; the turns of the round-robin policies are taken with the lock.
 * Then, with the lock, it looks at the limit and the reverse key and writes
 * the connection down.  What it finds in its way there makes it one attempt
 * of several. */

#ifndef TPR_BPF_PLACE_H
#define TPR_BPF_PLACE_H 1

#include "redirect-choose.h"
#include "conns.h"

/* A verdict on the way: a connection is to be placed, in place of w->conn. */
enum { WAY_PLACE = 255 };

/* One packet and what becomes of it.  It is in a map, for the functions that
 * hand it to each other are verified one by one. */
struct way {
    struct tpr_packet p;
    uint32_t in_port, now_ms, len;
    uint32_t hash;              /* Of the forward tuple. */
    uint32_t id;                /* Object: to place with, or the
                                 * connection's. */
    tpr_bpf_no conn;            /* 0: none. */
    uint32_t seq;               /* Its. */
    uint32_t record;            /* TPR_SEND. */
    uint32_t syn;               /* Where to keep the packet, plus 1. */
    uint32_t evicted;           /* Connections that went for this one. */
    uint32_t held;              /* Serial of the record that the client is to
                                 * have by affinity; 0: none. */
    uint8_t verdict;            /* enum tpr_verdict, or WAY_PLACE. */
    uint8_t reverse;            /* TPR_SEND: to the client. */
    uint8_t passed;             /* A later fragment, whose first one passed. */
    uint8_t control;            /* The control program's, not a packet's. */
};

/* One for packets, one for the control program. */
enum { WAY_PACKET, WAY_CONTROL, WAY_N };

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __type(key, uint32_t);
    __type(value, struct way);
    __uint(max_entries, WAY_N);
} tpr_ways SEC(".maps");

enum attempt { ATTEMPT_DONE, ATTEMPT_AGAIN, ATTEMPT_NONE, ATTEMPT_FULL,
               ATTEMPT_COLLIDED };

/* What the loops of one attempt know. */
struct choice {
    uint32_t list, n;
    uint32_t ring, ring_size, at;
    uint32_t best;              /* Index of a backend, or TPR_BPF_NONE. */
    uint32_t slot;              /* Maglev's. */
    uint16_t priority;          /* That takes part. */
    uint8_t again;              /* Collisions that were found count. */
    uint8_t limited;            /* A backend is, or more. */
    uint32_t control;           /* As struct way's. */
    uint32_t least_n;           /* Of those that take part, the one with the */
    uint16_t least_weight;      /* fewest connections per weight. */
    uint8_t by_connections;     /* The policy asks for it. */
    uint8_t fast;               /* A backend has its limit of packets/s. */
    uint8_t weighted;           /* Turns go by weight... */
    uint8_t spills;             /* ...and to all priorities. */
    uint16_t any_pps;           /* That limit does not count. */
    uint32_t now_ms;
    uint32_t held_serial;       /* As struct way's 'held'; */
    uint32_t held;              /* its index, or TPR_BPF_NONE: it may not be
                                 * given one.  No padding. */
};

_Static_assert(WAY_PACKET == 0 && WAY_CONTROL == 1, "see struct way");

TPR_INLINE struct tpr_scratch *
scratch_of(const struct choice *c)
{
    const uint32_t key = c->control;    /* No branch, no second way. */

    return bpf_map_lookup_elem(&tpr_scratches, &key);
}

TPR_INLINE uint8_t *
why_at(struct tpr_scratch *scratch, uint32_t i)
{
    return &scratch->why[i & (TPR_MAX_REDIRECT_BACKENDS - 1)];
}

TPR_INLINE uint32_t *
connections_at(struct tpr_scratch *scratch, uint32_t i)
{
    return &scratch->connections[i & (TPR_MAX_REDIRECT_BACKENDS - 1)];
}

TPR_INLINE struct tpr_bpf_entry *
entry_at(void *lists, const struct choice *c, uint32_t i)
{
    return AT(struct tpr_bpf_entry, lists, c->list + i, tpr_sizes.lists);
}

/* Does 'record', with configuration 'b', get as many packets/s as it may? */
TPR_INLINE bool
is_fast(const struct tpr_bpf_record *record,
        const struct tpr_redirect_backend *b, uint32_t now_ms)
{
    return tpr_is_fast(record->pps, record->limited_packets - record->paced,
                       b->max_pps)
           && now_ms - record->pps_ms < TPR_BPF_PPS_MS;
}

/* Why not backend 'i'? */
static long
judge(uint32_t i, struct choice *c)
{
    struct tpr_scratch *scratch = scratch_of(c);
    struct tpr_bpf_entry *entry = entry_at(VALUE_OF(tpr_lists), c, i);
    struct tpr_page *page = VALUE_OF(tpr_page);
    struct tpr_bpf_record *record
        = entry ? record_at(VALUE_OF(tpr_records), entry->record) : NULL;
    const struct tpr_redirect_backend *b;
    uint32_t n;
    uint8_t *why;

    if (!scratch || !page || !record) {
        return 1;
    }
    why = why_at(scratch, i);
    if (c->again && *why == TPR_WHY_COLLISION) {
        return 0;
    }
    n = c->by_connections ? record->n_connections : 0;
    *connections_at(scratch, i) = n;
    b = conf_of(record);
    *why = TPR_WHY_DOWN;
    if (!is_usable(b, page)) {
        return 0;
    } else if (b->max_connections
               && record->n_connections >= b->max_connections) {
        *why = TPR_WHY_LIMIT;
        c->limited = 1;
        return 0;
    } else if (!c->any_pps && is_fast(record, b, c->now_ms)) {
        *why = TPR_WHY_RATE;
        c->fast = 1;
        return 0;
    }
    *why = TPR_WHY_OK;
    if (record->serial == c->held_serial) {
        c->held = i;
    }
    if (c->best == TPR_BPF_NONE || entry->priority < c->priority) {
        c->best = i;
        c->priority = entry->priority;
        c->least_n = n;
        c->least_weight = entry->weight;
    } else if (entry->priority == c->priority
               && tpr_heavier(n, entry->weight, c->least_n,
                              c->least_weight) < 0) {
        c->least_n = n;
        c->least_weight = entry->weight;
    }
    return 0;
}

/* Is the ring's next slot one that takes part? */
static long
turn_ring(uint32_t i, struct choice *c)
{
    struct tpr_scratch *scratch = scratch_of(c);
    uint16_t *slot = AT(uint16_t, VALUE_OF(tpr_rings), c->ring + c->at,
                        tpr_sizes.rings);
    struct tpr_bpf_entry *entry
        = slot && *slot < c->n ? entry_at(VALUE_OF(tpr_lists), c, *slot)
          : NULL;

    (void) i;
    if (scratch && entry && entry->priority == c->priority
        && *why_at(scratch, *slot) == TPR_WHY_OK) {
        c->slot = *slot;
        return 1;
    }
    c->at = c->at + 1 == c->ring_size ? 0 : c->at + 1;
    return 0;
}

TPR_INLINE void
judge_each(struct choice *c)
{
    c->best = TPR_BPF_NONE;
    c->held = TPR_BPF_NONE;
    c->priority = 0;
    c->least_n = 0;
    c->least_weight = 0;
    bpf_loop(c->n, judge, c, 0);
}

/* Judges all backends; the first that takes part is result->best. */
__attribute__((noinline)) int
tpr_judge(struct choice *result)
{
    struct choice c;            /* Callbacks must have it on the stack. */

    if (!result) {
        return 0;
    }
    c = *result;
    c.limited = 0;
    c.fast = 0;
    c.any_pps = 0;
    judge_each(&c);
    if (c.best == TPR_BPF_NONE && c.fast) {
        c.any_pps = 1;                  /* Nobody else is left. */
        judge_each(&c);
    }
    *result = c;
    return 0;
}

/* The same for a connection of 'object' that is new now. */
TPR_INLINE void
judge_all(struct choice *c, const struct tpr_bpf_object *object, bool again,
          const struct way *w)
{
    *c = (struct choice) {
        .list = object->list,
        .n = object->n_backends,
        .ring = object->ring,
        .ring_size = object->ring_size,
        .slot = TPR_BPF_NONE,
        .control = w->control,
        .again = again,
        .by_connections = object->policy == TPR_POLICY_LEAST_CONNECTIONS,
        .now_ms = w->now_ms,
        .held_serial = w->held,
    };
    tpr_judge(c);
}

/* Maglev's choice becomes c->best. */
TPR_INLINE void
choose_ring(struct choice *c, uint32_t hash)
{
    if (c->best != TPR_BPF_NONE && c->ring_size) {
        c->at = hash % c->ring_size;
        bpf_loop(c->ring_size, turn_ring, c, 0);
        if (c->slot != TPR_BPF_NONE) {
            c->best = c->slot;
        }
    }
}

/* What does backend 'i' gain by this turn? */
static long
weigh(uint32_t i, struct choice *c)
{
    struct tpr_scratch *scratch = scratch_of(c);
    const struct tpr_bpf_entry *entry = entry_at(VALUE_OF(tpr_lists), c, i);

    if (!scratch || !entry) {
        return 1;
    }
    i &= TPR_MAX_REDIRECT_BACKENDS - 1;
    scratch->gain[i] = 0;
    if (scratch->why[i] == TPR_WHY_OK
        && (c->spills || entry->priority == c->priority)
        && tpr_heavier(scratch->connections[i], entry->weight, c->least_n,
                       c->least_weight) <= 0) {
        scratch->gain[i] = c->weighted ? entry->weight : 1;
    }
    return 0;
}

/* Each gains what it was weighed to, the richest is taken and pays the sum:
 * see tpr_choose_smooth().  Returns whose turn it was, an index, or
 * TPR_BPF_NONE.
 *
 * With the lock, so no helper may do the loop; it has no branches but its
 * ends, for the verifier would follow each on both sides, a thousand times. */
__attribute__((noinline)) uint32_t
tpr_turn(const struct choice *c)
{
    struct tpr_scratch *scratch = c ? scratch_of(c) : NULL;
    struct tpr_lock *lock = VALUE_OF(tpr_locks);
    void *lists = VALUE_OF(tpr_lists);
    int64_t total = 0, most = INT64_MIN / 2;
    uint64_t best = TPR_BPF_NONE;
    struct tpr_bpf_entry *entry;
    uint32_t n, list;

    if (!c || !scratch || !lock || !lists) {
        return TPR_BPF_NONE;
    }
    n = c->n;
    list = c->list;
    bpf_spin_lock(&lock->lock);
    for (uint32_t i = 0; i < TPR_MAX_REDIRECT_BACKENDS && i < n; i++) {
        const int64_t gain = scratch->gain[i];
        int64_t smooth, part = -gain;
        uint64_t better;

        entry = (struct tpr_bpf_entry *) lists
                + ((list + i) & (tpr_sizes.lists - 1));
        smooth = entry->smooth + gain;
        entry->smooth = (int32_t) smooth;
        total += gain;
        OPAQUE(part);
        better = (uint64_t) ((most - smooth) & part);
        OPAQUE(better);
        better >>= 63;                          /* Is it?  0 or 1. */
        OPAQUE(better);
        most += (smooth - most) * (int64_t) better;
        best += (i - best) * better;
        OPAQUE(best);
    }
    entry = AT(struct tpr_bpf_entry, lists, list + (uint32_t) best,
               tpr_sizes.lists);
    if (entry && (uint32_t) best < n) {
        entry->smooth -= (int32_t) total;
    }
    bpf_spin_unlock(&lock->lock);
    return (uint32_t) best;
}

/* A turn of the smooth policies.  How many connections backends have was noted
 * before: another processor may have given one of them another one
 * meanwhile. */
TPR_INLINE uint32_t
take_turn(struct choice *c, const struct tpr_bpf_object *object)
{
    c->weighted = object->policy != TPR_POLICY_ROUND_ROBIN;
    c->spills = object->policy == TPR_POLICY_SPILLOVER;
    bpf_loop(c->n, weigh, c, 0);
    return tpr_turn(c);
}

/* Is there a connection already?  With the lock. */
TPR_INLINE tpr_bpf_no
find_same(const struct tables *t, const struct way *w, bool *too_long)
{
    tpr_bpf_no no = *forward_head(t->heads, w->hash);

    for (uint32_t i = 0; i < TPR_BPF_CHAIN; i++) {
        const struct tpr_bpf_conn *conn = conn_at(t->conns, no);

        if (!conn) {
            return 0;
        }
        if (!conn_differs(conn, (conn->hash_forward ^ w->hash)
                          | (conn->object ^ w->id)
                          | (uint32_t) (conn->vip_port ^ w->p.tuple.dport),
                          &w->p.tuple.src, w->p.tuple.sport,
                          w->p.tuple.proto)) {
            return no;
        }
        no = conn->next_forward;
    }
    *too_long = true;
    return 0;
}

TPR_INLINE void
fill_conn(struct tpr_bpf_conn *conn, const struct way *w,
          const struct tpr_bpf_object *object, uint32_t record,
          uint32_t hash_reverse)
{
    const struct tpr_packet *p = &w->p;
    uint32_t timeout;

    conn->seq |= 1;
    conn->client = p->tuple.src;
    conn->hash_forward = w->hash;
    conn->hash_reverse = hash_reverse;
    conn->object = w->id;
    conn->record = record;
    conn->client_port = p->tuple.sport;
    conn->vip_port = p->tuple.dport;
    conn->proto = p->tuple.proto;
    conn->flags = TPR_BPF_USED;
    conn->tci = p->tci;
    conn->in_port = w->in_port;
    __builtin_memcpy(conn->client_mac, p->eth_src, 6);
    __builtin_memcpy(conn->vip_mac, p->eth_dst, 6);
    conn->half_open = 0;
    conn->told = w->now_ms;
    conn->track.flags = 0;
    conn->track.rev_end = conn->track.rev_ack = 0;
    conn->track.cli_end = conn->track.cli_ack = 0;
    tpr_track_forward(&conn->track, p);
    timeout = tpr_track_timeout(conn->track.flags, conn->proto);
    conn->expires = w->now_ms + object->timeouts[timeout < TPR_N_TIMEOUTS
                                                 ? timeout : 0];
}

/* With the lock: looks whether there is something against 'record', and writes
 * the connection with it down. */
TPR_INLINE enum attempt
settle(const struct tables *t, const struct tpr_bpf_object *object,
       uint32_t slot, struct way *w, bool *collided, uint32_t *evicted)
{
    struct tpr_bpf_record *record = record_at(t->records, slot);
    const struct tpr_redirect_backend *b;
    struct tpr_bpf_conn *conn;
    struct tpr_tuple reverse;
    bool too_long = false;
    tpr_bpf_no no = find_same(t, w, &too_long);
    uint32_t hash;

    conn = conn_at(t->conns, no);
    if (conn) {                         /* Another processor was faster. */
        w->conn = no;
        w->record = conn->record;
        w->seq = conn->seq;
        return ATTEMPT_DONE;
    }
    if (!record || too_long
        || (is_full() && !longest_waiting(t, &no))) {
        return ATTEMPT_FULL;
    }
    b = conf_of(record);
    if (b->max_connections && record->n_connections >= b->max_connections) {
        return ATTEMPT_AGAIN;           /* Another one was given the last. */
    }
    reverse.src = b->addr;
    reverse.dst = w->p.tuple.src;
    reverse.sport = port_at(b, w->p.tuple.dport);
    reverse.dport = w->p.tuple.sport;
    reverse.proto = w->p.tuple.proto;
    hash = tpr_hash_tuple(&reverse, tpr_limits.seed);
    no = find_reverse(t, &reverse, hash);
    conn = conn_at(t->conns, no);
    if (no == TPR_BPF_NONE) {
        return ATTEMPT_FULL;
    } else if (conn) {
        if (!tpr_bpf_reached(w->now_ms, conn->expires)) {
            *collided = true;
            return ATTEMPT_AGAIN;
        }
        remove_conn(t, conn, no);
    }
    if (is_full()) {
        conn = longest_waiting(t, &no);
        if (conn) {
            remove_conn(t, conn, no);
            ++*evicted;
        }
    }
    no = take_free(t);
    conn = conn_at(t->conns, no);
    if (!conn) {
        return ATTEMPT_FULL;
    }
    fill_conn(conn, w, object, slot, hash);
    record->n_connections++;
    record->n_entries++;
    record->kept = 1;                   /* Or it would not be usable. */
    record->total_connections++;
    link_conn(t, conn, no);
    w->conn = no;
    w->record = slot;
    w->syn = take_syn(t, conn, no, evicted);
    if (conn->proto != TPR_PROTO_TCP
        || !tpr_track_only_syn(conn->track.flags)) {
        w->syn = 0;                     /* There is none to keep. */
    }
    w->seq = conn->seq;
    return ATTEMPT_DONE;
}

/* Settles 'w' with backend 'slot', or says why not.  It calls nothing, for it
 * has the most stack, and is deep down already. */
__attribute__((noinline)) int
tpr_settle_with(struct way *w, uint32_t slot)
{
    const struct tpr_bpf_object *object;
    bool collided = false;
    uint32_t evicted = 0;
    enum attempt result;
    struct tables t;

    object = w ? object_of(w->id) : NULL;
    if (!object || !tables_open(&t)) {
        return ATTEMPT_NONE;
    }
    bpf_spin_lock(t.lock);
    result = settle(&t, object, slot, w, &collided, &evicted);
    bpf_spin_unlock(t.lock);
    w->evicted = evicted;
    return collided ? ATTEMPT_COLLIDED : result;
}

/* Removes or releases connection 'no' if it still is 'seq'. */
__attribute__((noinline)) int
tpr_drop_conn(tpr_bpf_no no, uint32_t seq, uint32_t only_release)
{
    struct tpr_bpf_conn *conn;
    struct tables t;

    if (!tables_open(&t)) {
        return 0;
    }
    conn = conn_at(t.conns, no);
    if (!conn) {
        return 0;
    }
    bpf_spin_lock(t.lock);
    if (conn->seq == seq && conn->flags & TPR_BPF_USED) {
        if (only_release) {
            release(&t, conn);
        } else {
            remove_conn(&t, conn, no);
        }
    }
    bpf_spin_unlock(t.lock);
    return 0;
}

/* Removes the next connection of the table if its time is over. */
static long
sweep_some(uint32_t i, uint32_t *now_ms)
{
    const uint32_t at = tpr_state.sweep < tpr_state.fresh
                        ? tpr_state.sweep : 0;
    const struct tpr_bpf_conn *conn = conn_at(VALUE_OF(tpr_conns), at + 1);
    uint32_t seq;

    (void) i;
    tpr_state.sweep = at + 1;
    if (!conn) {
        return 1;
    }
    seq = *(volatile uint32_t *) &conn->seq;    /* Before all else. */
    if (conn->flags & TPR_BPF_USED && !(seq & 1)) {
        if (tpr_bpf_reached(*now_ms, conn->expires)) {
            tpr_drop_conn(at + 1, seq, 0);
        } else if (tpr_track_ended(conn->track.flags)
                   && !(conn->flags & TPR_BPF_RELEASED)) {
            tpr_drop_conn(at + 1, seq, 1);
        }
    }
    return 0;
}

/* Looks whether the connection that has been in the pool for the longest time
 * still waits there; if not, the next one is looked at.  Returns 0 if there is
 * none. */
__attribute__((noinline)) int
tpr_skip_waiting(uint32_t *found)
{
    struct tables t;
    tpr_bpf_no no;
    int more;

    if (!found || !tables_open(&t)) {
        return 0;
    }
    bpf_spin_lock(t.lock);
    *found = longest_waiting(&t, &no) != NULL;
    if (!*found && tpr_state.n_waiting) {
        tpr_state.n_waiting--;
    }
    more = tpr_state.n_waiting && !*found;
    bpf_spin_unlock(t.lock);
    return more;
}

static long
skip_waiting(uint32_t i, uint32_t *found)
{
    (void) i;
    return !tpr_skip_waiting(found);
}

/* Can room for another connection be had?  A half-open one may go for it. */
TPR_INLINE bool
has_room(void)
{
    uint32_t found = 0;

    if (is_full()) {
        bpf_loop(tpr_sizes.half_open, skip_waiting, &found, 0);
        return found;
    }
    return true;
}

/* One attempt to give 'w' a connection; 'n' is its number. */
__attribute__((noinline)) int
tpr_attempt(struct way *w, uint32_t n)
{
    const struct tpr_bpf_object *object = w ? object_of(w->id) : NULL;
    struct tpr_scratch *scratch;
    struct tpr_bpf_entry *entry;
    uint32_t i, now_ms;
    struct choice c;
    int result;

    if (!object) {
        return ATTEMPT_NONE;
    }
    judge_all(&c, object, n, w);
    if ((c.limited || is_full()) && !n) {
        /* Some of what counts may have ended. */
        now_ms = w->now_ms;
        bpf_loop(TPR_BPF_SWEEP, sweep_some, &now_ms, 0);
        judge_all(&c, object, false, w);
        if (c.limited) {
            count(w->id, TPR_COUNTER_LIMITED);
        }
    }
    if (!has_room()) {
        return ATTEMPT_FULL;
    } else if (c.best == TPR_BPF_NONE) {
        return ATTEMPT_NONE;
    }
    i = c.best;
    if (c.held != TPR_BPF_NONE && !c.any_pps) {
        i = c.held;
    } else if (object->policy == TPR_POLICY_MAGLEV) {
        choose_ring(&c, w->hash);
        i = c.best;
    } else if (!tpr_policy_is_ordered(object->policy)
               || (object->policy == TPR_POLICY_SPILLOVER && c.any_pps)) {
        i = take_turn(&c, object);
    }
    entry = entry_at(VALUE_OF(tpr_lists), &c, i);
    if (!entry) {
        return ATTEMPT_NONE;
    }
    w->evicted = 0;
    result = tpr_settle_with(w, entry->record);
    for (uint32_t e = 0; e < 2 && e < w->evicted; e++) {
        count(w->id, TPR_COUNTER_SYN_EVICTED);
    }
    if (result == ATTEMPT_COLLIDED) {
        scratch = scratch_of(&c);
        if (scratch) {
            *why_at(scratch, i) = TPR_WHY_COLLISION;
        }
        count(w->id, TPR_COUNTER_REV_COLLISION);
        result = ATTEMPT_AGAIN;
    }
    return result;
}

/* Does a packet without a connection, whose tuple has 'hash', note its client
 * now? */
TPR_INLINE bool
notes_client(uint32_t hash, uint32_t now_ms)
{
    return !((hash ^ now_ms) & (TPR_BPF_NOTE_SHARE - 1));
}

/* Without a connection: the policy's choice, if object w->id is stateless;
 * else, for want of room, the ring's, whatever the policy, so that the next
 * packet goes there, too: then, where replies would have to be rewritten,
 * which takes a connection, the packet is dropped.  Returns 0 if none is
 * usable. */
__attribute__((noinline)) int
tpr_stateless(struct way *w)
{
    const struct tpr_bpf_record *record;
    const struct tpr_redirect_backend *b;
    struct tpr_bpf_object *object;
    struct tpr_bpf_entry *entry;
    struct choice c;

    object = w ? object_of(w->id) : NULL;
    if (!object) {
        return 0;
    }
    judge_all(&c, object, false, w);
    if (!object->stateless || object->policy == TPR_POLICY_MAGLEV) {
        choose_ring(&c, w->hash);
    }
    entry = entry_at(VALUE_OF(tpr_lists), &c, c.best);
    if (c.best == TPR_BPF_NONE || !entry) {
        return 0;
    }
    record = record_at(VALUE_OF(tpr_records), entry->record);
    if (!record) {
        return 0;
    }
    w->record = entry->record;
    w->conn = 0;
    w->verdict = TPR_SEND;
    if (object->stateless) {
        if (notes_client(w->hash, w->now_ms)) {
            note_client(w->in_port, w->p.tci, w->p.eth_src, w->now_ms);
        }
        return 1;
    }
    b = conf_of(record);
    count(w->id, TPR_COUNTER_TABLE_FULL);
    w->verdict = (tpr_addr_equal(&b->addr, &object->vip)
                  && port_at(b, w->p.tuple.dport) == w->p.tuple.dport
                  ? TPR_SEND : TPR_DROP);
    return 1;
}

/* Is 'port' (network byte order) one of the object's? */
TPR_INLINE bool
has_port(const struct tpr_bpf_object *object, uint16_t port_)
{
    const uint16_t port = tpr_swap16(port_);
    const uint32_t n = object->n_ports;

    for (uint32_t i = 0; i < TPR_MAX_PORT_RANGES && i < n; i++) {
        if (port >= object->ports[i].first && port <= object->ports[i].last) {
            return true;
        }
    }
    return !n;
}

/* Does object w->id serve the packet? */
__attribute__((noinline)) int
tpr_covers(struct way *w)
{
    const struct tpr_bpf_object *object = w ? object_of(w->id) : NULL;

    return (object
            && (!object->proto || object->proto == w->p.tuple.proto)
            && tpr_addr_equal(&object->vip, &w->p.tuple.dst)
            && has_port(object, w->p.tuple.dport));
}

/* Opens nothing: a reset, for what we do not know. */
TPR_INLINE bool
is_stray_reset(const struct tpr_packet *p)
{
    return tpr_track_has_flags(p) && (p->tcp_flags & TPR_TCP_RST);
}

STEP int
place_none(struct way *w, const struct tpr_bpf_object *object)
{
    const uint8_t on_none = object->on_none;

    if (on_none == TPR_ON_NONE_PASS) {
        count(w->id, TPR_COUNTER_NONE_PASSED);
        w->verdict = TPR_PASS;
    } else if (on_none == TPR_ON_NONE_RESET) {
        count(w->id, TPR_COUNTER_NONE_RESET);
        w->verdict = TPR_REPLY;
    } else {
        count(w->id, TPR_COUNTER_NONE_DROPPED);
        w->verdict = TPR_DROP;
    }
    return 0;
}

/* Finds out whom the client of 'w' is to have by affinity. */
STEP int
find_held(struct way *w, const struct tpr_bpf_object *object)
{
    struct tpr_bpf_holder key = {
        .client = w->p.tuple.src,
        .object = object->serial,
    };
    const struct tpr_bpf_held *held = bpf_map_lookup_elem(&tpr_holders, &key);

    if (held && tpr_affinity_holds(held->noted_ms, w->now_ms,
                                   object->affinity_ms)) {
        w->held = held->record;
    }
    return 0;
}

/* Notes whom the client of 'w' has now. */
STEP int
note_held(struct way *w, const struct tpr_bpf_object *object)
{
    const struct tpr_bpf_record *record = record_at(VALUE_OF(tpr_records),
                                                    w->record);
    struct tpr_bpf_holder key = {
        .client = w->p.tuple.src,
        .object = object->serial,
    };
    struct tpr_bpf_held held = { .noted_ms = w->now_ms };

    if (record) {
        held.record = record->serial;
        bpf_map_update_elem(&tpr_holders, &key, &held, BPF_ANY);
    }
    return 0;
}

/* A packet without a connection, or whose connection w->conn has to go: gives
 * it one of object w->id, or says in w->verdict what else. */
__attribute__((noinline)) int
tpr_place(struct way *w)
{
    enum attempt result = ATTEMPT_AGAIN;
    struct tpr_bpf_object *object;

    if (!w) {
        return 0;
    }
    w->verdict = TPR_PASS;
    w->reverse = 0;
    w->syn = 0;
    if (w->conn) {
        tpr_drop_conn(w->conn, w->seq, 0);
        w->conn = 0;
    }
    object = object_of(w->id);
    if (!object || !tpr_covers(w)) {
        return 0;
    }
    if (object->stateless) {
        if (!tpr_stateless(w)) {
            place_none(w, object);
        }
        return 0;
    }
    if (is_stray_reset(&w->p)) {
        return 0;
    }
    w->held = 0;
    if (object->affinity_ms) {
        find_held(w, object);
    }
    for (uint32_t n = 0; n < TPR_BPF_ATTEMPTS; n++) {
        result = tpr_attempt(w, n);
        if (result != ATTEMPT_AGAIN) {
            break;
        }
    }
    if (result == ATTEMPT_DONE) {
        note_client(w->in_port, w->p.tci, w->p.eth_src, w->now_ms);
        if (object->affinity_ms) {
            note_held(w, object);
        }
        w->verdict = TPR_SEND;
    } else if (result != ATTEMPT_FULL || !tpr_stateless(w)) {
        place_none(w, object);
    }
    return 0;
}

#endif /* place.h */
