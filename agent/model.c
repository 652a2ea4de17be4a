/* SPDX-License-Identifier: Apache-2.0 */

/* The configuration's objects: creation, copies, destruction, look-up.
 *
 * config.c builds a configuration out of database rows; where a row is bad it
 * copies the object from the configuration before.  Hence every object can be
 * cloned on its own.
 *
 * Threads: main thread.  Pure: no socket, clock or OVSDB header. */

#include <config.h>
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Returns a configuration without objects and with every default.  The caller
 * owns it: tpr_config_destroy(). */
struct tpr_config *
tpr_config_create(void)
{
    struct tpr_config *cfg = xzalloc(sizeof *cfg);

    cfg->datapath = xstrdup("auto");
    cfg->panic_threshold = TPR_PANIC_THRESHOLD;
    cfg->history_limit = TPR_HISTORY_LIMIT;
    cfg->notify_timeout_us = TPR_NOTIFY_TIMEOUT_US;
    cfg->flow_table = TPR_FLOW_TABLE;
    cfg->client_table = TPR_CLIENT_TABLE;
    cfg->flow_priority = TPR_FLOW_PRIORITY;
    shash_init(&cfg->regions);
    shash_init(&cfg->services);
    return cfg;
}

/* Frees 'cfg' and all it holds; 'cfg' may be NULL. */
void
tpr_config_destroy(struct tpr_config *cfg)
{
    struct shash_node *node;

    if (!cfg) {
        return;
    }
    SHASH_FOR_EACH (node, &cfg->services) {
        tpr_service_destroy(node->data);
    }
    shash_destroy(&cfg->services);
    SHASH_FOR_EACH (node, &cfg->regions) {
        tpr_region_destroy(node->data);
    }
    shash_destroy(&cfg->regions);
    for (size_t i = 0; i < cfg->n_intents; i++) {
        free(cfg->intents[i].object);
        free(cfg->intents[i].to);
        free(cfg->intents[i].who);
        free(cfg->intents[i].reason);
    }
    free(cfg->intents);
    for (size_t i = 0; i < cfg->n_notify; i++) {
        free(cfg->notify[i]);
    }
    free(cfg->notify);
    free(cfg->bridge);
    free(cfg->datapath);
    free(cfg);
}

/* Returns a deep copy of 'region', owned by the caller. */
struct tpr_region *
tpr_region_clone(const struct tpr_region *region)
{
    struct tpr_region *copy = xmemdup(region, sizeof *region);

    copy->name = xstrdup(region->name);
    copy->port = xstrdup(region->port);
    return copy;
}

/* Frees 'region'; it may be NULL. */
void
tpr_region_destroy(struct tpr_region *region)
{
    if (region) {
        free(region->name);
        free(region->port);
        free(region);
    }
}

static void
clone_bytes(struct tpr_bytes *bytes)
{
    if (bytes->data) {
        bytes->data = xmemdup(bytes->data, MAX(bytes->n, 1));
    }
}

/* Returns a deep copy of 'check', owned by the caller; NULL for NULL. */
struct tpr_check *
tpr_check_clone(const struct tpr_check *check)
{
    struct tpr_check *copy;

    if (!check) {
        return NULL;
    }
    copy = xmemdup(check, sizeof *check);
    copy->path = nullable_xstrdup(check->path);
    copy->host = nullable_xstrdup(check->host);
    clone_bytes(&copy->send);
    clone_bytes(&copy->expect);
    copy->ca_file = nullable_xstrdup(check->ca_file);
    copy->sni = nullable_xstrdup(check->sni);
    return copy;
}

/* Frees 'check'; it may be NULL. */
void
tpr_check_destroy(struct tpr_check *check)
{
    if (check) {
        free(check->path);
        free(check->host);
        free(check->send.data);
        free(check->expect.data);
        free(check->ca_file);
        free(check->sni);
        free(check);
    }
}

/* Returns a deep copy of 'backend' that belongs to 'region', owned by the
 * caller. */
struct tpr_backend *
tpr_backend_clone(const struct tpr_backend *backend,
                  struct tpr_region *region)
{
    struct tpr_backend *copy = xmemdup(backend, sizeof *backend);

    copy->name = xstrdup(backend->name);
    copy->region = region;
    copy->check = tpr_check_clone(backend->check);
    copy->agent_check = tpr_check_clone(backend->agent_check);
    return copy;
}

/* Frees 'backend', but not its region; it may be NULL. */
void
tpr_backend_destroy(struct tpr_backend *backend)
{
    if (backend) {
        free(backend->name);
        tpr_check_destroy(backend->check);
        tpr_check_destroy(backend->agent_check);
        free(backend);
    }
}

/* Returns a deep copy of 'service', owned by the caller.  Its backends belong
 * to the regions of the same names in 'regions'; one whose region is not there
 * is left out.  With NULL for 'regions' there are no backends in the copy. */
struct tpr_service *
tpr_service_clone(const struct tpr_service *service,
                  const struct shash *regions)
{
    struct tpr_service *copy = xmemdup(service, sizeof *service);

    copy->name = xstrdup(service->name);
    copy->last_active = nullable_xstrdup(service->last_active);
    copy->backends = NULL;
    copy->n_backends = 0;
    for (size_t i = 0; regions && i < service->n_backends; i++) {
        const struct tpr_backend *b = service->backends[i];
        struct tpr_region *region = shash_find_data(regions, b->region->name);

        if (region) {
            tpr_service_add_backend(copy, tpr_backend_clone(b, region));
        }
    }
    return copy;
}

/* Appends 'backend' to 'service', which owns it from now on.  The caller sorts
 * at the end: tpr_service_sort(). */
void
tpr_service_add_backend(struct tpr_service *service,
                        struct tpr_backend *backend)
{
    service->backends = xrealloc(service->backends,
                                 (service->n_backends + 1)
                                 * sizeof *service->backends);
    service->backends[service->n_backends++] = backend;
}

static int
compare_backends(const void *a_, const void *b_)
{
    const struct tpr_backend *const *a = a_;
    const struct tpr_backend *const *b = b_;

    if ((*a)->priority != (*b)->priority) {
        return (*a)->priority < (*b)->priority ? -1 : 1;
    }
    return strcmp((*a)->name, (*b)->name);
}

/* Puts the backends of 'service' into their order: priority, then name. */
void
tpr_service_sort(struct tpr_service *service)
{
    if (service->n_backends) {
        qsort(service->backends, service->n_backends,
              sizeof *service->backends, compare_backends);
    }
}

/* Frees 'service' and its backends; it may be NULL. */
void
tpr_service_destroy(struct tpr_service *service)
{
    if (service) {
        for (size_t i = 0; i < service->n_backends; i++) {
            tpr_backend_destroy(service->backends[i]);
        }
        free(service->backends);
        free(service->last_active);
        free(service->name);
        free(service);
    }
}

/* Returns the region called 'name', owned by 'cfg', or NULL. */
struct tpr_region *
tpr_config_region(const struct tpr_config *cfg, const char *name)
{
    return shash_find_data(&cfg->regions, name);
}

/* Returns the service called 'name', owned by 'cfg', or NULL. */
struct tpr_service *
tpr_config_service(const struct tpr_config *cfg, const char *name)
{
    return shash_find_data(&cfg->services, name);
}

/* Returns what follows the slash in the name of 'backend': "r1" of "web/r1".
 * Owned by 'backend'. */
const char *
tpr_backend_short_name(const struct tpr_backend *backend)
{
    const char *slash = strchr(backend->name, '/');

    return slash ? slash + 1 : backend->name;
}

/* Returns the backend of 'service' called 'short_name' ("r1" of "web/r1"),
 * owned by 'service', or NULL. */
struct tpr_backend *
tpr_service_find_backend(const struct tpr_service *service,
                         const char *short_name)
{
    for (size_t i = 0; i < service->n_backends; i++) {
        struct tpr_backend *b = service->backends[i];

        if (!strcmp(tpr_backend_short_name(b), short_name)) {
            return b;
        }
    }
    return NULL;
}

/* Returns the backend with the full name 'name' ("web/r1"), owned by 'cfg', or
 * NULL. */
struct tpr_backend *
tpr_config_backend(const struct tpr_config *cfg, const char *name)
{
    const char *slash = strchr(name, '/');
    struct tpr_service *service = NULL;

    if (slash) {
        char *service_name = xmemdup0(name, slash - name);

        service = tpr_config_service(cfg, service_name);
        free(service_name);
    }
    return service ? tpr_service_find_backend(service, slash + 1) : NULL;
}

/* Words. */

/* Returns "tcp", "udp", "sctp" or "any". */
const char *
tpr_proto_to_string(enum tpr_proto proto)
{
    switch (proto) {
    case TPR_PROTO_TCP: return "tcp";
    case TPR_PROTO_UDP: return "udp";
    case TPR_PROTO_SCTP: return "sctp";
    case TPR_PROTO_ANY: return "any";
    }
    OVS_NOT_REACHED();
}

static const char *const policy_names[] = {
#define TPR_POLICY(ENUM, NAME) [TPR_POLICY_##ENUM] = NAME,
    TPR_POLICIES
#undef TPR_POLICY
};
static const char *const check_names[] = {
#define TPR_CHECK(ENUM, NAME) [TPR_CHECK_##ENUM] = NAME,
    TPR_CHECKS
#undef TPR_CHECK
};
static const char *const intent_names[] = {
#define TPR_INTENT(ENUM, NAME) [TPR_INTENT_##ENUM] = NAME,
    TPR_INTENTS
#undef TPR_INTENT
};

/* Returns the index of 's' among the 'n' 'names', or -1. */
static int
find_name(const char *const *names, size_t n, const char *s)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(names[i], s)) {
            return i;
        }
    }
    return -1;
}

static const char *const backend_states[] = {
#define TPR_BACKEND_STATE(ENUM, NAME) [TPR_BACKEND_##ENUM] = NAME,
    TPR_BACKEND_STATES
#undef TPR_BACKEND_STATE
};

/* Returns the word for 'state', as in the database. */
const char *
tpr_backend_state_to_string(enum tpr_backend_state state)
{
    return backend_states[state];
}

/* Returns the state that 's' means, TPR_BACKEND_NONE for any other word. */
enum tpr_backend_state
tpr_backend_state_from_string(const char *s)
{
    int i = find_name(backend_states, ARRAY_SIZE(backend_states), s);

    return i < 0 ? TPR_BACKEND_NONE : i;
}

/* Returns the word for 'policy', as in the database. */
const char *
tpr_policy_to_string(enum tpr_policy policy)
{
    return policy_names[policy];
}

/* Stores in '*policy' what 's' means and returns true, or returns false. */
bool
tpr_policy_from_string(const char *s, enum tpr_policy *policy)
{
    int i = find_name(policy_names, ARRAY_SIZE(policy_names), s);

    *policy = i < 0 ? TPR_POLICY_FAILOVER : i;
    return i >= 0;
}

/* Returns the word for 'type', as in the database. */
const char *
tpr_check_type_to_string(enum tpr_check_type type)
{
    return check_names[type];
}

/* Stores in '*type' what 's' means and returns true, or returns false. */
bool
tpr_check_type_from_string(const char *s, enum tpr_check_type *type)
{
    int i = find_name(check_names, ARRAY_SIZE(check_names), s);

    *type = i < 0 ? TPR_CHECK_TCP : i;
    return i >= 0;
}

/* Returns the word for 'kind', as in the database. */
const char *
tpr_intent_kind_to_string(enum tpr_intent_kind kind)
{
    return intent_names[kind];
}

/* Stores in '*kind' what 's' means and returns true, or returns false. */
bool
tpr_intent_kind_from_string(const char *s, enum tpr_intent_kind *kind)
{
    int i = find_name(intent_names, ARRAY_SIZE(intent_names), s);

    *kind = i < 0 ? TPR_INTENT_DRAIN : i;
    return i >= 0;
}
