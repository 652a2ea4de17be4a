/* SPDX-License-Identifier: Apache-2.0 */

/* The inside of the heartbeat thread; for hb-loop.c and hb-thread.c only.
 *
 * hb-loop.c runs on the heartbeat thread: sleep, note lateness, take orders,
 * read beats, judge, send, tell.  hb-thread.c is what the main thread calls.
 * They share the queues, the published statistics and nothing else.
 *
 * Threads: each member of struct hb_thread says whose it is. */

#ifndef TPR_HB_LOOP_H
#define TPR_HB_LOOP_H 1

#include <pthread.h>
#include <sys/epoll.h>
#include "hb-due.h"
#include "hb-io.h"
#include "hb-session.h"
#include "hb-thread.h"
#include "spsc.h"
#include "util.h"

enum {
    HB_MAX_HUBS = 4,            /* Receiving UDP sockets. */
    HB_N_COMMANDS = 2048,
    HB_N_FACTS = 4096,
};

/* An order to the heartbeat thread. */
struct hb_command {
    enum {
        HB_COMMAND_SET,
        HB_COMMAND_REMOVE,
        HB_COMMAND_LINK,
        HB_COMMAND_ADMIN,
        HB_COMMAND_HUB,
        HB_COMMAND_OFFLOAD,
        HB_COMMAND_QUIT,
    } type;
    uint32_t id;                /* Session; HUB: number of the hub. */
    bool flag;                  /* LINK: up; ADMIN: down. */
    enum bfd_diag diag;         /* ADMIN. */
    struct hb_io io;            /* SET, HUB: ownership goes along. */
    int hub;                    /* SET. */
    uint32_t discr;             /* SET. */
    uint64_t seed;              /* SET. */
    struct hb_session_config cfg;   /* SET. */
    struct tpr_beat *beat;      /* OFFLOAD. */
    struct hb_offload offload;  /* OFFLOAD. */
};

/* A struct that one thread writes and others copy out whole: a sequence lock.
 * 'seqno' is odd while it is being written. */
enum { HB_STATS_WORDS = DIV_ROUND_UP(sizeof(struct hb_stats), 8) };
struct hb_published {
    unsigned int seqno;
    uint64_t words[HB_STATS_WORDS];
};

/* Facts that found the queue full: the newest of each kind, in order UP or
 * DOWN, EXCUSED, SESSION, ERROR. */
enum { HB_N_HELD = 4 };
struct hb_held {
    struct hb_fact facts[HB_N_HELD];
    unsigned int mask;
};

/* What hb_thread_offload() was told of a session, and what became of it. */
struct hb_asked {
    struct hb_offload offload;
    struct tpr_beat *beat;      /* Has it, NULL: not (yet). */
    bool can_send;
    bool owed;                  /* There was no room for the order. */
    char *why;                  /* What it cannot, or NULL. */
};

struct hb_thread {
    /* Constant. */
    struct liveness *liveness;  /* May be NULL. */
    unsigned int max;
    pthread_t thread;
    int epoll_fd, timer_fd;
    int command_fd;             /* Wakes the heartbeat thread. */
    int fact_fd;                /* Wakes the main thread. */

    /* Between the threads. */
    struct spsc commands, facts;
    struct spsc retired;        /* Descriptors for the main thread to close,
                                 * which may take milliseconds. */
    bool holding;               /* Some facts are held back: the main thread
                                 * wakes us when it has made room. */
    bool owing;                 /* Some orders are: the heartbeat thread wakes
                                 * the main thread when it has. */
    struct hb_published *published;     /* 'max' of them. */
    struct hb_thread_stats self;        /* Single words, atomic access. */

    /* The heartbeat thread's own. */
    struct hb_session *sessions;        /* 'max' of them. */
    struct hb_held *held;       /* 'max' of them. */
    struct hb_due due;          /* Whose turn it is. */
    struct epoll_event *events;         /* 'max_events' of them. */
    int max_events;
    struct hb_io hubs[HB_MAX_HUBS];
    uint32_t *guesses;          /* 'max': by the hash of a peer's address, the
                                 * session that it was last. */
    unsigned int n_hubs;
    struct hb_rx rx;
    struct tpr_beat *beat;      /* What the kernel does, or NULL. */
    long long int planned_us;   /* When we asked to be woken. */
    long long int late_us;      /* After that, if it is not worth telling
                                 * everybody. */
    bool told;                  /* A fact was queued since the last wake. */
    bool quit;

    /* The main thread's own. */
    struct in6_addr hub_local[HB_MAX_HUBS];
    char hub_ifname[HB_MAX_HUBS][IFNAMSIZ];
    unsigned int n_known_hubs;
    struct hb_keeper *keeper;
    struct hb_asked *asked;     /* 'max': what the kernel shall do. */
};

/* epoll's data: a session's number, or one of these. */
enum {
    HB_EVENT_HUB = 0x10000,     /* Plus the number of the hub. */
    HB_EVENT_TIMER = 0x20000,
    HB_EVENT_COMMAND,
    HB_EVENT_KERNEL,
};

void *hb_loop_main(void *hb_thread);
void hb_loop_watch(struct hb_thread *, int fd, uint32_t data);

#endif /* hb-loop.h */
