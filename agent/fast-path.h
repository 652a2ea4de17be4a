/* SPDX-License-Identifier: Apache-2.0 */

/* The BPF programs before a bridge: which services they take, and all that
 * keeps them going.
 *
 *   facts of ports (vswitch.h) --> eligible.h <-- flows of others (foreign.h)
 *                                     | yes
 *                                     v
 *      desired services --> redirect-plan.h --> loader.h --> the kernel
 *                                     | no
 *                                     v
 *                               a clause: WHY
 *
 * The programs are a layer before the switch.  The provider behind them (the
 * "inner" one) carries out the whole desired state all the same, so that
 * whatever passes by the programs is served, and a port that loses its program
 * loses speed only.
 *
 * A service changes hands when what makes it eligible changes.  Its
 * connections stay behind: policy failover finds the same backend again,
 * others may not.
 *
 * Where the agent was built without BPF, fast-path-stub.c says so.
 *
 * Threads: main thread. */

#ifndef TPR_FAST_PATH_H
#define TPR_FAST_PATH_H 1

#include <stdbool.h>
#include "datapath.h"

struct fast;
struct json;

struct fast *fast_create(struct datapath *inner, const struct dp_env *);
void fast_destroy(struct fast *);
void fast_clear(struct fast *);
void fast_remove(const char *bridge);

void fast_deaths(struct fast *);
void fast_set(struct fast *, const struct dp_state *);
void fast_run(struct fast *);
void fast_wait(struct fast *);

const char *fast_refusal(const struct fast *);
size_t fast_n_taken(const struct fast *, size_t *n);
bool fast_is_settled(const struct fast *);
bool fast_takes(const struct fast *, const char *service, const char **why);
unsigned int fast_seqno(const struct fast *);
void fast_show(const struct fast *, struct json *);

/* fast-suspect.c: backends that real traffic speaks against. */
bool fast_next_suspect(struct fast *, struct dp_suspect *);

/* fast-ask.c: answers to people. */
struct dp_conn_query;
struct tpr_bpf;
struct tpr_redirect;
struct trace_flow;

void fast_add_connections(struct fast *, const struct dp_conn_query *,
                          struct json *answer);
void fast_add_trace(struct fast *, const char *service,
                    const struct trace_flow *, struct json *answer);

/* A service's object in the programs; valid until the next fast_set() or
 * _run(). */
struct fast_found {
    struct tpr_bpf *bpf;
    uint32_t id;
    const struct tpr_redirect *r;
};
bool fast_find(const struct fast *, const char *service, struct fast_found *);
void fast_for_each(const struct fast *,
                   void (*cb)(void *aux, const struct fast_found *),
                   void *aux);
bool fast_has_program(const struct fast *, const char *port);

#endif /* fast-path.h */
