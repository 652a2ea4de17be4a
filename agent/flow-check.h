/* SPDX-License-Identifier: Apache-2.0 */

/* Which services plain flows can carry out.
 *
 * Flows keep no state for a connection: one backend at a time serves, or a
 * hash decides, nothing is counted, nothing is sent that nobody asked for.
 * Pure.  Threads: any. */

#ifndef TPR_FLOW_CHECK_H
#define TPR_FLOW_CHECK_H 1

#include "model.h"

char *flow_check(const struct tpr_service *)
    __attribute__((warn_unused_result));

#endif /* flow-check.h */
