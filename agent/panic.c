/* SPDX-License-Identifier: Apache-2.0 */

/* Panic threshold; panic.h says what and why. */

#include <config.h>
#include "panic.h"
#include <limits.h>

/* Decides from the number of backends that are usable now, 'n_usable', and
 * of those that were lost: within the last PANIC_WINDOW_US while there is no
 * panic, by this panic while there is one.  'threshold' is in percent, 0
 * switches panic off.
 *
 * After PANIC_MAX_US panic ends and the caller must forget its lost ones. */
enum panic_decision
panic_run(struct panic *p, unsigned int threshold, unsigned int n_usable,
          unsigned int n_lost, long long int now_us)
{
    unsigned int n = n_usable + n_lost;
    bool crowd = (threshold && n >= PANIC_MIN_BACKENDS
                  && n_lost * 100ULL > (unsigned long long) threshold * n);

    if (!p->active && crowd) {
        p->active = true;
        p->since_us = now_us;
        return PANIC_BEGIN;
    }
    if (p->active && (!crowd || now_us >= panic_deadline(p))) {
        p->active = false;
        return PANIC_END;
    }
    return PANIC_NO_CHANGE;
}

/* Returns the time at which panic_run() must be called at the latest. */
long long int
panic_deadline(const struct panic *p)
{
    return p->active ? p->since_us + PANIC_MAX_US : LLONG_MAX;
}
