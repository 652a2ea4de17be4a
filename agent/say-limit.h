/* SPDX-License-Identifier: Apache-2.0 */

/* How often something that a peer can provoke is said: SAY_BURST times in a
 * row, and then every SAY_SPACING_US.  What has to wait is counted, so that
 * the newest can be said when its time has come, with how many it stands for.
 *
 * Pure.  Threads: none; an instance belongs to one thread.  Time: *_us,
 * CLOCK_MONOTONIC. */

#ifndef TPR_SAY_LIMIT_H
#define TPR_SAY_LIMIT_H 1

#include <stdbool.h>
#include <stdint.h>

enum {
    SAY_BURST = 10,
    SAY_SPACING_US = 10 * 1000 * 1000,
};

/* All zeros: nothing was ever said. */
struct say_limit {
    long long int idle_us;      /* When the whole burst is there again. */
    uint64_t n_waiting;         /* What could not be said. */
};

bool say_limit_take(struct say_limit *, long long int now_us);
bool say_limit_run(struct say_limit *, long long int now_us, uint64_t *n);
long long int say_limit_deadline(const struct say_limit *);
bool say_limit_is_idle(const struct say_limit *, long long int now_us);

#endif /* say-limit.h */
