/* SPDX-License-Identifier: Apache-2.0 */

/* What tpr-perf says at the end; see perf-report.h. */

#include <config.h>
#include "perf-report.h"
#include <inttypes.h>
#include <string.h>
#include "perf-shares.h"

const char *
perf_format_ns(int64_t ns, char text[PERF_TEXT_MAX])
{
    double v = ns;
    const char *unit = (v < 1e3 ? "ns" : v < 1e6 ? "us" : v < 1e9 ? "ms"
                        : "s");
    double scaled = (v < 1e3 ? v : v < 1e6 ? v / 1e3 : v < 1e9 ? v / 1e6
                     : v / 1e9);
    int digits = (v < 1e3 ? 0 : scaled < 10 ? 3 : scaled < 100 ? 2 : 1);

    snprintf(text, PERF_TEXT_MAX, "%.*f %s", digits, scaled, unit);
    return text;
}

const char *
perf_format_count(uint64_t n, char text[PERF_TEXT_MAX])
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%"PRIu64, n);
    char *p = text;

    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) {
            *p++ = ',';
        }
        *p++ = digits[i];
    }
    *p = '\0';
    return text;
}

const char *
perf_format_time(const struct timespec *ts, char text[PERF_TEXT_MAX])
{
    struct tm tm;
    size_t len;

    gmtime_r(&ts->tv_sec, &tm);
    len = strftime(text, PERF_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, PERF_TEXT_MAX - len, ".%03ldZ",
             ts->tv_nsec / 1000000);
    return text;
}

const char *
perf_format_percent(double percent, char text[PERF_TEXT_MAX])
{
    if (percent > 0 && percent < 0.001) {
        return "< 0.001 %";
    } else if (percent < 100 && percent > 99.999) {
        return "> 99.999 %";
    }
    snprintf(text, PERF_TEXT_MAX, percent == 0 || percent == 100
             ? "%.0f %%" : "%.3f %%", percent);
    return text;
}

static double
to_ms(int64_t ns)
{
    return ns / 1e6;
}

static double
to_s(int64_t ns)
{
    return ns / 1e9;
}

static double
requests_per_s(const struct perf_report *report)
{
    return (report->run->end_ns
            ? report->summary->requests / to_s(report->run->end_ns) : 0);
}

/* Text ---------------------------------------------------------------------*/

static void
print_failures(const struct perf_summary *summary, FILE *stream)
{
    const char *comma = "";
    char text[PERF_TEXT_MAX];

    fprintf(stream, "  failures    ");
    for (enum perf_kind kind = PERF_OK + 1; kind < PERF_N_KINDS; kind++) {
        if (summary->kinds[kind]) {
            fprintf(stream, "%s%s %s", comma, perf_kind_to_string(kind),
                    perf_format_count(summary->kinds[kind], text));
            comma = ", ";
        }
    }
    fprintf(stream, "%s\n", summary->failures ? "" : "none");
}

static void
print_gaps(const struct perf_summary *summary, FILE *stream)
{
    const struct perf_gap *gap = &summary->t_un;
    bool cut = gap->failures && (gap->cut_begin || gap->cut_end);
    char text[PERF_TEXT_MAX], count[PERF_TEXT_MAX];

    fprintf(stream, "  T_un        %s%s, from %.6f s to %.6f s: ",
            cut ? ">= " : "", perf_format_ns(perf_gap_length(gap), text),
            to_s(gap->begin_ns), to_s(gap->end_ns));
    if (!gap->failures) {
        fprintf(stream, "no request failed in it\n");
    } else {
        fprintf(stream, "%s failed in it%s\n",
                perf_format_count(gap->failures, count),
                gap->cut_begin && gap->cut_end ? "; no success at all"
                : gap->cut_begin ? "; no success before it"
                : gap->cut_end ? "; no success after it" : "");
    }
    if (gap->own_stalls) {
        fprintf(stream, "              this program itself stalled in it: "
                "part of it may not be the servers' fault\n");
    }
    fprintf(stream, "  gaps        %s with failures, %s together\n",
            perf_format_count(summary->n_gaps, count),
            perf_format_ns(summary->gap_sum_ns, text));
}

static void
print_latency(const struct perf_summary *summary, FILE *stream)
{
    char p50[PERF_TEXT_MAX], p90[PERF_TEXT_MAX];
    char p99[PERF_TEXT_MAX], max[PERF_TEXT_MAX];

    if (!summary->kinds[PERF_OK]) {
        return;
    }
    fprintf(stream, "  latency     p50 %s, p90 %s, p99 %s, max %s"
            " (of successes)\n",
            perf_format_ns(summary->p50_ns, p50),
            perf_format_ns(summary->p90_ns, p90),
            perf_format_ns(summary->p99_ns, p99),
            perf_format_ns(summary->max_ns, max));
}

static void
print_servers(const struct perf_report *report, FILE *stream)
{
    const char *title = "servers";

    for (size_t i = 0; i < report->run->n_servers; i++) {
        const struct perf_server_stats *server = &report->summary->servers[i];
        char ok[PERF_TEXT_MAX], failed[PERF_TEXT_MAX];

        if (!server->ok && !server->failed) {
            continue;
        }
        fprintf(stream, "  %-11s %s: %s answered as expected", title,
                i ? report->run->servers[i] : "(without a name)",
                perf_format_count(server->ok, ok));
        if (server->failed) {
            fprintf(stream, ", %s otherwise",
                    perf_format_count(server->failed, failed));
        }
        fprintf(stream, ", from %.6f s to %.6f s\n", to_s(server->first_ns),
                to_s(server->last_ns));
        title = "";
    }
}

/* What went wrong on our side: never to be blamed on the servers. */
static void
print_own_faults(const struct perf_report *report, FILE *stream)
{
    const struct perf_run *run = report->run;
    char text[PERF_TEXT_MAX], count[PERF_TEXT_MAX];

    if (run->late) {
        fprintf(stream, "  own stalls  this program was late by 1 ms or more "
                "%s times, at most %s\n",
                perf_format_count(run->late, count),
                perf_format_ns(run->late_max_ns, text));
    }
    if (run->skipped) {
        fprintf(stream, "  not started %s requests: all connections were "
                "busy\n", perf_format_count(run->skipped, count));
    }
    if (report->interrupted) {
        fprintf(stream, "  interrupted by a signal, %s requests in flight "
                "don't count\n", perf_format_count(run->abandoned, count));
    }
    if (report->error) {
        fprintf(stream, "  %s\n", report->error);
    }
}

void
perf_report_text(const struct perf_report *report, FILE *stream)
{
    const struct perf_summary *summary = report->summary;
    char text[PERF_TEXT_MAX], count[PERF_TEXT_MAX], percent[PERF_TEXT_MAX];

    fprintf(stream, "%s: %.3f s, %u at a time, timeout %s, started %s\n",
            report->url, to_s(report->run->end_ns), report->concurrency,
            perf_format_ns(report->timeout_ns, text),
            perf_format_time(&report->started, count));
    fprintf(stream, "  requests    %s (%.1f/s)",
            perf_format_count(summary->requests, count),
            requests_per_s(report));
    fprintf(stream, ", %s succeeded (%s)",
            perf_format_count(summary->kinds[PERF_OK], count),
            perf_format_percent(summary->success_pct, percent));
    fprintf(stream, ", %s failed (%s)\n",
            perf_format_count(summary->failures, count),
            perf_format_percent(summary->requests
                                ? 100.0 * summary->failures
                                  / summary->requests : 0, percent));
    print_failures(summary, stream);
    print_gaps(summary, stream);
    print_latency(summary, stream);
    print_servers(report, stream);
    if (report->shares) {
        perf_report_shares(report, stream);
    }
    print_own_faults(report, stream);
}

/* JSON ---------------------------------------------------------------------*/

static void
json_string(const char *s, FILE *stream)
{
    putc('"', stream);
    for (; *s; s++) {
        unsigned char c = *s;
        if (c == '"' || c == '\\') {
            fprintf(stream, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(stream, "\\u%04x", c);
        } else {
            putc(c, stream);
        }
    }
    putc('"', stream);
}

static const char *
json_bool(bool b)
{
    return b ? "true" : "false";
}

static void
json_question(const struct perf_report *report, FILE *stream)
{
    char text[PERF_TEXT_MAX];

    fprintf(stream, "{\"url\":");
    json_string(report->url, stream);
    fprintf(stream, ",\"concurrency\":%u,\"keepalive\":%s,"
            "\"timeout_ms\":%.6f,\"interval_ms\":%.6f",
            report->concurrency, json_bool(report->keepalive),
            to_ms(report->timeout_ns), to_ms(report->interval_ns));
    if (report->rate > 0) {
        fprintf(stream, ",\"rate_per_s\":%.3f", report->rate);
    }
    fprintf(stream, ",\"started\":\"%s\",\"started_monotonic_us\":%"PRId64
            ",\"duration_s\":%.6f,\"interrupted\":%s,\"error\":",
            perf_format_time(&report->started, text),
            report->started_ns / 1000, to_s(report->run->end_ns),
            json_bool(report->interrupted));
    if (report->error) {
        json_string(report->error, stream);
    } else {
        fprintf(stream, "null");
    }
}

static void
json_servers(const struct perf_report *report, FILE *stream)
{
    const char *comma = "";

    fprintf(stream, ",\"servers\":[");
    for (size_t i = 0; i < report->run->n_servers; i++) {
        const struct perf_server_stats *server = &report->summary->servers[i];

        if (!server->ok && !server->failed) {
            continue;
        }
        fprintf(stream, "%s{\"server\":", comma);
        json_string(report->run->servers[i], stream);
        fprintf(stream, ",\"successes\":%zu,\"failures\":%zu,"
                "\"share_pct\":%.4f,\"mean_ms\":%.6f,"
                "\"first_s\":%.6f,\"last_s\":%.6f}", server->ok,
                server->failed, perf_share_percent(report->summary, server),
                perf_server_mean_ns(server) / 1e6, to_s(server->first_ns),
                to_s(server->last_ns));
        comma = ",";
    }
    putc(']', stream);
}

void
perf_report_json(const struct perf_report *report, FILE *stream)
{
    const struct perf_summary *summary = report->summary;
    const struct perf_gap *gap = &summary->t_un;
    const struct perf_run *run = report->run;
    const char *comma = "";

    json_question(report, stream);
    fprintf(stream, ",\"requests\":%zu,\"successes\":%zu,\"failures\":%zu,"
            "\"success_pct\":%.6f,\"failure_pct\":%.6f,"
            "\"requests_per_s\":%.3f,\"failures_by_kind\":{",
            summary->requests, summary->kinds[PERF_OK], summary->failures,
            summary->success_pct,
            summary->requests ? 100 - summary->success_pct : 0.0,
            requests_per_s(report));
    for (enum perf_kind kind = PERF_OK + 1; kind < PERF_N_KINDS; kind++) {
        fprintf(stream, "%s\"%s\":%zu", comma, perf_kind_to_string(kind),
                summary->kinds[kind]);
        comma = ",";
    }
    fprintf(stream, "},\"t_un_ms\":%.6f,\"t_un_from_s\":%.6f,"
            "\"t_un_to_s\":%.6f,\"t_un_failures\":%zu,"
            "\"t_un_own_stall\":%s,\"t_un_cut\":\"%s\",\"gaps\":%zu,"
            "\"gap_sum_ms\":%.6f",
            to_ms(perf_gap_length(gap)), to_s(gap->begin_ns),
            to_s(gap->end_ns), gap->failures,
            json_bool(gap->own_stalls),
            gap->cut_begin && gap->cut_end ? "both"
            : gap->cut_begin ? "start" : gap->cut_end ? "end" : "no",
            summary->n_gaps, to_ms(summary->gap_sum_ns));
    fprintf(stream, ",\"latency_ms\":{\"min\":%.6f,\"p50\":%.6f,"
            "\"p90\":%.6f,\"p99\":%.6f,\"max\":%.6f}",
            to_ms(summary->min_ns), to_ms(summary->p50_ns),
            to_ms(summary->p90_ns), to_ms(summary->p99_ns),
            to_ms(summary->max_ns));
    json_servers(report, stream);
    fprintf(stream, ",\"skipped\":%"PRIu64",\"abandoned\":%"PRIu64
            ",\"own_stalls\":%"PRIu64",\"own_stall_max_ms\":%.6f}\n",
            run->skipped, run->abandoned, run->late,
            to_ms(run->late_max_ns));
}

/* Log ----------------------------------------------------------------------*/

void
perf_report_log(const struct perf_report *report, FILE *stream)
{
    const struct perf_run *run = report->run;
    char text[PERF_TEXT_MAX];

    fprintf(stream, "# tpr-perf %s, started %s (monotonic %.6f s)\n",
            report->url, perf_format_time(&report->started, text),
            to_s(report->started_ns));
    fprintf(stream, "# end_s start_s took_ms result status server error\n");
    for (size_t i = 0; i < run->n; i++) {
        const struct perf_record *record = &run->records[i];
        const char *server = run->servers[record->server];

        fprintf(stream, "%.6f %.6f %.6f %s ", to_s(record->end_ns),
                to_s(record->start_ns),
                to_ms(record->end_ns - record->start_ns),
                perf_kind_to_string(record->kind));
        if (record->status) {
            fprintf(stream, "%d ", record->status);
        } else {
            fprintf(stream, "- ");
        }
        for (const char *p = *server ? server : "-"; *p; p++) {
            putc(*p == ' ' ? '_' : *p, stream);
        }
        fprintf(stream, " %s\n", record->error ? strerror(record->error)
                : "-");
    }
}
