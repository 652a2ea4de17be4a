/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Connections as user space meets them: their end, the death of their backend,
 * figures.  See loader.h, and ovs/redirect-sender.c for what is alike.
 *
 * They are read in the mapped table; whatever changes one is asked of the
 * control program. */

#include <config.h>
#include "loader-private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "redirect-build.h"
#include "redirect-choose.h"
#include "timeval.h"
#include "util.h"

enum {
    SLICE = 4096,               /* What the control program does at once. */
    SWEEP_PARTS = 64,           /* A run sweeps such a part of the table, */
    SWEEP_MIN = 8192,           /* but at least so many. */
};

static void
for_slice(struct tpr_bpf *b, enum tpr_bpf_op op, uint32_t first, uint32_t n)
{
    b->command->op = op;
    b->command->first = first;
    b->command->n = n;
    tpr_bpf_control(b);
}

/* Has 'op' done with all connections. */
void
tpr_bpf_for_connections(struct tpr_bpf *b, enum tpr_bpf_op op, uint32_t arg)
{
    b->command->arg = arg;
    for (uint32_t i = 0; i < b->state->fresh; i += SLICE) {
        for_slice(b, op, i, SLICE);
    }
}

static void
add_stats(struct tpr_bpf *b, uint32_t slot, struct tpr_backend_stats *s)
{
    struct tpr_bpf_stats *all = xcalloc(b->n_cpus, sizeof *all);

    if (!bpf_map_lookup_elem(tpr_bpf_map(b, "tpr_stats"), &slot, all)) {
        for (int i = 0; i < b->n_cpus; i++) {
            s->packets += all[i].packets;
            s->bytes += all[i].bytes;
            s->rev_packets += all[i].rev_packets;
            s->rev_bytes += all[i].rev_bytes;
        }
    }
    free(all);
}

/* Finds out how many packets backends got that have a limit of packets/s, each
 * when its second is over; one second's worth of them where we are late. */
static void
pace(struct tpr_bpf *b, uint32_t now_ms)
{
    for (uint32_t i = 0; i < b->n_records; i++) {
        struct tpr_bpf_record *record = tpr_bpf_record(b, i);
        const uint32_t passed_ms = now_ms - record->pps_ms;
        uint64_t packets, n;

        if (!tpr_bpf_conf(b, i)->max_pps || passed_ms < 1000) {
            continue;
        }
        packets = __atomic_load_n(&record->limited_packets, __ATOMIC_RELAXED);
        n = packets - record->paced;
        /* After a longer time, nobody knows when they came. */
        record->pps = (passed_ms < TPR_BPF_PPS_MS
                       ? MIN(n * 1000 / passed_ms, UINT32_MAX) : 0);
        record->paced = packets;
        __atomic_store_n(&record->pps_ms, now_ms, __ATOMIC_RELEASE);
    }
}

/* Lets connections end whose time is over, a part of the table at a time,
 * measures packets/s, and settles.  Should be called every second or so. */
void
tpr_bpf_run(struct tpr_bpf *b, uint32_t now_ms)
{
    uint32_t n = MAX(SWEEP_MIN, b->state->fresh / SWEEP_PARTS);

    tpr_bpf_settle(b);
    pace(b, now_ms);
    b->command->now_ms = now_ms;
    n = MIN(n, b->state->fresh);
    for (uint32_t done = 0; done < n; done += SLICE) {
        if (b->swept >= b->state->fresh) {
            b->swept = 0;
        }
        for_slice(b, TPR_BPF_OP_SWEEP, b->swept, SLICE);
        b->swept += SLICE;
    }
}

/* Connections in the table, those included that have ended and wait for their
 * timeout. */
uint32_t
tpr_bpf_connections(const struct tpr_bpf *b)
{
    return __atomic_load_n(&b->state->n, __ATOMIC_RELAXED);
}

/* How many there can be. */
uint32_t
tpr_bpf_capacity(const struct tpr_bpf *b)
{
    return b->limits->connections;
}

/* ## Deaths. ## */

struct death {
    struct tpr_bpf *b;
    const struct tpr_bpf_ops *ops;
    uint32_t now_ms;
    uint32_t n;                 /* Packets sent. */
};

static void
send_frame(struct death *d, const void *frame, uint32_t len, uint32_t output)
{
    d->ops->send(d->ops->aux, frame, len, output);
    d->n++;
}

static void
send_rst(struct death *d, const struct tpr_rst *rst, uint32_t output)
{
    uint8_t buf[TPR_BUILD_MAX];

    send_frame(d, buf, tpr_build_rst(buf, rst), output);
}

/* Resets the client of 'conn' at 'seq'. */
static void
reset_client(struct death *d, const struct tpr_redirect *r,
             const struct tpr_bpf_conn *conn, uint32_t seq)
{
    struct tpr_rst rst = {
        .src = r->vip,
        .dst = conn->client,
        .sport = conn->vip_port,
        .dport = conn->client_port,
        .seq = seq,
        .tci = conn->tci,
    };

    memcpy(rst.eth_src, conn->vip_mac, sizeof rst.eth_src);
    memcpy(rst.eth_dst, conn->client_mac, sizeof rst.eth_dst);
    send_rst(d, &rst, conn->in_port);
}

/* Resets the connection at 'place'; its client hears of it at once: see
 * DESIGN.md section 3, "Reset". */
static void
reset(struct death *d, const struct tpr_redirect *r, uint32_t place,
      const struct tpr_bpf_conn *conn)
{
    const struct tpr_track *track = &conn->track;
    const bool seen = track->flags & TPR_TRACK_SEEN;
    const bool twice = (track->flags & TPR_TRACK_ACKED
                        && !(seen && track->cli_ack == track->rev_end));
    struct tpr_bpf_command *command = d->b->command;

    command->op = TPR_BPF_OP_RESET;
    command->first = place;
    command->seq = conn->seq;
    command->n = conn->in_port ? seen + twice : 0;
    tpr_bpf_control(d->b);
    if (command->done && conn->in_port) {
        if (seen) {
            reset_client(d, r, conn, track->rev_end);
        }
        if (twice) {
            reset_client(d, r, conn, track->cli_ack);
        }
    }
}

/* Makes 'tci' the tag of 'frame', which 'p' describes and which has room for
 * one more.  Returns its new length. */
static uint32_t
set_tag(uint8_t *frame, uint32_t len, const struct tpr_packet *p,
        uint16_t tci)
{
    const bool had = p->l3_ofs > TPR_ETH_LEN;

    if (had && !tci) {
        memmove(frame + 12, frame + 16, len - 16);
        return len - TPR_VLAN_LEN;
    } else if (!had && tci) {
        memmove(frame + 16, frame + 12, len - 12);
        tpr_set16(frame + 12, TPR_ETH_VLAN);
        len += TPR_VLAN_LEN;
    }
    if (tci) {
        tpr_set16(frame + 14, tci & ~TPR_TCI_PRESENT);
    }
    return len;
}

static void
send_syn(struct death *d, uint8_t *frame, uint32_t len,
         const struct tpr_packet *p, uint32_t record, bool direct)
{
    const struct tpr_redirect_backend *b = tpr_bpf_conf(d->b, record);

    if (direct) {
        tpr_rewrite_direct(frame, b);
    } else {
        tpr_rewrite_forward(frame, p, b,
                            (b->l4_port ? tpr_swap16(b->l4_port)
                             : p->tuple.dport), false);
    }
    len = set_tag(frame, len, p,
                  (b->vlan == TPR_VLAN_KEEP ? p->tci
                   : b->vlan == TPR_VLAN_NONE ? 0
                   : (p->tci & 0xe000) | TPR_TCI_PRESENT | b->vlan));
    send_frame(d, frame, len, b->output);
}

/* Gives a half-open connection, whose SYN was kept, to another backend; if
 * none is left, its client hears of it where the redirect says so. */
static void
repeat_syn(struct death *d, uint32_t place, const struct tpr_bpf_conn *conn)
{
    struct tpr_bpf_syn *syns = VALUE(d->b, syns, struct tpr_bpf_syn);
    struct tpr_bpf_command *command = d->b->command;
    uint8_t frame[TPR_BPF_SYN_MAX + TPR_VLAN_LEN];
    struct tpr_bpf_syn syn;
    struct tpr_rst rst;

    if (!conn->half_open || conn->half_open > d->b->sizes.half_open
        || !conn->in_port) {
        return;
    }
    syn = syns[conn->half_open - 1];
    if (syn.conn != place + 1 || !syn.len || syn.len > TPR_BPF_SYN_MAX
        || tpr_parse(syn.data, syn.len, &command->p) != TPR_PARSED_OK
        || command->p.tuple.sport != conn->client_port
        || !tpr_addr_equal(&command->p.tuple.src, &conn->client)) {
        return;
    }
    if (syn.partial) {
        tpr_complete_csum(syn.data, &command->p);
        syn.partial = 0;
    }
    if (syn.tci) {
        command->p.tci = syn.tci;
    }
    command->op = TPR_BPF_OP_REPLACE;
    command->first = place;
    command->seq = conn->seq;
    command->arg = conn->object;
    command->n = syn.len;
    command->now_ms = d->now_ms;
    command->in_port = conn->in_port;
    tpr_bpf_control(d->b);
    if (command->verdict == TPR_SEND) {
        if (command->syn && command->syn <= d->b->sizes.half_open) {
            struct tpr_bpf_syn *kept = &syns[command->syn - 1];

            memcpy(kept->data, syn.data, syn.len);
            kept->partial = kept->judged = 0;
            kept->tci = syn.tci;
            kept->len = syn.len;
        }
        memcpy(frame, syn.data, syn.len);
        send_syn(d, frame, syn.len, &command->p, command->record,
                 d->b->loaded[conn->object].r.stateless);
    } else if (command->verdict == TPR_REPLY
               && tpr_answer_rst(&command->p, &rst)) {
        send_rst(d, &rst, conn->in_port);
    }
}

static bool
find_deaths(struct tpr_bpf *b)
{
    bool any = false;

    for (uint32_t i = 0; i < b->n_records; i++) {
        struct tpr_bpf_record *record = tpr_bpf_record(b, i);
        bool keeps = tpr_keeps(tpr_bpf_conf(b, i), tpr_bpf_page(b));

        record->died = record->n_entries && !keeps && record->kept;
        /* One without connections has nothing to lose. */
        record->kept = keeps || (record->kept && !record->n_entries);
        any |= record->died;
    }
    return any;
}

static void
handle(struct death *d, uint32_t place, const struct tpr_bpf_conn *conn)
{
    const struct tpr_redirect *r = &d->b->loaded[conn->object].r;
    const enum tpr_on_down on_down
        = tpr_on_death(r->on_down, conn->proto,
                       tpr_bpf_conf(d->b, conn->record));

    if (conn->proto != TPR_PROTO_TCP || on_down == TPR_ON_DOWN_KEEP
        || tpr_track_ended(conn->track.flags)
        || tpr_bpf_reached(d->now_ms, conn->expires)) {
        return;
    } else if (tpr_track_only_syn(conn->track.flags)) {
        repeat_syn(d, place, conn);
    } else if (on_down == TPR_ON_DOWN_RESET
               && !(conn->track.flags & TPR_TRACK_RESET)) {
        reset(d, r, place, conn);
    }
}

/* Acts on the connections of backends that have died since the last call.
 * Returns how many packets were sent. */
uint32_t
tpr_bpf_handle_deaths(struct tpr_bpf *b, uint32_t now_ms,
                      const struct tpr_bpf_ops *ops)
{
    const struct tpr_bpf_conn *conns = VALUE(b, conns, struct tpr_bpf_conn);
    const uint32_t end = b->state->fresh;
    struct death d = { b, ops, now_ms, 0 };

    if (!find_deaths(b)) {
        return 0;
    }
    b->command->now_ms = now_ms;
    for (uint32_t i = 0; i < end; i++) {
        const struct tpr_bpf_conn conn = conns[i];

        if (!(conn.flags & TPR_BPF_USED) || conn.seq & 1
            || conn.record >= b->n_records
            || conn.object >= b->sizes.objects
            || !b->loaded[conn.object].created_ms) {
            continue;
        }
        /* A backend that came back meanwhile keeps what it has. */
        if (tpr_bpf_record(b, conn.record)->died
            && !tpr_keeps(tpr_bpf_conf(b, conn.record), tpr_bpf_page(b))) {
            handle(&d, i, &conn);
        }
    }
    return d.n;
}

/* ## Figures. ## */

/* Why the backend in 'slot' may not be given a new connection now; an enum
 * tpr_why. */
uint32_t
tpr_bpf_why(struct tpr_bpf *b, uint32_t slot)
{
    const struct tpr_redirect_backend *conf = tpr_bpf_conf(b, slot);
    const struct tpr_bpf_record *record = tpr_bpf_record(b, slot);
    uint32_t why = tpr_why_of(conf, tpr_bpf_page(b));

    return (why != TPR_WHY_OK ? why
            : conf->max_connections
              && record->n_connections >= conf->max_connections
            ? TPR_WHY_LIMIT
            : tpr_is_fast(record->pps, record->limited_packets - record->paced,
                          conf->max_pps) ? TPR_WHY_RATE
            : TPR_WHY_OK);
}

static void
get_counters(struct tpr_bpf *b, uint32_t key, uint64_t *counters)
{
    uint64_t *all = xcalloc(b->n_cpus * TPR_N_COUNTERS, sizeof *all);

    memset(counters, 0, TPR_N_COUNTERS * sizeof *counters);
    if (!bpf_map_lookup_elem(tpr_bpf_map(b, "tpr_counters"), &key, all)) {
        for (int i = 0; i < b->n_cpus * TPR_N_COUNTERS; i++) {
            counters[i % TPR_N_COUNTERS] += all[i];
        }
    }
    free(all);
}

/* What was counted, of all objects and none. */
uint64_t
tpr_bpf_counter(struct tpr_bpf *b, enum tpr_counter counter)
{
    uint64_t counters[TPR_N_COUNTERS];

    get_counters(b, 0, counters);
    return counters[counter];
}

/* Fills in 'stats' for object 'id'; 'stats->backends' is to be freed by the
 * caller.  Returns 0 or ENOENT. */
int
tpr_bpf_get_stats(struct tpr_bpf *b, uint32_t id,
                  struct tpr_redirect_stats *stats)
{
    const struct loaded *l = id < b->sizes.objects ? &b->loaded[id] : NULL;

    if (!l || !l->created_ms) {
        return ENOENT;
    }
    *stats = (struct tpr_redirect_stats) {
        .id = id,
        .n_backends = l->r.n_backends,
        .duration_ms = time_msec() - l->created_ms,
        .backends = xcalloc(MAX(l->r.n_backends, 1),
                            sizeof *stats->backends),
    };
    get_counters(b, id + 1, stats->counters);
    for (int i = 0; i < l->r.n_backends; i++) {
        const uint32_t slot = l->records[i];
        const struct tpr_bpf_record *record = tpr_bpf_record(b, slot);
        struct tpr_backend_stats *s = &stats->backends[i];

        add_stats(b, slot, s);
        s->total_connections = record->total_connections;
        s->connections = record->n_connections;
        s->why = tpr_bpf_why(b, slot);
    }
    return 0;
}

/* ## Clients. ## */

/* Calls 'cb' for each client that sent something for the programs to take in
 * the last 'max_age_ms' (give or take TPR_BPF_TELL_MS), and forgets all
 * others.  'cb' must not change 'b'.  Returns how many there are. */
uint32_t
tpr_bpf_for_clients(struct tpr_bpf *b, uint32_t now_ms, uint32_t max_age_ms,
                    tpr_bpf_client_cb *cb, void *aux)
{
    const int fd = tpr_bpf_map(b, "tpr_clients");
    struct tpr_bpf_client key, next;
    bool more = !bpf_map_get_next_key(fd, NULL, &key);
    uint32_t n = 0;

    for (uint32_t i = 0; more && i < 2 * TPR_BPF_CLIENTS; i++) {
        uint32_t seen_ms;

        /* One that goes meanwhile begins the walk anew: hence the bound. */
        more = !bpf_map_get_next_key(fd, &key, &next);
        if (!bpf_map_lookup_elem(fd, &key, &seen_ms)) {
            if ((int32_t) (now_ms - seen_ms) > (int32_t) max_age_ms) {
                bpf_map_delete_elem(fd, &key);
            } else {
                cb(aux, &key, seen_ms);
                n++;
            }
        }
        key = next;
    }
    return n;
}
