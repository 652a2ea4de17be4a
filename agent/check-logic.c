/* SPDX-License-Identifier: Apache-2.0 */

/* The pure part of health checks: see check-logic.h, which draws the
 * machine. */

#include <config.h>
#include "check-logic.h"

#include <string.h>
#include "util.h"

/* Makes 'logic' start in 'state': what was known before a restart or a change
 * of the configuration, or CHECK_UNKNOWN. */
void
check_logic_init(struct check_logic *logic, enum check_state state)
{
    memset(logic, 0, sizeof *logic);
    logic->state = state;
}

/* Should be called when a check has come to a verdict at 'now_us'.  Returns
 * true if the state has changed. */
bool
check_logic_verdict(struct check_logic *logic, const struct tpr_check *check,
                    bool good, long long int now_us)
{
    enum check_state next_state = logic->state;

    if (good) {
        logic->n_good++;
        logic->n_bad = 0;
        logic->last_good_us = now_us;
        if (logic->state == CHECK_UNKNOWN || logic->n_good >= check->rise) {
            next_state = CHECK_UP;
        }
    } else {
        logic->n_bad++;
        logic->n_good = 0;
        if (logic->n_bad >= check->fall) {
            next_state = CHECK_DOWN;
        }
    }

    if (next_state == logic->state) {
        return false;
    }
    logic->state = next_state;
    return true;
}

/* Returns the first start at or after 'now_us' on the grid of 'hash'. */
long long int
check_first_start(uint32_t hash, long long int interval_us,
                  long long int now_us)
{
    long long int phase_us = ((uint64_t) hash * interval_us) >> 32;
    long long int start_us = now_us - now_us % interval_us + phase_us;

    return start_us >= now_us ? start_us : start_us + interval_us;
}

/* Returns the start after the one at 'start_us' that is not before
 * 'now_us'. */
long long int
check_next_start(long long int start_us, long long int interval_us,
                 long long int now_us)
{
    long long int next_us = start_us + interval_us;

    if (next_us < now_us) {
        next_us += DIV_ROUND_UP(now_us - next_us, interval_us) * interval_us;
    }
    return next_us;
}
