/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What the BPF programs and their loader share: the layout of the maps.
 *
 * Nearly all maps are arrays with one long value that user space maps, too.
 * A program has the pointer to such a value after one look-up, may follow
 * chains in it, and may do so while it holds the lock, where a look-up is
 * forbidden.  Their lengths are chosen when the programs are loaded (struct
 * tpr_bpf_sizes).
 *
 *     current[id] --> object (one of two) --> list of backends --> record
 *                                      \--> ring
 *     heads[hash] --> connection --> record --> conf (one of two) --> page
 *                                \-> current[id]
 *
 * New contents of an object or a record go into the slot that is not current,
 * and become current by one store.
 *
 * Threads: programs run on all processors at once.  Who makes, removes or
 * releases connections holds the lock; so do the numbers that limits, shares
 * and reverse keys depend on, which therefore are exact.  What packets refresh
 * are single stores.  User space writes objects, records that no connection
 * has, the page; it changes connections through the control program. */

#ifndef TPR_BPF_LAYOUT_H
#define TPR_BPF_LAYOUT_H 1

#include "redirect-track.h"

enum {
    TPR_BPF_LAYOUT = 4,         /* Version, which grows when what is in maps
                                 * means something else; other changes of
                                 * structs and maps are noticed without it. */
    TPR_BPF_NONE = UINT32_MAX,  /* No object, record or position. */
    TPR_BPF_FILTER = 1 << 18,   /* Buckets of the address filter. */
    TPR_BPF_CHAIN = 16,         /* Connections in a bucket, at most; with as
                                 * many buckets as connections, one of 10^13
                                 * has more. */
    TPR_BPF_ATTEMPTS = 64,      /* Choices for one connection, at most. */
    TPR_BPF_SWEEP = 256,        /* Connections looked at when there is no
                                 * room for one. */
    TPR_BPF_WIDE = 32,          /* Services with port ranges per VIP. */
    TPR_BPF_PPS_MS = 4000,      /* Packets/s that nobody has measured for so
                                 * long are not known. */
    TPR_BPF_EXPIRES_GRAIN = 64, /* An idle time may be that many ms short. */
    TPR_BPF_NOTE_SHARE = 64,    /* Packets without a connection note their
                                 * client in one of so many milliseconds. */
    TPR_BPF_SYN_MAX = 122,      /* Longer SYNs are not kept. */
    TPR_BPF_FRAGS = 4096,
    TPR_BPF_NEXT = 4096,        /* Slots for other programs, by device. */
    TPR_BPF_PRIORITY = 15,      /* Among others (attach-dispatcher.h). */
    TPR_BPF_FRAG_WAYS = 4,
    TPR_BPF_FRAG_MS = 15 * 1000,
};

/* How a program looks at a packet besides enum tpr_mode: by its addresses. */
enum { TPR_BPF_MODE_AUTO = 3 };

/* Fixed when the programs are loaded: the verifier knows these numbers. */
struct tpr_bpf_sizes {
    uint32_t connections;       /* That can be tracked. */
    uint32_t mask;              /* Of buckets; their number is a power of 2,
                                 * not below 'connections'. */
    uint32_t half_open;         /* Connections without an answer. */
    uint32_t objects;           /* Ids are below this. */
    uint32_t records;           /* Backends. */
    uint32_t lists;             /* Backends of all objects' versions, a power
                                 * of 2. */
    uint32_t rings;             /* Slots of all rings. */
};

/* What may be changed while nothing is in the tables. */
struct tpr_bpf_limits {
    uint32_t connections, half_open;    /* At most the sizes of that name. */
    uint32_t seed;              /* Of the hashes; never 0. */
    uint32_t stateless;         /* There is, or was, a stateless object. */
    uint32_t last_serial;       /* Of objects and records; user space. */
};

/* Pinned beside the maps: whoever finds another one leaves them alone. */
enum { TPR_BPF_MAGIC = 0x54505242 };

struct tpr_bpf_header {
    uint32_t magic;
    uint32_t version;           /* TPR_BPF_LAYOUT. */
    uint32_t fingerprint;       /* Of structs and maps. */
    uint32_t n_cpus;            /* Of statistics. */
    struct tpr_bpf_sizes sizes;
};

/* ## Objects. ## */

/* One version of a redirect object. */
struct tpr_bpf_object {
    struct tpr_addr vip;
    uint32_t list;              /* Its first backend in the lists. */
    uint32_t ring, ring_size;   /* In the rings; size 0: none. */
    uint32_t timeouts[TPR_N_TIMEOUTS];
    uint8_t proto, policy, on_down, on_none;
    uint16_t n_ports, n_backends;
    uint32_t stateless;         /* bool. */
    uint32_t affinity_ms;       /* 0: none. */
    uint32_t serial;            /* No other object's, ever; never 0. */
    uint32_t next_wide;         /* Id of another service of this VIP that
                                 * has ranges, plus 1. */
    struct tpr_port_range ports[TPR_MAX_PORT_RANGES];
};

/* A backend in an object's list. */
struct tpr_bpf_entry {
    uint32_t record;
    int32_t smooth;             /* Of smooth round-robin; under the lock. */
    uint16_t weight, priority;
};

/* A backend, for as long as an object or a connection has it. */
struct tpr_bpf_record {
    uint32_t current;           /* Which 'conf' is, in bit 0. */
    uint32_t n_connections;     /* Counted for limits; lock. */
    uint32_t n_entries;         /* Connections in the table; lock. */
    uint8_t in_object;          /* An object lists it; user space. */
    uint8_t kept;               /* It kept connections when last seen. */
    uint8_t died;               /* ...and stops to; user space. */
    uint8_t pad;
    uint64_t total_connections; /* Ever placed; lock. */
    uint32_t n_refused;         /* Resets in place of SYN-ACKs; atomic. */
    uint32_t n_silent;          /* SYNs without an answer; user space. */
    uint64_t limited_packets;   /* Towards it, while there is a limit of
                                 * packets/s; atomic. */
    uint64_t paced;             /* The same when 'pps' was measured; user
                                 * space, as these: */
    uint32_t pps;               /* Packets/s in the second before */
    uint32_t pps_ms;            /* this time. */
    uint32_t serial;            /* No other record's, ever; never 0. */
    uint32_t pad32;
    struct {
        struct tpr_redirect_backend b;
        uint32_t pad;
    } conf[2];                  /* Each in a cache line. */
};

_Static_assert(sizeof(struct tpr_bpf_record) == 192,
               "a record is three cache lines");

/* Packets of a record, per processor. */
struct tpr_bpf_stats {
    uint64_t packets, bytes, rev_packets, rev_bytes;
};

/* What leads from a packet without a connection to its object.  With port 0,
 * to the first of those that have ranges or no ports (chained by 'next_wide').
 * Of kind TPR_BPF_SERVICE_COUNT, with port 0, it tells how many objects have
 * the VIP and the protocol. */
struct tpr_bpf_service {
    struct tpr_addr vip;
    uint16_t port;              /* Network byte order. */
    uint8_t proto;
    uint8_t kind;               /* TPR_BPF_SERVICE_*. */
};
enum { TPR_BPF_SERVICE_ID, TPR_BPF_SERVICE_COUNT };

/* Where the stateless object of an IPv4 address and one port stands in the
 * table of shortcuts, if no other has that place. */
enum { TPR_BPF_SHORTCUTS = 1024 };

static inline __attribute__((always_inline)) uint32_t
tpr_bpf_shortcut(uint32_t vip, uint16_t port, uint8_t proto)
{
    return ((vip ^ ((uint32_t) port << 16 | proto)) * 0x9e3779b1u) >> 22;
}

/* Flags of an address in the filter. */
enum { TPR_BPF_IS_VIP = 1, TPR_BPF_IS_BACKEND = 2 };

static inline __attribute__((always_inline)) uint32_t
tpr_bpf_filter_bucket(const struct tpr_addr *a)
{
    uint32_t x = a->w[3] * 0x9e3779b1u;

    if (!tpr_addr_is_ip4(a)) {
        x ^= a->w[0] * 0x85ebca77u ^ a->w[1] * 0xc2b2ae3du
             ^ a->w[2] * 0x27d4eb2fu;
    }
    return x >> 14;
}

_Static_assert(TPR_BPF_FILTER == 1 << (32 - 14), "as the shift has it");

/* ## Connections. ## */

/* Numbers of connections are one more than their place; 0 is none. */
typedef uint32_t tpr_bpf_no;

enum {
    TPR_BPF_USED = 1,
    TPR_BPF_RELEASED = 2,       /* It ended: counts no more for limits. */
};

/* A connection, both directions: struct tpr_conn's like. */
struct tpr_bpf_conn {
    struct tpr_addr client;
    uint32_t seq;               /* Odd: free, or changing hands. */
    tpr_bpf_no next_forward, prev_forward;      /* prev 0: the head. */
    tpr_bpf_no next_reverse, prev_reverse;
    uint32_t hash_forward, hash_reverse;
    uint32_t object;            /* Id. */
    uint32_t record;
    uint16_t client_port, vip_port;     /* Network byte order. */
    uint8_t proto;
    uint8_t flags;              /* TPR_BPF_*; lock. */
    uint16_t tci;               /* The client's, as struct tpr_packet's. */
    uint32_t in_port;           /* The client's; 0: gone. */
    uint32_t expires;           /* Milliseconds. */
    struct tpr_track track;
    uint8_t client_mac[6];
    uint8_t vip_mac[6];
    uint32_t half_open;         /* Slot of its SYN plus 1, 0: none. */
    uint32_t told;              /* When its client was noted, milliseconds; at
                                 * first, when it was placed. */
};

_Static_assert(sizeof(struct tpr_bpf_conn) == 108,
               "a connection and its two heads: 116 to 124 bytes");

/* A connection that waits for its answer, and the SYN that opened it. */
struct tpr_bpf_syn {
    tpr_bpf_no conn;
    uint16_t len;
    uint16_t tci;               /* Of a tag that stood beside the frame. */
    uint8_t data[TPR_BPF_SYN_MAX];
    uint8_t partial;            /* Of its checksum, only the pseudo-header's
                                 * sum is there. */
    uint8_t judged;             /* Its backend was found silent; user
                                 * space. */
};

/* A datagram of which the first fragment was seen. */
struct tpr_bpf_frag {
    struct tpr_addr src, dst;
    uint32_t id;
    tpr_bpf_no conn;            /* 0: free; TPR_BPF_NONE: it passed. */
    uint32_t conn_seq;
    uint32_t expires;
    uint8_t proto;
    uint8_t reverse;
    uint8_t pad[6];
};

/* ## Clients. ## */

/* Where a client's frames come from.  Where programs take its packets, a
 * learning switch does not see them and is to be told. */
struct tpr_bpf_client {
    uint32_t port;              /* Interface's index. */
    uint16_t vlan;              /* TPR_TCI_PRESENT and the tag's, or 0. */
    uint8_t mac[6];
};

enum {
    TPR_BPF_CLIENTS = 16384,    /* Then those seen longest ago go. */
    TPR_BPF_TELL_MS = 60 * 1000,        /* A connection notes its client as
                                         * often, if at all. */
};

/* ## Affinity. ## */

/* Which backend an object's client had last, see ovs/redirect-affinity.h. */
struct tpr_bpf_holder {
    struct tpr_addr client;
    uint32_t object;            /* Its serial. */
};

struct tpr_bpf_held {
    uint32_t record;            /* Its serial. */
    uint32_t noted_ms;          /* When its last connection was placed. */
};

enum { TPR_BPF_HOLDERS = 65536 };       /* Then about the oldest go. */

/* ## Everybody's. ## */

/* Under the lock. */
struct tpr_bpf_state {
    uint32_t n;                 /* Connections now. */
    uint32_t fresh;             /* Places from here on were never used. */
    tpr_bpf_no free_head, free_tail;    /* Chained by 'next_forward'. */
    uint32_t next_syn;
    uint32_t n_waiting;         /* The last so many may be half open. */
    uint32_t sweep;             /* Without the lock: where to look next for
                                 * connections whose time is over. */
};

/* For the tests' programs, in place of the clock, ports and actions of the
 * kernel. */
struct tpr_bpf_test {
    uint32_t now_ms, in_port, mode, id;
    uint32_t verdict, port, tci;        /* What came of it. */
};

/* For measurements: the packets. */
enum { TPR_BPF_BENCH_LEN = 80,
       TPR_BPF_BENCH_SHORT = 64 };      /* Of frames that are really sent. */

struct tpr_bpf_bench {
    uint64_t frame[TPR_BPF_BENCH_LEN / 8];
    uint32_t flow, n_flows;
    uint32_t step;              /* From one flow to the next. */
    uint32_t n_services;
    uint32_t first_server;      /* The last word of its address, host byte
                                 * order. */
    uint32_t reverse;           /* The server sends. */
    uint32_t is_v6;
    uint32_t send_port, forward_port;   /* Interfaces' indexes. */
    uint32_t expected;          /* IPv4 destination of what counts. */
};

/* What the control program is asked to do. */
enum tpr_bpf_op {
    TPR_BPF_OP_SWEEP,           /* Removes what has expired. */
    TPR_BPF_OP_OBJECT,          /* Removes the connections of 'arg', */
    TPR_BPF_OP_DEAD,            /* of objects that there are no more. */
    TPR_BPF_OP_PORT,            /* Clients behind port 'arg' get nothing. */
    TPR_BPF_OP_RESET,           /* Resets 'first' if it still is 'seq'. */
    TPR_BPF_OP_REPLACE,         /* Places 'first', if it still is 'seq', anew
                                 * by its packet 'p'. */
};

struct tpr_bpf_command {
    uint32_t op;                /* enum tpr_bpf_op. */
    uint32_t first, n;          /* Places of connections. */
    uint32_t arg, seq;
    uint32_t now_ms;
    uint32_t in_port;
    struct tpr_packet p;

    /* Answers. */
    uint32_t done;
    uint32_t verdict;           /* REPLACE: enum tpr_verdict, */
    uint32_t record, syn;       /* to whom, and the pool's slot plus 1. */
};

/* The clock of connections, milliseconds, from that of the kernel: units of
 * 2^20 ns are 1.048576 ms, which is 1099512 / 2^20.  Without a division, and
 * eleven seconds a year off. */
static inline __attribute__((always_inline)) uint32_t
tpr_bpf_ms(uint64_t ns)
{
    return (uint32_t) ((ns >> 20) * 1099512 >> 20);
}

/* Is 'now_ms' at or after 'then_ms', on a clock that wraps? */
static inline __attribute__((always_inline)) bool
tpr_bpf_reached(uint32_t now_ms, uint32_t then_ms)
{
    return (int32_t) (now_ms - then_ms) >= 0;
}

#endif /* layout.h */
