/* SPDX-License-Identifier: Apache-2.0 */

/* What the datapath provider "flows" cannot do, one sentence each: see
 * flow-check.h. */

#include <config.h>
#include "flow-check.h"
#include "flow-make.h"
#include "packets.h"
#include "util.h"

/* What to use instead. */
#define OTHERS "(\"ovs\" and \"bpf\" do)"

/* The name of a policy, for sentences. */
static const char *
policy_name(enum tpr_policy policy)
{
    switch (policy) {
#define TPR_POLICY(ENUM, NAME) case TPR_POLICY_##ENUM: return NAME;
        TPR_POLICIES
#undef TPR_POLICY
    }
    return "unknown";
}

static char *
check_backend(const struct tpr_service *s, const struct tpr_backend *b)
{
    const struct tpr_vip *vip = &s->vip;
    bool one = (vip->n_ports == 1
                && vip->ports[0].first == vip->ports[0].last);

    if (IN6_IS_ADDR_V4MAPPED(&b->addr) != IN6_IS_ADDR_V4MAPPED(&vip->addr)) {
        return xasprintf("service %s: backend %s and the VIP are of different "
                         "address families, which datapath \"flows\" cannot "
                         "translate", s->name, b->name);
    }
    if (b->max_connections) {
        return xasprintf("service %s: backend %s limits its connections, "
                         "which datapath \"flows\" does not count " OTHERS,
                         s->name, b->name);
    }
    if (b->max_pps) {
        return xasprintf("service %s: backend %s limits its packets/s, which "
                         "datapath \"flows\" does not count " OTHERS, s->name,
                         b->name);
    }
    if (b->port && one && b->port == vip->ports[0].first) {
        return NULL;
    }
    if (b->port && vip->proto == TPR_PROTO_SCTP) {
        return xasprintf("service %s: backend %s has another port, but SCTP's "
                         "checksum does not allow to change ports",
                         s->name, b->name);
    }
    if (b->port && (vip->proto == TPR_PROTO_ANY || !one)) {
        return xasprintf("service %s: backend %s has a port of its own, which "
                         "needs a service of exactly one port",
                         s->name, b->name);
    }
    return NULL;
}

/* Returns NULL if flows can carry out 's', else a malloc'd sentence. */
char *
flow_check(const struct tpr_service *s)
{
    if (s->stateless) {
        return xasprintf("service %s: it is stateless, which datapath "
                         "\"flows\" does not have " OTHERS, s->name);
    }
    if (s->policy != TPR_POLICY_FAILOVER
        && s->policy != TPR_POLICY_WEIGHTED) {
        return xasprintf("service %s: policy %s needs state per connection, "
                         "which datapath \"flows\" does not keep " OTHERS
                         "; failover and weighted work", s->name,
                         policy_name(s->policy));
    }
    if (s->policy == TPR_POLICY_WEIGHTED
        && s->n_backends > BALANCE_BACKENDS) {
        return xasprintf("service %s: policy weighted among more than %d "
                         "backends is more than datapath \"flows\" can do",
                         s->name, BALANCE_BACKENDS);
    }
    if (s->affinity_us) {
        return xasprintf("service %s: affinity needs to know what clients had "
                         "before, which datapath \"flows\" does not keep "
                         OTHERS, s->name);
    }
    if (s->on_none == TPR_ON_NONE_RESET) {
        return xasprintf("service %s: on_none=reset needs packets made by the "
                         "datapath, which \"flows\" cannot do; drop and pass "
                         "work", s->name);
    }
    if (s->on_down == TPR_ON_DOWN_RESET || s->on_down == TPR_ON_DOWN_KEEP) {
        return xasprintf("service %s: on_down=%s needs state per connection, "
                         "which datapath \"flows\" does not keep " OTHERS
                         "; only reselect works", s->name,
                         s->on_down == TPR_ON_DOWN_RESET ? "reset" : "keep");
    }
    if (s->drain_timeout_us) {
        return xasprintf("service %s: drain_timeout needs state per "
                         "connection, which datapath \"flows\" does not keep "
                         OTHERS ": connections leave who is drained at once",
                         s->name);
    }
    for (size_t i = 0; i < s->n_backends; i++) {
        char *error = check_backend(s, s->backends[i]);

        if (error) {
            return error;
        }
    }
    return NULL;
}
