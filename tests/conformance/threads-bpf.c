/* SPDX-License-Identifier: Apache-2.0 */

/* Several processors at once: limits and turns must be exact.
 *
 * Two threads, each on a processor of its own, have packets of different
 * clients placed, then of the same clients: nobody may get two connections. */

#include <config.h>
#include "threads-bpf.h"

#include <bpf/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "loader.h"
#include "redirect-check.h"
#include "util.h"

enum { N_THREADS = 2, N_CLIENTS = 3000, LIMIT = 1000 };

struct thread {
    struct tpr_bpf *bpf;
    int cpu;
    bool shared;                /* Both have the same clients. */
    pthread_t thread;
};

static void *
thread_main(void *t_)
{
    const struct thread *t = t_;
    const int fd = tpr_bpf_fd(t->bpf, TPR_BPF_XDP_TEST);
    cpu_set_t cpus;
    struct pkt p;

    CPU_ZERO(&cpus);
    CPU_SET(t->cpu, &cpus);
    pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
    pkt_init(&p);
    p.proto = TPR_PROTO_TCP;
    p.flags = F_ACK;
    p.dst = tpr_addr_from_ip4(tpr_swap32(0x0a010001));
    p.dport = 80;
    for (uint32_t i = 0; i < N_CLIENTS; i++) {
        uint32_t client = i + (t->shared ? 0 : N_CLIENTS * t->cpu);
        LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1);
        struct frame f;

        p.src = tpr_addr_from_ip4(tpr_swap32(0x0a000000 + client / 100));
        p.sport = (uint16_t) (1000 + client % 100);
        pkt_build(&p, &f);
        opts.data_in = f.data;
        opts.data_size_in = (uint32_t) f.len;
        if (bpf_prog_test_run_opts(fd, &opts)) {
            ovs_fatal(0, "BPF_PROG_RUN");
        }
    }
    return NULL;
}

static void
run_threads(struct tpr_bpf *bpf, bool shared)
{
    struct thread threads[N_THREADS];

    for (int i = 0; i < N_THREADS; i++) {
        threads[i] = (struct thread) { bpf, i, shared, 0 };
        pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(threads[i].thread, NULL);
    }
}

/* Sets up two backends, the first of which takes 'limit' connections (0: any
 * number). */
static void
set_up(struct tpr_bpf *bpf, enum tpr_policy policy, uint32_t limit)
{
    const struct tpr_bpf_options options = { .seed = 7 };
    struct tpr_redirect_backend backends[2];
    struct tpr_redirect r;
    char *error;

    tpr_bpf_reset(bpf, &options);
    memset(backends, 0, sizeof backends);
    for (uint32_t i = 0; i < 2; i++) {
        struct tpr_redirect_backend *b = &backends[i];

        b->addr = tpr_addr_from_ip4(tpr_swap32(0x0a020001 + i));
        b->output = 2 + i;
        b->region = b->word = TPR_NO_WORD;
        b->vlan = TPR_VLAN_KEEP;
        b->weight = 1;
        b->mac[5] = 0x60;
    }
    backends[0].max_connections = limit;
    tpr_redirect_init(&r, 1);
    r.vip = tpr_addr_from_ip4(tpr_swap32(0x0a010001));
    r.proto = TPR_PROTO_TCP;
    r.policy = policy;
    r.backends = backends;
    r.n_backends = 2;
    error = tpr_bpf_set(bpf, &r);
    if (error) {
        ovs_fatal(0, "%s", error);
    }
    *tpr_bpf_test(bpf) = (struct tpr_bpf_test) {
        .now_ms = 1000, .in_port = 1, .mode = TPR_BPF_MODE_AUTO,
    };
}

static void
get_connections(struct tpr_bpf *bpf, uint32_t n[2])
{
    struct tpr_redirect_stats stats;

    ovs_assert(!tpr_bpf_get_stats(bpf, 1, &stats));
    n[0] = stats.backends[0].connections;
    n[1] = stats.backends[1].connections;
    free(stats.backends);
}

static bool
expect(const char *what, const uint32_t n[2], uint32_t a, uint32_t b,
       unsigned int *n_tests)
{
    const bool ok = n[0] == a && n[1] == b;

    printf("%sok %u - two processors: %s\n", ok ? "" : "not ", ++*n_tests,
           what);
    if (!ok) {
        printf("# %u and %u connections, expected %u and %u\n", n[0], n[1],
               a, b);
    }
    return ok;
}

/* Returns how many of its tests failed. */
unsigned int
threads_run(struct tpr_bpf *bpf, unsigned int *n_tests)
{
    unsigned int n_failed = 0;
    uint32_t n[2];

    if (sysconf(_SC_NPROCESSORS_ONLN) < N_THREADS) {
        printf("ok %u - two processors # SKIP there is one\n", ++*n_tests);
        return 0;
    }
    set_up(bpf, TPR_POLICY_FAILOVER, LIMIT);
    run_threads(bpf, false);
    get_connections(bpf, n);
    n_failed += !expect("a limit is exact", n, LIMIT,
                        N_THREADS * N_CLIENTS - LIMIT, n_tests);

    set_up(bpf, TPR_POLICY_ROUND_ROBIN, 0);
    run_threads(bpf, false);
    get_connections(bpf, n);
    n_failed += !expect("turns are exact", n, N_THREADS * N_CLIENTS / 2,
                        N_THREADS * N_CLIENTS / 2, n_tests);

    set_up(bpf, TPR_POLICY_FAILOVER, 0);
    run_threads(bpf, true);
    get_connections(bpf, n);
    n_failed += !expect("a client has one connection", n, N_CLIENTS, 0,
                        n_tests);
    return n_failed;
}
