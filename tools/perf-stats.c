/* SPDX-License-Identifier: Apache-2.0 */

/* What tpr-perf saw, and the figures that follow; see perf-stats.h. */

#include <config.h>
#include "perf-stats.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ALLOCATION = 4096 };   /* Records; doubled when used up. */

const char *
perf_kind_to_string(enum perf_kind kind)
{
    static const char *const names[PERF_N_KINDS] = {
#define PERF_KIND(ENUM, NAME) [PERF_##ENUM] = NAME,
        PERF_KINDS
#undef PERF_KIND
    };
    return kind < PERF_N_KINDS ? names[kind] : "unknown";
}

enum perf_kind
perf_kind_from_errno(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return PERF_REFUSED;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        return PERF_RESET;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENONET:
    case ENOPROTOOPT:           /* ICMP: protocol unreachable. */
        return PERF_UNREACHABLE;
    case ETIMEDOUT:             /* The kernel gave up before us. */
        return PERF_TIMEOUT;
    default:
        return PERF_LOCAL;
    }
}

bool
perf_run_init(struct perf_run *run)
{
    memset(run, 0, sizeof *run);
    run->servers[PERF_NO_SERVER] = strdup("");
    run->n_servers = 1;
    return run->servers[PERF_NO_SERVER] != NULL;
}

void
perf_run_destroy(struct perf_run *run)
{
    for (size_t i = 0; i < run->n_servers; i++) {
        free(run->servers[i]);
    }
    free(run->records);
    memset(run, 0, sizeof *run);
}

bool
perf_run_add(struct perf_run *run, const struct perf_record *record)
{
    if (run->n >= run->allocated) {
        size_t allocated = run->allocated ? run->allocated * 2
                                          : FIRST_ALLOCATION;
        struct perf_record *records
            = realloc(run->records, allocated * sizeof *records);
        if (!records) {
            return false;
        }
        run->records = records;
        run->allocated = allocated;
    }
    run->records[run->n++] = *record;
    return true;
}

uint16_t
perf_run_server(struct perf_run *run, const char *name)
{
    if (!strcmp(run->servers[run->last_server], name)) {
        return run->last_server;
    }

    size_t i;
    for (i = 0; i < run->n_servers; i++) {
        if (!strcmp(run->servers[i], name)) {
            break;
        }
    }
    if (i >= run->n_servers) {
        if (i >= PERF_MAX_SERVERS) {
            return PERF_MAX_SERVERS - 1;
        }

        bool last = i == PERF_MAX_SERVERS - 1;
        char *copy = strdup(last ? "(others)" : name);
        if (!copy) {
            return PERF_NO_SERVER;
        }
        run->servers[run->n_servers++] = copy;
    }
    run->last_server = i;
    return i;
}

int64_t
perf_gap_length(const struct perf_gap *gap)
{
    return gap->end_ns - gap->begin_ns;
}

bool
perf_gap_next(const struct perf_run *run, struct perf_gap_walk *walk,
              struct perf_gap *gap)
{
    if (walk->over) {
        return false;
    }
    *gap = (struct perf_gap) {
        .begin_ns = walk->begin_ns,
        .end_ns = run->end_ns,
        .cut_begin = !walk->after_success,
        .cut_end = true,
    };
    while (walk->next < run->n) {
        const struct perf_record *record = &run->records[walk->next++];

        gap->own_stalls += record->own_stall;
        if (record->kind == PERF_OK) {
            gap->end_ns = record->end_ns;
            gap->cut_end = false;
            walk->begin_ns = record->end_ns;
            walk->after_success = true;
            return true;
        }
        gap->failures++;
    }
    walk->over = true;
    return true;
}

static void
count_gaps(const struct perf_run *run, struct perf_summary *summary)
{
    struct perf_gap_walk walk = { .next = 0 };
    struct perf_gap gap;

    while (perf_gap_next(run, &walk, &gap)) {
        if (perf_gap_length(&gap) > perf_gap_length(&summary->t_un)) {
            summary->t_un = gap;
        }
        if (gap.failures) {
            summary->n_gaps++;
            summary->gap_sum_ns += perf_gap_length(&gap);
        }
    }
}

static void
count_servers(const struct perf_run *run, struct perf_summary *summary)
{
    for (size_t i = 0; i < PERF_MAX_SERVERS; i++) {
        summary->servers[i].first_ns = summary->servers[i].last_ns = -1;
    }
    for (size_t i = 0; i < run->n; i++) {
        const struct perf_record *record = &run->records[i];
        struct perf_server_stats *server = &summary->servers[record->server];

        if (!record->status) {
            continue;           /* Nobody answered. */
        }
        if (record->kind == PERF_OK) {
            server->ok++;
            server->sum_ns += record->end_ns - record->start_ns;
        } else {
            server->failed++;
        }
        if (server->first_ns < 0) {
            server->first_ns = record->end_ns;
        }
        server->last_ns = record->end_ns;
    }
}

int64_t
perf_percentile(const int64_t *sorted, size_t n, double percent)
{
    if (!n) {
        return 0;
    }

    /* Ceiling without libm. */
    double exact = percent / 100.0 * n;
    size_t rank = exact;
    if (rank < exact) {
        rank++;
    }
    return sorted[rank < 1 ? 0 : rank > n ? n - 1 : rank - 1];
}

static int
compare_int64(const void *a_, const void *b_)
{
    int64_t a = *(const int64_t *) a_;
    int64_t b = *(const int64_t *) b_;
    return a < b ? -1 : a > b;
}

static bool
count_latency(const struct perf_run *run, struct perf_summary *summary)
{
    size_t n_ok = summary->kinds[PERF_OK];
    if (!n_ok) {
        return true;
    }

    int64_t *latency = malloc(n_ok * sizeof *latency);
    if (!latency) {
        return false;
    }

    size_t n = 0;
    for (size_t i = 0; i < run->n; i++) {
        const struct perf_record *record = &run->records[i];
        if (record->kind == PERF_OK) {
            latency[n++] = record->end_ns - record->start_ns;
        }
    }
    qsort(latency, n, sizeof *latency, compare_int64);
    summary->min_ns = latency[0];
    summary->p50_ns = perf_percentile(latency, n, 50);
    summary->p90_ns = perf_percentile(latency, n, 90);
    summary->p99_ns = perf_percentile(latency, n, 99);
    summary->max_ns = latency[n - 1];
    free(latency);
    return true;
}

bool
perf_summarize(const struct perf_run *run, struct perf_summary *summary)
{
    memset(summary, 0, sizeof *summary);
    for (size_t i = 0; i < run->n; i++) {
        summary->kinds[run->records[i].kind]++;
    }
    summary->requests = run->n;
    summary->failures = run->n - summary->kinds[PERF_OK];
    summary->success_pct
        = run->n ? 100.0 * summary->kinds[PERF_OK] / run->n : 0.0;
    count_gaps(run, summary);
    count_servers(run, summary);
    return count_latency(run, summary);
}
