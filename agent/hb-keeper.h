/* SPDX-License-Identifier: Apache-2.0 */

/* The keeper: a thread that has the BPF programs of heartbeats loaded and
 * attached, and sees to it that they stay so.
 *
 * Why a thread: loading takes milliseconds (the verifier), and so may every
 * question to rtnetlink.  Neither the main thread nor the heartbeat thread has
 * that time.
 *
 * How: the main thread orders (hb_keeper_attach(), ...) and takes results
 * (hb_keeper_next()); a descriptor that the caller named is written when there
 * are some.  What the programs left that a dead process had is removed first.
 * Whenever rtnetlink tells of a change of tc or devices, and once a second, it
 * looks whether all is in its place, and puts it back.
 *
 * Threads: all functions belong to the main thread. */

#ifndef TPR_HB_KEEPER_H
#define TPR_HB_KEEPER_H 1

#include <stdbool.h>
#include <stdint.h>

struct tpr_beat;

/* What has become of an order, or of what it had led to. */
struct hb_kept {
    enum {
        HB_KEPT_SESSION,
        HB_KEPT_INFO,           /* A sentence for the log: 'why'. */
        HB_KEPT_WARNING,        /* Likewise. */
    } type;

    /* SESSION. */
    uint32_t id, ifindex;
    struct tpr_beat *beat;      /* Receives there; NULL: it cannot. */
    bool can_send;

    char *why;                  /* What cannot be, or NULL.  To free(). */
};

struct hb_keeper *hb_keeper_create(unsigned int max, int wake_fd);
void hb_keeper_destroy(struct hb_keeper *);

void hb_keeper_attach(struct hb_keeper *, uint32_t id, uint32_t ifindex);
void hb_keeper_detach(struct hb_keeper *, uint32_t id);
int hb_keeper_add_page(struct hb_keeper *, int map_fd);
void hb_keeper_del_page(struct hb_keeper *, int map_fd);

bool hb_keeper_next(struct hb_keeper *, struct hb_kept *);

#endif /* hb-keeper.h */
