/* SPDX-License-Identifier: Apache-2.0 */

/* What tools/bench xdp runs: loads the BPF programs, fills in services and
 * connections, has packets run by BPF_PROG_RUN and prints nanoseconds, one
 * line a cell:
 *
 *     PROGRAM SERVICES CONNECTIONS MINIMUM MEDIAN
 *
 *     xdp-run ROUNDS REPEAT [SERVICES CONNECTIONS]
 *
 * The programs of one cell take turns.  A cell's figure for our program is
 * checked by its counters: as many hits as packets. */

#include <config.h>
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "loader.h"
#include "redirect-check.h"
#include "util.h"

enum { MAX_ROUNDS = 101, PORT = 1 };
enum { MAX_CONNECTIONS = 1 << 20, MAX_SERVICES = 10000,
       HOUR_MS = 3600 * 1000 };

/* Last words of addresses: IPv6's begin with 2001:: and 2002::. */
enum { FIRST_VIP = 0xac100000, FIRST_BACKEND = 0xc0a80001,
       FOREIGN = 0x08080808 };

/* What a packet is. */
enum kind { TCP4, UDP4, TCP6, REVERSE4, NEW4, FOREIGN4, N_KINDS };
static const char *const kind_names[] = {
    "tcp4-hit", "udp4-hit", "tcp6-hit", "tcp4-reverse-hit",
    "tcp4-new", "not-ours",
};

static struct tpr_bpf *bpf;
static unsigned int n_rounds;
static uint32_t repeat;

static void
check(char *error)
{
    if (error) {
        ovs_fatal(0, "%s", error);
    }
}

static void
make_frame(enum kind kind, bool reverse, uint8_t *f)
{
    const bool is_v6 = kind == TCP6, udp = kind == UDP4;
    uint8_t *l4 = f + (is_v6 ? 54 : 34);

    memset(f, 0, TPR_BPF_BENCH_LEN);
    memcpy(f, "\x02\x54\0\0\0\x09\x02\x54\0\0\0\x01", 12);
    memcpy(f + 12, is_v6 ? "\x86\xdd" : "\x08\0", 2);
    if (is_v6) {
        f[14] = 0x60;
        f[19] = 20;
        f[20] = TPR_PROTO_TCP;
        f[21] = 64;
        f[22] = f[38] = 0x20;
        f[23] = reverse ? 2 : 1;
        f[39] = 1;
    } else {
        f[14] = 0x45;
        f[17] = TPR_BPF_BENCH_LEN - 14;
        f[22] = 64;
        f[23] = udp ? TPR_PROTO_UDP : TPR_PROTO_TCP;
    }
    l4[reverse ? 1 : 3] = 80;
    if (udp) {
        l4[5] = TPR_BPF_BENCH_LEN - 34;
        l4[6] = 1;
    } else {
        l4[12] = 5 << 4;
        l4[13] = TPR_TCP_ACK;
    }
}

static void
set_packets(enum kind kind, bool reverse, uint32_t n_services,
            uint32_t n_flows)
{
    struct tpr_bpf_bench *b = tpr_bpf_bench(bpf);

    make_frame(kind, reverse, (uint8_t *) b->frame);
    b->n_flows = n_flows;
    b->n_services = kind == FOREIGN4 ? 1 : n_services;
    b->step = n_flows > 1 ? 611953 % n_flows : 1;
    b->flow = 0;
    b->first_server = (kind == FOREIGN4 ? FOREIGN
                       : reverse ? FIRST_BACKEND : FIRST_VIP);
    b->is_v6 = kind == TCP6;
    b->reverse = reverse;
}

/* Nanoseconds a packet. */
static uint32_t
run(enum tpr_bpf_program program, uint32_t n)
{
    uint8_t in[TPR_BPF_BENCH_LEN] = { 0 };
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in,
                .data_size_in = sizeof in, .repeat = (int) n);
    int error = -bpf_prog_test_run_opts(tpr_bpf_fd(bpf, program), &opts);

    if (error) {
        ovs_fatal(error, "BPF_PROG_RUN");
    }
    return opts.duration;
}

static int
compare(const void *a, const void *b)
{
    return *(const uint32_t *) a < *(const uint32_t *) b ? -1 : 1;
}

static void
print_cell(const char *name, uint32_t services, uint32_t connections,
           uint32_t *ns)
{
    qsort(ns, n_rounds, sizeof *ns, compare);
    printf("%s %u %u %u %u\n", name, services, connections, ns[0],
           ns[n_rounds / 2]);
    fflush(stdout);
}

static void
add_service(uint32_t i, uint8_t proto, bool is_v6)
{
    struct tpr_redirect_backend b = {
        .output = PORT, .region = TPR_NO_WORD, .word = TPR_NO_WORD,
        .vlan = TPR_VLAN_KEEP, .weight = 100,
        .mac = { 2, 0x54, 0, 0, 0, 2 },
    };
    struct tpr_redirect r;

    tpr_redirect_init(&r, i);
    r.proto = proto;
    r.policy = TPR_POLICY_FAILOVER;
    for (int t = 0; t < TPR_N_TIMEOUTS; t++) {
        r.timeouts[t] = HOUR_MS;        /* Nothing ends meanwhile. */
    }
    r.n_ports = 1;
    r.ports[0].first = r.ports[0].last = 80;
    r.backends = &b;
    r.n_backends = 1;
    if (is_v6) {
        memcpy(&r.vip, "\x20\x01\0\0\0\0\0\0\0\0\0\0", 12);
        r.vip.w[3] = htonl(FIRST_VIP + i - 1);
        memcpy(&b.addr, "\x20\x02\0\0\0\0\0\0\0\0\0\0", 12);
        b.addr.w[3] = htonl(FIRST_BACKEND + i - 1);
    } else {
        r.vip = tpr_addr_from_ip4(htonl(FIRST_VIP + i - 1));
        b.addr = tpr_addr_from_ip4(htonl(FIRST_BACKEND + i - 1));
    }
    check(tpr_bpf_set(bpf, &r));
}

static uint64_t
packets_of(uint32_t n_services, bool reverse)
{
    uint64_t n = 0;

    for (uint32_t i = 1; i <= n_services; i++) {
        struct tpr_redirect_stats s;

        if (!tpr_bpf_get_stats(bpf, i, &s)) {
            n += reverse ? s.backends->rev_packets : s.backends->packets;
            free(s.backends);
        }
    }
    return n;
}

/* Sets up services, and connections that are established. */
static void
fill(enum kind kind, uint32_t n_services, uint32_t n_connections)
{
    const struct tpr_bpf_options options = { .seed = 12345 };

    kind = kind == REVERSE4 || kind >= NEW4 ? TCP4 : kind;
    tpr_bpf_reset(bpf, &options);
    check(tpr_bpf_add_port(bpf, PORT));
    for (uint32_t i = 1; i <= n_services; i++) {
        add_service(i, kind == UDP4 ? TPR_PROTO_UDP : TPR_PROTO_TCP,
                    kind == TCP6);
    }
    for (int reverse = 0; reverse < 2; reverse++) {
        set_packets(kind, reverse, n_services, n_connections);
        run(TPR_BPF_BENCH_OURS, n_connections);
    }
    if (tpr_bpf_connections(bpf) != n_connections
        || packets_of(n_services, true) != n_connections) {
        ovs_fatal(0, "%u connections of %u, %llu of them answered",
                  tpr_bpf_connections(bpf), n_connections,
                  (unsigned long long) packets_of(n_services, true));
    }
}

/* New connections are those of flows that were not yet met: 'repeat' of them,
 * after which the table is filled anew. */
static void
cell(enum kind kind, uint32_t n_services, uint32_t n_connections)
{
    uint32_t ours[MAX_ROUNDS], bare[MAX_ROUNDS], n = repeat;
    const bool is_new = kind == NEW4;
    uint64_t before, after;
    char name[32];

    fill(kind, n_services, n_connections);
    if (is_new) {
        n = MIN(repeat, MAX_CONNECTIONS - n_connections);
    }
    before = packets_of(n_services, kind == REVERSE4);
    for (unsigned int i = 0; i < n_rounds; i++) {
        if (is_new && i) {
            fill(kind, n_services, n_connections);
        }
        for (int j = 0; j < 2; j++) {
            set_packets(kind, kind == REVERSE4, n_services,
                        n_connections + (is_new ? n : 0));
            if (is_new) {
                tpr_bpf_bench(bpf)->step = 1;
                tpr_bpf_bench(bpf)->flow = n_connections - 1;
            }
            if (j) {
                ours[i] = run(TPR_BPF_BENCH_OURS, n);
            } else {
                bare[i] = run(TPR_BPF_BENCH_BARE, n);
            }
        }
    }
    after = packets_of(n_services, kind == REVERSE4);
    if (!is_new && after - before
                   != (kind == FOREIGN4 ? 0 : (uint64_t) n_rounds * n)) {
        ovs_fatal(0, "%s: %llu packets counted", kind_names[kind],
                  (unsigned long long) (after - before));
    } else if (is_new && tpr_bpf_connections(bpf) != n_connections + n) {
        ovs_fatal(0, "%u connections instead of %u",
                  tpr_bpf_connections(bpf), n_connections + n);
    }
    print_cell(kind_names[kind], n_services, n_connections, ours);
    snprintf(name, sizeof name, "%s-harness", kind_names[kind]);
    print_cell(name, n_services, n_connections, bare);
}

static void
plain(enum tpr_bpf_program program, const char *name)
{
    uint32_t ns[MAX_ROUNDS];

    set_packets(TCP4, false, 1, 1);
    for (unsigned int i = 0; i < n_rounds; i++) {
        ns[i] = run(program, repeat);
    }
    print_cell(name, 0, 0, ns);
}

int
main(int argc, char *argv[])
{
    static const uint32_t services[] = { 1, MAX_SERVICES };
    static const uint32_t connections[] = { 1, 1000, 1000000 };
    const struct tpr_bpf_options options = {
        .connections = MAX_CONNECTIONS, .half_open = MAX_CONNECTIONS,
        .objects = MAX_SERVICES + 1,
        .records = 2 * MAX_SERVICES, .rings = 1 << 22, .benching = true,
    };

    const uint32_t only_services
        = argc > 4 ? (uint32_t) strtoul(argv[3], NULL, 10) : 0;
    const uint32_t only_connections
        = argc > 4 ? (uint32_t) strtoul(argv[4], NULL, 10) : 0;

    set_program_name(argv[0]);
    n_rounds = argc > 1 ? MIN((unsigned int) strtoul(argv[1], NULL, 10),
                              MAX_ROUNDS) : 11;
    repeat = argc > 2 ? (uint32_t) strtoul(argv[2], NULL, 10) : 200000;
    repeat = MIN(repeat, MAX_CONNECTIONS - 1000000);
    check(tpr_bpf_create(&options, &bpf));
    check(tpr_bpf_add_port(bpf, PORT));
    plain(TPR_BPF_BENCH_TX, "bare-tx");
    plain(TPR_BPF_BENCH_BARE, "harness");
    plain(TPR_BPF_BENCH_REWRITE, "bare-rewrite");
    for (size_t s = 0; s < ARRAY_SIZE(services); s++) {
        for (size_t c = 0; c < ARRAY_SIZE(connections); c++) {
            if (only_services
                && (services[s] != only_services
                    || connections[c] != only_connections)) {
                continue;
            }
            for (int kind = 0; kind < N_KINDS; kind++) {
                cell(kind, services[s], connections[c]);
            }
        }
    }
    tpr_bpf_destroy(bpf);
    return 0;
}
