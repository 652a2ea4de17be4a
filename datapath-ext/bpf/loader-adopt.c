/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* From maps that an earlier process left back to what it knew of them, while
 * programs use them.
 *
 * It may have been killed at any point.  What is not reachable from a current
 * object was never published, or had been given up: it is free.  A record
 * that no object lists is withdrawn, as it would have been, and connections of
 * objects that there are no more end.  Objects that lost, or did not yet have,
 * entries among the services get them. */

#include <config.h>
#include "loader-private.h"

#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include "page.h"
#include "util.h"

/* ## Objects. ## */

/* A description of the current version of object 'id'.  Returns false if that
 * makes no sense. */
static bool
describe(struct tpr_bpf *b, uint32_t id, struct tpr_redirect *r,
         uint32_t **records)
{
    const struct tpr_bpf_object *o = tpr_bpf_current(b, id);
    const struct tpr_bpf_entry *lists = VALUE(b, lists, struct tpr_bpf_entry);

    if (!o || o->n_backends > TPR_MAX_REDIRECT_BACKENDS
        || o->n_ports > TPR_MAX_PORT_RANGES
        || o->list > b->sizes.lists - o->n_backends
        || o->ring > b->sizes.rings
        || o->ring_size > b->sizes.rings - o->ring) {
        return false;
    }
    *r = (struct tpr_redirect) {
        .id = id, .proto = o->proto, .policy = o->policy,
        .on_down = o->on_down, .on_none = o->on_none,
        .stateless = o->stateless != 0, .vip = o->vip,
        .affinity_ms = o->affinity_ms,
        .n_ports = o->n_ports, .n_backends = o->n_backends,
    };
    memcpy(r->ports, o->ports, sizeof r->ports);
    memcpy(r->timeouts, o->timeouts, sizeof r->timeouts);
    r->backends = xcalloc(MAX(r->n_backends, 1), sizeof *r->backends);
    *records = xcalloc(MAX(r->n_backends, 1), sizeof **records);
    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_bpf_entry *entry = &lists[o->list + i];

        if (entry->record >= b->sizes.records) {
            free(r->backends);
            free(*records);
            return false;
        }
        (*records)[i] = entry->record;
        r->backends[i] = *tpr_bpf_conf(b, entry->record);
        r->backends[i].withdrawn = 0;
    }
    return true;
}

static void
adopt_objects(struct tpr_bpf *b, bool *in_object)
{
    uint32_t *current = VALUE(b, current, uint32_t);

    for (uint32_t id = 0; id < b->sizes.objects; id++) {
        struct tpr_redirect r;
        uint32_t *records;

        if (!current[id]) {
            continue;
        }
        if (current[id] - 1 >= 2 * b->sizes.objects
            || !describe(b, id, &r, &records)) {
            __atomic_store_n(&current[id], 0, __ATOMIC_RELEASE);
            continue;
        }
        for (int i = 0; i < r.n_backends; i++) {
            in_object[records[i]] = true;
        }
        tpr_bpf_adopt_object(b, id, &r, records);
    }
}

static void
adopt_records(struct tpr_bpf *b, const bool *in_object)
{
    static const struct tpr_addr none;

    for (uint32_t i = 0; i < b->sizes.records; i++) {
        if (!tpr_addr_equal(&tpr_bpf_conf(b, i)->addr, &none)) {
            tpr_bpf_adopt_record(b, i, in_object[i]);
        }
    }
}

/* ## Spaces. ## */

static int
compare_spans(const void *a_, const void *c_)
{
    const struct span *a = a_, *c = c_;

    return a->first < c->first ? -1 : a->first > c->first;
}

/* Makes 's' what lies between the 'n' 'used' spans below 'end'. */
static void
complement(struct space *s, struct span *used, size_t n, uint32_t end)
{
    uint32_t at = 0;

    qsort(used, n, sizeof *used, compare_spans);
    s->n = 0;
    for (size_t i = 0; i <= n; i++) {
        const uint32_t first = i < n ? used[i].first : end;

        if (first > at) {
            if (s->n == s->allocated) {
                s->spans = x2nrealloc(s->spans, &s->allocated,
                                      sizeof *s->spans);
            }
            s->spans[s->n++] = (struct span) { at, first - at };
        }
        at = i < n ? MAX(at, first + used[i].n) : at;
    }
}

static void
adopt_spaces(struct tpr_bpf *b)
{
    struct span *used = xcalloc(b->sizes.objects + 1, sizeof *used);
    const struct ring_ref *ref;
    size_t n = 0;

    for (uint32_t i = 0; i < b->sizes.objects; i++) {
        const struct loaded *l = &b->loaded[i];

        if (l->created_ms && l->r.n_backends) {
            used[n++] = (struct span) { l->list, l->r.n_backends };
        }
    }
    complement(&b->list_space, used, n, b->sizes.lists);
    n = 0;
    HMAP_FOR_EACH (ref, node, &b->rings) {
        ovs_assert(n <= b->sizes.objects);
        used[n++] = (struct span) { ref->first, ref->size };
    }
    complement(&b->ring_space, used, n, b->sizes.rings);
    free(used);
}

/* ## Services. ## */

static const struct tpr_redirect *
get_object(const struct tpr_bpf *b, uint32_t id)
{
    return (id < b->sizes.objects && b->loaded[id].created_ms
            ? &b->loaded[id].r : NULL);
}

/* Does 'key' lead to 'r' rightly? */
static bool
leads_to(const struct tpr_bpf_service *key, const struct tpr_redirect *r)
{
    const uint16_t port = tpr_swap16(key->port);

    if (!r || key->proto != r->proto || !tpr_addr_equal(&key->vip, &r->vip)
        || tpr_bpf_is_wide(r) != !port) {
        return false;
    }
    for (int i = 0; i < r->n_ports; i++) {
        if (port >= r->ports[i].first && port <= r->ports[i].last) {
            return true;
        }
    }
    return !port;
}

/* How many objects have the VIP and protocol of 'key'. */
static uint32_t
count_objects(const struct tpr_bpf *b, const struct tpr_bpf_service *key)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < b->sizes.objects; i++) {
        const struct tpr_redirect *r = get_object(b, i);

        n += (r && r->proto == key->proto
              && tpr_addr_equal(&r->vip, &key->vip));
    }
    return n;
}

/* Removes what leads nowhere, and counts anew. */
static void
purge_services(struct tpr_bpf *b)
{
    const int fd = tpr_bpf_map(b, "tpr_services");
    struct tpr_bpf_service key, next;
    bool more = !bpf_map_get_next_key(fd, NULL, &next);

    while (more) {
        uint32_t id = 0, n;

        key = next;
        more = !bpf_map_get_next_key(fd, &key, &next);
        bpf_map_lookup_elem(fd, &key, &id);
        if (key.kind == TPR_BPF_SERVICE_COUNT) {
            n = count_objects(b, &key);
            if (n) {
                bpf_map_update_elem(fd, &key, &n, 0);
                continue;
            }
        } else if (leads_to(&key, get_object(b, id - 1))) {
            continue;
        }
        bpf_map_delete_elem(fd, &key);
    }
}

/* Is 'r', which has port ranges or none, in the chain of its VIP?  The chain
 * is cut before what does not belong there. */
static bool
is_chained(struct tpr_bpf *b, const struct tpr_redirect *r)
{
    const struct tpr_bpf_service key = { .vip = r->vip, .proto = r->proto };
    const int fd = tpr_bpf_map(b, "tpr_services");
    struct tpr_bpf_object *prev = NULL;
    bool found = false;
    uint32_t at = 0;

    bpf_map_lookup_elem(fd, &key, &at);
    for (uint32_t i = 0; at && i < b->sizes.objects; i++) {
        if (!leads_to(&key, get_object(b, at - 1))) {
            if (prev) {
                prev->next_wide = 0;
            } else {
                bpf_map_delete_elem(fd, &key);
            }
            break;
        }
        found |= at - 1 == r->id;
        prev = tpr_bpf_current(b, at - 1);
        at = prev->next_wide;
    }
    return found;
}

static bool
is_served(struct tpr_bpf *b, const struct tpr_redirect *r)
{
    struct tpr_bpf_service key = { .vip = r->vip, .proto = r->proto };
    const int fd = tpr_bpf_map(b, "tpr_services");

    if (tpr_bpf_is_wide(r)) {
        return is_chained(b, r);
    }
    for (int i = 0; i < r->n_ports; i++) {
        for (uint32_t p = r->ports[i].first; p <= r->ports[i].last; p++) {
            uint32_t id = 0;

            key.port = tpr_swap16((uint16_t) p);
            bpf_map_lookup_elem(fd, &key, &id);
            if (!id) {
                return false;
            }
        }
    }
    return true;
}

static void
adopt_services(struct tpr_bpf *b)
{
    purge_services(b);
    for (uint32_t i = 0; i < b->sizes.objects; i++) {
        const struct tpr_redirect *r = get_object(b, i);

        if (r && !is_served(b, r)) {
            tpr_bpf_serve(b, r);
        }
    }
}

/* Takes over what is in the maps. */
void
tpr_bpf_adopt(struct tpr_bpf *b)
{
    bool *in_object = xcalloc(b->sizes.records, sizeof *in_object);

    tpr_bpf_grace(b);
    adopt_objects(b, in_object);
    adopt_records(b, in_object);
    adopt_spaces(b);
    adopt_services(b);
    tpr_bpf_for_connections(b, TPR_BPF_OP_DEAD, 0);
    for (uint32_t i = 0; i < TPR_BPF_FILTER; i++) {
        const uint8_t flags
            = ((b->filter_counts[0][i] ? TPR_BPF_IS_BACKEND : 0)
               | (b->filter_counts[1][i] ? TPR_BPF_IS_VIP : 0));

        if (b->filter[i] & ~flags) {
            b->filter[i] = flags;
        }
    }
    tpr_page_wake(tpr_bpf_page(b));
    free(in_object);
}
