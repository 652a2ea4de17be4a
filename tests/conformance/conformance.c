/* SPDX-License-Identifier: Apache-2.0 */

/* The conformance suite of the redirect action.
 *
 *     conformance FILE...                      the cases, every host; TAP
 *     conformance --packets N [--seed S]       the datapath against the model
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
        { "packets", required_argument, NULL, 'p' },
        { "seed", required_argument, NULL, 's' },
        { NULL, 0, NULL, 0 },
    };
    const struct host_ops *const hosts[] = { &host_model, &host_dp };
    unsigned int n = 0, n_failed = 0;
    uint64_t packets = 0;
    uint32_t seed = 1;
    int c;

    set_program_name(argv[0]);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'p') {
            packets = strtoull(optarg, NULL, 10);
        } else if (c == 's') {
            seed = (uint32_t) strtoul(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    for (int i = optind; i < argc; i++) {
        for (size_t h = 0; h < ARRAY_SIZE(hosts); h++) {
            case_run_file(argv[i], hosts[h], &n, &n_failed);
        }
    }
    if (packets) {
        int differs = random_run(&host_dp, packets, seed);

        printf("%sok %u - the datapath does what the model does, %llu random"
               " packets\n", differs ? "not " : "", ++n,
               (unsigned long long) packets);
        n_failed += differs;
    }
    printf("1..%u\n", n);
    return n_failed ? 1 : 0;
}
