/* SPDX-License-Identifier: Apache-2.0 */

/* The naive model of a redirect: what DESIGN.md sections 2 and 3 say, with
 * lists that are searched from end to end and packets that are built anew.
 *
 * It shares the description (redirect.h) and the hash with what it is compared
 * to, nothing else: it never sees a packet's bytes. */

#include <config.h>
#include "model-private.h"

#include <stdlib.h>
#include <string.h>
#include "redirect-check.h"

struct look {                   /* One packet. */
    struct model *m;
    enum tpr_mode mode;
    uint32_t id, in_port;
    const struct pkt *p;
    struct outcome *out;
};

static void
count(struct model *m, enum tpr_counter c)
{
    m->counters[c]++;
}

static void *
model_create(const struct host_options *o)
{
    struct model *m = calloc(1, sizeof *m);

    m->o = *o;
    m->conns = calloc(M_CONNS, sizeof *m->conns);
    m->syn_owner = calloc(o->half_open, sizeof *m->syn_owner);
    m->frags = calloc(M_FRAGS, sizeof *m->frags);
    m->all = calloc(M_CONNS, sizeof *m->all);
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
    free(m->syn_owner);
    free(m->frags);
    free(m->all);
    free(m);
}

/* ## Connections. ## */

static bool
ended(const struct m_conn *c)
{
    return c->rst || (c->fin_forward && c->fin_reverse);
}

static bool
half_open(const struct m_conn *c)
{
    return c->syn && !c->answered && !c->acked;
}

static void
release(struct m_conn *c)
{
    if (!c->released) {
        c->released = true;
        c->b->n--;
    }
}

static void
drop_conn(struct model *m, struct m_conn *c)
{
    release(c);
    c->b->entries--;
    c->used = false;
    m->n_conns--;
}

static void
touch(struct model *m, struct m_conn *c)
{
    const uint32_t *t = m->objects[c->id].r.timeouts;

    if (c->proto == TPR_PROTO_TCP) {
        c->expires = m->now + (c->fin_forward || c->fin_reverse || c->rst
                               || c->reset ? t[TPR_TIMEOUT_CLOSING]
                               : c->syn && !c->acked ? t[TPR_TIMEOUT_SYN]
                               : t[TPR_TIMEOUT_ESTABLISHED]);
    } else if (c->proto == TPR_PROTO_SCTP) {
        c->expires = m->now + t[c->answered ? TPR_TIMEOUT_ESTABLISHED
                                : TPR_TIMEOUT_SYN];
    } else {
        c->expires = m->now + t[c->answered ? TPR_TIMEOUT_ANSWERED
                                : TPR_TIMEOUT_NEW];
    }
}

static uint32_t
seq_end(const struct pkt *p)
{
    return (p->seq + p->payload + !!(p->flags & F_SYN)
            + !!(p->flags & F_FIN));
}

static void
from_client(struct m_conn *c, const struct pkt *p, uint32_t in_port)
{
    c->in_port = in_port;
    c->tci = p->tci;
    memcpy(c->client_mac, p->smac, 6);
    memcpy(c->vip_mac, p->dmac, 6);
    if (p->proto == TPR_PROTO_TCP) {
        c->syn |= p->flags & F_SYN;
        c->acked |= (p->flags & (F_ACK | F_SYN)) == F_ACK;
        c->fin_forward |= p->flags & F_FIN;
        c->rst |= p->flags & F_RST;
        if (p->flags & F_ACK) {
            c->cli_ack = p->ack;
        }
    }
}

static void
from_backend(struct m_conn *c, const struct pkt *p)
{
    if (p->proto != TPR_PROTO_TCP) {
        c->answered = true;
    } else if (p->frag != LATER_FRAGMENT) {
        if (!(p->flags & F_RST)) {
            if (!c->seen || (int32_t) (seq_end(p) - c->rev_end) > 0) {
                c->rev_end = seq_end(p);
            }
            c->seen = c->answered = true;
        }
        c->fin_reverse |= p->flags & F_FIN;
        c->rst |= p->flags & F_RST;
    }
}

static uint16_t
backend_port(const struct m_backend *b, uint16_t port)
{
    return b->conf.l4_port ? b->conf.l4_port : port;
}

static struct m_conn *
find_forward(struct look *l, const struct tpr_addr *client, uint16_t cport,
             const struct tpr_addr *vip, uint16_t vport, uint8_t proto)
{
    struct model *m = l->m;

    for (uint32_t i = 0; i < m->n_slots; i++) {
        struct m_conn *c = &m->conns[i];

        if (c->used && c->proto == proto && c->cport == cport
            && c->vport == vport && m_same_addr(&c->client, client)
            && m_same_addr(&m->objects[c->id].r.vip, vip)
            && (l->mode != TPR_MODE_FORWARD || l->id == c->id)) {
            return c;
        }
    }
    return NULL;
}

static struct m_conn *
find_reverse(struct model *m, const struct tpr_addr *backend, uint16_t bport,
             const struct tpr_addr *client, uint16_t cport, uint8_t proto)
{
    for (uint32_t i = 0; i < m->n_slots; i++) {
        struct m_conn *c = &m->conns[i];

        if (c->used && c->proto == proto && c->cport == cport
            && backend_port(c->b, c->vport) == bport
            && m_same_addr(&c->client, client)
            && m_same_addr(&c->b->conf.addr, backend)) {
            return c;
        }
    }
    return NULL;
}

/* ## Fragments. ## */

static void
note_fragment(struct look *l, const struct m_conn *c, bool reverse)
{
    struct model *m = l->m;
    const struct pkt *p = l->p;
    struct m_frag new = {
        .src = p->src, .dst = p->dst,
        .id = p->is_v6 ? p->id : p->id & 0xffff, .serial = c->serial,
        .expires = m->now + M_FRAG_MS, .proto = p->proto, .reverse = reverse,
    };
    uint32_t i = 0;

    if (p->frag != FIRST_FRAGMENT) {
        return;
    }
    while (i < m->n_frags
           && (m->frags[i].id != new.id || m->frags[i].proto != new.proto
               || m->frags[i].reverse != reverse
               || !m_same_addr(&m->frags[i].src, &new.src)
               || !m_same_addr(&m->frags[i].dst, &new.dst))) {
        i++;
    }
    if (i == m->n_frags) {
        m->n_frags++;
    }
    m->frags[i] = new;
}

static struct m_conn *
find_fragment(struct look *l, bool reverse)
{
    struct model *m = l->m;
    const struct pkt *p = l->p;
    uint32_t id = p->is_v6 ? p->id : p->id & 0xffff;

    for (uint32_t i = 0; i < m->n_frags; i++) {
        const struct m_frag *f = &m->frags[i];

        if (f->id == id && f->proto == p->proto && f->reverse == reverse
            && m_same_addr(&f->src, &p->src)
            && m_same_addr(&f->dst, &p->dst) && f->expires > m->now) {
            for (uint32_t j = 0; j < m->n_slots; j++) {
                if (m->conns[j].used && m->conns[j].serial == f->serial) {
                    return &m->conns[j];
                }
            }
        }
    }
    return NULL;
}

/* ## Packets out. ## */

static bool
is_error(const struct pkt *p)
{
    return (p->quote && p->frag == NOT_FRAGMENT
            && (p->is_v6 ? p->proto == PROTO_ICMP6 && p->type >= 1
                           && p->type <= 4
                : p->proto == PROTO_ICMP
                  && (p->type == 3 || p->type == 11 || p->type == 12)));
}

static void
build_forward(const struct pkt *in, const struct m_backend *b,
              struct frame *f)
{
    static const uint8_t zero[6];
    struct pkt p = *in, quote;

    memcpy(p.dmac, b->conf.mac, 6);
    if (memcmp(b->conf.src_mac, zero, 6)) {
        memcpy(p.smac, b->conf.src_mac, 6);
    }
    p.dst = b->conf.addr;
    p.dport = backend_port(b, p.dport);
    if (is_error(in)) {
        quote = *in->quote;
        quote.src = b->conf.addr;
        quote.sport = backend_port(b, quote.sport);
        p.quote = &quote;
    }
    if (b->conf.vlan == TPR_VLAN_NONE) {
        p.tci = -1;
    } else if (b->conf.vlan != TPR_VLAN_KEEP) {
        p.tci = (p.tci < 0 ? 0 : p.tci & 0xe000) | b->conf.vlan;
    }
    pkt_build(&p, f);
}

static void
send_forward(struct look *l, struct m_backend *b)
{
    struct frame in;

    if (b->conf.withdrawn) {
        count(l->m, TPR_COUNTER_NO_PORT);
        l->out->verdict = TPR_DROP;
        return;
    }
    pkt_build(l->p, &in);
    b->packets++;
    b->bytes += in.len;
    build_forward(l->p, b, &l->out->frame);
    l->out->verdict = TPR_SEND;
    l->out->port = b->conf.output;
}

static void
send_reverse(struct look *l, const struct m_conn *c)
{
    const struct tpr_addr *vip = &l->m->objects[c->id].r.vip;
    struct pkt p = *l->p, quote;
    struct frame in;

    if (!c->in_port) {
        count(l->m, TPR_COUNTER_NO_PORT);
        l->out->verdict = TPR_DROP;
        return;
    }
    pkt_build(l->p, &in);
    c->b->rev_packets++;
    c->b->rev_bytes += in.len;
    memcpy(p.dmac, c->client_mac, 6);
    memcpy(p.smac, c->vip_mac, 6);
    p.tci = c->tci;
    if (is_error(l->p)) {
        quote = *l->p->quote;
        quote.dst = *vip;
        quote.dport = c->vport;
        p.quote = &quote;
        if (m_same_addr(&p.src, &c->b->conf.addr)) {
            p.src = *vip;
        }
    } else {
        p.src = *vip;
        p.sport = c->vport;
    }
    pkt_build(&p, &l->out->frame);
    l->out->verdict = TPR_SEND;
    l->out->port = c->in_port;
}

static void
reset_init(struct pkt *r, const struct tpr_addr *src, uint16_t sport,
           const struct tpr_addr *dst, uint16_t dport, bool is_v6)
{
    pkt_init(r);
    r->proto = TPR_PROTO_TCP;
    r->is_v6 = is_v6;
    r->reset_style = true;
    r->src = *src;
    r->dst = *dst;
    r->sport = sport;
    r->dport = dport;
    r->flags = F_RST;
}

static void
answer(struct look *l)
{
    const struct pkt *p = l->p;
    struct pkt r;

    if (p->proto != TPR_PROTO_TCP || p->flags & F_RST
        || !(p->flags & (F_SYN | F_ACK))) {
        l->out->verdict = TPR_DROP;
        return;
    }
    reset_init(&r, &p->dst, p->dport, &p->src, p->sport, p->is_v6);
    if (p->flags & F_ACK) {
        r.seq = p->ack;
    } else {
        r.flags |= F_ACK;
        r.ack = seq_end(p);
    }
    memcpy(r.smac, p->dmac, 6);
    memcpy(r.dmac, p->smac, 6);
    r.tci = p->tci;
    pkt_build(&r, &l->out->frame);
    count(l->m, TPR_COUNTER_RESET_ANSWERED);
    l->out->verdict = TPR_REPLY;
    l->out->port = l->in_port;
}

/* ## New connections. ## */

static void
nothing_usable(struct look *l, const struct m_object *o)
{
    switch (o->r.on_none) {
    case TPR_ON_NONE_DROP:
        count(l->m, TPR_COUNTER_NONE_DROPPED);
        l->out->verdict = TPR_DROP;
        break;
    case TPR_ON_NONE_RESET:
        count(l->m, TPR_COUNTER_NONE_RESET);
        answer(l);
        break;
    default:
        count(l->m, TPR_COUNTER_NONE_PASSED);
        l->out->verdict = TPR_PASS;
        break;
    }
}

static void
keep_syn(struct model *m, struct m_conn *c, const struct pkt *p)
{
    uint32_t slot = m->next_syn;
    struct frame f;

    for (uint32_t i = 0; i < m->n_slots; i++) {
        struct m_conn *old = &m->conns[i];

        if (old->used && old != c && old->syn_slot == (int) slot
            && m->syn_owner[slot] == old->serial) {
            if (half_open(old)) {
                count(m, TPR_COUNTER_SYN_EVICTED);
                drop_conn(m, old);
            } else {
                old->has_syn = false;
            }
        }
    }
    m->next_syn = (slot + 1) % m->o.half_open;
    m->syn_owner[slot] = c->serial;
    c->syn_slot = (int) slot;
    pkt_build(p, &f);
    c->has_syn = f.len <= M_SYN_MAX;
    c->first = *p;
}

static struct m_conn *
new_conn(struct look *l, struct m_backend *b, uint32_t id)
{
    struct model *m = l->m;
    const struct pkt *p = l->p;
    struct m_conn *c;
    uint32_t i = m->n_slots;

    if (i == M_CONNS) {
        for (i = 0; m->conns[i].used; i++) {
            continue;
        }
    } else {
        m->n_slots++;
    }
    c = &m->conns[i];
    memset(c, 0, sizeof *c);
    c->used = true;
    c->serial = ++m->next_serial;
    c->id = id;
    c->b = b;
    c->client = p->src;
    c->cport = has_ports(p->proto) ? p->sport : 0;
    c->vport = has_ports(p->proto) ? p->dport : 0;
    c->proto = p->proto;
    c->syn_slot = -1;
    from_client(c, p, l->in_port);
    touch(m, c);
    m->n_conns++;
    b->n++;
    b->entries++;
    b->total++;
    b->kept = true;
    if (half_open(c) && p->proto == TPR_PROTO_TCP) {
        keep_syn(m, c, p);
    }
    return c;
}

/* Which backend?  NULL: none.  '*stateless' if no record can be made. */
static struct m_backend *
choose(struct look *l, struct m_object *o, bool *stateless)
{
    struct model *m = l->m;
    const struct pkt *p = l->p;
    uint32_t hash = m_hash(m, &p->src, &p->dst, p->sport, p->dport,
                           p->proto);
    bool usable[M_BACKENDS];
    bool limited = false;

    for (int i = 0; i < o->r.n_backends; i++) {
        struct m_backend *b = o->b[i];

        usable[i] = m_usable(m, b);
        if (usable[i] && b->conf.max_connections
            && b->n >= b->conf.max_connections) {
            usable[i] = false;
            limited = true;
        }
    }
    if (limited) {
        count(m, TPR_COUNTER_LIMITED);
    }
    *stateless = m->n_conns >= m->o.connections;
    for (;;) {
        int i = m_choose(o, *stateless ? TPR_POLICY_MAGLEV : o->r.policy,
                         usable, hash);

        if (i < 0 || *stateless) {
            return i < 0 ? NULL : o->b[i];
        } else if (!find_reverse(m, &o->b[i]->conf.addr,
                                 backend_port(o->b[i], p->dport), &p->src,
                                 p->sport, p->proto)) {
            return o->b[i];
        }
        usable[i] = false;
        count(m, TPR_COUNTER_REV_COLLISION);
    }
}

static void
place(struct look *l, uint32_t id)
{
    struct m_object *o = &l->m->objects[id];
    bool stateless;
    struct m_backend *b = choose(l, o, &stateless);

    if (!b) {
        nothing_usable(l, o);
        return;
    }
    if (stateless) {
        count(l->m, TPR_COUNTER_TABLE_FULL);
    } else {
        note_fragment(l, new_conn(l, b, id), false);
    }
    send_forward(l, b);
}

/* ## The packet's way. ## */

static bool
covers(const struct m_object *o, const struct pkt *p)
{
    if (!o->used || (o->r.proto && o->r.proto != p->proto)
        || !m_same_addr(&o->r.vip, &p->dst)) {
        return false;
    }
    for (int i = 0; i < o->r.n_ports; i++) {
        if (p->dport >= o->r.ports[i].first
            && p->dport <= o->r.ports[i].last) {
            return true;
        }
    }
    return !o->r.n_ports;
}

/* Drops the connection and places the packet anew. */
static void
place_again(struct look *l, struct m_conn *c)
{
    uint32_t id = c->id;

    drop_conn(l->m, c);
    if (covers(&l->m->objects[id], l->p)
        && (l->p->proto != TPR_PROTO_TCP || !(l->p->flags & F_RST))) {
        place(l, id);
    }
}

static void
forward_hit(struct look *l, struct m_conn *c)
{
    const struct pkt *p = l->p;
    const struct m_object *o = &l->m->objects[c->id];

    if (p->proto == TPR_PROTO_TCP && (ended(c) || c->reset)
        && (p->flags & (F_SYN | F_ACK | F_RST)) == F_SYN) {
        place_again(l, c);
        return;
    }
    if (c->reset && !(p->flags & F_RST)) {
        touch(l->m, c);
        answer(l);
        return;
    }
    if (m_is_dead(l->m, c->b)) {
        enum tpr_on_down on_down
            = (o->r.on_down != TPR_ON_DOWN_DEFAULT
               ? (enum tpr_on_down) o->r.on_down
               : p->proto == TPR_PROTO_TCP ? TPR_ON_DOWN_RESET
               : TPR_ON_DOWN_RESELECT);

        if (on_down == TPR_ON_DOWN_RESELECT
            || (on_down == TPR_ON_DOWN_RESET && half_open(c))) {
            count(l->m, TPR_COUNTER_RESELECTED);
            place_again(l, c);
            return;
        } else if (on_down == TPR_ON_DOWN_RESET) {
            c->reset = true;
            release(c);
            touch(l->m, c);
            answer(l);
            return;
        }
    }
    from_client(c, p, l->in_port);
    touch(l->m, c);
    if (ended(c)) {
        release(c);
    }
    note_fragment(l, c, false);
    send_forward(l, c->b);
}

/* Returns true if it was about a connection. */
static bool
forward_error(struct look *l)
{
    const struct pkt *q = l->p->quote;
    struct m_conn *c = find_forward(l, &q->dst, q->dport, &q->src, q->sport,
                                    q->proto);

    if (!c || !m_same_addr(&l->p->dst, &q->src)) {
        return false;
    }
    count(l->m, TPR_COUNTER_ICMP_TRANSLATED);
    send_forward(l, c->b);
    return true;
}

static void
forward_later(struct look *l, bool ours)
{
    struct m_conn *c = find_fragment(l, false);

    if (c) {
        send_forward(l, c->b);
    } else if (ours) {
        count(l->m, TPR_COUNTER_FRAG_LOST);
        l->out->verdict = TPR_DROP;
    }
}

static void
forward(struct look *l)
{
    const struct pkt *p = l->p;
    const struct m_object *o = &l->m->objects[l->id];
    struct m_conn *c;

    if (is_error(p) && forward_error(l)) {
        return;
    } else if (!o->used) {
        count(l->m, TPR_COUNTER_NOT_OURS);
    } else if (p->frag == LATER_FRAGMENT) {
        forward_later(l, m_same_addr(&o->r.vip, &p->dst)
                         && (!o->r.proto || o->r.proto == p->proto));
    } else if (!covers(o, p)) {
        count(l->m, TPR_COUNTER_NOT_OURS);
    } else if ((c = find_forward(l, &p->src, p->sport, &p->dst, p->dport,
                                 p->proto)) != NULL) {
        forward_hit(l, c);
    } else if (p->proto != TPR_PROTO_TCP || !(p->flags & F_RST)) {
        place(l, l->id);
    }
}

static void
any(struct look *l)
{
    const struct pkt *p = l->p;
    struct m_conn *c;
    bool known = false;
    int object = -1;

    for (int i = 0; i < M_OBJECTS; i++) {
        known |= (l->m->objects[i].used
                  && m_same_addr(&l->m->objects[i].r.vip, &p->dst));
        if (object < 0 && covers(&l->m->objects[i], p)) {
            object = i;
        }
    }
    if (is_error(p)) {
        forward_error(l);
    } else if (p->frag == LATER_FRAGMENT) {
        forward_later(l, known);
    } else if ((c = find_forward(l, &p->src, p->sport, &p->dst, p->dport,
                                 p->proto)) != NULL) {
        forward_hit(l, c);
    } else if (object >= 0 && p->frag == FIRST_FRAGMENT
               && !(p->proto == TPR_PROTO_TCP && (p->flags & F_RST))) {
        place(l, (uint32_t) object);
    }
}

static void
reverse(struct look *l)
{
    const struct pkt *p = l->p;
    const struct pkt *q = p->quote;
    struct m_conn *c;

    if (p->frag == LATER_FRAGMENT) {
        c = find_fragment(l, true);
    } else if (is_error(p)) {
        c = (m_same_addr(&p->dst, &q->src)
             ? find_reverse(l->m, &q->dst, q->dport, &q->src, q->sport,
                            q->proto) : NULL);
    } else {
        c = find_reverse(l->m, &p->src, p->sport, &p->dst, p->dport,
                         p->proto);
    }
    if (!c) {
        return;
    }
    if (is_error(p)) {
        count(l->m, TPR_COUNTER_ICMP_TRANSLATED);
    } else {
        from_backend(c, p);
        touch(l->m, c);
        if (ended(c)) {
            release(c);
        }
        note_fragment(l, c, true);
    }
    send_reverse(l, c);
}

static void
model_process(void *m_, enum tpr_mode mode, uint32_t id, uint32_t in_port,
              const struct pkt *p, struct outcome *out)
{
    struct look l = { m_, mode, id, in_port, p, out };

    out->verdict = TPR_PASS;
    if (p->is_ip && pkt_is_malformed(p)) {
        count(l.m, TPR_COUNTER_ODD);
    } else if (p->is_ip && mode == TPR_MODE_FORWARD) {
        forward(&l);
    } else if (p->is_ip && mode == TPR_MODE_ANY) {
        any(&l);
    } else if (p->is_ip) {
        reverse(&l);
    }
    if (out->verdict == TPR_PASS) {
        pkt_build(p, &out->frame);
    }
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

    reset_init(&r, vip, c->vport, &c->client, c->cport,
               vip->w[0] || vip->w[1]);
    r.seq = seq;
    r.tci = c->tci;
    memcpy(r.smac, c->vip_mac, 6);
    memcpy(r.dmac, c->client_mac, 6);
    pkt_build(&r, &f);
    count(m, TPR_COUNTER_RESET_SENT);
    emit(o, &f, c->in_port);
}

static void
repeat_syn(struct model *m, struct m_conn *c, struct originated *o)
{
    struct pkt p = c->first;
    uint32_t id = c->id;
    struct outcome out = { .verdict = TPR_DROP };
    struct look l = { m, TPR_MODE_FORWARD, id, c->in_port, &p, &out };
    struct m_object *object = &m->objects[id];
    struct m_backend *b;
    bool stateless;

    if (!c->has_syn || !c->in_port) {
        return;
    }
    drop_conn(m, c);
    b = choose(&l, object, &stateless);
    if (!b) {
        count(m, (enum tpr_counter) (TPR_COUNTER_NONE_DROPPED
                                     + object->r.on_none));
        return;
    }
    new_conn(&l, b, id);
    send_forward(&l, b);
    count(m, TPR_COUNTER_SYN_REPEATED);
    emit(o, &out.frame, out.port);
}

static void
handle_death(struct model *m, struct m_conn *c, struct originated *o)
{
    uint8_t on_down = m->objects[c->id].r.on_down;

    if (c->proto != TPR_PROTO_TCP || on_down == TPR_ON_DOWN_KEEP
        || ended(c)) {
        return;
    } else if (half_open(c)) {
        repeat_syn(m, c, o);
    } else if (on_down != TPR_ON_DOWN_RESELECT && !c->reset) {
        c->reset = true;
        c->expires = (m->now
                      + m->objects[c->id].r.timeouts[TPR_TIMEOUT_CLOSING]);
        release(c);
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
    bool *died = calloc(M_CONNS, sizeof *died);

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
    if (o->used && (o->r.proto != r->proto
                    || !m_same_addr(&o->r.vip, &r->vip))) {
        for (uint32_t i = 0; i < m->n_slots; i++) {
            if (m->conns[i].used && m->conns[i].id == r->id) {
                drop_conn(m, &m->conns[i]);
            }
        }
    }
    for (int i = 0; i < r->n_backends; i++) {
        const struct tpr_redirect_backend *b = &r->backends[i];

        new[i] = NULL;
        for (int j = 0; o->used && j < o->r.n_backends; j++) {
            const struct tpr_redirect_backend *old = &o->b[j]->conf;

            if (m_same_addr(&old->addr, &b->addr)
                && old->l4_port == b->l4_port && old->word == b->word
                && old->region == b->region) {
                new[i] = o->b[j];
            }
        }
        if (!new[i]) {
            new[i] = calloc(1, sizeof *new[i]);
            m->all[m->n_all++] = new[i];
        }
    }
    for (int j = 0; o->used && j < o->r.n_backends; j++) {
        o->b[j]->conf.withdrawn = true; /* Unless it comes again below. */
    }
    for (int i = 0; i < r->n_backends; i++) {
        o->b[i] = new[i];
        o->b[i]->conf = r->backends[i];
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
            drop_conn(m, &m->conns[i]);
        }
    }
    for (int i = 0; i < o->r.n_backends; i++) {
        o->b[i]->conf.withdrawn = true;
    }
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
        m->all[i]->conf.withdrawn |= m->all[i]->conf.output == port;
    }
    for (uint32_t i = 0; i < m->n_slots; i++) {
        if (m->conns[i].in_port == port) {
            m->conns[i].in_port = 0;
        }
    }
}

static void
model_time(void *m_, uint32_t ms)
{
    struct model *m = m_;

    m->now += ms;
    for (uint32_t i = 0; i < m->n_slots; i++) {
        if (m->conns[i].used && m->conns[i].expires <= m->now) {
            drop_conn(m, &m->conns[i]);
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
    "model", model_create, model_destroy, model_set, model_del, model_word,
    model_withdraw, model_process, model_originate, model_time,
    model_counter, model_connections, model_stats,
};
