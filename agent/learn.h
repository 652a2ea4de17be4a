/* SPDX-License-Identifier: Apache-2.0 */

/* Keeps the switch's MAC learning alive.
 *
 * Frames that BPF programs take are not seen by the switch: its entries for
 * their senders would age, and everything else that is sent to these would be
 * flooded.  So the switch is given one small frame per sender and
 * LEARN_INTERVAL_MS, as if it had come from there: addressed to the bridge's
 * own port, where nobody listens to its type.
 *
 *   learn_saw()      a sender was heard, by this interface and in this VLAN
 *   learn_next()     one whose frame is due
 *   learn_frame()    that frame
 *
 * Pure.  Threads: an instance belongs to one thread. */

#ifndef TPR_LEARN_H
#define TPR_LEARN_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "openvswitch/hmap.h"
#include "openvswitch/types.h"

enum {
    LEARN_INTERVAL_MS = 60 * 1000,      /* A fifth of the switch's ageing. */
    LEARN_FORGET_MS = 3 * LEARN_INTERVAL_MS,    /* Silent ones. */
    LEARN_MAX = 16384,                  /* Senders known at once. */
    LEARN_ETH_TYPE = 0x88b5,            /* IEEE 802's for local use. */
    LEARN_FRAME_MAX = 64,
};

struct learn_entry {
    struct hmap_node node;      /* In struct learn's 'entries'. */
    struct eth_addr mac;
    uint32_t ifindex;           /* Where it is. */
    uint16_t vid;               /* 0: untagged. */
    long long int seen_ms;      /* Heard last, */
    long long int told_ms;      /* and the switch told; 0: never. */
};

struct learn {
    struct hmap entries;        /* Contains "struct learn_entry"s. */
    uint64_t n_frames;          /* Handed out. */
};

void learn_init(struct learn *);
void learn_destroy(struct learn *);

void learn_saw(struct learn *, const struct eth_addr *, uint32_t ifindex,
               uint16_t vid, long long int seen_ms);
const struct learn_entry *learn_next(struct learn *, long long int now_ms);
size_t learn_frame(const struct learn_entry *, const struct eth_addr *bridge,
                   uint8_t frame[LEARN_FRAME_MAX]);

#endif /* learn.h */
