/* SPDX-License-Identifier: Apache-2.0 */

/* Redirects of a userspace datapath: what dpif-netdev calls.
 *
 * A struct tpr_dp has the objects that OpenFlow described, their backends, the
 * connections, and the liveness page.  A forwarding thread hands a packet to
 * tpr_dp_process(), which decides, rewrites and counts; sending is the
 * caller's.  Before, it may announce the batch by tpr_dp_expect().  All
 * packets go by the object and the words as they are at that moment: nothing
 * here is cached in flows.
 *
 * Threads: tpr_dp_process() may run in any number of threads.  A connection
 * that is known costs no lock, unless its client has moved; placing one takes
 * the mutex, as does everything else here.  Objects are published with RCU:
 * callers must be OVS threads.
 *
 * Files: redirect-object.c (objects and backends), redirect-process.c (the
 * packet's way), redirect-place.c (misses and deaths), redirect-show.c (what
 * people see), redirect-sender.c (the thread that originates packets). */

#ifndef TPR_REDIRECT_DP_H
#define TPR_REDIRECT_DP_H 1

#include "openvswitch/compiler.h"
#include "redirect-table.h"

struct dp_packet;
struct dp_packet_batch;
struct ds;
struct flow;
struct smap;
struct tpr_dp;

/* How the owner lets packets out that nobody received: called by the sender's
 * thread, without locks. */
struct tpr_dp_ops {
    /* Sends 'packets', which it takes over, each by the port in 'outputs': 'n'
     * of them, from 1 to TPR_DP_MAX_SEND. */
    void (*send)(void *aux, struct dp_packet *packets[],
                 const uint32_t outputs[], size_t n);
    void *aux;
};
enum { TPR_DP_MAX_SEND = 32 };  /* A batch of netdev's. */

enum { TPR_DP_N_OPTIONS = 3 };          /* Numbers in other_config. */

struct tpr_dp_options {
    uint32_t connections;       /* 0: TPR_DP_CONNECTIONS. */
    uint32_t half_open;         /* SYNs kept, 0: TPR_DP_HALF_OPEN. */
    uint32_t seed;              /* Of hashes, 0: random. */
    const char *page;           /* File, NULL: tpr-liveness in the run
                                 * directory. */
    const struct tpr_dp_ops *ops;       /* NULL: no sender. */
    uint32_t said[TPR_DP_N_OPTIONS];    /* Hashes of values that made no
                                         * sense, which was said; 0: none. */
};

enum {
    TPR_DP_CONNECTIONS = 262144,
    TPR_DP_HALF_OPEN = 16384,
    TPR_DP_MAX_CONNECTIONS = 1 << 26,
    TPR_DP_MAX_REDIRECTS = 65536,       /* Datapath's ids below this. */
    TPR_DP_MAX_PORTS = 65536,           /* Datapath's ports below this. */
    TPR_DP_RUN_MS = 500,        /* Between calls of tpr_dp_run(), at most. */
};

void tpr_dp_configure(struct tpr_dp_options *, const struct smap *);

char *tpr_dp_create(const struct tpr_dp_options *, struct tpr_dp **)
    OVS_WARN_UNUSED_RESULT;
void tpr_dp_destroy(struct tpr_dp *);

/* Objects.  The outputs in a description are the datapath's own ports. */
char *tpr_dp_set(struct tpr_dp *, uint32_t dp_id, uint32_t scope,
                 const struct tpr_redirect *)
    OVS_WARN_UNUSED_RESULT;
int tpr_dp_del(struct tpr_dp *, uint32_t dp_id);
bool tpr_dp_has(const struct tpr_dp *, uint32_t dp_id);
int tpr_dp_get_stats(struct tpr_dp *, uint32_t dp_id,
                     struct tpr_redirect_stats *);
/* When a port goes: withdraw it, wait until no forwarding thread receives from
 * it any more, forget its clients, and only then reuse its number. */
void tpr_dp_withdraw_port(struct tpr_dp *, uint32_t output);
void tpr_dp_forget_clients(struct tpr_dp *, uint32_t in_port);
void tpr_dp_block_port(struct tpr_dp *, uint32_t port, bool blocked);

int tpr_dp_set_liveness(struct tpr_dp *, const struct tpr_liveness_mod *);

/* What came of a packet. */
struct tpr_dp_result {
    enum tpr_verdict verdict;
    uint32_t output;            /* TPR_SEND, TPR_REPLY: where to. */
    struct dp_packet *reply;    /* TPR_REPLY: the caller's; the packet itself
                                 * is to be dropped. */
};

void tpr_dp_expect(const struct tpr_dp *, const struct tpr_action *,
                   const struct dp_packet_batch *);
void tpr_dp_process(struct tpr_dp *, const struct tpr_action *,
                    struct dp_packet *, uint32_t in_port, uint32_t now_ms,
                    struct tpr_dp_result *);
void tpr_dp_run(struct tpr_dp *, uint32_t now_ms);
uint32_t tpr_dp_handle_deaths(struct tpr_dp *, uint32_t now_ms,
                              const struct tpr_dp_ops *);

/* What people see. */
void tpr_dp_explain(struct tpr_dp *, const struct tpr_action *,
                    const struct flow *, struct ds *);
void tpr_dp_format(struct tpr_dp *, struct ds *);
void tpr_dp_format_connections(struct tpr_dp *, uint32_t dp_id, struct ds *);

typedef void tpr_conn_func(void *aux, const struct tpr_conn_view *);
void tpr_dp_each_connection(struct tpr_dp *, uint32_t dp_id, tpr_conn_func *,
                            void *aux);
uint64_t tpr_dp_counter(const struct tpr_dp *, enum tpr_counter);
uint32_t tpr_dp_connections(const struct tpr_dp *);

#endif /* redirect-dp.h */
