/* SPDX-License-Identifier: Apache-2.0 */

/* What the agent knows, as text that Prometheus reads (exposition format,
 * version 0.0.4).
 *
 * It is made of what tpr/show says (show_to_json()) and of what backends have
 * to do (counts.h): each sample's place there is a line of one table, so that
 * the two can't disagree.  What is not known has no sample.
 *
 * Times are in seconds; what only grows is a counter and ends in "_total".
 * Counters of traffic begin again at 0 when somebody else begins to carry a
 * service, as Prometheus expects of what has restarted.
 *
 * Pure: no socket, clock or OVSDB header.  Threads: main thread. */

#ifndef TPR_METRICS_H
#define TPR_METRICS_H 1

#include <stddef.h>

struct counts;
struct ds;
struct json;

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_render(const struct json *show, const struct counts *,
                    struct ds *);
const char *metrics_name(size_t i);

#endif /* metrics.h */
