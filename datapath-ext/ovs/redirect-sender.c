/* SPDX-License-Identifier: Apache-2.0 */

/* The thread that originates packets: see redirect-sender.h. */

#include <config.h>
#include "redirect-sender.h"

#include <stdlib.h>
#include <string.h>
#include "dp-packet.h"
#include "ovs-thread.h"
#include "redirect-build.h"
#include "redirect-choose.h"
#include "redirect-dp-private.h"
#include "util.h"

enum {
    BATCH = 32,                 /* Packets made under the mutex at a time, */
    SLICE = 4096,               /* and entries looked at. */
    WAIT_MS = 500,              /* For a change of the page, at most. */
};

struct tpr_sender {
    struct tpr_dp *dp;
    struct tpr_dp_ops ops;
    pthread_t thread;
    bool exit;                  /* Atomic. */
};

/* Packets to send, and where. */
struct batch {
    struct dp_packet *packets[BATCH];
    uint32_t outputs[BATCH];
    unsigned int n;
};

static void
add_packet(struct batch *batch, struct dp_packet *packet, uint32_t output)
{
    batch->packets[batch->n] = packet;
    batch->outputs[batch->n++] = output;
}

static void
add_rst(struct batch *batch, const struct tpr_dp *dp,
        const struct tpr_object *object, const struct tpr_conn *conn,
        uint32_t seq)
{
    struct tpr_rst rst = {
        .src = object->r.vip,
        .dst = conn->client,
        .sport = conn->vip_port,
        .dport = conn->client_port,
        .seq = seq,
        .tci = conn->tci,
    };
    uint8_t buf[TPR_BUILD_MAX];

    memcpy(rst.eth_src, conn->vip_mac, sizeof rst.eth_src);
    memcpy(rst.eth_dst, conn->client_mac, sizeof rst.eth_dst);
    add_packet(batch, dp_packet_clone_data(buf, tpr_build_rst(buf, &rst)),
               conn->in_port);
    tpr_count(CONST_CAST(struct tpr_dp *, dp), object,
              TPR_COUNTER_RESET_SENT);
}

/* Resets a connection; its client hears of it at once: by a reset at the
 * highest sequence end that it was sent, and at its last ACK where that
 * differs (RFC 5961 3.2). */
static void
reset(struct tpr_dp *dp, const struct tpr_object *object,
      struct tpr_conn *conn, uint32_t now_ms, struct batch *batch)
    OVS_REQUIRES(dp->mutex)
{
    const struct tpr_track *track = &conn->track;
    const bool seen = track->flags & TPR_TRACK_SEEN;
    const bool acked = track->flags & TPR_TRACK_ACKED;

    __atomic_fetch_or(&conn->track.flags, TPR_TRACK_RESET, __ATOMIC_RELAXED);
    __atomic_store_n(&conn->expires,
                     now_ms + object->r.timeouts[TPR_TIMEOUT_CLOSING],
                     __ATOMIC_RELAXED);
    tpr_conn_release(dp, conn);
    if (!conn->in_port) {
        return;
    }
    if (seen) {
        add_rst(batch, dp, object, conn, track->rev_end);
    }
    if (acked && !(seen && track->cli_ack == track->rev_end)) {
        add_rst(batch, dp, object, conn, track->cli_ack);
    }
}

/* Gives a half-open connection, whose SYN was kept, to another backend. */
static void
repeat_syn(struct tpr_dp *dp, struct tpr_object *object,
           struct tpr_conn *conn, uint32_t now_ms, struct batch *batch)
    OVS_REQUIRES(dp->mutex)
{
    const struct tpr_syn *syn = tpr_table_syn(&dp->table, conn);
    const uint32_t in_port = conn->in_port;
    struct tpr_placement placement;
    uint8_t frame[TPR_SYN_MAX];
    struct tpr_packet p;
    uint32_t len;

    if (!syn || !in_port || in_port == dp->gone_port) {
        return;
    }
    len = syn->len;
    memcpy(frame, syn->data, len);
    if (tpr_parse(frame, len, &p) != TPR_PARSED_OK) {
        return;
    }
    tpr_conn_remove(dp, conn);
    tpr_place(dp, object, &p, &(struct tpr_frame) { frame, len, false },
              in_port, now_ms, &placement);
    if (placement.verdict == TPR_SEND) {
        const struct tpr_redirect_backend *b
            = tpr_record_conf(placement.record);
        struct dp_packet *packet
            = dp_packet_clone_data_with_headroom(frame, len,
                                                 TPR_VLAN_LEN);

        tpr_send_forward(b, packet, &p);
        tpr_add(&placement.record->packets, 1);
        tpr_add(&placement.record->bytes, len);
        tpr_count(dp, object, TPR_COUNTER_SYN_REPEATED);
        add_packet(batch, packet, b->output);
    }
}

/* Notes which backends have died since the last round.  Returns true if any
 * has. */
static bool
find_deaths(struct tpr_dp *dp)
    OVS_REQUIRES(dp->mutex)
{
    bool any = false;

    for (uint32_t i = 0; i < dp->n_records; i++) {
        struct tpr_record *record = dp->records[i];
        bool keeps = tpr_keeps(tpr_record_conf(record), dp->page);

        record->died = record->n_entries && !keeps && record->kept;
        /* One without connections has nothing to lose. */
        record->kept = keeps || (record->kept && !record->n_entries);
        any |= record->died;
    }
    return any;
}

static void
handle(struct tpr_dp *dp, struct tpr_conn *conn, uint32_t now_ms,
       struct batch *batch)
    OVS_REQUIRES(dp->mutex)
{
    struct tpr_object *object = tpr_object_get(dp, conn->redirect);
    enum tpr_on_down on_down;

    if (!object) {
        return;                 /* It is being deleted. */
    }
    on_down = tpr_on_death(object->r.on_down, conn->proto,
                           tpr_record_conf(dp->records[conn->backend]));
    if (conn->proto != TPR_PROTO_TCP || on_down == TPR_ON_DOWN_KEEP
        || tpr_track_ended(conn->track.flags)
        || tpr_time_reached(now_ms, conn->expires)) {
        return;
    } else if (tpr_track_only_syn(conn->track.flags)) {
        repeat_syn(dp, object, conn, now_ms, batch);
    } else if (on_down == TPR_ON_DOWN_RESET
               && !(conn->track.flags & TPR_TRACK_RESET)) {
        reset(dp, object, conn, now_ms, batch);
    }
}

/* Handles connections of dead backends from number '*next' on, until the batch
 * is full or the slice or the table ends.  A backend that came back meanwhile
 * keeps what it has. */
static void
fill_batch(struct tpr_dp *dp, uint32_t *next, uint32_t end, uint32_t now_ms,
           struct batch *batch)
    OVS_REQUIRES(dp->mutex)
{
    end = MIN(end, *next + SLICE);
    /* A connection makes two packets at most. */
    for (; *next < end && batch->n + 2 <= BATCH; (*next)++) {
        struct tpr_conn *conn = &dp->table.conns[*next];
        struct tpr_record *record;

        if (!tpr_conn_used(conn)) {
            continue;
        }
        record = dp->records[conn->backend];
        if (record->died && !tpr_keeps(tpr_record_conf(record), dp->page)) {
            handle(dp, conn, now_ms, batch);
        }
    }
}

/* Acts on the connections of backends that have died since the last call.
 * Packets go to 'ops', without a lock.  Returns how many.
 *
 * Quiesces now and then, since that may take long: the caller must not hold
 * what RCU protects. */
uint32_t
tpr_dp_handle_deaths(struct tpr_dp *dp, uint32_t now_ms,
                     const struct tpr_dp_ops *ops)
{
    uint32_t next = 0, end = 0, sent = 0;

    ovs_mutex_lock(&dp->mutex);
    if (find_deaths(dp)) {
        end = dp->table.fresh;
    }
    ovs_mutex_unlock(&dp->mutex);
    while (next < end) {
        struct batch batch = { .n = 0 };

        tpr_lock(dp);
        fill_batch(dp, &next, end, now_ms, &batch);
        ovs_mutex_unlock(&dp->mutex);
        for (unsigned int i = 0; i < batch.n; i++) {
            ops->send(ops->aux, batch.packets[i], batch.outputs[i]);
        }
        sent += batch.n;
        ovsrcu_quiesce();
    }
    return sent;
}

static void *
sender_main(void *sender_)
{
    struct tpr_sender *sender = sender_;
    struct tpr_dp *dp = sender->dp;

    while (!__atomic_load_n(&sender->exit, __ATOMIC_ACQUIRE)) {
        uint32_t seen = __atomic_load_n(&dp->page->wakeup, __ATOMIC_ACQUIRE);

        tpr_dp_handle_deaths(dp, __atomic_load_n(&dp->now_ms,
                                                 __ATOMIC_RELAXED),
                             &sender->ops);
        ovsrcu_quiesce_start();
        tpr_page_wait(dp->page, seen, WAIT_MS);
        ovsrcu_quiesce_end();
    }
    return NULL;
}

/* Starts the thread, which sends through a copy of 'ops'. */
struct tpr_sender *
tpr_sender_create(struct tpr_dp *dp, const struct tpr_dp_ops *ops)
{
    struct tpr_sender *sender = xzalloc(sizeof *sender);

    sender->dp = dp;
    sender->ops = *ops;
    sender->thread = ovs_thread_create("redirect", sender_main, sender);
    return sender;
}

/* Ends the thread; waits for it.  NULL is allowed. */
void
tpr_sender_destroy(struct tpr_sender *sender)
{
    if (sender) {
        __atomic_store_n(&sender->exit, true, __ATOMIC_RELEASE);
        tpr_page_wake(sender->dp->page);
        xpthread_join(sender->thread, NULL);
        free(sender);
    }
}
