/* SPDX-License-Identifier: Apache-2.0 */

/* Desired redirect objects beside the switch's: see redirect-plan.h. */

#include <config.h>
#include "redirect-plan.h"

#include <stdlib.h>
#include <string.h>
#include "hash.h"
#include "packets.h"
#include "util.h"

/* Services to objects. */

/* Returns a sentence if backend 'b' is nothing for a redirect object. */
static char *
check_backend(const struct tpr_service *s, size_t i)
{
    const struct tpr_backend *b = s->backends[i];

    if (!tpr_same_family(&b->addr, &s->vip.addr)) {
        return xasprintf("service %s: backend %s and the VIP are of different "
                         "address families, which datapath \"ovs\" cannot "
                         "translate", s->name, b->name);
    }
    if (b->port && s->vip.proto == TPR_PROTO_SCTP) {
        return xasprintf("service %s: backend %s has another port, but SCTP's "
                         "checksum does not allow to change ports",
                         s->name, b->name);
    }
    if (b->port && !s->vip.n_ports) {
        return xasprintf("service %s: backend %s has a port of its own, which "
                         "needs a service with ports", s->name, b->name);
    }
    for (size_t j = 0; j < i; j++) {
        const struct tpr_backend *other = s->backends[j];

        if (ipv6_addr_equals(&other->addr, &b->addr)
            && other->port == b->port) {
            return xasprintf("service %s: backends %s and %s have the same "
                             "address and port, so that datapath \"ovs\" "
                             "could not tell their replies apart", s->name,
                             other->name, b->name);
        }
    }
    return NULL;
}

/* What needs connections, which the stateless 's' has not. */
static char *
check_stateless(const struct tpr_service *s)
{
    if (s->policy != TPR_POLICY_FAILOVER && s->policy != TPR_POLICY_MAGLEV) {
        return xasprintf("service %s: policy %s needs connections: stateless "
                         "services have failover or maglev", s->name,
                         tpr_policy_to_string(s->policy));
    }
    if (s->on_down == TPR_ON_DOWN_RESET || s->on_down == TPR_ON_DOWN_KEEP) {
        return xasprintf("service %s: on_down=%s needs connections: stateless "
                         "services reselect", s->name,
                         s->on_down == TPR_ON_DOWN_RESET ? "reset" : "keep");
    }
    if (s->drain_timeout_us) {
        return xasprintf("service %s: drain_timeout needs connections, and "
                         "the service is stateless", s->name);
    }
    for (size_t i = 0; i < s->n_backends; i++) {
        const struct tpr_backend *b = s->backends[i];

        if (b->port || b->max_connections || b->max_pps) {
            return xasprintf("service %s: backend %s has %s, which needs "
                             "connections, and the service is stateless",
                             s->name, b->name,
                             b->port ? "a port of its own" : "a limit");
        }
    }
    return NULL;
}

/* Spilling needs limits, in all backends but the last. */
static char *
check_spillover(const struct tpr_service *s)
{
    static const char *const columns[] = {
        [TPR_SPILL_CONNECTIONS] = "max_connections",
        [TPR_SPILL_PACKETS] = "max_pps",
        [TPR_SPILL_CPU] = "max_cpu",
    };

    for (size_t i = 0; i + 1 < s->n_backends; i++) {
        const struct tpr_backend *b = s->backends[i];
        bool has_limit = (s->spill == TPR_SPILL_PACKETS ? b->max_pps
                          : s->spill == TPR_SPILL_CPU ? b->max_cpu
                          : b->max_connections || b->agent_check);

        if (!has_limit) {
            return xasprintf("service %s: backend %s has no %s, so that "
                             "policy spillover never gets to %s", s->name,
                             b->name, columns[s->spill],
                             s->backends[i + 1]->name);
        }
    }
    return NULL;
}

/* Returns NULL if a redirect object can carry out 's', else a malloc'd
 * sentence. */
char *
redirect_check_service(const struct tpr_service *s)
{
    if (s->on_down == TPR_ON_DOWN_RESET && s->vip.proto != TPR_PROTO_TCP) {
        return xasprintf("service %s: on_down=reset is for TCP only; reselect "
                         "and keep work", s->name);
    }
    if (s->n_backends > TPR_MAX_REDIRECT_BACKENDS) {
        return xasprintf("service %s: %"PRIuSIZE" backends are more than the "
                         "%d that datapath \"ovs\" can have", s->name,
                         s->n_backends, TPR_MAX_REDIRECT_BACKENDS);
    }
    if (s->stateless) {
        char *error = check_stateless(s);

        if (error) {
            return error;
        }
    }
    for (size_t i = 0; i < s->n_backends; i++) {
        char *error = check_backend(s, i);

        if (error) {
            return error;
        }
    }
    return s->policy == TPR_POLICY_SPILLOVER ? check_spillover(s) : NULL;
}

static void
put_addr(struct tpr_addr *to, const struct in6_addr *from)
{
    BUILD_ASSERT_DECL(sizeof *to == sizeof *from);
    memcpy(to, from, sizeof *to);
}

static void
make_backend(const struct dp_service *s, const struct dp_target *t,
             uint32_t output, struct tpr_redirect_backend *b)
{
    const struct tpr_vip *vip = &s->vip;
    bool own_port = (t->l4_port
                     && !(vip->n_ports == 1
                          && vip->ports[0].first == t->l4_port
                          && vip->ports[0].last == t->l4_port));

    put_addr(&b->addr, &t->addr);
    b->output = output;
    b->region = t->region;
    b->word = t->word;
    b->max_connections = t->max_connections;
    b->max_pps = t->max_pps;
    b->l4_port = own_port ? t->l4_port : 0;
    b->vlan = t->vlan ? t->vlan : TPR_VLAN_NONE;
    /* Where there are no shares, 0 says nothing. */
    b->weight = (tpr_policy_is_ordered(s->policy) ? MAX(t->weight, 1)
                 : t->weight);
    b->priority = t->priority;
    memcpy(b->mac, t->mac.ea, sizeof b->mac);
    if (t->routed) {
        memcpy(b->src_mac, s->vip_mac.ea, sizeof b->src_mac);
    }
}

/* Returns the object for 's', without an id, or NULL if 's' has no backend
 * whose port the switch has.  The caller owns it: redirect_free(). */
struct tpr_redirect *
redirect_make(const struct dp_service *s, redirect_port_func *port, void *aux)
{
    static const uint32_t timeouts[] = {
#define TPR_TIMEOUT(ENUM, NAME, DEFAULT_MS) DEFAULT_MS,
        TPR_TIMEOUTS
#undef TPR_TIMEOUT
    };
    struct tpr_redirect *r = xzalloc(sizeof *r);

    r->proto = s->vip.proto;
    r->policy = s->policy;
    r->on_down = s->on_down;
    r->on_none = s->on_none;
    r->stateless = s->stateless;
    r->affinity_ms = s->affinity_ms;
    put_addr(&r->vip, &s->vip.addr);
    r->n_ports = s->vip.proto != TPR_PROTO_ANY ? s->vip.n_ports : 0;
    memcpy(r->ports, s->vip.ports, r->n_ports * sizeof *r->ports);
    memcpy(r->timeouts, timeouts, sizeof r->timeouts);
    r->backends = xcalloc(MAX(1, s->n_targets), sizeof *r->backends);
    for (size_t i = 0; i < s->n_targets; i++) {
        uint32_t output = port(aux, s->targets[i].port);

        if (output && r->n_backends < TPR_MAX_REDIRECT_BACKENDS) {
            make_backend(s, &s->targets[i], output,
                         &r->backends[r->n_backends++]);
        }
    }
    if (!r->n_backends) {
        redirect_free(r);
        return NULL;
    }
    return r;
}

/* Frees 'r', which may be NULL. */
void
redirect_free(struct tpr_redirect *r)
{
    if (r) {
        free(r->backends);
        free(r);
    }
}

static struct tpr_redirect *
redirect_clone(const struct tpr_redirect *r)
{
    struct tpr_redirect *copy = xmemdup(r, sizeof *r);

    copy->backends = (r->n_backends
                      ? xmemdup(r->backends,
                                r->n_backends * sizeof *r->backends)
                      : NULL);
    return copy;
}

/* Clients see the same thing of both. */
static bool
same_vip(const struct tpr_redirect *a, const struct tpr_redirect *b)
{
    return (!memcmp(&a->vip, &b->vip, sizeof a->vip) && a->proto == b->proto
            && a->n_ports == b->n_ports
            && !memcmp(a->ports, b->ports, a->n_ports * sizeof *a->ports));
}

/* 'withdrawn' is the switch's own. */
static bool
same_backend(const struct tpr_redirect_backend *a,
             const struct tpr_redirect_backend *b)
{
    return (!memcmp(&a->addr, &b->addr, sizeof a->addr)
            && a->output == b->output && a->region == b->region
            && a->word == b->word
            && a->max_connections == b->max_connections
            && a->max_pps == b->max_pps
            && a->l4_port == b->l4_port && a->vlan == b->vlan
            && a->weight == b->weight && a->priority == b->priority
            && !memcmp(a->mac, b->mac, sizeof a->mac)
            && !memcmp(a->src_mac, b->src_mac, sizeof a->src_mac));
}

static bool
redirect_equal(const struct tpr_redirect *a, const struct tpr_redirect *b)
{
    if (!same_vip(a, b) || a->policy != b->policy || a->on_down != b->on_down
        || a->on_none != b->on_none || a->stateless != b->stateless
        || a->affinity_ms != b->affinity_ms
        || a->n_backends != b->n_backends
        || memcmp(a->timeouts, b->timeouts, sizeof a->timeouts)) {
        return false;
    }
    for (size_t i = 0; i < a->n_backends; i++) {
        if (!same_backend(&a->backends[i], &b->backends[i])) {
            return false;
        }
    }
    return true;
}

/* Objects. */

/* Makes 'plan' empty. */
void
redirect_plan_init(struct redirect_plan *plan)
{
    hmap_init(&plan->objects);
    hmap_init(&plan->orphans);
    shash_init(&plan->services);
    plan->dirty = plan->known = false;
    plan->next_id = REDIRECT_ID_FIRST;
    plan->last_id = REDIRECT_ID_LAST;
}

/* Gives out no more than 'n' ids.  To be called while 'plan' is empty. */
void
redirect_plan_limit(struct redirect_plan *plan, uint32_t n)
{
    plan->last_id = MIN(REDIRECT_ID_FIRST + n - 1, REDIRECT_ID_LAST);
}

static bool
is_orphan(const struct redirect_object *o)
{
    return !hmap_node_is_null(&o->orphan_node);
}

static uint32_t
hash_vip(const struct tpr_redirect *r)
{
    return hash_bytes(&r->vip, sizeof r->vip, r->proto);
}

/* From now on nobody wants 'o', which the switch has. */
static void
make_orphan(struct redirect_plan *plan, struct redirect_object *o)
{
    hmap_insert(&plan->orphans, &o->orphan_node, hash_vip(o->have));
}

static void
adopt(struct redirect_plan *plan, struct redirect_object *o)
{
    if (is_orphan(o)) {
        hmap_remove(&plan->orphans, &o->orphan_node);
        hmap_node_nullify(&o->orphan_node);
    }
}

static void
object_destroy(struct redirect_plan *plan, struct redirect_object *o)
{
    hmap_remove(&plan->objects, &o->node);
    adopt(plan, o);
    if (o->service) {
        shash_find_and_delete(&plan->services, o->service);
    }
    free(o->service);
    free(o->error);
    redirect_free(o->want);
    redirect_free(o->have);
    free(o);
}

/* Frees all that 'plan' owns. */
void
redirect_plan_destroy(struct redirect_plan *plan)
{
    struct redirect_object *o;

    HMAP_FOR_EACH_SAFE (o, node, &plan->objects) {
        object_destroy(plan, o);
    }
    hmap_destroy(&plan->objects);
    hmap_destroy(&plan->orphans);
    shash_destroy(&plan->services);
}

static struct redirect_object *
find_id(const struct redirect_plan *plan, uint32_t id)
{
    struct redirect_object *o;

    HMAP_FOR_EACH_WITH_HASH (o, node, hash_int(id, 0), &plan->objects) {
        if (o->id == id) {
            return o;
        }
    }
    return NULL;
}

/* Returns the object with OpenFlow id 'id', or NULL. */
const struct redirect_object *
redirect_plan_find_id(const struct redirect_plan *plan, uint32_t id)
{
    return find_id(plan, id);
}

static struct redirect_object *
object_create(struct redirect_plan *plan, uint32_t id)
{
    struct redirect_object *o = xzalloc(sizeof *o);

    o->id = id;
    hmap_node_nullify(&o->orphan_node);
    hmap_insert(&plan->objects, &o->node, hash_int(id, 0));
    return o;
}

/* Returns an id that neither a service nor the switch uses, or 0. */
static uint32_t
free_id(struct redirect_plan *plan)
{
    uint32_t n = plan->last_id - REDIRECT_ID_FIRST + 1;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t id = plan->next_id++;

        if (plan->next_id > plan->last_id) {
            plan->next_id = REDIRECT_ID_FIRST;
        }
        if (!find_id(plan, id)) {
            return id;
        }
    }
    return 0;
}

/* Finds an object of the switch that nobody wants and that is for the same
 * VIP, protocol and ports as 'r': the service's own from before a restart. */
static struct redirect_object *
find_orphan(const struct redirect_plan *plan, const struct tpr_redirect *r)
{
    struct redirect_object *o, *found = NULL;

    HMAP_FOR_EACH_WITH_HASH (o, orphan_node, hash_vip(r), &plan->orphans) {
        if (same_vip(o->have, r) && (!found || o->id < found->id)) {
            found = o;
        }
    }
    return found;
}

/* Says that 'service' needs 'r', which becomes the plan's.  Returns the id of
 * its object, or 0 if all ids are taken. */
uint32_t
redirect_plan_want(struct redirect_plan *plan, const char *service,
                   struct tpr_redirect *r)
{
    struct redirect_object *o = shash_find_data(&plan->services, service);

    if (!o) {
        o = find_orphan(plan, r);
        if (!o) {
            uint32_t id = free_id(plan);

            if (!id) {
                redirect_free(r);
                return 0;
            }
            o = object_create(plan, id);
        }
        adopt(plan, o);
        plan->dirty = true;
        o->service = xstrdup(service);
        shash_add(&plan->services, service, o);
    }
    r->id = o->id;
    if (o->want && !redirect_equal(o->want, r)) {
        o->refused = false;
        plan->dirty = true;
    }
    redirect_free(o->want);
    o->want = r;
    return o->id;
}

/* Says that 'service' needs no object any more. */
void
redirect_plan_unwant(struct redirect_plan *plan, const char *service)
{
    struct redirect_object *o = shash_find_and_delete(&plan->services,
                                                      service);

    if (o) {
        free(o->service);
        o->service = NULL;
        redirect_free(o->want);
        o->want = NULL;
        o->refused = false;
        if (o->have) {
            make_orphan(plan, o);
        } else {
            object_destroy(plan, o);
        }
    }
}

/* Returns the object of 'service', or NULL. */
const struct redirect_object *
redirect_plan_find(const struct redirect_plan *plan, const char *service)
{
    return shash_find_data(&plan->services, service);
}

/* Begins to learn what the switch has.  Until it has told all, what is known
 * stays: who asks meanwhile must not take an object for missing. */
void
redirect_plan_dump_begin(struct redirect_plan *plan)
{
    struct redirect_object *o;

    HMAP_FOR_EACH (o, node, &plan->objects) {
        o->told = o->foreign = false;
    }
}

/* Was object 'o', which a service wants, as we know it when this dump began?
 * Nothing is handed out during a dump. */
static bool
is_sure(const struct redirect_plan *plan, const struct redirect_object *o)
{
    return plan->known && o->want && o->have && !o->refused;
}

/* Takes note that the switch has 'r'. */
void
redirect_plan_dumped(struct redirect_plan *plan, const struct tpr_redirect *r)
{
    struct redirect_object *o;

    if (r->id < REDIRECT_ID_FIRST || r->id > REDIRECT_ID_LAST) {
        return;
    }
    o = find_id(plan, r->id);
    if (!o) {
        o = object_create(plan, r->id);
    }
    adopt(plan, o);
    o->foreign = (is_sure(plan, o) && !redirect_equal(o->have, r));
    redirect_free(o->have);
    o->have = redirect_clone(r);
    o->told = true;
    if (!o->want) {
        make_orphan(plan, o);
    }
}

/* The switch has told all: it does not have what it did not tell.  A change
 * that it refused may then do as an addition. */
void
redirect_plan_dump_end(struct redirect_plan *plan)
{
    struct redirect_object *o;

    plan->dirty = true;
    HMAP_FOR_EACH_SAFE (o, node, &plan->objects) {
        if (o->told || !o->have) {
            continue;
        } else if (is_orphan(o)) {
            object_destroy(plan, o);
        } else {
            o->foreign = is_sure(plan, o);
            redirect_free(o->have);
            o->have = NULL;
            o->refused = false;
        }
    }
    plan->known = true;
}

/* Returns how many objects were not as we left them when the last dump ended,
 * and stores one of them in '*first': 'have' is NULL if it was gone. */
size_t
redirect_plan_foreign(const struct redirect_plan *plan,
                      const struct redirect_object **first)
{
    const struct redirect_object *o;
    size_t n = 0;

    *first = NULL;
    HMAP_FOR_EACH (o, node, &plan->objects) {
        if (o->foreign) {
            n++;
            if (!*first || o->id < (*first)->id) {
                *first = o;
            }
        }
    }
    return n;
}

/* Hands out every wanted object that the switch does not have, or has in
 * another form, and returns their number. */
size_t
redirect_plan_flush(struct redirect_plan *plan, redirect_plan_cb *cb,
                    void *aux)
{
    struct redirect_object *o;
    size_t n = 0;

    if (!plan->dirty) {
        return 0;
    }
    plan->dirty = false;
    HMAP_FOR_EACH (o, node, &plan->objects) {
        if (o->want && !o->refused
            && (!o->have || !redirect_equal(o->want, o->have))) {
            cb(aux, o->id, o->want, !o->have);
            redirect_free(o->have);
            o->have = redirect_clone(o->want);
            n++;
        }
    }
    return n;
}

/* True if the switch has objects of ours that nobody wants. */
bool
redirect_plan_has_stale(const struct redirect_plan *plan)
{
    return !hmap_is_empty(&plan->orphans);
}

/* Hands out every object of ours that nobody wants, and forgets it. */
size_t
redirect_plan_flush_stale(struct redirect_plan *plan, redirect_plan_cb *cb,
                          void *aux)
{
    struct redirect_object *o;
    size_t n = 0;

    HMAP_FOR_EACH_SAFE (o, orphan_node, &plan->orphans) {
        cb(aux, o->id, NULL, false);
        object_destroy(plan, o);
        n++;
    }
    return n;
}

/* Takes note that the switch refused, because of 'error', what was handed out
 * for object 'id'; 'is_new': an addition, so that it has no such object.
 * Returns the name of the service, or NULL if nobody wants the object. */
const char *
redirect_plan_refuse(struct redirect_plan *plan, uint32_t id, bool is_new,
                     const char *error)
{
    struct redirect_object *o = find_id(plan, id);

    if (!o) {
        return NULL;
    }
    if (is_new) {
        redirect_free(o->have);
        o->have = NULL;
    }
    if (!o->want) {
        if (is_new) {
            object_destroy(plan, o);
        }
        return NULL;
    }
    o->refused = true;
    free(o->error);
    o->error = xstrdup(error);
    return o->service;
}

/* The connection is gone: lets all that was refused be tried again. */
void
redirect_plan_forgive(struct redirect_plan *plan)
{
    struct redirect_object *o;

    plan->dirty = true;
    plan->known = false;
    HMAP_FOR_EACH (o, node, &plan->objects) {
        o->refused = false;
    }
}

/* Returns the number of services with an object. */
size_t
redirect_plan_n_wanted(const struct redirect_plan *plan)
{
    return shash_count(&plan->services);
}

/* Returns the number of objects that the switch refused. */
size_t
redirect_plan_n_refused(const struct redirect_plan *plan)
{
    struct redirect_object *o;
    size_t n = 0;

    HMAP_FOR_EACH (o, node, &plan->objects) {
        n += o->want && o->refused;
    }
    return n;
}
