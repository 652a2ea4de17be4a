/* SPDX-License-Identifier: Apache-2.0 */

/* Whom a learning switch is to be told of, since the BPF programs took its
 * packets: the clients of connections, as often as once a minute. */

#include <config.h>
#include "clients-bpf.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include "loader.h"
#include "redirect-check.h"
#include "util.h"

enum { START_MS = 0xfffff000, CLIENT_MAC = 0x11 };

static uint16_t vlan;           /* The client's, 0: none. */

/* What is seen of clients. */
struct seen {
    uint32_t n, port, ms;
    uint16_t vlan;
    uint8_t mac;                /* Its last byte. */
};

static void
note(void *seen_, const struct tpr_bpf_client *client, uint32_t seen_ms)
{
    struct seen *seen = seen_;

    seen->n++;
    seen->port = client->port;
    seen->vlan = client->vlan;
    seen->mac = client->mac[5];
    seen->ms = seen_ms;
}

static struct seen
look(struct tpr_bpf *bpf, uint32_t now_ms)
{
    struct seen seen = { 0 };

    tpr_bpf_for_clients(bpf, now_ms, 5 * TPR_BPF_TELL_MS, note, &seen);
    return seen;
}

static void
set_up(struct tpr_bpf *bpf)
{
    const struct tpr_bpf_options options = { .seed = 7 };
    struct tpr_redirect_backend b = {
        .addr = tpr_addr_from_ip4(tpr_swap32(0x0a020001)), .output = 2,
        .region = TPR_NO_WORD, .word = TPR_NO_WORD, .vlan = TPR_VLAN_KEEP,
        .weight = 1, .mac = { 2, 0, 0, 0, 0, 0x60 },
    };
    struct tpr_redirect r;
    char *error;

    tpr_bpf_reset(bpf, &options);
    tpr_redirect_init(&r, 1);
    r.vip = tpr_addr_from_ip4(tpr_swap32(0x0a010001));
    r.proto = TPR_PROTO_UDP;
    r.timeouts[TPR_TIMEOUT_NEW] = 1000 * 1000;
    r.backends = &b;
    r.n_backends = 1;
    error = tpr_bpf_set(bpf, &r);
    if (error) {
        ovs_fatal(0, "%s", error);
    }
}

/* The client sends something at 'now_ms' by 'port'. */
static void
run_one(struct tpr_bpf *bpf, enum tpr_bpf_program program, uint32_t now_ms,
        uint32_t port)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .repeat = 1);
    struct frame f;
    struct pkt p;

    pkt_init(&p);
    p.proto = TPR_PROTO_UDP;
    p.src = tpr_addr_from_ip4(tpr_swap32(0x0a000001));
    p.dst = tpr_addr_from_ip4(tpr_swap32(0x0a010001));
    p.sport = 1000;
    p.dport = 53;
    p.tci = vlan ? 3 << 13 | vlan : -1;
    memset(p.smac, 0, sizeof p.smac);
    p.smac[5] = CLIENT_MAC;
    pkt_build(&p, &f);
    opts.data_in = f.data;
    opts.data_size_in = (uint32_t) f.len;
    *tpr_bpf_test(bpf) = (struct tpr_bpf_test) {
        .now_ms = now_ms, .in_port = port, .mode = TPR_BPF_MODE_AUTO,
    };
    if (bpf_prog_test_run_opts(tpr_bpf_fd(bpf, program), &opts)) {
        ovs_fatal(0, "BPF_PROG_RUN");
    }
}

static bool
expect(const char *what, const char *name, struct seen seen, uint32_t n,
       uint32_t port, uint32_t ms, unsigned int *n_tests)
{
    const bool ok = (seen.n == n
                     && (!n || (seen.port == port && seen.ms == ms
                                && seen.mac == CLIENT_MAC
                                && seen.vlan == (vlan ? TPR_TCI_PRESENT | vlan
                                             : 0))));

    printf("%sok %u - clients, %s: %s\n", ok ? "" : "not ", ++*n_tests, name,
           what);
    if (!ok) {
        printf("# %u clients, the last at port %u, VLAN %x, MAC %x, at %u\n",
               seen.n, seen.port, seen.vlan, seen.mac, seen.ms);
    }
    return ok;
}

static unsigned int
run(struct tpr_bpf *bpf, enum tpr_bpf_program program, const char *name,
    unsigned int *n_tests)
{
    const uint32_t minute = (uint32_t) START_MS + TPR_BPF_TELL_MS;
    unsigned int n_failed = 0;

    set_up(bpf);
    n_failed += !expect("nobody at first", name, look(bpf, START_MS), 0, 0,
                        0, n_tests);
    run_one(bpf, program, START_MS, 1);
    n_failed += !expect("who opens is noted", name, look(bpf, START_MS), 1, 1,
                        START_MS, n_tests);
    run_one(bpf, program, minute - 1, 1);
    n_failed += !expect("not again within a minute", name, look(bpf, minute),
                        1, 1, START_MS, n_tests);
    run_one(bpf, program, minute + 100, 1);
    n_failed += !expect("but then", name, look(bpf, minute), 1, 1,
                        minute + 100, n_tests);
    n_failed += !expect("who is silent is forgotten", name,
                        look(bpf, minute + 101 + 5 * TPR_BPF_TELL_MS), 0, 0, 0,
                        n_tests);
    run_one(bpf, program, minute + 200, 3);
    n_failed += !expect("who moves is noted at once", name,
                        look(bpf, minute), 1, 3, minute + 200, n_tests);
    return n_failed;
}

/* Returns how many of its tests failed. */
unsigned int
clients_run(struct tpr_bpf *bpf, unsigned int *n_tests)
{
    unsigned int n_failed = 0;

    n_failed += run(bpf, TPR_BPF_XDP_TEST, "XDP", n_tests);
    vlan = 5;
    n_failed += run(bpf, TPR_BPF_XDP_TEST, "XDP, with a tag", n_tests);
    n_failed += run(bpf, TPR_BPF_TC_TEST, "tc, with a tag", n_tests);
    return n_failed;
}
