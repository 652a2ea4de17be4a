/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Finds out what attach-decide.h wants to know of a device: by rtnetlink and
 * ethtool, nothing is changed.
 *
 * Threads: any; the other end of a veth is looked at by a thread of its own,
 * which enters that end's network namespace and ends. */

#ifndef TPR_BPF_ATTACH_FACTS_H
#define TPR_BPF_ATTACH_FACTS_H 1

#include <net/if.h>
#include "attach-decide.h"

struct tpr_device {
    bool exists;
    bool up;                    /* With carrier. */
    char name[IFNAMSIZ];
    uint32_t mtu;
    uint32_t xdp[3];            /* Ids of XDP programs: native, generic, in
                                 * hardware; 0: none. */
    enum tpr_known whole;       /* The next ones as tpr_attach_facts'. */
    char sender[IFNAMSIZ];      /* "": unknown, or the device. */
    bool tags_aside;
    bool guest;
    bool gro;
    long long int again_ms;     /* Not 0: somebody that is unknown may be
                                 * found then (time_msec()). */
};

struct tpr_netns;               /* attach-netns.h */

/* Looks at the device 'ifindex' of this thread's network namespace. */
void tpr_device_probe(uint32_t ifindex, struct tpr_netns *,
                      struct tpr_device *);

#endif /* attach-facts.h */
