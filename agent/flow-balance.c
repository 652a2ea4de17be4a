/* SPDX-License-Identifier: Apache-2.0 */

/* Flows and select group of a service with policy weighted.  flow-make.h has
 * the table.
 *
 * Which bucket of a group gets a packet, the switch decides by a hash of
 * fields, "selection_method=hash", an extension of OpenFlow 1.5: of the
 * client's address and port, where the service has ports, else of the address
 * alone, since fragments show none.  (The switch's own choice, dp_hash, would
 * cost less for each connection.  But a packet's hash comes from its sender's
 * network device then, or from its sender's kernel, which changes it with a
 * retransmission; and each change of the group moves connections of all.)
 *
 * Of all buckets the one wins whose id has, together with the packet's hash,
 * the greatest hash.  So a connection stays with its backend as long as that
 * has the bucket, whatever becomes of the others; and when a backend dies, its
 * connections alone move, to all others.  All buckets weigh the same: the
 * switch multiplies weights into these hashes, which does not give shares by
 * weight (3 to 1 would be 5 to 1).  A backend with three times the weight has
 * three times the buckets instead.  A bucket's id says whose it is:
 *
 *     23                                8 7            0
 *    +-----------------------------------+--------------+
 *    | hash of backend's address, port   | 0, 1, 2, ... |
 *    +-----------------------------------+--------------+
 *
 * Weights are divided by a power of two so that all that a service is
 * configured with make BALANCE_BUCKETS at most, or one each.
 *
 * Pure.  Threads: any; no state. */

#include <config.h>
#include "flow-maker.h"
#include <string.h>
#include "flow-acts.h"
#include "flow.h"
#include "hash.h"
#include "openvswitch/ofp-group.h"
#include "packets.h"
#include "util.h"

enum { MAX_BUCKETS_EACH = 256 };        /* 8 bits of the id. */

/* Stores in 'base' the upper part of the ids of each target's buckets. */
static void
assign_ids(const struct dp_service *s, uint32_t base[BALANCE_BACKENDS])
{
    for (size_t i = 0; i < MIN(s->n_targets, BALANCE_BACKENDS); i++) {
        const struct dp_target *t = &s->targets[i];
        uint32_t id = hash_bytes(&t->addr, sizeof t->addr, t->l4_port);

        id &= 0xffff;
        for (size_t j = 0; j < i; j++) {
            if (base[j] == id) {
                id = (id + 1) & 0xffff;
                j = -1;
            }
        }
        base[i] = id;
    }
}

static ofp_port_t
target_port(const struct dp_target *t, redirect_port_func *port, void *aux)
{
    uint32_t output = port(aux, t->port);

    return output ? u16_to_ofp(output) : OFPP_NONE;
}

static bool
can_serve(const struct dp_target *t, redirect_port_func *port, void *aux)
{
    return (t->usable && t->weight
            && target_port(t, port, aux) != OFPP_NONE);
}

/* Returns the best priority that has somebody to serve; UINT32_MAX: none. */
static uint32_t
best_priority(const struct dp_service *s, redirect_port_func *port, void *aux)
{
    uint32_t best = UINT32_MAX;

    for (size_t i = 0; i < MIN(s->n_targets, BALANCE_BACKENDS); i++) {
        if (s->targets[i].priority < best
            && can_serve(&s->targets[i], port, aux)) {
            best = s->targets[i].priority;
        }
    }
    return best;
}

static unsigned int
n_buckets(unsigned int weight, unsigned int divisor)
{
    return (!weight ? 0
            : MIN(MAX(1, (weight + divisor / 2) / divisor),
                  MAX_BUCKETS_EACH));
}

/* How many buckets all of 's' have together: as configured, and as it is. */
static unsigned int
all_buckets(const struct dp_service *s, unsigned int divisor)
{
    unsigned int configured = 0, now = 0;

    for (size_t i = 0; i < MIN(s->n_targets, BALANCE_BACKENDS); i++) {
        configured += s->targets[i].full_weight / divisor;
        now += s->targets[i].weight / divisor;
    }
    /* What agents ask for in excess is not to change the others' buckets, as
     * long as a message can carry it. */
    return MAX(configured, now / 2);
}

static void
put_bucket(struct ovs_list *buckets, uint32_t id, const struct ofpbuf *acts)
{
    struct ofputil_bucket *b = xzalloc(sizeof *b);

    b->weight = 1;
    b->watch_port = OFPP_ANY;
    b->watch_group = OFPG_ANY;
    b->bucket_id = id;
    b->ofpacts = xmemdup(acts->data, acts->size);
    b->ofpacts_len = acts->size;
    ovs_list_push_back(buckets, &b->list_node);
}

static void
put_hash(const struct dp_service *s, struct ofputil_group_props *props)
{
    bool v4 = addr_is_v4(&s->vip.addr);
    union mf_value ones;

    memset(&ones, 0xff, sizeof ones);
    ovs_strlcpy(props->selection_method, "hash",
                sizeof props->selection_method);
    /* Where the hash begins; and it tells whose group it is. */
    props->selection_method_param
        = ((uint64_t) hash_string(s->name, 1) << 32 | hash_string(s->name, 2));
    field_array_set(v4 ? MFF_IPV4_SRC : MFF_IPV6_SRC, &ones, &props->fields);
    if (has_ports(&s->vip)) {
        field_array_set(l4_field(s->vip.proto, true), &ones, &props->fields);
    }
}

/* Fills in 'gd', all but its id, with the group of 's' as it shall be now: the
 * usable backends of the best priority.  'port' tells ports.  To be freed by
 * ofputil_uninit_group_desc(). */
void
flow_make_group(const struct dp_service *s, redirect_port_func *port,
                void *port_aux, struct ofputil_group_desc *gd)
{
    uint32_t best = best_priority(s, port, port_aux);
    uint32_t base[BALANCE_BACKENDS];
    uint64_t stub[256 / 8];
    struct ofpbuf acts = OFPBUF_STUB_INITIALIZER(stub);
    unsigned int divisor = 1;

    memset(gd, 0, sizeof *gd);
    gd->type = OFPGT11_SELECT;
    ovs_list_init(&gd->buckets);
    put_hash(s, &gd->props);
    assign_ids(s, base);
    while (all_buckets(s, divisor) > BALANCE_BUCKETS) {
        divisor *= 2;
    }
    for (size_t i = 0; i < MIN(s->n_targets, BALANCE_BACKENDS); i++) {
        const struct dp_target *t = &s->targets[i];
        struct dp_service one = *s;

        if (t->priority != best || !can_serve(t, port, port_aux)) {
            continue;
        }
        one.active = t;
        ofpbuf_clear(&acts);
        act_to_backend(&acts, &one, target_port(t, port, port_aux));
        for (unsigned int j = 0; j < n_buckets(t->weight, divisor); j++) {
            put_bucket(&gd->buckets, base[i] << 8 | j, &acts);
        }
    }
    ofpbuf_uninit(&acts);
}

/* Returns the backend of 's' whose bucket has this id, or NULL. */
const struct dp_target *
flow_bucket_target(const struct dp_service *s, uint32_t bucket_id)
{
    uint32_t base[BALANCE_BACKENDS];

    assign_ids(s, base);
    for (size_t i = 0; i < MIN(s->n_targets, BALANCE_BACKENDS); i++) {
        if (base[i] == bucket_id >> 8) {
            return &s->targets[i];
        }
    }
    return NULL;
}

/* Hands the flows of 's' to 'sink'.  'group' is its group's id, or 0 if it has
 * none: nobody serves, and on_none is pass.  'port' tells ports. */
void
flow_make_balanced(const struct flow_context *ctx, const struct dp_service *s,
                   uint32_t group, redirect_port_func *port, void *port_aux,
                   flow_sink *sink, void *aux)
{
    bool none = best_priority(s, port, port_aux) == UINT32_MAX;
    struct flow_maker m;

    maker_init(&m, ctx, s->name, sink, aux);
    if (!(none && s->on_none == TPR_ON_NONE_PASS)) {
        struct dp_service one = *s;
        uint32_t owner = m.hash;

        one.active = NULL;
        make_forwards(&m, &one, OFPP_NONE, group);
        for (size_t i = 0; i < s->n_targets; i++) {
            ofp_port_t output = target_port(&s->targets[i], port, port_aux);

            if (output != OFPP_NONE) {
                m.hash = owner;
                one.active = &s->targets[i];
                make_backwards(&m, &one, output);
                make_exempt_backend(&m, &one, output);
            }
        }
        /* What follows may be shared with other services. */
        make_exempt_vip(&m, s);
        make_exempt_nd_to(&m, s);
    }
    make_service_answers(&m, s);
    maker_uninit(&m);
}
