/* SPDX-License-Identifier: Apache-2.0 */

/* What real traffic says against a backend: suspicion, for people and for the
 * log.  What follows from it is check-logic.h's.
 *
 *                    a refusal, or silence
 *     +-----------+ ------------------------> +---------+
 *     | TRUSTED   |                           | SUSPECT |<-+ more of them
 *     +-----------+ <------------------------ +---------+--+
 *                    a good check, and then
 *                    quiet for SUSPICION_QUIET_US; or it is down, and
 *                    nobody trusts it anyway
 *
 * One episode is one line of the log at its begin and one at its end, however
 * many clients complain in it.
 *
 * Pure.  Threads: none; an instance belongs to one thread.  Time: *_us,
 * CLOCK_MONOTONIC. */

#ifndef TPR_SUSPICION_H
#define TPR_SUSPICION_H 1

#include <stdbool.h>
#include <stdint.h>

/* An episode ends after this long without more of the same. */
enum { SUSPICION_QUIET_US = 10 * 1000 * 1000 };

/* All zeros: nothing was ever said. */
struct suspicion {
    bool suspect;               /* An episode is under way. */
    bool cleared;               /* A check was good since the last word. */
    long long int since_us;     /* Begin of the last episode. */
    long long int last_us;      /* The last word against it. */
    uint64_t n_episodes;
    uint64_t n_refused;         /* Resets in place of SYN-ACKs. */
    uint64_t n_silent;          /* SYNs without an answer in time. */
};

bool suspicion_note(struct suspicion *, uint32_t refused, uint32_t silent,
                    long long int now_us);
void suspicion_good(struct suspicion *);
void suspicion_down(struct suspicion *);
bool suspicion_run(struct suspicion *, long long int now_us);
long long int suspicion_deadline(const struct suspicion *);

#endif /* suspicion.h */
