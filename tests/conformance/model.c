/* SPDX-License-Identifier: Apache-2.0 */

/* The naive model of a redirect: what DESIGN.md sections 2 and 3 say, with
 * lists that are searched from end to end and packets that are built anew.
 *
 * It shares the description (redirect.h) and the hash with what it is compared
 * to, nothing else: it never sees a packet's bytes. */

#include <config.h>
#include "model-private.h"
#include "util.h"

#include <string.h>

void
m_count(struct model *m, enum tpr_counter c)
{
    m->counters[c]++;
}

/* ## Connections. ## */

enum tpr_on_down
m_on_down(const struct m_object *o, const struct m_conn *c)
{
    bool can_keep = !(c->b->conf.withdrawn & TPR_WITHDRAWN_PORT);

    return (o->r.on_down != TPR_ON_DOWN_DEFAULT
            && (o->r.on_down != TPR_ON_DOWN_KEEP || can_keep)
            ? (enum tpr_on_down) o->r.on_down
            : c->proto == TPR_PROTO_TCP ? TPR_ON_DOWN_RESET
            : TPR_ON_DOWN_RESELECT);
}

void
m_release(struct m_conn *c)
{
    if (!c->released) {
        c->released = true;
        c->b->n--;
    }
}

void
m_drop_conn(struct model *m, struct m_conn *c)
{
    m_release(c);
    c->b->entries--;
    c->used = false;
    m->n_conns--;
}

static void
touch(struct model *m, struct m_conn *c)
{
    const uint32_t *t = m->objects[c->id].r.timeouts;

    if (c->proto == TPR_PROTO_TCP) {
        c->expires = m->now + (m_ended(c) || c->reset ? t[TPR_TIMEOUT_CLOSING]
                               : !c->answered || (c->syn && !c->acked)
                               ? t[TPR_TIMEOUT_SYN]
                               : t[TPR_TIMEOUT_ESTABLISHED]);
    } else if (c->proto == TPR_PROTO_SCTP) {
        c->expires = m->now + t[m_ended(c) || c->reset ? TPR_TIMEOUT_CLOSING
                                : c->seen || c->acked
                                ? TPR_TIMEOUT_ESTABLISHED
                                : TPR_TIMEOUT_SYN];
    } else {
        c->expires = m->now + t[c->answered ? TPR_TIMEOUT_ANSWERED
                                : TPR_TIMEOUT_NEW];
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
        .id = p->is_v6 ? p->id : p->id & 0xffff, .serial = c ? c->serial : 0,
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
find_fragment(struct look *l, bool reverse, bool *passed)
{
    struct model *m = l->m;
    const struct pkt *p = l->p;
    uint32_t id = p->is_v6 ? p->id : p->id & 0xffff;

    for (uint32_t i = 0; i < m->n_frags; i++) {
        const struct m_frag *f = &m->frags[i];

        if (f->id == id && f->proto == p->proto && f->reverse == reverse
            && m_same_addr(&f->src, &p->src)
            && m_same_addr(&f->dst, &p->dst) && f->expires > m->now) {
            *passed = !f->serial;
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

/* 'about_ours': 'in' is an error about a redirected packet.  'direct': it
 * belongs to no connection. */
static void
build_forward(const struct pkt *in, const struct m_backend *b,
              bool about_ours, bool direct, struct frame *f)
{
    static const uint8_t zero[6];
    struct pkt p = *in, quote;

    memcpy(p.dmac, b->conf.mac, 6);
    if (memcmp(b->conf.src_mac, zero, 6)) {
        memcpy(p.smac, b->conf.src_mac, 6);
    }
    if (!direct) {
        p.dst = b->conf.addr;
        p.dport = backend_port(b, p.dport);
    }
    if (about_ours) {
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

void
m_send_forward(struct look *l, struct m_backend *b)
{
    struct frame in;

    if (b->conf.withdrawn & TPR_WITHDRAWN_PORT) {
        m_count(l->m, TPR_COUNTER_NO_PORT);
        l->out->verdict = TPR_DROP;
        return;
    }
    pkt_build(l->p, &in);
    b->packets++;
    b->bytes += in.len;
    build_forward(l->p, b, l->about_ours, l->direct, &l->out->frame);
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
        m_count(l->m, TPR_COUNTER_NO_PORT);
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

void
m_reset_init(struct pkt *r, const struct tpr_addr *src, uint16_t sport,
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

/* Makes 'r' the reset that answers 'p', if that is to be answered. */
bool
m_answer(const struct pkt *p, struct pkt *r)
{
    if (p->proto != TPR_PROTO_TCP || p->flags & F_RST
        || !(p->flags & (F_SYN | F_ACK))) {
        return false;
    }
    m_reset_init(r, &p->dst, p->dport, &p->src, p->sport, p->is_v6);
    if (p->flags & F_ACK) {
        r->seq = p->ack;
    } else {
        r->flags |= F_ACK;
        r->ack = m_seq_end(p);
    }
    memcpy(r->smac, p->dmac, 6);
    memcpy(r->dmac, p->smac, 6);
    r->tci = p->tci;
    return true;
}

static void
answer(struct look *l)
{
    struct pkt r;

    if (!m_answer(l->p, &r)) {
        l->out->verdict = TPR_DROP;
        return;
    }
    pkt_build(&r, &l->out->frame);
    m_count(l->m, TPR_COUNTER_RESET_ANSWERED);
    l->out->verdict = TPR_REPLY;
    l->out->port = l->in_port;
}

/* ## New connections. ## */

static void
nothing_usable(struct look *l, const struct m_object *o)
{
    switch (o->r.on_none) {
    case TPR_ON_NONE_DROP:
        m_count(l->m, TPR_COUNTER_NONE_DROPPED);
        l->out->verdict = TPR_DROP;
        break;
    case TPR_ON_NONE_RESET:
        m_count(l->m, TPR_COUNTER_NONE_RESET);
        answer(l);
        break;
    default:
        m_count(l->m, TPR_COUNTER_NONE_PASSED);
        l->out->verdict = TPR_PASS;
        break;
    }
}

static struct m_conn *
oldest_half_open(struct model *m)
{
    struct m_conn *oldest = NULL;

    for (uint32_t i = 0; i < m->n_slots; i++) {
        struct m_conn *c = &m->conns[i];

        if (c->used && m_half_open(c)
            && (!oldest || c->serial < oldest->serial)) {
            oldest = c;
        }
    }
    return oldest;
}

static void
keep_syn(struct model *m, struct m_conn *c, const struct pkt *p)
{
    uint32_t n = 0;
    struct frame f;

    for (uint32_t i = 0; i < m->n_slots; i++) {
        n += m->conns[i].used && m_half_open(&m->conns[i]);
    }
    if (n > m->o.half_open) {
        m_count(m, TPR_COUNTER_SYN_EVICTED);
        m_drop_conn(m, oldest_half_open(m));
    }
    pkt_build(p, &f);
    c->has_syn = m_only_syn(c) && f.len <= M_SYN_MAX;
    c->first = *p;
    c->first.partial = false;           /* The sender completes it. */
}

static struct m_held *
find_held(struct model *m, uint32_t id, const struct tpr_addr *client)
{
    for (uint32_t i = 0; i < m->n_held; i++) {
        if (m->held[i].id == id && m_same_addr(&m->held[i].client, client)) {
            return &m->held[i];
        }
    }
    return NULL;
}

/* The backend of 'o' that 'client' is to have by affinity, -1: none. */
static int
held_index(struct model *m, const struct m_object *o,
           const struct tpr_addr *client, const bool *usable)
{
    const struct m_held *held = find_held(m, o->r.id, client);

    if (o->r.affinity_ms && held && m->now - held->ms < o->r.affinity_ms) {
        for (int i = 0; i < o->r.n_backends; i++) {
            if (o->b[i] == held->b && usable[i]) {
                return i;
            }
        }
    }
    return -1;
}

/* 'client' has 'b' of object 'id' now. */
static void
note_held(struct model *m, uint32_t id, const struct tpr_addr *client,
          struct m_backend *b)
{
    struct m_held *held = find_held(m, id, client);

    if (!held) {
        m->held = xrealloc(m->held, (m->n_held + 1) * sizeof *m->held);
        held = &m->held[m->n_held++];
        held->id = id;
        held->client = *client;
    }
    held->b = b;
    held->ms = m->now;
}

struct m_conn *
m_new_conn(struct look *l, struct m_backend *b, uint32_t id)
{
    struct model *m = l->m;
    const struct pkt *p = l->p;
    struct m_conn *c;
    uint32_t i = m->n_slots;

    if (m->n_conns >= m->o.connections) {
        m_count(m, TPR_COUNTER_SYN_EVICTED);
        m_drop_conn(m, oldest_half_open(m));
    }
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
    if (m->objects[id].r.affinity_ms) {
        note_held(m, id, &p->src, b);
    }
    c->id = id;
    c->b = b;
    c->client = p->src;
    c->cport = has_ports(p->proto) ? p->sport : 0;
    c->vport = has_ports(p->proto) ? p->dport : 0;
    c->proto = p->proto;
    m_learn_client(c, p, l->in_port);
    m_from_client(c, p);
    touch(m, c);
    m->n_conns++;
    b->n++;
    b->entries++;
    b->total++;
    b->kept = true;
    keep_syn(m, c, p);
    return c;
}

/* Which backend?  NULL: none.  '*stateless' if no record can be made. */
struct m_backend *
m_choose_backend(struct look *l, struct m_object *o, bool *stateless)
{
    struct model *m = l->m;
    const struct pkt *p = l->p;
    uint32_t hash = m_hash(m, &p->src, &p->dst, p->sport, p->dport,
                           p->proto);
    bool usable[M_BACKENDS], fast[M_BACKENDS];
    bool limited = false, any_fast = false, all_fast = false;
    int held;

    for (int i = 0; i < o->r.n_backends; i++) {
        struct m_backend *b = o->b[i];

        usable[i] = m_usable(m, b);
        if (usable[i] && b->conf.max_connections
            && b->n >= b->conf.max_connections) {
            usable[i] = false;
            limited = true;
        }
        fast[i] = (usable[i] && b->conf.max_pps
                   && (b->pps >= b->conf.max_pps
                       || b->packets - b->paced >= b->conf.max_pps));
        if (fast[i]) {
            usable[i] = false;
            any_fast = true;
        }
    }
    if (limited) {
        m_count(m, TPR_COUNTER_LIMITED);
    }
    held = held_index(m, o, &p->src, usable);
    *stateless = (o->r.stateless
                  || (m->n_conns >= m->o.connections && !oldest_half_open(m)));
    for (;;) {
        int i = (held >= 0 && !*stateless ? held
                 : all_fast && !*stateless
                 && o->r.policy == TPR_POLICY_SPILLOVER
                 ? m_choose_turn(o, usable)
                 : m_choose(o, *stateless && !o->r.stateless
                            ? TPR_POLICY_MAGLEV : o->r.policy, usable, hash));

        held = -1;
        if (i < 0 && any_fast) {        /* Nobody else is left. */
            memcpy(usable, fast, sizeof usable);
            any_fast = false;
            all_fast = true;
            continue;
        }
        if (i < 0 || *stateless) {
            return i < 0 ? NULL : o->b[i];
        } else if (!find_reverse(m, &o->b[i]->conf.addr,
                                 backend_port(o->b[i], p->dport), &p->src,
                                 p->sport, p->proto)) {
            return o->b[i];
        }
        usable[i] = false;
        m_count(m, TPR_COUNTER_REV_COLLISION);
    }
}

static void
place(struct look *l, uint32_t id)
{
    struct m_object *o = &l->m->objects[id];
    bool stateless;
    struct m_backend *b = m_choose_backend(l, o, &stateless);

    if (!b) {
        nothing_usable(l, o);
        return;
    }
    if (o->r.stateless) {
        l->direct = true;
    } else if (stateless) {
        m_count(l->m, TPR_COUNTER_TABLE_FULL);
        if (!m_same_addr(&b->conf.addr, &o->r.vip)
            || backend_port(b, l->p->dport) != l->p->dport) {
            l->out->verdict = TPR_DROP; /* Who would rewrite the reply? */
            return;
        }
    } else {
        note_fragment(l, m_new_conn(l, b, id), false);
    }
    m_send_forward(l, b);
}

/* ## The packet's way. ## */

/* But for ports. */
static bool
serves(const struct m_object *o, const struct pkt *p)
{
    return (o->used && (!o->r.proto || o->r.proto == p->proto)
            && m_same_addr(&o->r.vip, &p->dst));
}

bool
m_has_port(const struct tpr_redirect *r, uint16_t port)
{
    for (int i = 0; i < r->n_ports; i++) {
        if (port >= r->ports[i].first && port <= r->ports[i].last) {
            return true;
        }
    }
    return !r->n_ports;
}

static bool
covers(const struct m_object *o, const struct pkt *p)
{
    return serves(o, p) && m_has_port(&o->r, p->dport);
}

/* A reset opens nothing. */
static bool
may_place(const struct m_object *o, const struct pkt *p)
{
    return o->r.stateless || !m_tears_down(p);
}

/* Drops the connection and places the packet anew. */
static void
place_again(struct look *l, struct m_conn *c)
{
    uint32_t id = c->id;

    m_drop_conn(l->m, c);
    if (covers(&l->m->objects[id], l->p)
        && may_place(&l->m->objects[id], l->p)) {
        place(l, id);
    }
}

static void
forward_hit(struct look *l, struct m_conn *c)
{
    const struct pkt *p = l->p;
    const struct m_object *o = &l->m->objects[c->id];

    if ((m_ended(c) || c->reset) && m_opens(p)) {
        place_again(l, c);
        return;
    }
    if (c->reset && !m_tears_down(p)) {
        touch(l->m, c);
        answer(l);
        return;
    }
    if (m_is_dead(l->m, c->b)) {
        enum tpr_on_down on_down = m_on_down(o, c);

        if (on_down == TPR_ON_DOWN_RESELECT
            || (on_down == TPR_ON_DOWN_RESET && m_only_syn(c))) {
            m_count(l->m, TPR_COUNTER_RESELECTED);
            place_again(l, c);
            return;
        } else if (on_down == TPR_ON_DOWN_RESET) {
            c->reset = true;
            m_release(c);
            touch(l->m, c);
            answer(l);
            return;
        }
    }
    if (m_says_where(c, p)) {
        m_learn_client(c, p, l->in_port);
    }
    m_from_client(c, p);
    touch(l->m, c);
    if (m_ended(c)) {
        m_release(c);
    }
    note_fragment(l, c, false);
    m_send_forward(l, c->b);
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
    m_count(l->m, TPR_COUNTER_ICMP_TRANSLATED);
    l->about_ours = true;
    m_send_forward(l, c->b);
    return true;
}

static void
forward_later(struct look *l, bool ours)
{
    bool passed = false;
    struct m_conn *c = find_fragment(l, false, &passed);

    if (c) {
        m_send_forward(l, c->b);
    } else if (ours && !passed) {
        m_count(l->m, TPR_COUNTER_FRAG_LOST);
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
        m_count(l->m, TPR_COUNTER_NOT_OURS);
    } else if (p->frag == LATER_FRAGMENT) {
        forward_later(l, serves(o, p));
    } else if (!covers(o, p)) {
        m_count(l->m, TPR_COUNTER_NOT_OURS);
    } else if ((c = find_forward(l, &p->src, p->sport, &p->dst, p->dport,
                                 p->proto)) != NULL) {
        forward_hit(l, c);
    } else if (may_place(o, p)) {
        place(l, l->id);
    }
}

static void
any(struct look *l)
{
    const struct pkt *p = l->p;
    struct m_conn *c;
    bool ours = false;
    int object = -1;

    for (int i = 0; i < M_OBJECTS; i++) {
        ours |= serves(&l->m->objects[i], p);
        if (object < 0 && covers(&l->m->objects[i], p)) {
            object = i;
        }
    }
    if (is_error(p)) {
        forward_error(l);
    } else if (p->frag == LATER_FRAGMENT) {
        forward_later(l, ours);
    } else if ((c = find_forward(l, &p->src, p->sport, &p->dst, p->dport,
                                 p->proto)) != NULL) {
        forward_hit(l, c);
    } else if (object >= 0 && p->frag == FIRST_FRAGMENT
               && may_place(&l->m->objects[object], p)) {
        place(l, (uint32_t) object);
    }
}

static void
reverse(struct look *l)
{
    const struct pkt *p = l->p;
    const struct pkt *q = p->quote;
    struct m_conn *c;
    bool passed;

    if (p->frag == LATER_FRAGMENT) {
        c = find_fragment(l, true, &passed);
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
        m_count(l->m, TPR_COUNTER_ICMP_TRANSLATED);
    } else if (p->frag != LATER_FRAGMENT && m_answers(p)
               && (m_ended(c) || c->reset)) {
        m_drop_conn(l->m, c);
        return;
    } else {
        m_from_backend(c, p);
        touch(l->m, c);
        if (m_ended(c)) {
            m_release(c);
        }
        note_fragment(l, c, true);
    }
    send_reverse(l, c);
}

void
m_process(void *m_, enum tpr_mode mode, uint32_t id, uint32_t in_port,
              const struct pkt *p, struct outcome *out)
{
    struct look l = { m_, mode, id, in_port, p, out, false, false };

    const bool is_other = pkt_is_other(p), odd = pkt_is_malformed(p);

    out->verdict = TPR_PASS;
    if (is_other) {
        /* Not for us. */
    } else if (odd) {
        m_count(l.m, TPR_COUNTER_ODD);
    } else if (mode == TPR_MODE_FORWARD) {
        forward(&l);
    } else if (mode == TPR_MODE_ANY) {
        any(&l);
    } else {
        reverse(&l);
    }
    for (int i = 0; i < M_OBJECTS; i++) {
        if (out->verdict == TPR_PASS && !is_other && !odd
            && mode != TPR_MODE_REVERSE && serves(&l.m->objects[i], p)) {
            note_fragment(&l, NULL, false);
        }
    }
    if (out->verdict == TPR_PASS) {
        pkt_build(p, &out->frame);
    }
}
