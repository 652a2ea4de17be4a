/* SPDX-License-Identifier: Apache-2.0 */

/* One BFD session: see bfd-session.h, which draws its machine.
 *
 * Numbers in comments are sections of RFC 5880. */

#include <config.h>
#include "bfd-session.h"

#include <limits.h>
#include <string.h>
#include "beat-rules.h"
#include "util.h"

static bool
is_up(const struct bfd_session *s)
{
    return s->state == BFD_STATE_UP;
}

/* Timers: what we advertise, what we use, what was negotiated. */

/* Negotiated transmission interval before jitter (6.8.2), LLONG_MAX if the
 * remote system wants no periodic packets. */
static long long int
tx_interval(const struct bfd_session *s)
{
    return (s->remote_min_rx_us
            ? MAX(s->used_min_tx_us, s->remote_min_rx_us)
            : LLONG_MAX);
}

/* The interval at which the remote system's packets are due (6.8.4).  Before
 * the first one: as if it went by the same configuration. */
static long long int
rx_interval(const struct bfd_session *s)
{
    uint32_t remote_us = (s->remote_mult
                          ? s->remote_min_tx_us
                          : MAX(s->cfg.min_tx_us, BFD_SLOW_TX_US));

    return MAX(s->used_min_rx_us, remote_us);
}

static unsigned int
rx_mult(const struct bfd_session *s)
{
    return s->remote_mult ? s->remote_mult : s->cfg.mult;
}

/* Detection of the region: the negotiated one, or earlier if an override says
 * so.  No override is shorter than one and a half intervals, which would take
 * every beat for the last. */
static long long int
hb_detect(const struct bfd_session *s, long long int interval_us)
{
    long long int detect_us = interval_us * rx_mult(s);

    if (s->override_us) {
        long long int least_us = interval_us + interval_us / 2;

        detect_us = MIN(detect_us, MAX(s->override_us, least_us));
    }
    return detect_us;
}

/* Hands the negotiated detection to both detectors.  Outside of Up the remote
 * system may send once a second, whatever it says. */
static void
update_detection(struct bfd_session *s, long long int now_us)
{
    long long int interval_us = rx_interval(s);

    heartbeat_set_detection(&s->rx, interval_us, interval_us * rx_mult(s),
                            now_us);
    if (!is_up(s)) {
        interval_us = MAX(interval_us, BFD_SLOW_TX_US);
    }
    heartbeat_set_detection(&s->hb, interval_us, hb_detect(s, interval_us),
                            now_us);
}

/* Makes the advertised intervals follow configuration and state (6.8.3), and
 * those in use as far as that is allowed before a Poll Sequence has ended: a
 * faster transmission and a longer detection.  Returns true if what we
 * advertise has changed. */
static bool
update_intervals(struct bfd_session *s)
{
    uint32_t min_tx_us = (is_up(s)
                          ? s->cfg.min_tx_us
                          : MAX(s->cfg.min_tx_us, BFD_SLOW_TX_US));
    uint32_t min_rx_us = s->cfg.min_rx_us;
    bool changed = s->min_tx_us != min_tx_us || s->min_rx_us != min_rx_us;

    s->min_tx_us = min_tx_us;
    s->min_rx_us = min_rx_us;
    if (!is_up(s) || min_tx_us < s->used_min_tx_us) {
        s->used_min_tx_us = min_tx_us;
    }
    if (!is_up(s) || min_rx_us > s->used_min_rx_us) {
        s->used_min_rx_us = min_rx_us;
    }
    return changed;
}

/* Starts a Poll Sequence, or remembers to after the one under way: its Final
 * may answer what we said before (6.5). */
static void
start_poll(struct bfd_session *s)
{
    s->repoll = s->polling;
    s->polling = true;
}

static void
end_poll(struct bfd_session *s)
{
    if (!s->polling) {
        return;
    }
    s->polling = s->repoll;
    s->repoll = false;
    if (!s->polling) {
        s->used_min_tx_us = s->min_tx_us;
        s->used_min_rx_us = s->min_rx_us;
        s->seqno++;
    }
}

/* State. */

/* Enters 'state' for reason 'diag'; the only place that changes s->state.
 *
 * A Poll Sequence makes the remote system aware of the intervals that we
 * change to as we come Up.  Outside of Up, where every change is in force at
 * once, there is none. */
static void
set_state(struct bfd_session *s, enum bfd_state state, enum bfd_diag diag,
          long long int now_us)
{
    if (is_up(s) && state != BFD_STATE_UP) {
        s->n_flaps++;
    }
    s->state = state;
    s->diag = diag;
    s->seqno++;
    s->polling = s->repoll = false;
    update_intervals(s);
    if (is_up(s)) {
        start_poll(s);
    }
    update_detection(s, now_us);
}

/* Leaves Init or Up, and what follows from it for the region. */
static enum heartbeat_decision
go_down(struct bfd_session *s, enum bfd_state state, enum bfd_diag diag,
        enum heartbeat_cause cause, long long int now_us)
{
    set_state(s, state, diag, now_us);
    return heartbeat_down(&s->hb, cause, now_us);
}

/* Forgets a remote system that was silent for a detection time (6.8.1): it may
 * come back with another discriminator, other timers and another mind. */
static void
forget_remote(struct bfd_session *s)
{
    s->your_discr = 0;
    s->remote_state = BFD_STATE_DOWN;
    s->remote_demand = false;
    s->remote_min_rx_us = 1;
    s->seqno++;
}

static void
draw_jitter(struct bfd_session *s)
{
    s->jitter = tpr_beat_jitter(&s->random, s->cfg.mult == 1);
}

static void
set_config(struct bfd_session *s, const struct bfd_session_config *cfg,
           long long int override_us)
{
    s->cfg = *cfg;
    s->cfg.mult = MAX(cfg->mult, 1);
    s->cfg.min_tx_us = MAX(cfg->min_tx_us, 1);
    s->cfg.min_rx_us = MAX(cfg->min_rx_us, 1);  /* 0 would end detection. */
    s->override_us = override_us;
}

/* Makes 's' a session in state Down, or AdminDown if 'cfg' says so, at
 * 'now_us'.  Its first packet is due at once.
 *
 * 'my_discr' is nonzero and unique among the sessions of this system; it
 * should be hard to guess, as 'seed' (any value), from which jitter and the
 * first authentication sequence number come.
 *
 * Of 'hb_cfg', 'rise' and 'max_excuses' apply; detection is negotiated.
 * 'override_us', if nonzero, is a silence that takes the region down although
 * the session still lives. */
void
bfd_session_init(struct bfd_session *s, const struct bfd_session_config *cfg,
                 const struct heartbeat_config *hb_cfg,
                 long long int override_us, uint32_t my_discr, uint64_t seed,
                 long long int now_us)
{
    struct heartbeat_config rx_cfg = *hb_cfg;

    memset(s, 0, sizeof *s);
    set_config(s, cfg, override_us);
    s->state = s->remote_state = BFD_STATE_DOWN;
    s->my_discr = MAX(my_discr, 1);
    s->remote_min_rx_us = 1;
    s->random = seed ? seed : 1;
    s->tx_seq = tpr_beat_random(&s->random);
    draw_jitter(s);

    rx_cfg.rise = 1;
    heartbeat_init(&s->rx, &rx_cfg, now_us);
    heartbeat_init(&s->hb, hb_cfg, now_us);
    update_intervals(s);
    update_detection(s, now_us);
    if (s->cfg.admin_down) {
        go_down(s, BFD_STATE_ADMIN_DOWN, s->cfg.admin_diag,
                HEARTBEAT_CAUSE_DISABLED, now_us);
    }
}

/* Changes the configuration of a living session.  Timers change without a flap
 * (6.8.3); a change of authentication is in force at once, and both ends have
 * a detection time to agree on it (6.7.1). */
enum heartbeat_decision
bfd_session_configure(struct bfd_session *s,
                      const struct bfd_session_config *cfg,
                      const struct heartbeat_config *hb_cfg,
                      long long int override_us, long long int now_us)
{
    struct heartbeat_config rx_cfg = *hb_cfg;
    enum heartbeat_decision decision = HEARTBEAT_NOTHING;

    if (!bfd_auth_equal(&s->cfg.auth, &cfg->auth)) {
        s->rx_seq_known = false;
    }
    set_config(s, cfg, override_us);

    /* The detectors keep their negotiated intervals. */
    rx_cfg.rise = 1;
    rx_cfg.interval_us = s->rx.cfg.interval_us;
    heartbeat_configure(&s->rx, &rx_cfg, now_us);
    rx_cfg.rise = hb_cfg->rise;
    rx_cfg.interval_us = s->hb.cfg.interval_us;
    heartbeat_configure(&s->hb, &rx_cfg, now_us);

    if (s->cfg.admin_down) {
        if (s->state != BFD_STATE_ADMIN_DOWN || s->diag != cfg->admin_diag) {
            decision = go_down(s, BFD_STATE_ADMIN_DOWN, cfg->admin_diag,
                               HEARTBEAT_CAUSE_DISABLED, now_us);
        }
    } else if (s->state == BFD_STATE_ADMIN_DOWN) {
        set_state(s, BFD_STATE_DOWN, BFD_DIAG_NONE, now_us);
    }
    if (update_intervals(s)) {
        s->seqno++;
        if (is_up(s)) {
            start_poll(s);
        }
    }
    update_detection(s, now_us);
    return decision;
}

/* Should be called, as heartbeat_late(), when the owner woke up or sent a
 * packet 'late_us' microseconds later than bfd_session_deadline() said. */
void
bfd_session_late(struct bfd_session *s, long long int late_us)
{
    heartbeat_late(&s->rx, late_us);
    heartbeat_late(&s->hb, late_us);
    if (is_up(s) && late_us > s->hb.cfg.interval_us / 2) {
        s->stall_us = MAX(s->stall_us, late_us);
    }
}

/* Starts the time in which the peer may complain of a stall of ours: it takes
 * what it takes for silent, and we may hear of it a little later. */
static void
note_stall(struct bfd_session *s, long long int now_us)
{
    if (s->stall_us && s->remote_min_rx_us) {
        s->stalled_us = s->stall_us;
        s->blame_until_us = now_us + s->cfg.mult * tx_interval(s);
    }
    s->stall_us = 0;
}

/* 6.7.4, bfd.AuthSeqKnown: after twice the detection time without a valid
 * packet any sequence number is a new beginning.  Returns false if 'seq' is
 * out of range. */
static bool
accept_seq(struct bfd_session *s, uint8_t mult, uint32_t seq,
           long long int now_us)
{
    if (!bfd_auth_has_seq(&s->cfg.auth)) {
        return true;
    }
    if (now_us - s->rx.last_beat_us >= 2 * s->rx.detect_us) {
        s->rx_seq_known = false;
    }
    if (s->rx_seq_known
        && !bfd_auth_seq_ok(s->cfg.auth.type, s->rx_seq, seq, mult)) {
        return false;
    }
    s->rx_seq = seq;
    s->rx_seq_known = true;
    return true;
}

/* 6.8.6, "Set bfd.RemoteDiscr ..." to "Update the Detection Time ...". */
static void
learn_remote(struct bfd_session *s, const struct bfd_packet *p,
             long long int now_us)
{
    if (s->remote_state != p->state || s->remote_diag != p->diag
        || s->your_discr != p->my_discr || s->remote_mult != p->mult
        || s->remote_min_tx_us != p->min_tx_us
        || s->remote_min_rx_us != p->min_rx_us) {
        s->seqno++;
    }
    s->your_discr = p->my_discr;
    s->remote_state = p->state;
    s->remote_diag = p->diag;
    s->remote_demand = p->demand;
    s->remote_mult = p->mult;
    s->remote_min_tx_us = p->min_tx_us;
    s->remote_min_rx_us = p->min_rx_us;
    if (p->final) {
        end_poll(s);
    }
    update_detection(s, now_us);
}

/* The peer says Down to our Up.  'detect_us' is the region's detection time
 * before. */
static enum heartbeat_decision
handle_peer_down(struct bfd_session *s, long long int detect_us,
                 long long int now_us)
{
    if (s->remote_diag == BFD_DIAG_EXPIRED && now_us < s->blame_until_us) {
        enum heartbeat_decision decision
            = heartbeat_excuse(&s->hb, s->stalled_us,
                               MAX(detect_us, BFD_COMEBACK_US), now_us);

        if (decision == HEARTBEAT_EXCUSED) {
            set_state(s, BFD_STATE_DOWN, BFD_DIAG_NEIGHBOR_DOWN, now_us);
            return decision;
        }
    }
    return go_down(s, BFD_STATE_DOWN, BFD_DIAG_NEIGHBOR_DOWN,
                   HEARTBEAT_CAUSE_PEER_DOWN, now_us);
}

/* The machine's arrows for received packets (6.8.6). */
static enum heartbeat_decision
handle_state(struct bfd_session *s, enum bfd_state remote,
             long long int detect_us, long long int now_us)
{
    enum heartbeat_decision decision = HEARTBEAT_NOTHING;

    switch (s->state) {
    case BFD_STATE_ADMIN_DOWN:
        break;
    case BFD_STATE_DOWN:
        if (remote == BFD_STATE_DOWN) {
            set_state(s, BFD_STATE_INIT, s->diag, now_us);
        } else if (remote == BFD_STATE_INIT) {
            set_state(s, BFD_STATE_UP, BFD_DIAG_NONE, now_us);
        } else if (remote == BFD_STATE_ADMIN_DOWN) {
            decision = heartbeat_down(&s->hb, HEARTBEAT_CAUSE_PEER_ADMIN_DOWN,
                                      now_us);
        }
        break;
    case BFD_STATE_INIT:
        if (remote == BFD_STATE_INIT || remote == BFD_STATE_UP) {
            set_state(s, BFD_STATE_UP, BFD_DIAG_NONE, now_us);
        } else if (remote == BFD_STATE_ADMIN_DOWN) {
            decision = go_down(s, BFD_STATE_DOWN, BFD_DIAG_NEIGHBOR_DOWN,
                               HEARTBEAT_CAUSE_PEER_ADMIN_DOWN, now_us);
        }
        break;
    case BFD_STATE_UP:
        if (remote == BFD_STATE_ADMIN_DOWN) {
            decision = go_down(s, BFD_STATE_DOWN, BFD_DIAG_NEIGHBOR_DOWN,
                               HEARTBEAT_CAUSE_PEER_ADMIN_DOWN, now_us);
        } else if (remote == BFD_STATE_DOWN) {
            decision = handle_peer_down(s, detect_us, now_us);
        }
        break;
    }
    return decision;
}

/* Should be called for each packet that belongs to the session by its
 * addresses, for which bfd_packet_decode() and bfd_packet_check_auth() (with
 * s->cfg.auth; it gives 'seq') returned BFD_ERR_NONE.  The rest of 6.8.6.
 *
 * Returns BFD_ERR_NONE, or BFD_ERR_YOUR_DISCR or BFD_ERR_AUTH_SEQ for a packet
 * that changed nothing.  Stores what became of the region in '*decision'. */
enum bfd_error
bfd_session_receive(struct bfd_session *s, const struct bfd_packet *p,
                    uint32_t seq, long long int now_us,
                    enum heartbeat_decision *decision)
{
    long long int detect_us = s->hb.detect_us;

    *decision = HEARTBEAT_NOTHING;
    if (p->your_discr && p->your_discr != s->my_discr) {
        return BFD_ERR_YOUR_DISCR;
    }
    if (!accept_seq(s, p->mult, seq, now_us)) {
        return BFD_ERR_AUTH_SEQ;
    }

    note_stall(s, now_us);
    learn_remote(s, p, now_us);
    if (s->state != BFD_STATE_ADMIN_DOWN) {
        *decision = handle_state(s, p->state, detect_us, now_us);
        s->final = s->final || p->poll;
    }
    heartbeat_beat(&s->rx, now_us);
    if (is_up(s)) {
        *decision = heartbeat_beat(&s->hb, now_us);
    }
    return BFD_ERR_NONE;
}

/* Should be called when something other than a packet says that the path is
 * down: for example the link, with BFD_DIAG_PATH_DOWN.  The session goes Down
 * at once, tells the remote system, and tries to come back. */
enum heartbeat_decision
bfd_session_down(struct bfd_session *s, enum bfd_diag diag,
                 enum heartbeat_cause cause, long long int now_us)
{
    if (s->state == BFD_STATE_INIT || is_up(s)) {
        return go_down(s, BFD_STATE_DOWN, diag, cause, now_us);
    }
    return heartbeat_down(&s->hb, cause, now_us);
}

/* Should be called when bfd_session_deadline() has come, after all packets
 * that were received until then; may be called at any time.  HEARTBEAT_EXCUSED
 * means that region and session live on for now because we were late. */
enum heartbeat_decision
bfd_session_run(struct bfd_session *s, long long int now_us)
{
    note_stall(s, now_us);

    enum heartbeat_decision rx = heartbeat_run(&s->rx, now_us);
    enum heartbeat_decision hb = heartbeat_run(&s->hb, now_us);

    if (rx == HEARTBEAT_WENT_DOWN) {
        forget_remote(s);
        if (s->state == BFD_STATE_INIT || is_up(s)) {
            enum heartbeat_decision down
                = go_down(s, BFD_STATE_DOWN, BFD_DIAG_EXPIRED,
                          HEARTBEAT_CAUSE_MISSED, now_us);

            return down != HEARTBEAT_NOTHING ? down : hb;
        }
    }
    return hb != HEARTBEAT_NOTHING || rx != HEARTBEAT_EXCUSED ? hb : rx;
}

/* Transmission. */

/* Fills in what we would send now, without Poll and Final. */
static void
compose(const struct bfd_session *s, struct bfd_packet *p)
{
    memset(p, 0, sizeof *p);
    p->diag = s->diag;
    p->state = s->state;
    p->auth_present = s->cfg.auth.type != BFD_AUTH_NONE;
    p->mult = s->cfg.mult;
    p->my_discr = s->my_discr;
    p->your_discr = s->your_discr;
    p->min_tx_us = s->min_tx_us;
    p->min_rx_us = s->min_rx_us;
}

static bool
contents_equal(const struct bfd_packet *a, const struct bfd_packet *b)
{
    return (a->diag == b->diag && a->state == b->state
            && a->auth_present == b->auth_present && a->mult == b->mult
            && a->my_discr == b->my_discr && a->your_discr == b->your_discr
            && a->min_tx_us == b->min_tx_us && a->min_rx_us == b->min_rx_us);
}

/* 6.8.7, last paragraph: what changed is said between periodic packets. */
static bool
has_news(const struct bfd_session *s)
{
    struct bfd_packet p;

    compose(s, &p);
    return !s->sent_any || !contents_equal(&p, &s->sent);
}

/* 6.8.7: may we send packets that the remote system did not poll for? */
static bool
may_send(const struct bfd_session *s)
{
    return s->your_discr || !s->cfg.passive;
}

/* When the next periodic packet is due, LLONG_MAX for never. */
static long long int
next_tx(const struct bfd_session *s)
{
    long long int interval_us = tx_interval(s);
    bool demand = (s->remote_demand && is_up(s)
                   && s->remote_state == BFD_STATE_UP);

    if (!may_send(s) || interval_us == LLONG_MAX || s->relayed
        || (demand && !s->polling)) {
        return LLONG_MAX;
    }
    return s->last_tx_us + interval_us * s->jitter / TPR_BEAT_JITTER_ONE;
}

/* Returns true if a packet is due at 'now_us': a Final, a change, or the next
 * periodic one. */
bool
bfd_session_must_send(const struct bfd_session *s, long long int now_us)
{
    return (s->final || (may_send(s) && has_news(s)) || now_us >= next_tx(s));
}

/* Returns when bfd_session_build() is due next, 0 for at once, LLONG_MAX for
 * never. */
long long int
bfd_session_tx_deadline(const struct bfd_session *s)
{
    return s->final || (may_send(s) && has_news(s)) ? 0 : next_tx(s);
}

/* Returns when bfd_session_run() or bfd_session_build() is due next, 0 for at
 * once, LLONG_MAX for never. */
long long int
bfd_session_deadline(const struct bfd_session *s)
{
    return MIN(bfd_session_tx_deadline(s),
               MIN(heartbeat_deadline(&s->rx), heartbeat_deadline(&s->hb)));
}

/* 6.7.4: the meticulous variant counts every packet, the other one changes of
 * contents. */
static void
advance_tx_seq(struct bfd_session *s, const struct bfd_packet *p)
{
    if (s->cfg.auth.type == BFD_AUTH_METICULOUS_SHA1
        || (s->sent_any && (!contents_equal(p, &s->sent)
                            || p->poll != s->sent.poll
                            || p->final != s->sent.final))) {
        s->tx_seq++;
    }
}

/* Writes the packet that bfd_session_must_send() asked for to 'buf' and
 * returns its size in bytes.  The caller sends it at once; one that gets lost
 * on its way out needs no repetition.
 *
 * A Final has no Poll bit and leaves the periodic schedule as it is: neither a
 * polling peer nor our own Poll Sequence starves the other. */
size_t
bfd_session_build(struct bfd_session *s, uint8_t buf[BFD_MAX_LEN],
                  long long int now_us)
{
    struct bfd_packet p;

    compose(s, &p);
    p.final = s->final;
    p.poll = s->polling && !p.final;
    if (!p.final) {
        s->last_tx_us = now_us;
        draw_jitter(s);
    }
    advance_tx_seq(s, &p);
    s->final = false;
    s->sent = p;
    s->sent_any = true;
    return bfd_packet_encode(&p, &s->cfg.auth, s->tx_seq, buf);
}

/* Relaying. */

/* Returns true if the session and its region are up and there is nothing to
 * say or to hear but that: packets without authentication, Poll or Final. */
bool
bfd_session_is_steady(const struct bfd_session *s)
{
    return (is_up(s) && s->remote_state == BFD_STATE_UP
            && s->hb.state == HEARTBEAT_UP && s->rx.state == HEARTBEAT_UP
            && s->cfg.auth.type == BFD_AUTH_NONE && !s->polling && !s->final
            && !s->remote_demand && s->remote_min_rx_us && !has_news(s));
}

/* Writes the packet that a steady session sends, or the one with which it
 * would leave for AdminDown, to 'buf'.  Returns its size in bytes. */
size_t
bfd_session_template(const struct bfd_session *s, bool admin_down,
                     uint8_t buf[BFD_MAX_LEN])
{
    struct bfd_packet p;

    compose(s, &p);
    if (admin_down) {
        p.state = BFD_STATE_ADMIN_DOWN;
        p.diag = BFD_DIAG_ADMIN_DOWN;
    }
    return bfd_packet_encode(&p, &s->cfg.auth, s->tx_seq, buf);
}

/* Leaves periodic packets to somebody else, or takes them back; the last one
 * was sent at 'last_tx_us'. */
void
bfd_session_relay(struct bfd_session *s, bool relayed,
                  long long int last_tx_us)
{
    s->relayed = relayed;
    s->last_tx_us = last_tx_us;
}

/* Should be called when somebody else has received 'n' packets that were like
 * the last one, the last of them at 'last_us'; their longest gap ever was
 * 'max_gap_us'. */
void
bfd_session_relay_beats(struct bfd_session *s, uint64_t n,
                        long long int last_us, long long int max_gap_us)
{
    heartbeat_relay(&s->rx, n, last_us, max_gap_us);
    if (is_up(s)) {
        heartbeat_relay(&s->hb, n, last_us, max_gap_us);
    }
}

/* Should be called when whoever sends for us had stalled for 'late_us': the
 * peer may complain of it until 'until_us'. */
void
bfd_session_blame(struct bfd_session *s, long long int late_us,
                  long long int until_us)
{
    if (until_us > s->blame_until_us) {
        s->blame_until_us = until_us;
        s->stalled_us = late_us;
    }
}

/* Should be called when somebody else has excused a silence, as we were late
 * by 'late_us' ourselves.  The peer may complain of that, too. */
enum heartbeat_decision
bfd_session_excuse(struct bfd_session *s, long long int late_us,
                   long long int now_us)
{
    bfd_session_late(s, late_us);
    note_stall(s, now_us);
    return heartbeat_excuse(&s->hb, late_us, s->hb.cfg.interval_us, now_us);
}

/* Should be called when somebody else has found the detection time over
 * (6.8.4), or that of the region. */
enum heartbeat_decision
bfd_session_expire(struct bfd_session *s, long long int now_us)
{
    ignore(heartbeat_down(&s->rx, HEARTBEAT_CAUSE_MISSED, now_us));
    forget_remote(s);
    return bfd_session_down(s, BFD_DIAG_EXPIRED, HEARTBEAT_CAUSE_MISSED,
                            now_us);
}

/* Copies what 'show' prints to '*out'. */
void
bfd_session_status(const struct bfd_session *s, struct bfd_session_status *out)
{
    memset(out, 0, sizeof *out);
    out->state = s->state;
    out->remote_state = s->remote_state;
    out->diag = s->diag;
    out->remote_diag = s->remote_diag;
    out->my_discr = s->my_discr;
    out->your_discr = s->your_discr;
    out->remote_min_tx_us = s->remote_min_tx_us;
    out->remote_min_rx_us = s->remote_min_rx_us;
    out->remote_mult = s->remote_mult;
    out->tx_interval_us = s->remote_min_rx_us ? tx_interval(s) : 0;
    out->detect_us = s->rx.detect_us;
    out->polling = s->polling;
    out->n_flaps = s->n_flaps;
}
