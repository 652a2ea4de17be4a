/* SPDX-License-Identifier: Apache-2.0 */

/* Objects of the BPF programs that are deleted: nothing matches them from then
 * on; what they leave goes at one blow, however many they are; and nothing of
 * it is used again while a program may still look at it. */

#include <config.h>
#include "objects-bpf.h"

#include <bpf/bpf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "loader.h"
#include "redirect-check.h"
#include "util.h"

enum {
    NOW_MS = 1000,
    N_OBJECTS = 1000,
    N_RECORDS = 4096,           /* host_bpf_open()'s. */
    N_BACKENDS = 512,           /* Of objects that fill them. */
    N_PORTS = 64,               /* Of one object, found one by one. */
    FIRST_PORT = 21,            /* Among them the one of is_taken(). */
};

static unsigned int n_failed;

static void
check(bool ok, const char *what, unsigned int *n_tests)
{
    printf("%sok %u - objects: %s\n", ok ? "" : "not ", ++*n_tests, what);
    n_failed += !ok;
}

static void
reset(struct tpr_bpf *bpf)
{
    const struct tpr_bpf_options options = { .seed = 7 };

    tpr_bpf_reset(bpf, &options);
}

/* Object 'id', whose VIP ends with it, with 'n' backends from 'first' on and
 * 'n_ports' ports, or all.  Returns false if there is no room. */
static bool
set_ports(struct tpr_bpf *bpf, uint32_t id, uint32_t first, uint16_t n,
          uint16_t n_ports)
{
    struct tpr_redirect_backend *b = xcalloc(n, sizeof *b);
    struct tpr_redirect r;
    char *error;

    for (uint16_t i = 0; i < n; i++) {
        b[i] = (struct tpr_redirect_backend) {
            .addr = tpr_addr_from_ip4(tpr_swap32(0x0a020000 + first + i)),
            .output = 2, .region = TPR_NO_WORD, .word = TPR_NO_WORD,
            .vlan = TPR_VLAN_KEEP, .weight = 1,
            .mac = { 2, 0, 0, 0, 0, 0x60 },
        };
    }
    tpr_redirect_init(&r, id);
    r.vip = tpr_addr_from_ip4(tpr_swap32(0x0a010000 + id));
    r.proto = TPR_PROTO_UDP;
    r.policy = TPR_POLICY_FAILOVER;
    r.timeouts[TPR_TIMEOUT_NEW] = 1000 * 1000;
    r.backends = b;
    r.n_backends = n;
    if (n_ports) {
        r.n_ports = 1;
        r.ports[0].first = FIRST_PORT;
        r.ports[0].last = (uint16_t) (FIRST_PORT + n_ports - 1);
    }
    error = tpr_bpf_set(bpf, &r);
    free(b);
    if (error && !strstr(error, "no room")) {
        ovs_fatal(0, "%s", error);
    }
    free(error);
    return !error;
}

static bool
set(struct tpr_bpf *bpf, uint32_t id, uint32_t first, uint16_t n)
{
    return set_ports(bpf, id, first, n, 0);
}

/* A datagram to object 'id': is it taken? */
static bool
is_taken(struct tpr_bpf *bpf, uint32_t id)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1);
    struct frame f;
    struct pkt p;

    pkt_init(&p);
    p.proto = TPR_PROTO_UDP;
    p.src = tpr_addr_from_ip4(tpr_swap32(0x0a000001));
    p.dst = tpr_addr_from_ip4(tpr_swap32(0x0a010000 + id));
    p.sport = (uint16_t) (1000 + id);   /* Its replies are told apart. */
    p.dport = 53;
    pkt_build(&p, &f);
    opts.data_in = f.data;
    opts.data_size_in = (uint32_t) f.len;
    *tpr_bpf_test(bpf) = (struct tpr_bpf_test) {
        .now_ms = NOW_MS, .in_port = 1, .mode = TPR_BPF_MODE_AUTO,
    };
    if (bpf_prog_test_run_opts(tpr_bpf_fd(bpf, TPR_BPF_XDP_TEST), &opts)) {
        ovs_fatal(0, "BPF_PROG_RUN");
    }
    return tpr_bpf_test(bpf)->verdict == TPR_SEND;
}

static bool
any_taken(struct tpr_bpf *bpf)
{
    for (uint32_t id = 1; id <= N_OBJECTS; id++) {
        if (is_taken(bpf, id)) {
            return true;
        }
    }
    return false;
}

static void
delete_many(struct tpr_bpf *bpf, unsigned int *n_tests)
{
    struct tpr_bpf_work before, after;
    bool ok = true;

    reset(bpf);
    for (uint32_t id = 1; id <= N_OBJECTS; id++) {
        ok = ok && set(bpf, id, 1, 1) && is_taken(bpf, id);
    }
    check(ok && tpr_bpf_connections(bpf) == N_OBJECTS,
          "each has a connection", n_tests);
    before = tpr_bpf_work(bpf);
    for (uint32_t id = 1; id <= N_OBJECTS; id++) {
        ok = ok && !tpr_bpf_del(bpf, id);
    }
    after = tpr_bpf_work(bpf);
    check(ok && after.graces == before.graces && after.runs == before.runs,
          "deleting them waits for nothing", n_tests);
    check(!any_taken(bpf) && !tpr_bpf_next(bpf, 0),
          "nothing matches them from then on", n_tests);
    tpr_bpf_settle(bpf);
    after = tpr_bpf_work(bpf);
    check(after.graces == before.graces + 1 && after.runs == before.runs + 1,
          "one grace and one sweep settle them", n_tests);
    check(!tpr_bpf_connections(bpf), "no connection is left", n_tests);
    tpr_bpf_settle(bpf);
    check(tpr_bpf_work(bpf).graces == after.graces,
          "there is nothing to settle twice", n_tests);
}

static void
reuse_id(struct tpr_bpf *bpf, unsigned int *n_tests)
{
    reset(bpf);
    set(bpf, 1, 1, 1);
    is_taken(bpf, 1);
    tpr_bpf_del(bpf, 1);
    set(bpf, 1, 2, 1);
    check(!tpr_bpf_connections(bpf),
          "one with the same id does not inherit connections", n_tests);
    check(is_taken(bpf, 1) && tpr_bpf_connections(bpf) == 1,
          "it has its own", n_tests);
}

static void
reuse_records(struct tpr_bpf *bpf, unsigned int *n_tests)
{
    struct tpr_bpf_work before;
    bool ok = true;

    reset(bpf);
    for (uint32_t i = 0; i < N_RECORDS / N_BACKENDS; i++) {
        ok = ok && set(bpf, i + 1, 1 + i * N_BACKENDS, N_BACKENDS);
    }
    check(ok && !set(bpf, 60, 1, 1), "records are used up", n_tests);
    is_taken(bpf, 1);
    tpr_bpf_del(bpf, 1);
    check(set(bpf, 60, 1, 1), "those of a deleted one can be used",
          n_tests);
    check(!tpr_bpf_connections(bpf), "after it was settled", n_tests);

    is_taken(bpf, 2);
    tpr_bpf_del(bpf, 2);
    tpr_bpf_settle(bpf);
    /* The first one has left some. */
    for (uint32_t i = 1; i < N_BACKENDS; i++) {
        ok = ok && set(bpf, 60 + i, 1, 1);
    }
    before = tpr_bpf_work(bpf);
    ok = ok && set(bpf, 59, 1, 1);
    check(ok && tpr_bpf_work(bpf).graces == before.graces + 1,
          "a record is not used again before a grace has ended", n_tests);
    for (uint32_t i = 1; i < 50; i++) {
        ok = ok && set(bpf, 60 + N_BACKENDS + i, 1, 1);
    }
    check(ok && tpr_bpf_work(bpf).graces == before.graces + 1,
          "one grace serves all", n_tests);
}

/* One that not all ports fit of is not there at all: what it takes of them
 * would be nobody's otherwise, as the owner has it served elsewhere. */
static void
fill_services(struct tpr_bpf *bpf, unsigned int *n_tests)
{
    uint32_t id = 1;

    reset(bpf);
    while (id < N_OBJECTS && set_ports(bpf, id, 1, 1, N_PORTS)) {
        id++;
    }
    check(id > 1 && id < N_OBJECTS && is_taken(bpf, id - 1),
          "ports are used up", n_tests);
    check(!is_taken(bpf, id) && !tpr_bpf_next(bpf, id - 1),
          "one without room for all of its ports has none", n_tests);
    tpr_bpf_settle(bpf);
    check(set_ports(bpf, id, 1, 1, 40) && is_taken(bpf, id),
          "another one with fewer has room", n_tests);
    check(!set_ports(bpf, id, 1, 1, N_PORTS) && !is_taken(bpf, id),
          "one that gets too many is gone", n_tests);
}

/* Runs the tests and returns how many failed; '*n_tests' counts them. */
unsigned int
objects_run(struct tpr_bpf *bpf, unsigned int *n_tests)
{
    n_failed = 0;
    delete_many(bpf, n_tests);
    reuse_id(bpf, n_tests);
    reuse_records(bpf, n_tests);
    fill_services(bpf, n_tests);
    return n_failed;
}
