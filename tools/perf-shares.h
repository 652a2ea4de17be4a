/* SPDX-License-Identifier: Apache-2.0 */

/* Which server answered how many requests, as bars of text, or as a picture;
 * figures come from perf-stats.h, the rest of the report from perf-report.h.
 *
 * Threads: any. */

#ifndef TPR_PERF_SHARES_H
#define TPR_PERF_SHARES_H 1

#include <stdio.h>

struct perf_server_stats;
struct perf_summary;
struct perf_report;

/* How many percent of the successes are this server's; 0 without any. */
double perf_share_percent(const struct perf_summary *,
                          const struct perf_server_stats *);

/* Mean latency of its successes in ns, 0 without any. */
double perf_server_mean_ns(const struct perf_server_stats *);

/* One line a server that answered, by name. */
void perf_report_shares(const struct perf_report *, FILE *);

/* The same as SVG.  Errors stay with the stream (ferror()). */
void perf_shares_svg_write(const struct perf_report *, FILE *);

#endif /* tools/perf-shares.h */
