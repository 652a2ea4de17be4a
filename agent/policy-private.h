/* SPDX-License-Identifier: Apache-2.0 */

/* What policy.c, which takes facts, and policy-run.c, which decides, share.
 *
 * Pure.  Threads: main thread. */

#ifndef TPR_POLICY_PRIVATE_H
#define TPR_POLICY_PRIVATE_H 1

#include "damping.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "panic.h"
#include "policy.h"

/* After a restart of the agent remembered states stay in force this long and
 * one detection time more: RFC 5880 6.8.3 has sessions that are not Up beat
 * once a second, and the handshake takes three packets. */
enum { POLICY_GRACE_US = 3 * 1000 * 1000 };

/* So long connections end at a backend that its service has left: it is the
 * one that comes next, and takes no new ones meanwhile.  The datapath needs
 * time for many connections, and where their next packet moves them it must
 * come. */
enum { POLICY_ENDING_US = 2 * 1000 * 1000 };

enum check_fact { CHECK_FACT_NONE, CHECK_FACT_UP, CHECK_FACT_DOWN };

struct pregion {
    const struct tpr_region *cfg;

    /* Facts. */
    enum heartbeat_state fact;
    char *cause;                /* Clause about the last transition. */
    long long int last_beat_us;
    long long int fact_us;      /* When 'fact' was found out. */

    /* State. */
    enum heartbeat_state state; /* What everybody acts on. */
    long long int since_us;
    char *reason;               /* Clause about the last change of 'state',
                                 * NULL if there was none. */
    long long int grace_us;     /* 'state' is remembered until then, 0 if
                                 * confirmed. */
    long long int hold_us;      /* Held down until then, or 0. */
    struct damping damping;
    bool draining;
};

struct pbackend {
    const struct tpr_backend *cfg;
    struct pregion *region;
    bool seen;                  /* In the newest configuration. */

    /* Facts. */
    enum check_fact check;
    char *cause;                /* Clause about 'check'. */
    long long int last_good_us, check_us;
    bool has_port, has_mac;
    struct agent_words agent;   /* All that its agent has said. */

    /* State. */
    enum check_fact reported;   /* 'check' as last reported. */
    long long int hold_us;      /* Held down until then, or 0. */
    struct damping damping;
    enum policy_reason reason;
    bool only_held;             /* It could be used: 'reason' is POLICY_LOADED,
                                 * or POLICY_DAMPED and nothing else. */
    bool loaded;                /* By its agent, when last looked at. */
    enum tpr_backend_state state;
    long long int since_us;     /* When 'state' began. */
    unsigned int missing_tenths;        /* Of its weight: slow start. */
    long long int drain_us;     /* Since when it is drained, 0: it is not. */
    bool drained;               /* ...and for as long as connections may
                                 * stay. */
    long long int left_us;      /* When its service left it, though it could
                                 * be used, 0: not, or its drain timeout is
                                 * over... */
    long long int ending_us;    /* ...and its connections end until then, or
                                 * 0. */
    long long int grace_us;     /* 'state' is remembered until then or until
                                 * it is confirmed; 0 afterwards. */
    bool was_usable;
    long long int lost_us;      /* When it stopped being usable, or 0. */
    bool kept;                  /* By panic. */
    bool draining;
};

struct pservice {
    const struct tpr_service *cfg;
    struct pbackend **backends; /* In the order of 'cfg'. */

    struct pbackend *active;
    char *gone;                 /* Name of an active one that the
                                 * configuration took away.  Changes point
                                 * here until the next configuration. */
    bool is_gone;               /* ...and policy_run() does not know yet. */
    long long int grace_us;     /* 'active' is remembered and stays until then
                                 * or until it is confirmed; 0 afterwards. */
    enum policy_mode mode;
    long long int since_us;
    char *reason;               /* Clause about the last change of 'active',
                                 * NULL if there was none. */
    long long int better_us;    /* Since when a better one is usable, or 0. */
    bool ever;                  /* Had an active backend once. */
    const struct tpr_intent *failover, *failback;
};

struct change_node {
    struct ovs_list node;
    struct policy_change change;
};

struct policy {
    const struct tpr_config *config;
    long long int wall_ms;      /* Wall clock. */
    struct shash regions;       /* Name -> struct pregion. */
    struct shash backends;      /* Name -> struct pbackend. */
    struct shash services;      /* Name -> struct pservice. */
    struct panic panic;
    struct ovs_list changes;    /* struct change_node, oldest first. */
    bool dirty;
    bool reweighed;             /* A weight or a word has changed. */
    long long int deadline_us;
};

/* policy.c. */
struct policy_change *policy_add_change(struct policy *, int what,
                                        const void *object, const char *from,
                                        const char *to, char *cause,
                                        long long int now_us);

/* policy-run.c. */
void policy_leave(const struct pservice *, struct pbackend *,
                  long long int left_us, long long int now_us);
void policy_run_region(struct policy *, struct pregion *,
                       long long int now_us);
void policy_report_check(struct policy *, struct pbackend *);

#endif /* policy-private.h */
