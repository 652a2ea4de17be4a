/* SPDX-License-Identifier: Apache-2.0 */

/* The datapath's redirect action as text: see redirect-odp.h. */

#include <config.h>
#include "redirect-odp.h"

#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Appends 'action' to 'ds'. */
void
tpr_odp_format(const struct tpr_action *action, struct ds *ds)
{
    switch ((enum tpr_mode) action->mode) {
    case TPR_MODE_FORWARD:
        ds_put_format(ds, "redirect(id=%"PRIu32, action->id);
        break;

    case TPR_MODE_REVERSE:
        ds_put_cstr(ds, "redirect(reverse");
        break;

    case TPR_MODE_ANY:
        ds_put_cstr(ds, "redirect(any");
        break;

    default:
        ds_put_format(ds, "redirect(mode=%"PRIu32, action->mode);
        break;
    }
    ds_put_format(ds, ",scope=%"PRIu32")", action->scope);
}

/* Parses an action at the beginning of 's'.  Returns how many bytes it has, or
 * 0 if there is none. */
int
tpr_odp_parse(const char *s, struct tpr_action *action)
{
    int n;

    *action = (struct tpr_action) { .id = 0 };
    if (ovs_scan(s, "redirect(id=%"SCNu32",scope=%"SCNu32")%n", &action->id,
                 &action->scope, &n)) {
        action->mode = TPR_MODE_FORWARD;
    } else if (ovs_scan(s, "redirect(reverse,scope=%"SCNu32")%n",
                        &action->scope, &n)) {
        action->mode = TPR_MODE_REVERSE;
    } else if (ovs_scan(s, "redirect(any,scope=%"SCNu32")%n",
                        &action->scope, &n)) {
        action->mode = TPR_MODE_ANY;
    } else {
        return 0;
    }
    return n;
}
