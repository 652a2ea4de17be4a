/* SPDX-License-Identifier: Apache-2.0 */

/* Clients and their backends: see redirect-affinity.h. */

#include <config.h>
#include "redirect-affinity.h"

#include <stdlib.h>
#include "coverage.h"
#include "hash.h"
#include "redirect-choose.h"
#include "redirect-parse.h"
#include "util.h"

COVERAGE_DEFINE(tpr_affinity_evicted);

#define NONE UINT32_MAX

struct entry {
    struct tpr_addr client;
    uint32_t object;
    uint32_t backend;
    uint32_t noted_ms;
    uint32_t next;              /* Of its bucket, NONE: none. */
    uint32_t older, newer;      /* By 'noted_ms'. */
};

struct tpr_affinity {
    uint32_t max, n;            /* Entries: room, in use. */
    uint32_t mask;              /* Of buckets. */
    uint32_t seed;
    uint32_t oldest, newest;
    uint32_t *buckets;
    struct entry *entries;
};

/* Makes room for 'max' clients; 'seed' is the hash's. */
struct tpr_affinity *
tpr_affinity_create(uint32_t max, uint32_t seed)
{
    struct tpr_affinity *a = xzalloc(sizeof *a);

    a->max = max;
    a->mask = 1;
    while (a->mask < max) {
        a->mask *= 2;
    }
    a->buckets = xmalloc(a->mask * sizeof *a->buckets);
    memset(a->buckets, 0xff, a->mask * sizeof *a->buckets);
    a->mask--;
    a->entries = xcalloc(max, sizeof *a->entries);
    a->seed = seed;
    a->oldest = a->newest = NONE;
    return a;
}

void
tpr_affinity_destroy(struct tpr_affinity *a)
{
    if (a) {
        free(a->buckets);
        free(a->entries);
        free(a);
    }
}

static uint32_t *
bucket_of(const struct tpr_affinity *a, const struct tpr_addr *client,
          uint32_t object)
{
    const uint32_t hash = hash_words(client->w, ARRAY_SIZE(client->w),
                                     hash_int(object, a->seed));

    return &a->buckets[hash & a->mask];
}

static uint32_t
find(const struct tpr_affinity *a, const struct tpr_addr *client,
     uint32_t object)
{
    uint32_t i = *bucket_of(a, client, object);

    while (i != NONE && (a->entries[i].object != object
                         || !tpr_addr_equal(&a->entries[i].client, client))) {
        i = a->entries[i].next;
    }
    return i;
}

/* Returns the backend of 'object' that 'client' was given less than
 * 'affinity_ms' ago, or 0 if it was given none; 'a' may be NULL. */
uint32_t
tpr_affinity_find(const struct tpr_affinity *a, const struct tpr_addr *client,
                  uint32_t object, uint32_t now_ms, uint32_t affinity_ms)
{
    const uint32_t i = a && affinity_ms ? find(a, client, object) : NONE;

    return (i != NONE && tpr_affinity_holds(a->entries[i].noted_ms, now_ms,
                                            affinity_ms)
            ? a->entries[i].backend : 0);
}

static void
unlink_age(struct tpr_affinity *a, struct entry *e)
{
    *(e->older != NONE ? &a->entries[e->older].newer : &a->oldest) = e->newer;
    *(e->newer != NONE ? &a->entries[e->newer].older : &a->newest) = e->older;
}

static void
link_newest(struct tpr_affinity *a, uint32_t i)
{
    a->entries[i].older = a->newest;
    a->entries[i].newer = NONE;
    *(a->newest != NONE ? &a->entries[a->newest].newer : &a->oldest) = i;
    a->newest = i;
}

/* Takes an entry that is in no list: a fresh one, or the oldest. */
static uint32_t
take_entry(struct tpr_affinity *a)
{
    const uint32_t i = a->oldest;
    struct entry *e;
    uint32_t *p;

    if (a->n < a->max) {
        return a->n++;
    }
    COVERAGE_INC(tpr_affinity_evicted);
    e = &a->entries[i];
    unlink_age(a, e);
    for (p = bucket_of(a, &e->client, e->object); *p != i;
         p = &a->entries[*p].next) {
        continue;
    }
    *p = e->next;
    return i;
}

/* A new connection of 'client' was given to 'backend' of 'object' now. */
void
tpr_affinity_note(struct tpr_affinity *a, const struct tpr_addr *client,
                  uint32_t object, uint32_t backend, uint32_t now_ms)
{
    uint32_t i = find(a, client, object);

    if (i != NONE) {
        unlink_age(a, &a->entries[i]);
    } else {
        uint32_t *bucket = bucket_of(a, client, object);

        i = take_entry(a);
        a->entries[i].client = *client;
        a->entries[i].object = object;
        a->entries[i].next = *bucket;
        *bucket = i;
    }
    a->entries[i].backend = backend;
    a->entries[i].noted_ms = now_ms;
    link_newest(a, i);
}
