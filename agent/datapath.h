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
 *
 * Providers: "flows" (any Open vSwitch, datapath-flows.c), "ovs" (one with
 * redirect objects, datapath-ovs.c), "auto" (the better of the two, by what
 * the switch says at each connection), "dummy" (tests, datapath-dummy.c).
 *
 * Threads: main thread; run() and wait() from its poll loop. */

#ifndef TPR_DATAPATH_H
#define TPR_DATAPATH_H 1

#include <stdbool.h>
#include <stdint.h>
#include "model.h"

struct ds;
struct json;

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
    uint16_t priority;          /* Lowest first. */
    uint16_t weight;
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
    bool needs_state;           /* Plain flows cannot carry it out. */
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
    struct eth_addr mac;
};

struct datapath {
    const struct datapath_class *class;
    char *bridge;
};

struct datapath_class {
    const char *name;

    struct datapath *(*open)(const char *bridge);
    void (*close)(struct datapath *);

    char *(*check)(const struct tpr_service *);
    char *(*refuses)(const struct datapath *,
                     const struct tpr_service *);   /* NULL: nothing. */
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
    bool (*port)(const struct datapath *, const char *name,
                 struct dp_port *);
    unsigned int (*port_seqno)(const struct datapath *); /* Changes when any
                                                          * port does, or what
                                                          * refuses() says. */
    void (*show)(const struct datapath *, struct json *);
};

extern const struct datapath_class datapath_auto_class;
extern const struct datapath_class datapath_ovs_class;
extern const struct datapath_class datapath_flows_class;
extern const struct datapath_class datapath_dummy_class;

const struct datapath_class *datapath_lookup(const char *name);

#endif /* datapath.h */
