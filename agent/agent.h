/* SPDX-License-Identifier: Apache-2.0 */

/* The agent: ties facts, policy and datapaths together.
 *
 *   heartbeat thread --facts--> +--------+ --plan--> datapath providers
 *   health checks ----facts---> | policy | --changes--> journal: log, history,
 *   database --config,intent--> +--------+               notify hooks
 *   neighbours, switch's ports ---> plan
 *
 * agent_run() handles urgent facts first: from a death to the flows nothing
 * else is done in between.
 *
 * Threads: main thread. */

#ifndef TPR_AGENT_H
#define TPR_AGENT_H 1

#include <stdbool.h>

struct agent;
struct check_set;
struct complaint_index;
struct hb_thread;
struct journal;
struct neigh;
struct plan;
struct policy;
struct tpr_config;

struct agent *agent_create(const char *tpr_db, const char *ovs_db);
void agent_run(struct agent *);
void agent_wait(struct agent *);
void agent_clear(struct agent *);
void agent_destroy(struct agent *);

/* Views for 'show' and the status columns; nothing of it may be changed. */
struct agent_view {
    const struct tpr_config *config;    /* NULL before the first one. */
    const struct policy *policy;
    const struct check_set *checks;
    const struct check_set *agents;     /* Agent-checks. */
    const struct hb_thread *hb;
    const struct neigh *neigh;
    const struct plan *plan;            /* NULL before the first one. */
    const struct journal *journal;
    const struct shash *bridges;        /* Name -> struct datapath *. */
    const struct sset *complaints;      /* All that hold now. */
    const struct complaint_index *index;        /* Of 'complaints'; for the
                                                 * status columns only. */
    bool db_connected;
    bool standby;                       /* Another agent acts. */
    long long int start_ms;             /* Wall clock. */
};
void agent_view(const struct agent *, struct agent_view *);

#endif /* agent.h */
