/* SPDX-License-Identifier: Apache-2.0 */

/* Passive detection: from what the datapath sees of real traffic to health
 * checks at once, and to the log.
 *
 *     bridges.h --suspect--> check.h: checked at once --miss--> policy.h
 *                               |
 *                               +--episode begins, ends--> journal.h
 *
 * Threads: main thread. */

#ifndef TPR_SUSPECTS_H
#define TPR_SUSPECTS_H 1

#include <stdbool.h>

struct bridges;
struct check_set;
struct journal;
struct policy;
struct tpr_config;

struct suspects_env {
    const struct tpr_config *config;
    struct policy *policy;
    struct check_set *checks;
    struct bridges *bridges;
    struct journal *journal;
};

bool suspects_collect(const struct suspects_env *, long long int now_us);

#endif /* suspects.h */
