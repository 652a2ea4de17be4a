/* SPDX-License-Identifier: Apache-2.0 */

/* What tpr-perf saw, and the figures that follow from it.
 *
 * A run is an array of records, one a request, in the order in which the
 * requests ended, and the names of the servers that answered.
 * perf_summarize() makes figures of it.
 *
 * A gap is the time between two successes, one after the other: from the end
 * of one successful request to the end of the next.  The time from the run's
 * start to the end of the first success is a gap, too, and so is the time from
 * the end of the last success to the run's end; both are 'cut', for nobody
 * knows how much longer they would be in a longer run.  Without any success
 * the whole run is one gap, cut on both sides.  T_un is the longest gap.
 *
 *      start       ok         ok       x    x    x      ok      x    end
 *        |--------->|--------->|---------------------->|-------------|
 *         gap, cut     gap           gap: T_un            gap, cut
 *                                    with 3 failures      with 1 failure
 *
 * A gap that contains failures is an interruption; gaps without failures are
 * just how often the client asked.
 *
 * Pure: no socket, no clock.  Threads: a run belongs to one thread.
 * Time: nanoseconds since the run's start, 'int64_t', named *_ns. */

#ifndef TPR_PERF_STATS_H
#define TPR_PERF_STATS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a request ended. */
#define PERF_KINDS                                                          \
    PERF_KIND(OK, "ok")                                                     \
    PERF_KIND(TIMEOUT, "timeout")         /* Not complete in time. */       \
    PERF_KIND(REFUSED, "refused")         /* Connection refused. */         \
    PERF_KIND(RESET, "reset")             /* Connection reset. */           \
    PERF_KIND(UNREACHABLE, "unreachable") /* No way to the server. */       \
    PERF_KIND(REPLY, "reply")             /* Malformed or cut reply. */     \
    PERF_KIND(STATUS, "status")           /* Not the expected status. */    \
    PERF_KIND(LOCAL, "local")             /* This machine's own fault. */

enum perf_kind {
#define PERF_KIND(ENUM, NAME) PERF_##ENUM,
    PERF_KINDS
#undef PERF_KIND
    PERF_N_KINDS
};

/* The name of 'kind', as in JSON and in the log. */
const char *perf_kind_to_string(enum perf_kind kind);

/* What went wrong if a request failed with errno 'error'. */
enum perf_kind perf_kind_from_errno(int error);

enum {
    PERF_NO_SERVER = 0,         /* Nobody answered, or didn't say who. */
    PERF_MAX_SERVERS = 256,     /* More names than this share the last. */
};

/* One request. */
struct perf_record {
    int64_t start_ns;           /* Before connect() or, if kept, send(). */
    int64_t end_ns;             /* Reply complete, or failed. */
    uint16_t status;            /* HTTP status, 0 if none. */
    uint16_t error;             /* errno if a system call failed, or 0. */
    uint16_t server;            /* Index into the servers' names. */
    uint8_t kind;               /* enum perf_kind. */
    bool reused : 1;            /* On a connection that was kept. */
    bool own_stall : 1;         /* This program was late meanwhile. */
};
_Static_assert(sizeof(struct perf_record) == 24, "10M requests = 240 MB");

struct perf_run {
    struct perf_record *records; /* In the order of 'end_ns'. */
    size_t n;
    size_t allocated;
    int64_t end_ns;             /* When the run ended; >= all records. */

    char *servers[PERF_MAX_SERVERS]; /* [PERF_NO_SERVER] is "". */
    size_t n_servers;           /* At least 1. */
    size_t last_server;         /* Looked up last; only makes it faster. */

    /* Counted by the client. */
    uint64_t skipped;           /* Starts due, but all connections busy. */
    uint64_t abandoned;         /* In flight when interrupted; no records. */
    int64_t late_max_ns;        /* This program's own worst lateness... */
    uint64_t late;              /* ...and wake-ups late by >= 1 ms. */
};

/* Prepares an empty run; false if there is no memory. */
bool perf_run_init(struct perf_run *);

/* Frees what 'run' owns. */
void perf_run_destroy(struct perf_run *);

/* Appends a copy of a record, which must not end before the last one did.
 * Returns false, and changes nothing, if there is no memory. */
bool perf_run_add(struct perf_run *, const struct perf_record *);

/* The index of server 'name', new or known; "" is PERF_NO_SERVER.  Names
 * beyond the table (or out of memory) share one entry, "(others)". */
uint16_t perf_run_server(struct perf_run *, const char *name);

struct perf_gap {
    int64_t begin_ns;           /* End of the success before, or start. */
    int64_t end_ns;             /* End of the success after, or run's end. */
    size_t failures;            /* Requests that failed within. */
    size_t own_stalls;          /* Requests within, the success that ends it
                                 * included, while this program was late. */
    bool cut_begin;             /* No success before. */
    bool cut_end;               /* No success after. */
};

/* Walks through all gaps of a run, first to last, whether with failures or
 * without.  Begins with a walk of all zeros; false: that was the last. */
struct perf_gap_walk {
    size_t next;                /* Record. */
    int64_t begin_ns;           /* Of the next gap. */
    bool after_success;
    bool over;
};
bool perf_gap_next(const struct perf_run *run, struct perf_gap_walk *walk,
                   struct perf_gap *gap);

/* Length of 'gap' in ns. */
int64_t perf_gap_length(const struct perf_gap *gap);

struct perf_server_stats {
    size_t ok;                  /* Requests it answered as expected. */
    size_t failed;              /* Requests it answered otherwise. */
    int64_t first_ns;           /* End of its first and last answer; both -1 */
    int64_t last_ns;            /* without any. */
    int64_t sum_ns;             /* Latencies of 'ok', all together. */
};

struct perf_summary {
    size_t requests;            /* kinds[], all together. */
    size_t failures;            /* Without kinds[PERF_OK]. */
    size_t kinds[PERF_N_KINDS];
    double success_pct;         /* 0...100; 0 without requests. */

    struct perf_gap t_un;       /* The longest gap; the first of equals. */
    size_t n_gaps;              /* Gaps with failures: interruptions. */
    int64_t gap_sum_ns;         /* All of them together. */

    /* Latency of successes, start to end; 0 without any.  Nearest rank: the
     * smallest that at least P % of successes don't exceed. */
    int64_t min_ns, p50_ns, p90_ns, p99_ns, max_ns;

    struct perf_server_stats servers[PERF_MAX_SERVERS];
};

/* Makes figures of 'run'.  False if there is no memory for the percentiles
 * (8 bytes a request); these are 0 then, the rest is valid. */
bool perf_summarize(const struct perf_run *run, struct perf_summary *);

/* The 'percent' percentile of 'n' values that ascend; 0 if 'n' is 0. */
int64_t perf_percentile(const int64_t *sorted, size_t n, double percent);

#endif /* tools/perf-stats.h */
