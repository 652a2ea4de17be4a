/* SPDX-License-Identifier: Apache-2.0 */

/* The agent's clock: microseconds of CLOCK_MONOTONIC.
 *
 * Open vSwitch's time_msec() is cached and counts in milliseconds; heartbeats
 * and time budgets need finer steps.
 *
 * Threads: any. */

#ifndef TPR_TIME_H
#define TPR_TIME_H 1

#include <time.h>

/* Returns the time now, in microseconds of CLOCK_MONOTONIC. */
static inline long long int
tpr_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

#endif /* tpr-time.h */
