/* SPDX-License-Identifier: Apache-2.0 */

/* Datapath providers: who carries out what the policy decided.
 *
 * The contract.  The agent hands the *complete* desired state to
 * datapath_set(); the provider compares it with what the switch has and
 * changes the difference, in one transaction where the switch can.  Nothing
 * of the switch that is not the agent's own is ever touched.  Handing over the
 * same state twice costs nothing.
 *
 *   - open() does not block and does not fail because the switch is away: the
 *     provider connects when it can, and reconciles on every connection.
 *   - A service that the provider cannot carry out at all is refused by
 *     check() with one sentence, before it gets into set().  What depends on
 *     the switch that it is connected to, refuses() says later, and set()
 *     leaves such a service out.
 *   - set() returns a sequence number; applied() tells the newest one that is
 *     in force in the switch and when (for history's time budget).  set() is
 *     told when the liveness words were stored: where nothing but words has
 *     changed, that is when.
 *   - close() leaves the switch as it is; clear() removes what is ours.
 *   - next_suspect() tells of backends that real traffic speaks against, of
 *     services that ask for that ('passive_ms'), each once; blind() why it
 *     never will of one of them.  A provider without them is blind.
 *   - connections() and trace() are for people who ask.  They return at once;
 *     the answer comes exactly once, during the call, from run() or, with an
 *     error, from close().  A provider without them is NULL there.
 *
 * Providers: "flows" (any Open vSwitch, datapath-flows.c), "ovs" (one with
 * redirect objects, datapath-ovs.c), "bpf" (programs before the switch, which
 * has everything as well, datapath-bpf.c), "auto" (the better of "ovs"
 * and "flows", by what the switch says), "dummy" (tests, datapath-dummy.c).
 *
 * Threads: main thread; run() and wait() from its poll loop. */

#ifndef TPR_DATAPATH_H
#define TPR_DATAPATH_H 1

#include <stdbool.h>
#include <stdint.h>
#include "model.h"

struct ds;
struct json;
struct liveness;
struct vswitch;
struct trace_flow;

/* One backend, resolved. */
struct dp_target {
    const char *name;           /* Backend's name. */
    char *port;                 /* Port's name in the bridge. */
    struct in6_addr addr;
    uint16_t l4_port;           /* 0: keep. */
    struct eth_addr mac;        /* Next hop: backend or gateway. */
    uint16_t vlan;              /* 0: untagged. */
    bool routed;                /* Behind a gateway: rewrite the source MAC
                                 * too, to the VIP's. */

    /* For providers whose switch chooses by itself. */
    uint32_t region;            /* Liveness word of its region; TPR_NO_WORD:
                                 * only its own counts. */
    uint32_t word;              /* Its own liveness word. */
    uint32_t max_connections;   /* 0: no limit. */
    uint32_t max_pps;           /* 0: no limit. */
    uint16_t priority;          /* Lowest first. */
    uint16_t weight;
    uint16_t full_weight;       /* As configured: without slow start, and
                                 * without what its agent says. */

    /* For providers whose switch does not. */
    bool usable;                /* May be given new connections. */
};

/* One service as the switch shall treat it. */
struct dp_service {
    const char *name;
    struct tpr_vip vip;
    struct eth_addr vip_mac;
    bool identity;              /* Active backend owns the VIP: no rewrite. */
    bool answer;                /* Answer ARP/ND for the VIP. */
    bool pure;                  /* The VIP is nobody's own address: answer
                                 * LOCAL's ARP/ND and everybody's ping, too. */
    enum tpr_policy policy;
    enum tpr_on_down on_down;
    enum tpr_on_none on_none;
    bool stateless;             /* No connections: packets keep their
                                 * destination, backends have the VIP. */
    bool needs_state;           /* Plain flows cannot carry it out. */
    bool unproven;              /* The agent has just started: what is not
                                 * usable may be so all the same. */
    uint32_t affinity_ms;       /* A client stays with a backend so long after
                                 * its last new connection; 0: it does not. */
    uint32_t passive_ms;        /* A SYN without an answer for so long makes
                                 * its backend suspect; 0: nobody looks. */
    const struct dp_target *active;     /* NULL: nothing usable. */
    const struct dp_target *targets;    /* All that have a port and a MAC, */
    size_t n_targets;                   /* in the policy's order. */
};

/* How beats travel past or through the switch. */
struct dp_path {
    char *port;                 /* Region's port. */
    bool through_switch;        /* false: packet socket on the port itself;
                                 * the switch drops its copy.
                                 * true: LOCAL <-> port. */
    enum hb_type type;
    struct in6_addr local, peer;
    struct eth_addr local_mac;
    bool answer;                /* Answer ARP/ND for 'local'. */
    uint16_t vlan;
};

/* Desired state.  The provider copies what it keeps. */
struct dp_state {
    const struct dp_service *services;
    size_t n_services;
    const struct dp_path *paths;
    size_t n_paths;
    const struct in6_addr *locals;      /* Addresses of the bridge's LOCAL
                                         * port: checks come from them. */
    size_t n_locals;
    uint16_t flow_table, client_table, flow_priority;
};

/* A port of the switch, learned from it. */
struct dp_port {
    uint32_t ofport;
    bool link_up;
    bool blocked;               /* OpenFlow: no-receive, no-forward. */
    struct eth_addr mac;
};

/* What of the agent a provider may use, if it needs more than state.  It
 * outlives the provider. */
struct dp_env {
    struct liveness *liveness;
    const struct vswitch *vswitch;
    struct hb_thread *hb;       /* NULL: nobody detects in the kernel. */
};

/* Real traffic speaks against a backend (datapath-ext/redirect-suspect.h). */
struct dp_suspect {
    uint32_t word;              /* The backend's liveness word. */
    uint32_t refused;           /* Connections refused since the last time. */
    uint32_t silent;            /* SYNs without an answer in time. */
};

/* What somebody wants to know of connections. */
struct dp_conn_query {
    const char *service;        /* NULL: all, only numbers. */
    uint32_t region, word;      /* Of the backend; TPR_NO_WORD: any. */
    const struct in6_addr *client;      /* NULL: any. */
    unsigned int limit;         /* Connections in the answer, at most; with
                                 * all services 0, for all numbers. */
};

/* An answer, which the callee owns, or NULL and a sentence about why there is
 * none.  Backends are named by their liveness words: configuration may have
 * changed meanwhile.
 *
 * To connections():
 *   "counts"       array of objects: "word", "connections" (how many it has,
 *                  those that are closing aside), and if known "total" (how
 *                  many it ever had), "packets", "bytes", "rev_packets",
 *                  "rev_bytes" (to it, and back from it); if all services
 *                  were asked for, of a "word" that is there twice the sum
 *                  counts
 *   "connections"  array of objects: "client", "client_port", "vip",
 *                  "vip_port", "proto", "word", "backend_address",
 *                  "backend_port", "state", and if known "idle_ms",
 *                  "expires_ms", "in_port", "packets", "bytes"
 *   "matching"     how many there are; more than "connections" has if the
 *                  limit was reached
 *   "note"         a sentence, if there is more to say
 * A provider that keeps no connections leaves out all but "note".
 *
 * To trace(), each if known:
 *   "takes"        boolean: the service's own flows get the packet
 *   "rule"         the switch's flow that decides
 *   "connection"   the one that the packet belongs to, in words
 *   "word"         of the backend that gets it
 *   "port"         by which it leaves
 *   "rewrite"      object: field -> value
 *   "because"      a clause about why that backend
 *   "whys"         array of objects: "word", "why": why it can have new
 *                  connections or not, as the switch sees it
 *   "note"         a clause, if there is more to say
 *   "actions"      the switch's, as it writes them
 *   "before"       object: what takes the packet before it gets to the switch:
 *                  "here" (boolean: where it comes in), and "connection",
 *                  "word", "because", "whys", "note" as above */
typedef void dp_answer_func(void *aux, struct json *answer,
                            const char *error);

struct datapath {
    const struct datapath_class *class;
    char *bridge;
};

struct datapath_class {
    const char *name;

    struct datapath *(*open)(const char *bridge);
    void (*equip)(struct datapath *, const struct dp_env *); /* Before the
                                                              * first set();
                                                              * may be NULL. */
    void (*retire)(struct datapath *,
                   const struct datapath_class *next); /* Before close(),
                                                        * because another
                                                        * provider follows;
                                                        * may be NULL. */
    void (*close)(struct datapath *);

    char *(*check)(const struct tpr_service *);
    char *(*refuses)(const struct datapath *,
                     const struct tpr_service *);   /* NULL: nothing. */
    char *(*warns)(const struct datapath *);   /* What is worth a complaint
                                                * though all services work;
                                                * may be NULL. */
    uint64_t (*set)(struct datapath *, const struct dp_state *,
                    long long int words_us);
    void (*clear)(struct datapath *);   /* Waits until it is done, 2 s at
                                         * most. */

    void (*run)(struct datapath *, long long int now_us);
    void (*wait)(struct datapath *);
    bool (*applied)(const struct datapath *, uint64_t *seq,
                    long long int *when_us);
    bool (*connected)(const struct datapath *);
    const char *(*how)(const struct datapath *,
                       const char **why);       /* Provider in force: "ovs",
                                                 * "flows", ..; and a clause
                                                 * about the reason. */
    const char *(*service_how)(const struct datapath *, const char *service,
                               const char **why);       /* The same for one
                                                         * service; may be
                                                         * NULL. */
    bool (*port)(const struct datapath *, const char *name,
                 struct dp_port *);
    unsigned int (*port_seqno)(const struct datapath *); /* Changes when any
                                                          * port does, or what
                                                          * refuses() says. */
    void (*show)(const struct datapath *, struct json *);

    /* Passive detection; may be NULL. */
    bool (*next_suspect)(struct datapath *, struct dp_suspect *);
    const char *(*blind)(const struct datapath *,
                         const char *service);  /* A clause; NULL: it sees,
                                                 * or will tell soon. */

    /* Questions; may be NULL.  'flow' is complete and a packet to 'service',
     * else the caller would not ask. */
    void (*connections)(struct datapath *, const struct dp_conn_query *,
                        dp_answer_func *, void *aux);
    void (*trace)(struct datapath *, const char *service,
                  const struct trace_flow *flow, dp_answer_func *,
                  void *aux);
};

extern const struct datapath_class datapath_auto_class;
extern const struct datapath_class datapath_bpf_class;
extern const struct datapath_class datapath_ovs_class;
extern const struct datapath_class datapath_flows_class;
extern const struct datapath_class datapath_dummy_class;

const struct datapath_class *datapath_lookup(const char *name);
const char *datapath_service_how(const struct datapath *, const char *service,
                                 const char **why);

#endif /* datapath.h */
