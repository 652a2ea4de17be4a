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
struct agent_view;
struct json;

void show_init(struct agent *);
struct json *show_to_json(const struct agent_view *);

#endif /* show.h */
