/* SPDX-License-Identifier: Apache-2.0 */

/* Two BFD sessions in virtual time: see bfd-sim.h. */

#include <config.h>
#include "bfd-sim.h"

#include <check.h>
#include <limits.h>
#include <string.h>
#include "util.h"

/* ck_assert() writes to a file even if all is well, which takes longer than
 * what it checks here. */
#define SIM_ASSERT(CONDITION)                                   \
    do {                                                        \
        if (!(CONDITION)) {                                     \
            ck_abort_msg("'%s' failed", #CONDITION);            \
        }                                                       \
    } while (0)

enum { SIM_MAX_BURST = 8 };     /* Packets a node may send at one instant. */

/* Returns a number in 0...n-1. */
uint32_t
sim_random(struct sim *sim, uint32_t n)
{
    sim->random = sim->random * UINT64_C(6364136223846793005)
                  + UINT64_C(1442695040888963407);
    return (sim->random >> 33) % n;
}

static struct sim_node *
other(struct sim *sim, struct sim_node *node)
{
    return node == &sim->a ? &sim->b : &sim->a;
}

static void
log_word(struct sim *sim, const struct sim_node *node, const char *word)
{
    ds_put_format(&sim->log, "%s%s:%s", sim->log.length ? " " : "",
                  node->name, word);
}

static void
log_state(struct sim *sim, struct sim_node *node)
{
    if (node->shown != node->s.state) {
        node->shown = node->s.state;
        log_word(sim, node, bfd_state_to_string(node->s.state));
    }
}

/* Writes down what changed: the session's state, then the region's. */
static void
log_decision(struct sim *sim, struct sim_node *node,
             enum heartbeat_decision decision)
{
    log_state(sim, node);
    switch (decision) {
    case HEARTBEAT_NOTHING:
        break;
    case HEARTBEAT_WENT_UP:
        log_word(sim, node, "region-up");
        break;
    case HEARTBEAT_WENT_DOWN:
        log_word(sim, node, "region-down");
        break;
    case HEARTBEAT_EXCUSED:
        log_word(sim, node, "excused");
        node->n_excused++;
        break;
    }
}

static bool
is_up(const struct sim_node *node)
{
    return node->s.state == BFD_STATE_UP;
}

/* Invariants:
 *   - A session is Up while the other is not for no longer than the detection
 *     times and the way of one packet each.
 *   - A region is up only while its session is, or is excused.
 *   - What is in use differs from what is advertised only during a poll. */
static void
sim_check(struct sim *sim, struct sim_node *node)
{
    const struct bfd_session *s = &node->s;
    const struct sim_node *peer = other(sim, node);

    if (is_up(node) && !is_up(peer) && !sim->guard_off) {
        if (!node->lonely_us) {
            node->lonely_us = sim->now_us;
            node->max_detect_us = 0;
        }
        node->max_detect_us = MAX(node->max_detect_us,
                                  s->rx.detect_us + peer->s.rx.detect_us);
        SIM_ASSERT(sim->now_us - node->lonely_us
                   <= (node->max_detect_us + 2 * sim->dir[0].delay_us
                       + 2 * sim->dir[1].delay_us));
    } else {
        node->lonely_us = 0;
    }

    SIM_ASSERT(is_up(node) || s->hb.state != HEARTBEAT_UP || s->hb.guard.excuses);
    SIM_ASSERT(s->polling || (s->used_min_tx_us == s->min_tx_us
                              && s->used_min_rx_us == s->min_rx_us));
    SIM_ASSERT(!s->polling || is_up(node));
    SIM_ASSERT(s->used_min_rx_us >= s->min_rx_us);
    SIM_ASSERT(s->used_min_tx_us <= s->min_tx_us);
    SIM_ASSERT(is_up(node) || s->min_tx_us >= BFD_SLOW_TX_US);
}

static void
enqueue(struct sim *sim, struct sim_dir *dir, const uint8_t *data, size_t size)
{
    if (dir->cut || sim_random(sim, 100) < dir->loss) {
        return;
    }
    SIM_ASSERT(dir->head - dir->tail < SIM_QUEUE);

    struct sim_frame *frame = &dir->queue[dir->head++ % SIM_QUEUE];
    frame->when_us = sim->now_us + dir->delay_us;
    frame->size = size;
    memcpy(frame->data, data, size);
}

static void
send_all(struct sim *sim, struct sim_node *node)
{
    struct sim_dir *dir = &sim->dir[node == &sim->b];

    while (bfd_session_must_send(&node->s, sim->now_us)) {
        uint8_t buf[BFD_MAX_LEN];
        size_t size = bfd_session_build(&node->s, buf, sim->now_us);

        SIM_ASSERT(!bfd_packet_decode(buf, size, &node->last_sent));
        node->n_finals += node->last_sent.final;
        node->n_sent++;
        node->burst = (node->sent_us == sim->now_us ? node->burst + 1 : 1);
        SIM_ASSERT(node->burst <= SIM_MAX_BURST);
        node->gap_us = sim->now_us - node->sent_us;
        node->min_gap_us = MIN(node->min_gap_us, node->gap_us);
        node->max_gap_us = MAX(node->max_gap_us, node->gap_us);
        node->sent_us = sim->now_us;
        enqueue(sim, dir, buf, size);
    }
}

static enum bfd_error
receive(struct sim *sim, struct sim_node *node, const struct sim_frame *frame)
{
    enum heartbeat_decision decision;
    struct bfd_packet p;
    uint32_t seq;

    enum bfd_error error = bfd_packet_decode(frame->data, frame->size, &p);
    if (error) {
        return error;
    }
    error = bfd_packet_check_auth(frame->data, frame->size,
                                  &node->s.cfg.auth, &seq);
    if (error) {
        return error;
    }
    error = bfd_session_receive(&node->s, &p, seq, sim->now_us, &decision);
    if (!error) {
        node->last_received = p;
        log_decision(sim, node, decision);
    }
    return error;
}

/* Lets the owner of 'node' do all that is due, unless it sleeps. */
static void
step(struct sim *sim, struct sim_node *node)
{
    struct sim_dir *in = &sim->dir[node == &sim->a];

    if (sim->now_us < node->asleep_until_us) {
        return;
    }
    if (node->asleep_until_us) {
        long long int due_us = bfd_session_deadline(&node->s);

        due_us = MAX(due_us, node->asleep_from_us);
        bfd_session_late(&node->s, MAX(sim->now_us - due_us, 0));
        node->asleep_until_us = 0;
    }
    while (in->head != in->tail
           && in->queue[in->tail % SIM_QUEUE].when_us <= sim->now_us) {
        node->n_received++;
        node->n_errors[receive(sim, node,
                               &in->queue[in->tail++ % SIM_QUEUE])]++;
    }
    log_decision(sim, node, bfd_session_run(&node->s, sim->now_us));
    send_all(sim, node);
    sim_check(sim, node);
}

/* When the owner of 'node' has something to do. */
static long long int
next_event(struct sim *sim, const struct sim_node *node)
{
    const struct sim_dir *in = &sim->dir[node == &sim->a];
    long long int when_us = bfd_session_deadline(&node->s);

    if (in->head != in->tail) {
        when_us = MIN(when_us, in->queue[in->tail % SIM_QUEUE].when_us);
    }
    return MAX(MAX(when_us, node->asleep_until_us), sim->now_us);
}

/* Lets 'duration_us' pass. */
void
sim_run(struct sim *sim, long long int duration_us)
{
    long long int end_us = sim->now_us + duration_us;

    step(sim, &sim->a);
    step(sim, &sim->b);
    for (;;) {
        long long int next_us = MIN(next_event(sim, &sim->a),
                                    next_event(sim, &sim->b));

        if (next_us > end_us) {
            break;
        }
        sim->now_us = next_us;
        step(sim, &sim->a);
        step(sim, &sim->b);
    }
    sim->now_us = end_us;
}

/* (Re)starts the system of 'node': everything but its configuration is lost,
 * the discriminator is another one. */
void
sim_restart(struct sim *sim, struct sim_node *node)
{
    bfd_session_init(&node->s, &node->cfg, &node->hb_cfg, node->override_us,
                     1 + sim_random(sim, 1000000), sim_random(sim, UINT32_MAX),
                     sim->now_us);
    node->asleep_until_us = 0;
    node->shown = node->s.state;
}

/* Puts a changed node->cfg, node->hb_cfg or node->override_us in force. */
void
sim_configure(struct sim *sim, struct sim_node *node)
{
    log_decision(sim, node,
                 bfd_session_configure(&node->s, &node->cfg, &node->hb_cfg,
                                       node->override_us, sim->now_us));
}

/* Stalls the owner of 'node' for 'duration_us' from now. */
void
sim_sleep(struct sim *sim, struct sim_node *node, long long int duration_us)
{
    node->asleep_from_us = sim->now_us;
    node->asleep_until_us = sim->now_us + duration_us;
}

void
sim_cut(struct sim *sim, bool from_a, bool from_b)
{
    sim->dir[0].cut = from_a;
    sim->dir[1].cut = from_b;
}

/* Starts with sessions 'a' and 'b' at second 1 000, region rise 1, no
 * excuses, a perfect link of 50 us. */
void
sim_init(struct sim *sim, const struct bfd_session_config *a,
         const struct bfd_session_config *b, uint64_t seed)
{
    static const struct heartbeat_config hb_cfg = {
        .interval_us = MS(10), .fall = 3, .rise = 1,
    };

    memset(sim, 0, sizeof *sim);
    sim->random = seed;
    sim->now_us = SEC(1000);
    sim->a.name = "a";
    sim->b.name = "b";
    sim->a.cfg = *a;
    sim->b.cfg = *b;
    sim->a.hb_cfg = sim->b.hb_cfg = hb_cfg;
    sim->dir[0].delay_us = sim->dir[1].delay_us = US(50);
    ds_init(&sim->log);
    sim_restart(sim, &sim->a);
    sim_restart(sim, &sim->b);
}

void
sim_destroy(struct sim *sim)
{
    ds_destroy(&sim->log);
}

void
sim_expect(struct sim *sim, const char *words)
{
    ck_assert_str_eq(ds_cstr(&sim->log), words);
    ds_clear(&sim->log);
}
