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
 * Use, by the owner thread:
 *   - bfd_session_receive() for each packet that decoded and authenticated;
 *   - bfd_session_run() when bfd_session_deadline() has come;
 *   - while bfd_session_must_send(): bfd_session_build() and send it.
 *
 * Threads: an instance belongs to one thread.  Time: *_us, CLOCK_MONOTONIC. */

#ifndef TPR_BFD_SESSION_H
#define TPR_BFD_SESSION_H 1

#include <stdbool.h>
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

#endif /* bfd-session.h (the rest of it stands with its implementation) */
