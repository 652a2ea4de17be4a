/* SPDX-License-Identifier: Apache-2.0 */

/* One session on the heartbeat thread: see hb-session.h. */

#include <config.h>
#include "hb-session.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include "util.h"

/* A learned peer that has been gone for so long makes room for another. */
enum { FORGET_US = 10 * 1000 * 1000 };

/* "Never", with room for sums. */
#define FOREVER_US (LLONG_MAX / 4)

/* Consecutive packets that a session may have to send at once: a Final and a
 * change, each of which may cause one more. */
enum { MAX_BURST = 4 };

static bool
is_idle(const struct hb_session *s)
{
    return s->cfg.type != HB_LINK && IN6_IS_ADDR_UNSPECIFIED(&s->peer);
}

static struct heartbeat *
heartbeat(struct hb_session *s)
{
    return (s->cfg.type == HB_BFD ? &s->bfd.hb
            : s->cfg.type == HB_ICMP ? &s->echo.hb
            : &s->link);
}

/* Returns what decides whether the region lives. */
const struct heartbeat *
hb_session_heartbeat(const struct hb_session *s)
{
    return heartbeat(CONST_CAST(struct hb_session *, s));
}

static void
start_logic(struct hb_session *s, long long int now_us)
{
    const struct hb_session_config *cfg = &s->cfg;

    switch (cfg->type) {
    case HB_BFD:
        bfd_session_init(&s->bfd, &cfg->bfd, &cfg->hb,
                         cfg->detect_override_us, s->discr, s->seed, now_us);
        s->told_seqno = s->bfd.seqno;
        break;
    case HB_ICMP:
        icmp_echo_init(&s->echo, &cfg->hb, cfg->detect_override_us, s->seed,
                       now_us);
        break;
    case HB_LINK: {
        /* Nothing but the link changes it. */
        struct heartbeat_config never = {
            .interval_us = FOREVER_US, .fall = 1, .rise = 1,
        };
        heartbeat_init(&s->link, &never, now_us);
        break;
    }
    }
}

static void
set_path(struct hb_session *s, const struct hb_session_config *cfg,
         const struct hb_io *io, int hub)
{
    static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
    static const uint8_t zero[6];

    if (memcmp(cfg->peer_mac, zero, sizeof zero)) {
        memcpy(s->peer_mac, cfg->peer_mac, sizeof s->peer_mac);
    } else if (!memcmp(s->peer_mac, zero, sizeof zero)) {
        memcpy(s->peer_mac, broadcast, sizeof s->peer_mac);
    }
    s->cfg = *cfg;
    s->io = *io;
    s->hub = hub;
    s->touched = true;
}

/* Makes 's' a new session.  It owns 'io' from now on, which may be closed
 * (class NULL).  'discr' is BFD's discriminator, 'seed' any random value. */
void
hb_session_start(struct hb_session *s, const struct hb_session_config *cfg,
                 const struct hb_io *io, int hub, uint32_t discr,
                 uint64_t seed, long long int now_us)
{
    memset(s, 0, sizeof *s);
    s->used = true;
    s->link_up = true;
    s->discr = discr;
    s->seed = seed;
    s->local = cfg->local;
    s->peer = cfg->peer;
    s->last_tx_us = now_us;
    set_path(s, cfg, io, hub);
    start_logic(s, now_us);
}

static bool
timing_equal(const struct heartbeat_config *a,
             const struct heartbeat_config *b)
{
    return (a->interval_us == b->interval_us && a->fall == b->fall
            && a->rise == b->rise && a->max_excuses == b->max_excuses);
}

static bool
offload_equal(const struct hb_offload *a, const struct hb_offload *b)
{
    return (a->receive == b->receive && a->send == b->send
            && a->ifindex == b->ifindex && a->lease_us == b->lease_us);
}

static bool
bfd_equal(const struct bfd_session_config *a,
          const struct bfd_session_config *b)
{
    return (a->min_tx_us == b->min_tx_us && a->min_rx_us == b->min_rx_us
            && a->mult == b->mult && a->passive == b->passive
            && a->admin_down == b->admin_down
            && a->admin_diag == b->admin_diag
            && bfd_auth_equal(&a->auth, &b->auth));
}

/* Returns true if 'a' and 'b' describe the same session in all details, the
 * device's number included.  Threads: any. */
bool
hb_session_config_equal(const struct hb_session_config *a,
                        const struct hb_session_config *b)
{
    return (a->id == b->id && !strcmp(a->name, b->name)
            && a->type == b->type && a->path == b->path
            && IN6_ARE_ADDR_EQUAL(&a->local, &b->local)
            && IN6_ARE_ADDR_EQUAL(&a->peer, &b->peer)
            && !strcmp(a->ifname, b->ifname) && a->ifindex == b->ifindex
            && !memcmp(a->local_mac, b->local_mac, sizeof a->local_mac)
            && !memcmp(a->peer_mac, b->peer_mac, sizeof a->peer_mac)
            && a->vlan == b->vlan
            && a->detect_override_us == b->detect_override_us
            && timing_equal(&a->hb, &b->hb) && bfd_equal(&a->bfd, &b->bfd)
            && offload_equal(&a->offload, &b->offload));
}

/* Returns true if 'cfg' describes the same session, with other timers or on
 * another device perhaps: hb_session_configure() is enough. */
bool
hb_session_is_same(const struct hb_session *s,
                   const struct hb_session_config *cfg)
{
    return (s->used && s->cfg.type == cfg->type && s->cfg.path == cfg->path
            && IN6_ARE_ADDR_EQUAL(&s->cfg.local, &cfg->local)
            && IN6_ARE_ADDR_EQUAL(&s->cfg.peer, &cfg->peer));
}

/* Changes the configuration of a living session, whose transport becomes 'io';
 * the caller disposes of the old one. */
enum heartbeat_decision
hb_session_configure(struct hb_session *s,
                     const struct hb_session_config *cfg,
                     const struct hb_io *io, int hub, long long int now_us)
{
    set_path(s, cfg, io, hub);
    s->error = 0;
    switch (cfg->type) {
    case HB_BFD:
        return bfd_session_configure(&s->bfd, &cfg->bfd, &cfg->hb,
                                     cfg->detect_override_us, now_us);
    case HB_ICMP:
        icmp_echo_configure(&s->echo, &cfg->hb, cfg->detect_override_us,
                            now_us);
        break;
    case HB_LINK:
        break;
    }
    return HEARTBEAT_NOTHING;
}

/* Should be called before the session is judged, when the thread woke up
 * 'late_us' later than it had asked for: for every session, before beats are
 * read, if that is more than HB_LATE_US. */
void
hb_session_late(struct hb_session *s, long long int late_us)
{
    if (s->kernel.armed && s->kernel.sending) {
        return;                 /* It was not our turn. */
    }
    if (s->cfg.type == HB_BFD) {
        bfd_session_late(&s->bfd, late_us);
    } else {
        heartbeat_late(heartbeat(s), late_us);
    }
}

static enum bfd_error
check_bfd(const struct hb_session *s, const struct hb_rx *rx,
          struct bfd_packet *p, uint32_t *seq)
{
    *seq = 0;
    if (rx->ttl != BFD_TTL) {
        return BFD_ERR_TTL;
    }

    enum bfd_error error = bfd_packet_decode(rx->data, rx->size, p);
    return (error ? error
            : bfd_packet_check_auth(rx->data, rx->size, &s->cfg.bfd.auth,
                                    seq));
}

static enum bfd_error
receive_bfd(struct hb_session *s, const struct hb_rx *rx,
            long long int now_us, enum heartbeat_decision *decision)
{
    struct bfd_packet p;
    uint32_t seq;
    enum bfd_error error = check_bfd(s, rx, &p, &seq);

    return (error ? error
            : bfd_session_receive(&s->bfd, &p, seq, now_us, decision));
}

static enum bfd_error
receive_echo(struct hb_session *s, const struct hb_rx *rx,
             long long int now_us, enum heartbeat_decision *decision)
{
    return (icmp_echo_receive(&s->echo, rx->echo_id, rx->echo_seq, rx->data,
                              rx->size, now_us, decision)
            ? BFD_ERR_NONE : BFD_ERR_AUTH_FAILED);
}

static void
learn_mac(struct hb_session *s, const struct hb_rx *rx)
{
    static const uint8_t zero[6];

    if (!memcmp(s->cfg.peer_mac, zero, sizeof zero)
        && !(rx->mac_src[0] & 1)) {
        memcpy(s->peer_mac, rx->mac_src, sizeof s->peer_mac);
    }
}

/* Should be called for each beat whose addresses are the session's.  While the
 * link is down, what still comes out of the queue is older than that. */
enum heartbeat_decision
hb_session_receive(struct hb_session *s, const struct hb_rx *rx,
                   long long int now_us)
{
    enum heartbeat_decision decision = HEARTBEAT_NOTHING;
    bool bfd = s->cfg.type == HB_BFD;

    if (!s->link_up) {
        return HEARTBEAT_NOTHING;
    }
    s->touched = true;
    if (bfd) {
        hb_kernel_blame(s);
    }

    enum bfd_error error
        = (rx->kind != (bfd ? HB_RX_BFD : HB_RX_ECHO) ? BFD_ERR_FRAME
           : bfd ? receive_bfd(s, rx, now_us, &decision)
           : receive_echo(s, rx, now_us, &decision));
    if (error) {
        s->n_rx_bad[error]++;
        return HEARTBEAT_NOTHING;
    }
    s->n_rx++;
    if (s->cfg.path == HB_PATH_PACKET) {
        learn_mac(s, rx);
    }
    if (bfd) {
        hb_kernel_note(s, rx);
    }
    return decision;
}

/* The path is down: not by silence, by somebody's word. */
static enum heartbeat_decision
path_down(struct hb_session *s, long long int now_us)
{
    return (s->cfg.type == HB_BFD
            ? bfd_session_down(&s->bfd, BFD_DIAG_PATH_DOWN,
                               HEARTBEAT_CAUSE_LINK_DOWN, now_us)
            : heartbeat_down(heartbeat(s), HEARTBEAT_CAUSE_LINK_DOWN,
                             now_us));
}

/* Should be called when receiving failed with 'error', an errno.  A packet
 * socket tells at once that its device went down, before anybody else. */
enum heartbeat_decision
hb_session_trouble(struct hb_session *s, int error, long long int now_us)
{
    s->error = error;
    s->touched = true;
    return error == ENETDOWN ? path_down(s, now_us) : HEARTBEAT_NOTHING;
}

/* Should be called when the main thread learned that the port's link went up
 * or down. */
enum heartbeat_decision
hb_session_set_link(struct hb_session *s, bool up, long long int now_us)
{
    s->link_up = up;
    s->touched = true;
    if (s->cfg.type == HB_LINK && up) {
        return (s->link.state != HEARTBEAT_UP
                ? heartbeat_beat(&s->link, now_us)
                : HEARTBEAT_NOTHING);
    }
    return up ? HEARTBEAT_NOTHING : path_down(s, now_us);
}

/* Takes a BFD session to AdminDown with diagnostic 'diag', or lets it go. */
enum heartbeat_decision
hb_session_set_admin(struct hb_session *s, bool down, enum bfd_diag diag,
                     long long int now_us)
{
    if (s->cfg.type != HB_BFD) {
        return HEARTBEAT_NOTHING;
    }
    s->touched = true;
    s->cfg.bfd.admin_down = down;
    s->cfg.bfd.admin_diag = diag;
    return bfd_session_configure(&s->bfd, &s->cfg.bfd, &s->cfg.hb,
                                 s->cfg.detect_override_us, now_us);
}

/* Returns true if hb_session_judge() could decide something at 'now_us': the
 * owner should read all that waits first. */
bool
hb_session_must_judge(const struct hb_session *s, long long int now_us)
{
    return (!is_idle(s) && !s->kernel.armed
            && (now_us >= heartbeat_deadline(hb_session_heartbeat(s))
                || (s->cfg.type == HB_BFD
                    && now_us >= heartbeat_deadline(&s->bfd.rx))));
}

/* How long after its time our next beat is although we wanted to send it, as
 * the kernel had no room for it.  A device that is down or gone is no excuse:
 * nobody gets through there. */
static long long int
own_silence(const struct hb_session *s, long long int now_us)
{
    const struct heartbeat *hb = hb_session_heartbeat(s);

    return (s->error == ENOBUFS || s->error == EAGAIN || s->error == ENOMEM
            ? now_us - s->last_tx_us - hb->cfg.interval_us : 0);
}

/* Should be called when hb_session_must_judge(), after all beats that came
 * before 'now_us' were handed in. */
enum heartbeat_decision
hb_session_judge(struct hb_session *s, long long int now_us)
{
    long long int late_us
        = hb_kernel_stall(s, hb_session_heartbeat(s)->silent_us);

    late_us = MAX(late_us, own_silence(s, now_us));
    if (late_us > 0) {
        hb_session_late(s, late_us);
    }
    s->touched = true;
    return (s->cfg.type == HB_BFD
            ? bfd_session_run(&s->bfd, now_us)
            : heartbeat_run(heartbeat(s), now_us));
}

static void
transmit(struct hb_session *s, struct hb_tx *tx, long long int now_us)
{
    s->touched = true;
    tx->src = s->local;
    tx->dst = s->peer;
    tx->ifindex = s->ifindex;
    memcpy(tx->mac_dst, s->peer_mac, sizeof tx->mac_dst);

    s->error = s->io.class ? s->io.class->send(&s->io, tx) : ENODEV;
    if (s->error) {
        s->n_tx_errors++;
    } else {
        s->n_tx++;
        s->last_tx_us = now_us;
        if (s->kernel.armed && !s->kernel.sending) {
            tpr_beat_sent(s->kernel.beat, s->cfg.id, now_us);
        }
    }
}

/* Sends all that is due at 'now_us'.  A failure ends up in s->error; it is
 * tried again when the next one is due. */
void
hb_session_send(struct hb_session *s, long long int now_us)
{
    if (is_idle(s)) {
        return;
    }
    if (s->cfg.type == HB_BFD) {
        for (int i = 0;
             i < MAX_BURST && bfd_session_must_send(&s->bfd, now_us); i++) {
            uint8_t buf[BFD_MAX_LEN];
            struct hb_tx tx = { .data = buf };

            tx.size = bfd_session_build(&s->bfd, buf, now_us);
            transmit(s, &tx, now_us);
        }
    } else if (s->cfg.type == HB_ICMP
               && icmp_echo_must_send(&s->echo, now_us)) {
        uint8_t payload[ICMP_ECHO_PAYLOAD];
        struct hb_tx tx = {
            .echo = true, .data = payload, .size = sizeof payload,
        };

        icmp_echo_build(&s->echo, &tx.echo_id, &tx.echo_seq, payload, now_us);
        transmit(s, &tx, now_us);
    }
}

/* Returns when hb_session_judge() or hb_session_send() is due next, LLONG_MAX
 * for never. */
long long int
hb_session_deadline(const struct hb_session *s)
{
    if (!s->used || is_idle(s)) {
        return LLONG_MAX;
    }
    switch (s->cfg.type) {
    case HB_BFD:
        return MIN(s->kernel.armed
                   ? bfd_session_tx_deadline(&s->bfd)
                   : bfd_session_deadline(&s->bfd),
                   hb_kernel_deadline(s));
    case HB_ICMP:
        return icmp_echo_deadline(&s->echo);
    case HB_LINK:
        break;
    }
    return LLONG_MAX;
}

/* Returns true if 's' waits for a peer that it does not know, or has one that
 * is long gone, and 'rx' is a valid packet that begins a session. */
bool
hb_session_may_adopt(const struct hb_session *s, const struct hb_rx *rx,
                     long long int now_us)
{
    struct bfd_packet p;
    uint32_t seq;

    if (!s->used || s->cfg.type != HB_BFD
        || !IN6_IS_ADDR_UNSPECIFIED(&s->cfg.peer)
        || (s->learned && now_us - s->bfd.rx.silent_us < FORGET_US)) {
        return false;
    }
    return !check_bfd(s, rx, &p, &seq) && !p.your_discr;
}

/* Gives 's' the peer that sent 'rx'; the session starts anew. */
void
hb_session_adopt(struct hb_session *s, const struct hb_rx *rx,
                 long long int now_us)
{
    s->learned = true;
    s->peer = rx->src;
    s->local = rx->dst;
    s->ifindex = rx->ifindex;
    s->last_tx_us = now_us;
    s->touched = true;
    start_logic(s, now_us);
}

/* Copies what 'show' prints to '*out'. */
void
hb_session_stats(const struct hb_session *s, struct hb_stats *out)
{
    memset(out, 0, sizeof *out);
    out->type = s->cfg.type;
    out->hb = *hb_session_heartbeat(s);
    if (s->cfg.type == HB_BFD) {
        bfd_session_status(&s->bfd, &out->bfd);
        hb_kernel_stats(s, s->cfg.id, out);
    }
    out->tx = s->n_tx;
    out->rx = s->n_rx;
    out->tx_errors = s->n_tx_errors;
    memcpy(out->rx_bad, s->n_rx_bad, sizeof out->rx_bad);
    out->local = s->local;
    out->peer = s->peer;
    if (s->cfg.path == HB_PATH_PACKET) {
        memcpy(out->peer_mac, s->peer_mac, sizeof out->peer_mac);
    }
    out->error = s->error;
}
