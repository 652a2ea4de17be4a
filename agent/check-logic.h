/* SPDX-License-Identifier: Apache-2.0 */

/* Health checks: when the next one starts and what verdicts lead to.
 *
 *                  first good one
 *     +---------+ ---------------> +----+
 *     | UNKNOWN |   +------------> | UP |
 *     +---------+   |  'rise' good +----+
 *          |        |  in a row      |
 *          | 'fall' |                | 'fall' bad in a row
 *          | bad    |                |
 *          |      +------+           |
 *          +----> | DOWN | <---------+
 *                 +------+
 *
 * "In a row" means consecutive: one good check forgets all misses before it,
 * and the other way round.  While nothing is known the first good check is
 * enough: a new backend serves after one interval at most.  A failure of our
 * own is no verdict at all: it neither counts nor forgets.
 *
 * Starts stand on a grid, 'interval' apart, whose phase follows from the
 * backend's name: checks do not drift and do not start all at once, and after
 * a restart they stand as before.  Starts that were missed are left out.
 *
 * Pure.  Threads: none; an instance belongs to one thread.  Time: *_us,
 * CLOCK_MONOTONIC. */

#ifndef TPR_CHECK_LOGIC_H
#define TPR_CHECK_LOGIC_H 1

#include <stdbool.h>
#include <stdint.h>
#include "check.h"

struct check_logic {
    enum check_state state;
    unsigned int n_good;        /* Good verdicts in a row. */
    unsigned int n_bad;         /* Bad verdicts in a row. */
    long long int last_good_us; /* Last good verdict, 0: never. */
};

void check_logic_init(struct check_logic *, enum check_state);
bool check_logic_verdict(struct check_logic *, const struct tpr_check *,
                         bool good, long long int now_us);

long long int check_first_start(uint32_t hash, long long int interval_us,
                                long long int now_us);
long long int check_next_start(long long int start_us,
                               long long int interval_us,
                               long long int now_us);

#endif /* check-logic.h */
