/* SPDX-License-Identifier: Apache-2.0 */

/* The list of datapath providers: see datapath.h. */

#include <config.h>
#include "datapath.h"
#include <string.h>
#include "util.h"

/* Returns the provider called 'name' ("" is "auto", the best one there is), or
 * NULL. */
const struct datapath_class *
datapath_lookup(const char *name)
{
    static const struct datapath_class *const classes[] = {
        &datapath_auto_class,
        &datapath_bpf_class,
        &datapath_ovs_class,
        &datapath_flows_class,
        &datapath_dummy_class,
    };

    if (!name[0]) {
        return classes[0];
    }
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (!strcmp(name, classes[i]->name)) {
            return classes[i];
        }
    }
    return NULL;
}

/* Who carries 'service', such as "ovs", and a clause about the reason in
 * '*why', or NULL.  Both live until the next run(). */
const char *
datapath_service_how(const struct datapath *dp, const char *service,
                     const char **why)
{
    *why = NULL;
    return (dp->class->service_how ? dp->class->service_how(dp, service, why)
            : dp->class->how ? dp->class->how(dp, why) : dp->class->name);
}
