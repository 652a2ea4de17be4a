/* SPDX-License-Identifier: Apache-2.0 */

/* Shares of the servers; see perf-shares.h. */

#include <config.h>
#include "perf-shares.h"
#include <stdlib.h>
#include <string.h>
#include "perf-report.h"
#include "perf-stats.h"
#include "perf-svg.h"

enum {
    NAME_COLUMNS = 16,
    BAR_COLUMNS = 40,           /* Of the greatest share. */

    /* The picture, in pixels. */
    WIDTH = 900,
    LEFT = 220, RIGHT = WIDTH - 260,
    TOP = 84, ROW = 30, BAR = 18,
    NAME_SHOWN = 24,            /* Characters. */
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

/* Fills in 'lines' with the servers that answered, by name, and '*max' with
 * the greatest of their numbers.  Returns how many. */
static size_t
make_lines(const struct perf_report *report,
           struct line lines[PERF_MAX_SERVERS], size_t *max)
{
    size_t n = 0;

    *max = 0;
    for (size_t i = 0; i < report->run->n_servers; i++) {
        const struct perf_server_stats *server = &report->summary->servers[i];

        if (server->ok) {
            lines[n].name = i ? report->run->servers[i] : "(without a name)";
            lines[n++].server = server;
            *max = server->ok > *max ? server->ok : *max;
        }
    }
    qsort(lines, n, sizeof lines[0], compare_names);
    return n;
}

void
perf_report_shares(const struct perf_report *report, FILE *stream)
{
    const struct perf_summary *summary = report->summary;
    struct line lines[PERF_MAX_SERVERS];
    size_t max, n = make_lines(report, lines, &max);

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

static void
put_svg_row(const struct perf_summary *summary, const struct line *line,
            size_t max, int y, FILE *out)
{
    const struct perf_server_stats *server = line->server;
    double width = (double) (RIGHT - LEFT) * server->ok / max;
    char mean[PERF_TEXT_MAX];

    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 12,
            y + BAR - 4);
    perf_svg_put_text(line->name, NAME_SHOWN, out);
    fprintf(out, "</text>\n<rect x=\"%d\" y=\"%d\" width=\"%.1f\" "
            "height=\"%d\" fill=\"#0072b2\"/>\n", LEFT, y,
            width < 1 ? 1 : width, BAR);
    fprintf(out, "<text x=\"%.1f\" y=\"%d\">%zu, %.1f %%, mean %s</text>\n",
            LEFT + width + 10, y + BAR - 4, server->ok,
            perf_share_percent(summary, server),
            perf_format_ns(perf_server_mean_ns(server), mean));
}

void
perf_shares_svg_write(const struct perf_report *report, FILE *out)
{
    const struct perf_summary *summary = report->summary;
    struct line lines[PERF_MAX_SERVERS];
    size_t max, n = make_lines(report, lines, &max);
    int height = TOP + n * ROW + ROW / 2;

    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
            "viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"14\" fill=\"#222\">\n"
            "<title>tpr-perf: who answered how many</title>\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n"
            "<text x=\"24\" y=\"36\" font-size=\"20\">Shares of %zu "
            "successes, %zu failures</text>\n<text x=\"24\" y=\"60\">",
            WIDTH, height, WIDTH, height, WIDTH, height,
            summary->kinds[PERF_OK],
            summary->requests - summary->kinds[PERF_OK]);
    perf_svg_put_text(report->url, 80, out);
    fputs("</text>\n", out);
    for (size_t i = 0; i < n; i++) {
        put_svg_row(summary, &lines[i], max, TOP + i * ROW, out);
    }
    fputs("</svg>\n", out);
}
