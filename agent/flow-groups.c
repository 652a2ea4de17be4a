/* SPDX-License-Identifier: Apache-2.0 */

/* Desired and installed groups: see flow-groups.h. */

#include <config.h>
#include "flow-groups.h"
#include <stdlib.h>
#include <string.h>
#include "flow-acts.h"
#include "hash.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

/* Makes 'fg' empty. */
void
flow_groups_init(struct flow_groups *fg)
{
    hmap_init(&fg->groups);
    shash_init(&fg->services);
    fg->dirty = false;
}

/* Forgets what is wanted of 'g'. */
static void
group_clear(struct flow_group *g)
{
    if (g->service) {
        free(g->service);
        g->service = NULL;
        ofputil_uninit_group_desc(&g->want);
        ofpbuf_delete(g->want_key);
        g->want_key = NULL;
    }
    g->keep = g->refused = false;
    free(g->error);
    g->error = NULL;
}

static void
group_destroy(struct flow_groups *fg, struct flow_group *g)
{
    group_clear(g);
    ofpbuf_delete(g->have_key);
    hmap_remove(&fg->groups, &g->node);
    free(g);
}

/* Frees all that 'fg' owns. */
void
flow_groups_destroy(struct flow_groups *fg)
{
    struct flow_group *g;

    HMAP_FOR_EACH_SAFE (g, node, &fg->groups) {
        group_destroy(fg, g);
    }
    hmap_destroy(&fg->groups);
    shash_destroy(&fg->services);
}

static struct flow_group *
group_find(const struct flow_groups *fg, uint32_t id)
{
    struct flow_group *g;

    HMAP_FOR_EACH_WITH_HASH (g, node, hash_int(id, 0), &fg->groups) {
        if (g->id == id) {
            return g;
        }
    }
    return NULL;
}

static struct flow_group *
group_get(struct flow_groups *fg, uint32_t id)
{
    struct flow_group *g = group_find(fg, id);

    if (!g) {
        g = xzalloc(sizeof *g);
        g->id = id;
        hmap_insert(&fg->groups, &g->node, hash_int(id, 0));
    }
    return g;
}

static void
put(struct ofpbuf *key, const void *data, size_t n)
{
    if (n) {
        ofpbuf_put(key, data, n);
    }
}

/* Returns all that makes groups differ, in one piece. */
static struct ofpbuf *
make_key(const struct ofputil_group_desc *gd)
{
    const struct ofputil_group_props *props = &gd->props;
    struct ofpbuf *key = ofpbuf_new(1024);
    const struct ofputil_bucket *b;

    put(key, &gd->type, sizeof gd->type);
    put(key, props->selection_method,
        strnlen(props->selection_method, sizeof props->selection_method));
    put(key, &props->selection_method_param,
        sizeof props->selection_method_param);
    put(key, props->fields.used.bm, sizeof props->fields.used.bm);
    put(key, props->fields.values, props->fields.values_size);
    LIST_FOR_EACH (b, list_node, &gd->buckets) {
        put(key, &b->weight, sizeof b->weight);
        put(key, &b->watch_port, sizeof b->watch_port);
        put(key, &b->watch_group, sizeof b->watch_group);
        put(key, &b->bucket_id, sizeof b->bucket_id);
        put(key, &b->ofpacts_len, sizeof b->ofpacts_len);
        put(key, b->ofpacts, b->ofpacts_len);
    }
    return key;
}

static bool
key_equal(const struct ofpbuf *a, const struct ofpbuf *b)
{
    return a->size == b->size && !memcmp(a->data, b->data, a->size);
}

/* Returns the group of 'service', made if necessary, or NULL if all ids are
 * taken. */
static struct flow_group *
service_group(struct flow_groups *fg, const char *service)
{
    const uint32_t n = FLOW_GROUP_LAST - FLOW_GROUP_FIRST + 1;
    struct flow_group *g = shash_find_data(&fg->services, service);
    uint32_t first = hash_string(service, 0) % n;

    for (uint32_t i = 0; !g && i < n; i++) {
        g = group_get(fg, FLOW_GROUP_FIRST + (first + i) % n);
        if (g->service) {
            g = NULL;
        } else {
            g->service = xstrdup(service);
            shash_add(&fg->services, service, g);
        }
    }
    return g;
}

/* Has 'service' want the group 'gd', which is taken over; with 'keep', the one
 * that the switch has for it, if it has.  Returns the group's id, or 0 if
 * there is none left. */
uint32_t
flow_groups_want(struct flow_groups *fg, const char *service,
                 struct ofputil_group_desc *gd, bool keep)
{
    struct ofpbuf *key = make_key(gd);
    struct flow_group *g = service_group(fg, service);

    if (!g) {
        ofputil_uninit_group_desc(gd);
        ofpbuf_delete(key);
        return 0;
    }
    g->keep = keep;
    if (g->want_key && key_equal(g->want_key, key)) {
        ofputil_uninit_group_desc(gd);
        ofpbuf_delete(key);
    } else {
        if (g->want_key) {
            ofputil_uninit_group_desc(&g->want);
            ofpbuf_delete(g->want_key);
        }
        g->want = *gd;
        ovs_list_move(&g->want.buckets, &gd->buckets);
        g->want_key = key;
        g->refused = false;
    }
    fg->dirty = true;
    return g->id;
}

/* 'service' wants no group. */
void
flow_groups_unwant(struct flow_groups *fg, const char *service)
{
    struct flow_group *g = shash_find_and_delete(&fg->services, service);

    if (g) {
        group_clear(g);
        fg->dirty = true;
    }
}

/* Returns the group that 'service' wants, or NULL. */
const struct flow_group *
flow_groups_find(const struct flow_groups *fg, const char *service)
{
    return shash_find_data(&fg->services, service);
}

/* Forgets what the switch has. */
void
flow_groups_dump_begin(struct flow_groups *fg)
{
    struct flow_group *g;

    HMAP_FOR_EACH_SAFE (g, node, &fg->groups) {
        ofpbuf_delete(g->have_key);
        g->have_key = NULL;
        if (!g->service) {
            group_destroy(fg, g);
        }
    }
    fg->dirty = true;
}

/* The switch has 'gd', whose actions are changed to how they are compared.
 * Others' groups are left alone. */
void
flow_groups_dumped(struct flow_groups *fg, struct ofputil_group_desc *gd)
{
    struct ofputil_bucket *b;
    struct flow_group *g;

    if (gd->group_id < FLOW_GROUP_FIRST || gd->group_id > FLOW_GROUP_LAST) {
        return;
    }
    LIST_FOR_EACH (b, list_node, &gd->buckets) {
        flow_acts_normalize(b->ofpacts, b->ofpacts_len);
    }
    g = group_get(fg, gd->group_id);
    ofpbuf_delete(g->have_key);
    g->have_key = make_key(gd);
    g->have_param = gd->props.selection_method_param;
    fg->dirty = true;
}

/* True if the switch's 'g' is not as it is wanted. */
static bool
differs(const struct flow_group *g)
{
    if (!g->service || g->refused) {
        return false;
    } else if (!g->have_key) {
        return true;
    } else if (g->keep
               && g->have_param == g->want.props.selection_method_param) {
        return false;
    }
    return !key_equal(g->want_key, g->have_key);
}

/* Hands every addition and change to 'cb' and takes it for made. */
void
flow_groups_flush(struct flow_groups *fg, flow_groups_cb *cb, void *aux)
{
    struct flow_group *g;

    if (!fg->dirty) {
        return;
    }
    HMAP_FOR_EACH (g, node, &fg->groups) {
        if (differs(g)) {
            struct ofputil_group_mod gm = {
                .command = g->have_key ? OFPGC15_MODIFY : OFPGC15_ADD,
                .type = g->want.type,
                .group_id = g->id,
                .command_bucket_id = OFPG15_BUCKET_ALL,
                .props = g->want.props,
            };

            ovs_list_init(&gm.buckets);
            ofputil_bucket_clone_list(&gm.buckets, &g->want.buckets, NULL);
            cb(aux, &gm);
            ofputil_bucket_list_destroy(&gm.buckets);
            ofpbuf_delete(g->have_key);
            g->have_key = ofpbuf_clone(g->want_key);
            g->have_param = g->want.props.selection_method_param;
        }
    }
}

/* Hands every deletion to 'cb' and takes it for made. */
void
flow_groups_flush_stale(struct flow_groups *fg, flow_groups_cb *cb, void *aux)
{
    struct flow_group *g;

    if (!fg->dirty) {
        return;
    }
    fg->dirty = false;
    HMAP_FOR_EACH_SAFE (g, node, &fg->groups) {
        if (!g->service) {
            if (g->have_key) {
                struct ofputil_group_mod gm = {
                    .command = OFPGC15_DELETE,
                    .type = OFPGT11_SELECT,
                    .group_id = g->id,
                    .command_bucket_id = OFPG15_BUCKET_ALL,
                };

                ovs_list_init(&gm.buckets);
                cb(aux, &gm);
            }
            group_destroy(fg, g);
        }
    }
}

/* The switch refused group 'id' for the reason 'error': it is not asked again
 * until the group changes, or flow_groups_forgive().  Returns the service that
 * wants it, or NULL. */
const char *
flow_groups_refuse(struct flow_groups *fg, uint32_t id, const char *error)
{
    struct flow_group *g = group_find(fg, id);

    if (!g || !g->service) {
        return NULL;
    }
    g->refused = true;
    free(g->error);
    g->error = xstrdup(error);
    return g->service;
}

/* Forgets refusals: it is another switch, or a new connection.  Returns true
 * if there were any. */
bool
flow_groups_forgive(struct flow_groups *fg)
{
    struct flow_group *g;
    bool any = false;

    HMAP_FOR_EACH (g, node, &fg->groups) {
        any |= g->refused;
        g->refused = false;
    }
    fg->dirty = true;
    return any;
}
