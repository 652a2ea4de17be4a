/* SPDX-License-Identifier: Apache-2.0 */

/* Gathers complaints; gather.h says which. */

#include <config.h>
#include "gather.h"

#include <inttypes.h>
#include <string.h>

#include "agent.h"
#include "check.h"
#include "datapath.h"
#include "hb-thread.h"
#include "model.h"
#include "plan.h"
#include "policy.h"
#include "sset.h"
#include "util.h"

/* Complains of what the kernel shall do for region 'pr', and cannot.  Of
 * "auto" nobody expects more than it has. */
static void
complain_offload(const struct agent_view *v, const struct plan_region *pr,
                 struct sset *all)
{
    const char *why = hb_thread_offload_why(v->hb, pr->region->index);

    if (why && pr->region->offload == TPR_OFFLOAD_ON) {
        sset_add_and_free(all, xasprintf(
            "Region %s: heartbeats are not, or not entirely, the kernel's: "
            "%s", pr->region->name, why));
    }
}

/* What does not count connections cannot keep a limit that an agent sets. */
static void
complain_about_limit(const struct agent_view *v, const struct tpr_service *svc,
                     const struct tpr_backend *b, struct sset *all)
{
    const char *bridge = v->plan ? plan_service_bridge(v->plan, svc) : NULL;
    const struct datapath *dp
        = bridge ? shash_find_data(v->bridges, bridge) : NULL;
    uint32_t limit = policy_limit(v->policy, b);
    const char *why;

    if (dp && limit && limit != b->max_connections
        && (svc->stateless
            || !strcmp(datapath_service_how(dp, svc->name, &why), "flows"))) {
        sset_add_and_free(all, xasprintf(
            "Backend %s: agent_check: its agent limits its connections to "
            "%"PRIu32", which %s does not count (ignored)", b->name, limit,
            svc->stateless ? "a stateless service" : "datapath \"flows\""));
    }
}

static void
gather_backend(const struct agent_view *v, const struct tpr_service *svc,
               const struct tpr_backend *b, struct sset *all)
{
    const char *s = check_set_complaint(v->checks, b);

    if (s) {
        sset_add(all, s);
    }
    s = check_set_complaint(v->agents, b);
    if (s) {
        sset_add(all, s);
    }
    complain_about_limit(v, svc, b, all);
}

/* Adds what is to complain about now to 'all'. */
void
gather_complaints_of(const struct agent_view *v, struct sset *all)
{
    struct shash_node *node;

    if (!v->config) {
        return;
    }
    SHASH_FOR_EACH (node, &v->config->services) {
        const struct tpr_service *svc = node->data;

        for (size_t i = 0; i < svc->n_backends; i++) {
            gather_backend(v, svc, svc->backends[i], all);
        }
    }
    if (v->plan) {
        SHASH_FOR_EACH (node, &v->plan->regions) {
            const struct plan_region *pr = node->data;

            if (pr->has_session && !pr->no_offload) {
                complain_offload(v, pr, all);
            }
        }
    }
}
