/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Attaches a program to one device, and finds it there again.
 *
 * XDP: by a BPF link, pinned as "xdp-IFINDEX" or "generic-IFINDEX".  tc: by a
 * filter (tc-filter.h); its program is pinned as "tc-IFINDEX", or
 * "tcq-IFINDEX" if the qdisc came with it.  Before the switch's own XDP
 * program: see attach-next.h; the program is pinned as "next-IFINDEX".  In
 * libxdp's dispatcher: see attach-dispatcher.h; it is pinned as
 * "part-IFINDEX".
 *
 * Finding and detaching take nothing but the pins: no program is loaded for
 * it, and a build without programs has these functions, too.
 *
 * Functions that can fail return an errno value or 0.
 *
 * Threads: its owner's. */

#ifndef TPR_BPF_ATTACH_LINK_H
#define TPR_BPF_ATTACH_LINK_H 1

#include "attach-decide.h"

/* What is attached to a device. */
struct tpr_link {
    enum tpr_attach_mode mode;
    uint32_t ifindex;
    uint32_t program;           /* Its id. */
    int fd;                     /* XDP by a link: that; else the program. */
    bool made_qdisc;            /* tc: the qdisc came with the filter. */
};

/* Attaches program 'fd' to 'ifindex', and pins that in the folder 'pins'
 * unless that is NULL.  EBUSY or EEXIST: somebody else's is there. */
int tpr_link_attach(struct tpr_link *, enum tpr_attach_mode,
                    uint32_t ifindex, int fd, const char *pins);

/* Puts program 'fd' in the place of the one that is attached, with no packet
 * between them that sees none. */
int tpr_link_update(struct tpr_link *, int fd, const char *pins);

/* Puts a tc filter back that somebody removed, with its qdisc if that is
 * missing, too; '*missed' says whether anything was.  'new_qdisc': somebody
 * may have made another qdisc in the meantime.  EEXIST: somebody else's filter
 * is in its place. */
int tpr_link_repair(struct tpr_link *, bool new_qdisc, const char *pins,
                    bool *missed);

/* Detaches, if it still is attached, and takes the qdisc along if that came
 * with the filter and nobody else uses it.  Returns 0, or an errno value if
 * the switch's own program could not be put back, or a dispatcher not left:
 * then it is as it was, pin included, and it is to be tried again. */
int tpr_link_detach(struct tpr_link *, const char *pins);

/* Detaches a tc filter or parts of a dispatcher that are ours, but not 'l',
 * which is what its device has: their maker died, or lost the file system of
 * its pins. */
void tpr_link_remove_stray(uint32_t ifindex, const struct tpr_link *l);

/* Detaches all that is pinned in 'pins', and removes the folder with whatever
 * is in it.  Stores in '*n' how many devices had something.  Returns NULL, or
 * a sentence to free() about what stays attached. */
char *tpr_link_remove_all(const char *pins, size_t *n)
    OVS_WARN_UNUSED_RESULT;

/* Forgets it without detaching; what is not pinned ends. */
void tpr_link_forget(struct tpr_link *, const char *pins);

/* Is it still attached?  Its device may have gone, or somebody removed it. */
bool tpr_link_is_there(const struct tpr_link *);

/* Finds everything that is pinned in 'pins' and still attached, '*n' in
 * number, in an array that the caller frees; removes the other pins of the
 * kind. */
struct tpr_link *tpr_link_find(const char *pins, size_t *n);

/* Is any program pinned in 'pins' that comes before the switch's own? */
bool tpr_link_has_next(const char *pins);

#endif /* attach-link.h */
