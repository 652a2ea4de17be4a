/* SPDX-License-Identifier: Apache-2.0 */

/* One session and the kernel: see hb-kernel.h. */

#include <config.h>
#include "hb-kernel.h"

#include <limits.h>
#include <string.h>
#include "frame.h"
#include "hb-session.h"
#include "util.h"

enum {
    LOOK_US = 20 * 1000,        /* Between two looks. */
    DEAF_US = 100 * 1000,       /* Who has counted none for so long... */
    DEAF_BEATS = 5,             /* ...of as many beats is deaf. */
    STALE_US = 100 * 1000,      /* A timer that has not fired for so long has
                                 * ended, or the machine stood still. */
    POLL_FINAL = 0x30,          /* Bits in a packet's second byte. */
};

/* Should be called before a packet is handed in: it may be the peer's answer
 * to a stall that the kernel knows of. */
void
hb_kernel_blame(struct hb_session *s)
{
    const struct hb_kernel *k = &s->kernel;

    if (k->armed) {
        const struct tpr_beat_rx *rx
            = &tpr_beat_session(k->beat, s->cfg.id)->rx;

        bfd_session_blame(&s->bfd,
                          __atomic_load_n(&rx->stall_us, __ATOMIC_RELAXED),
                          __atomic_load_n(&rx->blame_until_us,
                                          __ATOMIC_RELAXED));
    }
}

/* Remembers a good packet: the next ones are like it.  One that says anything
 * but Up is none to expect. */
void
hb_kernel_note(struct hb_session *s, const struct hb_rx *rx)
{
    struct hb_kernel *k = &s->kernel;

    if (rx->size < TPR_BEAT_LEN
        || rx->data[1] >> 6 != BFD_STATE_UP) {
        return;
    }
    memcpy(k->expected, rx->data, TPR_BEAT_LEN);
    k->expected[1] &= ~POLL_FINAL;
    k->src = rx->src;
    k->dst = rx->dst;
    k->ifindex = rx->ifindex;
    if (k->listening) {
        k->n_heard++;
    }
}

/* How late this machine was at worst, in microseconds, as far as the kernel's
 * timer noticed since 'since_us' and nobody was told yet. */
long long int
hb_kernel_stall(struct hb_session *s, long long int since_us)
{
    struct hb_kernel *k = &s->kernel;

    return (k->beat ? tpr_beat_ask_stall(&tpr_beat_state(k->beat)->stall,
                                         since_us, &k->told_us)
            : 0);
}

static bool
wants_kernel(const struct hb_session *s)
{
    const struct hb_kernel *k = &s->kernel;

    return (k->beat && s->cfg.type == HB_BFD && s->link_up && s->io.class
            && k->ifindex && bfd_session_is_steady(&s->bfd));
}

/* ## What the kernel should have. ## */

static void
describe_rx(const struct hb_session *s, struct tpr_beat_arming *a)
{
    const struct hb_kernel *k = &s->kernel;
    const struct bfd_session *bfd = &s->bfd;
    struct bfd_session_status status;
    bool ipv6 = !IN6_IS_ADDR_V4MAPPED(&k->src);
    size_t skip = ipv6 ? 0 : 12;

    bfd_session_status(bfd, &status);
    memset(a, 0, sizeof *a);
    a->discr = bfd->my_discr;
    memcpy(a->expected, k->expected, sizeof a->expected);
    memcpy(a->addr, &k->src.s6_addr[skip], 16 - skip);
    memcpy(&a->addr[(16 - skip) / 4], &k->dst.s6_addr[skip], 16 - skip);
    a->ipv6 = ipv6;
    a->consume = true;
    a->ifindex = k->ifindex;
    a->vlan = s->io.vlan;
    a->max_excuses = s->cfg.hb.max_excuses;
    a->interval_us = bfd->hb.cfg.interval_us;
    a->detect_us = MIN(bfd->rx.detect_us, bfd->hb.detect_us);
    a->tx_interval_us = status.tx_interval_us;
    a->blame_us = bfd->cfg.mult * status.tx_interval_us;
}

static uint32_t
make_frame(const struct hb_session *s, bool admin_down,
           uint8_t frame[TPR_BEAT_FRAME])
{
    const struct hb_kernel *k = &s->kernel;
    uint8_t payload[BFD_MAX_LEN], buf[FRAME_MAX];
    struct frame f = {
        .vlan = s->io.vlan,
        .src = k->dst,
        .dst = k->src,
        .ttl = BFD_TTL,
        .kind = FRAME_UDP,
        .port_src = s->io.port,
        .port_dst = BFD_PORT,
        .payload = payload,
        .size = bfd_session_template(&s->bfd, admin_down, payload),
    };

    if (s->cfg.path == HB_PATH_PACKET) {
        memcpy(f.mac_src, s->io.mac, sizeof f.mac_src);
        memcpy(f.mac_dst, s->peer_mac, sizeof f.mac_dst);
    } else {
        memcpy(f.mac_src, &k->macs[0], sizeof f.mac_src);
        memcpy(f.mac_dst, &k->macs[6], sizeof f.mac_dst);
    }

    size_t size = frame_build(&f, buf);
    memcpy(frame, buf, MIN(size, TPR_BEAT_FRAME));
    return MIN(size, TPR_BEAT_FRAME);
}

static void
describe_tx(const struct hb_session *s, struct tpr_beat_sending *tx)
{
    struct bfd_session_status status;

    bfd_session_status(&s->bfd, &status);
    memset(tx, 0, sizeof *tx);
    tx->ifindex = s->kernel.offload.ifindex;
    tx->single = s->bfd.cfg.mult == 1;
    tx->interval_us = status.tx_interval_us;
    tx->random = s->seed;
    tx->len[0] = make_frame(s, false, tx->frame[0]);
    tx->len[1] = make_frame(s, true, tx->frame[1]);
}

/* ## Life. ## */

/* Only who knows the peer's Ethernet address makes whole frames. */
static bool
may_send(const struct hb_session *s)
{
    const struct hb_kernel *k = &s->kernel;

    return (k->offload.send && !tpr_beat_token(k->beat)->lost
            && (s->cfg.path == HB_PATH_PACKET
                ? !(s->peer_mac[0] & 1)
                : k->has_macs && !((k->macs[0] | k->macs[6]) & 1)));
}

static void
update_sending(struct hb_session *s, uint32_t id, long long int now_us)
{
    struct hb_kernel *k = &s->kernel;
    struct tpr_beat_sending tx;

    if (!may_send(s)) {
        return;
    }
    describe_tx(s, &tx);
    if (!k->sending || memcmp(&tx, &k->sent, sizeof tx)) {
        k->sent = tx;
        tx.lease_until_us = now_us + k->offload.lease_us;
        tpr_beat_send(k->beat, id, &tx, now_us);
        k->sending = true;
        bfd_session_relay(&s->bfd, true, now_us);
    }
}

/* Those that the kernel receives are not ours. */
static void
skip(const struct hb_session *s, const uint8_t *expected)
{
    if (s->io.class && s->io.class->skip) {
        s->io.class->skip(&s->io, &s->cfg, expected);
    }
}

static void
look_at_tx(struct hb_session *s, const struct tpr_beat_tx *tx, uint32_t id,
           long long int now_us)
{
    struct hb_kernel *k = &s->kernel;
    uint64_t n_tx = __atomic_load_n(&tx->n_tx, __ATOMIC_RELAXED);

    s->n_tx += n_tx - k->n_tx;
    k->n_tx = n_tx;
    if (k->sending) {
        tpr_beat_renew(k->beat, id, now_us + k->offload.lease_us);
        s->last_tx_us = __atomic_load_n(&tx->sent_us, __ATOMIC_RELAXED);
    }
}

static void
look_at_rx(struct hb_session *s, const struct tpr_beat_rx *rx)
{
    struct hb_kernel *k = &s->kernel;
    uint64_t n_rx = __atomic_load_n(&rx->n_rx, __ATOMIC_RELAXED);

    if (k->armed) {
        bfd_session_relay_beats(&s->bfd, n_rx - k->n_rx,
                                __atomic_load_n(&rx->rx_us,
                                                __ATOMIC_RELAXED),
                                __atomic_load_n(&rx->max_gap_us,
                                                __ATOMIC_RELAXED));
        s->n_rx += n_rx - k->n_rx;
        k->n_rx = n_rx;
    }
    if (__atomic_load_n(&rx->has_macs, __ATOMIC_ACQUIRE)) {
        memcpy(k->macs, rx->macs, sizeof k->macs);
        k->has_macs = true;
    }
}

/* Takes transmission back. */
static void
stop_sending(struct hb_session *s, uint32_t id, long long int now_us)
{
    struct hb_kernel *k = &s->kernel;
    const int64_t *sent = &tpr_beat_session(k->beat, id)->tx.sent_us;

    tpr_beat_unsend(k->beat, id);
    k->sending = false;
    bfd_session_relay(&s->bfd, false,
                      MIN(now_us, __atomic_load_n(sent, __ATOMIC_RELAXED)));
}

/* Takes everything back. */
void
hb_kernel_stop(struct hb_session *s, uint32_t id, long long int now_us)
{
    struct hb_kernel *k = &s->kernel;

    if (k->sending) {
        stop_sending(s, id, now_us);
    }
    if (k->armed || k->listening) {
        ignore(tpr_beat_disarm(k->beat, id));
        if (k->armed) {
            skip(s, NULL);
            /* Silence counts from its last beat, not from our last look. */
            look_at_rx(s, &tpr_beat_session(k->beat, id)->rx);
        }
        k->armed = k->listening = false;
    }
}

/* Should be called after each tpr_beat_run(): sends ourselves if the token is
 * lost. */
void
hb_kernel_check_token(struct hb_session *s, uint32_t id, long long int now_us)
{
    struct hb_kernel *k = &s->kernel;

    if (k->sending && tpr_beat_token(k->beat)->lost) {
        stop_sending(s, id, now_us);
        s->touched = true;
    }
}

/* Lets the kernel have session 'id' from now on, 'beat' being NULL: not any
 * more.  'offload' says how. */
void
hb_kernel_set(struct hb_session *s, uint32_t id, struct tpr_beat *beat,
              const struct hb_offload *offload, long long int now_us)
{
    if (s->kernel.beat) {
        hb_kernel_stop(s, id, now_us);
    }
    s->kernel.beat = beat;
    s->kernel.offload = *offload;
    if (beat) {
        tpr_beat_unquiet(beat, id);
        s->kernel.n_rx = tpr_beat_session(beat, id)->rx.n_rx;
        s->kernel.n_tx = tpr_beat_session(beat, id)->tx.n_tx;
    }
    s->touched = true;
}

/* Lets the kernel count beats that are as 'a' says. */
static void
start_listening(struct hb_session *s, uint32_t id,
                const struct tpr_beat_arming *a, long long int now_us)
{
    struct hb_kernel *k = &s->kernel;
    struct tpr_beat_arming copy = *a;

    if (k->armed) {
        skip(s, NULL);
        k->armed = false;
    }
    copy.rx_us = now_us;
    k->arming = *a;
    k->listening = !tpr_beat_listen(k->beat, id, &copy);
    k->n_listened = tpr_beat_session(k->beat, id)->rx.n_listened;
    k->n_heard = 0;
    k->listen_us = now_us;
    k->look_us = now_us + LOOK_US;
}

/* Has the kernel's timer ended? */
static bool
is_stale(const struct hb_session *s, long long int now_us)
{
    const struct tpr_beat_state *state = tpr_beat_state(s->kernel.beat);

    return now_us - __atomic_load_n(&state->scanned_us,
                                    __ATOMIC_RELAXED) > STALE_US;
}

/* Has the kernel counted a beat while it listened? */
static bool
has_counted(const struct hb_session *s, uint32_t id)
{
    const struct hb_kernel *k = &s->kernel;

    return (__atomic_load_n(&tpr_beat_session(k->beat, id)->rx.n_listened,
                            __ATOMIC_ACQUIRE) != k->n_listened);
}

/* Lets the kernel detect.  Beats that the socket has and we have not read yet
 * count, too. */
static void
arm(struct hb_session *s, uint32_t id, const struct tpr_beat_arming *a,
    long long int now_us)
{
    struct hb_kernel *k = &s->kernel;
    const struct tpr_beat_rx *rx = &tpr_beat_session(k->beat, id)->rx;
    struct tpr_beat_arming copy = *a;

    copy.rx_us = MAX(s->bfd.rx.last_beat_us,
                     __atomic_load_n(&rx->rx_us, __ATOMIC_RELAXED));
    if (!k->sending) {
        tpr_beat_sent(k->beat, id, s->last_tx_us);
    }
    k->listening = false;
    k->arming = *a;
    k->armed = !tpr_beat_arm(k->beat, id, &copy);
    skip(s, k->armed ? copy.expected : NULL);
    k->look_us = now_us + LOOK_US;
}

/* Should be called whenever the session may have changed, after all that was
 * to be sent is sent. */
void
hb_kernel_update(struct hb_session *s, uint32_t id, long long int now_us)
{
    struct hb_kernel *k = &s->kernel;
    struct tpr_beat_arming a;
    bool same;

    if (!wants_kernel(s)) {
        hb_kernel_stop(s, id, now_us);
        return;
    }
    update_sending(s, id, now_us);
    describe_rx(s, &a);
    same = !memcmp(&a, &k->arming, sizeof a);
    if (k->armed && !same) {
        hb_kernel_look(s, id, now_us);
        if (k->armed) {         /* Or it was quicker. */
            arm(s, id, &a, now_us);
        }
    } else if (!k->armed && (!k->listening || !same)) {
        start_listening(s, id, &a, now_us);
    } else if (k->listening && has_counted(s, id) && !is_stale(s, now_us)) {
        arm(s, id, &a, now_us);
    }
}

/* Returns when hb_kernel_look() is due next, LLONG_MAX for never. */
long long int
hb_kernel_deadline(const struct hb_session *s)
{
    const struct hb_kernel *k = &s->kernel;

    return (k->armed || k->listening || k->sending ? k->look_us : LLONG_MAX);
}

/* Should be called when k->look_us has come: tells the session's detectors
 * which beats have come, and renews the lease. */
void
hb_kernel_look(struct hb_session *s, uint32_t id, long long int now_us)
{
    struct hb_kernel *k = &s->kernel;
    const struct tpr_beat_session *theirs;

    if (!k->armed && !k->sending && !k->listening) {
        return;
    }
    theirs = tpr_beat_session(k->beat, id);
    look_at_tx(s, &theirs->tx, id, now_us);
    look_at_rx(s, &theirs->rx);
    s->touched = true;
    k->look_us = now_us + LOOK_US;
    if (is_stale(s, now_us)
        || (k->armed && !__atomic_load_n(&theirs->rx.armed,
                                         __ATOMIC_ACQUIRE))) {
        /* Its timer stands still, or it has disarmed the session, at the end
         * of the lease perhaps.  Ours again; a steady one goes back. */
        hb_kernel_stop(s, id, now_us);
    }
}

/* Should be called for each event of the session, after the packets that came
 * before it. */
enum heartbeat_decision
hb_kernel_event(struct hb_session *s, uint32_t id,
                const struct tpr_beat_event *event, long long int now_us)
{
    struct hb_kernel *k = &s->kernel;
    bool armed = k->armed;

    if (!k->beat) {
        return HEARTBEAT_NOTHING;       /* It is late. */
    }
    s->touched = true;
    bfd_session_relay_beats(&s->bfd, 0, event->rx_us, 0);
    switch (event->type) {
    case TPR_BEAT_EVENT_EXCUSED:
        return (armed ? bfd_session_excuse(&s->bfd, event->late_us, now_us)
                : HEARTBEAT_NOTHING);
    case TPR_BEAT_EVENT_SUSPENDED:
        hb_kernel_stop(s, id, now_us);
        return HEARTBEAT_NOTHING;
    case TPR_BEAT_EVENT_DEAF:
        /* Who sends has nothing to do with it. */
        if (armed) {
            skip(s, NULL);
            look_at_rx(s, &tpr_beat_session(k->beat, id)->rx);
            k->armed = false;
            bfd_session_late(&s->bfd, now_us - event->now_us);
        }
        return HEARTBEAT_NOTHING;
    case TPR_BEAT_EVENT_TOKEN:
        return HEARTBEAT_NOTHING;
    case TPR_BEAT_EVENT_DOWN:
    case TPR_BEAT_EVENT_PEER_DOWN:
        break;
    }

    /* The words say "down".  Whoever comes up after it was there anew. */
    hb_kernel_stop(s, id, now_us);
    if (s->bfd.hb.state != HEARTBEAT_UP
        || s->bfd.hb.since_us > event->now_us) {
        return HEARTBEAT_NOTHING;
    }
    return (event->type == TPR_BEAT_EVENT_DOWN
            ? bfd_session_expire(&s->bfd, now_us)
            : bfd_session_down(&s->bfd, BFD_DIAG_NEIGHBOR_DOWN,
                               HEARTBEAT_CAUSE_PEER_DOWN, now_us));
}

/* Adds what 'show' prints of the kernel's part. */
void
hb_kernel_stats(const struct hb_session *s, uint32_t id, struct hb_stats *out)
{
    const struct hb_kernel *k = &s->kernel;

    out->kernel_rx = k->armed;
    out->kernel_tx = k->sending;
    out->kernel_deaf = (k->listening && k->n_heard >= DEAF_BEATS
                        && s->bfd.rx.last_beat_us - k->listen_us > DEAF_US
                        && !has_counted(s, id));
    out->ifindex = k->ifindex;
    if (k->beat) {
        const struct tpr_beat_session *theirs = tpr_beat_session(k->beat, id);
        const struct tpr_beat_state *state = tpr_beat_state(k->beat);

        out->kernel_excused = theirs->rx.watch.n_excused;
        out->kernel_suspended = theirs->rx.n_suspended;
        out->kernel_n_deaf = theirs->rx.n_deaf;
        out->kernel_n_mute = tpr_beat_token(k->beat)->n_lost;
        out->kernel_mute = (k->offload.send
                            && tpr_beat_token(k->beat)->broken);
        out->kernel_late_us = state->max_late_us;
        out->kernel_tx_late_us = theirs->tx.max_late_us;
    }
}
