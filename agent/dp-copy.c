/* SPDX-License-Identifier: Apache-2.0 */

/* Copies of services and paths, as datapath.h has them: see dp-copy.h. */

#include <config.h>
#include "dp-copy.h"
#include <stdlib.h>
#include <string.h>
#include "packets.h"
#include "util.h"

static bool
string_equal(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool
vip_equal(const struct tpr_vip *a, const struct tpr_vip *b)
{
    return (!memcmp(&a->addr, &b->addr, sizeof a->addr)
            && a->proto == b->proto && a->n_ports == b->n_ports
            && !memcmp(a->ports, b->ports, a->n_ports * sizeof *a->ports));
}

static bool
target_equal(const struct dp_target *a, const struct dp_target *b)
{
    return ((!a && !b)
            || (a && b && string_equal(a->port, b->port)
                && !memcmp(&a->addr, &b->addr, sizeof a->addr)
                && a->l4_port == b->l4_port
                && eth_addr_equals(a->mac, b->mac)
                && a->vlan == b->vlan && a->routed == b->routed
                && a->region == b->region && a->word == b->word
                && a->max_connections == b->max_connections
                && a->max_pps == b->max_pps
                && a->priority == b->priority && a->weight == b->weight
                && a->full_weight == b->full_weight));
}

static bool
targets_equal(const struct dp_service *a, const struct dp_service *b)
{
    if (a->n_targets != b->n_targets) {
        return false;
    }
    for (size_t i = 0; i < a->n_targets; i++) {
        if (!target_equal(&a->targets[i], &b->targets[i])) {
            return false;
        }
    }
    return true;
}

/* True if the same backends of 'a' and 'b', which are equal else, may be given
 * new connections, as far as is proven: for switches that do not know
 * themselves. */
bool
dp_service_same_usable(const struct dp_service *a, const struct dp_service *b)
{
    if (a->unproven != b->unproven || a->n_targets != b->n_targets) {
        return false;
    }
    for (size_t i = 0; i < a->n_targets; i++) {
        if (a->targets[i].usable != b->targets[i].usable) {
            return false;
        }
    }
    return true;
}

/* True if the switch has to treat 'a' and 'b' alike, whoever is usable.  Names
 * do not count. */
bool
dp_service_equal(const struct dp_service *a, const struct dp_service *b)
{
    return (a->identity == b->identity && a->answer == b->answer
            && a->pure == b->pure && a->policy == b->policy
            && a->on_down == b->on_down && a->on_none == b->on_none
            && a->stateless == b->stateless
            && a->affinity_ms == b->affinity_ms
            && a->needs_state == b->needs_state
            && eth_addr_equals(a->vip_mac, b->vip_mac)
            && target_equal(a->active, b->active)
            && vip_equal(&a->vip, &b->vip)
            && targets_equal(a, b));
}

/* True if 'a' and 'b' say the same. */
bool
dp_path_equal(const struct dp_path *a, const struct dp_path *b)
{
    return (a->through_switch == b->through_switch && a->type == b->type
            && !memcmp(&a->local, &b->local, sizeof a->local)
            && !memcmp(&a->peer, &b->peer, sizeof a->peer)
            && eth_addr_equals(a->local_mac, b->local_mac)
            && a->answer == b->answer && a->vlan == b->vlan
            && string_equal(a->port, b->port));
}

static void
target_copy(struct dp_target *copy, const struct dp_target *t)
{
    *copy = *t;
    copy->name = NULL;
    copy->port = xstrdup(t->port);
}

/* Makes 'copy' a copy of 's'; 'target' becomes a copy of its active
 * backend. */
void
dp_service_copy(struct dp_service *copy, struct dp_target *target,
                const struct dp_service *s)
{
    *copy = *s;
    copy->name = xstrdup(s->name);
    if (s->active) {
        target_copy(target, s->active);
        copy->active = target;
    }
    if (s->n_targets) {
        struct dp_target *targets = xmalloc(s->n_targets * sizeof *targets);

        for (size_t i = 0; i < s->n_targets; i++) {
            target_copy(&targets[i], &s->targets[i]);
        }
        copy->targets = targets;
    } else {
        copy->targets = NULL;
    }
}

/* Frees what dp_service_copy() allocated.  All zeros are fine, too. */
void
dp_service_free(struct dp_service *copy, struct dp_target *target)
{
    for (size_t i = 0; i < copy->n_targets; i++) {
        free(copy->targets[i].port);
    }
    free(CONST_CAST(struct dp_target *, copy->targets));
    free(CONST_CAST(char *, copy->name));
    free(target->port);
    memset(copy, 0, sizeof *copy);
    memset(target, 0, sizeof *target);
}

/* Makes 'copy' a copy of 'path'. */
void
dp_path_copy(struct dp_path *copy, const struct dp_path *path)
{
    *copy = *path;
    copy->port = xstrdup(path->port);
}

/* Frees what dp_path_copy() allocated.  All zeros are fine, too. */
void
dp_path_free(struct dp_path *copy)
{
    free(copy->port);
    memset(copy, 0, sizeof *copy);
}
