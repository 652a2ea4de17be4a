/* SPDX-License-Identifier: Apache-2.0 */

/* A host of the redirect action, as the conformance suite sees it: the naive
 * model, the code of the userspace datapath, a real ovs-vswitchd, and one that
 * has plain flows only.
 *
 * Packets go in and come out; time stands still but for host_ops.time().  One
 * thread. */

#ifndef CONFORMANCE_HOST_H
#define CONFORMANCE_HOST_H 1

#include "packet.h"

struct host_options {
    uint32_t connections, half_open, seed;
    bool is_special;            /* Such tables matter, and that they are new. */
};

/* What came of one packet. */
struct outcome {
    enum tpr_verdict verdict;
    bool more;                  /* Than one packet: never right. */
    uint32_t port;              /* SEND, REPLY. */
    struct frame frame;         /* SEND, REPLY, PASS. */
};

/* Packets that a host originates. */
enum { MAX_ORIGINATED = 4096 };
struct originated {
    size_t n;
    struct outcome *out;        /* Room for MAX_ORIGINATED. */
};

enum { SCOPE = 1 };             /* Of everything here. */

/* NULL where a host has nothing of the kind: of 'counter', 'connections' and
 * 'stats' nothing is then expected, cases with 'withdraw', 'originate' or
 * 'time' must say that they are not for it.  Packets that a host sends by itself stay until
 * originate() asks for them.  A host that 'acts_at_once' has a sender of its
 * own: what dies is handled when the word is set. */
struct host_ops {
    const char *name;
    void *(*create)(const struct host_options *);
    void (*destroy)(void *);
    bool (*set)(void *, const struct tpr_redirect *);   /* False: refused. */
    bool (*del)(void *, uint32_t id);
    void (*word)(void *, const struct tpr_liveness_mod *);
    void (*withdraw)(void *, uint32_t port);
    void (*process)(void *, enum tpr_mode, uint32_t id, uint32_t in_port,
                    const struct pkt *, struct outcome *);
    void (*originate)(void *, struct originated *);
    void (*time)(void *, uint32_t ms);  /* Steps of 100 ms. */
    uint64_t (*counter)(void *, enum tpr_counter);
    uint32_t (*connections)(void *);
    bool (*stats)(void *, uint32_t id, uint16_t backend,
                  struct tpr_backend_stats *);
    bool acts_at_once;
    uint32_t seed;              /* The one it always has; 0: any. */
    bool pool_of_newest;        /* It has room for the last so many connections
                                 * in its pool, answered ones included. */
    bool paces;                 /* Packets/s are by the clock of time(), a
                                 * second being one step of 1000. */
};

extern const struct host_ops host_model, host_dp, host_ovs, host_flows;
const struct host_ops *host_wrong(void);

#endif /* host.h */
