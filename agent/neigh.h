/* SPDX-License-Identifier: Apache-2.0 */

/* Neighbours and links: which MAC address a backend has, which addresses and
 * devices the switch's host has.
 *
 * MAC addresses come from, in this order: the configuration; the kernel's
 * neighbour table (libnl); our own ARP requests or neighbour solicitations,
 * sent by packet socket on the region's device (or the bridge's, where the
 * port has none).  One that was found stays until a different one is proven:
 * a dead backend keeps its last MAC.
 *
 * The pure part (ARP and ND packets) stands in arp-nd.[ch].
 *
 * Threads: main thread; neigh_run() and neigh_wait() from its poll loop. */

#ifndef TPR_NEIGH_H
#define TPR_NEIGH_H 1

#include <stdbool.h>
#include "model.h"

struct neigh;

struct neigh *neigh_create(void);
void neigh_destroy(struct neigh *);
void neigh_run(struct neigh *, long long int now_us);
void neigh_wait(struct neigh *);
unsigned int neigh_seqno(const struct neigh *); /* Changes with any answer,
                                                 * link or address. */

/* Interest: from begin to end, name all that should be resolved. */
void neigh_want_begin(struct neigh *);
void neigh_want(struct neigh *, const char *ifname, uint16_t vlan,
                const struct in6_addr *addr, const struct eth_addr *hint);
void neigh_want_end(struct neigh *);
bool neigh_lookup(const struct neigh *, const char *ifname, uint16_t vlan,
                  const struct in6_addr *, struct eth_addr *);

/* Devices of this host. */
struct neigh_link {
    int ifindex;
    struct eth_addr mac;
    bool carrier;
    unsigned int mtu;
};
bool neigh_link(const struct neigh *, const char *ifname,
                struct neigh_link *);
size_t neigh_addresses(const struct neigh *, const char *ifname,
                       struct in6_addr **);
bool neigh_choose_source(const struct neigh *, const char *ifname,
                         const struct in6_addr *peer, struct in6_addr *);
bool neigh_owns(const struct neigh *, const struct in6_addr *,
                char *ifname, struct eth_addr *);

#endif /* neigh.h */
