/* SPDX-License-Identifier: Apache-2.0 */

/* One BFD session in asynchronous mode: the logic of RFC 5880 section 6.8.
 *
 * Pure: packets (decoded), timers and orders in; packets to send, state and
 * the next deadline out.  No socket, clock, random source (the caller hands
 * in a seed for jitter and discriminators) or log.
 *
 * The detection timer is a 'struct heartbeat': the self-stall guard and
 * 'rise' are the same for BFD and ICMP echo.  The session's own state follows
 * the RFC at once; "region up" additionally waits for 'rise' good packets
 * while the session is Up.
 *
 * Two detectors, one guard.  's->rx' is the RFC's detection timer: every valid
 * packet is a beat, its end takes the session down.  's->hb' is the region as
 * the agent sees it: only packets while the session is Up are beats, 'rise' of
 * them make "up", and a detect override may end it earlier, which leaves the
 * session as it is.  An EXCUSED expiry keeps both.
 *
 * The guard's other half: if we stall, it is the peer that sees silence, and
 * it says Down (diagnostic 1) although nothing is wrong but us.  The session
 * then falls, as the RFC demands, but the region is excused: it stays up if
 * the session comes back within one more detection time.
 *
 * Use, by the owner thread:
 *   - report its own lateness with bfd_session_late() before anything else;
 *   - bfd_session_receive() for each packet that decoded and authenticated
 *     (bfd_packet_decode(), bfd_packet_check_auth());
 *   - bfd_session_run() when bfd_session_deadline() has come;
 *   - after each of these, and after bfd_session_configure() and
 *     bfd_session_down(), while bfd_session_must_send(): bfd_session_build()
 *     and send it;
 *   - when s->seqno has changed, tell the operator: bfd_session_status().
 *
 * Threads: an instance belongs to one thread.  Time: *_us, CLOCK_MONOTONIC. */

#ifndef TPR_BFD_SESSION_H
#define TPR_BFD_SESSION_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bfd-packet.h"
#include "heartbeat.h"

struct bfd_session_config {
    uint32_t min_tx_us;         /* Desired Min TX while Up. */
    uint32_t min_rx_us;         /* Required Min RX. */
    uint8_t mult;               /* Our Detect Mult: what the *peer* uses. */
    bool passive;               /* RFC 5880 6.1: wait for the peer first. */
    bool admin_down;            /* Hold in AdminDown. */
    enum bfd_diag admin_diag;   /* Diagnostic to send while held down. */
    struct bfd_auth auth;
};

/* What 'show' prints. */
struct bfd_session_status {
    enum bfd_state state, remote_state;
    enum bfd_diag diag, remote_diag;
    uint32_t my_discr, your_discr;
    uint32_t remote_min_tx_us, remote_min_rx_us;
    uint8_t remote_mult;
    long long int tx_interval_us;   /* Negotiated, before jitter. */
    long long int detect_us;        /* Negotiated detection time, 6.8.4. */
    bool polling;                   /* A Poll Sequence is under way. */
    uint64_t n_flaps;               /* Up -> not Up. */
};

/* Times of RFC 5880, in microseconds. */
enum {
    BFD_SLOW_TX_US = 1000000,   /* 6.8.3: the least min_tx while not Up. */
    BFD_COMEBACK_US = 20000,    /* Not of the RFC: the least time for a session
                                 * to come back that fell by our stall. */
};

/* The machine (RFC 5880 section 6.2; events are the State field of received
 * packets, "expired" is the detection timer).  Every arrow also sends a packet
 * at once (6.8.7, last paragraph).
 *
 *                          admin-down, down*,  (* "down" moves DOWN to INIT)
 *                          expired: stay
 *                             +--+
 *                             |  |
 *                             |  V
 *                  down     +------+     init: start Poll
 *           +---------------| DOWN |-------------------+
 *           |               +------+                   |
 *           |                 ^  ^                     |
 *           |     admin-down, |  | admin-down, down:   |
 *           |     expired     |  | diag NEIGHBOR_DOWN; |
 *           |                 |  | expired: EXPIRED    |
 *           V                 |  |                     V
 *        +------+-------------+  +-------------------+----+
 *        | INIT |                                    | UP |<-+ init, up
 *        +------+----------------------------------->+----+--+
 *          ^  |          init, up: start Poll
 *          +--+
 *          down
 *
 *        any state --- configured admin_down ---> ADMIN_DOWN ---> DOWN
 */
struct bfd_session {
    /* Configuration. */
    struct bfd_session_config cfg;
    long long int override_us;  /* Stricter detection for 'hb', 0: none. */

    /* Detectors. */
    struct heartbeat rx;        /* The session's: RFC 5880 6.8.4. */
    struct heartbeat hb;        /* The region's: what the agent acts on. */

    /* RFC 5880 section 6.8.1, its names beside ours. */
    enum bfd_state state;           /* bfd.SessionState */
    enum bfd_state remote_state;    /* bfd.RemoteSessionState */
    uint32_t my_discr;              /* bfd.LocalDiscr */
    uint32_t your_discr;            /* bfd.RemoteDiscr */
    enum bfd_diag diag;             /* bfd.LocalDiag */
    enum bfd_diag remote_diag;
    bool remote_demand;             /* bfd.RemoteDemandMode */
    uint32_t remote_min_tx_us;
    uint32_t remote_min_rx_us;      /* bfd.RemoteMinRxInterval */
    uint8_t remote_mult;
    uint32_t rx_seq;                /* bfd.RcvAuthSeq */
    uint32_t tx_seq;                /* bfd.XmitAuthSeq: of the next packet. */
    bool rx_seq_known;              /* bfd.AuthSeqKnown */

    /* Timers.  What we advertise is bfd.DesiredMinTxInterval and
     * bfd.RequiredMinRxInterval; what we go by may lag behind until a Poll
     * Sequence has ended (6.8.3). */
    uint32_t min_tx_us, min_rx_us;              /* Advertised. */
    uint32_t used_min_tx_us, used_min_rx_us;    /* In use. */
    bool polling;               /* Poll Sequence under way (6.5). */
    bool repoll;                /* Changed since: poll again after it. */
    bool final;                 /* A Poll waits for our Final. */

    /* Our own stall, and until when the peer may complain of it. */
    long long int stall_us;     /* Lateness not yet turned into... */
    long long int stalled_us;   /* ...the last stall, which excuses until... */
    long long int blame_until_us;   /* ...this time. */

    /* Transmission. */
    long long int last_tx_us;   /* Start of the current interval. */
    unsigned int jitter;        /* Of the current interval, 1/65536. */
    uint64_t random;            /* Generator of jitter. */
    bool relayed;               /* Somebody else sends periodic packets. */
    struct bfd_packet sent;     /* The last one. */
    bool sent_any;              /* 'sent' is valid. */

    /* Statistics. */
    uint64_t n_flaps;           /* Up -> not Up. */
    uint64_t seqno;             /* Grows when a status field other than
                                 * n_flaps or 'polling' has changed. */
};

void bfd_session_init(struct bfd_session *, const struct bfd_session_config *,
                      const struct heartbeat_config *,
                      long long int override_us, uint32_t my_discr,
                      uint64_t seed, long long int now_us);
enum heartbeat_decision bfd_session_configure(
    struct bfd_session *, const struct bfd_session_config *,
    const struct heartbeat_config *, long long int override_us,
    long long int now_us);

/* Events. */
void bfd_session_late(struct bfd_session *, long long int late_us);
enum bfd_error bfd_session_receive(struct bfd_session *,
                                   const struct bfd_packet *, uint32_t seq,
                                   long long int now_us,
                                   enum heartbeat_decision *);
enum heartbeat_decision bfd_session_down(struct bfd_session *, enum bfd_diag,
                                         enum heartbeat_cause,
                                         long long int now_us);
enum heartbeat_decision bfd_session_run(struct bfd_session *,
                                        long long int now_us);
long long int bfd_session_deadline(const struct bfd_session *);

/* Transmission. */
bool bfd_session_must_send(const struct bfd_session *, long long int now_us);
size_t bfd_session_build(struct bfd_session *, uint8_t buf[BFD_MAX_LEN],
                         long long int now_us);

/* Somebody else receives and sends while all goes its way: the kernel. */
bool bfd_session_is_steady(const struct bfd_session *);
size_t bfd_session_template(const struct bfd_session *, bool admin_down,
                            uint8_t buf[BFD_MAX_LEN]);
void bfd_session_relay(struct bfd_session *, bool relayed,
                       long long int last_tx_us);
void bfd_session_relay_beats(struct bfd_session *, uint64_t n,
                             long long int last_us, long long int max_gap_us);
void bfd_session_blame(struct bfd_session *, long long int late_us,
                       long long int until_us);
enum heartbeat_decision bfd_session_excuse(struct bfd_session *,
                                           long long int late_us,
                                           long long int now_us);
enum heartbeat_decision bfd_session_expire(struct bfd_session *,
                                           long long int now_us);
long long int bfd_session_tx_deadline(const struct bfd_session *);

void bfd_session_status(const struct bfd_session *,
                        struct bfd_session_status *);

#endif /* bfd-session.h */
