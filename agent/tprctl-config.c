/* SPDX-License-Identifier: Apache-2.0 */

/* Commands of ovs-tprctl that write the configuration: add-, set- and del- for
 * regions, heartbeats, services, backends and checks; settings; lists.
 *
 * Threads: main thread. */

#include <config.h>
#include "tprctl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Finding things.  The functions that take a context call ctl_error() and
 * return NULL if there is nothing of that name. */

static const struct tprrec_region *
lookup_region(struct ctl_context *ctx, const char *name)
{
    const struct tprrec_region *region;

    TPRREC_REGION_FOR_EACH (region, ctx->idl) {
        if (!strcmp(region->name, name)) {
            return region;
        }
    }
    return NULL;
}

const struct tprrec_region *
tprctl_find_region(struct ctl_context *ctx, const char *name)
{
    const struct tprrec_region *region = lookup_region(ctx, name);

    if (!region) {
        ctl_error(ctx, "%s: there is no region \"%s\"", ctx->argv[0], name);
    }
    return region;
}

static const struct tprrec_service *
lookup_service(struct ctl_context *ctx, const char *name)
{
    const struct tprrec_service *service;

    TPRREC_SERVICE_FOR_EACH (service, ctx->idl) {
        if (!strcmp(service->name, name)) {
            return service;
        }
    }
    return NULL;
}

const struct tprrec_service *
tprctl_find_service(struct ctl_context *ctx, const char *name)
{
    const struct tprrec_service *service = lookup_service(ctx, name);

    if (!service) {
        ctl_error(ctx, "%s: there is no service \"%s\"", ctx->argv[0], name);
    }
    return service;
}

/* Returns the name that 'backend' has within its service. */
const char *
tprctl_backend_name(const struct tprrec_backend *backend)
{
    return (backend->name ? backend->name
            : backend->region ? backend->region->name : "?");
}

/* Returns the backend of 'service' called 'name', else the only one in the
 * region called 'name', else NULL. */
const struct tprrec_backend *
tprctl_find_backend(const struct tprrec_service *service, const char *name)
{
    const struct tprrec_backend *in_region = NULL;
    size_t n_in_region = 0;

    for (size_t i = 0; i < service->n_backends; i++) {
        const struct tprrec_backend *b = service->backends[i];

        if (!strcmp(tprctl_backend_name(b), name)) {
            return b;
        }
        if (b->region && !strcmp(b->region->name, name)) {
            in_region = b;
            n_in_region++;
        }
    }
    return n_in_region == 1 ? in_region : NULL;
}

/* Returns the backend that 'full_name', "SERVICE/BACKEND", names; calls
 * ctl_error() and returns NULL if there is none. */
const struct tprrec_backend *
tprctl_find_full_backend(struct ctl_context *ctx, const char *full_name)
{
    const char *slash = strchr(full_name, '/');
    const struct tprrec_backend *backend = NULL;
    const struct tprrec_service *service;
    char *name;

    if (!slash) {
        ctl_error(ctx, "%s: \"%s\" is not SERVICE/BACKEND", ctx->argv[0],
                  full_name);
        return NULL;
    }
    name = xmemdup0(full_name, slash - full_name);
    service = tprctl_find_service(ctx, name);
    if (service) {
        backend = tprctl_find_backend(service, slash + 1);
        if (!backend) {
            ctl_error(ctx, "%s: service \"%s\" has no backend \"%s\"",
                      ctx->argv[0], name, slash + 1);
        }
    }
    free(name);
    return backend;
}

/* Sorted lists of everything; the caller frees the array. */

static int
compare_regions(const void *a, const void *b)
{
    return strcmp((*(const struct tprrec_region *const *) a)->name,
                  (*(const struct tprrec_region *const *) b)->name);
}

size_t
tprctl_regions(struct ctl_context *ctx, const struct tprrec_region ***out)
{
    const struct tprrec_region *region, **array = NULL;
    size_t n = 0, allocated = 0;

    TPRREC_REGION_FOR_EACH (region, ctx->idl) {
        if (n >= allocated) {
            array = x2nrealloc(array, &allocated, sizeof *array);
        }
        array[n++] = region;
    }
    if (n) {
        qsort(array, n, sizeof *array, compare_regions);
    }
    *out = array;
    return n;
}

static int
compare_services(const void *a, const void *b)
{
    return strcmp((*(const struct tprrec_service *const *) a)->name,
                  (*(const struct tprrec_service *const *) b)->name);
}

size_t
tprctl_services(struct ctl_context *ctx, const struct tprrec_service ***out)
{
    const struct tprrec_service *service, **array = NULL;
    size_t n = 0, allocated = 0;

    TPRREC_SERVICE_FOR_EACH (service, ctx->idl) {
        if (n >= allocated) {
            array = x2nrealloc(array, &allocated, sizeof *array);
        }
        array[n++] = service;
    }
    if (n) {
        qsort(array, n, sizeof *array, compare_services);
    }
    *out = array;
    return n;
}

static int
compare_backends(const void *a_, const void *b_)
{
    const struct tprrec_backend *a = *(struct tprrec_backend *const *) a_;
    const struct tprrec_backend *b = *(struct tprrec_backend *const *) b_;
    int64_t pa = a->n_priority ? *a->priority : TPR_PRIORITY;
    int64_t pb = b->n_priority ? *b->priority : TPR_PRIORITY;

    return (pa != pb ? (pa < pb ? -1 : 1)
            : strcmp(tprctl_backend_name(a), tprctl_backend_name(b)));
}

/* By priority, then name. */
size_t
tprctl_backends(const struct tprrec_service *service,
                const struct tprrec_backend ***out)
{
    const struct tprrec_backend **array = NULL;

    if (service->n_backends) {
        array = xmemdup(service->backends,
                        service->n_backends * sizeof *array);
        qsort(array, service->n_backends, sizeof *array, compare_backends);
    }
    *out = array;
    return service->n_backends;
}

/* init, set-option, notify. */

static void
cmd_init(struct ctl_context *ctx)
{
    tprctl_root(ctx);
}

static void
cmd_set_option(struct ctl_context *ctx)
{
    tprctl_set_keys(ctx, TPRCTL_TPR, &tprctl_root(ctx)->header_, 1);
}

static void
cmd_add_notify(struct ctl_context *ctx)
{
    const struct tprrec_tpr *tpr = tprctl_root(ctx);
    const char **all = xcalloc(tpr->n_notify + 1, sizeof *all);
    size_t n = 0;

    tprctl.judge = true;
    for (size_t i = 0; i < tpr->n_notify; i++) {
        if (strcmp(tpr->notify[i], ctx->argv[1])) {
            all[n++] = tpr->notify[i];
        }
    }
    all[n++] = ctx->argv[1];
    tprrec_tpr_set_notify(tpr, all, n);
    free(all);
}

static void
cmd_del_notify(struct ctl_context *ctx)
{
    const struct tprrec_tpr *tpr = tprctl_root(ctx);
    const char **keep = xcalloc(tpr->n_notify + 1, sizeof *keep);
    size_t n = 0;

    for (size_t i = 0; i < tpr->n_notify; i++) {
        if (strcmp(tpr->notify[i], ctx->argv[1])) {
            keep[n++] = tpr->notify[i];
        }
    }
    if (n == tpr->n_notify && !shash_find(&ctx->options, "--if-exists")) {
        ctl_error(ctx, "del-notify: \"%s\" is not notified", ctx->argv[1]);
    } else {
        tprrec_tpr_set_notify(tpr, keep, n);
    }
    free(keep);
}

/* Regions. */

static bool
may_exist(struct ctl_context *ctx)
{
    return tprctl.importing || shash_find(&ctx->options, "--may-exist");
}

/* Brings 'row' back to defaults if an import replaces everything. */
static void
maybe_reset(enum tprctl_kind kind, const struct ovsdb_idl_row *row)
{
    if (tprctl.replacing) {
        tprctl_reset_keys(kind, row);
    }
}

/* "add-region NAME PORT [KEY=VALUE]..." */
static void
cmd_add_region(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];
    const struct tprrec_region *region = lookup_region(ctx, name);

    if (region && !may_exist(ctx)) {
        ctl_error(ctx, "add-region: region \"%s\" exists already", name);
        return;
    }
    if (!region) {
        region = tprrec_region_insert(ctx->txn);
        tprrec_region_set_name(region, name);
    }
    maybe_reset(TPRCTL_REGION, &region->header_);
    tprrec_region_set_port(region, ctx->argv[2]);
    tprctl_set_keys(ctx, TPRCTL_REGION, &region->header_, 3);
}

static void
cmd_set_region(struct ctl_context *ctx)
{
    const struct tprrec_region *region = tprctl_find_region(ctx, ctx->argv[1]);

    if (region) {
        tprctl_set_keys(ctx, TPRCTL_REGION, &region->header_, 2);
    }
}

/* The server deletes a backend that no service has, but only after it has
 * looked for references to regions that are deleted in the same
 * transaction. */
static void
detach_backend(const struct tprrec_backend *backend)
{
    tprrec_backend_set_region(backend, NULL);
}

static bool
has_region(struct tprrec_backend *const *backends, size_t n,
           const struct tprrec_region *region)
{
    for (size_t i = 0; i < n; i++) {
        if (backends[i]->region == region) {
            return true;
        }
    }
    return false;
}

/* Takes 'backend' out of 'service' and deletes it, with its intents. */
void
tprctl_remove_backend(struct ctl_context *ctx,
                      const struct tprrec_service *service,
                      const struct tprrec_backend *backend)
{
    struct tprrec_backend **keep = xcalloc(service->n_backends, sizeof *keep);
    char *name = xasprintf("%s/%s", service->name,
                           tprctl_backend_name(backend));
    size_t n = 0;

    for (size_t i = 0; i < service->n_backends; i++) {
        if (service->backends[i] != backend) {
            keep[n++] = service->backends[i];
        }
    }
    tprctl_forget(ctx, name);
    if (backend->region && !has_region(keep, n, backend->region)) {
        tprctl_forget_failover(ctx, service->name, backend->region->name);
    }
    tprrec_service_set_backends(service, keep, n);
    detach_backend(backend);
    free(name);
    free(keep);
}

/* Deletes 'region', which no backend uses, with its intents. */
void
tprctl_delete_region(struct ctl_context *ctx,
                     const struct tprrec_region *region)
{
    tprctl_forget(ctx, region->name);
    tprrec_region_delete(region);
}

/* Deletes 'service' with its backends and intents. */
void
tprctl_delete_service(struct ctl_context *ctx,
                      const struct tprrec_service *service)
{
    tprctl_forget(ctx, service->name);
    for (size_t i = 0; i < service->n_backends; i++) {
        detach_backend(service->backends[i]);
    }
    tprrec_service_delete(service);
}

/* Takes the backends in 'region' out of 'service'.  Returns how many there
 * are; with 'remove' false only counts. */
static size_t
backends_in_region(struct ctl_context *ctx,
                   const struct tprrec_service *service,
                   const struct tprrec_region *region, bool remove)
{
    size_t n = 0;

    for (size_t i = service->n_backends; i-- > 0;) {
        if (service->backends[i]->region == region) {
            n++;
            if (remove) {
                tprctl_remove_backend(ctx, service, service->backends[i]);
            }
        }
    }
    return n;
}

/* "del-region [--if-exists] [--cascade] NAME" */
static void
cmd_del_region(struct ctl_context *ctx)
{
    bool cascade = shash_find(&ctx->options, "--cascade");
    const struct tprrec_service *service;
    const struct tprrec_region *region;

    tprctl.judge = true;
    if (shash_find(&ctx->options, "--if-exists")
        && !lookup_region(ctx, ctx->argv[1])) {
        return;
    }
    region = tprctl_find_region(ctx, ctx->argv[1]);
    if (!region) {
        return;
    }
    TPRREC_SERVICE_FOR_EACH (service, ctx->idl) {
        if (backends_in_region(ctx, service, region, cascade) && !cascade) {
            ctl_error(ctx, "del-region: service \"%s\" has a backend in "
                      "region \"%s\" (--cascade deletes it, too)",
                      service->name, region->name);
            return;
        }
    }
    tprctl_delete_region(ctx, region);
}

static void
cmd_list_regions(struct ctl_context *ctx)
{
    const struct tprrec_region **regions;
    size_t n = tprctl_regions(ctx, &regions);

    for (size_t i = 0; i < n; i++) {
        ds_put_format(&ctx->output, "%s\n", regions[i]->name);
    }
    free(regions);
}

/* "set-heartbeat REGION TYPE [KEY=VALUE]..." */
static void
cmd_set_heartbeat(struct ctl_context *ctx)
{
    const struct tprrec_region *region = tprctl_find_region(ctx, ctx->argv[1]);
    const struct tprrec_heartbeat *hb;

    if (!region) {
        return;
    }
    hb = region->heartbeat;
    if (!hb) {
        hb = tprrec_heartbeat_insert(ctx->txn);
        tprrec_region_set_heartbeat(region, hb);
    }
    tprctl_reset_keys(TPRCTL_HEARTBEAT, &hb->header_);
    if (tprctl_set_key(ctx, TPRCTL_HEARTBEAT, &hb->header_, "type",
                       ctx->argv[2])) {
        tprctl_set_keys(ctx, TPRCTL_HEARTBEAT, &hb->header_, 3);
    }
}

static void
cmd_del_heartbeat(struct ctl_context *ctx)
{
    const struct tprrec_region *region = tprctl_find_region(ctx, ctx->argv[1]);

    tprctl.judge = true;
    if (!region) {
        return;
    }
    if (region->heartbeat) {
        tprrec_region_set_heartbeat(region, NULL);
    } else if (!shash_find(&ctx->options, "--if-exists")) {
        ctl_error(ctx, "del-heartbeat: region \"%s\" has no heartbeat",
                  region->name);
    }
}

/* Services. */

/* "add-service NAME VIP [KEY=VALUE]..." */
static void
cmd_add_service(struct ctl_context *ctx)
{
    const char *name = ctx->argv[1];
    const struct tprrec_service *service = lookup_service(ctx, name);

    if (service && !may_exist(ctx)) {
        ctl_error(ctx, "add-service: service \"%s\" exists already", name);
        return;
    }
    if (!service) {
        service = tprrec_service_insert(ctx->txn);
        tprrec_service_set_name(service, name);
    }
    maybe_reset(TPRCTL_SERVICE, &service->header_);
    tprrec_service_set_vip(service, ctx->argv[2]);
    tprctl_set_keys(ctx, TPRCTL_SERVICE, &service->header_, 3);
}

static void
cmd_set_service(struct ctl_context *ctx)
{
    const struct tprrec_service *service
        = tprctl_find_service(ctx, ctx->argv[1]);

    if (service) {
        tprctl_set_keys(ctx, TPRCTL_SERVICE, &service->header_, 2);
    }
}

static void
cmd_del_service(struct ctl_context *ctx)
{
    const struct tprrec_service *service;

    tprctl.judge = true;
    if (shash_find(&ctx->options, "--if-exists")
        && !lookup_service(ctx, ctx->argv[1])) {
        return;
    }
    service = tprctl_find_service(ctx, ctx->argv[1]);
    if (service) {
        tprctl_delete_service(ctx, service);
    }
}

static void
cmd_list_services(struct ctl_context *ctx)
{
    const struct tprrec_service **services;
    size_t n = tprctl_services(ctx, &services);

    for (size_t i = 0; i < n; i++) {
        ds_put_format(&ctx->output, "%s\n", services[i]->name);
    }
    free(services);
}

/* Backends. */

/* Writes the whole set: partial updates stay invisible until the commit. */
static void
append_backend(const struct tprrec_service *service,
               const struct tprrec_backend *backend)
{
    size_t n = service->n_backends;
    struct tprrec_backend **all = xcalloc(n + 1, sizeof *all);

    if (n) {
        memcpy(all, service->backends, n * sizeof *all);
    }
    all[n] = CONST_CAST(struct tprrec_backend *, backend);
    tprrec_service_set_backends(service, all, n + 1);
    free(all);
}

/* Returns the backend that "add-backend" is to write: a new one, or one that
 * may exist.  NULL after ctl_error(). */
static const struct tprrec_backend *
obtain_backend(struct ctl_context *ctx, const struct tprrec_service *service,
               const struct tprrec_region *region)
{
    const struct tprrec_backend *backend;
    const char *name = region->name;

    for (size_t i = 4; i < ctx->argc; i++) {
        if (!strncmp(ctx->argv[i], "name=", 5) && ctx->argv[i][5]) {
            name = ctx->argv[i] + 5;
        }
    }
    for (size_t i = 0; i < service->n_backends; i++) {
        if (!strcmp(tprctl_backend_name(service->backends[i]), name)) {
            if (may_exist(ctx)) {
                return service->backends[i];
            }
            ctl_error(ctx, "add-backend: backend \"%s/%s\" exists already "
                      "(another one in the same region needs name=)",
                      service->name, name);
            return NULL;
        }
    }
    backend = tprrec_backend_insert(ctx->txn);
    append_backend(service, backend);
    return backend;
}

/* "add-backend SERVICE REGION ADDRESS[:PORT] [KEY=VALUE]..." */
static void
cmd_add_backend(struct ctl_context *ctx)
{
    const struct tprrec_service *service;
    const struct tprrec_region *region;
    const struct tprrec_backend *backend;
    struct in6_addr addr;
    uint16_t port;
    char *error, *text;

    service = tprctl_find_service(ctx, ctx->argv[1]);
    region = service ? tprctl_find_region(ctx, ctx->argv[2]) : NULL;
    if (!region) {
        return;
    }
    error = tpr_parse_address_port(ctx->argv[3], &addr, &port);
    if (error) {
        ctl_error(ctx, "add-backend: address: %s", error);
        free(error);
        return;
    }
    backend = obtain_backend(ctx, service, region);
    if (!backend) {
        return;
    }
    maybe_reset(TPRCTL_BACKEND, &backend->header_);
    tprrec_backend_set_region(backend, region);
    text = tpr_format_address(&addr);
    tprrec_backend_set_address(backend, text);
    free(text);
    if (port) {
        int64_t value = port;

        tprrec_backend_set_port(backend, &value, 1);
    }
    tprctl_set_keys(ctx, TPRCTL_BACKEND, &backend->header_, 4);
}

/* "set-backend SERVICE/BACKEND KEY=VALUE..." */
static void
cmd_set_backend(struct ctl_context *ctx)
{
    const struct tprrec_backend *backend
        = tprctl_find_full_backend(ctx, ctx->argv[1]);

    if (backend) {
        tprctl_set_keys(ctx, TPRCTL_BACKEND, &backend->header_, 2);
    }
}

/* "del-backend [--if-exists] SERVICE REGION|NAME" */
static void
cmd_del_backend(struct ctl_context *ctx)
{
    bool if_exists = shash_find(&ctx->options, "--if-exists");
    const struct tprrec_service *service;
    const struct tprrec_backend *backend;

    tprctl.judge = true;
    if (if_exists && !lookup_service(ctx, ctx->argv[1])) {
        return;
    }
    service = tprctl_find_service(ctx, ctx->argv[1]);
    if (!service) {
        return;
    }
    backend = tprctl_find_backend(service, ctx->argv[2]);
    if (backend) {
        tprctl_remove_backend(ctx, service, backend);
    } else if (!if_exists) {
        ctl_error(ctx, "del-backend: service \"%s\" has no backend \"%s\", "
                  "or more than one in that region", service->name,
                  ctx->argv[2]);
    }
}

/* "list-backends [SERVICE]" */
static void
cmd_list_backends(struct ctl_context *ctx)
{
    const struct tprrec_service **services;
    size_t n = tprctl_services(ctx, &services);

    if (ctx->argc > 1 && !tprctl_find_service(ctx, ctx->argv[1])) {
        n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        const struct tprrec_backend **backends;
        size_t n_backends = tprctl_backends(services[i], &backends);

        if (ctx->argc < 2 || !strcmp(services[i]->name, ctx->argv[1])) {
            for (size_t j = 0; j < n_backends; j++) {
                ds_put_format(&ctx->output, "%s/%s\n", services[i]->name,
                              tprctl_backend_name(backends[j]));
            }
        }
        free(backends);
    }
    free(services);
}

/* Checks. */

/* What a check belongs to: a service or a backend. */
struct check_owner {
    const struct tprrec_service *service;
    const struct tprrec_backend *backend;
    const struct tprrec_health_check *check;
    bool agent;                 /* In column agent_check. */
};

static bool
find_check_owner(struct ctl_context *ctx, bool agent,
                 struct check_owner *owner)
{
    memset(owner, 0, sizeof *owner);
    owner->agent = agent;
    if (strchr(ctx->argv[1], '/')) {
        const struct tprrec_backend *b
            = tprctl_find_full_backend(ctx, ctx->argv[1]);

        owner->backend = b;
        owner->check = !b ? NULL : agent ? b->agent_check : b->check;
        return b != NULL;
    } else {
        const struct tprrec_service *s
            = tprctl_find_service(ctx, ctx->argv[1]);

        owner->service = s;
        owner->check = !s ? NULL : agent ? s->agent_check : s->check;
        return s != NULL;
    }
}

static void
attach_check(const struct check_owner *owner,
             const struct tprrec_health_check *check)
{
    if (owner->service) {
        if (owner->agent) {
            tprrec_service_set_agent_check(owner->service, check);
        } else {
            tprrec_service_set_check(owner->service, check);
        }
    } else if (owner->agent) {
        tprrec_backend_set_agent_check(owner->backend, check);
    } else {
        tprrec_backend_set_check(owner->backend, check);
    }
}

/* Replaces a check by one of 'type' with the keys from 'first' on. */
static void
set_check(struct ctl_context *ctx, bool agent, const char *type, size_t first)
{
    const struct tprrec_health_check *check;
    struct check_owner owner;

    if (!find_check_owner(ctx, agent, &owner)) {
        return;
    }
    check = owner.check;
    if (!check) {
        check = tprrec_health_check_insert(ctx->txn);
        attach_check(&owner, check);
    }
    tprctl_reset_keys(TPRCTL_CHECK, &check->header_);
    if (tprctl_set_key(ctx, TPRCTL_CHECK, &check->header_, "type", type)) {
        tprctl_set_keys(ctx, TPRCTL_CHECK, &check->header_, first);
    }
}

/* "set-check SERVICE[/BACKEND] TYPE [KEY=VALUE]..." */
static void
cmd_set_check(struct ctl_context *ctx)
{
    set_check(ctx, false, ctx->argv[2], 3);
}

/* "set-agent-check SERVICE[/BACKEND] KEY=VALUE..." */
static void
cmd_set_agent_check(struct ctl_context *ctx)
{
    set_check(ctx, true, "agent", 2);
}

static void
del_check(struct ctl_context *ctx, bool agent)
{
    struct check_owner owner;

    tprctl.judge = true;
    if (!find_check_owner(ctx, agent, &owner)) {
        return;
    }
    if (owner.check) {
        attach_check(&owner, NULL);
    } else if (!shash_find(&ctx->options, "--if-exists")) {
        ctl_error(ctx, "%s: \"%s\" has no %scheck of its own", ctx->argv[0],
                  ctx->argv[1], agent ? "agent-" : "");
    }
}

static void
cmd_del_check(struct ctl_context *ctx)
{
    del_check(ctx, false);
}

static void
cmd_del_agent_check(struct ctl_context *ctx)
{
    del_check(ctx, true);
}

const struct ctl_command_syntax tprctl_config_commands[] = {
    {"init", 0, 0, "", NULL, cmd_init, NULL, "", RW},
    {"set-option", 1, INT_MAX, "KEY=VALUE...", NULL, cmd_set_option, NULL, "",
     RW},
    {"add-notify", 1, 1, "PATH", NULL, cmd_add_notify, NULL, "", RW},
    {"del-notify", 1, 1, "PATH", NULL, cmd_del_notify, NULL, "--if-exists",
     RW},

    {"add-region", 2, INT_MAX, "NEW-REGION PORT [KEY=VALUE]...", NULL,
     cmd_add_region, NULL, "--may-exist", RW},
    {"set-region", 2, INT_MAX, "REGION KEY=VALUE...", NULL, cmd_set_region,
     NULL, "", RW},
    {"del-region", 1, 1, "REGION", NULL, cmd_del_region, NULL,
     "--if-exists,--cascade", RW},
    {"list-regions", 0, 0, "", NULL, cmd_list_regions, NULL, "", RO},
    {"set-heartbeat", 2, INT_MAX, "REGION TYPE [KEY=VALUE]...", NULL,
     cmd_set_heartbeat, NULL, "", RW},
    {"del-heartbeat", 1, 1, "REGION", NULL, cmd_del_heartbeat, NULL,
     "--if-exists", RW},

    {"add-service", 2, INT_MAX, "NEW-SERVICE VIP [KEY=VALUE]...", NULL,
     cmd_add_service, NULL, "--may-exist", RW},
    {"set-service", 2, INT_MAX, "SERVICE KEY=VALUE...", NULL, cmd_set_service,
     NULL, "", RW},
    {"del-service", 1, 1, "SERVICE", NULL, cmd_del_service, NULL,
     "--if-exists", RW},
    {"list-services", 0, 0, "", NULL, cmd_list_services, NULL, "", RO},

    {"add-backend", 3, INT_MAX,
     "SERVICE REGION ADDRESS[:PORT] [KEY=VALUE]...", NULL, cmd_add_backend,
     NULL, "--may-exist", RW},
    {"set-backend", 2, INT_MAX, "SERVICE/BACKEND KEY=VALUE...", NULL,
     cmd_set_backend, NULL, "", RW},
    {"del-backend", 2, 2, "SERVICE REGION|NAME", NULL, cmd_del_backend, NULL,
     "--if-exists", RW},
    {"list-backends", 0, 1, "[SERVICE]", NULL, cmd_list_backends, NULL, "",
     RO},

    {"set-check", 2, INT_MAX, "SERVICE[/BACKEND] TYPE [KEY=VALUE]...", NULL,
     cmd_set_check, NULL, "", RW},
    {"del-check", 1, 1, "SERVICE[/BACKEND]", NULL, cmd_del_check, NULL,
     "--if-exists", RW},
    {"set-agent-check", 2, INT_MAX, "SERVICE[/BACKEND] KEY=VALUE...", NULL,
     cmd_set_agent_check, NULL, "", RW},
    {"del-agent-check", 1, 1, "SERVICE[/BACKEND]", NULL, cmd_del_agent_check,
     NULL, "--if-exists", RW},

    {NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, RO},
};
