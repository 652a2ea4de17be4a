/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Heartbeats in the kernel: what the BPF programs and user space share.
 *
 * Why: beats are sent, received and missed in the kernel, so that neither a
 * busy nor a dead agent is taken for a dead region, or hides one.
 *
 * How: the agent brings a BFD session up by itself, and then *arms* it here:
 *
 *   reception     tpr_beat_tc (or tpr_beat_xdp) on the port stores when a beat
 *                 came.  One that is like the last is taken off the port; one
 *                 with news goes on to user space.  A Down or AdminDown takes
 *                 the region down at once.
 *   detection     one timer looks at all sessions every quarter of the
 *                 shortest interval (beat-rules.h decides).
 *   the ear       anybody may take a filter off a port.  So tpr_beat_ear, on a
 *                 packet socket at the same port, hears beats, too.  Where it
 *                 does and the filter does not, nobody is dead: the session is
 *                 disarmed, its word stays, and user space is told.
 *   pulses        a timer on each processor.  While one does not tick, what
 *                 came in or went out there stands still: our own stall.
 *   transmission  a packet, the token, goes round through a veth whose token
 *                 bucket delays it; wherever it passes, tpr_beat_token sends
 *                 the beats that are due.  The timer misses it.
 *
 * Before it is armed, a session *listens*: the filter counts beats and takes
 * none.  User space arms it once that works.
 *
 * Whoever takes an armed session down first disarms it, by exchanging 'armed',
 * and then stores the region's word in all liveness pages that are known
 * (tpr_beat_pages).  Only user space arms, and only user space stores "up".
 * From then on it is the agent's session again: a disarmed session's packets
 * all go to user space.
 *
 * Without the agent, at the end of the lease, sessions are disarmed, their
 * words stay, and the beats say AdminDown.  When these have ended, so does the
 * token.
 *
 * Threads: user space writes configuration while 'armed' or 'active' is 0, the
 * programs write the rest.  Each member says whose it is; 64-bit accesses are
 * single.
 * Time: microseconds of CLOCK_MONOTONIC, named *_us. */

#ifndef TPR_BPF_BEAT_H
#define TPR_BPF_BEAT_H 1

#include "beat-rules.h"
#include "redirect.h"

/* Values of 'armed', in its lowest bits.  Above them stands a number, another
 * one each time but with TPR_BEAT_OFF: whoever judges a session by what it has
 * read disarms that arming, and not one that came meanwhile. */
enum {
    TPR_BEAT_OFF,
    TPR_BEAT_ARMED,
    TPR_BEAT_LISTENING,
    TPR_BEAT_ARMED_MASK,
    TPR_BEAT_ARMING,            /* What the number is counted in. */
};

enum {
    TPR_BEAT_SESSIONS = TPR_MAX_REGIONS,
    TPR_BEAT_PAGES = 16,        /* Liveness pages. */
    TPR_BEAT_FRAME = 128,       /* Longest frame that is sent. */
    TPR_BEAT_TICK_MIN_US = 250,
    TPR_BEAT_TICK_MAX_US = 10000,

    /* The token: as many bytes as it shall wait microseconds. */
    TPR_BEAT_RATE = 1000 * 1000,        /* Bytes a second. */
    TPR_BEAT_TOKEN_MIN = 64,
    TPR_BEAT_TOKEN_MAX = 500,           /* A new session's first beat is late
                                         * by as many microseconds. */
    TPR_BEAT_TOKEN_IDLE,        /* Nobody's beats are sent by it.  It ends
                                 * then, once its owner has been silent for */
    TPR_BEAT_ABANDONED_US = 60 * 1000 * 1000,   /* so long: it would keep a
                                 * network namespace of the dead for ever. */
    TPR_BEAT_ETHERTYPE = 0x88b5,        /* IEEE 802: local experiments. */
    TPR_BEAT_HASTE_US = 20,     /* A token that comes sooner than this... */
    TPR_BEAT_HASTE_MAX = 1000,  /* ...so often in a row ends: somebody has
                                 * taken its bucket. */

    TPR_BEAT_CPUS = 16,         /* Pulses; none where there are more. */

    TPR_BEAT_MAGIC = 0x74706202,
    TPR_BEAT_NAME = 32,
};

/* Reception and detection of one session. */
struct tpr_beat_rx {
    /* User space, while 'armed' is 0. */
    uint8_t expected[TPR_BEAT_LEN];     /* The last packet. */
    uint32_t addr[8];           /* As in the packet, source and destination:
                                 * IPv6, or IPv4's two words. */
    uint32_t ipv6;              /* Which of them. */
    uint32_t ifindex;           /* Where it comes in, 0: anywhere. */
    uint32_t vlan;              /* VID, 0: untagged. */
    uint32_t max_excuses;
    int64_t interval_us;        /* At which beats are due. */
    int64_t detect_us;          /* Silence that means "down". */
    int64_t tx_interval_us;     /* Of our own beats, 0: they do not count. */
    int64_t blame_us;           /* How long after a stall of ours the peer may
                                 * complain of it. */
    uint32_t consume;           /* Ordinary beats end here. */

    /* Both: see above. */
    uint32_t armed;             /* TPR_BEAT_OFF, ... */

    /* Where the first beat since it was armed came from: Ethernet destination
     * and source.  The programs write it and then 'has_macs'. */
    uint32_t has_macs;
    uint8_t macs[12];

    /* The programs. */
    int64_t rx_us;              /* The last beat; user space stores one when
                                 * it arms. */
    int64_t heard_us;           /* The last one that the ear has heard. */
    int64_t blame_until_us;     /* See blame_us... */
    int64_t stall_us;           /* ...and how long that stall was. */
    int64_t max_gap_us;         /* Longest between two beats, ever. */
    uint64_t n_rx;              /* Ordinary beats. */
    uint64_t n_listened;        /* Beats while it only listened. */
    uint64_t n_news;            /* Others, which went on to user space. */
    struct tpr_beat_watch watch;
    uint64_t n_down;            /* How often the kernel said "down". */
    uint64_t n_suspended;       /* Disarmed as our own beats had ceased. */
    uint64_t n_deaf;            /* Disarmed as only the ear heard beats. */
};

/* Transmission of one session. */
struct tpr_beat_tx {
    /* User space; frames change while 'seq' is odd. */
    uint32_t active;
    uint32_t seq;
    uint32_t ifindex;
    uint32_t single;            /* Detection multiplier 1. */
    uint32_t len[2];            /* Of the frames, bytes. */
    int64_t interval_us;
    int64_t lease_until_us;

    /* The program. */
    uint64_t random;            /* User space starts it. */
    int64_t next_us;            /* When the next one is due. */
    int64_t sent_us;            /* When the last one left, or was to leave when
                                 * user space made it active. */
    uint64_t n_tx, n_errors, n_farewells;
    int64_t max_late_us;

    /* User space: while the lease is valid, and AdminDown. */
    uint8_t frame[2][TPR_BEAT_FRAME];
};

struct tpr_beat_session {
    struct tpr_beat_rx rx;
    struct tpr_beat_tx tx;
};

/* Which process this is, for one that comes after it. */
struct tpr_beat_owner {
    uint32_t magic;             /* TPR_BEAT_MAGIC: this very layout. */
    uint32_t tag;               /* Random: in names of devices and pins. */
    char name[TPR_BEAT_NAME];
    uint64_t pid, started;      /* In clock ticks since boot: /proc. */
    uint64_t pid_ns, net_ns;    /* Inodes. */
    int64_t seen_us;            /* When it last said that it lives. */
    uint32_t n_ports;
    struct {
        uint32_t ifindex;
        uint32_t made_qdisc;    /* A qdisc came with our filter. */
    } ports[TPR_BEAT_SESSIONS];
};

/* One for all sessions. */
struct tpr_beat_state {
    /* User space. */
    struct tpr_beat_owner owner;
    uint32_t n_sessions;        /* None beyond. */
    uint32_t token_ifindex;     /* Where the token goes out. */
    uint32_t token_generation;  /* Another token is not ours. */
    uint32_t tick_us;           /* Of the timer, 0: it shall stop. */
    uint32_t lost_after_us;     /* How old the token may be, 0: nobody needs
                                 * it. */

    /* The timer. */
    int64_t planned_us;         /* When it should have fired. */
    int64_t scanned_us;         /* When it did. */
    uint64_t n_scans;
    int64_t max_late_us;
    int64_t missed_token_us;    /* 'token_us' of the one that it missed. */

    /* Pulses. */
    uint32_t n_cpus;            /* User space: that have one. */
    int64_t pulse_due_us[TPR_BEAT_CPUS];

    /* The token. */
    int64_t token_us;           /* When it last passed. */
    uint32_t n_hasty;           /* How often in a row without a delay. */
    uint64_t n_tokens;
    uint64_t n_foreign;         /* Packets that were no token of ours. */

    struct tpr_beat_stall stall;        /* The timer. */
};

/* What the programs tell user space. */
enum tpr_beat_event_type {
    TPR_BEAT_EVENT_DOWN,        /* Silence.  The session is disarmed. */
    TPR_BEAT_EVENT_PEER_DOWN,   /* The peer said so.  It is disarmed. */
    TPR_BEAT_EVENT_EXCUSED,
    TPR_BEAT_EVENT_SUSPENDED,   /* It is disarmed; the word stays. */
    TPR_BEAT_EVENT_DEAF,        /* Likewise: only the ear hears beats. */
    TPR_BEAT_EVENT_TOKEN,       /* It is away.  'id' is UINT32_MAX. */
};

struct tpr_beat_event {
    uint32_t id;
    uint32_t type;              /* enum tpr_beat_event_type. */
    int64_t now_us;
    int64_t rx_us;              /* The last beat before; DEAF: heard. */
    int64_t late_us;            /* How late we were. */
};

#endif /* beat.h */
