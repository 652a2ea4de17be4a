/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What the watching programs (watch.bpf.c) and their owner (attach-watch.c)
 * share. */

#ifndef TPR_BPF_WATCH_H
#define TPR_BPF_WATCH_H 1

#include <stdint.h>

enum { TPR_WATCH_PORTS = 4096 };

/* Of one target, by interface index. */
struct tpr_watch_drops {
    uint64_t n;                 /* Packets. */
    int32_t last;               /* Why the last of them was dropped: errno. */
    uint32_t pad;
};

/* Set by the owner. */
struct tpr_watch_conf {
    uint64_t netns;             /* Inode of the network namespace. */
    uint32_t map;               /* Id of the map of targets. */
    uint32_t trial_map;         /* Id of the trial's. */
    uint32_t trial;             /* Interface index on trial; 0: none. */
};

/* What came of the trial. */
struct tpr_watch_trial {
    uint32_t sent;
    int32_t error;              /* errno; 0: none was told. */
};

#endif /* watch.h */
