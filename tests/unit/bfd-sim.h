/* SPDX-License-Identifier: Apache-2.0 */

/* Two BFD sessions, wired together by a bad link, in virtual time.
 *
 *     +---+  dir[0]: delay, loss, cut   +---+
 *     | a |---------------------------->| b |
 *     |   |<----------------------------|   |
 *     +---+            dir[1]           +---+
 *
 * Packets are real ones: built, maybe lost, decoded, authenticated and
 * received.  What becomes of sessions and regions is written down, one word a
 * change: "a:init", "b:up", "a:region-up".  Invariants hold all the time; see
 * sim_check(). */

#ifndef BFD_SIM_H
#define BFD_SIM_H 1

#include "bfd-session.h"
#include "openvswitch/dynamic-string.h"

#define US(N) ((long long int) (N))
#define MS(N) ((N) * 1000LL)
#define SEC(N) ((N) * 1000000LL)

enum { SIM_QUEUE = 256 };

struct sim_frame {
    long long int when_us;      /* Arrival. */
    size_t size;
    uint8_t data[BFD_MAX_LEN];
};

/* One direction of the link, first in, first out. */
struct sim_dir {
    long long int delay_us;
    unsigned int loss;          /* Percent. */
    bool cut;                   /* Everything is lost. */
    struct sim_frame queue[SIM_QUEUE];
    unsigned int head, tail;
};

struct sim_node {
    const char *name;
    struct bfd_session s;
    struct bfd_session_config cfg;
    struct heartbeat_config hb_cfg;
    long long int override_us;
    long long int asleep_from_us;
    long long int asleep_until_us;      /* Its owner does not run; or 0. */

    /* What it sent and received. */
    struct bfd_packet last_sent, last_received;
    long long int sent_us, gap_us;      /* Last packet; gap before it. */
    long long int min_gap_us, max_gap_us;   /* Since the test reset them. */
    unsigned int n_sent, n_received, n_finals;
    unsigned int n_errors[BFD_N_ERRORS];
    unsigned int n_excused;

    /* For sim_check(). */
    enum bfd_state shown;               /* The last state written down. */
    long long int lonely_us;            /* Up, the other not, since; or 0. */
    long long int max_detect_us;        /* Longest detection since then. */
    unsigned int burst;                 /* Packets at the same instant. */
};

struct sim {
    long long int now_us;
    uint64_t random;
    bool guard_off;             /* Lonely sessions are intended. */
    struct sim_node a, b;
    struct sim_dir dir[2];      /* From a, from b. */
    struct ds log;
};

void sim_init(struct sim *, const struct bfd_session_config *a,
              const struct bfd_session_config *b, uint64_t seed);
void sim_destroy(struct sim *);
void sim_restart(struct sim *, struct sim_node *);
void sim_configure(struct sim *, struct sim_node *);
void sim_run(struct sim *, long long int duration_us);
void sim_sleep(struct sim *, struct sim_node *, long long int duration_us);
void sim_cut(struct sim *, bool from_a, bool from_b);
uint32_t sim_random(struct sim *, uint32_t n);

/* Checks that the log, which starts over, is 'words'. */
void sim_expect(struct sim *, const char *words);

#endif /* bfd-sim.h */
