/* SPDX-License-Identifier: Apache-2.0 */

/* Flap damping; damping.h says what and why. */

#include <config.h>
#include "damping.h"
#include "model.h"
#include "util.h"

/* Should be called when something has come back.  Returns the time until which
 * it shall be held down, 0 for "not at all". */
long long int
damping_return(struct damping *d, const struct tpr_damping *cfg,
               long long int now_us)
{
    bool quiet = (!d->returned_us
                  || now_us - d->returned_us >= cfg->reset_us + d->hold_us);

    if (!cfg->hold_us || quiet) {
        d->hold_us = 0;
    } else if (!d->hold_us) {
        d->hold_us = MIN(cfg->hold_us, cfg->hold_max_us);
    } else {
        d->hold_us = MIN(d->hold_us * 2, cfg->hold_max_us);
    }
    d->returned_us = now_us;
    return d->hold_us ? now_us + d->hold_us : 0;
}
