/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Comes before the XDP program of Open vSwitch's own at an AF_XDP port.
 *
 * A device has one XDP program, and an AF_XDP port's is the switch's: without
 * it nothing gets to its sockets.  Ours (tpr_xdp_next) takes its place and
 * ends in a jump to it with whatever is not taken, so that the switch gets all
 * else as before.
 *
 *     packet --> tpr_xdp_next --taken--> out of the backend's port
 *                     |
 *                     +--tpr_next[slot of the device]--> xsk_def_prog --> the
 *                                                        switch's socket
 *
 * Both places are taken by one atomic exchange that names what it replaces, so
 * that neither a packet nor somebody else's program is lost; the way back is
 * the same.  It is a plain attachment, no BPF link: the switch, when it opens
 * the port anew, removes ours as it would its own, and its owner has to come
 * again.
 *
 * Where libxdp attached its dispatcher, and the switch's program behind that,
 * nothing is replaced: ours becomes a part, too (attach-dispatcher.h).  So
 * libxdp does by default on kernels that let one program replace a part of
 * another, unless ovs-vswitchd's environment has LIBXDP_SKIP_DISPATCHER=1.
 *
 * Functions that can fail return an errno value or 0.
 *
 * Threads: its owner's. */

#ifndef TPR_BPF_ATTACH_NEXT_H
#define TPR_BPF_ATTACH_NEXT_H 1

#include <stdbool.h>
#include <stdint.h>

/* Whose an XDP program is, by its name. */
enum tpr_next_owner {
    TPR_NEXT_FOREIGN,
    TPR_NEXT_SWITCH,            /* The default program of libxdp. */
    TPR_NEXT_DISPATCHER,        /* libxdp's (attach-dispatcher.h). */
};
enum tpr_next_owner tpr_next_owner(uint32_t program);

/* With what the name of the switch's own begins. */
#define TPR_NEXT_NAME "xsk_def_"

/* Attaches program 'fd' to 'ifindex' before the switch's own. */
int tpr_next_attach(uint32_t ifindex, int fd);

/* Puts program 'fd' in the place of 'old_fd', which is attached. */
int tpr_next_update(uint32_t ifindex, int old_fd, int fd);

/* Gives the switch's own program its place back, if 'fd' is attached.  Where
 * that fails, all stays as it is, and the switch goes on to get what it got:
 * to be tried again. */
int tpr_next_detach(uint32_t ifindex, int fd);

/* Is the program 'id' attached to 'ifindex', natively? */
bool tpr_next_is_there(uint32_t ifindex, uint32_t id);

/* Would two devices have the same slot? */
bool tpr_next_collide(uint32_t ifindex, uint32_t other);

#endif /* attach-next.h */
