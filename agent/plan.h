/* SPDX-License-Identifier: Apache-2.0 */

/* The plan: from configuration, policy and what is known of the network to
 * what a datapath provider shall carry out and the heartbeat thread shall run.
 *
 * Here and nowhere else is decided: which bridge a region is in, how its beats
 * travel, from which address, to which MAC; which MAC a VIP has; who answers
 * ARP for it.  Nothing is sent or stored here.
 *
 * Threads: main thread. */

#ifndef TPR_PLAN_H
#define TPR_PLAN_H 1

#include <stdbool.h>
#include "datapath.h"
#include "hb-thread.h"
#include "model.h"

struct neigh;
struct policy;
struct sset;
struct vswitch;

/* Where a region is, and how to reach it. */
struct plan_region {
    const struct tpr_region *region;
    char *bridge;               /* NULL: no bridge has the port. */
    bool bypass;                /* Beats go by the port's own device. */
    char ifname[IFNAMSIZ];      /* Device that beats and ARP use. */
    bool has_link;              /* Device exists. */
    bool link_up;
    bool has_session;           /* 'session' can run. */
    struct hb_session_config session;
    const char *no_offload;     /* Why the kernel is not asked to have the
                                 * session, or NULL. */
    struct dp_path path;
};

/* Everything of one bridge. */
struct plan_bridge {
    char *name;
    struct dp_state state;      /* Points into the members below. */
    struct dp_service *services;
    struct dp_target *targets;
    size_t n_targets;
    struct dp_path *paths;
    struct in6_addr *locals;
};

struct plan {
    struct shash regions;       /* Region's name -> struct plan_region. */
    struct shash bridges;       /* Name -> struct plan_bridge. */
    struct in6_addr *owners;    /* Addresses of all backends, sorted. */
    size_t n_owners;
};

/* What plans are made of. */
struct plan_input {
    const struct tpr_config *config;
    const struct policy *policy;
    const struct neigh *neigh;
    const struct vswitch *vswitch;
};

/* Regions first: facts about them feed the policy, whose decisions feed the
 * bridges. */
struct plan *plan_create(const struct plan_input *, struct sset *complaints);
void plan_bridges(struct plan *, const struct plan_input *,
                  struct sset *complaints);
void plan_destroy(struct plan *);

const struct plan_region *plan_region(const struct plan *,
                                      const struct tpr_region *);
const char *plan_service_bridge(const struct plan *,
                                const struct tpr_service *);
bool plan_backend_mac(const struct plan *, const struct plan_input *,
                      const struct tpr_backend *, struct eth_addr *);
void plan_vip_mac(const struct plan *, const struct plan_input *,
                  const struct tpr_service *, struct eth_addr *);
void plan_want_neighbours(const struct plan *, const struct plan_input *,
                          struct neigh *);

#endif /* plan.h */
