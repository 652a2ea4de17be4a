/* SPDX-License-Identifier: Apache-2.0 */

/* The naive model's set-up, its sender and what is to be seen of it: see
 * model.c. */

#include <config.h>
#include "model-private.h"

#include <stdlib.h>
#include <string.h>
#include "redirect-check.h"
#include "util.h"

static void *
model_create(const struct host_options *o)
{
    struct model *m = xcalloc(1, sizeof *m);

    m->o = *o;
    m->conns = xcalloc(M_CONNS, sizeof *m->conns);
    m->frags = xcalloc(M_FRAGS, sizeof *m->frags);
    m->all = xcalloc(M_CONNS, sizeof *m->all);
    return m;
}

static void
model_destroy(void *m_)
{
    struct model *m = m_;

    for (uint32_t i = 0; i < m->n_all; i++) {
        free(m->all[i]);
    }
    for (int i = 0; i < M_OBJECTS; i++) {
        free(m->objects[i].ring);
    }
    free(m->conns);
    free(m->frags);
    free(m->held);
    free(m->all);
    free(m);
}

/* ## Packets of our own. ## */

static void
emit(struct originated *o, const struct frame *f, uint32_t port)
{
    struct outcome *out = &o->out[o->n++];

    out->verdict = TPR_SEND;
    out->port = port;
    out->frame = *f;
}

static void
emit_reset(struct model *m, const struct m_conn *c, uint32_t seq,
           struct originated *o)
{
    const struct tpr_addr *vip = &m->objects[c->id].r.vip;
    struct frame f;
    struct pkt r;

    m_reset_init(&r, vip, c->vport, &c->client, c->cport,
               vip->w[0] || vip->w[1]);
    r.seq = seq;
    r.tci = c->tci;
    memcpy(r.smac, c->vip_mac, 6);
    memcpy(r.dmac, c->client_mac, 6);
    pkt_build(&r, &f);
    m_count(m, TPR_COUNTER_RESET_SENT);
    emit(o, &f, c->in_port);
}

static void
repeat_syn(struct model *m, struct m_conn *c, struct originated *o)
{
    struct pkt p = c->first;
    uint32_t id = c->id;
    struct outcome out = { .verdict = TPR_DROP };
    struct look l = { m, TPR_MODE_FORWARD, id, c->in_port, &p, &out,
                      false, false };
    struct m_object *object = &m->objects[id];
    struct m_backend *b;
    bool stateless;
    struct pkt r;

    if (!c->has_syn || !c->in_port) {
        return;
    }
    m_drop_conn(m, c);
    b = m_choose_backend(&l, object, &stateless);
    if (!b) {
        m_count(m, (enum tpr_counter) (TPR_COUNTER_NONE_DROPPED
                                     + object->r.on_none));
        if (object->r.on_none == TPR_ON_NONE_RESET && m_answer(&p, &r)) {
            pkt_build(&r, &out.frame);
            m_count(m, TPR_COUNTER_RESET_SENT);
            emit(o, &out.frame, l.in_port);
        }
        return;
    }
    if (object->r.stateless) {
        l.direct = true;
    } else {
        m_new_conn(&l, b, id);
    }
    m_send_forward(&l, b);
    m_count(m, TPR_COUNTER_SYN_REPEATED);
    emit(o, &out.frame, out.port);
}

static void
handle_death(struct model *m, struct m_conn *c, struct originated *o)
{
    enum tpr_on_down on_down = m_on_down(&m->objects[c->id], c);

    if (c->proto != TPR_PROTO_TCP || on_down == TPR_ON_DOWN_KEEP
        || m_ended(c)) {
        return;
    } else if (m_only_syn(c)) {
        repeat_syn(m, c, o);
    } else if (on_down != TPR_ON_DOWN_RESELECT && !c->reset) {
        c->reset = true;
        c->expires = (m->now
                      + m->objects[c->id].r.timeouts[TPR_TIMEOUT_CLOSING]);
        m_release(c);
        if (c->in_port && c->seen) {
            emit_reset(m, c, c->rev_end, o);
        }
        if (c->in_port && c->acked
            && !(c->seen && c->cli_ack == c->rev_end)) {
            emit_reset(m, c, c->cli_ack, o);
        }
    }
}

static void
model_originate(void *m_, struct originated *o)
{
    struct model *m = m_;
    uint32_t end = m->n_slots;
    bool *died = xcalloc(M_CONNS, sizeof *died);

    o->n = 0;
    for (uint32_t i = 0; i < m->n_all; i++) {
        struct m_backend *b = m->all[i];
        bool dead = m_is_dead(m, b);

        died[i] = b->entries && dead && b->kept;
        b->kept = !dead || (b->kept && !b->entries);
    }
    for (uint32_t i = 0; i < end; i++) {
        struct m_conn *c = &m->conns[i];

        for (uint32_t j = 0; c->used && j < m->n_all; j++) {
            if (m->all[j] == c->b && died[j]) {
                handle_death(m, c, o);
                break;
            }
        }
    }
    free(died);
}

/* ## Set-up and what is to be seen. ## */

/* The same service: a client of the one may be one of the other. */
static bool
has_port_of(const struct m_object *o, const struct tpr_redirect *r)
{
    if (o->r.proto != r->proto || !m_same_addr(&o->r.vip, &r->vip)) {
        return false;
    }
    for (uint32_t port = 1; port < 65536; port++) {
        if (m_has_port(&o->r, (uint16_t) port)
            && m_has_port(r, (uint16_t) port)) {
            return true;
        }
    }
    return false;
}

/* No client has a backend of object 'id' by affinity. */
static void
forget_held(struct model *m, uint32_t id)
{
    for (uint32_t i = 0; i < m->n_held; i++) {
        m->held[i].id = m->held[i].id == id ? 0 : m->held[i].id;
    }
}

static bool
same_backend(const struct tpr_redirect_backend *a,
             const struct tpr_redirect_backend *b)
{
    return (m_same_addr(&a->addr, &b->addr) && a->l4_port == b->l4_port
            && a->word == b->word && a->region == b->region);
}

/* With 'r' a turn brings less, or the policy is another. */
static void
forget_savings(const struct m_object *o, struct m_backend *b,
               const struct tpr_redirect *r)
{
    int64_t all = 0;

    for (int i = 0; o->r.policy == r->policy && i < r->n_backends; i++) {
        all += r->policy == TPR_POLICY_ROUND_ROBIN ? 1 : r->backends[i].weight;
    }
    if (b->smooth > all) {
        b->smooth = all;
    } else if (b->smooth < -all) {
        b->smooth = -all;
    }
}

static bool
model_set(void *m_, const struct tpr_redirect *r)
{
    struct model *m = m_;
    struct m_object *o = &m->objects[r->id];
    struct m_backend *new[M_BACKENDS];
    char *error = tpr_redirect_check(r);

    if (error) {
        free(error);
        return false;
    }
    if (o->used && !has_port_of(o, r)) {
        forget_held(m, r->id);
    }
    if (o->used && (o->r.proto != r->proto
                    || !m_same_addr(&o->r.vip, &r->vip))) {
        for (uint32_t i = 0; i < m->n_slots; i++) {
            if (m->conns[i].used && m->conns[i].id == r->id) {
                m_drop_conn(m, &m->conns[i]);
            }
        }
    }
    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *b = &r->backends[i];

        new[i] = NULL;
        for (int j = 0; o->used && j < o->r.n_backends; j++) {
            if (same_backend(&o->b[j]->conf, b)) {
                new[i] = o->b[j];
            }
        }
        if (!new[i]) {
            new[i] = xcalloc(1, sizeof *new[i]);
            m->all[m->n_all++] = new[i];
        }
    }
    for (int j = 0; o->used && j < o->r.n_backends; j++) {
        /* Unless it comes again below. */
        o->b[j]->conf.withdrawn |= TPR_WITHDRAWN_REMOVED;
    }
    for (int i = 0; i < r->n_backends; i++) {
        o->b[i] = new[i];
        if (r->backends[i].max_pps && !new[i]->conf.max_pps) {
            new[i]->pps = 0;            /* Its first second begins. */
            new[i]->paced = new[i]->packets;
        }
        o->b[i]->conf = r->backends[i];
        if (o->used) {
            forget_savings(o, o->b[i], r);
        }
    }
    o->used = true;
    o->r = *r;
    o->r.backends = NULL;
    m_make_ring(o);
    return true;
}

static bool
model_del(void *m_, uint32_t id)
{
    struct model *m = m_;
    struct m_object *o = &m->objects[id];

    if (!o->used) {
        return false;
    }
    for (uint32_t i = 0; i < m->n_slots; i++) {
        if (m->conns[i].used && m->conns[i].id == id) {
            m_drop_conn(m, &m->conns[i]);
        }
    }
    for (int i = 0; i < o->r.n_backends; i++) {
        o->b[i]->conf.withdrawn |= TPR_WITHDRAWN_REMOVED;
    }
    forget_held(m, id);
    o->used = false;
    return true;
}

static void
model_word(void *m_, const struct tpr_liveness_mod *mod)
{
    struct model *m = m_;

    (mod->is_region ? m->region : m->word)[mod->index] = mod->state;
}

static void
model_withdraw(void *m_, uint32_t port)
{
    struct model *m = m_;

    for (uint32_t i = 0; i < m->n_all; i++) {
        struct m_backend *b = m->all[i];

        if (b->conf.output == port
            && !(b->conf.withdrawn & TPR_WITHDRAWN_PORT)) {
            b->conf.withdrawn |= TPR_WITHDRAWN_PORT;
            b->kept = true;             /* For what was kept till now. */
        }
    }
    for (uint32_t i = 0; i < m->n_slots; i++) {
        if (m->conns[i].in_port == port) {
            m->conns[i].in_port = 0;
        }
    }
}

static void
end_second(struct model *m)
{
    for (uint32_t i = 0; i < m->n_all; i++) {
        m->all[i]->pps = (uint32_t) (m->all[i]->packets - m->all[i]->paced);
        m->all[i]->paced = m->all[i]->packets;
    }
    m->paced_ms = m->now;
}

static void
model_time(void *m_, uint32_t ms)
{
    struct model *m = m_;

    m->now += ms;
    if (m->now - m->paced_ms >= 1000) {
        end_second(m);
    }
    for (uint32_t i = 0; i < m->n_slots; i++) {
        if (m->conns[i].used && m->conns[i].expires <= m->now) {
            m_drop_conn(m, &m->conns[i]);
        }
    }
}

static uint64_t
model_counter(void *m_, enum tpr_counter c)
{
    return ((struct model *) m_)->counters[c];
}

static uint32_t
model_connections(void *m_)
{
    return ((struct model *) m_)->n_conns;
}

static bool
model_stats(void *m_, uint32_t id, uint16_t i, struct tpr_backend_stats *s)
{
    const struct m_object *o = &((struct model *) m_)->objects[id];

    if (!o->used || i >= o->r.n_backends) {
        return false;
    }
    memset(s, 0, sizeof *s);
    s->packets = o->b[i]->packets;
    s->bytes = o->b[i]->bytes;
    s->rev_packets = o->b[i]->rev_packets;
    s->rev_bytes = o->b[i]->rev_bytes;
    s->total_connections = o->b[i]->total;
    s->connections = o->b[i]->n;
    return true;
}

const struct host_ops host_model = {
    .name = "model", .create = model_create, .destroy = model_destroy,
    .set = model_set, .del = model_del, .word = model_word,
    .withdraw = model_withdraw, .process = m_process,
    .originate = model_originate, .time = model_time,
    .counter = model_counter, .connections = model_connections,
    .stats = model_stats,
};
