/* SPDX-License-Identifier: Apache-2.0 */

/* What servers' agents say: from agent-checks to policy, and to the log.
 *
 *     check.h (a set of agent-checks) --words--> policy.h
 *                                       |
 *                                       +--other state, silence--> journal.h
 *
 * Weights and limits may change with each word: they are no event.  Whether
 * its server is to be used is one, and whether the agent answers.  But whoever
 * answers at an agent's port can say "maint" and "ready" by turns: of each
 * backend's agent, so many lines are written as say-limit.h allows, and the
 * next one tells how many were left out.  The policy hears every word.
 *
 * Threads: main thread. */

#ifndef TPR_HEARING_H
#define TPR_HEARING_H 1

#include <stdbool.h>

struct check_set;
struct hearing;
struct journal;
struct policy;

struct hearing_env {
    struct policy *policy;
    struct check_set *agents;
    struct journal *journal;
};

struct hearing *hearing_create(void);
void hearing_destroy(struct hearing *);
bool hearing_collect(struct hearing *, const struct hearing_env *,
                     long long int now_us, bool *reset);
void hearing_wait(const struct hearing *);

#endif /* hearing.h */
