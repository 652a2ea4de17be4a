/* SPDX-License-Identifier: Apache-2.0 */

/* Keeps the switch's MAC learning alive: see learn.h. */

#include <config.h>
#include "learn.h"
#include <stdlib.h>
#include <string.h>
#include "hash.h"
#include "packets.h"
#include "util.h"

/* Makes 'l' empty. */
void
learn_init(struct learn *l)
{
    hmap_init(&l->entries);
    l->n_frames = 0;
}

static void
forget(struct learn *l, struct learn_entry *e)
{
    hmap_remove(&l->entries, &e->node);
    free(e);
}

/* Frees all that 'l' owns. */
void
learn_destroy(struct learn *l)
{
    struct learn_entry *e;

    HMAP_FOR_EACH_SAFE (e, node, &l->entries) {
        forget(l, e);
    }
    hmap_destroy(&l->entries);
}

static uint32_t
hash_sender(const struct eth_addr *mac, uint16_t vid)
{
    return hash_mac(*mac, vid, 0);
}

/* Takes note that 'mac' was heard at 'seen_ms', on the clock of learn_next(),
 * through 'ifindex', tagged with 'vid' or, 0, untagged.  One that has moved is
 * told at once. */
void
learn_saw(struct learn *l, const struct eth_addr *mac, uint32_t ifindex,
          uint16_t vid, long long int seen_ms)
{
    uint32_t hash = hash_sender(mac, vid);
    struct learn_entry *e;

    if (eth_addr_is_zero(*mac) || eth_addr_is_multicast(*mac)) {
        return;
    }
    HMAP_FOR_EACH_WITH_HASH (e, node, hash, &l->entries) {
        if (eth_addr_equals(e->mac, *mac) && e->vid == vid) {
            if (seen_ms > e->seen_ms) {
                e->seen_ms = seen_ms;
                if (e->ifindex != ifindex) {
                    e->ifindex = ifindex;
                    e->told_ms = 0;
                }
            }
            return;
        }
    }
    if (hmap_count(&l->entries) >= LEARN_MAX) {
        return;
    }
    e = xzalloc(sizeof *e);
    e->mac = *mac;
    e->ifindex = ifindex;
    e->vid = vid;
    e->seen_ms = seen_ms;
    hmap_insert(&l->entries, &e->node, hash);
}

/* Returns a sender that was heard since the switch was told of it and whose
 * frame is due, and takes that for sent; NULL if there is none.  Forgets those
 * that were silent for long. */
const struct learn_entry *
learn_next(struct learn *l, long long int now_ms)
{
    struct learn_entry *e;

    HMAP_FOR_EACH_SAFE (e, node, &l->entries) {
        if (now_ms - e->seen_ms > LEARN_FORGET_MS) {
            forget(l, e);
        } else if (!e->told_ms || (e->seen_ms > e->told_ms
                                   && now_ms - e->told_ms
                                      >= LEARN_INTERVAL_MS)) {
            e->told_ms = now_ms;
            l->n_frames++;
            return e;
        }
    }
    return NULL;
}

/* Makes the frame that tells where 'e' is, to the bridge's own address
 * 'bridge', and returns its length. */
size_t
learn_frame(const struct learn_entry *e, const struct eth_addr *bridge,
            uint8_t frame[LEARN_FRAME_MAX])
{
    size_t at = 2 * ETH_ADDR_LEN;

    memset(frame, 0, LEARN_FRAME_MAX);
    memcpy(frame, bridge, ETH_ADDR_LEN);
    memcpy(frame + ETH_ADDR_LEN, &e->mac, ETH_ADDR_LEN);
    if (e->vid) {
        frame[at++] = ETH_TYPE_VLAN_8021Q >> 8;
        frame[at++] = ETH_TYPE_VLAN_8021Q & 0xff;
        frame[at++] = e->vid >> 8;
        frame[at++] = e->vid & 0xff;
    }
    frame[at++] = LEARN_ETH_TYPE >> 8;
    frame[at] = LEARN_ETH_TYPE & 0xff;
    return LEARN_FRAME_MAX;
}
