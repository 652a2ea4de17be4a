/* SPDX-License-Identifier: Apache-2.0 */

/* Rows of the TPR database become the agent's configuration: the objects
 * judged against each other.
 *
 * Where two objects cannot both be (VIPs that overlap, equal priorities), the
 * one that was in force and has not changed wins over the newcomer; among
 * newcomers the name decides.  The loser's last good form stays, unless that
 * collides as well.
 *
 * Threads: main thread. */

#include <config.h>
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bitmap.h"
#include "config-row.h"
#include "hash.h"
#include "hmapx.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "sset.h"
#include "tpr-idl.h"
#include "util.h"

/* What one build works with. */
struct builder {
    const struct config_rows *rows;
    const struct tpr_config *last_good; /* May be NULL. */
    config_check_func *check;
    void *aux;
    struct sset *complaints;
    struct hmapx backend_rows;          /* Rows of Backend in use. */
    struct shash region_paths;          /* Regions of 'cfg': add_region(). */
    struct tpr_config *cfg;             /* Under construction. */
};

static const struct tpr_region *
last_region(const struct builder *b, const char *name)
{
    return b->last_good ? tpr_config_region(b->last_good, name) : NULL;
}

static const struct tpr_service *
last_service(const struct builder *b, const char *name)
{
    return b->last_good ? tpr_config_service(b->last_good, name) : NULL;
}

/* Regions. */

/* A text that two regions share only if they would have to share one
 * heartbeat. */
static char *
path_of_region(const struct tpr_region *region)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ipv6_format_mapped(&region->peer, &s);
    ds_put_format(&s, " %d %s", region->vlan, region->port);
    return ds_steal_cstr(&s);
}

/* Adds 'region', which it takes over, unless there is no word left for it or
 * it collides with another one.  'row' is its row. */
static bool
add_region(struct builder *b, struct row *row, struct tpr_region *region)
{
    char *path = path_of_region(region);
    const struct tpr_region *other = shash_find_data(&b->region_paths, path);
    bool added = false;

    if (other) {
        row_complain(row, "port", "\"%s\" with this VLAN and peer is region "
                     "%s already", region->port, other->name);
    } else if (shash_count(&b->cfg->regions) >= TPR_MAX_REGIONS) {
        row_complain(row, "name", "there are %d regions already: this is the "
                     "limit", TPR_MAX_REGIONS);
    } else if (shash_add_once(&b->cfg->regions, region->name, region)) {
        shash_add(&b->region_paths, path, region);
        added = true;
    } else {
        row_complain(row, "name", "there are two of them");
    }
    if (!added) {
        tpr_region_destroy(region);
    }
    free(path);
    return added;
}

static void
build_region(struct builder *b, const struct tprrec_region *in)
{
    const struct tpr_region *last = last_region(b, in->name);
    struct tpr_region *region;
    struct row row;

    row_init(&row, b->complaints, last != NULL, "Region %s", in->name);
    region = row_region(&row, in);
    if (row.bad) {
        tpr_region_destroy(region);
    } else if (add_region(b, &row, region)) {
        last = NULL;
    }
    if (last) {
        add_region(b, &row, tpr_region_clone(last));
    }
    row_destroy(&row);
}

static bool
region_is_unchanged(const struct builder *b, const struct tprrec_region *in)
{
    const struct tpr_region *last = last_region(b, in->name);
    struct in6_addr peer = in6addr_any;
    bool same;
    char *error;

    if (!last) {
        return false;
    }
    error = (in->heartbeat && in->heartbeat->peer
             ? tpr_parse_address(in->heartbeat->peer, &peer) : NULL);
    same = (!error && !strcmp(last->port, in->port)
            && last->vlan == (in->n_vlan ? *in->vlan : 0)
            && !memcmp(&last->peer, &peer, sizeof peer));
    free(error);
    return same;
}

static int
compare_region_rows(const void *a_, const void *b_)
{
    const struct tprrec_region *const *a = a_;
    const struct tprrec_region *const *b = b_;

    return strcmp((*a)->name, (*b)->name);
}

static void
build_regions(struct builder *b)
{
    size_t n = b->rows->n_regions;
    const struct tprrec_region **rows;

    if (!n) {
        return;
    }
    rows = xmemdup(b->rows->regions, n * sizeof *rows);
    qsort(rows, n, sizeof *rows, compare_region_rows);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            if (region_is_unchanged(b, rows[i]) == !pass) {
                build_region(b, rows[i]);
            }
        }
    }
    free(rows);
}

/* Backends of one service. */

/* A backend on its way into a service. */
struct candidate {
    struct tpr_backend *backend;        /* NULL once it is in, or out. */
    const struct tpr_backend *last;     /* Last good form, or NULL. */
    struct row row;
    bool unchanged;                     /* Wins over newcomers. */
};

/* Returns the name that 'row' has within its service. */
static const char *
backend_row_name(const struct tprrec_backend *row)
{
    return row->name ? row->name : row->region ? row->region->name : "?";
}

static bool
same_endpoint(const struct tpr_backend *a, const struct tpr_backend *b)
{
    return a->port == b->port && !memcmp(&a->addr, &b->addr, sizeof a->addr);
}

/* Adds 'backend', which it takes over, to 'service', unless it collides with
 * one that is there. */
static bool
add_backend(struct row *row, struct tpr_service *service,
            struct tpr_backend *backend)
{
    for (size_t i = 0; i < service->n_backends; i++) {
        const struct tpr_backend *other = service->backends[i];

        if (!strcmp(other->name, backend->name)) {
            row_complain(row, "name", "there are two of them: give each "
                         "backend in a region a name of its own");
        } else if (same_endpoint(other, backend)) {
            char *addr = tpr_format_address(&backend->addr);

            row_complain(row, "address", "%s with this port is backend %s "
                         "already", addr, other->name);
            free(addr);
        } else if (tpr_policy_is_ordered(service->policy)
                   && other->priority == backend->priority) {
            row_complain(row, "priority", "%u is that of backend %s, too: "
                         "policy %s wants an order",
                         backend->priority % TPR_BACKUP, other->name,
                         tpr_policy_to_string(service->policy));
        } else {
            continue;
        }
        tpr_backend_destroy(backend);
        return false;
    }
    tpr_service_add_backend(service, backend);
    return true;
}

/* Returns a copy of 'last' for 'service', or NULL where it does not fit. */
static struct tpr_backend *
revive_backend(const struct builder *b, const struct tpr_service *service,
               const struct tpr_backend *last)
{
    struct tpr_region *region;

    if (!last || !tpr_same_family(&last->addr, &service->vip.addr)
        || (last->port && service->vip.n_ports != 1)) {
        return NULL;
    }
    region = tpr_config_region(b->cfg, last->region->name);
    return region ? tpr_backend_clone(last, region) : NULL;
}

static void
make_candidate(struct builder *b, const struct tprrec_service *in,
               struct tpr_service *service,
               const struct tpr_service *last_service_,
               const struct tprrec_backend *row, struct candidate *c)
{
    const char *short_name = backend_row_name(row);
    struct tpr_region *region
        = row->region ? tpr_config_region(b->cfg, row->region->name) : NULL;

    c->last = (last_service_
               ? tpr_service_find_backend(last_service_, short_name) : NULL);
    row_init(&c->row, b->complaints, c->last != NULL, "Backend %s/%s",
             service->name, short_name);
    c->backend = row_backend(&c->row, row, in, service, region);
    if (!hmapx_add(&b->backend_rows, CONST_CAST(void *, (const void *) row))) {
        row_complain(&c->row, "region", "the row belongs to another service, "
                     "too");
    }
    if (c->row.bad) {
        tpr_backend_destroy(c->backend);
        c->backend = revive_backend(b, service, c->last);
    }
    c->unchanged = (c->backend && c->last
                    && c->backend->priority == c->last->priority
                    && same_endpoint(c->backend, c->last));
}

static int
compare_backend_rows(const void *a_, const void *b_)
{
    const struct tprrec_backend *const *a = a_;
    const struct tprrec_backend *const *b = b_;

    return strcmp(backend_row_name(*a), backend_row_name(*b));
}

/* Puts the backends of 'in' into 'service'. */
static void
build_backends(struct builder *b, const struct tprrec_service *in,
               struct tpr_service *service, const struct tpr_service *last)
{
    const struct tprrec_backend **rows;
    struct candidate *cs;
    size_t n = in->n_backends;

    if (!n) {
        return;
    }
    rows = xmemdup(in->backends, n * sizeof *rows);
    qsort(rows, n, sizeof *rows, compare_backend_rows);
    cs = xcalloc(n, sizeof *cs);
    for (size_t i = 0; i < n; i++) {
        make_candidate(b, in, service, last, rows[i], &cs[i]);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            struct candidate *c = &cs[i];

            if (!c->backend || c->unchanged != !pass) {
                continue;
            }
            if (!add_backend(&c->row, service, c->backend) && pass) {
                c->backend = revive_backend(b, service, c->last);
                if (c->backend) {
                    add_backend(&c->row, service, c->backend);
                }
            }
            c->backend = NULL;
        }
    }
    for (size_t i = 0; i < n; i++) {
        row_destroy(&cs[i].row);
    }
    free(cs);
    free(rows);
    tpr_service_sort(service);
}

/* Services. */

/* A service on its way into the configuration. */
struct service_candidate {
    struct tpr_service *service;
    const struct tpr_service *last;     /* Last good form, or NULL. */
    const struct tprrec_service *in;
    struct row row;
    bool unchanged;                     /* Wins over newcomers. */
};

/* Takes those backends out of 'service' that have no row in 'in'. */
static void
prune_backends(struct tpr_service *service, const struct tprrec_service *in)
{
    size_t n = 0;

    for (size_t i = 0; i < service->n_backends; i++) {
        struct tpr_backend *backend = service->backends[i];
        bool found = false;

        for (size_t j = 0; j < in->n_backends && !found; j++) {
            found = !strcmp(backend_row_name(in->backends[j]),
                            tpr_backend_short_name(backend));
        }
        if (found) {
            service->backends[n++] = backend;
        } else {
            tpr_backend_destroy(backend);
        }
    }
    service->n_backends = n;
}

/* Returns a copy of the last good form of 'in', without the backends that are
 * gone by now. */
static struct tpr_service *
revive_service(const struct builder *b, const struct tpr_service *last,
               const struct tprrec_service *in)
{
    struct tpr_service *service;

    service = tpr_service_clone(last, &b->cfg->regions);
    prune_backends(service, in);
    return service;
}

static void
make_service(struct builder *b, const struct tprrec_service *in,
             struct service_candidate *c)
{
    c->in = in;
    c->last = last_service(b, in->name);
    row_init(&c->row, b->complaints, c->last != NULL, "Service %s", in->name);
    c->service = row_service(&c->row, in);
    if (ipv6_addr_is_set(&c->service->vip.addr)) {
        row_service_checks(&c->row, in, c->service);
    }
    build_backends(b, in, c->service, c->last);
    if (!c->row.bad && b->check) {
        row_refuse(&c->row, b->check(c->service, b->aux));
    }
    if (c->row.bad) {
        tpr_service_destroy(c->service);
        c->service = c->last ? revive_service(b, c->last, in) : NULL;
    }
    c->unchanged = (c->service && c->last
                    && !memcmp(&c->service->vip, &c->last->vip,
                               sizeof c->last->vip));
}

/* Services by the address of their VIP, to find overlaps. */
struct vip_node {
    struct hmap_node node;
    const struct tpr_service *service;
};

static uint32_t
hash_address(const struct in6_addr *addr)
{
    return hash_bytes(addr, sizeof *addr, 0);
}

/* Adds 'service', which it takes over, to the configuration, unless its VIP is
 * taken or there is no room. */
static bool
add_service(struct builder *b, struct row *row, struct hmap *vips,
            struct tpr_service *service)
{
    uint32_t hash = hash_address(&service->vip.addr);
    struct vip_node *vip;

    HMAP_FOR_EACH_WITH_HASH (vip, node, hash, vips) {
        if (tpr_vip_overlaps(&vip->service->vip, &service->vip)) {
            char *text = tpr_format_vip(&service->vip);

            row_complain(row, "vip", "%s overlaps with service %s", text,
                         vip->service->name);
            free(text);
            goto error;
        }
    }
    if (shash_count(&b->cfg->services) >= TPR_MAX_SERVICES) {
        row_complain(row, "name", "there are %d services already: this is the "
                     "limit", TPR_MAX_SERVICES);
    } else if (shash_add_once(&b->cfg->services, service->name, service)) {
        vip = xmalloc(sizeof *vip);
        vip->service = service;
        hmap_insert(vips, &vip->node, hash);
        return true;
    } else {
        row_complain(row, "name", "there are two of them");
    }
error:
    tpr_service_destroy(service);
    return false;
}

static int
compare_service_rows(const void *a_, const void *b_)
{
    const struct tprrec_service *const *a = a_;
    const struct tprrec_service *const *b = b_;

    return strcmp((*a)->name, (*b)->name);
}

/* Lets the candidates into the configuration. */
static void
admit_services(struct builder *b, struct service_candidate *cs, size_t n)
{
    struct hmap vips = HMAP_INITIALIZER(&vips);
    struct vip_node *vip;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            struct service_candidate *c = &cs[i];

            if (!c->service || c->unchanged != !pass) {
                continue;
            }
            if (!add_service(b, &c->row, &vips, c->service)
                && pass && c->last) {
                add_service(b, &c->row, &vips,
                            revive_service(b, c->last, c->in));
            }
            c->service = NULL;
        }
    }
    HMAP_FOR_EACH_POP (vip, node, &vips) {
        free(vip);
    }
    hmap_destroy(&vips);
}

static void
build_services(struct builder *b)
{
    size_t n = b->rows->n_services;
    const struct tprrec_service **rows;
    struct service_candidate *cs;

    if (!n) {
        return;
    }
    rows = xmemdup(b->rows->services, n * sizeof *rows);
    qsort(rows, n, sizeof *rows, compare_service_rows);
    cs = xcalloc(n, sizeof *cs);
    for (size_t i = 0; i < n; i++) {
        make_service(b, rows[i], &cs[i]);
    }
    admit_services(b, cs, n);
    for (size_t i = 0; i < n; i++) {
        row_destroy(&cs[i].row);
    }
    free(cs);
    free(rows);
}

/* Liveness words. */

/* An object that needs an index. */
struct claim {
    unsigned int *index;        /* In: what the row remembers. */
    unsigned int last;          /* In the last good configuration. */
};

/* Gives every claim an index of its own below 'limit': the one in force, else
 * the one that the database remembers, else the lowest that is free. */
static void
assign_indexes(struct claim *claims, size_t n, size_t limit)
{
    unsigned long *used = bitmap_allocate(limit);
    size_t free_index = 0;

    for (size_t i = 0; i < n; i++) {
        if (claims[i].last != ROW_NO_INDEX) {
            *claims[i].index = claims[i].last;
            bitmap_set1(used, claims[i].last);
        }
    }
    for (size_t i = 0; i < n; i++) {
        unsigned int *index = claims[i].index;

        if (claims[i].last != ROW_NO_INDEX) {
            continue;
        }
        if (*index != ROW_NO_INDEX && !bitmap_is_set(used, *index)) {
            bitmap_set1(used, *index);
        } else {
            *index = ROW_NO_INDEX;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (*claims[i].index == ROW_NO_INDEX) {
            free_index = bitmap_scan(used, 0, free_index, limit);
            ovs_assert(free_index < limit);
            bitmap_set1(used, free_index);
            *claims[i].index = free_index;
        }
    }
    bitmap_free(used);
}

static void
assign_region_indexes(struct builder *b)
{
    size_t n = 0, max = shash_count(&b->cfg->regions);
    struct claim *claims = xcalloc(MAX(max, 1), sizeof *claims);
    const struct shash_node **nodes = shash_sort(&b->cfg->regions);

    for (size_t i = 0; i < max; i++) {
        struct tpr_region *region = nodes[i]->data;
        const struct tpr_region *last = last_region(b, region->name);

        claims[n].index = &region->index;
        claims[n++].last = last ? last->index : ROW_NO_INDEX;
    }
    assign_indexes(claims, n, TPR_MAX_REGIONS);
    free(nodes);
    free(claims);
}

/* Takes the backends above the limit out of 'service'. */
static void
trim_backends(struct builder *b, struct tpr_service *service, size_t *room)
{
    while (service->n_backends > *room) {
        struct tpr_backend *backend
            = service->backends[--service->n_backends];
        struct row row;

        row_init(&row, b->complaints, false, "Backend %s", backend->name);
        row_complain(&row, "name", "there are %d backends already: this is "
                     "the limit", TPR_MAX_BACKENDS);
        row_destroy(&row);
        tpr_backend_destroy(backend);
    }
    *room -= service->n_backends;
}

static void
assign_backend_indexes(struct builder *b)
{
    size_t n = 0, room = TPR_MAX_BACKENDS;
    struct claim *claims;
    const struct shash_node **nodes = shash_sort(&b->cfg->services);

    for (size_t i = 0; i < shash_count(&b->cfg->services); i++) {
        trim_backends(b, nodes[i]->data, &room);
    }
    claims = xcalloc(TPR_MAX_BACKENDS - room + 1, sizeof *claims);
    for (size_t i = 0; i < shash_count(&b->cfg->services); i++) {
        struct tpr_service *service = nodes[i]->data;
        const struct tpr_service *last = last_service(b, service->name);

        for (size_t j = 0; j < service->n_backends; j++) {
            struct tpr_backend *backend = service->backends[j];
            const struct tpr_backend *last_backend = NULL;

            if (last) {
                last_backend = tpr_service_find_backend(
                    last, tpr_backend_short_name(backend));
            }
            claims[n].index = &backend->index;
            claims[n++].last = (last_backend ? last_backend->index
                                : ROW_NO_INDEX);
        }
    }
    assign_indexes(claims, n, TPR_MAX_BACKENDS);
    free(nodes);
    free(claims);
}

/* Intents. */

/* Says what 'in' names that does not exist. */
static void
judge_intent(struct row *row, const struct tpr_config *cfg,
             const struct tprrec_intent *in, enum tpr_intent_kind kind)
{
    struct tpr_service *service;

    switch (kind) {
    case TPR_INTENT_DRAIN:
        if (!tpr_config_region(cfg, in->object)
            && !tpr_config_backend(cfg, in->object)) {
            row_complain(row, "object", "there is no good region or backend "
                         "\"%s\"", in->object);
        }
        break;

    case TPR_INTENT_FAILOVER:
    case TPR_INTENT_FAILBACK:
        service = tpr_config_service(cfg, in->object);
        if (!service) {
            row_complain(row, "object", "there is no good service \"%s\"",
                         in->object);
        } else if (kind == TPR_INTENT_FAILOVER) {
            for (size_t i = 0; in->to && i < service->n_backends; i++) {
                if (!strcmp(service->backends[i]->region->name, in->to)) {
                    return;
                }
            }
            row_complain(row, "to", "service %s has no backend in region "
                         "\"%s\"", in->object, in->to ? in->to : "");
        }
        break;

    case TPR_INTENT_BYPASS:
        break;

    default:
        OVS_NOT_REACHED();
    }
}

static void
build_intent(struct builder *b, const struct tprrec_intent *in)
{
    struct tpr_config *cfg = b->cfg;
    enum tpr_intent_kind kind;
    struct row row;

    row_init(&row, b->complaints, false, "Intent %s %s", in->kind,
             in->object);
    if (!tpr_intent_kind_from_string(in->kind, &kind)) {
        row_complain(&row, "kind", "\"%s\" is an unknown word", in->kind);
    } else {
        judge_intent(&row, cfg, in, kind);
    }
    if (!row.bad) {
        cfg->bypass |= kind == TPR_INTENT_BYPASS;
        cfg->intents[cfg->n_intents++] = (struct tpr_intent) {
            .kind = kind,
            .object = xstrdup(in->object),
            .to = nullable_xstrdup(in->to),
            .who = xstrdup(in->who),
            .reason = xstrdup(in->reason),
            .when_ms = in->when,
            .until_ms = in->n_until ? *in->until : 0,
        };
    }
    row_destroy(&row);
}

static int
compare_intent_rows(const void *a_, const void *b_)
{
    const struct tprrec_intent *const *a = a_;
    const struct tprrec_intent *const *b = b_;

    return ((*a)->when != (*b)->when ? ((*a)->when < (*b)->when ? -1 : 1)
            : strcmp((*a)->object, (*b)->object));
}

/* Intents come out oldest first, so that the last word counts. */
static void
build_intents(struct builder *b)
{
    size_t n = b->rows->n_intents;
    const struct tprrec_intent **rows;

    if (!n) {
        return;
    }
    rows = xmemdup(b->rows->intents, n * sizeof *rows);
    qsort(rows, n, sizeof *rows, compare_intent_rows);
    b->cfg->intents = xcalloc(n, sizeof *b->cfg->intents);
    for (size_t i = 0; i < n; i++) {
        build_intent(b, rows[i]);
    }
    free(rows);
}

/* The whole. */

/* Returns the configuration that 'rows' describe, owned by the caller; it
 * shares nothing with 'last_good', which may be NULL.  'check' may be NULL,
 * else it is asked about every service.  Sentences are added to
 * 'complaints'. */
struct tpr_config *
config_build_rows(const struct config_rows *rows,
                  const struct tpr_config *last_good,
                  config_check_func *check, void *aux,
                  struct sset *complaints)
{
    struct builder b = {
        .rows = rows,
        .last_good = last_good,
        .check = check,
        .aux = aux,
        .complaints = complaints,
        .backend_rows = HMAPX_INITIALIZER(&b.backend_rows),
        .region_paths = SHASH_INITIALIZER(&b.region_paths),
        .cfg = tpr_config_create(),
    };

    if (rows->tpr) {
        struct row row;

        row_init(&row, complaints, last_good != NULL, "TPR .");
        row_tpr(&row, rows->tpr, last_good, b.cfg);
        row_destroy(&row);
    }
    build_regions(&b);
    assign_region_indexes(&b);
    build_services(&b);
    assign_backend_indexes(&b);
    build_intents(&b);
    hmapx_destroy(&b.backend_rows);
    shash_destroy(&b.region_paths);
    return b.cfg;
}

/* As config_build_rows(), with the rows of 'idl'. */
struct tpr_config *
config_build(const struct ovsdb_idl *idl, const struct tpr_config *last_good,
             config_check_func *check, void *aux, struct sset *complaints)
{
    struct config_rows rows = { .tpr = tprrec_tpr_first(idl) };
    size_t max_regions = 0, max_services = 0, max_intents = 0;
    const struct tprrec_region *region;
    const struct tprrec_service *service;
    const struct tprrec_intent *intent;
    struct tpr_config *cfg;

    TPRREC_REGION_FOR_EACH (region, idl) {
        if (rows.n_regions >= max_regions) {
            rows.regions = x2nrealloc(rows.regions, &max_regions,
                                      sizeof *rows.regions);
        }
        rows.regions[rows.n_regions++] = region;
    }
    TPRREC_SERVICE_FOR_EACH (service, idl) {
        if (rows.n_services >= max_services) {
            rows.services = x2nrealloc(rows.services, &max_services,
                                       sizeof *rows.services);
        }
        rows.services[rows.n_services++] = service;
    }
    TPRREC_INTENT_FOR_EACH (intent, idl) {
        if (rows.n_intents >= max_intents) {
            rows.intents = x2nrealloc(rows.intents, &max_intents,
                                      sizeof *rows.intents);
        }
        rows.intents[rows.n_intents++] = intent;
    }
    cfg = config_build_rows(&rows, last_good, check, aux, complaints);
    free(rows.regions);
    free(rows.services);
    free(rows.intents);
    return cfg;
}
