/* SPDX-License-Identifier: Apache-2.0 */

/* Flows and matches that overlap: see overlap.h. */

#include <config.h>
#include "overlap.h"
#include <stdlib.h>
#include <string.h>
#include "flow.h"
#include "hash.h"
#include "util.h"

enum {
    MAX_WORDS = 16,             /* Of flows, that a class looks at. */
    MAX_EMPTY = 16,             /* Cells of a class that are kept although no
                                 * flow is there: one may come back. */
};

/* Matches with one mask. */
struct overlap_class {
    struct hmap_node node;      /* In struct overlap's 'classes'. */
    struct hmap cells;          /* Contains "struct cell"s. */
    struct ovs_list matches;    /* All of them. */
    size_t n_empty;             /* Cells without flows. */
    size_t n;                   /* Words: */
    uint8_t index[MAX_WORDS];   /* which ones, */
    uint64_t mask[MAX_WORDS];   /* and what of them. */
};

/* Flows that look at the same bits of a class. */
struct cell {
    struct hmap_node node;      /* In struct overlap_class's 'cells'. */
    struct overlap_class *class;
    struct hmap groups;         /* Contains "struct group"s. */
    size_t n_flows;
    uint64_t bits[MAX_WORDS];
};

/* Of a cell, flows and matches that are alike there: each flow overlaps each
 * match. */
struct group {
    struct hmap_node node;      /* In struct cell's 'groups'. */
    struct cell *cell;
    struct ovs_list flows;      /* Contains "struct flow_place"s, */
    struct ovs_list matches;    /* and "struct match_place"s. */
    uint64_t value[];           /* By word of the class. */
};

/* A flow in a group. */
struct flow_place {
    struct ovs_list node;       /* In struct group's 'flows'. */
    struct ovs_list list_node;  /* In struct overlap_flow's 'places'. */
    struct group *group;
    struct overlap_flow *flow;
};

/* A match in a group. */
struct match_place {
    struct ovs_list node;       /* In struct group's 'matches'. */
    struct ovs_list list_node;  /* In struct overlap_match's 'places'. */
    struct group *group;
    struct overlap_match *match;
};

struct overlap_match {
    struct ovs_list node;       /* In struct overlap_class's 'matches'. */
    struct ovs_list places;     /* One in each cell of its class, if it is
                                 * armed. */
    struct overlap_class *class;
    void *owner;
    bool armed;
    uint64_t value[];           /* By word of the class. */
};

/* Makes 'o' empty. */
void
overlap_init(struct overlap *o)
{
    *o = (struct overlap) { .n_steps = 0 };
    hmap_init(&o->classes);
    ovs_list_init(&o->flows);
}

/* Frees all that 'o' owns; flows and matches must have been removed. */
void
overlap_destroy(struct overlap *o)
{
    ovs_assert(hmap_is_empty(&o->classes) && ovs_list_is_empty(&o->flows));
    hmap_destroy(&o->classes);
}

/* Groups. */

/* Stores in 'value' what 'match' has of the bits of 'cell'. */
static void
value_of_match(const struct overlap_match *match, const struct cell *cell,
               uint64_t *value)
{
    for (size_t i = 0; i < cell->class->n; i++) {
        value[i] = match->value[i] & cell->bits[i];
    }
}

static void
value_of_flow(const struct overlap_flow *flow, const struct cell *cell,
              uint64_t *value)
{
    for (size_t i = 0; i < cell->class->n; i++) {
        value[i] = (miniflow_get(flow->match.flow, cell->class->index[i])
                    & cell->bits[i]);
    }
}

static uint32_t
hash_value(const struct cell *cell, const uint64_t *value)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < cell->class->n; i++) {
        hash = hash_add64(hash, value[i]);
    }
    return hash_finish(hash, 0);
}

static struct group *
find_group(struct overlap *o, const struct cell *cell, const uint64_t *value)
{
    struct group *g;

    o->n_steps++;
    HMAP_FOR_EACH_WITH_HASH (g, node, hash_value(cell, value),
                             &cell->groups) {
        if (!memcmp(g->value, value, cell->class->n * sizeof *value)) {
            return g;
        }
    }
    return NULL;
}

/* Finds it, or makes it. */
static struct group *
get_group(struct overlap *o, struct cell *cell, const uint64_t *value)
{
    const size_t size = cell->class->n * sizeof *value;
    struct group *g = find_group(o, cell, value);

    if (!g) {
        g = xmalloc(sizeof *g + size);
        g->cell = cell;
        ovs_list_init(&g->flows);
        ovs_list_init(&g->matches);
        memcpy(g->value, value, size);
        hmap_insert(&cell->groups, &g->node, hash_value(cell, value));
    }
    return g;
}

/* Something has left it. */
static void
check_group(struct group *g)
{
    if (ovs_list_is_empty(&g->flows) && ovs_list_is_empty(&g->matches)) {
        hmap_remove(&g->cell->groups, &g->node);
        free(g);
    }
}

/* Cells. */

static void
place_match(struct overlap *o, struct cell *cell, struct overlap_match *match)
{
    struct match_place *p = xmalloc(sizeof *p);
    uint64_t value[MAX_WORDS];

    value_of_match(match, cell, value);
    p->group = get_group(o, cell, value);
    p->match = match;
    ovs_list_push_back(&p->group->matches, &p->node);
    ovs_list_push_back(&match->places, &p->list_node);
}

static void
unplace_match(struct overlap *o, struct match_place *p)
{
    ovs_list_remove(&p->node);
    ovs_list_remove(&p->list_node);
    check_group(p->group);
    free(p);
    o->n_steps++;
}

/* No flow is there any more. */
static void
cell_destroy(struct overlap *o, struct cell *cell)
{
    struct overlap_match *match;

    LIST_FOR_EACH (match, node, &cell->class->matches) {
        struct match_place *p;

        LIST_FOR_EACH_SAFE (p, list_node, &match->places) {
            if (p->group->cell == cell) {
                unplace_match(o, p);
            }
        }
    }
    cell->class->n_empty--;
    hmap_remove(&cell->class->cells, &cell->node);
    hmap_destroy(&cell->groups);
    free(cell);
}

/* The bits at which both a match of the class and 'flow' look. */
static uint32_t
common_bits(const struct overlap_class *class,
            const struct overlap_flow *flow, uint64_t *bits)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < class->n; i++) {
        bits[i] = class->mask[i]
                  & miniflow_get(&flow->match.mask->masks, class->index[i]);
        hash = hash_add64(hash, bits[i]);
    }
    return hash_finish(hash, 0);
}

static struct cell *
find_cell(struct overlap *o, const struct overlap_class *class,
          const uint64_t *bits, uint32_t hash)
{
    struct cell *cell;

    o->n_steps++;
    HMAP_FOR_EACH_WITH_HASH (cell, node, hash, &class->cells) {
        if (!memcmp(cell->bits, bits, class->n * sizeof *bits)) {
            return cell;
        }
    }
    return NULL;
}

static struct cell *
cell_create(struct overlap *o, struct overlap_class *class,
            const uint64_t *bits, uint32_t hash)
{
    struct cell *cell = xzalloc(sizeof *cell);
    struct overlap_match *match;

    cell->class = class;
    memcpy(cell->bits, bits, class->n * sizeof *bits);
    hmap_init(&cell->groups);
    hmap_insert(&class->cells, &cell->node, hash);
    class->n_empty++;
    LIST_FOR_EACH (match, node, &class->matches) {
        if (match->armed) {
            place_match(o, cell, match);
        }
    }
    return cell;
}

/* Flows. */

static void
place_flow(struct overlap *o, struct overlap_class *class,
           struct overlap_flow *flow)
{
    uint64_t bits[MAX_WORDS];
    uint32_t hash = common_bits(class, flow, bits);
    struct cell *cell = find_cell(o, class, bits, hash);
    struct flow_place *p = xmalloc(sizeof *p);
    uint64_t value[MAX_WORDS];

    cell = cell ? cell : cell_create(o, class, bits, hash);
    class->n_empty -= !cell->n_flows++;
    value_of_flow(flow, cell, value);
    p->group = get_group(o, cell, value);
    p->flow = flow;
    ovs_list_push_back(&p->group->flows, &p->node);
    ovs_list_push_back(&flow->places, &p->list_node);
}

static void
unplace_flow(struct overlap *o, struct flow_place *p)
{
    struct cell *cell = p->group->cell;

    ovs_list_remove(&p->node);
    ovs_list_remove(&p->list_node);
    check_group(p->group);
    free(p);
    o->n_steps++;
    if (!--cell->n_flows && cell->class->n_empty++ >= MAX_EMPTY) {
        cell_destroy(o, cell);
    }
}

/* Adds 'flow', which matches 'm'. */
void
overlap_add_flow(struct overlap *o, struct overlap_flow *flow,
                 const struct match *m)
{
    struct overlap_class *class;

    minimatch_init(&flow->match, m);
    ovs_list_push_back(&o->flows, &flow->node);
    ovs_list_init(&flow->places);
    HMAP_FOR_EACH (class, node, &o->classes) {
        place_flow(o, class, flow);
    }
}

/* Removes 'flow', and frees what it has of 'o'. */
void
overlap_remove_flow(struct overlap *o, struct overlap_flow *flow)
{
    struct flow_place *p;

    LIST_FOR_EACH_SAFE (p, list_node, &flow->places) {
        unplace_flow(o, p);
    }
    ovs_list_remove(&flow->node);
    minimatch_destroy(&flow->match);
}

/* Matches. */

static struct overlap_class *
class_create(struct overlap *o, const struct overlap_class *like,
             uint32_t hash)
{
    struct overlap_class *class = xmemdup(like, sizeof *like);
    struct overlap_flow *flow;

    hmap_init(&class->cells);
    ovs_list_init(&class->matches);
    class->n_empty = 0;
    hmap_insert(&o->classes, &class->node, hash);
    LIST_FOR_EACH (flow, node, &o->flows) {
        place_flow(o, class, flow);
    }
    return class;
}

/* The class of matches that look where 'm' does. */
static struct overlap_class *
get_class(struct overlap *o, const struct match *m)
{
    struct overlap_class key, *class;
    uint32_t hash = 0;

    memset(&key, 0, sizeof key);
    for (size_t i = 0; i < FLOW_U64S; i++) {
        uint64_t mask = flow_u64_value(&m->wc.masks, i);

        if (mask) {
            ovs_assert(key.n < MAX_WORDS);
            key.index[key.n] = i;
            key.mask[key.n++] = mask;
            hash = hash_add64(hash_add(hash, i), mask);
        }
    }
    hash = hash_finish(hash, 0);
    HMAP_FOR_EACH_WITH_HASH (class, node, hash, &o->classes) {
        if (class->n == key.n
            && !memcmp(class->index, key.index, sizeof key.index)
            && !memcmp(class->mask, key.mask, sizeof key.mask)) {
            return class;
        }
    }
    return class_create(o, &key, hash);
}

static void
class_destroy(struct overlap *o, struct overlap_class *class)
{
    struct overlap_flow *flow;
    struct cell *cell;

    LIST_FOR_EACH (flow, node, &o->flows) {
        struct flow_place *p;

        LIST_FOR_EACH_SAFE (p, list_node, &flow->places) {
            if (p->group->cell->class == class) {
                unplace_flow(o, p);
            }
        }
    }
    HMAP_FOR_EACH_SAFE (cell, node, &class->cells) {
        cell_destroy(o, cell);
    }
    hmap_remove(&o->classes, &class->node);
    hmap_destroy(&class->cells);
    free(class);
}

/* Returns a match that is like 'm' and, for now, not armed.  At most 16 words
 * of a struct flow may matter to it. */
struct overlap_match *
overlap_match_create(struct overlap *o, const struct match *m, void *owner)
{
    struct overlap_class *class = get_class(o, m);
    struct overlap_match *match
        = xzalloc(sizeof *match + class->n * sizeof match->value[0]);

    match->class = class;
    match->owner = owner;
    ovs_list_init(&match->places);
    ovs_list_push_back(&class->matches, &match->node);
    for (size_t i = 0; i < class->n; i++) {
        match->value[i] = (flow_u64_value(&m->flow, class->index[i])
                           & class->mask[i]);
    }
    return match;
}

/* Forgets and frees 'match'. */
void
overlap_match_destroy(struct overlap *o, struct overlap_match *match)
{
    struct overlap_class *class = match->class;

    overlap_match_disarm(o, match);
    ovs_list_remove(&match->node);
    free(match);
    if (ovs_list_is_empty(&class->matches)) {
        class_destroy(o, class);
    }
}

/* From now on 'match' is found. */
void
overlap_match_arm(struct overlap *o, struct overlap_match *match)
{
    struct cell *cell;

    if (!match->armed) {
        match->armed = true;
        HMAP_FOR_EACH (cell, node, &match->class->cells) {
            place_match(o, cell, match);
        }
    }
}

/* From now on 'match' is not found. */
void
overlap_match_disarm(struct overlap *o, struct overlap_match *match)
{
    struct match_place *p;

    match->armed = false;
    LIST_FOR_EACH_SAFE (p, list_node, &match->places) {
        unplace_match(o, p);
    }
}

void *
overlap_match_owner(const struct overlap_match *match)
{
    return match->owner;
}

/* Questions. */

/* Returns the armed matches that overlap 'flow', '*n' in number, in an array
 * that the caller frees. */
struct overlap_match **
overlap_find_matches(struct overlap *o, const struct overlap_flow *flow,
                     size_t *n)
{
    struct overlap_match **matches = NULL;
    const struct flow_place *place;
    size_t allocated = 0;

    *n = 0;
    LIST_FOR_EACH (place, list_node, &flow->places) {
        const struct match_place *p;

        o->n_steps++;
        LIST_FOR_EACH (p, node, &place->group->matches) {
            o->n_steps++;
            if (*n == allocated) {
                matches = x2nrealloc(matches, &allocated, sizeof *matches);
            }
            matches[(*n)++] = p->match;
        }
    }
    return matches;
}

/* Returns a flow that overlaps 'match', armed or not, and that 'accept' lets
 * pass, or NULL. */
struct overlap_flow *
overlap_find_flow(struct overlap *o, const struct overlap_match *match,
                  overlap_accept_func *accept, const void *aux)
{
    const struct cell *cell;

    HMAP_FOR_EACH (cell, node, &match->class->cells) {
        const struct flow_place *p;
        uint64_t value[MAX_WORDS];
        const struct group *g;

        value_of_match(match, cell, value);
        g = find_group(o, cell, value);
        if (g) {
            LIST_FOR_EACH (p, node, &g->flows) {
                o->n_steps++;
                if (accept(p->flow, aux)) {
                    return p->flow;
                }
            }
        }
    }
    return NULL;
}
