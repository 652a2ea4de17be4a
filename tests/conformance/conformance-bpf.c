/* SPDX-License-Identifier: Apache-2.0 */

/* The conformance suite of redirects, for the BPF programs.
 *
 *     conformance-bpf FILE...                  the cases; TAP
 *     conformance-bpf --seconds N [--seed S]   random packets for so long,
 *                                              against the model
 *
 * Attaches nothing.  Without the right to load BPF programs, everything is
 * skipped with a sentence. */

#include <config.h>
#include "case.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include "clients-bpf.h"
#include "host-bpf.h"
#include "loader.h"
#include "objects-bpf.h"
#include "suspect-bpf.h"
#include "threads-bpf.h"
#include "timeval.h"
#include "util.h"

enum { SLICE = 2000 };          /* Random packets of one seed. */

/* What one packet may cost the verifier to see through, so that the programs
 * stay below the kernel's million. */
enum { MAX_VERIFIED = 200000 };

static void
check_verified(struct tpr_bpf *bpf, unsigned int *n, unsigned int *n_failed)
{
    static const char *const names[] = {
        [TPR_BPF_XDP] = "XDP", [TPR_BPF_XDP_NEXT] = "AF_XDP ports",
        [TPR_BPF_TC] = "tc",
    };

    for (int i = 0; i <= TPR_BPF_TC; i++) {
        uint32_t verified = tpr_bpf_verified(bpf, i);
        bool ok = verified <= MAX_VERIFIED;

        printf("%sok %u - the verifier goes through %u instructions of %s's"
               " program, %d at most\n", ok ? "" : "not ", ++*n, verified,
               names[i], MAX_VERIFIED);
        *n_failed += !ok;
    }
}

/* The clock, which the cases set as they like: a day of the kernel's must be a
 * day, and never go back. */
static void
check_clock(unsigned int *n, unsigned int *n_failed)
{
    const uint64_t day_ns = 86400 * 1000000000ULL, day_ms = 86400 * 1000;
    bool ok = true;

    for (uint64_t ns = 0; ns < 400 * day_ns; ns += day_ns / 7) {
        int32_t step = (int32_t) (tpr_bpf_ms(ns + day_ns) - tpr_bpf_ms(ns));

        ok = ok && step >= day_ms - 40 && step <= day_ms + 40
             && tpr_bpf_ms(ns + 1100000) != tpr_bpf_ms(ns);
    }
    printf("%sok %u - the clock counts milliseconds\n", ok ? "" : "not ",
           ++*n);
    *n_failed += !ok;
}

static void
run_random(const struct host_ops *ops, unsigned int seconds, uint32_t seed,
           unsigned int *n, unsigned int *n_failed)
{
    long long int end = time_msec() + seconds * 1000LL;
    unsigned long long int packets = 0;
    int differs = 0;

    while (!differs && time_msec() < end) {
        differs = random_run(ops, SLICE, seed++);
        packets += SLICE;
    }
    printf("%sok %u - %s does what the model does, %llu random packets\n",
           differs ? "not " : "", ++*n, ops->name, packets);
    *n_failed += differs;
}

int
main(int argc, char *argv[])
{
    static const struct option options[] = {
        { "seconds", required_argument, NULL, 't' },
        { "seed", required_argument, NULL, 's' },
        { NULL, 0, NULL, 0 },
    };
    const struct host_ops *const hosts[] = {
        &host_xdp, &host_tc, &host_xdp_auto, &host_tc_auto
    };
    unsigned int n = 0, n_failed = 0, seconds = 0;
    struct tpr_bpf *bpf;
    uint32_t seed = 1;
    char *error;
    int c;

    set_program_name(argv[0]);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 't') {
            seconds = (unsigned int) strtoul(optarg, NULL, 10);
        } else if (c == 's') {
            seed = (uint32_t) strtoul(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    bpf = host_bpf_open(&error);
    if (!bpf) {
        bool may = error && !strstr(error, "CAP_BPF");

        printf("%s\n1..%d\n", may ? error : "ok 1 - BPF # SKIP needs root",
               !may);
        free(error);
        return may;
    }
    check_clock(&n, &n_failed);
    check_verified(bpf, &n, &n_failed);
    n_failed += threads_run(bpf, &n);
    n_failed += clients_run(bpf, &n);
    n_failed += suspect_run(bpf, &n);
    n_failed += objects_run(bpf, &n);
    for (int i = optind; i < argc; i++) {
        for (size_t h = 0; h < ARRAY_SIZE(hosts); h++) {
            case_run_file(argv[i], hosts[h], &n, &n_failed);
        }
    }
    for (size_t h = 0; seconds && h < 2; h++) {
        run_random(hosts[h], seconds / 2, seed, &n, &n_failed);
    }
    host_bpf_close();
    printf("1..%u\n", n);
    return n_failed ? 1 : 0;
}
