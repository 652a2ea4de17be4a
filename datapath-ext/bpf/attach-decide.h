/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Which program a port of the bridge gets: facts in, a decision and a sentence
 * out.
 *
 *     who forwards            attached
 *     ----------------------  ------------------------------------------------
 *     kernel datapath         native XDP if checksums are whole, tags are in
 *                             the frame and all targets can transmit; else tc
 *                             ingress, which comes before the bridge
 *     userspace, AF_PACKET    native XDP on the same conditions, else generic
 *                             XDP, else nothing; never tc, for the packet
 *                             socket sees a packet before tc does, and it
 *                             would be forwarded twice
 *     userspace, AF_XDP       native XDP on the same conditions, before the
 *                             switch's own program (attach-next.h), else
 *                             nothing
 *     DPDK, others            nothing
 *
 *     native XDP, where libxdp's dispatcher is attached natively: as one of
 *                             its parts (attach-dispatcher.h), the switch's
 *                             own for AF_XDP among the others; where that
 *                             cannot be, as beside any foreign program
 *
 * A foreign XDP program is never replaced.
 *
 * Threads: a pure function. */

#ifndef TPR_BPF_ATTACH_DECIDE_H
#define TPR_BPF_ATTACH_DECIDE_H 1

#include <stdbool.h>
#include <stdint.h>
#include "openvswitch/compiler.h"

/* How a port's packets reach the switch. */
#define TPR_PORT_KINDS                                          \
    TPR_PORT_KIND(KERNEL, "kernel")     /* openvswitch.ko. */   \
    TPR_PORT_KIND(AF_PACKET, "af-packet") /* Userspace. */      \
    TPR_PORT_KIND(AF_XDP, "af-xdp")     /* Userspace. */        \
    TPR_PORT_KIND(DPDK, "dpdk")                                 \
    TPR_PORT_KIND(INTERNAL, "internal") /* br0 and its like. */ \
    TPR_PORT_KIND(VIRTUAL, "virtual")   /* Patch, tunnel. */
enum tpr_port_kind {
#define TPR_PORT_KIND(ENUM, NAME) TPR_PORT_##ENUM,
    TPR_PORT_KINDS
#undef TPR_PORT_KIND
    TPR_N_PORT_KINDS
};

#define TPR_ATTACH_MODES                                \
    TPR_ATTACH_MODE(NONE, "none")                       \
    TPR_ATTACH_MODE(XDP, "xdp")         /* Native. */   \
    TPR_ATTACH_MODE(GENERIC, "generic") /* XDP. */      \
    TPR_ATTACH_MODE(NEXT, "af-xdp")     /* attach-next.h. */ \
    TPR_ATTACH_MODE(DISPATCHER, "xdp-dispatcher") /* attach-dispatcher.h. */ \
    TPR_ATTACH_MODE(TC, "tc")           /* Ingress. */
enum tpr_attach_mode {
#define TPR_ATTACH_MODE(ENUM, NAME) TPR_ATTACH_##ENUM,
    TPR_ATTACH_MODES
#undef TPR_ATTACH_MODE
    TPR_N_ATTACH_MODES
};

/* A name for people, such as "af-packet", "generic". */
const char *tpr_port_kind_name(enum tpr_port_kind);
const char *tpr_attach_mode_name(enum tpr_attach_mode);

/* The opposite.  Returns false if there is no such kind. */
bool tpr_port_kind_from_name(const char *, enum tpr_port_kind *);

/* What may be impossible to find out. */
enum tpr_known { TPR_UNKNOWN, TPR_YES, TPR_NO };

/* What is known of a port.  Zero is what is wanted of a fresh one, but for
 * 'exists' and 'whole'. */
struct tpr_attach_facts {
    const char *name;           /* Of the device. */
    enum tpr_port_kind kind;
    bool exists;                /* Here, in this network namespace. */
    bool tagged;                /* Frames with VLAN tags may arrive. */
    uint32_t foreign;           /* XDP program of somebody else: its id. */
    bool dispatcher;            /* That is libxdp's dispatcher. */
    const char *no_join;        /* Why ours cannot become a part of it; NULL:
                                 * it can, or is. */
    uint32_t own;               /* AF_XDP: the switch's own program, alone or
                                 * a part of the dispatcher. */
    bool generic;               /* AF_XDP: its program is a generic one. */
    enum tpr_known whole;       /* Checksums of what arrives are whole. */
    const char *sender;         /* Device that may leave them unfinished, such
                                 * as a veth's other end; NULL: unknown. */
    bool tags_aside;            /* Tags of what arrives are kept beside the
                                 * frame, where XDP does not see them. */
    bool guest;                 /* The driver, a guest's, has whole checksums
                                 * for native XDP only: others on the same
                                 * hypervisor leave them unfinished. */
    bool gro;                   /* Packets are put together on receipt. */
    const char *no_target;      /* A port by which XDP cannot transmit, NULL:
                                 * there is none. */
    const char *no_room;        /* Why XDP cannot send by this one, whatever
                                 * its driver; NULL: it can.  Then none of it
                                 * is attached, for answers to what comes in
                                 * were lost. */
    const char *no_next;        /* AF_XDP: why ours cannot come before the
                                 * switch's program; NULL: it can. */
    const char *no_native;      /* Why the device refused native XDP; NULL: it
                                 * did not. */
    const char *no_generic;     /* The same for generic XDP, */
    const char *no_tc;          /* and tc. */
};

/* Decides, and stores in '*why' a sentence, without a full stop, that the
 * caller frees. */
enum tpr_attach_mode tpr_attach_decide(const struct tpr_attach_facts *,
                                       char **why);

#endif /* attach-decide.h */
