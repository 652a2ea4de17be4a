/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* Loads the BPF programs and keeps their maps: objects, liveness words, what
 * there is to see of connections.
 *
 * A struct tpr_bpf is one bridge's: maps, an XDP and a tc program that share
 * them, and the liveness page.  attach.h attaches the programs.
 *
 * With a folder for pins, all of it outlives this process, and the next one
 * takes it over: maps, with connections, objects, words and counters, while
 * the old programs go on; its own programs then take their places.  The owner
 * sets all its objects again, with the same ids and words, and deletes those
 * that it has no more (tpr_bpf_next()).
 *
 * Functions that can fail return a sentence to free(), or NULL.  Time is that
 * of tpr_bpf_ms(): from the monotonic clock.
 *
 * Threads: one at a time, but for tpr_bpf_page(), whose words anybody may
 * write. */

#ifndef TPR_BPF_LOADER_H
#define TPR_BPF_LOADER_H 1

#include "openvswitch/compiler.h"
#include "layout.h"
#include "redirect-track.h"

struct tpr_bpf;

enum {
    TPR_BPF_MAX_CONNECTIONS = 1 << 22,  /* 108 bytes each: the verifier allows
                                         * offsets below 2^29. */
    TPR_BPF_MAX_HALF_OPEN = 1 << 20,
};

/* 0: the default; more than is possible: as many as are. */
struct tpr_bpf_options {
    uint32_t connections;       /* That can be tracked: 65,536. */
    uint32_t half_open;         /* SYNs kept: 4,096. */
    uint32_t objects;           /* Services: 1,024. */
    uint32_t records;           /* Backends of all objects: 16,384. */
    uint32_t rings;             /* Slots of all maglev rings: 2^21. */
    uint32_t ports;             /* That XDP can send by: 4,096. */
    uint32_t seed;              /* Of the hashes: random. */
    bool testing;               /* With the programs of tests. */
    bool benching;              /* With the programs of measurements. */
    const char *pins;           /* Folder on a bpffs (tpr_bpf_mount()) to take
                                 * over from, and to pin everything in, made
                                 * if missing; NULL: nothing is pinned. */
    bool refuse_next;           /* For tests: as on a kernel that refuses
                                 * TPR_BPF_XDP_NEXT. */
    bool refuse_part;           /* The same of tpr_bpf_make_part(). */
    bool renew_part;            /* For tests: an earlier process's is another
                                 * one (tpr_bpf_is_part()). */
    bool pin_later;             /* The owner calls tpr_bpf_pin(): until then
                                 * the folder is what it was. */
};

/* Those of tests are there only with options.testing: they send nothing, but
 * take a packet's circumstances from tpr_bpf_test() and tell there what they
 * would do.  Those of measurements: see bench.h.  XDP_NEXT is the only one
 * that jumps into another program, which not every kernel allows where there
 * are functions, too: the others do without it (tpr_bpf_no_next()). */
#define TPR_BPF_PROGRAMS                                \
    TPR_BPF_PROGRAM(XDP, tpr_xdp, 0)                    \
    TPR_BPF_PROGRAM(XDP_NEXT, tpr_xdp_next, 0)          \
    TPR_BPF_PROGRAM(TC, tpr_tc, 0)                      \
    TPR_BPF_PROGRAM(CONTROL, tpr_control, 0)            \
    TPR_BPF_PROGRAM(XDP_TEST, tpr_xdp_test, 1)          \
    TPR_BPF_PROGRAM(TC_TEST, tpr_tc_test, 1)            \
    TPR_BPF_PROGRAM(BENCH_TX, tpr_bench_tx, 2)          \
    TPR_BPF_PROGRAM(BENCH_BARE, tpr_bench_bare, 2)      \
    TPR_BPF_PROGRAM(BENCH_REWRITE, tpr_bench_rewrite, 2) \
    TPR_BPF_PROGRAM(BENCH_OURS, tpr_bench_ours, 2)      \
    TPR_BPF_PROGRAM(BENCH_SEND, tpr_bench_send, 2)      \
    TPR_BPF_PROGRAM(BENCH_PLAIN, tpr_bench_plain, 2)    \
    TPR_BPF_PROGRAM(BENCH_SINK, tpr_bench_sink, 2)
enum tpr_bpf_program {
#define TPR_BPF_PROGRAM(ENUM, NAME, KIND) TPR_BPF_##ENUM,
    TPR_BPF_PROGRAMS
#undef TPR_BPF_PROGRAM
    TPR_BPF_N_PROGRAMS
};

char *tpr_bpf_create(const struct tpr_bpf_options *, struct tpr_bpf **)
    OVS_WARN_UNUSED_RESULT;
void tpr_bpf_destroy(struct tpr_bpf *);
char *tpr_bpf_mount(const char *dir) OVS_WARN_UNUSED_RESULT;
bool tpr_bpf_taken_over(const struct tpr_bpf *, const char **why_not);
const char *tpr_bpf_no_next(const struct tpr_bpf *);
char *tpr_bpf_pin(struct tpr_bpf *) OVS_WARN_UNUSED_RESULT;
void tpr_bpf_unpin(struct tpr_bpf *);
int tpr_bpf_fd(const struct tpr_bpf *, enum tpr_bpf_program);
uint32_t tpr_bpf_verified(const struct tpr_bpf *, enum tpr_bpf_program);
struct tpr_page *tpr_bpf_page(struct tpr_bpf *);
struct tpr_page *tpr_bpf_map_page(const char *dir);
void tpr_bpf_unmap_page(struct tpr_page *);
int tpr_bpf_page_fd(const struct tpr_bpf *);
char *tpr_bpf_make_part(struct tpr_bpf *, int dispatcher_fd, int *fdp,
                        int *error) OVS_WARN_UNUSED_RESULT;
bool tpr_bpf_is_part(const struct tpr_bpf *, int fd);
char *tpr_bpf_add_port(struct tpr_bpf *, uint32_t ifindex)
    OVS_WARN_UNUSED_RESULT;
void tpr_bpf_del_port(struct tpr_bpf *, uint32_t ifindex);

/* Objects.  Outputs are interface indexes. */
char *tpr_bpf_set(struct tpr_bpf *, const struct tpr_redirect *)
    OVS_WARN_UNUSED_RESULT;
int tpr_bpf_del(struct tpr_bpf *, uint32_t id);
void tpr_bpf_settle(struct tpr_bpf *);
const struct tpr_redirect *tpr_bpf_next(const struct tpr_bpf *,
                                        uint32_t after);
void tpr_bpf_withdraw_port(struct tpr_bpf *, uint32_t output);
int tpr_bpf_set_liveness(struct tpr_bpf *, const struct tpr_liveness_mod *);

/* How the owner lets packets out that nobody received. */
struct tpr_bpf_ops {
    void (*send)(void *aux, const void *frame, uint32_t len,
                 uint32_t output);
    void *aux;
};

/* Connections. */
void tpr_bpf_run(struct tpr_bpf *, uint32_t now_ms);
uint32_t tpr_bpf_handle_deaths(struct tpr_bpf *, uint32_t now_ms,
                               const struct tpr_bpf_ops *);
uint32_t tpr_bpf_connections(const struct tpr_bpf *);
uint32_t tpr_bpf_capacity(const struct tpr_bpf *);
uint64_t tpr_bpf_counter(struct tpr_bpf *, enum tpr_counter);
int tpr_bpf_get_stats(struct tpr_bpf *, uint32_t id,
                      struct tpr_redirect_stats *);

/* Backends that real traffic makes suspect (redirect-suspect.h). */
struct tpr_bpf_suspicion {
    uint32_t refused;           /* Resets in place of SYN-ACKs. */
    uint32_t silent;            /* SYNs without an answer for the bound. */
};
int tpr_bpf_suspect_after(struct tpr_bpf *, uint32_t id, uint32_t bound_ms);
bool tpr_bpf_look_for_silence(struct tpr_bpf *, uint32_t now_ms);
int tpr_bpf_get_suspicion(const struct tpr_bpf *, uint32_t id, uint16_t i,
                          struct tpr_bpf_suspicion *);

/* Clients whose packets the programs took. */
typedef void tpr_bpf_client_cb(void *aux, const struct tpr_bpf_client *,
                               uint32_t seen_ms);
uint32_t tpr_bpf_for_clients(struct tpr_bpf *, uint32_t now_ms,
                             uint32_t max_age_ms, tpr_bpf_client_cb *,
                             void *aux);

/* What people see. */
typedef void tpr_bpf_conn_cb(void *aux, const struct tpr_conn_view *);
void tpr_bpf_each_connection(struct tpr_bpf *, uint32_t id, uint32_t now_ms,
                             tpr_bpf_conn_cb *, void *aux);

/* Whom a new connection would be given, and why not the others. */
struct tpr_bpf_choice {
    int chosen;                 /* Backend's index; -1: nobody. */
    bool held;                  /* By affinity, not by the policy. */
    uint32_t slot, ring_size;   /* Of maglev's ring; size 0: none. */
    uint8_t why[TPR_MAX_REDIRECT_BACKENDS];     /* enum tpr_why. */
};
int tpr_bpf_choose(struct tpr_bpf *, uint32_t id, const struct tpr_tuple *,
                   uint32_t now_ms, struct tpr_bpf_choice *);

/* What the owner has waited for since the beginning. */
struct tpr_bpf_work {
    uint64_t graces;            /* Until no program looked any more. */
    uint64_t runs;              /* Of the control program. */
};
struct tpr_bpf_work tpr_bpf_work(const struct tpr_bpf *);

/* For tests and measurements. */
struct tpr_bpf_test *tpr_bpf_test(struct tpr_bpf *);
struct tpr_bpf_bench *tpr_bpf_bench(struct tpr_bpf *);
uint64_t tpr_bpf_bench_received(struct tpr_bpf *);
void tpr_bpf_reset(struct tpr_bpf *, const struct tpr_bpf_options *);

#endif /* loader.h */
