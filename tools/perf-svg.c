/* SPDX-License-Identifier: Apache-2.0 */

/* The picture of a run; see perf-svg.h. */

#include <config.h>
#include "perf-svg.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {                          /* All in pixels, unless said otherwise. */
    WIDTH = 1200,
    LEFT = 84, RIGHT = WIDTH - 28,
    PLOT_WIDTH = RIGHT - LEFT,
    PLOT_HEIGHT = 200,
    LEGEND_Y = 92, LEGEND_ROW = 22,
    BRACKET_ROOM = 48,          /* Above a plot. */
    AXIS_ROOM = 58,             /* Below a plot. */
    CHAR_WIDTH = 8,             /* About, of legend text. */
    MAX_BARS = 280,             /* Number. */
    CELL = 3,                   /* Dots that share a cell are drawn once. */
    COLUMNS = PLOT_WIDTH / CELL + 1,
    ROWS = PLOT_HEIGHT / CELL + 1,
    N_COLOURS = 8,              /* Servers' colours, the last is the rest's. */
    FAILED = N_COLOURS,         /* Index beside the servers' colours. */
    N_SERIES,
    NAME_MAX_SHOWN = 36,        /* Characters of a legend's entry. */
};

/* Okabe and Ito's, told apart by nearly everybody; red is the failures'. */
static const char *const colours[N_SERIES] = {
    "#0072b2", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#8a6d3b",
    "#6a51a3", "#999999", "#d0021b"
};

struct svg {
    const struct perf_report *report;
    FILE *out;
    uint8_t colour[PERF_MAX_SERVERS]; /* Of each server. */
    size_t n_coloured;          /* Servers that answered. */
};

/* A plot: a window of time, a range of values. */
struct plot {
    int top;                    /* Pixels. */
    int64_t begin_ns, end_ns;
    double max;                 /* The bottom is 0. */
};

static double
plot_x(const struct plot *plot, int64_t ns)
{
    double x = LEFT + (double) (ns - plot->begin_ns) * PLOT_WIDTH
                      / (plot->end_ns - plot->begin_ns);
    return x < LEFT ? LEFT : x > RIGHT ? RIGHT : x;
}

static double
plot_y(const struct plot *plot, double value)
{
    return plot->top + PLOT_HEIGHT * (1 - value / plot->max);
}

/* The smallest of 1, 2, 5, 10, 20, ... times 'unit' that is >= 'v'. */
static double
nice_step(double v, double unit)
{
    for (double step = unit; ; step *= 10) {
        if (step >= v) {
            return step;
        } else if (2 * step >= v) {
            return 2 * step;
        } else if (5 * step >= v) {
            return 5 * step;
        }
    }
}

struct unit {
    double ns;
    const char *name;
};

/* A unit that suits times up to 'ns'. */
static struct unit
unit_for(double ns)
{
    return (ns >= 2e9 ? (struct unit) { 1e9, "s" }
            : ns >= 2e6 ? (struct unit) { 1e6, "ms" }
            : ns >= 2e3 ? (struct unit) { 1e3, "us" }
            : (struct unit) { 1, "ns" });
}

void
perf_svg_put_text(const char *s, size_t max, FILE *out)
{
    for (size_t i = 0; s[i] && i < max; i++) {
        unsigned char c = s[i];
        if (c == '<') {
            fputs("&lt;", out);
        } else if (c == '>') {
            fputs("&gt;", out);
        } else if (c == '&') {
            fputs("&amp;", out);
        } else if (c < 0x20 || c >= 0x7f) {
            putc('?', out);
        } else {
            putc(c, out);
        }
    }
    if (strlen(s) > max) {
        fputs("...", out);
    }
}

static bool
answered(const struct svg *svg, size_t server)
{
    const struct perf_server_stats *stats
        = &svg->report->summary->servers[server];
    return stats->ok || stats->failed;
}

static void
choose_colours(struct svg *svg)
{
    for (size_t i = 0; i < svg->report->run->n_servers; i++) {
        if (answered(svg, i)) {
            svg->colour[i] = (svg->n_coloured < N_COLOURS - 1
                              ? svg->n_coloured : N_COLOURS - 1);
            svg->n_coloured++;
        }
    }
}

static int
series_of(const struct svg *svg, const struct perf_record *record)
{
    return record->kind == PERF_OK ? svg->colour[record->server] : FAILED;
}

/* Head ---------------------------------------------------------------------*/

static void
put_title(const struct svg *svg)
{
    const struct perf_report *report = svg->report;
    const struct perf_summary *summary = report->summary;
    const struct perf_gap *gap = &summary->t_un;
    bool cut = gap->failures && (gap->cut_begin || gap->cut_end);
    char a[PERF_TEXT_MAX], b[PERF_TEXT_MAX], c[PERF_TEXT_MAX];
    const char *percent = perf_format_percent(summary->success_pct, b);

    fprintf(svg->out, "<text x=\"%d\" y=\"36\" class=\"title\">"
            "%s requests, %s%s succeeded, T_un %s%s</text>\n", LEFT,
            perf_format_count(summary->requests, a),
            *percent == '<' ? "&lt;" : *percent == '>' ? "&gt;" : "",
            percent + (*percent == '<' || *percent == '>'),
            cut ? "\xe2\x89\xa5 " : "",
            perf_format_ns(perf_gap_length(gap), c));
    fprintf(svg->out, "<text x=\"%d\" y=\"60\" class=\"note\">", LEFT);
    perf_svg_put_text(report->url, 80, svg->out);
    fprintf(svg->out, ", %u at a time, timeout %s",
            report->concurrency, perf_format_ns(report->timeout_ns, a));
    fprintf(svg->out, ", latency p50 %s, p99 %s",
            perf_format_ns(summary->p50_ns, a),
            perf_format_ns(summary->p99_ns, b));
    fprintf(svg->out, ", started %s</text>\n",
            perf_format_time(&report->started, c));
}

/* One entry of the legend at '*x', '*y', moved on to the next. */
static void
put_legend_entry(const struct svg *svg, int series, const char *name,
                 const char *count, int *x, int *y)
{
    size_t name_len = strlen(name);
    int len = (name_len > NAME_MAX_SHOWN ? NAME_MAX_SHOWN + 3 : name_len)
              + strlen(count) + 2;

    if (*x > LEFT && *x + 20 + len * CHAR_WIDTH > RIGHT) {
        *x = LEFT;
        *y += LEGEND_ROW;
    }
    if (svg->out) {
        fprintf(svg->out, "<rect x=\"%d\" y=\"%d\" width=\"13\" "
                "height=\"13\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">",
                *x, *y - 11, colours[series], *x + 19, *y);
        perf_svg_put_text(name, NAME_MAX_SHOWN, svg->out);
        fprintf(svg->out, ": %s</text>\n", count);
    }
    *x += 19 + len * CHAR_WIDTH + 16;
}

/* Returns the 'y' of the legend's last line.  Without 'svg->out', that is all
 * it does. */
static int
put_legend(const struct svg *svg)
{
    const struct perf_summary *summary = svg->report->summary;
    char count[PERF_TEXT_MAX], name[2 * PERF_TEXT_MAX];
    int x = LEFT, y = LEGEND_Y;
    size_t rest = 0, n_rest = 0;

    for (size_t i = 0; i < svg->report->run->n_servers; i++) {
        const char *server = svg->report->run->servers[i];

        if (!answered(svg, i)) {
            continue;
        } else if (svg->colour[i] == N_COLOURS - 1) {
            rest += summary->servers[i].ok;
            n_rest++;
        } else {
            snprintf(name, sizeof name, "answered by %s",
                     *server ? server : "a server without a name");
            put_legend_entry(svg, svg->colour[i], name,
                             perf_format_count(summary->servers[i].ok, count),
                             &x, &y);
        }
    }
    if (n_rest) {
        snprintf(name, sizeof name, "answered by %zu others", n_rest);
        put_legend_entry(svg, N_COLOURS - 1, name,
                         perf_format_count(rest, count), &x, &y);
    }
    for (enum perf_kind kind = PERF_OK + 1; kind < PERF_N_KINDS; kind++) {
        if (summary->kinds[kind]) {
            snprintf(name, sizeof name, "failed, %s",
                     perf_kind_to_string(kind));
            put_legend_entry(svg, FAILED, name,
                             perf_format_count(summary->kinds[kind], count),
                             &x, &y);
        }
    }
    return y;
}

/* Axes ---------------------------------------------------------------------*/

/* Labels values at the left, in units of 'unit'. */
static void
put_value_axis(const struct svg *svg, const struct plot *plot, double unit,
               double finest, const char *label)
{
    double step = nice_step(plot->max / unit / 5, finest);

    for (int i = 0; i * step * unit <= plot->max; i++) {
        double y = plot_y(plot, i * step * unit);
        fprintf(svg->out, "<path d=\"M%d %.1fH%d\" class=\"grid\"/>"
                "<text x=\"%d\" y=\"%.1f\" class=\"end\">%g</text>\n",
                LEFT, y, RIGHT, LEFT - 8, y + 4.5, i * step);
    }
    fprintf(svg->out, "<text transform=\"translate(22 %d) rotate(-90)\" "
            "class=\"middle\">%s</text>\n", plot->top + PLOT_HEIGHT / 2,
            label);
}

/* Labels time below, counted from 'zero_ns', which is called 'zero'. */
static void
put_time_axis(const struct svg *svg, const struct plot *plot,
              int64_t zero_ns, const char *zero)
{
    double range = plot->end_ns - plot->begin_ns;
    struct unit unit = unit_for(range);
    double step = nice_step(range / unit.ns / 11, 1e-3);
    double begin = (plot->begin_ns - zero_ns) / unit.ns;
    double end = (plot->end_ns - zero_ns) / unit.ns;
    int bottom = plot->top + PLOT_HEIGHT;

    fprintf(svg->out, "<path d=\"M%d %dV%dH%d\" class=\"axis\"/>\n",
            LEFT, plot->top, bottom, RIGHT);
    for (int64_t i = begin / step - 1; i * step <= end; i++) {
        if (i * step < begin) {
            continue;
        }
        double x = LEFT + (i * step - begin) / (end - begin) * PLOT_WIDTH;
        fprintf(svg->out, "<path d=\"M%.1f %dv5\" class=\"axis\"/>"
                "<text x=\"%.1f\" y=\"%d\" class=\"middle\">%g</text>\n",
                x, bottom, x, bottom + 20, i * step);
    }
    fprintf(svg->out, "<text x=\"%d\" y=\"%d\" class=\"middle\">"
            "time since %s (%s)</text>\n", (LEFT + RIGHT) / 2, bottom + 42,
            zero, unit.name);
}

/* Gaps ---------------------------------------------------------------------*/

/* A red band behind each gap with failures.  Bands that touch are one. */
static void
put_bands(const struct svg *svg, const struct plot *plot)
{
    struct perf_gap_walk walk = { .next = 0 };
    struct perf_gap gap;
    double from = 0, to = -1;

    fprintf(svg->out, "<path class=\"band\" d=\"");
    while (perf_gap_next(svg->report->run, &walk, &gap)) {
        if (!gap.failures || gap.end_ns < plot->begin_ns
            || gap.begin_ns > plot->end_ns) {
            continue;
        }

        double x1 = plot_x(plot, gap.begin_ns);
        double x2 = plot_x(plot, gap.end_ns);
        if (x2 < x1 + 1) {
            x2 = x1 + 1;
        }
        if (x1 <= to + 0.5) {
            to = x2 > to ? x2 : to;
            continue;
        }
        if (to > from) {
            fprintf(svg->out, "M%.1f %dH%.1fv%dH%.1fz", from, plot->top, to,
                    PLOT_HEIGHT, from);
        }
        from = x1;
        to = x2;
    }
    if (to > from) {
        fprintf(svg->out, "M%.1f %dH%.1fv%dH%.1fz", from, plot->top, to,
                PLOT_HEIGHT, from);
    }
    fprintf(svg->out, "\"/>\n");
}

/* The bracket over T_un with its label. */
static void
put_bracket(const struct svg *svg, const struct plot *plot, bool verbose)
{
    const struct perf_gap *gap = &svg->report->summary->t_un;
    bool cut = gap->failures && (gap->cut_begin || gap->cut_end);
    double x1 = plot_x(plot, gap->begin_ns);
    double x2 = plot_x(plot, gap->end_ns);
    int y = plot->top - 12;
    char text[PERF_TEXT_MAX], count[PERF_TEXT_MAX];

    if (x2 < x1 + 3) {          /* Still seen as a bracket. */
        x1 -= 1.5;
        x2 += 1.5;
    }
    fprintf(svg->out, "<path class=\"bracket\" d=\"M%.1f %dV%dH%.1fV%d\"/>\n",
            x1, plot->top, y, x2, plot->top);

    double middle = (x1 + x2) / 2;
    const char *anchor = "middle";
    if (middle < LEFT + 200) {
        anchor = "start";
        middle = x1;
    } else if (middle > RIGHT - 200) {
        anchor = "end";
        middle = x2;
    }
    fprintf(svg->out, "<text x=\"%.1f\" y=\"%d\" class=\"tun\" "
            "text-anchor=\"%s\">T_un %s%s", middle, y - 7, anchor,
            cut ? "\xe2\x89\xa5 " : "",
            perf_format_ns(perf_gap_length(gap), text));
    if (verbose && gap->failures) {
        fprintf(svg->out, " without a success, %s failed",
                perf_format_count(gap->failures, count));
    } else if (verbose) {
        fprintf(svg->out, ", no request failed");
    }
    if (verbose && gap->own_stalls) {
        fprintf(svg->out, " (the client itself stalled)");
    }
    fprintf(svg->out, "</text>\n");
}

/* The whole run ------------------------------------------------------------*/

struct bars {
    size_t n;
    int64_t width_ns;
    size_t counts[MAX_BARS + 1][N_SERIES];
    size_t max;                 /* Of a bar, all series together. */
};

static void
count_bars(const struct svg *svg, struct bars *bars)
{
    const struct perf_run *run = svg->report->run;

    bars->width_ns = nice_step((double) run->end_ns / MAX_BARS, 1);
    bars->n = (run->end_ns + bars->width_ns - 1) / bars->width_ns;
    for (size_t i = 0; i < run->n; i++) {
        const struct perf_record *record = &run->records[i];
        size_t bar = record->end_ns / bars->width_ns;

        /* What ended at the very end belongs to the last bar. */
        bars->counts[bar < bars->n ? bar : bars->n - 1]
                    [series_of(svg, record)]++;
    }
    for (size_t i = 0; i < bars->n; i++) {
        size_t total = 0;
        for (int series = 0; series < N_SERIES; series++) {
            total += bars->counts[i][series];
        }
        if (total > bars->max) {
            bars->max = total;
        }
    }
}

/* All bars' parts of one series, on top of what 'heights' says. */
static void
put_series(const struct svg *svg, const struct plot *plot,
           const struct bars *bars, int series, double *heights)
{
    double space = PLOT_WIDTH / (double) bars->n > 3 ? 0.6 : 0;

    fprintf(svg->out, "<path fill=\"%s\" d=\"", colours[series]);
    for (size_t i = 0; i < bars->n; i++) {
        size_t count = bars->counts[i][series];
        if (!count) {
            continue;
        }

        double x1 = plot_x(plot, i * bars->width_ns);
        double x2 = plot_x(plot, (i + 1) * bars->width_ns) - space;
        double height = count * PLOT_HEIGHT / plot->max;
        if (series == FAILED && height < 3) {
            height = 3;         /* One failure in thousands is seen. */
        }
        if (x2 < x1 + 1) {
            x2 = x1 + 1;
        }
        fprintf(svg->out, "M%.1f %.1fH%.1fv%.1fH%.1fz", x1,
                plot->top + PLOT_HEIGHT - heights[i], x2, -height, x1);
        heights[i] += height;
    }
    fprintf(svg->out, "\"/>\n");
}

static bool
put_run(const struct svg *svg, const struct plot *whole)
{
    struct plot plot = *whole;
    double heights[MAX_BARS + 1] = { 0 };
    char label[2 * PERF_TEXT_MAX];
    struct unit unit;

    struct bars *bars = calloc(1, sizeof *bars);
    if (!bars) {
        return false;
    }
    count_bars(svg, bars);
    plot.max = bars->max ? bars->max * 1.08 : 1;

    unit = unit_for(bars->width_ns * 2);
    snprintf(label, sizeof label, "requests per %g %s",
             bars->width_ns / unit.ns, unit.name);
    put_value_axis(svg, &plot, 1, 1, label);
    put_bands(svg, &plot);
    for (int series = 0; series < N_SERIES; series++) {
        put_series(svg, &plot, bars, series, heights);
    }
    put_time_axis(svg, &plot, 0, "the start");
    put_bracket(svg, &plot, false);
    free(bars);
    return true;
}

/* The lens -----------------------------------------------------------------*/

/* One bit for each series that has a dot in the cell. */
struct cells {
    uint16_t set[ROWS][COLUMNS];
};
_Static_assert(N_SERIES <= 16, "a bit for each series");

static bool
in_window(const struct plot *plot, const struct perf_record *record)
{
    return (record->end_ns >= plot->begin_ns
            && record->end_ns <= plot->end_ns);
}

static int64_t
longest_in_window(const struct svg *svg, const struct plot *plot)
{
    const struct perf_run *run = svg->report->run;
    int64_t longest = 0;

    for (size_t i = 0; i < run->n; i++) {
        const struct perf_record *record = &run->records[i];
        if (in_window(plot, record)
            && record->end_ns - record->start_ns > longest) {
            longest = record->end_ns - record->start_ns;
        }
    }
    return longest;
}

/* Fills 'cells', and draws the trails of failures as it goes. */
static void
fill_cells(const struct svg *svg, const struct plot *plot,
           struct cells *cells)
{
    const struct perf_run *run = svg->report->run;

    fprintf(svg->out, "<path class=\"trail\" d=\"");
    for (size_t i = 0; i < run->n; i++) {
        const struct perf_record *record = &run->records[i];
        if (!in_window(plot, record)) {
            continue;
        }

        int series = series_of(svg, record);
        double x = plot_x(plot, record->end_ns);
        double y = plot_y(plot, record->end_ns - record->start_ns);
        uint16_t *set = &cells->set[(int) (y - plot->top) / CELL]
                                   [(int) (x - LEFT) / CELL];
        if (series == FAILED && !(*set & (1u << FAILED))) {
            fprintf(svg->out, "M%.1f %.1fH%.1f",
                    plot_x(plot, record->start_ns), y, x);
        }
        *set |= 1u << series;
    }
    fprintf(svg->out, "\"/>\n");
}

static void
put_dots(const struct svg *svg, const struct plot *plot,
         const struct cells *cells, int series)
{
    fprintf(svg->out, "<path class=\"%s\" stroke=\"%s\" d=\"",
            series == FAILED ? "cross" : "dot", colours[series]);
    for (int row = 0; row < ROWS; row++) {
        for (int column = 0; column < COLUMNS; column++) {
            if (!(cells->set[row][column] & (1u << series))) {
                continue;
            }
            double x = LEFT + (column + 0.5) * CELL;
            double y = plot->top + (row + 0.5) * CELL;
            if (series == FAILED) {
                fprintf(svg->out, "M%.1f %.1fl8 8m0-8l-8 8", x - 4, y - 4);
            } else {
                fprintf(svg->out, "M%.1f %.1fh.01", x, y);
            }
        }
    }
    fprintf(svg->out, "\"/>\n");
}

/* The window of time that shows T_un and as much before and after. */
static void
choose_window(const struct svg *svg, struct plot *lens)
{
    const struct perf_gap *gap = &svg->report->summary->t_un;
    int64_t margin = perf_gap_length(gap);
    int64_t end = svg->report->run->end_ns;

    lens->begin_ns = gap->begin_ns > margin ? gap->begin_ns - margin : 0;
    lens->end_ns = gap->end_ns < end - margin ? gap->end_ns + margin : end;
}

/* A light cone from the window's place in the run to the lens. */
static void
put_cone(const struct svg *svg, const struct plot *whole,
         const struct plot *lens)
{
    int top = whole->top + PLOT_HEIGHT;
    int bottom = lens->top;

    fprintf(svg->out, "<path class=\"cone\" d=\"M%.1f %dH%.1fL%d %dH%dz\"/>\n",
            plot_x(whole, lens->begin_ns), top,
            plot_x(whole, lens->end_ns), RIGHT, bottom, LEFT);
}

static bool
put_lens(const struct svg *svg, struct plot *lens)
{
    bool cut = svg->report->summary->t_un.cut_begin;
    int64_t longest = longest_in_window(svg, lens);
    struct unit unit = unit_for(longest);
    char label[PERF_TEXT_MAX];

    struct cells *cells = calloc(1, sizeof *cells);
    if (!cells) {
        return false;
    }
    lens->max = longest ? longest * 1.1 : 1;
    snprintf(label, sizeof label, "time a request took (%s)", unit.name);
    put_value_axis(svg, lens, unit.ns, 1e-3, label);
    put_bands(svg, lens);
    fill_cells(svg, lens, cells);
    for (int series = 0; series < N_SERIES; series++) {
        put_dots(svg, lens, cells, series);
    }
    put_time_axis(svg, lens, svg->report->summary->t_un.begin_ns,
                  cut ? "the start" : "the last success before T_un");
    put_bracket(svg, lens, true);
    free(cells);
    return true;
}

/* All of it ----------------------------------------------------------------*/

static const char style[] =
    "<style>\n"
    "text { font: 13px 'DejaVu Sans', Verdana, Arial, sans-serif; "
    "fill: #333 }\n"
    ".title { font-size: 22px; font-weight: bold; fill: #111 }\n"
    ".note { fill: #666 }\n"
    ".end { text-anchor: end }\n"
    ".middle { text-anchor: middle }\n"
    ".tun { font-size: 15px; font-weight: bold; fill: #a00010 }\n"
    ".axis { stroke: #333; fill: none }\n"
    ".grid { stroke: #ddd }\n"
    ".band { fill: #d0021b; fill-opacity: 0.14 }\n"
    ".cone { fill: #000; fill-opacity: 0.05 }\n"
    ".bracket { stroke: #a00010; stroke-width: 2; fill: none }\n"
    ".dot { stroke-width: 4.5; stroke-linecap: round; fill: none }\n"
    ".trail { stroke: #d0021b; stroke-opacity: 0.45; fill: none }\n"
    ".cross { stroke-width: 2; fill: none }\n"
    "</style>\n";

bool
perf_svg_write(const struct perf_report *report, FILE *out)
{
    struct svg *svg = calloc(1, sizeof *svg);
    if (!svg) {
        return false;
    }
    svg->report = report;
    choose_colours(svg);

    struct plot whole = { .begin_ns = 0, .end_ns = report->run->end_ns };
    struct plot lens = { .begin_ns = 0 };
    whole.top = put_legend(svg) + BRACKET_ROOM;
    lens.top = whole.top + PLOT_HEIGHT + AXIS_ROOM + BRACKET_ROOM;
    int height = lens.top + PLOT_HEIGHT + AXIS_ROOM;

    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
            "viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n%s"
            "<title>tpr-perf: what a client saw</title>\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
            WIDTH, height, WIDTH, height, style, WIDTH, height);
    svg->out = out;
    put_title(svg);

    bool ok = true;
    if (!report->run->n || report->run->end_ns < 1) {
        fprintf(out, "<text x=\"%d\" y=\"%d\">No request was made."
                "</text>\n", LEFT, LEGEND_Y);
    } else {
        put_legend(svg);
        choose_window(svg, &lens);
        put_cone(svg, &whole, &lens);
        ok = put_run(svg, &whole) && put_lens(svg, &lens);
    }
    fprintf(out, "</svg>\n");
    free(svg);
    return ok;
}
