/* SPDX-License-Identifier: Apache-2.0 */

/* The picture of a run, as SVG: what a client saw, at a glance.
 *
 * Above, the whole run: requests over time in bars, coloured by the server
 * that answered, failures in red on top, interruptions as red bands, T_un
 * under a bracket.  Below, T_un under a lens: each request where it ended, as
 * high as it took long; failures as red crosses that trail their waiting.
 *
 * The picture's size does not depend on the number of requests: bars count,
 * and dots that would cover each other are drawn once.
 *
 * Pure but for the stream it writes to.  Threads: any. */

#ifndef TPR_PERF_SVG_H
#define TPR_PERF_SVG_H 1

#include <stdbool.h>
#include <stdio.h>
#include "perf-report.h"

/* Writes the picture to the stream; its errors stay with it (ferror()).
 * False if there is no memory; what was written is useless then. */
bool perf_svg_write(const struct perf_report *, FILE *);

/* Writes at most 'max' characters of 's', such that they may stand between
 * tags. */
void perf_svg_put_text(const char *s, size_t max, FILE *);

#endif /* tools/perf-svg.h */
