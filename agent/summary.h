/* SPDX-License-Identifier: Apache-2.0 */

/* One word and one line about the whole: what the status column and the top of
 * 'show' say.
 *
 * Threads: main thread. */

#ifndef TPR_SUMMARY_H
#define TPR_SUMMARY_H 1

struct agent_view;

struct summary {
    const char *word;           /* "ok", "degraded", "down", "bypass",
                                 * "starting" or "standby". */
    char *line;                 /* "DEGRADED: r1 down 00:03:12, 2 services on
                                 * backup". */
};

void summary_make(const struct agent_view *, struct summary *);
void summary_destroy(struct summary *);

#endif /* summary.h */
