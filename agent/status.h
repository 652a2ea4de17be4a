/* SPDX-License-Identifier: Apache-2.0 */

/* Status columns and history rows: what the agent tells the database.
 *
 * Writing never delays a decision: it happens at the end of a turn, at most
 * ten times a second, less often where one writing takes long, and without
 * waiting for the server.  While the database is away, history piles up in
 * the journal and is written later.
 *
 * Threads: main thread. */

#ifndef TPR_STATUS_H
#define TPR_STATUS_H 1

#include <stdbool.h>
#include <stdint.h>

struct agent_view;
struct journal;
struct status;
struct tpr_db;

struct status *status_create(struct tpr_db *);
void status_destroy(struct status *);
void status_touch(struct status *);
void status_run(struct status *, const struct agent_view *,
                struct journal *, bool all_applied);
void status_wait(struct status *);

#endif /* status.h */
