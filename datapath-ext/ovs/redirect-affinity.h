/* SPDX-License-Identifier: Apache-2.0 */

/* Which backend a client had last: affinity by source address.
 *
 * An object with 'affinity_ms' gives a client's new connection to the backend
 * that its last new one was given, if that was less than 'affinity_ms' ago and
 * the backend may be given connections now; else the policy chooses.  Each new
 * connection is noted.
 *
 * Memory is bounded: of TPR_AFFINITY_MAX clients of all objects the one whose
 * last new connection is the oldest is forgotten for the next.  (A note of 49
 * days ago, when the clock of milliseconds wraps, looks fresh; it harms
 * nobody.)
 *
 * Objects and backends are known by serial numbers that are never used again.
 *
 * Threads: whoever has the writer's mutex; see redirect-dp-private.h. */

#ifndef TPR_REDIRECT_AFFINITY_H
#define TPR_REDIRECT_AFFINITY_H 1

#include <stdint.h>
#include "redirect.h"

enum { TPR_AFFINITY_MAX = 65536 };

struct tpr_affinity;

struct tpr_affinity *tpr_affinity_create(uint32_t max, uint32_t seed);
void tpr_affinity_destroy(struct tpr_affinity *);

uint32_t tpr_affinity_find(const struct tpr_affinity *,
                           const struct tpr_addr *client, uint32_t object,
                           uint32_t now_ms, uint32_t affinity_ms);
void tpr_affinity_note(struct tpr_affinity *, const struct tpr_addr *client,
                       uint32_t object, uint32_t backend, uint32_t now_ms);

#endif /* redirect-affinity.h */
