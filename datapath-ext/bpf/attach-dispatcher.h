/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Becomes a part of libxdp's dispatcher at a device.
 *
 * Why: a device has one XDP program.  Where somebody else was first by libxdp
 * (xdp-loader, xdp-filter, AF_XDP sockets), that one is a dispatcher, which
 * calls its parts, ten programs at most, one after the other as long as they
 * pass the packet: there is room for ours, and nothing has to be replaced.
 *
 *     packet --> xdp_dispatcher --> 10  xdp-filter --dropped--> gone
 *                                       | passed
 *                                   15  ours ------taken------> out of the
 *                                       | passed                backend's
 *                                   20  xsk_def_prog --> socket      port
 *                                   50  others
 *
 * The numbers are libxdp's priorities.  A filter comes before ours
 * (TPR_BPF_PRIORITY), for what it drops shall not be served; AF_XDP's program
 * after it, for that passes nothing on; and so do those that asked for no
 * place (50), which see of a service what they would see beside ours anyway:
 * nothing.
 *
 * How: a dispatcher never changes.  Whoever joins or leaves has libxdp make
 * another one with the parts that are there, which takes the first one's place
 * in one exchange that names what it replaces: no packet is lost, and no part.
 * libxdp pins them all in its folder, "dispatch-IFINDEX-ID/progN-prog", and
 * there is looked for them.  A part is a program of a kind of its own (EXT),
 * which is verified as if it were a function of a dispatcher's
 * (tpr_bpf_make_part()); the same one may be in any number of them.
 *
 * One program is exchanged for another by adding that and removing the first.
 * In between both are asked: the second gets what the first one passed, passes
 * that, too, for they share their maps, and nothing is done twice.
 *
 * A build without libxdp has attach-dispatcher-stub.c.
 *
 * Functions that can fail return an errno value or 0.
 *
 * Threads: its owner's, one of a process: libxdp itself is not made for more.
 * It waits for its lock in its folder. */

#ifndef TPR_BPF_ATTACH_DISPATCHER_H
#define TPR_BPF_ATTACH_DISPATCHER_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TPR_MAX_PARTS = 10 };    /* libxdp's limit. */

/* The name of ours. */
#define TPR_PART_NAME "tpr_xdp"

/* What a device has. */
struct tpr_parts {
    uint32_t dispatcher;        /* Id of libxdp's, natively; 0: there is
                                 * none. */
    size_t n;                   /* Its parts, in order. */
    struct {
        uint32_t id;
        char name[16];
    } part[TPR_MAX_PARTS];
};

/* Looks at 'ifindex'.  An error: there is a dispatcher, but which parts it has
 * cannot be found out; EOPNOTSUPP: this build looks at none. */
int tpr_dispatcher_look(uint32_t ifindex, struct tpr_parts *);

/* Is program 'id' among the parts? */
bool tpr_parts_have(const struct tpr_parts *, uint32_t id);

/* The id of the first part whose name begins so; 0: there is none. */
uint32_t tpr_parts_find(const struct tpr_parts *, const char *name);

/* Where libxdp has its pins: static. */
const char *tpr_dispatcher_folder(void);

/* Makes program 'fd', of tpr_bpf_make_part()'s kind, a part of the dispatcher
 * at 'ifindex', unless it is one.  E2BIG: that has no room; EBUSY: it is none
 * that libxdp here can make another of. */
int tpr_dispatcher_join(uint32_t ifindex, int fd);

/* The opposite, if 'fd' still is one; the last part takes its dispatcher
 * along.  Where that fails, or nobody knows what the dispatcher has, all stays
 * as it is: to be tried again. */
int tpr_dispatcher_leave(uint32_t ifindex, int fd);

/* Removes parts of ours other than 'keep': their maker lost its pins. */
void tpr_dispatcher_remove_stray(uint32_t ifindex, uint32_t keep);

#endif /* attach-dispatcher.h */
