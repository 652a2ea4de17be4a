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
 * A backend that is suspect (check_logic_suspect()) goes down with the first
 * check that something refuses, resets or answers wrongly: real traffic and a
 * check agree.  Silence proves less, for a path that loses packets may have
 * lost the check's as it lost the client's: CHECK_SUSPECT_SILENCES bad checks
 * in a row are needed then.  A good check ends suspicion, and so does "down";
 * suspicion alone changes nothing.
 *
 * "In a row" means consecutive: one good check forgets all misses before it,
 * and the other way round.  While nothing is known the first good check is
 * enough: a new backend serves after one interval at most.  A failure of our
 * own is no verdict at all: it neither counts nor forgets.
 *
 * Starts stand on a grid, 'interval' apart, whose phase follows from the
 * backend's name: checks do not drift and do not start all at once, and after
 * a restart they stand as before.  Starts that were missed are left out, but
 * for one that was missed by less than a quarter: a check whose timeout is its
 * interval would else miss every second one.  A check that suspicion brings
 * forward is one more, beside the grid.
 *
 * While the last verdict speaks against the state, that is in doubt: then
 * starts are 'fast' apart, and return to the grid afterwards.
 *
 * Pure.  Threads: none; an instance belongs to one thread.  Time: *_us,
 * CLOCK_MONOTONIC. */

#ifndef TPR_CHECK_LOGIC_H
#define TPR_CHECK_LOGIC_H 1

#include <stdbool.h>
#include <stdint.h>
#include "check.h"

/* What a check has proved. */
enum check_proof {
    CHECK_PROOF_GOOD,
    CHECK_PROOF_BAD,            /* Somebody says so. */
    CHECK_PROOF_SILENCE,        /* Bad: nobody said anything in time. */
};

struct check_logic {
    enum check_state state;
    unsigned int n_good;        /* Good verdicts in a row. */
    unsigned int n_bad;         /* Bad verdicts in a row. */
    long long int last_good_us; /* Last good verdict, 0: never. */
    bool suspect;               /* Few bad verdicts are enough. */
};

void check_logic_init(struct check_logic *, enum check_state);
bool check_logic_verdict(struct check_logic *, const struct tpr_check *,
                         enum check_proof, long long int now_us);

void check_logic_suspect(struct check_logic *);

bool check_logic_in_doubt(const struct check_logic *);
long long int check_logic_next_start(const struct check_logic *,
                                     const struct tpr_check *, uint32_t hash,
                                     long long int start_us,
                                     long long int now_us);
long long int check_first_start(uint32_t hash, long long int interval_us,
                                long long int now_us);
long long int check_next_start(long long int start_us,
                               long long int interval_us,
                               long long int now_us);
long long int check_early_start(long long int began_us,
                                long long int now_us);

#endif /* check-logic.h */
