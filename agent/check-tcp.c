/* SPDX-License-Identifier: Apache-2.0 */

/* The tcp health check: a connection that is accepted is good.
 *
 * The kernel of a host accepts for a server that hangs; only a check that asks
 * for an answer, such as http, finds that out. */

#include <config.h>
#include "check-talk.h"

#include "util.h"

static enum check_verdict
check_tcp_run(struct check_talk *talk,
              const struct tpr_check *check OVS_UNUSED)
{
    ovs_strlcpy(talk->clause, "connected", sizeof talk->clause);
    return CHECK_GOOD;
}

const struct check_class check_tcp_class = {
    .type = TPR_CHECK_TCP,
    .run = check_tcp_run,
};
