/* SPDX-License-Identifier: Apache-2.0 */

/* A datapath with redirects for tests, and packets through it.
 *
 * One client (10.9.0.1, port 1 of the switch), one VIP (10.0.0.100), backends
 * 10.1.0.1, 10.1.0.2, ... at ports 11, 12, ..., each with a region's word and
 * a word of its own; all words are up.  The clock stands until a test moves
 * it.
 * The world is a global: one at a time, one thread but for world_pass(). */

#ifndef TPR_REDIRECT_WORLD_H
#define TPR_REDIRECT_WORLD_H 1

#include "packet-maker.h"
#include "redirect-dp.h"

enum {
    CLIENT_PORT = 1,            /* Switch ports. */
    BACKEND_PORT = 11,          /* The first backend's. */
    SCOPE = 5,
    N_BACKENDS = 4,
    VIP_L4 = 80,
};

extern const uint8_t client_mac[6], vip_mac[6], backend_mac[6];

struct world {
    struct tpr_dp *dp;
    uint32_t now_ms;
    struct tpr_addr client, vip, backend[N_BACKENDS];
    struct tpr_redirect_backend b[N_BACKENDS];
    struct tpr_redirect r;      /* Of b; tests change both at will. */

    /* Packets that the datapath originated. */
    unsigned int n_sent, n_batches;
    struct {
        uint8_t frame[256];
        size_t len;
        uint32_t output;
    } sent[256];
};
extern struct world w;

/* What became of a packet. */
struct passed {
    enum tpr_verdict verdict;
    uint32_t output;
    uint8_t frame[MAKER_MAX];   /* As it leaves, or the answer. */
    size_t len;
};

void world_open(const struct tpr_dp_options *, bool ip6);
void world_close(void);
void world_set(uint32_t dp_id);
void world_redirect(uint8_t proto, enum tpr_policy, uint16_t n_backends);
void world_word(unsigned int backend, enum tpr_liveness);
void world_region(unsigned int backend, enum tpr_liveness);
uint32_t world_deaths(void);
uint64_t world_connections(uint32_t dp_id, unsigned int backend);

struct made from_client(uint8_t proto, uint16_t port, uint8_t tcp_flags);
struct made from_backend(uint8_t proto, unsigned int backend, uint16_t port,
                         uint8_t tcp_flags);
struct made at_backend(struct made, unsigned int backend);
struct made at_client(struct made);

struct passed world_pass(enum tpr_mode, uint32_t dp_id, const struct made *,
                         uint32_t in_port);
struct passed forward(const struct made *);
struct passed reverse(const struct made *);

void assert_frame(const struct made *, const uint8_t *frame, size_t len);
void assert_sent(const struct passed *, const struct made *, uint32_t output);
void assert_goes_to(const struct made *, unsigned int backend);
void assert_comes_back(const struct made *);
void assert_passes(enum tpr_mode, const struct made *);
void assert_reset(const uint8_t *frame, size_t len, uint16_t client_port,
                  uint32_t seq, uint8_t flags, uint32_t ack);

void establish(uint16_t port, unsigned int backend);

#endif /* redirect-world.h */
