/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The packet's way through the redirects (DESIGN.md section 3), for XDP and
 * tc: from a parsed packet to a verdict.  What is particular to either, bytes
 * and what becomes of them, is theirs.
 *
 * A hit of an established connection runs through without a call; everything
 * rarer is a function of its own, which the verifier looks at once.  So is the
 * whole: see tpr_process(). */

#ifndef TPR_BPF_WAY_H
#define TPR_BPF_WAY_H 1

#include "place.h"
#include "redirect-suspect.h"

/* ## Fragments. ## */

/* The first fragment in 'w' belongs to connection 'no'; with TPR_BPF_NONE, it
 * passed. */
__attribute__((noinline)) int
tpr_note_fragment(struct way *w, tpr_bpf_no no)
{
    struct tpr_bpf_frag *set;
    struct tables t;
    bool evicted;

    if (!w || !tables_open(&t)) {
        return 0;
    }
    set = (struct tpr_bpf_frag *) t.frags + frag_hash(&w->p);
    bpf_spin_lock(t.lock);
    evicted = frag_add(set, &w->p, w->reverse, no, w->seq, w->now_ms);
    bpf_spin_unlock(t.lock);
    if (evicted) {
        count(TPR_BPF_NONE, TPR_COUNTER_FRAG_EVICTED);
    }
    return 0;
}

/* Finds the connection that the later fragment in 'w' belongs to: w->conn; or
 * that its first one passed: w->passed. */
__attribute__((noinline)) int
tpr_find_fragment(struct way *w, uint32_t reverse)
{
    tpr_bpf_no no = 0;
    uint32_t seq = 0;
    const struct tpr_bpf_conn *conn;
    struct tpr_bpf_frag *set;
    struct tables t;

    if (!w || !tables_open(&t)) {
        return 0;
    }
    set = (struct tpr_bpf_frag *) t.frags + frag_hash(&w->p);
    bpf_spin_lock(t.lock);
    for (uint32_t i = 0; i < TPR_BPF_FRAG_WAYS; i++) {
        if (frag_equal(&set[i], &w->p, reverse)
            && !tpr_bpf_reached(w->now_ms, set[i].expires)) {
            no = set[i].conn;
            seq = set[i].conn_seq;
            break;
        }
    }
    bpf_spin_unlock(t.lock);
    w->passed = no == TPR_BPF_NONE;
    conn = conn_at(t.conns, no);
    if (conn && conn->seq == seq) {
        w->conn = no;
        w->seq = seq;
    }
    return 0;
}

/* ## Services. ## */

STEP uint32_t
service_of(const struct tpr_tuple *tuple, uint16_t port, uint8_t proto,
           uint8_t kind)
{
    struct tpr_bpf_service key = { .vip = tuple->dst, .port = port,
                                   .proto = proto, .kind = kind };
    uint32_t *id = bpf_map_lookup_elem(&tpr_services, &key);

    return id ? *id : 0;
}

/* Finds the object that serves the packet: w->id.  Its own port first, then
 * those of its protocol that have ranges or none, then of all protocols. */
__attribute__((noinline)) int
tpr_find_service(struct way *w)
{
    uint32_t proto, id;

    if (!w) {
        return 0;
    }
    proto = w->p.tuple.proto;
    id = service_of(&w->p.tuple, w->p.tuple.dport, proto,
                    TPR_BPF_SERVICE_ID);
    w->id = id - 1;
    if (id && w->p.tuple.dport && tpr_covers(w)) {
        return 1;
    }
    for (uint32_t wild = 0; wild < 2; wild++) {
        id = service_of(&w->p.tuple, 0, wild ? 0 : proto,
                        TPR_BPF_SERVICE_ID);
        for (uint32_t i = 0; i < TPR_BPF_WIDE && id; i++) {
            const struct tpr_bpf_object *object = object_of(id - 1);

            w->id = id - 1;
            if (tpr_covers(w)) {
                return 1;
            }
            id = object ? object->next_wide : 0;
        }
    }
    w->id = TPR_BPF_NONE;
    return 0;
}

/* Does an object serve the packet's destination and protocol, on whatever
 * ports? */
__attribute__((noinline)) int
tpr_vip_serves(struct way *w)
{
    return w && (service_of(&w->p.tuple, 0, w->p.tuple.proto,
                            TPR_BPF_SERVICE_COUNT)
                 || service_of(&w->p.tuple, 0, 0, TPR_BPF_SERVICE_COUNT));
}

TPR_INLINE uint32_t
filter(const struct tpr_addr *a)
{
    return tpr_filter[tpr_bpf_filter_bucket(a) & (TPR_BPF_FILTER - 1)];
}

/* ## Forward. ## */

/* The connection of 'tuple', whose VIP is its destination; of object 'id'
 * only, unless that is TPR_BPF_NONE.  Fills in 'w'. */
TPR_INLINE struct tpr_bpf_conn *
find_forward(struct way *w, const struct tpr_tuple *tuple, uint32_t id)
{
    const uint32_t hash = tpr_hash_tuple(tuple, tpr_limits.seed);
    tpr_bpf_no *heads = VALUE_OF(tpr_heads);
    void *conns = VALUE_OF(tpr_conns);
    tpr_bpf_no no;

    w->hash = hash;
    if (!heads || !conns) {
        return NULL;
    }
    no = *forward_head(heads, hash);
    for (int i = 0; i < TPR_BPF_CHAIN; i++) {
        struct tpr_bpf_conn *conn = conn_at(conns, no);
        uint32_t seq;

        if (!conn) {
            break;
        }
        seq = *(volatile uint32_t *) &conn->seq;
        if (!conn_differs(conn, (conn->hash_forward ^ hash)
                          | (uint32_t) (conn->vip_port ^ tuple->dport),
                          &tuple->src, tuple->sport, tuple->proto)
            && (id == TPR_BPF_NONE || id == conn->object)) {
            const struct tpr_bpf_object *object = object_of(conn->object);

            if (object && tpr_addr_equal(&object->vip, &tuple->dst)) {
                w->conn = no;
                w->seq = seq;
                w->id = conn->object;
                w->record = conn->record;
                return conn;
            }
        }
        no = conn->next_forward;
    }
    return NULL;
}

/* Notes the client of 'conn', which has sent something, again. */
TPR_INLINE void
tell_client(struct tpr_bpf_conn *conn, uint32_t now_ms)
{
    if (unlikely(now_ms - conn->told >= TPR_BPF_TELL_MS)) {
        conn->told = now_ms;
        note_client(conn->in_port, conn->tci, conn->client_mac, now_ms);
    }
}

/* Returns true if there was something to store, which is not often. */
TPR_INLINE bool
refresh_expires(struct tpr_bpf_conn *conn,
                const struct tpr_bpf_object *object, uint32_t now_ms)
{
    uint32_t timeout = tpr_track_timeout(conn->track.flags, conn->proto);
    uint32_t expires;

    OPAQUE(timeout);
    if (timeout < TPR_N_TIMEOUTS) {
        expires = now_ms + object->timeouts[timeout];
        if (expires - conn->expires > TPR_BPF_EXPIRES_GRAIN) {
            conn->expires = expires;
            return true;
        }
    }
    return false;
}

TPR_INLINE bool
same_mac(const uint8_t a[6], const uint8_t b[6])
{
    return !((*(const uint16_t *) a ^ *(const uint16_t *) b)
             | (*(const uint16_t *) (a + 2) ^ *(const uint16_t *) (b + 2))
             | (*(const uint16_t *) (a + 4) ^ *(const uint16_t *) (b + 4)));
}

/* The client of connection w->conn has moved.  With the lock: a connection
 * that has the place by now must not lose its client. */
__attribute__((noinline)) int
tpr_move_client(struct way *w)
{
    struct tpr_bpf_conn *conn;
    struct tables t;

    if (!w || !tables_open(&t)) {
        return 0;
    }
    conn = conn_at(t.conns, w->conn);
    if (!conn) {
        return 0;
    }
    bpf_spin_lock(t.lock);
    if (conn->seq == w->seq) {
        conn->in_port = w->in_port;
        conn->tci = w->p.tci;
        __builtin_memcpy(conn->client_mac, w->p.eth_src, 6);
        __builtin_memcpy(conn->vip_mac, w->p.eth_dst, 6);
        conn->told = w->now_ms;
    }
    bpf_spin_unlock(t.lock);
    note_client(w->in_port, w->p.tci, w->p.eth_src, w->now_ms);
    return 0;
}

/* The client may have moved: replies follow it. */
TPR_INLINE void
refresh_client(const struct tpr_bpf_conn *conn, struct way *w)
{
    if (unlikely(conn->in_port != w->in_port || conn->tci != w->p.tci
                 || !same_mac(conn->client_mac, w->p.eth_src)
                 || !same_mac(conn->vip_mac, w->p.eth_dst))
        && tpr_track_moves(&conn->track, &w->p)) {
        tpr_move_client(w);
    }
}

TPR_INLINE bool
just_ended(const struct tpr_bpf_conn *conn)
{
    return unlikely(tpr_track_ended(conn->track.flags)
                    && !(conn->flags & TPR_BPF_RELEASED));
}

STEP int
answer_reset(struct way *w, struct tpr_bpf_conn *conn,
             const struct tpr_bpf_object *object)
{
    refresh_expires(conn, object, w->now_ms);
    w->verdict = TPR_REPLY;
    return 0;
}

/* 'b', the backend of 'conn', is dead: what now?  Returns 0 if the packet
 * shall go there all the same. */
STEP int
handle_death(struct way *w, struct tpr_bpf_conn *conn,
             const struct tpr_bpf_object *object,
             const struct tpr_redirect_backend *b)
{
    const uint8_t on_down = tpr_on_death(object->on_down, w->p.tuple.proto,
                                         b);

    if (on_down == TPR_ON_DOWN_KEEP) {
        return 0;
    } else if (on_down == TPR_ON_DOWN_RESELECT
               || (w->p.tuple.proto == TPR_PROTO_TCP
                   && tpr_track_only_syn(conn->track.flags))) {
        count(w->id, TPR_COUNTER_RESELECTED);
        w->verdict = WAY_PLACE;
        return 1;
    }
    TPR_ADD_FLAGS(&conn->track.flags, TPR_TRACK_RESET);
    tpr_drop_conn(w->conn, w->seq, 1);
    answer_reset(w, conn, object);
    return 1;
}

/* A client's packet with a connection. */
TPR_INLINE void
forward_hit(struct way *w, struct tpr_bpf_conn *conn)
{
    const struct tpr_bpf_object *object = object_of(w->id);
    const struct tpr_bpf_record *record
        = record_at(VALUE_OF(tpr_records), w->record);
    const struct tpr_page *page = VALUE_OF(tpr_page);
    const uint8_t flags = conn->track.flags;

    if (!object || !record || !page) {
        return;
    }
    if (unlikely(*(volatile uint32_t *) &conn->seq != w->seq
                 || tpr_bpf_reached(w->now_ms, conn->expires)
                 || tpr_track_reopens(flags, &w->p))) {
        w->verdict = WAY_PLACE;
    } else if (unlikely(flags & TPR_TRACK_RESET)
               && !(w->p.tcp_flags & TPR_TCP_RST)) {
        answer_reset(w, conn, object);
    } else if (likely(is_kept(conf_of(record), page))
               || !handle_death(w, conn, object, conf_of(record))) {
        refresh_client(conn, w);
        tpr_track_forward(&conn->track, &w->p);
        if (refresh_expires(conn, object, w->now_ms)) {
            tell_client(conn, w->now_ms);
        }
        w->verdict = TPR_SEND;
        if (just_ended(conn)) {
            tpr_drop_conn(w->conn, w->seq, 1);
        }
    }
}

/* A later fragment of a client goes where its first one went. */
TPR_INLINE void
forward_later(struct way *w, bool is_ours)
{
    const struct tpr_bpf_conn *conn;

    tpr_find_fragment(w, 0);
    conn = conn_at(VALUE_OF(tpr_conns), w->conn);
    if (conn) {
        w->record = conn->record;
        w->verdict = TPR_SEND;
    } else if (is_ours && !w->passed) {
        count(TPR_BPF_NONE, TPR_COUNTER_FRAG_LOST);
        w->verdict = TPR_DROP;
    }
}

/* An ICMP error about what a client was sent from a VIP. */
__attribute__((noinline)) int
tpr_forward_icmp(struct way *w, uint32_t id)
{
    const struct tpr_bpf_conn *conn;
    struct tpr_tuple tuple;

    if (!w) {
        return 0;
    }
    tuple.src = w->p.inner.dst;
    tuple.dst = w->p.inner.src;
    tuple.sport = w->p.inner.dport;
    tuple.dport = w->p.inner.sport;
    tuple.proto = w->p.inner.proto;
    if (!tpr_addr_equal(&w->p.tuple.dst, &w->p.inner.src)) {
        return 0;
    }
    conn = find_forward(w, &tuple, id);
    if (conn && !tpr_bpf_reached(w->now_ms, conn->expires)) {
        count(TPR_BPF_NONE, TPR_COUNTER_ICMP_TRANSLATED);
        w->verdict = TPR_SEND;
        return 1;
    }
    w->conn = 0;
    return 0;
}

TPR_INLINE void
forward_or_place(struct way *w, uint32_t id, bool may_place)
{
    struct tpr_bpf_conn *conn = find_forward(w, &w->p.tuple, id);

    if (likely(conn)) {
        forward_hit(w, conn);
    } else if (may_place && (id != TPR_BPF_NONE || tpr_find_service(w))) {
        w->verdict = WAY_PLACE;
    }
}

/* As redirect(ID) does. */
TPR_INLINE void
forward(struct way *w, uint32_t id)
{
    const struct tpr_bpf_object *object = object_of(id);

    if (w->p.icmp_error) {
        if (tpr_forward_icmp(w, id)) {
            return;
        }
        /* Like any other packet, then: what it quotes is not ours. */
        w->p.icmp_error = false;
    }
    if (!object) {
        count(TPR_BPF_NONE, TPR_COUNTER_NOT_OURS);
    } else if (w->p.frag == TPR_FRAG_LATER) {
        forward_later(w, tpr_addr_equal(&object->vip, &w->p.tuple.dst)
                         && (!object->proto
                             || object->proto == w->p.tuple.proto));
    } else {
        w->id = id;
        if (tpr_covers(w)) {
            forward_or_place(w, id, true);
        } else {
            count(id, TPR_COUNTER_NOT_OURS);
        }
    }
}

/* As redirect(any) does; with 'may_place', for all packets. */
TPR_INLINE void
forward_any(struct way *w, bool may_place)
{
    if (unlikely(w->p.icmp_error)) {
        if (tpr_forward_icmp(w, TPR_BPF_NONE) || !may_place) {
            return;
        }
        w->p.icmp_error = false;
    }
    if (unlikely(w->p.frag == TPR_FRAG_LATER)) {
        forward_later(w, tpr_vip_serves(w));
    } else {
        forward_or_place(w, TPR_BPF_NONE,
                         may_place || w->p.frag == TPR_FRAG_FIRST);
    }
}

/* ## Reverse. ## */

/* Finds the connection of an ICMP error that a backend, or a router on the
 * way to one, sends to a client. */
__attribute__((noinline)) int
tpr_reverse_icmp(struct way *w)
{
    struct tpr_tuple tuple;
    struct tables t;

    if (!w || !tables_open(&t)
        || !tpr_addr_equal(&w->p.tuple.dst, &w->p.inner.src)) {
        return 0;
    }
    tuple.src = w->p.inner.dst;
    tuple.dst = w->p.inner.src;
    tuple.sport = w->p.inner.dport;
    tuple.dport = w->p.inner.sport;
    tuple.proto = w->p.inner.proto;
    w->conn = find_reverse(&t, &tuple,
                           tpr_hash_tuple(&tuple, tpr_limits.seed));
    return 0;
}

/* The backend refuses a connection. */
STEP int
note_refusal(uint32_t slot)
{
    struct tpr_bpf_record *record = record_at(VALUE_OF(tpr_records), slot);

    if (record) {
        __sync_fetch_and_add(&record->n_refused, 1);
    }
    return 0;
}

TPR_INLINE void
reverse(struct way *w)
{
    const struct tpr_bpf_object *object;
    struct tpr_bpf_conn *conn;
    struct tables t;
    uint32_t seq;

    if (!tables_open(&t)) {
        return;
    }
    if (unlikely(w->p.frag == TPR_FRAG_LATER)) {
        tpr_find_fragment(w, 1);
    } else if (unlikely(w->p.icmp_error)) {
        tpr_reverse_icmp(w);
    } else {
        w->conn = find_reverse(&t, &w->p.tuple,
                               tpr_hash_tuple(&w->p.tuple, tpr_limits.seed));
    }
    conn = conn_at(t.conns, w->conn);
    if (!conn) {
        return;
    }
    seq = *(volatile uint32_t *) &conn->seq;
    object = object_of(conn->object);
    if (seq & 1 || !object || tpr_bpf_reached(w->now_ms, conn->expires)) {
        w->conn = 0;
        return;
    }
    if (unlikely(w->p.frag != TPR_FRAG_LATER && !w->p.icmp_error
                 && tpr_track_yields(conn->track.flags, &w->p))) {
        tpr_drop_conn(w->conn, seq, 0);
        w->conn = 0;
        return;
    }
    w->seq = seq;
    w->id = conn->object;
    w->record = conn->record;
    w->reverse = 1;
    w->verdict = TPR_SEND;
    if (unlikely(w->p.icmp_error)) {
        count(w->id, TPR_COUNTER_ICMP_TRANSLATED);
    } else {
        if (unlikely(tpr_suspect_refused(&conn->track, &w->p))) {
            note_refusal(w->record);
        }
        tpr_track_reverse(&conn->track, &w->p);
        refresh_expires(conn, object, w->now_ms);
        if (just_ended(conn)) {
            tpr_drop_conn(w->conn, seq, 1);
        }
    }
    if (unlikely(!conn->in_port)) {
        count(w->id, TPR_COUNTER_NO_PORT);
        w->verdict = TPR_DROP;
    }
}

/* ## Both. ## */

/* The packet in w->p, by what its addresses are. */
TPR_INLINE void
by_address(struct way *w)
{
    const struct tpr_packet *p = &w->p;
    const bool icmp_error = p->icmp_error;

    if (filter(&p->tuple.dst) & TPR_BPF_IS_VIP) {
        forward_any(w, true);
        if (unlikely(w->verdict == TPR_PASS)) {
            count(TPR_BPF_NONE, TPR_COUNTER_NOT_OURS);
            w->p.icmp_error = icmp_error;
            w->conn = 0;
        }
    }
    if (w->verdict == TPR_PASS
        && (filter(&p->tuple.src) & TPR_BPF_IS_BACKEND
            || (p->icmp_error
                && filter(&p->inner.dst) & TPR_BPF_IS_BACKEND))) {
        reverse(w);
    }
}

TPR_INLINE void
begin(struct way *w)
{
    w->conn = 0;
    w->syn = 0;
    w->verdict = TPR_PASS;
    w->reverse = 0;
    w->passed = 0;
}

/* What becomes of the packet in w->p, by what its addresses
 * are. */
__attribute__((noinline)) int
tpr_process(struct way *w)
{
    if (w) {
        begin(w);
        by_address(w);
    }
    return 0;
}

/* The same as a test wants it. */
__attribute__((noinline)) int
tpr_process_test(struct way *w)
{
    if (!w) {
        return 0;
    }
    begin(w);
    switch (tpr_test.mode) {
    case TPR_MODE_FORWARD:
        forward(w, tpr_test.id);
        break;

    case TPR_MODE_REVERSE:
        reverse(w);
        break;

    case TPR_MODE_ANY:
        forward_any(w, false);
        break;

    default:
        by_address(w);
        break;
    }
    return 0;
}

TPR_INLINE void
process(struct way *w, bool testing)
{
    if (testing) {
        tpr_process_test(w);
    } else {
        tpr_process(w);
    }
    if (unlikely(w->verdict == WAY_PLACE)) {
        tpr_place(w);
    }
    if (unlikely(w->p.frag == TPR_FRAG_FIRST)) {
        if (w->conn && (w->verdict == TPR_SEND || w->reverse)) {
            tpr_note_fragment(w, w->conn);
        } else if (w->verdict == TPR_PASS
                   && !(testing && tpr_test.mode == TPR_MODE_REVERSE)
                   && tpr_vip_serves(w)) {
            tpr_note_fragment(w, TPR_BPF_NONE);
        }
    }
}

#endif /* way.h */
