/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Loads the programs of heartbeats in the kernel and speaks to them: beat.h
 * says what they do.
 *
 * A struct tpr_beat is one process's; several don't meet.  What it loads can
 * outlive the process: with a folder for pins detection goes on when it dies,
 * and transmission until the lease ends.  A process that begins removes what
 * dead ones left.
 *
 * Functions that can fail return a sentence to free(), or NULL.
 *
 * Threads: the first part belongs to one thread, which it may block for a
 * while; the second to the heartbeat thread, and allocates and blocks never.
 * Sessions are told apart by their number, and no two threads do anything to
 * the same, but for tpr_beat_quiet(). */

#ifndef TPR_BPF_BEAT_LOADER_H
#define TPR_BPF_BEAT_LOADER_H 1

#include "beat.h"
#include "openvswitch/compiler.h"

struct tpr_beat;

/* ## The thread that keeps it. ## */

void tpr_beat_remove_old(const char *name, const char *pins);
char *tpr_beat_create(const char *name, const char *pins,
                      struct tpr_beat **) OVS_WARN_UNUSED_RESULT;
void tpr_beat_destroy(struct tpr_beat *);
const char *tpr_beat_unpinned_why(const struct tpr_beat *);

char *tpr_beat_attach(struct tpr_beat *, uint32_t ifindex)
    OVS_WARN_UNUSED_RESULT;
void tpr_beat_detach(struct tpr_beat *, uint32_t ifindex);
void tpr_beat_quiet(struct tpr_beat *, uint32_t id);

char *tpr_beat_check(struct tpr_beat *, int64_t now_us)
    OVS_WARN_UNUSED_RESULT;
const char *tpr_beat_port_trouble(struct tpr_beat *, uint32_t ifindex);
const char *tpr_beat_loop_trouble(const struct tpr_beat *);

char *tpr_beat_add_page(struct tpr_beat *, int map_fd)
    OVS_WARN_UNUSED_RESULT;
void tpr_beat_del_page(struct tpr_beat *, int map_fd);

char *tpr_beat_start_token(struct tpr_beat *) OVS_WARN_UNUSED_RESULT;
bool tpr_beat_has_token(const struct tpr_beat *);

/* For tests: packets by BPF_PROG_RUN. */
int tpr_beat_test_packet(struct tpr_beat *, bool xdp, const void *frame,
                         uint32_t size, uint32_t *verdict);

/* ## Heartbeat thread. ## */

/* What tpr_beat_arm() is told of a session, all as in struct tpr_beat_rx. */
struct tpr_beat_arming {
    uint32_t discr;             /* Ours, host byte order. */
    uint8_t expected[TPR_BEAT_LEN];
    uint32_t addr[8];
    bool ipv6, consume;
    uint32_t ifindex, vlan, max_excuses;
    int64_t interval_us, detect_us, tx_interval_us, blame_us;
    int64_t rx_us;              /* The last beat. */
};

/* What tpr_beat_send() is told, all as in struct tpr_beat_tx. */
struct tpr_beat_sending {
    uint32_t ifindex;
    bool single;
    int64_t interval_us, lease_until_us;
    uint64_t random;
    uint32_t len[2];
    uint8_t frame[2][TPR_BEAT_FRAME];
};

const struct tpr_beat_state *tpr_beat_state(const struct tpr_beat *);
const struct tpr_beat_session *tpr_beat_session(const struct tpr_beat *,
                                                uint32_t id);

int tpr_beat_listen(struct tpr_beat *, uint32_t id,
                    const struct tpr_beat_arming *);
int tpr_beat_arm(struct tpr_beat *, uint32_t id,
                 const struct tpr_beat_arming *);
bool tpr_beat_disarm(struct tpr_beat *, uint32_t id);
void tpr_beat_unquiet(struct tpr_beat *, uint32_t id);
void tpr_beat_sent(struct tpr_beat *, uint32_t id, int64_t now_us);

void tpr_beat_send(struct tpr_beat *, uint32_t id,
                   const struct tpr_beat_sending *, int64_t now_us);
void tpr_beat_unsend(struct tpr_beat *, uint32_t id);
void tpr_beat_renew(struct tpr_beat *, uint32_t id, int64_t lease_until_us);

typedef void tpr_beat_event_func(void *aux, const struct tpr_beat_event *);
int tpr_beat_fd(const struct tpr_beat *);
void tpr_beat_run(struct tpr_beat *, int64_t now_us, tpr_beat_event_func *,
                  void *aux);
const struct tpr_beat_token_watch *tpr_beat_token(const struct tpr_beat *);

#endif /* beat-loader.h */
