/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Attaches the BPF programs of a bridge to its ports.
 *
 * Why: which way a port's packets can be taken before the switch depends on
 * the port, on who sends to it and on all others (attach-decide.h has the
 * matrix); and a port is a target of XDP only once a frame really left by it,
 * for packets redirected to one that cannot transmit are lost, mostly without
 * a counter.
 *
 * How: the owner says which ports the bridge has, all of them, every time
 * something changed: a port came or went, a link went up or down, a setting of
 * ethtool or somebody else's program may be another.  What can stay, stays:
 * saying the same again costs no packet.
 *
 *     tpr_bpf_create() --> tpr_attach_create() --> tpr_attach_set_ports() ...
 *
 * What is attached is pinned beside the maps and outlives this process.  The
 * next one finds it there and replaces the programs one by one, each
 * atomically, with no packet lost; what belongs to a port that is no longer
 * one is detached.  Filters, queueing disciplines and programs of others stay
 * as they are, and none of theirs is ever replaced.
 *
 * Functions that can fail return a sentence to free(), or NULL.
 *
 * Threads: that of the struct tpr_bpf.  It must run in the network namespace
 * of the bridge. */

#ifndef TPR_BPF_ATTACH_H
#define TPR_BPF_ATTACH_H 1

#include "attach-decide.h"
#include "loader.h"

struct tpr_attach;

/* A port of the bridge. */
struct tpr_port {
    char name[16];              /* Of the device. */
    uint32_t ifindex;
    enum tpr_port_kind kind;
    bool tagged;                /* Frames with VLAN tags may arrive (a trunk):
                                 * XDP only where it sees tags. */
};

/* What became of it. */
struct tpr_attached {
    struct tpr_port port;
    enum tpr_attach_mode mode;
    char *why;                  /* A sentence without full stop. */
    bool target;                /* XDP may send by it: a frame did leave. */
    char *no_target;            /* Why not; NULL if 'target'. */
    bool reachable;             /* What XDP, generic too, redirects to it does
                                 * arrive. */
    uint32_t mtu;               /* Larger packets to it are dropped, as the
                                 * switch does. */
    bool taken_over;            /* Attached before this process came. */
    uint64_t drops;             /* Packets that XDP redirected to it and that
                                 * the kernel or its driver dropped, since
                                 * this process began. */
    int last_drop;              /* The errno of the last of them; 0: none. */
};

/* Prepares attaching programs of 'b', which stays the caller's and must exist
 * longer.  If 'b' is pinned in a folder ('pins', the one of struct
 * tpr_bpf_options), so are attachments; NULL: they end with this process.
 *
 * Takes its time, for it reads what the kernel knows of its types, and looks
 * at all processes: a thread that may wait should call it. */
struct tpr_attach *tpr_attach_create(struct tpr_bpf *b, const char *pins);

/* Forgets everything; if 'detach', first detaches from all ports.  NULL is
 * allowed. */
void tpr_attach_destroy(struct tpr_attach *, bool detach);

/* The bridge has the 'n' 'ports' and no others: attaches, detaches, proves
 * targets.  Never fails: what could not be done is in tpr_attach_list().
 *
 * A port that goes is withdrawn from objects first
 * (tpr_bpf_withdraw_port()). */
void tpr_attach_set_ports(struct tpr_attach *, const struct tpr_port *ports,
                          size_t n);

/* Puts back the tc filter of port 'ifindex', of all ports if that is 0, if
 * somebody removed it, and decides nothing; stores in '*n_repaired' at how
 * many ports.  'new_qdisc': somebody may have made another qdisc since.
 * Returns false if something is in the way: tpr_attach_set_ports() finds out
 * what. */
bool tpr_attach_repair(struct tpr_attach *, uint32_t ifindex, bool new_qdisc,
                       size_t *n_repaired);

/* When tpr_attach_set_ports() is to be called again (time_msec()), as the
 * other end of a port may be found then; LLONG_MAX: it makes no difference. */
long long int tpr_attach_again_ms(const struct tpr_attach *);

/* All ports, in the order in which they were given, with fresh counters.
 * Everything stays the room's, until the next call. */
const struct tpr_attached *tpr_attach_list(struct tpr_attach *, size_t *n);

/* NULL, or why drops are not counted: a sentence that stays the room's. */
const char *tpr_attach_no_drops(const struct tpr_attach *);

#endif /* attach.h */
