/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Objects: from a description to the maps.  See loader.h, and
 * ovs/redirect-object.c for what is alike.
 *
 * What becomes current was complete before, and what it replaces is not used
 * again before every program that could look at it has ended: it waits in
 * limbo for the end of the epoch. */

#include <config.h>
#include "loader-private.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "hash.h"
#include "page.h"
#include "redirect-check.h"
#include "redirect-choose.h"
#include "timeval.h"
#include "util.h"

enum { EXACT_PORTS = 64 };      /* More of one service are looked for. */

/* ## Addresses and services. ## */

static uint32_t
service_get(struct tpr_bpf *b, const struct tpr_bpf_service *key)
{
    uint32_t id = 0;

    bpf_map_lookup_elem(tpr_bpf_map(b, "tpr_services"), key, &id);
    return id;
}

static int
service_put(struct tpr_bpf *b, const struct tpr_bpf_service *key,
            uint32_t id)
{
    int fd = tpr_bpf_map(b, "tpr_services");

    if (!id) {
        bpf_map_delete_elem(fd, key);
        return 0;
    }
    return -bpf_map_update_elem(fd, key, &id, 0);
}

/* One object more, or less, serves 'addr'. */
static void
vip_ref(struct tpr_bpf *b, const struct tpr_addr *addr, uint8_t proto,
        int change)
{
    const uint32_t hash = hash_bytes(addr, sizeof *addr, 0);
    const struct tpr_bpf_service key = { .vip = *addr, .proto = proto,
                                         .kind = TPR_BPF_SERVICE_COUNT };
    struct vip *vip = NULL, *v;

    HMAP_FOR_EACH_WITH_HASH (v, node, hash, &b->vips) {
        if (tpr_addr_equal(&v->addr, addr)) {
            vip = v;
        }
    }
    if (!vip) {
        vip = xzalloc(sizeof *vip);
        vip->addr = *addr;
        hmap_insert(&b->vips, &vip->node, hash);
        tpr_bpf_filter_add(b, addr, TPR_BPF_IS_VIP);
    }
    service_put(b, &key, service_get(b, &key) + change);
    vip->n += change;
    if (!vip->n) {
        tpr_bpf_filter_del(b, addr, TPR_BPF_IS_VIP);
        hmap_remove(&b->vips, &vip->node);
        free(vip);
    }
}

bool
tpr_bpf_is_wide(const struct tpr_redirect *r)
{
    uint32_t n = 0;

    for (int i = 0; i < r->n_ports; i++) {
        n += r->ports[i].last - r->ports[i].first + 1;
    }
    return !n || n > EXACT_PORTS;
}

struct tpr_bpf_object *
tpr_bpf_current(struct tpr_bpf *b, uint32_t id)
{
    uint32_t slot = VALUE(b, current, uint32_t)[id];

    return slot ? &VALUE(b, objects, struct tpr_bpf_object)[slot - 1] : NULL;
}

static void
wide_del(struct tpr_bpf *b, uint32_t id, const struct tpr_bpf_service *key)
{
    uint32_t at = service_get(b, key);
    const uint32_t next = tpr_bpf_current(b, id)->next_wide;

    if (at == id + 1) {
        service_put(b, key, next);
        return;
    }
    for (uint32_t i = 0; at && i < b->sizes.objects; i++) {
        struct tpr_bpf_object *o = tpr_bpf_current(b, at - 1);

        if (o->next_wide == id + 1) {
            o->next_wide = next;
            return;
        }
        at = o->next_wide;
    }
}

/* Makes the current version of object 'id', described by 'r', findable, or no
 * longer.  Returns false if the map is full. */
static bool
serve(struct tpr_bpf *b, uint32_t id, const struct tpr_redirect *r, bool on)
{
    struct tpr_bpf_service key = { .vip = r->vip, .proto = r->proto };
    bool ok = true;

    vip_ref(b, &r->vip, r->proto, on ? 1 : -1);
    if (tpr_bpf_is_wide(r)) {
        if (on) {
            tpr_bpf_current(b, id)->next_wide = service_get(b, &key);
            return !service_put(b, &key, id + 1);
        }
        wide_del(b, id, &key);
        return true;
    }
    for (int i = 0; i < r->n_ports; i++) {
        for (uint32_t p = r->ports[i].first; p <= r->ports[i].last; p++) {
            key.port = tpr_swap16((uint16_t) p);
            if (on) {
                ok = !service_put(b, &key, id + 1) && ok;
            } else if (service_get(b, &key) == id + 1) {
                service_put(b, &key, 0);
            }
        }
    }
    return ok;
}

static bool
same_service(const struct tpr_redirect *a, const struct tpr_redirect *r)
{
    return tpr_addr_equal(&a->vip, &r->vip) && a->proto == r->proto
           && a->n_ports == r->n_ports
           && !memcmp(a->ports, r->ports, r->n_ports * sizeof *r->ports);
}

/* ## Rings. ## */

static bool
same_members(const struct ring_ref *ref, const struct tpr_redirect *r)
{
    if (ref->n_backends != r->n_backends
        || ref->maglev != (r->policy == TPR_POLICY_MAGLEV)) {
        return false;
    }
    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *a = &ref->backends[i];
        const struct tpr_redirect_backend *c = &r->backends[i];

        if (!tpr_addr_equal(&a->addr, &c->addr) || a->l4_port != c->l4_port
            || a->weight != c->weight) {
            return false;
        }
    }
    return true;
}

static uint32_t
hash_backends(const struct tpr_redirect *r)
{
    uint32_t hash = r->n_backends;

    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *c = &r->backends[i];

        hash = hash_bytes(&c->addr, sizeof c->addr, hash);
        hash = hash_2words(hash, c->l4_port << 16 | c->weight);
    }
    return hash;
}

/* The ring of all backends of 'r', one reference more; NULL if there is no
 * room for it. */
static struct ring_ref *
ring_ref(struct tpr_bpf *b, const struct tpr_redirect *r)
{
    const uint32_t hash = hash_backends(r);
    struct tpr_ring *ring;
    struct ring_ref *ref;
    bool *all;

    HMAP_FOR_EACH_WITH_HASH (ref, node, hash, &b->rings) {
        if (same_members(ref, r)) {
            ref->n++;
            return ref;
        }
    }
    all = xmalloc(MAX(r->n_backends, 1) * sizeof *all);
    memset(all, true, r->n_backends * sizeof *all);
    ring = tpr_ring_create(r, all);
    free(all);
    ref = xzalloc(sizeof *ref);
    ref->size = ring->size;
    ref->first = tpr_bpf_take(b, &b->ring_space, ring->size);
    if (ref->first == TPR_BPF_NONE) {
        tpr_ring_destroy(ring);
        free(ref);
        return NULL;
    }
    memcpy(&VALUE(b, rings, uint16_t)[ref->first], ring->slot,
           ring->size * sizeof *ring->slot);
    tpr_ring_destroy(ring);
    ref->n = 1;
    ref->maglev = r->policy == TPR_POLICY_MAGLEV;
    ref->n_backends = r->n_backends;
    ref->backends = xmemdup(r->backends,
                            MAX(r->n_backends, 1) * sizeof *r->backends);
    hmap_insert(&b->rings, &ref->node, hash);
    return ref;
}

static void
ring_unref(struct tpr_bpf *b, struct ring_ref *ref)
{
    if (ref && !--ref->n) {
        hmap_remove(&b->rings, &ref->node);
        tpr_bpf_give_up(b, true, ref->first, ref->size);
        free(ref->backends);
        free(ref);
    }
}

static bool
is_same(const struct tpr_redirect_backend *a,
        const struct tpr_redirect_backend *c)
{
    return tpr_addr_equal(&a->addr, &c->addr) && a->l4_port == c->l4_port
           && a->word == c->word && a->region == c->region;
}

/* ## Objects. ## */

static void
give_records_back(struct tpr_bpf *b, const struct loaded *new,
                  const struct loaded *old, uint16_t n)
{
    for (int i = 0; i < n; i++) {
        bool is_old = false;

        for (int j = 0; j < old->r.n_backends; j++) {
            is_old |= old->records[j] == new->records[i];
        }
        if (!is_old && new->records[i] != TPR_BPF_NONE) {
            tpr_bpf_record_orphan(b, new->records[i]);
        }
    }
}

/* Gives 'new' records and a list, those of 'old' where the backend is the
 * same.  Returns false, with nothing changed, if there is no room. */
static bool
adopt(struct tpr_bpf *b, struct loaded *new, const struct loaded *old)
{
    const struct tpr_redirect *r = &new->r;
    const int32_t most = tpr_smooth_most(&old->r, r);
    struct tpr_bpf_entry *lists = VALUE(b, lists, struct tpr_bpf_entry);

    new->list = tpr_bpf_take(b, &b->list_space, r->n_backends);
    if (new->list == TPR_BPF_NONE) {
        return false;
    }
    for (int i = 0; i < r->n_backends; i++) {
        struct tpr_bpf_entry *entry = &lists[new->list + i];

        new->records[i] = TPR_BPF_NONE;
        entry->smooth = 0;
        for (int j = 0; j < old->r.n_backends; j++) {
            if (is_same(&old->r.backends[j], &r->backends[i])) {
                new->records[i] = old->records[j];
                entry->smooth = tpr_smooth_clamp(lists[old->list + j].smooth,
                                                 most);
            }
        }
        if (new->records[i] == TPR_BPF_NONE) {
            new->records[i] = tpr_bpf_record_create(b, &r->backends[i]);
        }
        if (new->records[i] == TPR_BPF_NONE) {
            give_records_back(b, new, old, i);
            tpr_bpf_space_give(&b->list_space, new->list, r->n_backends);
            return false;
        }
        entry->record = new->records[i];
        entry->weight = r->backends[i].weight;
        entry->priority = r->backends[i].priority;
    }
    return true;
}

/* The versions of an object take turns with two slots. */
static void
publish(struct tpr_bpf *b, const struct loaded *new, uint32_t next_wide)
{
    const struct tpr_redirect *r = &new->r;
    uint32_t *current = &VALUE(b, current, uint32_t)[r->id];
    const uint32_t slot = 2 * r->id + (*current == 2 * r->id + 1);
    struct tpr_bpf_object *o
        = &VALUE(b, objects, struct tpr_bpf_object)[slot];

    memset(o, 0, sizeof *o);
    o->vip = r->vip;
    o->list = new->list;
    o->ring = new->ring->first;
    o->ring_size = new->ring->size;
    memcpy(o->timeouts, r->timeouts, sizeof o->timeouts);
    o->proto = r->proto;
    o->policy = r->policy;
    o->on_down = r->on_down;
    o->on_none = r->on_none;
    o->stateless = r->stateless;
    o->affinity_ms = r->affinity_ms;
    o->serial = new->serial;
    b->limits->stateless |= r->stateless;
    o->n_ports = r->n_ports;
    o->n_backends = r->n_backends;
    o->next_wide = next_wide;
    memcpy(o->ports, r->ports, sizeof o->ports);
    __atomic_store_n(current, slot + 1, __ATOMIC_RELEASE);
    if (r->stateless && r->n_ports == 1) {
        uint32_t at = tpr_bpf_shortcut(r->vip.w[3],
                                       tpr_swap16(r->ports[0].first),
                                       r->proto);

        /* Whoever had the place goes the long way. */
        __atomic_store_n(&b->shortcuts[at], r->id + 1, __ATOMIC_RELAXED);
    }
}

static void
unload(struct tpr_bpf *b, struct loaded *l)
{
    tpr_bpf_give_up(b, false, l->list, l->r.n_backends);
    ring_unref(b, l->ring);
    free(l->records);
    free(l->r.backends);
}

static void
orphan_missing(struct tpr_bpf *b, const struct loaded *old,
               const struct loaded *new)
{
    for (int j = 0; j < old->r.n_backends; j++) {
        bool kept = false;

        for (int i = 0; i < new->r.n_backends; i++) {
            kept |= new->records[i] == old->records[j];
        }
        if (!kept) {
            tpr_bpf_record_orphan(b, old->records[j]);
        }
    }
}

static char *
set(struct tpr_bpf *b, const struct tpr_redirect *r)
{
    struct loaded *l = &b->loaded[r->id];
    struct loaded old = *l, new = { .r = *r, .changed = b->epoch };
    const bool is_new = !old.created_ms;
    const bool stays = !is_new && same_service(&old.r, r);

    new.created_ms = is_new ? MAX(time_msec(), 1) : old.created_ms;
    new.serial = (!is_new && tpr_redirect_is_version(&old.r, r) ? old.serial
                  : ++b->limits->last_serial);
    new.suspect_ms = old.suspect_ms;
    new.r.backends = xmemdup(r->backends, MAX(r->n_backends, 1)
                                          * sizeof *r->backends);
    new.records = xcalloc(MAX(r->n_backends, 1), sizeof *new.records);
    new.ring = ring_ref(b, r);
    if (!new.ring || !adopt(b, &new, &old)) {
        ring_unref(b, new.ring);
        free(new.r.backends);
        free(new.records);
        return xasprintf("no room for %u more backends or their maglev ring",
                         r->n_backends);
    }
    if (!is_new && !stays) {
        if (!tpr_addr_equal(&old.r.vip, &r->vip) || old.r.proto != r->proto) {
            /* They are another service's. */
            tpr_bpf_for_connections(b, TPR_BPF_OP_OBJECT, r->id);
        }
        serve(b, r->id, &old.r, false);
    }
    for (int i = 0; i < r->n_backends; i++) {
        tpr_bpf_record_configure(b, new.records[i], &r->backends[i]);
    }
    publish(b, &new, stays ? tpr_bpf_current(b, r->id)->next_wide : 0);
    *l = new;
    if (!is_new) {
        orphan_missing(b, &old, &new);
        unload(b, &old);
    }
    if (!stays && !serve(b, r->id, r, true)) {
        /* Half of a service is none. */
        tpr_bpf_del(b, r->id);
        return xasprintf("redirect %u: no room for all of its ports", r->id);
    }
    return NULL;
}

static bool
is_dying(const struct tpr_bpf *b, uint32_t id)
{
    for (size_t i = 0; i < b->n_dying; i++) {
        if (b->dying[i].r.id == id) {
            return true;
        }
    }
    return false;
}

/* Adds the object 'r', or makes it the new version of the one that is there:
 * backends that stay keep connections and counters.  Where there is no room
 * for its ports, there is no such object any more. */
char *
tpr_bpf_set(struct tpr_bpf *b, const struct tpr_redirect *r)
{
    char *error = tpr_redirect_check(r);
    bool is_new;

    if (error) {
        return error;
    } else if (r->id >= b->sizes.objects) {
        return xasprintf("redirect %u: ids are below %u here", r->id,
                         b->sizes.objects);
    }
    if (is_dying(b, r->id)) {
        tpr_bpf_settle(b);      /* What it had is not the new one's. */
    }
    is_new = !b->loaded[r->id].created_ms;
    if (!is_new && b->loaded[r->id].changed == b->epoch) {
        tpr_bpf_grace(b);       /* Both of its slots may be looked at. */
    }
    error = set(b, r);
    if (!is_new) {
        tpr_page_wake(tpr_bpf_page(b));
    }
    return error;
}

/* Deletes the object 'id'.  From now on nothing matches it; its connections
 * and its room go with tpr_bpf_settle().  Returns 0 or ENOENT. */
int
tpr_bpf_del(struct tpr_bpf *b, uint32_t id)
{
    struct loaded *l = id < b->sizes.objects ? &b->loaded[id] : NULL;

    if (!l || !l->created_ms) {
        return ENOENT;
    }
    serve(b, id, &l->r, false);
    __atomic_store_n(&VALUE(b, current, uint32_t)[id], 0, __ATOMIC_RELEASE);
    if (b->n_dying == b->allocated_dying) {
        b->dying = x2nrealloc(b->dying, &b->allocated_dying,
                              sizeof *b->dying);
    }
    b->dying[b->n_dying++] = *l;
    memset(l, 0, sizeof *l);
    return 0;
}

/* Ends what deleted objects have left, however many these are: one grace, for
 * a program may just be placing a connection, and one look at all
 * connections. */
void
tpr_bpf_settle(struct tpr_bpf *b)
{
    if (!b->n_dying) {
        return;
    }
    tpr_bpf_grace(b);
    tpr_bpf_for_connections(b, TPR_BPF_OP_DEAD, 0);
    for (size_t i = 0; i < b->n_dying; i++) {
        struct loaded *l = &b->dying[i];

        for (int j = 0; j < l->r.n_backends; j++) {
            tpr_bpf_record_orphan(b, l->records[j]);
        }
        unload(b, l);
    }
    b->n_dying = 0;
}

/* Port 'output' is about to go: no backend behind it is usable any more, and
 * no client behind it gets replies. */
void
tpr_bpf_withdraw_port(struct tpr_bpf *b, uint32_t output)
{
    for (uint32_t i = 0; i < b->n_records; i++) {
        struct tpr_redirect_backend *conf = tpr_bpf_conf(b, i);

        if (conf->output == output
            && !(conf->withdrawn & TPR_WITHDRAWN_PORT)) {
            conf->withdrawn |= TPR_WITHDRAWN_PORT;
            tpr_bpf_record(b, i)->kept = 1;     /* As above. */
        }
    }
    tpr_bpf_for_connections(b, TPR_BPF_OP_PORT, output);
    tpr_page_wake(tpr_bpf_page(b));
}

/* Changes a liveness word.  Returns 0 or ERANGE. */
int
tpr_bpf_set_liveness(struct tpr_bpf *b, const struct tpr_liveness_mod *mod)
{
    if (mod->index >= (mod->is_region ? TPR_MAX_REGIONS : TPR_MAX_BACKENDS)
        || mod->state > TPR_LIVENESS_DRAIN) {
        return ERANGE;
    }
    tpr_page_set(tpr_bpf_page(b), mod->is_region, mod->index, mod->state);
    return 0;
}

/* ## Taking over: see loader-adopt.c. ## */

/* Makes the record 'slot' known; 'in_object': to which an object leads. */
void
tpr_bpf_adopt_record(struct tpr_bpf *b, uint32_t slot, bool in_object)
{
    tpr_bpf_filter_add(b, &tpr_bpf_conf(b, slot)->addr, TPR_BPF_IS_BACKEND);
    if (in_object) {
        tpr_bpf_record(b, slot)->in_object = 1;
    } else {
        tpr_bpf_record_orphan(b, slot);
    }
    b->n_records = MAX(b->n_records, slot + 1);
}

/* Makes the current version of object 'id' known, which 'r' describes and
 * which has 'records'; 'r->backends' and 'records' become its own. */
void
tpr_bpf_adopt_object(struct tpr_bpf *b, uint32_t id, struct tpr_redirect *r,
                     uint32_t *records)
{
    const struct tpr_bpf_object *o = tpr_bpf_current(b, id);
    struct ring_ref *ref, *ring = NULL;

    HMAP_FOR_EACH (ref, node, &b->rings) {
        if (ref->first == o->ring && ref->size == o->ring_size) {
            ring = ref;
        }
    }
    if (!ring) {
        ring = xzalloc(sizeof *ring);
        ring->first = o->ring;
        ring->size = o->ring_size;
        ring->maglev = r->policy == TPR_POLICY_MAGLEV;
        ring->n_backends = r->n_backends;
        ring->backends = xmemdup(r->backends, MAX(r->n_backends, 1)
                                              * sizeof *r->backends);
        hmap_insert(&b->rings, &ring->node, hash_backends(r));
    }
    ring->n++;
    b->loaded[id] = (struct loaded) {
        .r = *r, .records = records, .list = o->list, .ring = ring,
        .created_ms = MAX(time_msec(), 1), .changed = b->epoch,
        .serial = o->serial,
    };
    vip_ref(b, &r->vip, r->proto, 1);
}

/* Makes the object findable by all its ports. */
void
tpr_bpf_serve(struct tpr_bpf *b, const struct tpr_redirect *r)
{
    serve(b, r->id, r, true);
    vip_ref(b, &r->vip, r->proto, -1);  /* It was counted already. */
}

/* The object with the lowest id above 'after', or NULL; it stays 'b''s, until
 * it is changed. */
const struct tpr_redirect *
tpr_bpf_next(const struct tpr_bpf *b, uint32_t after)
{
    for (uint32_t i = after + 1; i < b->sizes.objects; i++) {
        if (b->loaded[i].created_ms) {
            return &b->loaded[i].r;
        }
    }
    return NULL;
}

void
tpr_bpf_init_objects(struct tpr_bpf *b)
{
    b->loaded = xcalloc(b->sizes.objects, sizeof *b->loaded);
    b->filter_counts[0] = xcalloc(TPR_BPF_FILTER, sizeof(uint16_t));
    b->filter_counts[1] = xcalloc(TPR_BPF_FILTER, sizeof(uint16_t));
    hmap_init(&b->vips);
    hmap_init(&b->rings);
    b->spares = xcalloc(b->sizes.records, sizeof *b->spares);
    tpr_bpf_space_give(&b->list_space, 0, b->sizes.lists);
    tpr_bpf_space_give(&b->ring_space, 0, b->sizes.rings);
    b->n_records = b->n_spares = 0;
    b->swept = 0;
    b->epoch++;
}

void
tpr_bpf_free_objects(struct tpr_bpf *b)
{
    struct ring_ref *ref;
    struct vip *vip;

    for (uint32_t i = 0; i < b->sizes.objects; i++) {
        free(b->loaded[i].r.backends);
        free(b->loaded[i].records);
    }
    for (size_t i = 0; i < b->n_dying; i++) {
        free(b->dying[i].r.backends);
        free(b->dying[i].records);
    }
    free(b->dying);
    b->dying = NULL;
    b->n_dying = b->allocated_dying = 0;
    free(b->spares);
    free(b->loaded);
    free(b->filter_counts[0]);
    free(b->filter_counts[1]);
    HMAP_FOR_EACH_POP (vip, node, &b->vips) {
        free(vip);
    }
    hmap_destroy(&b->vips);
    HMAP_FOR_EACH_POP (ref, node, &b->rings) {
        free(ref->backends);
        free(ref);
    }
    hmap_destroy(&b->rings);
    free(b->list_space.spans);
    free(b->ring_space.spans);
    free(b->limbo);
    b->list_space = b->ring_space = (struct space) { .n = 0 };
    b->limbo = NULL;
    b->n_limbo = b->allocated_limbo = 0;
}
