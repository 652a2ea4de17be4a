/* SPDX-License-Identifier: Apache-2.0 */

/* What ovs-appctl -t ovs-tprd answers: tpr/show, tpr/heartbeats, tpr/services,
 * tpr/history; text for people, --json for programs.
 *
 * Every view is made once, as JSON; the text is printed from it, so that the
 * two can't disagree.
 *
 * Threads: main thread. */

#ifndef TPR_SHOW_H
#define TPR_SHOW_H 1

struct agent;

void show_init(struct agent *);

#endif /* show.h */
