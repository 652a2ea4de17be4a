/* SPDX-License-Identifier: Apache-2.0 */

/* What tpr-perf says at the end: text for people, JSON for programs, and the
 * log of all requests.  Figures come from perf-stats.h.
 *
 * Writes to the streams it is given; their errors stay with them (ferror()).
 * Threads: any. */

#ifndef TPR_PERF_REPORT_H
#define TPR_PERF_REPORT_H 1

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include "perf-stats.h"

/* What was asked, to be told with the answer. */
struct perf_report {
    const char *url;
    unsigned int concurrency;
    bool keepalive;
    int64_t timeout_ns, interval_ns;
    double rate;                /* 0: none. */
    bool shares;                /* Bars of the servers, too. */
    bool interrupted;           /* By a signal, before its time. */
    const char *error;          /* Why it ended early, or NULL. */
    struct timespec started;    /* Wall clock at the run's start. */
    int64_t started_ns;         /* CLOCK_MONOTONIC then. */

    const struct perf_run *run;
    const struct perf_summary *summary;
};

/* A screenful for people. */
void perf_report_text(const struct perf_report *, FILE *);

/* One JSON object in one line. */
void perf_report_json(const struct perf_report *, FILE *);

/* One line a request, in the order in which they ended. */
void perf_report_log(const struct perf_report *, FILE *);

/* Room for the texts below. */
enum { PERF_TEXT_MAX = 64 };

/* 'ns' with the unit that suits it: "33.41 ms". */
const char *perf_format_ns(int64_t ns, char text[PERF_TEXT_MAX]);

/* 'n' with commas: "1,234,567". */
const char *perf_format_count(uint64_t n, char text[PERF_TEXT_MAX]);

/* "2026-01-31T12:34:56.789Z". */
const char *perf_format_time(const struct timespec *, char[PERF_TEXT_MAX]);

/* 'percent' such that only all is "100 %" and only none is "0 %". */
const char *perf_format_percent(double percent, char text[PERF_TEXT_MAX]);

#endif /* tools/perf-report.h */
