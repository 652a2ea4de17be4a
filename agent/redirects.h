/* SPDX-License-Identifier: Apache-2.0 */

/* Redirect objects on their way to the switch: redirect-plan.c with a
 * connection.
 *
 *   additions and changes -> barrier -> flows that name them -> deletions
 *
 * redirects_flush() sends what differs and a barrier; until the switch has
 * answered that, redirects_busy() tells that flows must wait, since they may
 * name objects that it is about to refuse.
 *
 * Threads: main thread. */

#ifndef TPR_REDIRECTS_H
#define TPR_REDIRECTS_H 1

#include <stdbool.h>
#include "openvswitch/types.h"
#include "redirect-plan.h"

struct json;
struct ofconn;

struct redirects {
    struct redirect_plan plan;
    struct ofconn *conn;
    bool asked;                 /* The switch has said whether it... */
    bool have;                  /* ...has redirect objects. */
    bool unsupported;           /* It has, but its datapath cannot redirect. */
    bool waiting;               /* For the answer to... */
    ovs_be32 barrier;           /* ...this. */
    struct redirect_sent {
        ovs_be32 xid;
        uint32_t id;
        bool is_new, is_deletion;
    } *sent;                    /* Before that barrier. */
    size_t n_sent, allocated_sent;
    size_t n_unsupported;       /* Of 'sent'. */
    uint64_t n_mods;
};

void redirects_init(struct redirects *, struct ofconn *);
void redirects_destroy(struct redirects *);

void redirects_begin(struct redirects *);
void redirects_told(struct redirects *, const struct tpr_redirect *);
void redirects_end(struct redirects *, bool native);
void redirects_lost(struct redirects *);

bool redirects_flush(struct redirects *);
bool redirects_flush_stale(struct redirects *);
bool redirects_busy(const struct redirects *);
bool redirects_answered(struct redirects *, ovs_be32 xid);
bool redirects_refused(struct redirects *, ovs_be32 xid, uint32_t *id,
                       const char *error, const char **service);

void redirects_show(const struct redirects *, struct json *);

#endif /* redirects.h */
