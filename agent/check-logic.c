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
                    enum check_proof proof, long long int now_us)
{
    enum check_state next_state = logic->state;

    if (proof == CHECK_PROOF_GOOD) {
        logic->suspect = false;
        logic->n_good++;
        logic->n_bad = 0;
        logic->last_good_us = now_us;
        if (logic->state == CHECK_UNKNOWN || logic->n_good >= check->rise) {
            next_state = CHECK_UP;
        }
    } else {
        logic->n_bad++;
        logic->n_good = 0;
        if (logic->n_bad >= check->fall
            || (logic->suspect
                && (proof == CHECK_PROOF_BAD
                    || logic->n_bad >= CHECK_SUSPECT_SILENCES))) {
            next_state = CHECK_DOWN;
        }
    }
    if (next_state == CHECK_DOWN) {
        logic->suspect = false;
    }

    if (next_state == logic->state) {
        return false;
    }
    logic->state = next_state;
    return true;
}

/* Should be called when real traffic makes the backend suspect. */
void
check_logic_suspect(struct check_logic *logic)
{
    logic->suspect = true;
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

/* Returns true if the last verdict speaks against the state. */
bool
check_logic_in_doubt(const struct check_logic *logic)
{
    return logic->state == CHECK_DOWN ? logic->n_good > 0 : logic->n_bad > 0;
}

/* Returns when the check that follows the one that began at 'start_us' and has
 * ended at 'now_us' should start; 'hash' is that of its grid. */
long long int
check_logic_next_start(const struct check_logic *logic,
                       const struct tpr_check *check, uint32_t hash,
                       long long int start_us, long long int now_us)
{
    long long int interval_us = check->interval_us;

    if (check->fast_us && check_logic_in_doubt(logic)) {
        return check_next_start(start_us, check->fast_us, now_us);
    }
    /* The present start may be off the grid. */
    return check_first_start(hash, interval_us,
                             MAX(start_us + (interval_us + 1) / 2,
                                 now_us - interval_us / 4));
}

/* Returns the start after the one at 'start_us' that is not missed by
 * 'now_us', or by less than a quarter of the interval. */
long long int
check_next_start(long long int start_us, long long int interval_us,
                 long long int now_us)
{
    long long int next_us = start_us + interval_us;

    now_us -= interval_us / 4;
    if (next_us < now_us) {
        next_us += DIV_ROUND_UP(now_us - next_us, interval_us) * interval_us;
    }
    return next_us;
}

/* Returns when a check that suspicion asks for at 'now_us' starts, if the last
 * one began at 'began_us': at once, but not so often that whoever makes
 * backends suspect makes us flood them. */
long long int
check_early_start(long long int began_us, long long int now_us)
{
    return MAX(now_us, began_us + CHECK_EARLY_SPACING_US);
}
