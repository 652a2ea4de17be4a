/* SPDX-License-Identifier: Apache-2.0 */

/* Puts our tc filters back that somebody removed (tc-watch.h), whatever the
 * switch is doing: nothing is judged anew, and nobody is asked.
 *
 *     filter removed ---------------------> at once
 *     qdisc removed, another one made ----> at once
 *     qdisc removed ----------------------> after REPAIR_MS
 *
 * For who removes the qdisc may be about to make his own, as Open vSwitch does
 * when it begins to police a port, and fails if there is one.
 *
 * Threads: main thread. */

#ifndef TPR_TC_REPAIR_H
#define TPR_TC_REPAIR_H 1

#include <stdbool.h>

struct tc_repair;
struct tpr_attach;

struct tc_repair *tc_repair_create(const char *name);
void tc_repair_destroy(struct tc_repair *);
bool tc_repair_run(struct tc_repair *, struct tpr_attach *);
void tc_repair_wait(struct tc_repair *);

#endif /* tc-repair.h */
