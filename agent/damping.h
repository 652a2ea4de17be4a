/* SPDX-License-Identifier: Apache-2.0 */

/* Flap damping: what comes back again and again is held down for a while that
 * doubles with each return.
 *
 *   - The first return after a quiet time is believed at once.
 *   - A return less than 'reset_us' after the one before is held for
 *     'hold_us', the next one twice as long, up to 'hold_max_us'.
 *
 * Pure.  Threads: none of its own.  Time: *_us, CLOCK_MONOTONIC. */

#ifndef TPR_DAMPING_H
#define TPR_DAMPING_H 1

struct tpr_damping;

struct damping {
    long long int returned_us;  /* Last return, 0 before any. */
    long long int hold_us;      /* Hold of the last return. */
};

long long int damping_return(struct damping *, const struct tpr_damping *,
                             long long int now_us);

#endif /* damping.h */
