/* SPDX-License-Identifier: Apache-2.0 */

/* One heartbeat session on the heartbeat thread: joins the logic of its type
 * (BFD, ICMP echo, link) with a transport.
 *
 * Decides nothing by itself: what the logic decides is returned, and the owner
 * (hb-thread.c) makes facts of it.
 *
 * Threads: the heartbeat thread.  Nothing here blocks, allocates or logs.
 * Time: *_us, CLOCK_MONOTONIC. */

#ifndef TPR_HB_SESSION_H
#define TPR_HB_SESSION_H 1

#include <stdbool.h>
#include <stdint.h>
#include "bfd-session.h"
#include "hb-io.h"
#include "hb-kernel.h"
#include "hb-thread.h"
#include "icmp-echo.h"

struct hb_session {
    bool used;
    struct hb_session_config cfg;
    struct hb_io io;            /* io.class NULL: none (LINK; device gone). */
    int hub;                    /* UDP: where it receives, -1: none. */
    uint32_t discr;             /* BFD: discriminator. */
    uint64_t seed;

    /* Who talks to whom: configured or learned. */
    struct in6_addr local, peer;
    unsigned int ifindex;
    uint8_t peer_mac[6];
    bool learned;               /* 'peer' is. */

    bool link_up;

    /* The logic, by cfg.type. */
    struct bfd_session bfd;
    struct icmp_echo echo;
    struct heartbeat link;

    struct hb_kernel kernel;    /* BFD: what it does for us. */

    /* Transmission. */
    long long int last_tx_us;   /* Last one that the kernel took. */
    int error;                  /* Of the last one; 0: it was taken. */

    /* For the owner. */
    long long int deadline_us;  /* hb_session_deadline() at the last look. */
    uint64_t told_seqno;        /* bfd.seqno that the main thread knows. */
    int told_error;             /* 'error' that the main thread knows. */
    bool touched;               /* Since the statistics were copied. */

    /* Statistics. */
    uint64_t n_tx, n_rx, n_tx_errors;
    uint64_t n_rx_bad[BFD_N_ERRORS];
};

void hb_session_start(struct hb_session *, const struct hb_session_config *,
                      const struct hb_io *, int hub, uint32_t discr,
                      uint64_t seed, long long int now_us);
enum heartbeat_decision hb_session_configure(struct hb_session *,
                                             const struct hb_session_config *,
                                             const struct hb_io *, int hub,
                                             long long int now_us);
bool hb_session_config_equal(const struct hb_session_config *,
                             const struct hb_session_config *);
bool hb_session_is_same(const struct hb_session *,
                        const struct hb_session_config *);

void hb_session_late(struct hb_session *, long long int late_us);
enum heartbeat_decision hb_session_receive(struct hb_session *,
                                           const struct hb_rx *,
                                           long long int now_us);
enum heartbeat_decision hb_session_trouble(struct hb_session *, int error,
                                           long long int now_us);
enum heartbeat_decision hb_session_set_link(struct hb_session *, bool up,
                                            long long int now_us);
enum heartbeat_decision hb_session_set_admin(struct hb_session *, bool down,
                                             enum bfd_diag,
                                             long long int now_us);
bool hb_session_must_judge(const struct hb_session *, long long int now_us);
enum heartbeat_decision hb_session_judge(struct hb_session *,
                                         long long int now_us);
void hb_session_send(struct hb_session *, long long int now_us);
long long int hb_session_deadline(const struct hb_session *);

bool hb_session_may_adopt(const struct hb_session *, const struct hb_rx *,
                          long long int now_us);
void hb_session_adopt(struct hb_session *, const struct hb_rx *,
                      long long int now_us);

const struct heartbeat *hb_session_heartbeat(const struct hb_session *);
void hb_session_stats(const struct hb_session *, struct hb_stats *);

#endif /* hb-session.h */
