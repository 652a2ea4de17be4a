/* SPDX-License-Identifier: Apache-2.0 */

/* Heartbeats in the kernel, as one session on the heartbeat thread sees them.
 *
 * While a BFD session is steady - Up, nothing to negotiate, no authentication
 * - the kernel receives its packets, misses them and, where it can, sends ours
 * (datapath-ext/bpf/beat.h).  Whatever is not steady is this thread's, as
 * without the kernel.  So each time something happened, hb_kernel_update()
 * compares what the kernel has with what it should have.
 *
 * Nothing is taken for granted: the kernel listens first, and detects once it
 * has counted a beat.  If beats come, but not to its filter, the session stays
 * here; if the token gets lost, so does transmission until it runs again.
 *
 * The session's own detectors rest meanwhile: hb_kernel_look() tells them from
 * time to time which beats came, and whether the kernel still looks at all;
 * hb_kernel_event() what it decided.
 *
 * Threads: the heartbeat thread.  Time: *_us, CLOCK_MONOTONIC. */

#ifndef TPR_HB_KERNEL_H
#define TPR_HB_KERNEL_H 1

#include "beat-loader.h"
#include "heartbeat.h"
#include "hb-thread.h"

struct hb_rx;
struct hb_session;

struct hb_kernel {
    struct tpr_beat *beat;      /* NULL: everything in user space. */
    struct hb_offload offload;

    /* What the kernel has. */
    bool armed, listening, sending;
    struct tpr_beat_arming arming;      /* While armed or listening. */
    uint64_t n_listened;        /* Its count when it began to listen... */
    uint64_t n_heard;           /* ...how many beats came to us since... */
    long long int listen_us;    /* ...and when that was. */
    struct tpr_beat_sending sent;
    long long int look_us;      /* When to look again. */
    int64_t told_us;            /* For tpr_beat_ask_stall(). */
    uint64_t n_rx, n_tx;        /* Its counters at the last look. */

    /* The last good packet, without Poll and Final, and its way. */
    uint8_t expected[TPR_BEAT_LEN];
    struct in6_addr src, dst;
    uint32_t ifindex;           /* 0: there was none yet. */
    bool has_macs;              /* The kernel has seen... */
    uint8_t macs[12];           /* ...its Ethernet destination and source. */
};

void hb_kernel_set(struct hb_session *, uint32_t id, struct tpr_beat *,
                   const struct hb_offload *, long long int now_us);
void hb_kernel_stop(struct hb_session *, uint32_t id, long long int now_us);

void hb_kernel_blame(struct hb_session *);
void hb_kernel_note(struct hb_session *, const struct hb_rx *);
void hb_kernel_check_token(struct hb_session *, uint32_t id,
                           long long int now_us);
void hb_kernel_update(struct hb_session *, uint32_t id, long long int now_us);
long long int hb_kernel_deadline(const struct hb_session *);
long long int hb_kernel_stall(struct hb_session *, long long int since_us);
void hb_kernel_look(struct hb_session *, uint32_t id, long long int now_us);
enum heartbeat_decision hb_kernel_event(struct hb_session *, uint32_t id,
                                        const struct tpr_beat_event *,
                                        long long int now_us);
void hb_kernel_stats(const struct hb_session *, uint32_t id,
                     struct hb_stats *);

#endif /* hb-kernel.h */
