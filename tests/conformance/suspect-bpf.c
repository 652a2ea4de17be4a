/* SPDX-License-Identifier: Apache-2.0 */

/* Backends that real traffic makes suspect, on the BPF programs: see
 * redirect-suspect.h. */

#include <config.h>
#include "suspect-bpf.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include "loader.h"
#include "redirect-check.h"
#include "util.h"

enum { START_MS = 0xfffffff0, BOUND_MS = 200, ID = 1 };
enum { VIP = 0x0a010001, BACKEND = 0x0a020001, CLIENT = 0x0a000001,
       CLIENT_SEQ = 1000 };

struct suspect {
    struct tpr_bpf *bpf;
    enum tpr_bpf_program program;
    const char *name;
    unsigned int *n_tests, n_failed;
};

static struct tpr_addr
ip4(uint32_t address)
{
    return tpr_addr_from_ip4(tpr_swap32(address));
}

static void
set_object(struct tpr_bpf *bpf)
{
    struct tpr_redirect_backend b = {
        .addr = ip4(BACKEND), .output = 2, .region = TPR_NO_WORD,
        .word = TPR_NO_WORD, .vlan = TPR_VLAN_KEEP, .weight = 1,
        .mac = { 2, 0, 0, 0, 0, 0x60 },
    };
    struct tpr_redirect r;
    char *error;

    tpr_redirect_init(&r, ID);
    r.vip = ip4(VIP);
    r.proto = TPR_PROTO_TCP;
    r.backends = &b;
    r.n_backends = 1;
    error = tpr_bpf_set(bpf, &r);
    if (error) {
        ovs_fatal(0, "%s", error);
    }
}

static void
set_up(struct tpr_bpf *bpf)
{
    const struct tpr_bpf_options options = { .seed = 7, .half_open = 8 };

    tpr_bpf_reset(bpf, &options);
    set_object(bpf);
    ovs_assert(!tpr_bpf_suspect_after(bpf, ID, BOUND_MS));
    set_object(bpf);                    /* A new version keeps the bound. */
}

/* The client on 'port', or the backend to it, sends something. */
static void
run_one(const struct suspect *t, uint32_t now_ms, bool reverse, uint16_t port,
        uint16_t flags)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1);
    struct frame f;
    struct pkt p;

    pkt_init(&p);
    p.proto = TPR_PROTO_TCP;
    p.flags = flags;
    p.src = ip4(reverse ? BACKEND : CLIENT);
    p.dst = ip4(reverse ? CLIENT : VIP);
    p.sport = reverse ? 80 : port;
    p.dport = reverse ? port : 80;
    p.seq = reverse ? 5000 : CLIENT_SEQ + !(flags & F_SYN);
    p.ack = reverse ? CLIENT_SEQ + 1 : 0;
    pkt_build(&p, &f);
    opts.data_in = f.data;
    opts.data_size_in = (uint32_t) f.len;
    *tpr_bpf_test(t->bpf) = (struct tpr_bpf_test) {
        .now_ms = now_ms, .in_port = reverse ? 2 : 1,
        .mode = TPR_BPF_MODE_AUTO,
    };
    if (bpf_prog_test_run_opts(tpr_bpf_fd(t->bpf, t->program), &opts)) {
        ovs_fatal(0, "BPF_PROG_RUN");
    }
}

static void
expect(struct suspect *t, const char *what, uint32_t now_ms, uint32_t silent,
       uint32_t refused)
{
    struct tpr_bpf_suspicion s = { 0 };
    bool ok;

    tpr_bpf_look_for_silence(t->bpf, now_ms);
    ok = (!tpr_bpf_get_suspicion(t->bpf, ID, 0, &s)
          && s.silent == silent && s.refused == refused);
    printf("%sok %u - suspects, %s: %s\n", ok ? "" : "not ", ++*t->n_tests,
           t->name, what);
    if (!ok) {
        printf("# %u silent, %u refused\n", s.silent, s.refused);
        t->n_failed++;
    }
}

static void
run(struct suspect *t)
{
    const uint32_t then = (uint32_t) START_MS + BOUND_MS;

    set_up(t->bpf);
    run_one(t, START_MS, false, 1, F_SYN);
    expect(t, "nobody yet", then - 1, 0, 0);
    expect(t, "a SYN without an answer", then, 1, 0);
    expect(t, "counts once", then + 1, 1, 0);
    run_one(t, then + 2, false, 1, F_SYN);
    expect(t, "though it is repeated", then + 2 + BOUND_MS, 1, 0);

    set_up(t->bpf);
    run_one(t, START_MS, false, 1, F_SYN);
    run_one(t, START_MS + 1, true, 1, F_SYN | F_ACK);
    run_one(t, START_MS, false, 2, F_SYN);
    run_one(t, START_MS + 1, false, 2, F_RST);
    expect(t, "neither answers nor clients that give up", then + 1, 0, 0);
    run_one(t, then + 1, false, 3, F_SYN);
    for (uint16_t port = 10; port < 14; port++) {
        run_one(t, then + 1, false, port, F_SYN);
        run_one(t, then + 2, false, port, F_RST);
    }
    expect(t, "they hide nothing", then + 1 + BOUND_MS, 1, 0);

    set_up(t->bpf);
    run_one(t, START_MS, false, 1, F_SYN);
    run_one(t, START_MS + 1, true, 1, F_RST | F_ACK);
    run_one(t, START_MS + 2, true, 1, F_RST | F_ACK);
    expect(t, "a reset in place of a SYN-ACK", then, 0, 1);
    run_one(t, START_MS, false, 2, F_SYN);
    run_one(t, START_MS + 1, true, 2, F_SYN | F_ACK);
    run_one(t, START_MS + 2, true, 2, F_RST);
    expect(t, "not one after it", then, 0, 1);

    set_up(t->bpf);
    ovs_assert(!tpr_bpf_suspect_after(t->bpf, ID, 0));
    run_one(t, START_MS, false, 1, F_SYN);
    expect(t, "not without a bound", then, 0, 0);
}

/* Returns how many of its tests failed. */
unsigned int
suspect_run(struct tpr_bpf *bpf, unsigned int *n_tests)
{
    struct suspect xdp = { bpf, TPR_BPF_XDP_TEST, "XDP", n_tests, 0 };
    struct suspect tc = { bpf, TPR_BPF_TC_TEST, "tc", n_tests, 0 };

    run(&xdp);
    run(&tc);
    return xdp.n_failed + tc.n_failed;
}
