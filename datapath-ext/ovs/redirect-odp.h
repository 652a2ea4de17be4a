/* SPDX-License-Identifier: Apache-2.0 */

/* The datapath's redirect action as text, for odp-util:
 *
 *     redirect(id=7,scope=1)  redirect(reverse,scope=1)  redirect(any,scope=1)
 *
 * Pure; any thread. */

#ifndef TPR_REDIRECT_ODP_H
#define TPR_REDIRECT_ODP_H 1

#include "redirect.h"

struct ds;

void tpr_odp_format(const struct tpr_action *, struct ds *);
int tpr_odp_parse(const char *, struct tpr_action *);

#endif /* redirect-odp.h */
