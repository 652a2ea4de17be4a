/* SPDX-License-Identifier: Apache-2.0 */

/* Desired redirect objects beside the switch's, and the difference.
 *
 * One service is one redirect object, found by its OpenFlow id.  Ids between
 * REDIRECT_ID_FIRST and REDIRECT_ID_LAST are the agent's; nobody else's object
 * is looked at.  A service keeps its id as long as either the agent or the
 * switch remembers: a restarted agent finds the object by VIP, protocol and
 * ports in what the switch tells.
 *
 *   redirect_plan_dump_begin(), _dumped().., _dump_end()
 *                                       what the switch has, after each
 *                                       connection and comparison; until the
 *                                       end it has what it had
 *   redirect_plan_foreign()             what of that somebody else has changed
 *   redirect_plan_want(), _unwant()     what a service needs
 *   redirect_plan_flush()               hands out additions and changes and
 *                                       takes them for made
 *   redirect_plan_flush_stale()         hands out deletions; to be called when
 *                                       no flow names those objects any more,
 *                                       or the switch refuses them
 *
 * Ids are given out only after the first dump.  An object that the switch
 * refused is not handed out again until something about it changes or a new
 * connection is there.
 *
 * Pure: no socket, clock, log.  Threads: an instance belongs to one thread. */

#ifndef TPR_REDIRECT_PLAN_H
#define TPR_REDIRECT_PLAN_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "datapath.h"
#include "openvswitch/hmap.h"
#include "openvswitch/shash.h"
#include "redirect.h"

enum {
    REDIRECT_ID_FIRST = 0x74000000,
    REDIRECT_ID_LAST = 0x7400ffff,
};

/* Returns the OpenFlow number of the port called 'name', or 0. */
typedef uint32_t redirect_port_func(void *aux, const char *name);

char *redirect_check_service(const struct tpr_service *)
    __attribute__((warn_unused_result));
struct tpr_redirect *redirect_make(const struct dp_service *,
                                   redirect_port_func *, void *aux);
void redirect_free(struct tpr_redirect *);

struct redirect_object {
    struct hmap_node node;      /* In 'objects', by id. */
    struct hmap_node orphan_node;       /* In 'orphans', by VIP, if nobody
                                         * wants it. */
    uint32_t id;
    char *service;              /* Who wants it; NULL: nobody. */
    struct tpr_redirect *want;  /* NULL: nobody wants it. */
    struct tpr_redirect *have;  /* As the switch has it; NULL: it has not. */
    bool told;                  /* In this dump, */
    bool foreign;               /* but not as we left it. */
    bool refused;               /* The switch said no to 'want', */
    char *error;                /* for this reason. */
};

struct redirect_plan {
    struct hmap objects;        /* Contains "struct redirect_object"s. */
    struct hmap orphans;        /* Those that nobody wants. */
    struct shash services;      /* Name -> struct redirect_object. */
    bool dirty;                 /* Something may have to be sent. */
    bool known;                 /* A dump has ended on this connection. */
    uint32_t next_id;           /* Where to look for a free one, */
    uint32_t last_id;           /* and the last that there is. */
};

void redirect_plan_init(struct redirect_plan *);
void redirect_plan_limit(struct redirect_plan *, uint32_t n);
void redirect_plan_destroy(struct redirect_plan *);

uint32_t redirect_plan_want(struct redirect_plan *, const char *service,
                            struct tpr_redirect *);
void redirect_plan_unwant(struct redirect_plan *, const char *service);
const struct redirect_object *redirect_plan_find(const struct redirect_plan *,
                                                 const char *service);
const struct redirect_object *redirect_plan_find_id(
    const struct redirect_plan *, uint32_t id);

void redirect_plan_dump_begin(struct redirect_plan *);
void redirect_plan_dumped(struct redirect_plan *, const struct tpr_redirect *);
void redirect_plan_dump_end(struct redirect_plan *);
size_t redirect_plan_foreign(const struct redirect_plan *,
                             const struct redirect_object **);

/* Called for each difference.  'r' is what the switch shall have, or, for a
 * deletion, NULL. */
typedef void redirect_plan_cb(void *aux, uint32_t id,
                              const struct tpr_redirect *r, bool is_new);
size_t redirect_plan_flush(struct redirect_plan *, redirect_plan_cb *,
                           void *aux);
bool redirect_plan_has_stale(const struct redirect_plan *);
size_t redirect_plan_flush_stale(struct redirect_plan *, redirect_plan_cb *,
                                 void *aux);
const char *redirect_plan_refuse(struct redirect_plan *, uint32_t id,
                                 bool is_new, const char *error);
void redirect_plan_forgive(struct redirect_plan *);

size_t redirect_plan_n_wanted(const struct redirect_plan *);
size_t redirect_plan_n_refused(const struct redirect_plan *);

#endif /* redirect-plan.h */
