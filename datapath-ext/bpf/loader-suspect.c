/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Backends that real traffic makes suspect: see loader.h and
 * redirect-suspect.h.
 *
 * Refusals are counted by the programs.  Silence is what is missing, and
 * looked for here, in the pool of half-open connections: each of them counts
 * once. */

#include <config.h>
#include "loader-private.h"

#include <errno.h>
#include "redirect-suspect.h"
#include "util.h"

/* Backends of object 'id' are suspect if a SYN has no answer for 'bound_ms';
 * 0, as at first: silence is not looked for.  Refusals are counted in any
 * case.  Stays when the object gets a new version.  Returns 0 or ENOENT. */
int
tpr_bpf_suspect_after(struct tpr_bpf *b, uint32_t id, uint32_t bound_ms)
{
    struct loaded *l = id < b->sizes.objects ? &b->loaded[id] : NULL;

    if (!l || !l->created_ms) {
        return ENOENT;
    }
    l->suspect_ms = bound_ms;
    return 0;
}

/* Has the backend of the connection that waits in slot 'at' been silent for
 * long? */
static bool
is_silent(const struct tpr_bpf *b, uint32_t at, const struct tpr_bpf_syn *syn,
          uint32_t now_ms, uint32_t *record)
{
    const struct tpr_bpf_conn *conn;
    uint32_t seq, object, age_ms;
    uint8_t flags;

    if (!syn->conn || syn->conn > b->sizes.connections || syn->judged) {
        return false;
    }
    conn = &VALUE(b, conns, struct tpr_bpf_conn)[syn->conn - 1];
    seq = __atomic_load_n(&conn->seq, __ATOMIC_ACQUIRE);
    object = conn->object;
    *record = conn->record;
    age_ms = now_ms - conn->told;
    flags = conn->track.flags;
    if (conn->half_open != at + 1 || conn->proto != TPR_PROTO_TCP) {
        return false;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return (!(seq & 1) && __atomic_load_n(&conn->seq, __ATOMIC_RELAXED) == seq
            && object < b->sizes.objects && *record < b->n_records
            && (int32_t) age_ms >= 0
            && tpr_suspect_silent(flags, age_ms, b->loaded[object].suspect_ms)
            && !tpr_bpf_reached(now_ms, conn->expires));
}

/* Counts SYNs without an answer.  Should be called as often as the shortest
 * bound is to be kept, every few milliseconds: it looks at the connections in
 * the pool, those that have been answered meanwhile included.  Returns true if
 * there are new ones. */
bool
tpr_bpf_look_for_silence(struct tpr_bpf *b, uint32_t now_ms)
{
    struct tpr_bpf_syn *syns = VALUE(b, syns, struct tpr_bpf_syn);
    const uint32_t n_slots = b->limits->half_open;
    uint32_t next = __atomic_load_n(&b->state->next_syn, __ATOMIC_RELAXED);
    uint32_t n = __atomic_load_n(&b->state->n_waiting, __ATOMIC_RELAXED);
    bool any = false;

    next = MIN(next, n_slots);
    for (n = MIN(n, n_slots); n; n--) {
        const uint32_t at = (next + n_slots - n) % n_slots;
        uint32_t record;

        if (is_silent(b, at, &syns[at], now_ms, &record)) {
            syns[at].judged = 1;
            tpr_bpf_record(b, record)->n_silent++;
            any = true;
        }
    }
    return any;
}

/* Stores in '*s' what was ever counted of backend 'i' of object 'id': the
 * backend is suspect if it is more than last time.  Returns 0 or ENOENT. */
int
tpr_bpf_get_suspicion(const struct tpr_bpf *b, uint32_t id, uint16_t i,
                      struct tpr_bpf_suspicion *s)
{
    const struct loaded *l = id < b->sizes.objects ? &b->loaded[id] : NULL;
    const struct tpr_bpf_record *record;

    if (!l || !l->created_ms || i >= l->r.n_backends) {
        return ENOENT;
    }
    record = tpr_bpf_record(b, l->records[i]);
    s->refused = __atomic_load_n(&record->n_refused, __ATOMIC_RELAXED);
    s->silent = record->n_silent;
    return 0;
}
