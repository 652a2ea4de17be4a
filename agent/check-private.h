/* SPDX-License-Identifier: Apache-2.0 */

/* What check.c, the set of all health checks, and check-probe.c, one of them,
 * share.  Nobody else includes this.
 *
 * Threads: main thread. */

#ifndef TPR_CHECK_PRIVATE_H
#define TPR_CHECK_PRIVATE_H 1

#include "agent-words.h"
#include "check.h"
#include "check-logic.h"
#include "check-talk.h"
#include "heap.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "suspicion.h"

/* One check of one address and port. */
struct probe {
    struct hmap_node hmap_node; /* In set's 'probes' by key. */
    struct heap_node heap_node; /* In set's 'deadlines'. */
    struct check_set *set;
    char *key;                  /* Everything that members agree in. */
    struct ovs_list members;    /* struct member's 'probe_node'. */

    /* What to do.  'check' belongs to the configuration and to the first
     * member. */
    const struct tpr_check *check;
    struct in6_addr addr;
    uint16_t port;
    uint32_t hash;              /* Phase of its starts. */

    /* State. */
    struct check_logic logic;
    long long int start_us;     /* Next regular start, or present one's. */
    long long int early_us;     /* Because of suspicion, LLONG_MAX: none. */
    long long int suspect_us;   /* The last suspicion, 0: never. */
    long long int bound_us;     /* Of that. */
    bool talking;
    bool kept;                  /* Not 'talking', but with a connection. */
    struct check_talk talk;     /* While 'talking' or 'kept'. */
    unsigned int src_port;      /* Hint. */
    char clause[160];           /* The last verdict's. */
    struct agent_words agent;   /* All that an agent has said. */
    long long int verdict_us;   /* When it came, 0: never. */
    bool own_error;             /* The last check failed by our fault... */
    char trouble[128];          /* ...and this is why. */

    /* The conversation under way. */
    long long int began_us;     /* When it really began. */
    long long int blind_us;     /* set->blind_us at that time. */
    long long int limit_us;     /* How long it may take. */
    long long int timeout_us;   /* When it ends, a point in time. */
    bool regular;               /* The one of 'start_us'. */
    bool hurried;               /* Its limit is that of the connection. */
    bool excused;               /* Has had its time once more. */

    /* Statistics. */
    uint64_t n_ok, n_failed, n_own_errors;
    long long int latency_us, late_us;
};

/* One backend that has a check. */
struct member {
    const struct tpr_backend *backend;
    struct probe *probe;
    struct ovs_list probe_node; /* In probe's 'members'. */
    struct ovs_list node;       /* In set's 'changed', if 'pending'. */
    bool pending;
    bool seen;                  /* In the newest configuration. */
    enum check_state told;      /* What check_set_next_change() said last, or
                                 * the database. */
    struct agent_words heard;   /* The same of an agent. */
    char *complaint;            /* NULL: none. */
    struct suspicion suspicion;
};

struct check_set {
    bool agents;                /* Of agent-checks. */
    struct hmap probes;         /* struct probe. */
    struct heap deadlines;      /* struct probe; soonest is maximum. */
    struct shash members;       /* Backend's name -> struct member. */
    struct ovs_list changed;    /* struct member, oldest first. */
    int epfd;
    long long int looked_us;    /* Last look while awake, 0: asleep. */
    long long int blind_us;     /* Sum of long gaps between looks. */
    bool behind;                /* The last run left sockets over. */
    check_way_func *way;        /* NULL: there always is one. */
    void *way_aux;
    long long int quiet_us;     /* When suspicion of somebody may end. */
};

/* Returns the check of 'backend' that 'set' is about, or NULL. */
static inline const struct tpr_check *
backend_check(const struct check_set *set, const struct tpr_backend *backend)
{
    return set->agents ? backend->agent_check : backend->check;
}

/* check.c. */
void member_queue(struct check_set *, struct member *);
void member_complain(struct member *);

/* check-probe.c. */
char *probe_key(const struct tpr_check *, const struct in6_addr *addr,
                uint16_t port);
struct probe *probe_create(struct check_set *, char *key,
                           const struct member *, uint16_t port,
                           const struct agent_words *, long long int now_us);
void probe_destroy(struct probe *);
long long int probe_deadline(const struct probe *);
void probe_start(struct probe *);
void probe_talk(struct probe *);
void probe_timeout(struct probe *);
void probe_suspect(struct probe *, long long int bound_us,
                   long long int now_us);

#endif /* check-private.h */
