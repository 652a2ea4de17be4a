/* SPDX-License-Identifier: Apache-2.0 */

/* Flows of others that come before ours: see foreign.h. */

#include <config.h>
#include "foreign.h"
#include <stdlib.h>
#include <string.h>
#include "flow.h"
#include "flow-make.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofpbuf.h"
#include "overlap.h"
#include "packets.h"
#include "util.h"

struct foreign_flow {
    struct hmap_node node;      /* In struct foreign's 'flows'. */
    struct overlap_flow over;
    struct ovs_list services;   /* Those that it comes before, as far as they
                                 * know. */
    struct in6_addr to;         /* All of it is for this address; else it is
                                 * unspecified. */
    uint16_t priority;
    unsigned int generation;    /* Of the dump that told it last. */
};

struct foreign_service {
    char *name;
    struct ofpbuf key;          /* What its matches were made of. */
    struct in6_addr vip;
    struct overlap_match **matches;     /* What its packets look like. */
    size_t n_forward;           /* So many are of clients and errors, the
                                 * rest of replies. */
    size_t n_matches, allocated;
    const struct foreign_flow *flow;    /* Comes first, or NULL, */
    struct ovs_list flow_node;          /* then in its 'services'. */
    bool changed;               /* Since foreign_next_changed() told it, */
    struct ovs_list changed_node;       /* in struct foreign's 'changed'. */
};

/* Makes 'f' empty.  Flows of lower priority than 'priority' come after
 * ours. */
void
foreign_init(struct foreign *f, uint16_t priority)
{
    *f = (struct foreign) { .priority = priority };
    hmap_init(&f->flows);
    shash_init(&f->services);
    ovs_list_init(&f->changed);
    overlap_init(&f->overlap);
}

static void
flow_destroy(struct foreign *f, struct foreign_flow *flow)
{
    hmap_remove(&f->flows, &flow->node);
    overlap_remove_flow(&f->overlap, &flow->over);
    free(flow);
}

/* Services and flows. */

static void
note_change(struct foreign *f, struct foreign_service *s)
{
    f->seqno++;
    if (!s->changed) {
        s->changed = true;
        ovs_list_push_back(&f->changed, &s->changed_node);
    }
}

/* Nothing stands before 's' any more, as far as we know. */
static void
free_service(struct foreign_service *s)
{
    if (s->flow) {
        ovs_list_remove(&s->flow_node);
        s->flow = NULL;
    }
}

/* 'flow' stands before 's', which need not be looked at for others. */
static void
block_service(struct foreign *f, struct foreign_service *s,
              struct foreign_flow *flow)
{
    s->flow = flow;
    ovs_list_push_back(&flow->services, &s->flow_node);
    for (size_t i = 0; i < s->n_matches; i++) {
        overlap_match_disarm(&f->overlap, s->matches[i]);
    }
    note_change(f, s);
}

static void
service_destroy(struct foreign *f, struct foreign_service *s)
{
    free_service(s);
    if (s->changed) {
        ovs_list_remove(&s->changed_node);
    }
    for (size_t i = 0; i < s->n_matches; i++) {
        overlap_match_destroy(&f->overlap, s->matches[i]);
    }
    ofpbuf_uninit(&s->key);
    free(s->matches);
    free(s->name);
    free(s);
}

static void
forget_flows(struct foreign *f)
{
    struct foreign_flow *flow;

    HMAP_FOR_EACH_SAFE (flow, node, &f->flows) {
        flow_destroy(f, flow);
    }
}

/* Frees all that 'f' owns. */
void
foreign_destroy(struct foreign *f)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &f->services) {
        service_destroy(f, node->data);
    }
    shash_destroy(&f->services);
    forget_flows(f);
    hmap_destroy(&f->flows);
    overlap_destroy(&f->overlap);
}

/* Can 'over' stand before a reply of the service with VIP 'vip'?  What is for
 * that VIP is no reply. */
static bool
may_reply(const struct overlap_flow *over, const void *vip_)
{
    const struct foreign_flow *flow
        = CONTAINER_OF(over, struct foreign_flow, over);
    const struct in6_addr *vip = vip_;

    return !ipv6_addr_equals(&flow->to, vip);
}

static bool
may_come(const struct overlap_flow *over OVS_UNUSED,
         const void *vip OVS_UNUSED)
{
    return true;
}

/* Looks for a flow that comes before those of 's'. */
static void
look(struct foreign *f, struct foreign_service *s)
{
    struct overlap_flow *over = NULL;

    free_service(s);
    for (size_t i = 0; i < s->n_matches && !over; i++) {
        over = overlap_find_flow(&f->overlap, s->matches[i],
                                 i < s->n_forward ? may_come : may_reply,
                                 &s->vip);
    }
    if (over) {
        block_service(f, s, CONTAINER_OF(over, struct foreign_flow, over));
        return;
    }
    for (size_t i = 0; i < s->n_matches; i++) {
        overlap_match_arm(&f->overlap, s->matches[i]);
    }
    note_change(f, s);
}

/* Services. */

static void
add_match(struct foreign *f, struct foreign_service *s, const struct match *m)
{
    if (s->n_matches >= s->allocated) {
        s->matches = x2nrealloc(s->matches, &s->allocated,
                                sizeof *s->matches);
    }
    s->matches[s->n_matches++] = overlap_match_create(&f->overlap, m, s);
}

static void
match_addr(struct match *m, const struct in6_addr *a, bool dst)
{
    if (IN6_IS_ADDR_V4MAPPED(a)) {
        match_set_dl_type(m, htons(ETH_TYPE_IP));
        if (dst) {
            match_set_nw_dst(m, in6_addr_get_mapped_ipv4(a));
        } else {
            match_set_nw_src(m, in6_addr_get_mapped_ipv4(a));
        }
    } else {
        match_set_dl_type(m, htons(ETH_TYPE_IPV6));
        if (dst) {
            match_set_ipv6_dst(m, a);
        } else {
            match_set_ipv6_src(m, a);
        }
    }
}

/* What clients send to the service. */
static void
add_forward(struct foreign *f, struct foreign_service *s,
            const struct tpr_vip *vip)
{
    bool ports = vip->n_ports && vip->proto != TPR_PROTO_ANY;
    uint16_t (*masks)[2] = NULL;
    size_t n = ports ? flow_port_masks(vip->ports, vip->n_ports, &masks) : 1;

    for (size_t i = 0; i < n; i++) {
        struct match m;

        match_init_catchall(&m);
        match_addr(&m, &vip->addr, true);
        if (vip->proto != TPR_PROTO_ANY) {
            match_set_nw_proto(&m, vip->proto);
        }
        if (ports) {
            match_set_tp_dst_masked(&m, htons(masks[i][0]),
                                    htons(masks[i][1]));
        }
        add_match(f, s, &m);
    }
    free(masks);
}

/* What backend 't' behind 'in_port' sends back.  Clients' ports are taken not
 * to be well-known ones, or an access list for some other service would count
 * as one for these replies. */
static void
add_reverse(struct foreign *f, struct foreign_service *s,
            const struct tpr_vip *vip, const struct dp_target *t,
            uint32_t in_port)
{
    static const struct tpr_port_range clients = { 1024, UINT16_MAX };
    const struct tpr_port_range own = { t->l4_port, t->l4_port };
    bool ports = vip->n_ports && vip->proto != TPR_PROTO_ANY;
    uint16_t (*from)[2] = NULL, (*to)[2] = NULL;
    size_t n = 1, n_to = 1;

    if (ports) {
        n = flow_port_masks(t->l4_port ? &own : vip->ports,
                            t->l4_port ? 1 : vip->n_ports, &from);
        n_to = flow_port_masks(&clients, 1, &to);
    }
    for (size_t i = 0; i < n * n_to; i++) {
        struct match m;

        match_init_catchall(&m);
        match_addr(&m, &t->addr, false);
        match_set_in_port(&m, u16_to_ofp(in_port));
        if (vip->proto != TPR_PROTO_ANY) {
            match_set_nw_proto(&m, vip->proto);
        }
        if (ports) {
            match_set_tp_src_masked(&m, htons(from[i / n_to][0]),
                                    htons(from[i / n_to][1]));
            match_set_tp_dst_masked(&m, htons(to[i % n_to][0]),
                                    htons(to[i % n_to][1]));
        }
        add_match(f, s, &m);
    }
    free(from);
    free(to);
}

/* ICMP errors about what the VIP has sent. */
static void
add_errors(struct foreign *f, struct foreign_service *s)
{
    bool v4 = IN6_IS_ADDR_V4MAPPED(&s->vip);
    size_t n;
    const uint8_t *errors = flow_icmp_errors(v4, &n);

    for (size_t i = 0; i < n; i++) {
        struct match m;

        match_init_catchall(&m);
        match_addr(&m, &s->vip, true);
        match_set_nw_proto(&m, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
        match_set_icmp_type(&m, errors[i]);
        add_match(f, s, &m);
    }
}

/* All that the matches of service 's' depend on, to be compared with what it
 * was. */
static void
make_key(const struct dp_service *s, redirect_port_func *port, void *aux,
         struct ofpbuf *key)
{
    ofpbuf_init(key, 0);
    ofpbuf_put(key, &s->vip.addr, sizeof s->vip.addr);
    ofpbuf_put(key, &s->vip.proto, sizeof s->vip.proto);
    for (size_t i = 0; i < s->vip.n_ports; i++) {
        ofpbuf_put(key, &s->vip.ports[i], sizeof s->vip.ports[i]);
    }
    for (size_t i = 0; i < s->n_targets; i++) {
        const struct dp_target *t = &s->targets[i];
        uint32_t in_port = port(aux, t->port);

        ofpbuf_put(key, &t->addr, sizeof t->addr);
        ofpbuf_put(key, &t->l4_port, sizeof t->l4_port);
        ofpbuf_put(key, &in_port, sizeof in_port);
    }
}

/* Says what packets service 's' has: of clients, of its backends behind
 * 'port'(name), and errors.  Costs little if that is as before. */
void
foreign_set_service(struct foreign *f, const struct dp_service *s,
                    redirect_port_func *port, void *aux)
{
    struct foreign_service *old = shash_find_data(&f->services, s->name);
    struct foreign_service *new;
    struct ofpbuf key;

    make_key(s, port, aux, &key);
    if (old && ofpbuf_equal(&old->key, &key)) {
        ofpbuf_uninit(&key);
        return;
    }
    new = xzalloc(sizeof *new);
    new->name = xstrdup(s->name);
    new->key = key;
    new->vip = s->vip.addr;
    add_forward(f, new, &s->vip);
    add_errors(f, new);
    new->n_forward = new->n_matches;
    for (size_t i = 0; i < s->n_targets; i++) {
        uint32_t in_port = port(aux, s->targets[i].port);

        if (in_port) {
            add_reverse(f, new, &s->vip, &s->targets[i], in_port);
        }
    }
    shash_replace(&f->services, s->name, new);
    if (old) {
        service_destroy(f, old);
    }
    look(f, new);
}

/* Forgets a service. */
void
foreign_del_service(struct foreign *f, const char *name)
{
    struct foreign_service *s = shash_find_and_delete(&f->services, name);

    if (s) {
        service_destroy(f, s);
    }
}

/* Returns the name of a service of which the answer may be another since it
 * was told last, and takes note that it has been; NULL: there is none. */
const char *
foreign_next_changed(struct foreign *f)
{
    struct foreign_service *s;

    if (ovs_list_is_empty(&f->changed)) {
        return NULL;
    }
    s = CONTAINER_OF(ovs_list_pop_front(&f->changed), struct foreign_service,
                     changed_node);
    s->changed = false;
    return s->name;
}

/* Flows. */

static uint32_t
hash_flow(uint16_t priority, const struct match *m)
{
    return match_hash(m, priority);
}

static struct foreign_flow *
find_flow(const struct foreign *f, uint16_t priority, const struct match *m)
{
    struct foreign_flow *flow;

    HMAP_FOR_EACH_WITH_HASH (flow, node, hash_flow(priority, m), &f->flows) {
        struct match other;

        if (flow->priority == priority) {
            minimatch_expand(&flow->over.match, &other);
            if (match_equal(&other, m)) {
                return flow;
            }
        }
    }
    return NULL;
}

/* The switch is about to tell all flows. */
void
foreign_begin(struct foreign *f)
{
    f->generation++;
}

/* The one address that all packets of 'm' are for, or ::. */
static struct in6_addr
address_of(const struct match *m)
{
    struct in6_addr to = in6addr_any;

    if (m->wc.masks.dl_type != OVS_BE16_MAX) {
        return to;
    } else if (m->flow.dl_type == htons(ETH_TYPE_IP)
               && m->wc.masks.nw_dst == OVS_BE32_MAX) {
        in6_addr_set_mapped_ipv4(&to, m->flow.nw_dst);
    } else if (m->flow.dl_type == htons(ETH_TYPE_IPV6)
               && ipv6_mask_is_exact(&m->wc.masks.ipv6_dst)) {
        to = m->flow.ipv6_dst;
    }
    return to;
}

static bool
is_forward(const struct foreign_service *s, const struct overlap_match *m)
{
    for (size_t i = 0; i < s->n_forward; i++) {
        if (s->matches[i] == m) {
            return true;
        }
    }
    return false;
}

/* Services that 'flow', which is new, comes before. */
static void
stand_before(struct foreign *f, struct foreign_flow *flow)
{
    struct overlap_match **matches;
    size_t n;

    matches = overlap_find_matches(&f->overlap, &flow->over, &n);
    for (size_t i = 0; i < n; i++) {
        struct foreign_service *s = overlap_match_owner(matches[i]);

        /* Armed as long as nothing stands before it. */
        if (!s->flow && (is_forward(s, matches[i])
                         || may_reply(&flow->over, &s->vip))) {
            block_service(f, s, flow);
        }
    }
    free(matches);
}

/* The switch has a flow of somebody else's. */
void
foreign_put(struct foreign *f, uint16_t priority, const struct match *m)
{
    struct foreign_flow *flow;

    if (priority < f->priority) {
        return;
    }
    flow = find_flow(f, priority, m);
    if (flow) {
        flow->generation = f->generation;
        return;
    }
    flow = xzalloc(sizeof *flow);
    flow->to = address_of(m);
    flow->priority = priority;
    flow->generation = f->generation;
    ovs_list_init(&flow->services);
    hmap_insert(&f->flows, &flow->node, hash_flow(priority, m));
    overlap_add_flow(&f->overlap, &flow->over, m);
    stand_before(f, flow);
}

/* 'flow' is no more.  Who was behind it may be behind another. */
static void
remove_flow(struct foreign *f, struct foreign_flow *flow)
{
    struct ovs_list services;
    struct foreign_service *s;

    ovs_list_move(&services, &flow->services);
    ovs_list_init(&flow->services);
    hmap_remove(&f->flows, &flow->node);
    overlap_remove_flow(&f->overlap, &flow->over);
    LIST_FOR_EACH_SAFE (s, flow_node, &services) {
        look(f, s);
    }
    free(flow);
}

/* The switch no longer has that flow. */
void
foreign_del(struct foreign *f, uint16_t priority, const struct match *m)
{
    struct foreign_flow *flow = find_flow(f, priority, m);

    if (flow) {
        remove_flow(f, flow);
    }
}

/* The switch has told all flows: those that it did not tell are gone. */
void
foreign_end(struct foreign *f)
{
    struct foreign_flow *flow;

    HMAP_FOR_EACH_SAFE (flow, node, &f->flows) {
        if (flow->generation != f->generation) {
            remove_flow(f, flow);
        }
    }
    if (!f->known) {
        f->known = true;
        f->seqno++;
    }
}

/* Our flows' priority has changed: nothing is known until the next dump. */
void
foreign_set_priority(struct foreign *f, uint16_t priority)
{
    struct shash_node *node;

    if (f->priority != priority) {
        f->priority = priority;
        f->known = false;
        f->seqno++;
        SHASH_FOR_EACH (node, &f->services) {
            struct foreign_service *s = node->data;

            free_service(s);
            for (size_t i = 0; i < s->n_matches; i++) {
                overlap_match_arm(&f->overlap, s->matches[i]);
            }
            note_change(f, s);
        }
        forget_flows(f);
    }
}

/* Returns the flow that comes before those of 'service', in words that the
 * caller frees, or NULL. */
char *
foreign_find(const struct foreign *f, const char *service)
{
    const struct foreign_service *s = shash_find_data(&f->services, service);
    struct ds words = DS_EMPTY_INITIALIZER;

    if (!s || !s->flow) {
        return NULL;
    }
    minimatch_format(&s->flow->over.match, NULL, NULL, &words,
                     s->flow->priority);
    return ds_steal_cstr(&words);
}
