/* SPDX-License-Identifier: Apache-2.0 */

/* The packet's way through a redirect (DESIGN.md section 3): see
 * redirect-dp.h. */

#include <config.h>
#include "redirect-dp-private.h"

#include <string.h>
#include "dp-packet.h"
#include "odp-util.h"
#include "openvswitch/types.h"
#include "packets.h"
#include "redirect-ahead.h"
#include "redirect-build.h"
#include "redirect-check.h"
#include "redirect-choose.h"
#include "redirect-hash.h"
#include "redirect-rewrite.h"
#include "redirect-usual.h"

/* What all steps of one packet need. */
struct step {
    struct tpr_dp *dp;
    const struct tpr_action *action;
    struct dp_packet *packet;
    struct tpr_packet p;
    uint32_t in_port, now_ms;
    struct tpr_dp_result *result;
};

static void
refresh_expires(struct tpr_conn *conn, const struct tpr_object *object,
                uint32_t now_ms)
{
    uint32_t expires = now_ms + object->r.timeouts[
        tpr_track_timeout(conn->track.flags, conn->proto)];

    if (expires - conn->expires > TPR_EXPIRES_GRAIN_MS) {
        __atomic_store_n(&conn->expires, expires, __ATOMIC_RELAXED);
    }
}

static bool
same_mac(const uint8_t a[6], const uint8_t b[6])
{
    return !((tpr_raw32(a) ^ tpr_raw32(b))
             | (uint32_t) (tpr_raw16(a + 4) ^ tpr_raw16(b + 4)));
}

static bool
same_client(const struct tpr_conn *conn, const struct tpr_packet *p,
            uint32_t in_port)
{
    return __atomic_load_n(&conn->in_port, __ATOMIC_RELAXED) == in_port
           && conn->tci == p->tci && same_mac(conn->client_mac, p->eth_src)
           && same_mac(conn->vip_mac, p->eth_dst);
}

/* The client may have moved: replies follow it.  This alone takes the mutex,
 * since a connection that has the entry by now must not lose its client. */
static void
refresh_client(struct step *s, struct tpr_conn *conn, uint32_t seq)
{
    const struct tpr_packet *p = &s->p;

    if (OVS_LIKELY(same_client(conn, p, s->in_port))
        || !tpr_track_moves(&conn->track, p)) {
        return;
    }
    tpr_lock(s->dp);
    if (tpr_conn_unchanged(conn, seq)) {
        __atomic_store_n(&conn->in_port, s->in_port, __ATOMIC_RELAXED);
        __atomic_store_n(&conn->tci, p->tci, __ATOMIC_RELAXED);
        memcpy(conn->client_mac, p->eth_src, sizeof conn->client_mac);
        memcpy(conn->vip_mac, p->eth_dst, sizeof conn->vip_mac);
    }
    ovs_mutex_unlock(&s->dp->mutex);
}

/* Only the pseudo-header's sum is there, the sender's device will do the
 * rest. */
static bool
is_partial(const struct dp_packet *packet)
{
    return dp_packet_hwol_l4_mask(packet) != 0;
}

/* Makes 'tci' (TPR_TCI_PRESENT included, 0: none) the tag of 'packet', which
 * 'p' describes. */
static void
set_tag(struct dp_packet *packet, const struct tpr_packet *p, uint16_t tci)
{
    if (p->tci == tci) {
        return;
    }
    if (packet->l3_ofs == UINT16_MAX) {
        packet->l3_ofs = p->l3_ofs;     /* Or it would not be Ethernet. */
    }
    if (p->tci) {
        eth_pop_vlan(packet);
    }
    if (tci) {
        eth_push_vlan(packet, htons(ETH_TYPE_VLAN_8021Q),
                      htons(tci & ~TPR_TCI_PRESENT));
    }
}

/* Rewrites 'packet', which 'p' describes, towards backend 'b'; 'direct': it
 * belongs to no connection and keeps its destination. */
void
tpr_send_forward(const struct tpr_redirect_backend *b, bool direct,
                 struct dp_packet *packet, const struct tpr_packet *p)
{
    const uint16_t port = (p->icmp_error ? p->inner.sport : p->tuple.dport);

    if (direct) {
        tpr_rewrite_direct(dp_packet_data(packet), b);
    } else {
        tpr_rewrite_forward(dp_packet_data(packet), p, b,
                            b->l4_port ? tpr_swap16(b->l4_port) : port,
                            is_partial(packet));
    }
    if (b->vlan != TPR_VLAN_KEEP) {
        set_tag(packet, p,
                b->vlan == TPR_VLAN_NONE ? 0
                : (p->tci & 0xe000) | TPR_TCI_PRESENT | b->vlan);
    }
    pkt_metadata_init_conn(&packet->md);
}

static void
take(struct step *s, enum tpr_verdict verdict, uint32_t output)
{
    s->result->verdict = verdict;
    s->result->output = output;
}

/* Sends the client's packet to backend 'b', which 'record' had when its
 * connection was last seen to be there; 'direct' if it has none. */
static void
forward_to(struct step *s, struct tpr_record *record,
           const struct tpr_redirect_backend *b, bool direct)
{
    if (OVS_UNLIKELY(b->withdrawn & TPR_WITHDRAWN_PORT)) {
        tpr_count(s->dp, NULL, TPR_COUNTER_NO_PORT);
        take(s, TPR_DROP, 0);
        return;
    }
    tpr_add(&record->packets, 1);
    tpr_add(&record->bytes, dp_packet_size(s->packet));
    tpr_send_forward(b, direct, s->packet, &s->p);
    take(s, TPR_SEND, b->output);
}

/* Answers the client's packet with a reset; drops it if that is no packet to
 * answer. */
static void
answer(struct step *s, const struct tpr_object *object)
{
    uint8_t buf[TPR_BUILD_MAX];
    struct tpr_rst rst;

    if (tpr_is_blocked(s->dp, s->in_port)) {
        tpr_count(s->dp, object, TPR_COUNTER_NO_PORT);
        take(s, TPR_DROP, 0);
        return;
    } else if (!tpr_answer_rst(&s->p, &rst)) {
        take(s, TPR_DROP, 0);
        return;
    }
    s->result->reply = dp_packet_clone_data(buf, tpr_build_rst(buf, &rst));
    tpr_count(s->dp, object, TPR_COUNTER_RESET_ANSWERED);
    take(s, TPR_REPLY, s->in_port);
}

/* ## Fragments. ## */

static void
note_fragment(struct step *s, const struct tpr_conn *conn, uint32_t seq,
              bool reverse)
{
    struct tpr_dp *dp = s->dp;

    if (OVS_UNLIKELY(s->p.frag == TPR_FRAG_FIRST)) {
        tpr_lock(dp);
        if (tpr_conn_unchanged(conn, seq)
            && tpr_table_add_frag(&dp->table, &s->p, s->action->scope,
                                  reverse, conn, s->now_ms)) {
            tpr_count(dp, NULL, TPR_COUNTER_FRAG_EVICTED);
        }
        ovs_mutex_unlock(&dp->mutex);
    }
}

static struct tpr_conn *
later_fragment(struct step *s, bool reverse, uint32_t *seq, bool *passed)
{
    struct tpr_conn *conn;

    tpr_lock(s->dp);
    conn = tpr_table_find_frag(&s->dp->table, &s->p, s->action->scope,
                               reverse, s->now_ms, passed);
    *seq = conn ? conn->seq : 0;
    ovs_mutex_unlock(&s->dp->mutex);
    return conn;
}

/* A client's first fragment passes: what follows it shall, too.  Where no
 * object could take what follows, nothing needs to be remembered. */
static void
note_passed(struct step *s)
{
    struct tpr_dp *dp = s->dp;

    tpr_lock(dp);
    if (tpr_vip_serves(dp, s->action->scope, &s->p.tuple.dst,
                       s->p.tuple.proto)
        && tpr_table_add_frag(&dp->table, &s->p, s->action->scope, false,
                              NULL, s->now_ms)) {
        tpr_count(dp, NULL, TPR_COUNTER_FRAG_EVICTED);
    }
    ovs_mutex_unlock(&dp->mutex);
}

/* ## Forward. ## */

static inline struct tpr_conn *
look_forward(const struct step *s, const struct tpr_tuple *tuple,
             uint32_t *seq)
{
    const struct tpr_dp *dp = s->dp;
    const uint32_t hash = tpr_hash_tuple(tuple, dp->seed);
    const struct tpr_match match = {
        .dp = dp,
        .addr = &tuple->dst,
        .redirect = UINT32_MAX,
    };

    return (s->action->mode == TPR_MODE_FORWARD
            ? tpr_table_forward_of(&dp->table, tuple, s->action->scope, hash,
                                   s->action->id, seq)
            : tpr_table_forward(&dp->table, tuple, s->action->scope, hash,
                                tpr_match_vip, &match, seq));
}

/* The client's connection with 'tuple', or NULL.  Without the mutex; with it,
 * look_forward() is always sure. */
static inline struct tpr_conn *
find_forward(const struct step *s, const struct tpr_tuple *tuple,
             uint32_t *seq)
{
    struct tpr_conn *conn = look_forward(s, tuple, seq);

    if (OVS_UNLIKELY(*seq == TPR_SEQ_UNSURE)) {
        tpr_lock(s->dp);
        conn = look_forward(s, tuple, seq);
        ovs_mutex_unlock(&s->dp->mutex);
    }
    return conn;
}

/* Opens nothing: a reset, for what we do not know. */
static bool
is_stray_reset(const struct tpr_packet *p)
{
    return tpr_track_has_flags(p) && (p->tcp_flags & TPR_TCP_RST);
}

/* Finds or makes a connection.  The object may have another version, or be
 * gone, since we looked; somebody else may have placed the same; and 'old', if
 * not NULL, is a connection that has to go. */
static void
place_locked(struct tpr_dp *dp, const struct step *s, uint32_t dp_id,
             struct tpr_conn *old, uint32_t old_seq,
             struct tpr_placement *placement)
    OVS_REQUIRES(dp->mutex)
{
    struct tpr_object *object = tpr_object_get(dp, dp_id);
    const struct tpr_tuple *t = &s->p.tuple;
    struct tpr_conn *conn;
    uint32_t seq;

    *placement = (struct tpr_placement) { .verdict = TPR_PASS };
    if (old && tpr_conn_unchanged(old, old_seq)) {
        tpr_conn_remove(dp, old);
    }
    conn = look_forward(s, t, &seq);
    if (conn) {
        placement->verdict = TPR_SEND;
        placement->record = dp->records[conn->backend];
        placement->conn = conn;
    } else if (object && (object->r.stateless || !is_stray_reset(&s->p))
               && tpr_redirect_covers(&object->r, &t->dst, t->proto,
                                      t->dport)) {
        const struct tpr_frame frame = { dp_packet_data(s->packet),
                                         dp_packet_size(s->packet),
                                         is_partial(s->packet) };

        tpr_place(dp, object, &s->p, &frame, s->in_port, s->now_ms,
                  placement);
    }
}

/* A packet without a connection, or whose connection 'old' has to go. */
static void
place(struct step *s, struct tpr_object *object, struct tpr_conn *old,
      uint32_t old_seq)
{
    const struct tpr_redirect_backend *b = NULL;
    struct tpr_dp *dp = s->dp;
    struct tpr_placement placement;
    uint32_t seq = 0;

    __atomic_store_n(&dp->now_ms, s->now_ms, __ATOMIC_RELAXED);
    tpr_lock(dp);
    place_locked(dp, s, object->dp_id, old, old_seq, &placement);
    if (placement.verdict == TPR_SEND) {
        b = tpr_record_conf(placement.record);
        seq = placement.conn ? placement.conn->seq : 0;
    }
    ovs_mutex_unlock(&dp->mutex);

    switch (placement.verdict) {
    case TPR_SEND:
        if (placement.conn) {
            note_fragment(s, placement.conn, seq, false);
        }
        forward_to(s, placement.record, b, !placement.conn);
        break;

    case TPR_REPLY:
        answer(s, object);
        break;

    case TPR_PASS:
    case TPR_DROP:
    default:
        take(s, placement.verdict, 0);
        break;
    }
}

/* The connection has ended: its backend may take another one at once. */
static void
release(struct tpr_dp *dp, struct tpr_conn *conn, uint32_t seq)
{
    tpr_lock(dp);
    if (tpr_conn_unchanged(conn, seq)) {
        tpr_conn_release(dp, conn);
    }
    ovs_mutex_unlock(&dp->mutex);
}

/* The backend has answered: the connection is half open no more. */
static void
leave_pool(struct tpr_dp *dp, struct tpr_conn *conn, uint32_t seq)
{
    tpr_lock(dp);
    if (tpr_conn_unchanged(conn, seq)) {
        tpr_table_leave_pool(&dp->table, conn);
    }
    ovs_mutex_unlock(&dp->mutex);
}

/* The connection is to be forgotten. */
static void
forget(struct tpr_dp *dp, struct tpr_conn *conn, uint32_t seq)
{
    tpr_lock(dp);
    if (tpr_conn_unchanged(conn, seq)) {
        tpr_conn_remove(dp, conn);
    }
    ovs_mutex_unlock(&dp->mutex);
}

/* Answers for a connection that was reset, which is remembered as long as its
 * client keeps asking. */
static void
answer_reset(struct step *s, const struct tpr_object *object,
             struct tpr_conn *conn)
{
    refresh_expires(conn, object, s->now_ms);
    answer(s, object);
}

/* Resets the connection.  Returns false if it is none any more. */
static bool
reset(struct tpr_dp *dp, struct tpr_conn *conn, uint32_t seq)
{
    bool there;

    tpr_lock(dp);
    there = tpr_conn_unchanged(conn, seq);
    if (there) {
        __atomic_fetch_or(&conn->track.flags, TPR_TRACK_RESET,
                          __ATOMIC_RELAXED);
        tpr_conn_release(dp, conn);
    }
    ovs_mutex_unlock(&dp->mutex);
    return there;
}

/* The backend of 'conn', whose track has 'flags', is dead, and 'on_down' is
 * not "keep".  Returns false if that is no connection any more: look again. */
static bool
handle_death(struct step *s, struct tpr_object *object,
             struct tpr_conn *conn, uint32_t seq, uint8_t flags,
             enum tpr_on_down on_down)
{
    if (on_down == TPR_ON_DOWN_RESELECT
        || (s->p.tuple.proto == TPR_PROTO_TCP
            && tpr_track_only_syn(flags))) {
        tpr_count(s->dp, object, TPR_COUNTER_RESELECTED);
        place(s, object, conn, seq);
        return true;
    } else if (!reset(s->dp, conn, seq)) {
        return false;
    }
    answer_reset(s, object, conn);
    return true;
}

static inline bool
just_ended(const struct tpr_conn *conn)
{
    return OVS_UNLIKELY(tpr_track_ended(conn->track.flags)
                        && !(conn->flags & TPR_CONN_RELEASED));
}

/* A client's packet with a connection.  Returns false if that is none any
 * more: look again.
 *
 * What it is to be judged by is read before the look at the sequence number:
 * later, another connection may be there. */
static bool
forward_hit(struct step *s, struct tpr_conn *conn, uint32_t seq)
{
    struct tpr_dp *dp = s->dp;
    struct tpr_record *record = dp->records[conn->backend];
    const struct tpr_redirect_backend *b = tpr_record_conf(record);
    struct tpr_object *object = tpr_object_get(dp, conn->redirect);
    const uint32_t expires = conn->expires;
    const uint8_t flags = conn->track.flags;

    if (OVS_UNLIKELY(!tpr_conn_unchanged(conn, seq))) {
        return false;                   /* It went that very moment. */
    }
    if (OVS_UNLIKELY(!object)) {
        tpr_count(dp, NULL, TPR_COUNTER_NOT_OURS);
        return true;                    /* It is being deleted. */
    }
    if (OVS_UNLIKELY(tpr_time_reached(s->now_ms, expires)
                     || tpr_track_reopens(flags, &s->p))) {
        place(s, object, conn, seq);
        return true;
    }
    if (OVS_UNLIKELY(flags & TPR_TRACK_RESET)
        && !(s->p.tcp_flags & TPR_TCP_RST)) {
        answer_reset(s, object, conn);
        return true;
    }
    if (OVS_UNLIKELY(!tpr_keeps(b, dp->page))) {
        enum tpr_on_down on_down = tpr_on_death(object->r.on_down,
                                                s->p.tuple.proto, b);

        if (on_down != TPR_ON_DOWN_KEEP) {
            return handle_death(s, object, conn, seq, flags, on_down);
        }
    }
    refresh_client(s, conn, seq);
    tpr_track_forward(&conn->track, &s->p);
    refresh_expires(conn, object, s->now_ms);
    if (just_ended(conn)) {
        release(dp, conn, seq);
    }
    note_fragment(s, conn, seq, false);
    forward_to(s, record, b, false);
    return true;
}

/* Sends a client's packet to the backend of 'conn', whatever that is worth.
 * Returns false if that is no connection any more. */
static bool
forward_by(struct step *s, const struct tpr_conn *conn, uint32_t seq)
{
    struct tpr_record *record = s->dp->records[conn->backend];
    const struct tpr_redirect_backend *b = tpr_record_conf(record);

    if (!tpr_conn_unchanged(conn, seq)) {
        return false;
    }
    forward_to(s, record, b, false);
    return true;
}

/* Handles a client's packet if it has a connection; returns false if not. */
static inline bool
forward_known(struct step *s)
{
    struct tpr_conn *conn;
    uint32_t seq;

    do {
        conn = find_forward(s, &s->p.tuple, &seq);
    } while (conn && OVS_UNLIKELY(!forward_hit(s, conn, seq)));
    return conn != NULL;
}

/* A client's later fragment: goes where its first one went. */
static void
forward_later(struct step *s, bool is_ours)
{
    bool passed;
    uint32_t seq;
    struct tpr_conn *conn = later_fragment(s, false, &seq, &passed);

    if ((!conn || !forward_by(s, conn, seq)) && is_ours && !passed) {
        tpr_count(s->dp, NULL, TPR_COUNTER_FRAG_LOST);
        take(s, TPR_DROP, 0);
    }
}

/* An ICMP error about what a client was sent from a VIP.  Leaves it alone if
 * it is about something else. */
static void
forward_icmp(struct step *s)
{
    const struct tpr_tuple tuple = {
        .src = s->p.inner.dst,
        .dst = s->p.inner.src,
        .sport = s->p.inner.dport,
        .dport = s->p.inner.sport,
        .proto = s->p.inner.proto,
    };
    uint32_t seq;
    const struct tpr_conn *conn = find_forward(s, &tuple, &seq);
    const struct tpr_object *object = (conn ? tpr_object_get(s->dp,
                                                             conn->redirect)
                                       : NULL);

    if (object && tpr_addr_equal(&s->p.tuple.dst, &s->p.inner.src)
        && tpr_addr_equal(&object->r.vip, &s->p.inner.src)
        && !tpr_time_reached(s->now_ms, conn->expires)
        && forward_by(s, conn, seq)) {
        tpr_count(s->dp, NULL, TPR_COUNTER_ICMP_TRANSLATED);
    }
}

static void
forward(struct step *s)
{
    struct tpr_object *object = tpr_object_get(s->dp, s->action->id);

    if (s->p.icmp_error) {
        forward_icmp(s);
        if (s->result->verdict != TPR_PASS) {
            return;
        }
        /* Like any other packet, then: what it quotes is not ours. */
        s->p.icmp_error = false;
    }
    if (OVS_UNLIKELY(!object || object->scope != s->action->scope)) {
        tpr_count(s->dp, NULL, TPR_COUNTER_NOT_OURS);
        return;
    }
    if (OVS_UNLIKELY(s->p.frag == TPR_FRAG_LATER)) {
        forward_later(s, tpr_addr_equal(&object->r.vip, &s->p.tuple.dst)
                         && (!object->r.proto
                             || object->r.proto == s->p.tuple.proto));
        return;
    }
    if (OVS_UNLIKELY(!tpr_redirect_covers(&object->r, &s->p.tuple.dst,
                                          s->p.tuple.proto,
                                          s->p.tuple.dport))) {
        tpr_count(s->dp, object, TPR_COUNTER_NOT_OURS);
        return;
    }
    if (!forward_known(s)
        && (object->r.stateless || !is_stray_reset(&s->p))) {
        place(s, object, NULL, 0);
    }
}

/* Fragments and ICMP errors towards any VIP of the scope. */
static void
forward_any(struct step *s)
{
    struct tpr_dp *dp = s->dp;
    struct tpr_object *object = NULL;
    bool is_ours;

    if (s->p.icmp_error) {
        forward_icmp(s);
        return;
    } else if (s->p.frag == TPR_FRAG_LATER) {
        tpr_lock(dp);
        is_ours = tpr_vip_serves(dp, s->action->scope, &s->p.tuple.dst,
                                 s->p.tuple.proto);
        ovs_mutex_unlock(&dp->mutex);
        forward_later(s, is_ours);
        return;
    }
    if (!forward_known(s) && s->p.frag == TPR_FRAG_FIRST) {
        tpr_lock(dp);
        object = tpr_object_covering(dp, s->action->scope, &s->p.tuple);
        ovs_mutex_unlock(&dp->mutex);
        if (object) {
            place(s, object, NULL, 0);
        }
    }
}

/* ## Reverse. ## */

static struct tpr_conn *
find_reverse(const struct step *s, const struct tpr_addr *backend,
             uint16_t backend_port, const struct tpr_addr *client,
             uint16_t client_port, uint8_t proto, uint32_t *seq)
{
    const struct tpr_match match = {
        .dp = s->dp, .addr = backend, .port = backend_port,
    };
    const struct tpr_reverse_key key = {
        .backend = backend,
        .client = client,
        .backend_port = backend_port,
        .client_port = client_port,
        .proto = proto,
        .scope = s->action->scope,
    };

    struct tpr_conn *conn = tpr_table_reverse(&s->dp->table, &key,
                                              tpr_match_backend, &match, seq);

    if (OVS_UNLIKELY(*seq == TPR_SEQ_UNSURE)) {
        tpr_lock(s->dp);
        conn = tpr_table_reverse(&s->dp->table, &key, tpr_match_backend,
                                 &match, seq);
        ovs_mutex_unlock(&s->dp->mutex);
    }
    return conn;
}

/* What a reply needs to become the VIP's, as it was when the connection was
 * last seen to be there. */
struct reply {
    struct tpr_record *record;
    const struct tpr_redirect_backend *b;
    uint32_t output;
    uint16_t vip_port, tci;
    uint8_t vip_mac[6], client_mac[6];
};

static inline void
take_reply(struct reply *r, const struct tpr_dp *dp,
           const struct tpr_conn *conn)
{
    r->record = dp->records[conn->backend];
    r->b = tpr_record_conf(r->record);
    r->output = conn->in_port;
    r->vip_port = conn->vip_port;
    r->tci = conn->tci;
    memcpy(r->vip_mac, conn->vip_mac, sizeof r->vip_mac);
    memcpy(r->client_mac, conn->client_mac, sizeof r->client_mac);
}

static void
back_to_client(struct step *s, const struct reply *r,
               const struct tpr_object *object)
{
    if (OVS_UNLIKELY(!r->output) || tpr_is_blocked(s->dp, r->output)) {
        tpr_count(s->dp, object, TPR_COUNTER_NO_PORT);
        take(s, TPR_DROP, 0);
        return;
    }
    tpr_add(&r->record->rev_packets, 1);
    tpr_add(&r->record->rev_bytes, dp_packet_size(s->packet));
    tpr_rewrite_reverse(dp_packet_data(s->packet), &s->p, &r->b->addr,
                        &object->r.vip, r->vip_port, r->vip_mac,
                        r->client_mac, is_partial(s->packet));
    set_tag(s->packet, &s->p, r->tci);
    pkt_metadata_init_conn(&s->packet->md);
    take(s, TPR_SEND, r->output);
}

static void
reverse(struct step *s)
{
    const struct tpr_packet *p = &s->p;
    struct tpr_object *object;
    struct tpr_conn *conn;
    uint32_t seq, expires;
    struct reply r;
    bool passed;

    if (OVS_UNLIKELY(p->frag == TPR_FRAG_LATER)) {
        conn = later_fragment(s, true, &seq, &passed);
    } else if (OVS_UNLIKELY(p->icmp_error)) {
        conn = find_reverse(s, &p->inner.dst, p->inner.dport, &p->inner.src,
                            p->inner.sport, p->inner.proto, &seq);
        if (conn && !tpr_addr_equal(&p->tuple.dst, &p->inner.src)) {
            conn = NULL;
        }
    } else {
        conn = find_reverse(s, &p->tuple.src, p->tuple.sport, &p->tuple.dst,
                            p->tuple.dport, p->tuple.proto, &seq);
    }
    if (!conn) {
        return;
    }
    object = tpr_object_get(s->dp, conn->redirect);
    expires = conn->expires;
    take_reply(&r, s->dp, conn);
    if (!tpr_conn_unchanged(conn, seq) || !object
        || tpr_time_reached(s->now_ms, expires)) {
        return;
    }
    if (p->icmp_error) {
        tpr_count(s->dp, object, TPR_COUNTER_ICMP_TRANSLATED);
    } else if (OVS_UNLIKELY(p->frag != TPR_FRAG_LATER
                            && tpr_track_yields(conn->track.flags, p))) {
        forget(s->dp, conn, seq);
        return;
    } else {
        tpr_track_reverse(&conn->track, p);
        refresh_expires(conn, object, s->now_ms);
        if (OVS_UNLIKELY(__atomic_load_n(&conn->half_open, __ATOMIC_RELAXED))
            && !tpr_track_half_open(conn->track.flags)) {
            leave_pool(s->dp, conn, seq);
        }
        if (just_ended(conn)) {
            release(s->dp, conn, seq);
        }
        note_fragment(s, conn, seq, true);
    }
    back_to_client(s, &r, object);
}

/* 'action' is going to be applied to all 'packets'.  Changes nothing but how
 * soon that is done. */
void
tpr_dp_expect(const struct tpr_dp *dp, const struct tpr_action *action,
              const struct dp_packet_batch *packets)
{
    const struct tpr_record *guesses[TPR_AHEAD_GUESSES];
    const struct tpr_object *object = NULL;
    const struct dp_packet *packet;
    struct tpr_tuple tuple;
    int n = 0;

    if (action->mode != TPR_MODE_FORWARD
        || dp_packet_batch_size(packets) < 2) {
        return;
    }
    DP_PACKET_BATCH_FOR_EACH (i, packet, packets) {
        if (tpr_ahead_opens(packet, &tuple)) {
            if (!object) {
                object = tpr_object_get(dp, action->id);
                if (!object) {
                    return;
                }
                n = tpr_ahead_guess(dp, object, guesses);
            }
            tpr_ahead_fetch(dp, &tuple, guesses, n);
        }
    }
}

/* Does what 'action' says with 'packet', which came in by 'in_port', at the
 * time 'now_ms'.  See enum tpr_verdict for what the caller has to do then;
 * with TPR_PASS the packet is as it was. */
void
tpr_dp_process(struct tpr_dp *dp, const struct tpr_action *action,
               struct dp_packet *packet, uint32_t in_port, uint32_t now_ms,
               struct tpr_dp_result *result)
{
    struct step s;

    s.dp = dp;
    s.action = action;
    s.packet = packet;
    s.in_port = in_port;
    s.now_ms = now_ms;
    s.result = result;
    result->verdict = TPR_PASS;
    result->output = 0;
    result->reply = NULL;
    if (tpr_usual(dp, action, packet, in_port, now_ms, &result->output)) {
        result->verdict = TPR_SEND;
        return;
    }
    switch (tpr_parse(dp_packet_data(packet), dp_packet_size(packet),
                      &s.p)) {
    case TPR_PARSED_OK:
        break;

    case TPR_PARSED_ODD:
        tpr_count(dp, NULL, TPR_COUNTER_ODD);
        return;

    case TPR_PARSED_OTHER:
    default:
        return;
    }
    switch (action->mode) {
    case TPR_MODE_FORWARD:
        forward(&s);
        break;

    case TPR_MODE_REVERSE:
        reverse(&s);
        break;

    case TPR_MODE_ANY:
        forward_any(&s);
        break;

    default:
        break;
    }
    if (OVS_UNLIKELY(s.p.frag == TPR_FRAG_FIRST)
        && action->mode != TPR_MODE_REVERSE && result->verdict == TPR_PASS) {
        note_passed(&s);
    }
}
