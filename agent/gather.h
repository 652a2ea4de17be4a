/* SPDX-License-Identifier: Apache-2.0 */

/* Complaints about what runs, as against what is configured: checks, offload,
 * limits that nobody keeps.  Each is one sentence that begins with its object.
 *
 * Threads: main thread. */

#ifndef TPR_GATHER_H
#define TPR_GATHER_H 1

struct agent_view;
struct sset;

void gather_complaints_of(const struct agent_view *, struct sset *);

#endif /* gather.h */
