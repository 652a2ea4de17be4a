/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The control program: what user space wants done with connections, which only
 * programs may do, for they have the lock.
 *
 * It is run by BPF_PROG_RUN, with a frame that nobody looks at, and is of tc's
 * type: programs of type syscall may sleep, and such were not allowed a lock
 * before Linux 6.6.  tpr_command says what to do and has the answers. */

#ifndef TPR_BPF_CONTROL_H
#define TPR_BPF_CONTROL_H 1

#include <linux/pkt_cls.h>
#include "send.h"

enum { CONTROL_SLICE = 4096 };  /* Connections looked at in a run. */

/* What tpr_command says about the 'i'th connection from its first. */
static long
control_one(uint32_t i, void *unused)
{
    const uint32_t op = tpr_command.op, now_ms = tpr_command.now_ms;
    const uint32_t arg = tpr_command.arg;
    const tpr_bpf_no no = tpr_command.first + i + 1;
    struct tpr_bpf_conn *conn = conn_at(VALUE_OF(tpr_conns), no);
    bool wanted, ended;
    uint32_t seq;

    (void) unused;
    if (!conn) {
        return 1;
    }
    seq = *(volatile uint32_t *) &conn->seq;    /* Before all else. */
    if (seq & 1 || !(conn->flags & TPR_BPF_USED)) {
        return 0;
    }
    if (op == TPR_BPF_OP_PORT) {
        if (conn->in_port == arg) {
            conn->in_port = 0;
        }
        return 0;
    }
    ended = false;
    if (op == TPR_BPF_OP_SWEEP) {
        wanted = tpr_bpf_reached(now_ms, conn->expires);
        ended = (tpr_track_ended(conn->track.flags)
                 && !(conn->flags & TPR_BPF_RELEASED));
    } else if (op == TPR_BPF_OP_DEAD) {
        wanted = !object_of(conn->object);
    } else {
        wanted = conn->object == arg;
    }
    if (wanted || ended) {
        tpr_drop_conn(no, seq, !wanted);
        tpr_command.done++;
    }
    return 0;
}

/* Resets the connection: its client's packets will be answered so.  'n' resets
 * are sent to it. */
STEP int
control_reset(void)
{
    const tpr_bpf_no no = tpr_command.first + 1;
    struct tpr_bpf_conn *conn = conn_at(VALUE_OF(tpr_conns), no);
    const struct tpr_bpf_object *object;

    if (!conn || conn->seq != tpr_command.seq) {
        return 0;
    }
    object = object_of(conn->object);
    if (!object) {
        return 0;
    }
    TPR_ADD_FLAGS(&conn->track.flags, TPR_TRACK_RESET);
    conn->expires = (tpr_command.now_ms
                     + object->timeouts[TPR_TIMEOUT_CLOSING]);
    tpr_drop_conn(no, tpr_command.seq, 1);
    for (uint32_t i = 0; i < 2 && i < tpr_command.n; i++) {
        count(conn->object, TPR_COUNTER_RESET_SENT);
    }
    tpr_command.done = 1;
    return 0;
}

/* Places the connection anew, by its packet, which has 'n' bytes. */
STEP int
control_replace(void)
{
    struct way *w = bpf_map_lookup_elem(&tpr_ways,
                                        &(uint32_t) { WAY_CONTROL });
    struct tpr_bpf_record *record;

    if (!w) {
        return 0;
    }
    __builtin_memcpy(&w->p, &tpr_command.p, sizeof w->p);
    w->in_port = tpr_command.in_port;
    w->now_ms = tpr_command.now_ms;
    w->len = tpr_command.n;
    w->hash = tpr_hash_tuple(&w->p.tuple, tpr_limits.seed);
    w->id = tpr_command.arg;
    w->conn = tpr_command.first + 1;
    w->seq = tpr_command.seq;
    w->record = w->syn = 0;
    w->control = 1;
    tpr_place(w);
    if (w->verdict == TPR_SEND) {
        count(w->id, TPR_COUNTER_SYN_REPEATED);
        count_packet(w, 1);
        record = record_at(VALUE_OF(tpr_records), w->record);
        if (record) {
            count_limited(record, 1);
        }
    } else if (w->verdict == TPR_REPLY) {
        count(w->id, TPR_COUNTER_RESET_SENT);
    }
    tpr_command.verdict = w->verdict;
    tpr_command.record = w->record;
    tpr_command.syn = w->syn;
    tpr_command.done = 1;
    return 0;
}

SEC("tc") int
tpr_control(struct __sk_buff *skb)
{
    uint32_t n = tpr_command.n;

    (void) skb;
    tpr_command.done = 0;
    switch (tpr_command.op) {
    case TPR_BPF_OP_RESET:
        control_reset();
        break;

    case TPR_BPF_OP_REPLACE:
        control_replace();
        break;

    default:
        bpf_loop(n < CONTROL_SLICE ? n : CONTROL_SLICE, control_one, NULL, 0);
        break;
    }
    return TC_ACT_SHOT;
}

#endif /* control.h */
