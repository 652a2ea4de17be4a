/* SPDX-License-Identifier: Apache-2.0 */

/* The connections of a datapath: who was given what.
 *
 * One array of entries, allocated once; two arrays of bucket heads lead to an
 * entry from the client's side (forward) and from the backend's (reverse).
 * Entries of a bucket are chained by their numbers.
 *
 * Threads: one writer at a time, who holds the owner's mutex; any number of
 * readers, without a lock.  An entry has a sequence number that is odd while
 * it is free or changes hands, when no chain leads to it; a reader looks at it
 * before and after, and starts again if it differs, but not forever.  Memory
 * is never given back, so nothing that a reader follows can vanish, and an
 * entry that was freed is the last to be used again.
 * What packets refresh (times, flags, sequence numbers) are single stores of
 * forwarding threads; the client's port and addresses are the writer's.
 *
 * Beside it: the half-open pool, the connections whose backend has said
 * nothing, with copies of their SYNs, the oldest first; and the fragment
 * table.  Both belong to the writer. */

#ifndef TPR_REDIRECT_TABLE_H
#define TPR_REDIRECT_TABLE_H 1

#include "redirect-track.h"

/* Numbers of entries are one more than their index; 0 is none. */
typedef uint32_t tpr_conn_no;

/* No connection's sequence number: a reader does not know. */
#define TPR_SEQ_UNSURE UINT32_MAX

/* Flags of a connection besides its track's. */
enum {
    TPR_CONN_RELEASED = 1,      /* It ended: counts no more for limits. */
};

/* A connection, both directions. */
struct tpr_conn {
    struct tpr_addr client;
    uint32_t seq;               /* Odd: free, or changing hands. */
    tpr_conn_no next_forward, next_reverse;
    uint32_t hash_forward, hash_reverse;
    uint32_t scope;
    uint32_t redirect;          /* Datapath's id. */
    uint32_t backend;           /* Slot of the backend's record. */
    uint16_t client_port, vip_port;     /* Network byte order. */
    uint8_t proto;
    uint8_t flags;              /* TPR_CONN_*; writer or atomic or. */
    uint16_t tci;               /* The client's, as struct tpr_packet's. */
    uint32_t in_port;           /* The client's; 0: gone. */
    uint32_t expires;           /* Milliseconds of the datapath's clock. */
    struct tpr_track track;
    uint8_t client_mac[6];
    uint8_t vip_mac[6];         /* What the client sends to. */
    uint32_t half_open;         /* Slot in the pool plus 1, 0: none. */
    tpr_conn_no next_of_object, prev_of_object; /* The owner's; writer. */
};

enum {
    TPR_SYN_MAX = 122,          /* Ethernet, 802.1Q, IPv6, TCP with options;
                                 * a longer SYN's bytes are not kept. */
    TPR_N_FRAGS = 4096,
    TPR_FRAG_WAYS = 4,
    TPR_FRAG_MS = 15 * 1000,    /* RFC 791's and 8200's 60 s suit hosts. */
};

/* A connection that waits for its answer, and the SYN that opened it. */
struct tpr_syn {
    tpr_conn_no conn;
    uint16_t len;
    uint8_t data[TPR_SYN_MAX];
};

/* The slots of the pool before and after one, each plus 1; 0: none. */
struct tpr_syn_link {
    uint32_t prev, next;
};

/* In place of a connection: the first fragment was not taken. */
#define TPR_FRAG_PASSED UINT32_MAX

/* A datagram of which the first fragment was seen. */
struct tpr_frag_entry {
    struct tpr_addr src, dst;
    uint32_t id;
    uint32_t scope;
    tpr_conn_no conn;           /* 0: free; TPR_FRAG_PASSED. */
    uint32_t conn_seq;
    uint32_t expires;
    uint8_t proto;
    uint8_t reverse;
};

struct tpr_table {
    uint32_t capacity;
    uint32_t mask;              /* Of buckets; their number is a power of 2. */
    uint32_t n;                 /* Connections now. */
    uint32_t seed;
    tpr_conn_no *forward, *reverse;     /* Heads of buckets. */
    struct tpr_conn *conns;
    tpr_conn_no free_head, free_tail;   /* Chained by 'next_forward'. */
    uint32_t fresh;             /* Entries from here on were never used. */
    uint32_t sweep;             /* Where the next slice begins. */

    struct tpr_syn *syns;
    struct tpr_syn_link *links; /* Of the same slots. */
    uint32_t n_syns;
    uint32_t oldest, newest;    /* Slots plus 1 of who waits, 0: nobody... */
    uint32_t free_syn;          /* ...of a free one, chained by 'next'... */
    uint32_t fresh_syn;         /* ...and how many were ever used. */
    struct tpr_frag_entry *frags;
};

/* What leads to a connection from the backend's side. */
struct tpr_reverse_key {
    const struct tpr_addr *backend, *client;
    uint16_t backend_port, client_port; /* Network byte order. */
    uint8_t proto;
    uint32_t scope;
};

/* Does the connection belong to this forward or reverse key, apart from what
 * the table compares itself?  'aux' is the caller's. */
typedef bool tpr_conn_match(const struct tpr_conn *, const void *aux);

void tpr_table_init(struct tpr_table *, uint32_t capacity, uint32_t n_syns,
                    uint32_t seed);
void tpr_table_destroy(struct tpr_table *);
uint64_t tpr_table_memory(const struct tpr_table *);

struct tpr_conn *tpr_table_forward(const struct tpr_table *,
                                   const struct tpr_tuple *, uint32_t scope,
                                   uint32_t hash, tpr_conn_match *,
                                   const void *aux, uint32_t *seq);
struct tpr_conn *tpr_table_forward_of(const struct tpr_table *,
                                      const struct tpr_tuple *,
                                      uint32_t scope, uint32_t hash,
                                      uint32_t redirect, uint32_t *seq);
struct tpr_conn *tpr_table_reverse(const struct tpr_table *,
                                   const struct tpr_reverse_key *,
                                   tpr_conn_match *, const void *aux,
                                   uint32_t *seq);
void tpr_table_expect_reverse(const struct tpr_table *,
                              const struct tpr_reverse_key *);
bool tpr_table_full(const struct tpr_table *);
struct tpr_conn *tpr_table_insert(struct tpr_table *, const struct tpr_conn *,
                                  const struct tpr_reverse_key *);
void tpr_table_remove(struct tpr_table *, struct tpr_conn *);

/* Has the entry been the same connection since 'seq' was read? */
static inline bool
tpr_conn_unchanged(const struct tpr_conn *conn, uint32_t seq)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&conn->seq, __ATOMIC_RELAXED) == seq;
}

/* Is this entry a connection at all?  For the writer. */
static inline bool
tpr_conn_used(const struct tpr_conn *conn)
{
    return conn->redirect != UINT32_MAX;
}

static inline tpr_conn_no
tpr_conn_number(const struct tpr_table *t, const struct tpr_conn *conn)
{
    return (tpr_conn_no) (conn - t->conns) + 1;
}

struct tpr_conn *tpr_table_keep_syn(struct tpr_table *, struct tpr_conn *,
                                    const void *frame, uint32_t len);
void tpr_table_leave_pool(struct tpr_table *, struct tpr_conn *);
struct tpr_conn *tpr_table_oldest_half_open(struct tpr_table *);
const struct tpr_syn *tpr_table_syn(const struct tpr_table *,
                                    const struct tpr_conn *);

bool tpr_table_add_frag(struct tpr_table *, const struct tpr_packet *,
                        uint32_t scope, bool reverse,
                        const struct tpr_conn *, uint32_t now_ms);
struct tpr_conn *tpr_table_find_frag(struct tpr_table *,
                                     const struct tpr_packet *,
                                     uint32_t scope, bool reverse,
                                     uint32_t now_ms, bool *passed);

/* Is 'now_ms' at or after 'then_ms', on a clock that wraps? */
static inline bool
tpr_time_reached(uint32_t now_ms, uint32_t then_ms)
{
    return (int32_t) (now_ms - then_ms) >= 0;
}

#endif /* redirect-table.h */
