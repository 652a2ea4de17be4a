/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Proves that XDP can send by a port, and counts what is lost when it does:
 * loads and owns watch.bpf.c.
 *
 * Threads: its owner's. */

#ifndef TPR_BPF_ATTACH_WATCH_H
#define TPR_BPF_ATTACH_WATCH_H 1

#include "openvswitch/compiler.h"
#include "watch.h"

struct tpr_watch;

/* Watches the map of targets 'map_fd'.  Needs Linux 6.1 with BTF.  Returns a
 * sentence to free(), or NULL. */
char *tpr_watch_create(int map_fd, struct tpr_watch **)
    OVS_WARN_UNUSED_RESULT;
void tpr_watch_destroy(struct tpr_watch *);

/* Sends one frame by 'ifindex', towards the other end's MAC layer only: to the
 * address of the nearest bridge, which no bridge forwards, with the Ethertype
 * for experiments.  Returns NULL if the driver took it, else a sentence
 * without full stop to free(). */
char *tpr_watch_prove(struct tpr_watch *, uint32_t ifindex)
    OVS_WARN_UNUSED_RESULT;

/* Counts drops at 'ifindex' from now on, or no longer.  Adding one that is
 * there changes nothing. */
void tpr_watch_add(struct tpr_watch *, uint32_t ifindex);
void tpr_watch_del(struct tpr_watch *, uint32_t ifindex);
struct tpr_watch_drops tpr_watch_get(const struct tpr_watch *,
                                     uint32_t ifindex);

#endif /* attach-watch.h */
