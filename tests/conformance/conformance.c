/* SPDX-License-Identifier: Apache-2.0 */

/* The conformance suite of the redirect action.
 *
 *     conformance FILE...                      the cases, hosts in this
 *                                              process; TAP
 *     conformance --ovs FILE...                the cases, a real switch: see
 *                                              tests/conformance/run-ovs
 *     conformance [--ovs] --packets N [--seed S]   the datapath, or the switch,
 *                                              against the model
 *
 * See case.h for the cases' language, random.c for the random runs. */

#include <config.h>
#include "case.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include "util.h"

int
main(int argc, char *argv[])
{
    static const struct option options[] = {
        { "ovs", no_argument, NULL, 'o' },
        { "packets", required_argument, NULL, 'p' },
        { "seed", required_argument, NULL, 's' },
        { NULL, 0, NULL, 0 },
    };
    const struct host_ops *const hosts[] = { &host_model, &host_dp };
    unsigned int n = 0, n_failed = 0;
    uint64_t packets = 0;
    bool ovs = false;
    uint32_t seed = 1;
    int c;

    set_program_name(argv[0]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'o') {
            ovs = true;
        } else if (c == 'p') {
            packets = strtoull(optarg, NULL, 10);
        } else if (c == 's') {
            seed = (uint32_t) strtoul(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    for (int i = optind; i < argc; i++) {
        if (ovs) {
            case_run_file(argv[i], &host_ovs, &n, &n_failed);
            continue;
        }
        for (size_t h = 0; h < ARRAY_SIZE(hosts); h++) {
            case_run_file(argv[i], hosts[h], &n, &n_failed);
        }
    }
    if (packets) {
        const struct host_ops *host = ovs ? &host_ovs : &host_dp;
        int differs = random_run(host, packets, seed);

        printf("%sok %u - %s does what the model does, %llu random"
               " packets\n", differs ? "not " : "", ++n, host->name,
               (unsigned long long) packets);
        n_failed += differs;
    }
    printf("1..%u\n", n);
    return n_failed ? 1 : 0;
}
