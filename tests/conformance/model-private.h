/* SPDX-License-Identifier: Apache-2.0 */

/* The naive model's insides: see model.c. */

#ifndef CONFORMANCE_MODEL_PRIVATE_H
#define CONFORMANCE_MODEL_PRIVATE_H 1

#include "host.h"

enum { M_OBJECTS = 16, M_BACKENDS = 64, M_CONNS = 65536, M_FRAGS = 8192,
       M_WORDS = 256, M_FRAG_MS = 15000, M_SYN_MAX = 122 };

struct m_backend {
    struct tpr_redirect_backend conf;
    bool kept;                  /* At the last look for deaths. */
    uint32_t n;                 /* Connections that count. */
    uint32_t entries;
    uint64_t packets, bytes, rev_packets, rev_bytes, total;
    int32_t smooth;
    uint32_t pps;               /* In the last full second. */
    uint64_t paced;             /* 'packets' at its end. */
};

struct m_object {
    bool used;
    struct tpr_redirect r;      /* 'backends' is NULL. */
    struct m_backend *b[M_BACKENDS];
    uint32_t ring_size;
    uint16_t *ring;
};

struct m_conn {
    bool used;
    uint32_t serial;
    uint32_t id;                /* Redirect. */
    struct m_backend *b;
    struct tpr_addr client;
    uint16_t cport, vport;
    uint8_t proto;
    bool syn, answered, acked, fin_forward, fin_reverse, rst, reset, seen;
    bool released;
    uint32_t rev_end, rev_ack, cli_end, cli_ack;
    /* SCTP: what each side said when it opened, and, once the backend went on
     * ('seen'), what its peer's packets have. */
    uint32_t init_tag, init_ack_tag, clients_tag, servers_tag;
    uint32_t in_port;
    int tci;
    uint8_t client_mac[6], vip_mac[6];
    uint32_t expires;
    bool has_syn;
    struct pkt first;           /* The SYN. */
};

/* Which backend a client had last. */
struct m_held {
    uint32_t id;                /* Redirect; 0: it is gone. */
    struct tpr_addr client;
    struct m_backend *b;
    uint32_t ms;                /* When it was placed. */
};

struct m_frag {
    struct tpr_addr src, dst;
    uint32_t id, serial;        /* Of the connection; 0: it passed. */
    uint32_t expires;
    uint8_t proto;
    bool reverse;
};

struct model {
    struct host_options o;
    struct m_object objects[M_OBJECTS];
    tpr_word region[TPR_MAX_REGIONS], word[M_WORDS];
    struct m_conn *conns;       /* In the order in which they were made. */
    uint32_t n_slots, n_conns, next_serial;
    struct m_held *held;
    uint32_t n_held;
    struct m_frag *frags;
    uint32_t n_frags;
    struct m_backend **all;     /* Every backend there ever was. */
    uint32_t n_all;
    uint32_t now;
    uint32_t paced_ms;          /* End of the last full second. */
    uint64_t counters[TPR_N_COUNTERS];
};

struct look {                   /* One packet. */
    struct model *m;
    enum tpr_mode mode;
    uint32_t id, in_port;
    const struct pkt *p;
    struct outcome *out;
    bool about_ours;            /* An error about a redirected packet. */
    bool direct;                /* Of a stateless object: no connection. */
};

/* model-track.c: connections. */
bool m_ended(const struct m_conn *);
bool m_half_open(const struct m_conn *);     /* Anybody could make it. */
bool m_only_syn(const struct m_conn *);
void m_learn_client(struct m_conn *, const struct pkt *, uint32_t in_port);
bool m_says_where(const struct m_conn *, const struct pkt *);
void m_from_client(struct m_conn *, const struct pkt *);
void m_from_backend(struct m_conn *, const struct pkt *);
bool m_opens(const struct pkt *);
bool m_answers(const struct pkt *);
bool m_tears_down(const struct pkt *);
uint32_t m_seq_end(const struct pkt *);

/* model.c: the packet's way. */
void m_count(struct model *, enum tpr_counter);
enum tpr_on_down m_on_down(const struct m_object *, const struct m_conn *);
void m_release(struct m_conn *);
void m_drop_conn(struct model *, struct m_conn *);
void m_reset_init(struct pkt *, const struct tpr_addr *src, uint16_t sport,
                  const struct tpr_addr *dst, uint16_t dport, bool is_v6);
bool m_answer(const struct pkt *, struct pkt *);
struct m_backend *m_choose_backend(struct look *, struct m_object *,
                                   bool *stateless);
struct m_conn *m_new_conn(struct look *, struct m_backend *, uint32_t id);
void m_send_forward(struct look *, struct m_backend *);
void m_process(void *, enum tpr_mode, uint32_t id, uint32_t in_port,
               const struct pkt *, struct outcome *);

/* model-choose.c: policies. */
bool m_has_port(const struct tpr_redirect *, uint16_t port);
bool m_same_addr(const struct tpr_addr *, const struct tpr_addr *);
bool m_is_dead(const struct model *, const struct m_backend *);
void m_make_ring(struct m_object *);
int m_choose(struct m_object *, uint8_t policy, const bool *usable,
             uint32_t hash);
int m_choose_turn(struct m_object *, const bool *usable);
bool m_usable(const struct model *, const struct m_backend *);
uint32_t m_hash(const struct model *, const struct tpr_addr *src,
                const struct tpr_addr *dst, uint16_t sport, uint16_t dport,
                uint8_t proto);

#endif /* model-private.h */
