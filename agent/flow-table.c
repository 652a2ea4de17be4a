/* SPDX-License-Identifier: Apache-2.0 */

/* Desired and installed flows: see flow-table.h. */

#include <config.h>
#include "flow-table.h"
#include <stdlib.h>
#include <string.h>
#include "byte-order.h"
#include "flow-acts.h"
#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofp-flow.h"
#include "util.h"

/* One way that an entry is wanted. */
struct flow_variant {
    struct ovs_list node;           /* In entry's 'variants'. */
    struct flow_content want;
    size_t n_claims;
};

/* One owner's wish for one entry. */
struct flow_claim {
    struct ovs_list owner_node;     /* In owner's 'claims'. */
    struct flow_entry *entry;
    struct flow_variant *variant;
};

/* A VIP for which the switch may learn flows, or did. */
struct learner {
    struct hmap_node node;          /* By the hash itself. */
    size_t n;                       /* Owners; 0 in 'stale'. */
};

static void
content_set(struct flow_content *c, uint64_t cookie, uint16_t flags,
            const struct ofpact *actions, size_t actions_len)
{
    struct ofpact *old = c->actions;

    c->cookie = cookie;
    c->flags = flags;
    c->actions = actions_len ? xmemdup(actions, actions_len) : NULL;
    c->actions_len = actions_len;
    free(old);
}

/* Any total order will do: it decides who wins. */
static int
content_compare(const struct flow_content *a, const struct flow_content *b)
{
    if (a->cookie != b->cookie) {
        return a->cookie < b->cookie ? -1 : 1;
    }
    if (a->flags != b->flags) {
        return a->flags < b->flags ? -1 : 1;
    }
    if (a->actions_len != b->actions_len) {
        return a->actions_len < b->actions_len ? -1 : 1;
    }
    return a->actions_len ? memcmp(a->actions, b->actions, a->actions_len) : 0;
}

static bool
content_equal(const struct flow_content *a, const struct flow_content *b)
{
    return !content_compare(a, b);
}

static uint32_t
entry_hash(uint8_t table, uint16_t priority, const struct minimatch *match)
{
    return minimatch_hash(match, (uint32_t) table << 16 | priority);
}

static struct flow_entry *
entry_find(const struct flow_table *ft, uint8_t table, uint16_t priority,
           const struct minimatch *match)
{
    uint32_t hash = entry_hash(table, priority, match);
    struct flow_entry *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, hash, &ft->entries) {
        if (e->table == table && e->priority == priority
            && minimatch_equal(&e->match, match)) {
            return e;
        }
    }
    return NULL;
}

/* Finds or makes the entry; takes 'match' over. */
static struct flow_entry *
entry_get(struct flow_table *ft, uint8_t table, uint16_t priority,
          struct minimatch *match)
{
    struct flow_entry *e = entry_find(ft, table, priority, match);

    if (e) {
        minimatch_destroy(match);
        return e;
    }

    e = xzalloc(sizeof *e);
    e->table = table;
    e->priority = priority;
    minimatch_move(&e->match, match);
    ovs_list_init(&e->variants);
    hmap_insert(&ft->entries, &e->node,
                entry_hash(table, priority, &e->match));
    return e;
}

static void
entry_set_dirty(struct flow_table *ft, struct flow_entry *e)
{
    if (!e->dirty) {
        e->dirty = true;
        ovs_list_push_back(&ft->dirty, &e->dirty_node);
    }
}

static void
entry_set_clean(struct flow_entry *e)
{
    if (e->dirty) {
        e->dirty = false;
        ovs_list_remove(&e->dirty_node);
    }
}

/* Frees 'e' if nobody knows it any more. */
static void
entry_gc(struct flow_table *ft, struct flow_entry *e)
{
    if (!e->installed && !e->refs && !e->dirty
        && ovs_list_is_empty(&e->variants)) {
        hmap_remove(&ft->entries, &e->node);
        minimatch_destroy(&e->match);
        free(e->have.actions);
        free(e);
    }
}

/* Returns what is wanted of 'e', NULL: nothing. */
static const struct flow_content *
entry_want(const struct flow_entry *e)
{
    return (ovs_list_is_empty(&e->variants) ? NULL
            : &CONTAINER_OF(ovs_list_front(&e->variants), struct flow_variant,
                            node)->want);
}

void
flow_table_init(struct flow_table *ft)
{
    memset(ft, 0, sizeof *ft);
    hmap_init(&ft->entries);
    hmap_init(&ft->learners);
    hmap_init(&ft->stale);
    ovs_list_init(&ft->dirty);
}

/* Frees 'ft'.  Its owners must be gone already. */
void
flow_table_destroy(struct flow_table *ft)
{
    struct flow_entry *e;

    HMAP_FOR_EACH_SAFE (e, node, &ft->entries) {
        e->installed = false;
        e->refs = 0;
        entry_set_clean(e);
        entry_gc(ft, e);
    }
    hmap_destroy(&ft->entries);
    hmap_destroy(&ft->learners);
    flow_table_forget_stale(ft);
    hmap_destroy(&ft->stale);
}

/* Makes an owner without claims. */
struct flow_owner *
flow_owner_create(const char *name)
{
    struct flow_owner *owner = xzalloc(sizeof *owner);

    owner->name = xstrdup(name);
    ovs_list_init(&owner->claims);
    return owner;
}

static void
claim_destroy(struct flow_table *ft, struct flow_claim *c)
{
    struct flow_variant *v = c->variant;
    struct flow_entry *e = c->entry;

    ovs_list_remove(&c->owner_node);
    free(c);
    if (--v->n_claims) {
        return;
    }
    if (&v->want == entry_want(e)) {
        e->refused = false;
        entry_set_dirty(ft, e);
    }
    ovs_list_remove(&v->node);
    if (ovs_list_is_empty(&e->variants)) {
        ft->n_wanted--;
    } else {
        ft->n_conflicts--;
    }
    free(v->want.actions);
    free(v);
}

/* Takes back all claims of 'owner' and frees it. */
void
flow_owner_destroy(struct flow_table *ft, struct flow_owner *owner)
{
    struct ovs_list old;

    flow_table_begin(ft, owner, &old);
    flow_table_end(ft, &old);
    flow_table_set_learner(ft, owner, false, 0);
    free(owner->name);
    free(owner);
}

/* Begins to replace the claims of 'owner'.  The old ones are kept in 'old' so
 * that what does not change is not touched. */
void
flow_table_begin(struct flow_table *ft OVS_UNUSED, struct flow_owner *owner,
                 struct ovs_list *old)
{
    ovs_list_move(old, &owner->claims);
    ovs_list_init(&owner->claims);
}

/* Finds or makes the variant of 'e' with content 'want'. */
static struct flow_variant *
entry_get_variant(struct flow_table *ft, struct flow_entry *e,
                  const struct flow_content *want)
{
    struct flow_variant *v, *next = NULL;

    LIST_FOR_EACH (v, node, &e->variants) {
        int cmp = content_compare(want, &v->want);

        if (!cmp) {
            return v;
        } else if (cmp < 0) {
            next = v;
            break;
        }
    }
    if (ovs_list_is_empty(&e->variants)) {
        ft->n_wanted++;
    } else {
        ft->n_conflicts++;
    }

    v = xzalloc(sizeof *v);
    content_set(&v->want, want->cookie, want->flags, want->actions,
                want->actions_len);
    ovs_list_insert(next ? &next->node : &e->variants, &v->node);
    if (&v->want == entry_want(e)) {
        e->refused = false;
        entry_set_dirty(ft, e);
    }
    return v;
}

/* Claims the flow 'd' for 'owner'. */
void
flow_table_claim(struct flow_table *ft, struct flow_owner *owner,
                 const struct flow_desc *d)
{
    const struct flow_content want = {
        .cookie = d->cookie,
        .flags = d->flags,
        .actions = d->actions.data,
        .actions_len = d->actions.size,
    };
    struct flow_claim *c = xzalloc(sizeof *c);
    struct minimatch match;

    minimatch_init(&match, &d->match);
    c->entry = entry_get(ft, d->table, d->priority, &match);
    c->variant = entry_get_variant(ft, c->entry, &want);
    c->variant->n_claims++;
    ovs_list_push_back(&owner->claims, &c->owner_node);
}

/* Ends the replacement: claims that were not renewed are gone. */
void
flow_table_end(struct flow_table *ft, struct ovs_list *old)
{
    struct flow_claim *c;

    LIST_FOR_EACH_SAFE (c, owner_node, old) {
        claim_destroy(ft, c);
    }
}

static struct learner *
find_learner(const struct hmap *learners, uint32_t hash)
{
    struct hmap_node *node = hmap_first_with_hash(learners, hash);

    return node ? CONTAINER_OF(node, struct learner, node) : NULL;
}

/* Says whether flows of 'owner' make the switch learn, for the VIP with
 * 'hash' (24 bits count). */
void
flow_table_set_learner(struct flow_table *ft, struct flow_owner *owner,
                       bool learns, uint32_t hash)
{
    struct learner *l;

    if (owner->learns) {
        l = find_learner(&ft->learners, owner->learn_hash);
        if (!--l->n) {
            hmap_remove(&ft->learners, &l->node);
            free(l);
        }
    }
    owner->learns = learns;
    owner->learn_hash = hash & 0xffffff;
    if (learns) {
        l = find_learner(&ft->learners, owner->learn_hash);
        if (!l) {
            l = xzalloc(sizeof *l);
            hmap_insert(&ft->learners, &l->node, owner->learn_hash);
        }
        l->n++;
    }
}

/* True if some owner's flows learn for the VIP with 'hash'. */
bool
flow_table_learns(const struct flow_table *ft, uint32_t hash)
{
    return find_learner(&ft->learners, hash & 0xffffff) != NULL;
}

/* Notes that the switch has flows that it learned for the VIP with 'hash',
 * however many, if no owner's flows learn for it now. */
void
flow_table_set_stale(struct flow_table *ft, uint32_t hash)
{
    hash &= 0xffffff;
    if (!flow_table_learns(ft, hash) && !find_learner(&ft->stale, hash)) {
        struct learner *l = xzalloc(sizeof *l);

        hmap_insert(&ft->stale, &l->node, hash);
    }
}

/* Takes a note and stores its 24 bits in '*hash'; those that some owner's
 * flows learn for meanwhile are skipped.  Returns false if there is none. */
bool
flow_table_next_stale(struct flow_table *ft, uint32_t *hash)
{
    struct learner *l;

    HMAP_FOR_EACH_SAFE (l, node, &ft->stale) {
        *hash = hmap_node_hash(&l->node);
        hmap_remove(&ft->stale, &l->node);
        free(l);
        if (!flow_table_learns(ft, *hash)) {
            return true;
        }
    }
    return false;
}

/* Drops all notes: the next dump tells what the switch has. */
void
flow_table_forget_stale(struct flow_table *ft)
{
    struct learner *l;

    HMAP_FOR_EACH_SAFE (l, node, &ft->stale) {
        hmap_remove(&ft->stale, &l->node);
        free(l);
    }
}

/* Forgets what the switch has. */
void
flow_table_dump_begin(struct flow_table *ft)
{
    struct flow_entry *e;

    HMAP_FOR_EACH_SAFE (e, node, &ft->entries) {
        e->installed = false;
        if (ovs_list_is_empty(&e->variants)) {
            entry_set_clean(e);
            entry_gc(ft, e);
        }
    }
}

/* The switch has 'fs'. */
void
flow_table_dumped(struct flow_table *ft, const struct ofputil_flow_stats *fs)
{
    struct minimatch match;
    struct flow_entry *e;

    minimatch_init(&match, &fs->match);
    e = entry_get(ft, fs->table_id, fs->priority, &match);
    e->installed = true;
    content_set(&e->have, ntohll(fs->cookie), fs->flags, fs->ofpacts,
                fs->ofpacts_len);
    flow_acts_normalize(e->have.actions, e->have.actions_len);
    if (fs->idle_timeout || fs->hard_timeout) {
        e->have.cookie = 0;         /* Like no flow of ours: make it anew. */
    }
}

/* The switch has told everything: all that differs is dirty now. */
void
flow_table_dump_end(struct flow_table *ft)
{
    struct flow_entry *e;

    HMAP_FOR_EACH (e, node, &ft->entries) {
        entry_set_dirty(ft, e);
    }
}

/* The switch reports that this flow is gone.  Returns false if that is no
 * news, since flow_table_flush() had told it so. */
bool
flow_table_removed(struct flow_table *ft, uint8_t table, uint16_t priority,
                   const struct match *match)
{
    struct minimatch mm;
    struct flow_entry *e;

    minimatch_init(&mm, match);
    e = entry_find(ft, table, priority, &mm);
    minimatch_destroy(&mm);
    return e && e->installed;
}

/* Fills in 'fm' for the difference of 'e', and takes it for made.  Returns
 * false if there is none. */
static bool
entry_diff(struct flow_entry *e, struct ofputil_flow_mod *fm)
{
    /* What was refused must at least not leave its predecessor in force. */
    const struct flow_content *want = e->refused ? NULL : entry_want(e);

    if (want ? e->installed && content_equal(want, &e->have)
        : !e->installed) {
        return false;
    }

    memset(fm, 0, sizeof *fm);
    fm->match = e->match;
    fm->priority = e->priority;
    fm->table_id = e->table;
    fm->buffer_id = UINT32_MAX;
    fm->out_port = OFPP_ANY;
    fm->out_group = OFPG_ANY;
    if (want) {
        content_set(&e->have, want->cookie, want->flags, want->actions,
                    want->actions_len);
        e->installed = true;
        fm->command = OFPFC_ADD;
        fm->new_cookie = htonll(want->cookie);
        fm->flags = want->flags;
        fm->ofpacts = want->actions;
        fm->ofpacts_len = want->actions_len;
    } else {
        e->installed = false;
        fm->command = OFPFC_DELETE_STRICT;
        fm->cookie = htonll(FLOW_COOKIE);
        fm->cookie_mask = htonll(FLOW_COOKIE_MASK);
    }
    return true;
}

/* Hands every difference to 'cb' and takes it for made.  Returns their
 * number. */
size_t
flow_table_flush(struct flow_table *ft, flow_table_cb *cb, void *aux)
{
    struct flow_entry *e;
    size_t n = 0;

    LIST_FOR_EACH_POP (e, dirty_node, &ft->dirty) {
        struct ofputil_flow_mod fm;

        e->dirty = false;
        if (entry_diff(e, &fm)) {
            e->refs++;
            n++;
            cb(aux, &fm, e);
        } else {
            entry_gc(ft, e);
        }
    }
    return n;
}

/* Gives back a reference that flow_table_flush() handed out. */
void
flow_entry_unref(struct flow_table *ft, struct flow_entry *e)
{
    e->refs--;
    entry_gc(ft, e);
}

/* The switch refused 'e': it is not asked again until the flow changes, or
 * flow_table_forgive(). */
void
flow_table_refuse(struct flow_table *ft OVS_UNUSED, struct flow_entry *e)
{
    e->refused = true;
}

/* Forgets refusals: it is another switch, or a new connection. */
void
flow_table_forgive(struct flow_table *ft)
{
    struct flow_entry *e;

    HMAP_FOR_EACH (e, node, &ft->entries) {
        e->refused = false;
    }
}

/* Fills in 'fm' to delete from all tables what has 'cookie' under 'mask', host
 * byte order.  The caller destroys fm->match. */
void
flow_mod_delete_by_cookie(struct ofputil_flow_mod *fm, uint64_t cookie,
                          uint64_t mask)
{
    memset(fm, 0, sizeof *fm);
    fm->command = OFPFC_DELETE;
    fm->table_id = OFPTT_ALL;
    fm->cookie = htonll(cookie);
    fm->cookie_mask = htonll(mask);
    fm->buffer_id = UINT32_MAX;
    fm->out_port = OFPP_ANY;
    fm->out_group = OFPG_ANY;
    minimatch_init_catchall(&fm->match);
}

static void
entry_format(const struct flow_entry *e, const struct flow_content *c,
             struct ds *s)
{
    struct ofpact_format_params fp = { .s = s };

    ds_put_format(s, "table=%"PRIu8", kind=%s, ", e->table,
                  flow_kind_to_string((c->cookie >> 24) & 0xff));
    minimatch_format(&e->match, NULL, NULL, s, e->priority);
    ds_put_cstr(s, " actions=");
    ofpacts_format(c->actions, c->actions_len, &fp);
}

/* Appends the flow that is in force, or was, as ovs-ofctl prints flows. */
void
flow_entry_format(const struct flow_entry *e, struct ds *s)
{
    const struct flow_content *want = entry_want(e);

    entry_format(e, want ? want : &e->have, s);
}

/* Does anybody want 'e' now? */
bool
flow_entry_wanted(const struct flow_entry *e)
{
    return entry_want(e) != NULL;
}

/* What kind of flow of ours 'e' is, or was. */
enum flow_kind
flow_entry_kind(const struct flow_entry *e)
{
    const struct flow_content *want = entry_want(e);
    uint64_t cookie = want ? want->cookie : e->have.cookie;

    return (cookie >> 24) & 0xff;
}

static int
compare_entries(const void *a_, const void *b_)
{
    const struct flow_entry *const *ap = a_, *const *bp = b_;
    const struct flow_entry *a = *ap, *b = *bp;
    int retval = 0;

    if (a->table != b->table) {
        return a->table < b->table ? -1 : 1;
    }
    if (a->priority != b->priority) {
        return a->priority > b->priority ? -1 : 1;
    }
    char *as = minimatch_to_string(&a->match, NULL, 0);
    char *bs = minimatch_to_string(&b->match, NULL, 0);
    retval = strcmp(as, bs);
    free(as);
    free(bs);
    return retval;
}

/* Appends all desired flows, a line each, sorted. */
void
flow_table_format(const struct flow_table *ft, struct ds *s)
{
    struct flow_entry **entries;
    struct flow_entry *e;
    size_t n = 0;

    entries = xmalloc((hmap_count(&ft->entries) + 1) * sizeof *entries);
    HMAP_FOR_EACH (e, node, &ft->entries) {
        if (entry_want(e)) {
            entries[n++] = e;
        }
    }
    qsort(entries, n, sizeof *entries, compare_entries);
    for (size_t i = 0; i < n; i++) {
        flow_entry_format(entries[i], s);
        ds_put_char(s, '\n');
    }
    free(entries);
}
