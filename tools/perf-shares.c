/* SPDX-License-Identifier: Apache-2.0 */

/* Shares of the servers; see perf-shares.h. */

#include <config.h>
#include "perf-shares.h"
#include <stdlib.h>
#include <string.h>
#include "perf-report.h"
#include "perf-stats.h"

enum {
    NAME_COLUMNS = 16,
    BAR_COLUMNS = 40,           /* Of the greatest share. */
};

double
perf_share_percent(const struct perf_summary *summary,
                   const struct perf_server_stats *server)
{
    size_t ok = summary->kinds[PERF_OK];

    return ok ? 100.0 * server->ok / ok : 0;
}

double
perf_server_mean_ns(const struct perf_server_stats *server)
{
    return server->ok ? (double) server->sum_ns / server->ok : 0;
}

struct line {
    const char *name;
    const struct perf_server_stats *server;
};

static int
compare_names(const void *a_, const void *b_)
{
    const struct line *a = a_, *b = b_;

    return strcmp(a->name, b->name);
}

static void
print_bar(size_t n, size_t max, FILE *stream)
{
    /* Whoever has any gets a column, rounded to the nearest else. */
    size_t columns = max ? (n * BAR_COLUMNS + max / 2) / max : 0;

    if (n && !columns) {
        columns = 1;
    }
    for (size_t i = 0; i < BAR_COLUMNS; i++) {
        putc(i < columns ? '#' : ' ', stream);
    }
}

void
perf_report_shares(const struct perf_report *report, FILE *stream)
{
    const struct perf_summary *summary = report->summary;
    struct line lines[PERF_MAX_SERVERS];
    size_t n = 0, max = 0;

    for (size_t i = 0; i < report->run->n_servers; i++) {
        const struct perf_server_stats *server = &summary->servers[i];

        if (server->ok) {
            lines[n].name = i ? report->run->servers[i] : "(without a name)";
            lines[n++].server = server;
            max = server->ok > max ? server->ok : max;
        }
    }
    qsort(lines, n, sizeof lines[0], compare_names);
    fprintf(stream, "  shares      of %zu successes\n",
            summary->kinds[PERF_OK]);
    for (size_t i = 0; i < n; i++) {
        const struct perf_server_stats *server = lines[i].server;
        char mean[PERF_TEXT_MAX];

        fprintf(stream, "    %-*s |", NAME_COLUMNS, lines[i].name);
        print_bar(server->ok, max, stream);
        fprintf(stream, "| %6zu  %5.1f %%  mean %s\n", server->ok,
                perf_share_percent(summary, server),
                perf_format_ns(perf_server_mean_ns(server), mean));
    }
}
