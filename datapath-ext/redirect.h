/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* The model that Open vSwitch, BPF programs and the agent share.
 *
 * Why: a failure costs one write.  Flows name a redirect, a redirect lists
 * backends, and every backend points to two liveness words: its region's and
 * its own.  Whoever decides that something died stores one 64-bit word here,
 * and every forwarding thread sees it with its next packet.
 *
 * How: this header holds words, limits and layouts, nothing that needs an
 * operating system.  In order: liveness words; the redirect object as OpenFlow
 * describes it; what a datapath does with a packet and counts; the liveness
 * page, a file in the run directory that all map (agent/liveness.[ch]).
 *
 * Threads: a word has one writer at a time (the heartbeat thread for regions,
 * the main thread for backends) and any number of readers; loads and stores
 * are single 64-bit accesses.
 *
 * The sizes are asserted and the layout is versioned: a reader that finds
 * another magic or version must not use the page. */

#ifndef TPR_REDIRECT_H
#define TPR_REDIRECT_H 1

#include <stdbool.h>
#include <stdint.h>

/* Every limit of the model. */
enum {
    TPR_MAX_REGIONS = 1024,
    TPR_MAX_BACKENDS = 65536,
    TPR_MAX_SERVICES = 16384,
    TPR_MAX_PORT_RANGES = 32,           /* Of one service. */
    TPR_MAX_REDIRECT_BACKENDS = 1024,   /* Of one redirect. */
    TPR_MAX_PPS = (1 << 24) - 1,        /* Limit of packets/s. */
};

/* A service's protocol; IP protocol numbers, 0 is "any". */
enum tpr_proto {
    TPR_PROTO_ANY = 0,
    TPR_PROTO_TCP = 6,
    TPR_PROTO_UDP = 17,
    TPR_PROTO_SCTP = 132,
};

struct tpr_port_range {
    uint16_t first, last;       /* Host byte order, inclusive. */
};

/* How a backend is chosen: see redirect-choose.h. */
#define TPR_POLICIES                                        \
    TPR_POLICY(FAILOVER, "failover")                        \
    TPR_POLICY(WEIGHTED, "weighted")                        \
    TPR_POLICY(ROUND_ROBIN, "round-robin")                  \
    TPR_POLICY(MAGLEV, "maglev")                            \
    TPR_POLICY(LEAST_CONNECTIONS, "least-connections")      \
    TPR_POLICY(SPILLOVER, "spillover")
enum tpr_policy {
#define TPR_POLICY(ENUM, NAME) TPR_POLICY_##ENUM,
    TPR_POLICIES
#undef TPR_POLICY
};

/* Do backends have an order, the next one serving when those before it cannot,
 * and no shares? */
static inline bool
tpr_policy_is_ordered(uint8_t policy)
{
    return policy == TPR_POLICY_FAILOVER || policy == TPR_POLICY_SPILLOVER;
}

/* What happens to connections of a backend that died.  DEFAULT: RESET for
 * TCP, RESELECT for everything else. */
enum tpr_on_down { TPR_ON_DOWN_DEFAULT, TPR_ON_DOWN_RESET,
                   TPR_ON_DOWN_RESELECT, TPR_ON_DOWN_KEEP };

/* What happens to packets that no usable backend can have. */
enum tpr_on_none { TPR_ON_NONE_DROP, TPR_ON_NONE_RESET, TPR_ON_NONE_PASS };

/* ## Liveness words. ## */

/* State of a region or a backend, the low 8 bits of a liveness word. */
enum tpr_liveness {
    TPR_LIVENESS_UNKNOWN = 0,   /* No proof yet: not usable. */
    TPR_LIVENESS_UP = 1,        /* Usable for new and old connections. */
    TPR_LIVENESS_DOWN = 2,      /* Proven dead. */
    TPR_LIVENESS_DRAIN = 3,     /* Old connections only. */
};

/* A liveness word: generation in the upper 56 bits, state in the low 8.  The
 * generation grows with every change, so that a reader that remembers the
 * word notices "down, up again" between two of its looks. */
typedef uint64_t tpr_word;

static inline enum tpr_liveness
tpr_word_state(tpr_word word)
{
    return (enum tpr_liveness) (word & 0xff);
}

static inline uint64_t
tpr_word_generation(tpr_word word)
{
    return word >> 8;
}

/* Returns the word that follows 'old' when the state becomes 'state'. */
static inline tpr_word
tpr_word_next(tpr_word old, enum tpr_liveness state)
{
    return ((tpr_word_generation(old) + 1) << 8) | (uint64_t) state;
}

/* ## The redirect object. ## */

/* An IPv6 address, or an IPv4 one as ::ffff:a.b.c.d; network byte order. */
struct tpr_addr {
    uint32_t w[4];
};

/* How packets towards a backend are tagged. */
enum {
    TPR_VLAN_KEEP = 0xffff,     /* As the packet came. */
    TPR_VLAN_NONE = 0,          /* Untagged; otherwise the VID. */
};

#define TPR_NO_WORD UINT32_MAX  /* No liveness word: always up. */

/* Why a backend cannot be used at all. */
enum {
    TPR_WITHDRAWN_PORT = 1,     /* Its port is gone or not eligible. */
    TPR_WITHDRAWN_REMOVED = 2,  /* No redirect lists it any more; what has
                                 * connections to it may go on. */
};

/* One backend of a redirect. */
struct tpr_redirect_backend {
    struct tpr_addr addr;       /* Same family as the VIP. */
    uint32_t output;            /* Port: OpenFlow's number in a description,
                                 * the datapath's own inside a datapath. */
    uint32_t region;            /* Liveness word of its region. */
    uint32_t word;              /* Its own liveness word. */
    uint32_t max_connections;   /* 0: no limit. */
    uint16_t l4_port;           /* Host byte order; 0: as the client asked. */
    uint16_t vlan;              /* TPR_VLAN_*, or a VID. */
    uint16_t weight;            /* 0: gets no new connections. */
    uint16_t priority;          /* Lowest first. */
    uint8_t mac[6];             /* Ethernet destination: it or its router. */
    uint8_t src_mac[6];         /* Ethernet source; zero: keep. */
    uint8_t withdrawn;          /* TPR_WITHDRAWN_*, 0: it is not.  Otherwise
                                 * not usable, connections count as down. */
    uint8_t pad[3];
    uint32_t max_pps;           /* So many packets/s towards it, in the last
                                 * full second or since, and it gets no new
                                 * connections, as long as there is another;
                                 * 0: no limit. */
};

/* Idle times after which a connection ends, in milliseconds. */
#define TPR_TIMEOUTS                                                    \
    TPR_TIMEOUT(SYN, "syn", 5 * 1000)               /* TCP, SCTP. */    \
    TPR_TIMEOUT(ESTABLISHED, "established", 7200 * 1000)                \
    TPR_TIMEOUT(CLOSING, "closing", 30 * 1000)                          \
    TPR_TIMEOUT(NEW, "new", 30 * 1000)              /* UDP, others. */  \
    TPR_TIMEOUT(ANSWERED, "answered", 180 * 1000)
enum tpr_timeout {
#define TPR_TIMEOUT(ENUM, NAME, DEFAULT_MS) TPR_TIMEOUT_##ENUM,
    TPR_TIMEOUTS
#undef TPR_TIMEOUT
    TPR_N_TIMEOUTS
};
enum { TPR_TIMEOUT_MAX_MS = 24 * 3600 * 1000 };     /* Affinity, too. */

#define TPR_REDIRECT_VERSION 1

/* A redirect object's description: what OpenFlow carries and the datapaths
 * compile into what they need. */
struct tpr_redirect {
    uint32_t id;                /* OpenFlow's, per bridge; never 0. */
    uint8_t proto;              /* enum tpr_proto. */
    uint8_t policy;             /* enum tpr_policy. */
    uint8_t on_down;            /* enum tpr_on_down. */
    uint8_t on_none;            /* enum tpr_on_none. */
    uint8_t stateless;          /* bool: no connections; packets keep their
                                 * destination, and backends, which have the
                                 * VIP as well, answer clients themselves. */
    struct tpr_addr vip;
    uint16_t n_ports;           /* 0: all ports, or a protocol without. */
    uint16_t n_backends;
    struct tpr_port_range ports[TPR_MAX_PORT_RANGES];
    uint32_t timeouts[TPR_N_TIMEOUTS];  /* Milliseconds, never 0. */
    uint32_t affinity_ms;       /* A client's new connection goes to the
                                 * backend of its last new one, if that was
                                 * less long ago and the backend may have it;
                                 * 0: the policy alone chooses. */
    struct tpr_redirect_backend *backends;
};

_Static_assert(sizeof(struct tpr_redirect_backend) == 60,
               "padding would make equal backends differ");

/* What 'on_down' means for a connection of protocol 'proto'. */
static inline enum tpr_on_down
tpr_on_down_of(enum tpr_on_down on_down, uint8_t proto)
{
    return on_down != TPR_ON_DOWN_DEFAULT ? on_down
           : proto == TPR_PROTO_TCP ? TPR_ON_DOWN_RESET
           : TPR_ON_DOWN_RESELECT;
}

/* ## What a datapath does with a packet. ## */

/* How the action is asked to look at a packet. */
enum tpr_mode {
    TPR_MODE_FORWARD,           /* redirect(ID): this object, may place. */
    TPR_MODE_REVERSE,           /* redirect(reverse): from a backend. */
    TPR_MODE_ANY,               /* redirect(any): fragments and ICMP errors
                                 * towards a VIP. */
};

/* The action as a datapath has it, the payload of OVS_ACTION_ATTR_REDIRECT.
 * 'scope' tells bridges of one datapath apart: REVERSE and ANY only see
 * connections and objects of their own scope. */
struct tpr_action {
    uint32_t id;                /* FORWARD: the datapath's id; else 0. */
    uint32_t scope;             /* Never 0. */
    uint32_t mode;              /* enum tpr_mode. */
};

enum tpr_verdict {
    TPR_PASS,                   /* Not taken: goes on to the next action. */
    TPR_SEND,                   /* Taken: rewritten, leaves by a port. */
    TPR_DROP,                   /* Taken: dropped and counted. */
    TPR_REPLY,                  /* Taken: an answer (RST) goes back to where
                                 * the packet came from. */
};

/* Everything that a datapath counts besides packets that went their way;
 * name, column heading. */
#define TPR_COUNTERS                                                        \
    TPR_COUNTER(ODD, "odd")                     /* Malformed: passed. */    \
    TPR_COUNTER(NOT_OURS, "not_ours")           /* Not covered: passed. */  \
    TPR_COUNTER(FRAG_LOST, "frag_lost")         /* Later before first. */   \
    TPR_COUNTER(FRAG_EVICTED, "frag_evicted")   /* Fragment table full. */  \
    TPR_COUNTER(REV_COLLISION, "rev_collision") /* Reverse key in use. */   \
    TPR_COUNTER(LIMITED, "limited")             /* A limit was reached. */  \
    TPR_COUNTER(TABLE_FULL, "table_full")       /* No entry left. */         \
    TPR_COUNTER(SYN_EVICTED, "syn_evicted")     /* A half-open one gone. */ \
    TPR_COUNTER(NONE_DROPPED, "none_dropped")   /* on_none=drop. */         \
    TPR_COUNTER(NONE_RESET, "none_reset")       /* on_none=reset. */        \
    TPR_COUNTER(NONE_PASSED, "none_passed")     /* on_none=pass. */         \
    TPR_COUNTER(RESELECTED, "reselected")       /* on_down=reselect. */     \
    TPR_COUNTER(RESET_SENT, "reset_sent")       /* RSTs by the sender. */   \
    TPR_COUNTER(RESET_ANSWERED, "reset_answered") /* RSTs as answers. */    \
    TPR_COUNTER(SYN_REPEATED, "syn_repeated")                               \
    TPR_COUNTER(ICMP_TRANSLATED, "icmp_translated")                         \
    TPR_COUNTER(NO_PORT, "no_port")             /* Output is gone. */
enum tpr_counter {
#define TPR_COUNTER(ENUM, NAME) TPR_COUNTER_##ENUM,
    TPR_COUNTERS
#undef TPR_COUNTER
    TPR_N_COUNTERS
};

/* Why a backend may not be given a new connection; the first that applies. */
#define TPR_WHYS                                        \
    TPR_WHY(OK, "usable")                               \
    TPR_WHY(WITHDRAWN, "port not eligible")             \
    TPR_WHY(REGION_UNKNOWN, "region unknown")           \
    TPR_WHY(REGION_DOWN, "region down")                 \
    TPR_WHY(REGION_DRAIN, "region draining")            \
    TPR_WHY(UNKNOWN, "unknown")                         \
    TPR_WHY(DOWN, "down")                               \
    TPR_WHY(DRAIN, "draining")                          \
    TPR_WHY(WEIGHT, "weight 0")                         \
    TPR_WHY(LIMIT, "connection limit")                  \
    TPR_WHY(COLLISION, "reverse key in use")            \
    TPR_WHY(RATE, "packet limit")
enum tpr_why {
#define TPR_WHY(ENUM, NAME) TPR_WHY_##ENUM,
    TPR_WHYS
#undef TPR_WHY
};

/* Statistics of one backend of a redirect, and of a redirect. */
struct tpr_backend_stats {
    /* A packet that a device is still to cut into segments (GSO) counts once
     * where the host does not know their size: Open vSwitch 3.1 does not. */
    uint64_t packets, bytes;            /* Towards it. */
    uint64_t rev_packets, rev_bytes;    /* Back from it. */
    uint64_t total_connections;         /* Ever placed. */
    uint32_t connections;               /* Now. */
    uint32_t why;                       /* enum tpr_why, now. */
};

struct tpr_redirect_stats {
    uint32_t id;                        /* OpenFlow's. */
    uint32_t n_backends;
    uint64_t duration_ms;               /* Since it was added. */
    uint64_t counters[TPR_N_COUNTERS];  /* This object's share of them. */
    struct tpr_backend_stats *backends; /* In the description's order. */
};

/* A change of one liveness word. */
struct tpr_liveness_mod {
    uint32_t index;
    uint8_t is_region;                  /* Else a backend's word. */
    uint8_t state;                      /* enum tpr_liveness. */
};

/* ## The liveness page. ## */

#define TPR_PAGE_MAGIC   0x7470722d6c697665ULL    /* "tpr-live". */
#define TPR_PAGE_VERSION 3

/* The liveness page. */
struct tpr_page {
    uint64_t magic;             /* TPR_PAGE_MAGIC. */
    uint32_t version;           /* TPR_PAGE_VERSION. */
    uint32_t size;              /* sizeof(struct tpr_page). */
    uint32_t wakeup;            /* Futex: grows after each change of a word;
                                 * who must act on connections waits on it. */
    uint32_t pad32;
    uint64_t pad[5];            /* Up to a cache line; zero. */
    tpr_word region[TPR_MAX_REGIONS];
    tpr_word backend[TPR_MAX_BACKENDS];
};

_Static_assert(sizeof(struct tpr_page)
               == 64 + 8 * (TPR_MAX_REGIONS + TPR_MAX_BACKENDS),
               "the liveness page's layout is part of the interface");

#endif /* redirect.h */
