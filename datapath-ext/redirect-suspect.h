/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What the beginning of a connection says about its backend: real traffic
 * shows that a server is dead, or its service gone, before health checks do.
 *
 *   silence   a SYN without an answer for as long as a bound that the service
 *             sets, which the host looks for among its half-open connections
 *   refusal   a reset in place of a SYN-ACK, which the host sees pass
 *
 * Neither is proof: a backend that is suspect is to be checked at once, no
 * more.
 *
 * A client that gives up, with a reset of its own or a FIN, says nothing about
 * the backend: its connection is neither silence nor an answer.  Each
 * connection is judged by itself, so that such clients, however many, hide
 * nothing of what others meet.  Only a flood that turns the half-open pool
 * over within the bound hides silence, not refusals.
 *
 * Inline, pure. */

#ifndef TPR_REDIRECT_SUSPECT_H
#define TPR_REDIRECT_SUSPECT_H 1

#include "redirect-track.h"

/* Does a connection with 'flags' wait for a SYN-ACK? */
TPR_INLINE bool
tpr_suspect_waits(uint8_t flags)
{
    return tpr_track_only_syn(flags)
           && !(flags & (TPR_TRACK_RST | TPR_TRACK_RESET
                         | TPR_TRACK_FIN_FORWARD));
}

/* Has the backend of a connection with 'flags', whose first SYN came 'age_ms'
 * ago, been silent for the bound, 'bound_ms'?  Never if that is 0. */
TPR_INLINE bool
tpr_suspect_silent(uint8_t flags, uint32_t age_ms, uint32_t bound_ms)
{
    return bound_ms && age_ms >= bound_ms && tpr_suspect_waits(flags);
}

/* Does the backend's packet 'p' refuse the connection?  Should be asked before
 * tpr_track_reverse(). */
TPR_INLINE bool
tpr_suspect_refused(const struct tpr_track *t, const struct tpr_packet *p)
{
    return p->tuple.proto == TPR_PROTO_TCP && p->frag != TPR_FRAG_LATER
           && (p->tcp_flags & TPR_TCP_RST) && tpr_suspect_waits(t->flags)
           && tpr_track_believes_rst(t, p);
}

#endif /* redirect-suspect.h */
