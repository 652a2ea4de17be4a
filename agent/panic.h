/* SPDX-License-Identifier: Apache-2.0 */

/* Panic threshold: when too many backends fail at once, suspect ourselves.
 *
 * A switch that loses its own uplink sees everybody die.  When more than
 * 'threshold' percent of the usable backends become unusable within
 * PANIC_WINDOW_US, the last good set stays in force for every service that has
 * no other backend which is proven good.  Panic ends when enough of them are
 * back, or after PANIC_MAX_US, when the truth is accepted.
 *
 * Below PANIC_MIN_BACKENDS there is no crowd to compare with, and no panic.
 *
 * Pure.  Threads: none of its own.  Time: *_us, CLOCK_MONOTONIC. */

#ifndef TPR_PANIC_H
#define TPR_PANIC_H 1

#include <stdbool.h>

enum {
    PANIC_WINDOW_US = 1000 * 1000,
    PANIC_MAX_US = 30 * 1000 * 1000,
    PANIC_MIN_BACKENDS = 4,
};

struct panic {
    bool active;
    long long int since_us;     /* When 'active' became true. */
};

enum panic_decision { PANIC_NO_CHANGE, PANIC_BEGIN, PANIC_END };

enum panic_decision panic_run(struct panic *, unsigned int threshold,
                              unsigned int n_usable, unsigned int n_lost,
                              long long int now_us);
long long int panic_deadline(const struct panic *);

#endif /* panic.h */
