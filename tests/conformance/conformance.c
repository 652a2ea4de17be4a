/* SPDX-License-Identifier: Apache-2.0 */

/* The conformance suite of the redirect action.
 *
 *     conformance FILE...                      the cases, hosts in this
 *                                              process; TAP
 *     conformance --ovs FILE...                the cases, a real switch's
 *                                              redirects: see
 *                                              tests/conformance/run-ovs
 *     conformance --flows FILE...              the cases, a switch with the
 *                                              agent's plain flows
 *     conformance --wrong FILE...              the cases, a host that is wrong
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
        { "flows", no_argument, NULL, 'f' },
        { "wrong", no_argument, NULL, 'w' },
        { "packets", required_argument, NULL, 'p' },
        { "seed", required_argument, NULL, 's' },
        { NULL, 0, NULL, 0 },
    };
    const struct host_ops *const hosts[] = {
        &host_model, &host_dp, &host_ovs, &host_flows, host_wrong(),
    };
    unsigned int n = 0, n_failed = 0;
    uint64_t packets = 0;
    bool wanted[ARRAY_SIZE(hosts)] = { true, true };
    uint32_t seed = 1;
    int c;

    set_program_name(argv[0]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'o') {
            wanted[0] = wanted[1] = false;
            wanted[2] = true;
        } else if (c == 'f') {
            wanted[0] = wanted[1] = false;
            wanted[3] = true;
        } else if (c == 'w') {
            wanted[0] = wanted[1] = false;
            wanted[4] = true;
        } else if (c == 'p') {
            packets = strtoull(optarg, NULL, 10);
        } else if (c == 's') {
            seed = (uint32_t) strtoul(optarg, NULL, 10);
        } else {
            return 2;
        }
    }
    for (size_t h = 0; h < ARRAY_SIZE(hosts); h++) {
        for (int i = optind; wanted[h] && i < argc; i++) {
            case_run_file(argv[i], hosts[h], &n, &n_failed);
        }
        if (packets && wanted[h] && hosts[h]->originate && h) {
            int differs = random_run(hosts[h], packets, seed);

            printf("%sok %u - %s does what the model does, %llu random"
                   " packets\n", differs ? "not " : "", ++n, hosts[h]->name,
                   (unsigned long long) packets);
            n_failed += differs;
        }
    }
    printf("1..%u\n", n);
    return n_failed ? 1 : 0;
}
