/* SPDX-License-Identifier: Apache-2.0 */

/* Serves metrics (metrics.h) over HTTP, where column "metrics" of the
 * configuration says; nowhere if it says nothing.
 *
 * Scraping costs the agent one question to each provider and one rendering,
 * at most once a second: who asks in between gets the same text.  If a
 * provider does not answer in time, the text comes without its counters: that
 * the switch hangs shall be seen, too.
 *
 * A listener that cannot be had is a complaint, and is tried again; the one
 * before stays meanwhile.
 *
 * HTTP is libmicrohttpd's, driven by the main loop: it has no thread of its
 * own.  Threads: main thread. */

#ifndef TPR_METRICS_HTTP_H
#define TPR_METRICS_HTTP_H 1

struct agent_view;
struct metrics_http;

struct metrics_http *metrics_http_create(void);
void metrics_http_destroy(struct metrics_http *);
void metrics_http_run(struct metrics_http *, const struct agent_view *);
void metrics_http_wait(struct metrics_http *);
const char *metrics_http_complaint(const struct metrics_http *);

#endif /* metrics-http.h */
