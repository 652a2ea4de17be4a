/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Our filters at a device's tc ingress, by rtnetlink: no BPF library, no
 * program is needed to find or to remove them.
 *
 * A filter has a place of its own, a priority and a handle, and a name that
 * tells it from one of somebody else's.
 *
 * Where there is no qdisc for filters, "ingress" is made, not "clsact": Open
 * vSwitch, when it polices a port, removes the one and makes its own, and
 * fails at the other.  So ours may go at any time, and its owner has to look;
 * somebody's clsact serves as well.
 *
 * Functions that can fail return an errno value or 0.
 *
 * Threads: any. */

#ifndef TPR_BPF_TC_FILTER_H
#define TPR_BPF_TC_FILTER_H 1

#include <stdbool.h>
#include <stdint.h>

struct tpr_tc_place {
    uint32_t handle;
    uint16_t priority;          /* Lowest first. */
    const char *name;
};

/* The redirect program's, after all others, so that what they drop is
 * dropped. */
extern const struct tpr_tc_place tpr_tc_redirect;

/* Makes the qdisc.  EEXIST: it, or clsact, is there. */
int tpr_tc_add_qdisc(uint32_t ifindex);

/* Removes the qdisc, unless somebody has a filter there, or made it
 * clsact. */
void tpr_tc_del_qdisc(uint32_t ifindex);

/* Puts program 'fd' at 'place'; if 'replace', in the place of the one that is
 * there, if any, with no packet between them that sees none. */
int tpr_tc_put(uint32_t ifindex, const struct tpr_tc_place *place, int fd,
               bool replace);

/* The id of the program at 'place', 0: there is none.  '*ours': the filter has
 * its name. */
uint32_t tpr_tc_get(uint32_t ifindex, const struct tpr_tc_place *place,
                    bool *ours);

/* Removes the filter at 'place'. */
int tpr_tc_del(uint32_t ifindex, const struct tpr_tc_place *place);

#endif /* tc-filter.h */
