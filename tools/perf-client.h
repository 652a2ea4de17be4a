/* SPDX-License-Identifier: Apache-2.0 */

/* The engine of tpr-perf: HTTP/1.1 requests against one address, for a time.
 *
 * 'concurrency' slots each ask, wait for the end of the reply or for the
 * timeout, pause, and ask again; with concurrency 1 that is one request after
 * the other.  All are served by one loop on epoll with one timerfd, in one
 * thread; connects don't block either.
 *
 *      WAITING --connect()--> BUSY --reply, failure or timeout--> WAITING
 *
 * The timeout covers everything from connect() to the last byte of the reply.
 * A reply that was there when the timer rang late is not a timeout: events
 * come before timeouts.
 *
 * Connections are closed with SO_LINGER 0: once the reply was read, and after
 * a timeout or another failure, the kernel sends RST.  So no TIME_WAIT stays
 * behind, and 60,000 requests a minute don't use up the ports; the server gets
 * rid of a request that nobody waits for.
 *
 * After a failure a slot asks again no sooner than PERF_FAILURE_PACE_NS after
 * the start of the failed request: otherwise an error that comes at once
 * (refused, no route) would make a busy loop.
 *
 * This program can be late itself: the machine was busy.  That is noticed when
 * the timer rings late by PERF_LATE_NS or more; it is counted, and requests
 * that ran meanwhile are marked, so that servers aren't blamed for it.
 *
 * Time: nanoseconds of CLOCK_MONOTONIC, reported relative to the run's
 * start. */

#ifndef TPR_PERF_CLIENT_H
#define TPR_PERF_CLIENT_H 1

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "perf-stats.h"

enum {
    PERF_FAILURE_PACE_NS = 200 * 1000,
    PERF_LATE_NS = 1000 * 1000,
};

struct perf_client_config {
    /* Addresses. */
    struct sockaddr_storage peer; /* The server. */
    socklen_t peer_len;
    struct sockaddr_storage local; /* Source address, port 0... */
    socklen_t local_len;        /* ...or 0: the kernel chooses. */

    /* What is asked, what is expected. */
    const char *request;        /* The whole request. */
    size_t request_len;
    int expect;                 /* HTTP status of a success. */
    const char *server_header;  /* Field that names the server, or NULL. */
    bool server_body;           /* Without it: the body's first line. */

    /* How often, how long. */
    unsigned int concurrency;   /* Slots, >= 1. */
    bool keepalive;             /* Use a connection again. */
    int64_t timeout_ns;         /* Of a request. */
    int64_t interval_ns;        /* A slot's pause after a request. */
    int64_t duration_ns;        /* No start after it; 0: no limit. */
    uint64_t max_requests;      /* No more than these; 0: no limit. */
    double rate;                /* Starts a second; 0: no limit. */
    int stop_fd;                /* Ends the run when readable; or -1. */

    /* Called every 'progress_ns' with what was seen until 'now_ns'; NULL: not
     * at all. */
    void (*progress)(const struct perf_run *, int64_t now_ns);
    int64_t progress_ns;
};

/* Makes requests as 'config' says and adds their records to 'run', which must
 * be empty.  Ends when duration or number are reached and all requests in
 * flight are over, or at once when 'stop_fd' becomes readable.  Stores
 * CLOCK_MONOTONIC at the run's start in '*start_ns'.
 *
 * Returns NULL, or a sentence to be freed, if it could not begin or had to end
 * early; 'run' has then what was seen until there. */
char *perf_client_run(const struct perf_client_config *config,
                      struct perf_run *run, int64_t *start_ns)
    __attribute__((warn_unused_result));

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t perf_client_now(void);

#endif /* tools/perf-client.h */
