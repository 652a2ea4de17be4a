/* SPDX-License-Identifier: Apache-2.0 */

/* The heartbeat thread: runs every heartbeat session, real-time where allowed.
 *
 * Why a thread: Open vSwitch's poll loop counts in milliseconds and shares its
 * thread with OVSDB and OpenFlow.  This thread uses epoll and timerfd, locked
 * memory and SCHED_FIFO; it never logs, allocates, or waits for a lock.
 *
 * How: the main thread opens sockets and hands over complete session
 * descriptions (hb_thread_set(), ..); they cross in a lock-free queue.  Facts
 * come back in another one: hb_thread_next_fact().  A transition stores the
 * region's liveness word first and emits the fact second.
 *
 * The self-stall guard: at each wake-up the thread compares the time with what
 * it had asked for and tells every session how late it is (heartbeat_late()),
 * then reads all beats that wait in sockets, and only then judges silence, as
 * of the time before it began to read.  A beat of our own that could not be
 * sent counts as lateness, too.
 *
 * Threads: all functions belong to the main thread; hb_thread_fd() may be
 * polled.  Statistics are copied out by a sequence lock: hb_thread_stats(). */

#ifndef TPR_HB_THREAD_H
#define TPR_HB_THREAD_H 1

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include "bfd-packet.h"
#include "bfd-session.h"
#include "heartbeat.h"

struct liveness;
struct tpr_beat;

enum hb_type {
    HB_BFD,                     /* RFC 5880, 5881. */
    HB_ICMP,                    /* ICMP or ICMPv6 echo. */
    HB_LINK,                    /* The port's carrier only. */
};

/* How beats travel. */
enum hb_path {
    HB_PATH_PACKET,             /* Packet socket on 'ifname'; whole frames. */
    HB_PATH_UDP,                /* Kernel UDP socket (tpr-regiond). */
};

/* What the kernel may do for a BFD session: see hb-kernel.h. */
struct hb_offload {
    long long int lease_us;     /* How long beats go on without us. */
    uint32_t ifindex;           /* The device. */
    bool receive;               /* Receive, and detect silence. */
    bool send;                  /* Send, too. */
};

/* A session, as the main thread describes it.  Copied by value. */
struct hb_session_config {
    uint32_t id;                /* Region index: its liveness word. */
    char name[64];              /* Region's name, for messages. */
    enum hb_type type;
    enum hb_path path;

    /* Addresses.  IPv4 as IPv4-mapped IPv6. */
    struct in6_addr local;      /* Ours; unspecified: any (UDP). */
    struct in6_addr peer;       /* The region's; unspecified (UDP): learn from
                                 * the first valid packet of somebody who has
                                 * no session yet. */
    char ifname[IFNAMSIZ];      /* Device of the packet socket, or bound to. */
    int ifindex;                /* Its number as the main thread knows it.  Not
                                 * used; makes the description of a device
                                 * that was made anew a different one. */
    uint8_t local_mac[6];       /* Source MAC (packet path); all zero: the
                                 * device's. */
    uint8_t peer_mac[6];        /* All zero: learn from received frames and
                                 * until then send to broadcast. */
    uint16_t vlan;              /* 802.1Q VID to send with, 0 for none. */

    /* Timing. */
    struct heartbeat_config hb; /* T_h, n, rise, k. */
    long long int detect_override_us; /* Stricter local decision, or 0. */

    /* BFD. */
    struct bfd_session_config bfd;
    struct hb_offload offload;
};

/* What the heartbeat thread found out. */
enum hb_fact_type {
    HB_FACT_UP,                 /* Region proven alive. */
    HB_FACT_DOWN,               /* Region proven dead. */
    HB_FACT_EXCUSED,            /* Would be dead, but we were late. */
    HB_FACT_SESSION,            /* Session state, diagnostic or negotiated
                                 * timers changed: see hb_thread_stats(). */
    HB_FACT_ERROR,              /* Socket trouble: 'error' is an errno. */
};

struct hb_fact {
    uint32_t id;                /* Region index. */
    enum hb_fact_type type;
    enum heartbeat_cause cause;
    long long int now_us;       /* Decision. */
    long long int last_beat_us; /* Last good beat before it. */
    long long int late_us;      /* EXCUSED: how late we were. */
    unsigned int missed;        /* DOWN: whole intervals without a beat. */
    int error;                  /* ERROR: errno. */
};

/* A consistent copy of everything that 'show' prints of a session. */
struct hb_stats {
    enum hb_type type;
    struct heartbeat hb;
    struct bfd_session_status bfd;      /* type BFD only. */
    uint64_t tx, rx, tx_errors;
    uint64_t rx_bad[BFD_N_ERRORS];      /* Discarded, by reason. */
    struct in6_addr local, peer;        /* Configured or learned. */
    uint8_t peer_mac[6];                /* Packet path. */
    int error;                          /* Of the socket, 0: none. */
    bool realtime;                      /* Thread has SCHED_FIFO. */

    /* The kernel's part. */
    bool kernel_rx, kernel_tx;          /* It receives, sends now. */
    bool kernel_deaf;                   /* Beats don't get to it... */
    bool kernel_mute;                   /* ...nor, for long, out of it. */
    uint32_t ifindex;                   /* Where packets come in, or 0. */
    uint64_t kernel_excused;
    uint64_t kernel_suspended;          /* Detection ended with our beats. */
    uint64_t kernel_n_deaf;             /* It would have taken the region down
                                         * that others still heard. */
    uint64_t kernel_n_mute;             /* Tokens lost, of all sessions. */
    long long int kernel_late_us;       /* Its timer's worst lateness, of all
                                         * sessions. */
    long long int kernel_tx_late_us;    /* Its beats' worst lateness. */
};

/* The same of the thread. */
struct hb_thread_stats {
    bool realtime;                      /* Thread has SCHED_FIFO. */
    bool locked;                        /* Memory is locked. */
    uint64_t n_wakeups;
    uint64_t n_late;                    /* Later than HB_LATE_US. */
    long long int max_late_us;
    uint64_t n_strays;                  /* Packets of no session. */
};

enum {
    HB_PRIORITY = 10,                   /* SCHED_FIFO. */
    HB_LATE_US = 500,
};

struct hb_thread;

struct hb_thread *hb_thread_create(struct liveness *, unsigned int max);
void hb_thread_destroy(struct hb_thread *);

int hb_thread_set(struct hb_thread *, const struct hb_session_config *);
int hb_thread_remove(struct hb_thread *, uint32_t id);
int hb_thread_set_link(struct hb_thread *, uint32_t id, bool up);
int hb_thread_set_admin(struct hb_thread *, uint32_t id, bool admin_down,
                        enum bfd_diag);

int hb_thread_offload(struct hb_thread *, uint32_t id,
                      const struct hb_offload *);
const char *hb_thread_offload_why(const struct hb_thread *, uint32_t id);
char *hb_thread_add_page(struct hb_thread *, int map_fd)
    __attribute__((warn_unused_result));
void hb_thread_del_page(struct hb_thread *, int map_fd);

int hb_thread_fd(const struct hb_thread *);
bool hb_thread_next_fact(struct hb_thread *, struct hb_fact *);
bool hb_thread_stats(const struct hb_thread *, uint32_t id,
                     struct hb_stats *);
void hb_thread_self_stats(const struct hb_thread *, struct hb_thread_stats *);

#endif /* hb-thread.h */
