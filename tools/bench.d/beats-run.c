/* SPDX-License-Identifier: Apache-2.0 */

/* What tools/bench beats runs: many BFD sessions on one heartbeat thread, the
 * agent's and tpr-regiond's, at kernel UDP sockets.
 *
 *     beats-run SESSIONS INTERVAL_MS PEER
 *
 * The peers are PEER and the addresses after it; routes say by which address
 * of ours each is talked to.
 *
 * Each time it reads a line it writes one, of what it counted since the start:
 *
 *     UP DOWN SENT RECEIVED WAKEUPS LATE WORST_US USER_US SYSTEM_US RSS_KB
 *
 * UP is how many are up now, DOWN how often one went down; LATE and WORST_US
 * are of the thread's wakeups (HB_LATE_US); the times are those of
 * processors. */

#include <config.h>
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "hb-thread.h"
#include "util.h"

static struct hb_thread *hb_thread;
static unsigned int n_sessions, n_up, n_down;
static bool *up;

/* The address that is 'number' after 's', IPv4-mapped. */
static struct in6_addr
address(const char *s, unsigned int number)
{
    struct in6_addr addr = IN6ADDR_ANY_INIT;
    struct in_addr ip4;

    if (inet_pton(AF_INET, s, &ip4) != 1) {
        ovs_fatal(0, "%s: not an IPv4 address", s);
    }
    ip4.s_addr = htonl(ntohl(ip4.s_addr) + number);
    memset(&addr.s6_addr[10], 0xff, 2);
    memcpy(&addr.s6_addr[12], &ip4, sizeof ip4);
    return addr;
}

/* Each session has a socket. */
static void
allow_sockets(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = MAX(limit.rlim_cur, n_sessions + 100);
    limit.rlim_max = MAX(limit.rlim_max, limit.rlim_cur);
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        ovs_fatal(errno, "cannot have %u sockets", n_sessions);
    }
}

static void
begin(int interval_ms, const char *peer)
{
    hb_thread = hb_thread_create(NULL, n_sessions);
    for (unsigned int i = 0; i < n_sessions; i++) {
        struct hb_session_config cfg = {
            .id = i, .name = "peer", .type = HB_BFD, .path = HB_PATH_UDP,
            .peer = address(peer, i),
            .hb = { .interval_us = interval_ms * 1000LL, .fall = 3,
                    .rise = 1, .max_excuses = 2 },
            .bfd = { .mult = 3, .min_tx_us = interval_ms * 1000LL,
                     .min_rx_us = interval_ms * 1000LL },
        };
        int error;

        while ((error = hb_thread_set(hb_thread, &cfg)) == EAGAIN) {
            poll(NULL, 0, 1);           /* Its queue is full. */
        }
        if (error) {
            ovs_fatal(error, "cannot set up session %u", i);
        }
    }
}

static void
take_facts(void)
{
    struct hb_fact fact;

    while (hb_thread_next_fact(hb_thread, &fact)) {
        bool now_up = fact.type == HB_FACT_UP;

        if (!now_up && fact.type != HB_FACT_DOWN) {
            continue;
        }
        n_down += up[fact.id] && !now_up;
        n_up += now_up - up[fact.id];
        up[fact.id] = now_up;
    }
}

static long
rss_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size = 0, resident = 0;

    if (f) {
        ignore(fscanf(f, "%ld %ld", &size, &resident) == 2);
        fclose(f);
    }
    return resident * (getpagesize() / 1024);
}

static long long int
to_us(const struct timeval *tv)
{
    return tv->tv_sec * 1000000LL + tv->tv_usec;
}

static void
report(void)
{
    struct hb_thread_stats self;
    uint64_t sent = 0, received = 0;
    struct rusage usage;

    for (unsigned int i = 0; i < n_sessions; i++) {
        struct hb_stats stats;

        if (hb_thread_stats(hb_thread, i, &stats)) {
            sent += stats.tx;
            received += stats.rx;
        }
    }
    hb_thread_self_stats(hb_thread, &self);
    getrusage(RUSAGE_SELF, &usage);
    printf("%u %u %"PRIu64" %"PRIu64" %"PRIu64" %"PRIu64" %lld %lld %lld "
           "%ld\n", n_up, n_down, sent, received, self.n_wakeups, self.n_late,
           self.max_late_us, to_us(&usage.ru_utime), to_us(&usage.ru_stime),
           rss_kb());
    fflush(stdout);
}

int
main(int argc, char *argv[])
{
    char line[8];
    int interval_ms;

    set_program_name(argv[0]);
    if (argc != 4 || !str_to_uint(argv[1], 10, &n_sessions) || !n_sessions
        || !str_to_int(argv[2], 10, &interval_ms) || interval_ms < 1) {
        ovs_fatal(0, "usage: beats-run SESSIONS INTERVAL_MS PEER");
    }
    allow_sockets();
    up = xcalloc(n_sessions, sizeof *up);
    begin(interval_ms, argv[3]);
    for (;;) {
        struct pollfd fds[] = {
            { .fd = hb_thread_fd(hb_thread), .events = POLLIN },
            { .fd = STDIN_FILENO, .events = POLLIN },
        };

        poll(fds, ARRAY_SIZE(fds), -1);
        take_facts();
        if (fds[1].revents) {
            if (!fgets(line, sizeof line, stdin)) {
                break;
            }
            report();
        }
    }
    hb_thread_destroy(hb_thread);
    free(up);
    return 0;
}
