/* SPDX-License-Identifier: Apache-2.0 */

/* The thread that originates packets: see redirect-sender.h. */

#include <config.h>
#include "redirect-sender.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "dp-packet.h"
#include "ovs-thread.h"
#include "redirect-build.h"
#include "redirect-choose.h"
#include "redirect-dp-private.h"
#include "util.h"

enum {
    BATCH = TPR_DP_MAX_SEND,    /* Packets, or connections that get some, */
                                /* at a time: forwarding threads wait. */
    REST_MIN_US = 20,           /* Between batches, and as long as this */
    REST_MAX_US = 1000,         /* thread worked for the last one. */
    SLICE = 4096,               /* Entries looked at between quiet states. */
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
add_rst(struct batch *batch, struct tpr_dp *dp,
        const struct tpr_object *object, const struct tpr_rst *rst,
        uint32_t output)
{
    uint8_t buf[TPR_BUILD_MAX];

    add_packet(batch, dp_packet_clone_data(buf, tpr_build_rst(buf, rst)),
               output);
    tpr_count(dp, object, TPR_COUNTER_RESET_SENT);
}

/* Resets the client of 'conn' at 'seq'. */
static void
reset_client(struct batch *batch, struct tpr_dp *dp,
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

    memcpy(rst.eth_src, conn->vip_mac, sizeof rst.eth_src);
    memcpy(rst.eth_dst, conn->client_mac, sizeof rst.eth_dst);
    add_rst(batch, dp, object, &rst, conn->in_port);
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
    if (!conn->in_port || tpr_is_blocked(dp, conn->in_port)) {
        return;
    }
    if (seen) {
        reset_client(batch, dp, object, conn, track->rev_end);
    }
    if (acked && !(seen && track->cli_ack == track->rev_end)) {
        reset_client(batch, dp, object, conn, track->cli_ack);
    }
}

/* Sends 'frame', the SYN that 'p' describes, where it was placed. */
static void
send_syn(struct tpr_dp *dp, const struct tpr_object *object,
         const struct tpr_placement *placement, const struct tpr_packet *p,
         const uint8_t *frame, uint32_t len, struct batch *batch)
{
    const struct tpr_redirect_backend *b = tpr_record_conf(placement->record);
    struct dp_packet *packet = dp_packet_clone_data_with_headroom(
        frame, len, TPR_VLAN_LEN);

    tpr_send_forward(b, !placement->conn, packet, p);
    tpr_add(&placement->record->packets, 1);
    tpr_add(&placement->record->bytes, len);
    tpr_count(dp, object, TPR_COUNTER_SYN_REPEATED);
    add_packet(batch, packet, b->output);
}

/* Gives a half-open connection, whose SYN was kept, to another backend; if
 * none is left, its client hears of it where the redirect says so. */
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
    struct tpr_rst rst;
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
        send_syn(dp, object, &placement, &p, frame, len, batch);
    } else if (placement.verdict == TPR_REPLY && !tpr_is_blocked(dp, in_port)
               && tpr_answer_rst(&p, &rst)) {
        add_rst(batch, dp, object, &rst, in_port);
    }
}

/* Notes whether 'record' has died since the last round.
 *
 * Without the mutex, for there may be many.  One that is given a connection
 * meanwhile, though it is down, dies in the next round. */
static bool
find_death(const struct tpr_dp *dp, struct tpr_record *record)
{
    const struct tpr_redirect_backend *conf = tpr_record_conf(record);
    bool died = false;

    if (!conf) {
        return false;           /* Just being made. */
    } else if (tpr_keeps(conf, dp->page)) {
        __atomic_store_n(&record->kept, true, __ATOMIC_RELAXED);
    } else if (__atomic_load_n(&record->n_entries, __ATOMIC_RELAXED)) {
        died = __atomic_exchange_n(&record->kept, false, __ATOMIC_RELAXED);
    }                           /* Else it has nothing to lose. */
    __atomic_store_n(&record->died, died, __ATOMIC_RELAXED);
    return died;
}

static bool
find_deaths(struct tpr_dp *dp)
{
    uint32_t n;
    bool any = false;

    /* All that was recorded before the page changed is seen. */
    tpr_lock(dp);
    n = dp->n_records;
    ovs_mutex_unlock(&dp->mutex);
    for (uint32_t i = 0; i < n; i++) {
        any |= find_death(dp, dp->records[i]);
    }
    return any;
}

enum task { NOTHING, REPEAT_SYN, RESET };

/* What a death means for a connection.  Without the mutex the answer may be
 * wrong: something that changes meanwhile. */
static enum task
task_of(const struct tpr_dp *dp, const struct tpr_conn *conn, uint32_t now_ms)
{
    const uint32_t slot = __atomic_load_n(&conn->backend, __ATOMIC_RELAXED);
    const struct tpr_redirect_backend *b;
    const struct tpr_object *object;
    enum tpr_on_down on_down;

    if (!tpr_conn_used(conn) || slot >= dp->n_records
        || !__atomic_load_n(&dp->records[slot]->died, __ATOMIC_RELAXED)) {
        return NOTHING;
    }
    b = tpr_record_conf(dp->records[slot]);
    object = tpr_object_get(dp, conn->redirect);
    if (!b || tpr_keeps(b, dp->page)            /* It came back. */
        || !object                              /* It is being deleted. */
        || conn->proto != TPR_PROTO_TCP
        || tpr_track_ended(conn->track.flags)
        || tpr_time_reached(now_ms, conn->expires)) {
        return NOTHING;
    }
    on_down = tpr_on_death(object->r.on_down, conn->proto, b);
    if (on_down == TPR_ON_DOWN_KEEP) {
        return NOTHING;
    } else if (tpr_track_only_syn(conn->track.flags)) {
        return REPEAT_SYN;
    }
    return (on_down == TPR_ON_DOWN_RESET
            && !(conn->track.flags & TPR_TRACK_RESET) ? RESET : NOTHING);
}

/* How long this thread has worked; not how long it has waited for locks, in
 * which others worked. */
static long long int
worked_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Is there no room for a connection's packets, two at most? */
static bool
is_full(const struct batch *batch)
{
    return batch->n + 2 > BATCH;
}

/* Sends what is in 'batch', which is then empty. */
static void
send_batch(struct batch *batch, const struct tpr_dp_ops *ops)
{
    if (batch->n) {
        ops->send(ops->aux, batch->packets, batch->outputs, batch->n);
        batch->n = 0;
    }
}

/* Leaves the locks, which are not fair, and the processor to those who
 * forward, for as long as this thread has worked since 'start_us'. */
static void
rest(long long int start_us)
{
    const long long int us = worked_us() - start_us;

    xnanosleep(MIN(MAX(us, REST_MIN_US), REST_MAX_US) * 1000);
}

/* Does what is to be done for connections from number '*next' on, until the
 * batch is full. */
static void
fill_batch(struct tpr_dp *dp, uint32_t *next, uint32_t end, uint32_t now_ms,
           struct batch *batch)
    OVS_REQUIRES(dp->mutex)
{
    end = MIN(end, *next + BATCH);
    for (; *next < end && !is_full(batch); (*next)++) {
        struct tpr_conn *conn = &dp->table.conns[*next];
        enum task task = task_of(dp, conn, now_ms);
        struct tpr_object *object = tpr_object_get(dp, conn->redirect);

        if (task == REPEAT_SYN) {
            repeat_syn(dp, object, conn, now_ms, batch);
        } else if (task == RESET) {
            reset(dp, object, conn, now_ms, batch);
        }
    }
}

/* Acts on the connections of backends that have died since the last call.
 * Packets go to 'ops', without a lock, in batches with a rest after each.
 * Returns how many.
 *
 * Quiesces now and then, since that may take long: the caller must not hold
 * what RCU protects. */
uint32_t
tpr_dp_handle_deaths(struct tpr_dp *dp, uint32_t now_ms,
                     const struct tpr_dp_ops *ops)
{
    long long int start_us = worked_us();
    struct batch batch = { .n = 0 };
    uint32_t end, sent = 0;

    end = find_deaths(dp) ? dp->table.fresh : 0;
    for (uint32_t next = 0; next < end; ) {
        unsigned int before = batch.n;

        if (task_of(dp, &dp->table.conns[next], now_ms) == NOTHING) {
            if (!(++next % SLICE)) {
                send_batch(&batch, ops);
                ovsrcu_quiesce();
            }
            continue;
        }
        tpr_lock(dp);
        fill_batch(dp, &next, end, now_ms, &batch);
        ovs_mutex_unlock(&dp->mutex);
        sent += batch.n - before;
        if (is_full(&batch)) {
            send_batch(&batch, ops);
            rest(start_us);
            start_us = worked_us();
        }
    }
    send_batch(&batch, ops);
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
