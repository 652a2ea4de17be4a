/* SPDX-License-Identifier: Apache-2.0 */

/* From the policy's decisions to the backends' liveness words.
 *
 * A datapath that keeps state chooses by itself, with each new connection,
 * among the backends whose words allow it.  What it chooses must be what the
 * policy has decided, so the words say more than "dead or alive":
 *
 *   UP       may have new connections, or comes next when those before it die:
 *            then the region's word alone moves the traffic, and nobody has
 *            to ask the policy
 *   DRAIN    lives, but gets nothing new: drained by hand; held down after
 *            flapping; or preferred to the active one, which stays for now
 *            (failback waits, or somebody ordered a failover); or one of those
 *            that serve by turns, when somebody ordered others
 *   DOWN     dead; or drained for so long that its connections are to end; or
 *            left by its service (failback, failover by order) so long ago,
 *            and then for a moment only, in which they end
 *   UNKNOWN  not proven yet
 *
 * A region's word belongs to the heartbeat thread.  A backend's word repeats
 * that its region is down, so that the region's return alone moves nothing
 * back.
 *
 * Pure.  Threads: main thread. */

#ifndef TPR_WORDS_H
#define TPR_WORDS_H 1

#include "policy.h"
#include "redirect.h"

enum { WORDS_LEAVE = -1 };

int words_backend(const struct policy *, const struct tpr_service *,
                  size_t i);
bool words_gets_new(const struct policy *, const struct tpr_service *,
                    size_t i);
bool words_serves(const struct policy *, const struct tpr_service *,
                  size_t i);

#endif /* words.h */
