/* SPDX-License-Identifier: Apache-2.0 */

/* What the datapath providers that speak OpenFlow share: "flows"
 * (datapath-flows.c), "ovs" (datapath-ovs.c), and what "bpf" and "auto" have
 * behind their programs (datapath-bpf.c).
 *
 *   set() --> owners (a service, a path: copies of what was set)
 *               |  changed ones only
 *               v
 *             flow-make.c or, where the switch has redirect objects and the
 *             provider wants them, flow-redirect.c and redirects.c
 *               |
 *               v
 *             flow-table.c --> difference --> flow-bundles.c --> ofconn.c
 *               ^                                                   |
 *               +------------- what the switch has -----------------+
 *
 * set() sends the difference before it returns: a service that changes costs
 * one comparison of every service with its copy, one bundle of a few hundred
 * bytes, and no turn of the poll loop.
 *
 * "Applied" means: the switch has answered the commit.  Its flow tables are
 * changed then; its caches (megaflows) follow when they are revalidated, which
 * the switch starts at once but which takes 20 to 40 ms and longer with many
 * flows.  No OpenFlow message tells when that is done, a barrier reply
 * neither.  History must say "flows", not "last packet".
 *
 * A service with policy weighted has a group beside its flows
 * (flow-groups.c), which travels in the same bundles.
 *
 * With redirect objects a failure changes no flow but, at most, who answers
 * ARP and ND.  The agent stores the words before it calls set(), so "applied"
 * is then: set() found objects and flows in force as they are.
 *
 * Bundles are not waited for: the table takes a change for made when it is
 * sent.  If the switch refuses a flow, the rest of its bundle has not happened
 * either (it is atomic): then the flow is marked, all flows are asked from the
 * switch again, and the difference without the marked ones is sent.  Marked
 * flows are tried again when they change, or after a new connection.
 *
 * Threads: main thread. */

#ifndef TPR_DATAPATH_OF_H
#define TPR_DATAPATH_OF_H 1

#include "datapath.h"
#include "flow-bundles.h"
#include "flow-groups.h"
#include "flow-make.h"
#include "flow-table.h"
#include "openvswitch/shash.h"
#include "openvswitch/token-bucket.h"
#include "redirects.h"

/* What a provider does with the switch's redirect objects. */
enum of_wish {
    OF_WISH_FLOWS,              /* Nothing. */
    OF_WISH_NATIVE,             /* Uses them and nothing else. */
    OF_WISH_BEST,               /* Uses them where there are any. */
};

struct switch_ctl;

struct datapath_of {
    struct datapath up;
    enum of_wish wish;
    struct ofconn *conn;
    struct switch_ctl *ctl;     /* For questions. */
    struct flow_table table;
    struct flow_groups groups;
    struct flow_bundles bundles;
    struct redirects redirects;
    bool native;                /* Services are redirect objects. */
    bool no_hash;               /* Groups cannot say what to hash. */
    size_t n_refused;           /* Objects that the switch refused, as... */
    unsigned int refused_seqno; /* ...this knows, which changes with it. */

    struct shash owners;        /* Name -> struct owner. */
    struct owner **order;       /* Owners of services as set() named them, */
    size_t n_order;             /* finds most of them without hashing. */
    struct flow_owner *common;
    unsigned int generation;
    size_t n_named;             /* Owners of this generation. */

    struct flow_context ctx;
    bool have_ctx;              /* set() was called, or clear(). */
    struct token_bucket nd_answers;     /* How many the agent may give. */

    uint64_t seq;               /* Last set(). */
    long long int words_us;     /* During set(): when words were stored. */
    uint64_t applied_seq;
    long long int applied_us;
    long long int retry_ms;     /* LLONG_MAX: none. */
    long long int compare_ms;   /* Next comparison with the switch. */
    long long int dump_ms;      /* When the dump began... */
    long long int dump_took_ms; /* ...and how long the last one took. */
    bool drop_learned;          /* Delete all learned flows, too. */
    bool dumping;               /* The switch is telling what it has. */
    size_t n_conflicts;         /* As reported last. */
};


struct datapath_of *datapath_of_cast(const struct datapath *);

/* of-owners.c */
void of_owners_init(struct datapath_of *);
void of_owners_destroy(struct datapath_of *);
void of_owners_set(struct datapath_of *, const struct dp_state *);
void of_owners_clear(struct datapath_of *);
void of_owners_update(struct datapath_of *, bool all);
void of_owners_update_service(struct datapath_of *, const char *name);
const struct dp_service *of_owners_service(const struct datapath_of *,
                                           const char *name);
void of_owners_set_nd(struct datapath_of *, bool by_agent);
void of_forget_learned(struct datapath_of *, bool learned, uint32_t hash);

/* of-ask.c */
void of_connections(struct datapath *, const struct dp_conn_query *,
                    dp_answer_func *, void *aux);
void of_trace(struct datapath *, const char *service,
              const struct trace_flow *, dp_answer_func *, void *aux);

/* Members of the classes. */
struct datapath *of_open(const struct datapath_class *, enum of_wish,
                         const char *bridge);
void of_close(struct datapath *);
char *of_refuses(const struct datapath *, const struct tpr_service *);
uint64_t of_set(struct datapath *, const struct dp_state *,
                long long int words_us);
void of_clear(struct datapath *);
void of_run(struct datapath *, long long int now_us);
void of_wait(struct datapath *);
bool of_applied(const struct datapath *, uint64_t *seq,
                long long int *when_us);
bool of_connected(const struct datapath *);
const char *of_how(const struct datapath *, const char **why);
bool of_port(const struct datapath *, const char *name, struct dp_port *);
unsigned int of_port_seqno(const struct datapath *);
void of_show(const struct datapath *, struct json *);
void of_learn(struct datapath *, uint32_t ofport, const void *frame,
              size_t size);

#define OF_CLASS_MEMBERS                        \
    .close = of_close,                          \
    .refuses = of_refuses,                      \
    .set = of_set,                              \
    .clear = of_clear,                          \
    .run = of_run,                              \
    .wait = of_wait,                            \
    .applied = of_applied,                      \
    .connected = of_connected,                  \
    .how = of_how,                              \
    .port = of_port,                            \
    .port_seqno = of_port_seqno,                \
    .show = of_show,                            \
    .connections = of_connections,              \
    .trace = of_trace

#endif /* datapath-of.h */
