/* SPDX-License-Identifier: Apache-2.0 */

/* What real traffic says against a backend: see suspicion.h. */

#include <config.h>
#include "suspicion.h"

#include <limits.h>

/* Should be called when 'refused' connections were refused and 'silent' SYNs
 * stayed without an answer, since the last call.  Returns true if that begins
 * an episode. */
bool
suspicion_note(struct suspicion *s, uint32_t refused, uint32_t silent,
               long long int now_us)
{
    bool begins = !s->suspect;

    s->n_refused += refused;
    s->n_silent += silent;
    s->last_us = now_us;
    s->cleared = false;
    if (begins) {
        s->suspect = true;
        s->since_us = now_us;
        s->n_episodes++;
    }
    return begins;
}

/* Should be called when a check that began after the last word was good. */
void
suspicion_good(struct suspicion *s)
{
    s->cleared = true;
}

/* Should be called when the backend is down: the episode ends, and nobody
 * needs to be told. */
void
suspicion_down(struct suspicion *s)
{
    s->suspect = s->cleared = false;
}

/* Returns true if the episode ends at 'now_us'. */
bool
suspicion_run(struct suspicion *s, long long int now_us)
{
    if (suspicion_deadline(s) > now_us) {
        return false;
    }
    s->suspect = s->cleared = false;
    return true;
}

/* When the episode ends if nothing is said any more, LLONG_MAX if there is
 * none or if a check must be good first. */
long long int
suspicion_deadline(const struct suspicion *s)
{
    return (s->suspect && s->cleared ? s->last_us + SUSPICION_QUIET_US
            : LLONG_MAX);
}
