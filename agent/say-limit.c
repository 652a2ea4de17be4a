/* SPDX-License-Identifier: Apache-2.0 */

/* How often something is said: see say-limit.h. */

#include <config.h>
#include "say-limit.h"

#include <limits.h>
#include "util.h"

/* When the next one may be said. */
static long long int
next_us(const struct say_limit *l)
{
    return l->idle_us - (SAY_BURST - 1LL) * SAY_SPACING_US;
}

/* Should be called when there is something to say.  Returns true if that may
 * be now; else it waits, instead of what has been waiting. */
bool
say_limit_take(struct say_limit *l, long long int now_us)
{
    if (l->n_waiting || next_us(l) > now_us) {
        l->n_waiting++;
        return false;
    }
    l->idle_us = MAX(l->idle_us, now_us) + SAY_SPACING_US;
    return true;
}

/* Returns true if what waits may be said now; stores in '*n' how many there
 * were. */
bool
say_limit_run(struct say_limit *l, long long int now_us, uint64_t *n)
{
    if (say_limit_deadline(l) > now_us) {
        return false;
    }
    *n = l->n_waiting;
    l->n_waiting = 0;
    return say_limit_take(l, now_us);
}

/* When say_limit_run() returns true, LLONG_MAX if nothing waits. */
long long int
say_limit_deadline(const struct say_limit *l)
{
    return l->n_waiting ? next_us(l) : LLONG_MAX;
}

/* Returns true if 'l' is as if nothing had ever been said. */
bool
say_limit_is_idle(const struct say_limit *l, long long int now_us)
{
    return !l->n_waiting && l->idle_us <= now_us;
}
