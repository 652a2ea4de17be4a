/* SPDX-License-Identifier: Apache-2.0 */

/* Random redirects and packets: a host must do what the model does.
 *
 * Addresses and ports are few, so that connections meet, ports are used again
 * and reverse keys collide.  Each round has a seed of its own, which is all it
 * takes to see it again. */

#include <config.h>
#include "case.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "redirect-check.h"

enum { ROUND = 2000, N_IDS = 3 };

struct round {
    const struct host_ops *ops;
    void *host, *model;
    uint32_t seed, state;
    int step;
    bool is_v6, small;          /* 'small': a table that gets full. */
    struct redirect_text r[N_IDS + 1];
    bool exists[N_IDS + 1];
};

static uint32_t
draw(struct round *t, uint32_t n)
{
    t->state ^= t->state << 13;         /* Marsaglia's xorshift. */
    t->state ^= t->state >> 17;
    t->state ^= t->state << 5;
    return (t->state >> 3) % n;
}

static struct tpr_addr
address(const struct round *t, uint32_t net, uint32_t host)
{
    struct tpr_addr a = { { 0, 0, htonl(0xffff), 0 } };

    if (t->is_v6) {
        a.w[0] = htonl(0x20010db8);
        a.w[2] = htonl(net);
    }
    a.w[3] = htonl(0x0a000000 | net << 16 | host);
    return a;
}

static void
random_backend(struct round *t, struct tpr_redirect_backend *b, uint32_t i,
               bool has_port)
{
    char mac[8];

    memset(b, 0, sizeof *b);
    b->addr = address(t, 2, i);
    b->output = 2 + draw(t, 4);
    b->region = draw(t, 8) ? draw(t, 3) : TPR_NO_WORD;
    b->word = draw(t, 4) ? draw(t, 8) : TPR_NO_WORD;
    b->max_connections = draw(t, 3) ? 0 : 1 + draw(t, 6);
    b->l4_port = has_port && !draw(t, 3) ? 8080 : 0;
    b->vlan = draw(t, 2) ? TPR_VLAN_KEEP : draw(t, 2) ? 0 : 10 + draw(t, 2);
    b->weight = (uint16_t) (draw(t, 8) ? 1 + draw(t, 5) : 0);
    b->priority = (uint16_t) draw(t, 2);
    snprintf(mac, sizeof mac, "%x", 0x60 + i);
    parse_mac(mac, b->mac);
    if (!draw(t, 4)) {
        parse_mac("f0", b->src_mac);
    }
}

static void
random_redirect(struct round *t, uint32_t id)
{
    struct redirect_text *x = &t->r[id];
    struct tpr_redirect *r = &x->r;
    bool tcp = id == 1, udp = id == 2;

    tpr_redirect_init(r, id);
    r->vip = address(t, 1, id);
    r->proto = tcp ? TPR_PROTO_TCP : udp ? TPR_PROTO_UDP : TPR_PROTO_ANY;
    r->policy = (uint8_t) draw(t, 4);
    r->on_down = (uint8_t) draw(t, 4);
    if (r->on_down == TPR_ON_DOWN_RESET && !tcp) {
        r->on_down = TPR_ON_DOWN_KEEP;
    }
    r->on_none = (uint8_t) draw(t, 3);
    if (id != 3) {
        r->n_ports = 2;
        r->ports[0] = (struct tpr_port_range) { 80, 81 };
        r->ports[1] = (struct tpr_port_range) { 443, 443 };
    }
    r->backends = x->backends;
    r->n_backends = 0;
    for (uint32_t i = 1; i <= 5; i++) {
        if (draw(t, 4)) {
            random_backend(t, &x->backends[r->n_backends++], i,
                           id != 3);
        }
    }
    t->ops->set(t->host, r);
    t->exists[id] |= host_model.set(t->model, r);
}

static void
random_word(struct round *t)
{
    struct tpr_liveness_mod mod = {
        .is_region = draw(t, 3) == 0,
        .state = (uint8_t) (draw(t, 2) ? TPR_LIVENESS_UP : draw(t, 4)),
    };

    mod.index = draw(t, mod.is_region ? 3 : 8);
    t->ops->word(t->host, &mod);
    host_model.word(t->model, &mod);
}

static void
random_l4(struct round *t, struct pkt *p)
{
    static const uint8_t flags[] = {
        F_SYN, F_SYN, F_ACK, F_ACK, F_ACK | F_PSH, F_SYN | F_ACK,
        F_FIN | F_ACK, F_RST, F_RST | F_ACK, 0,
    };
    static const uint8_t protos[] = {
        TPR_PROTO_TCP, TPR_PROTO_TCP, TPR_PROTO_TCP, TPR_PROTO_UDP,
        TPR_PROTO_UDP, TPR_PROTO_SCTP, PROTO_ICMP, 47,
    };

    p->proto = protos[draw(t, sizeof protos)];
    if (p->proto == PROTO_ICMP && t->is_v6) {
        p->proto = PROTO_ICMP6;
    }
    if (p->proto == PROTO_ICMP || p->proto == PROTO_ICMP6) {
        p->type = (uint8_t) (p->is_v6 ? 128 + draw(t, 2) : draw(t, 2) * 8);
    }
    p->flags = p->proto == TPR_PROTO_TCP ? flags[draw(t, sizeof flags)] : 0;
    p->seq = draw(t, 4) * 0x40000000 + draw(t, 1000);
    p->ack = (p->flags & F_ACK
              ? draw(t, 4) * 0x40000000 + draw(t, draw(t, 2) ? 1000 : 100000)
              : 0);
    p->payload = (uint16_t) draw(t, 40);
    p->nocsum = p->proto == TPR_PROTO_UDP && !draw(t, 8);
    p->badcsum = (uint16_t) (draw(t, 16) ? 0 : 1 + draw(t, 1000));
    p->id = draw(t, 4);
    p->frag = draw(t, 8) ? NOT_FRAGMENT : 1 + draw(t, 2);
}

/* The client's and the other end. */
static void
random_ends(struct round *t, struct pkt *p, bool reverse, uint32_t id)
{
    static const uint16_t ports[] = { 80, 81, 443, 8080, 99 };
    struct tpr_addr client = address(t, 0, 1 + draw(t, 3));
    struct tpr_addr other = (reverse || !draw(t, 16)
                             ? address(t, 2, 1 + draw(t, 5))
                             : address(t, 1, id));
    uint16_t cport = 0, port = 0;

    if (has_ports(p->proto)) {
        cport = (uint16_t) (4000 + draw(t, 6));
        port = ports[draw(t, draw(t, 4) ? 3 : 5)];
    }
    p->src = reverse ? other : client;
    p->dst = reverse ? client : other;
    p->sport = reverse ? port : cport;
    p->dport = reverse ? cport : port;
}

static void
random_packet(struct round *t, struct pkt *p, struct pkt *quote,
              bool reverse, uint32_t id)
{
    char mac[4];

    pkt_init(p);
    p->is_v6 = t->is_v6;
    random_l4(t, p);
    if (id < N_IDS && !reverse && draw(t, 4)) {
        p->proto = id == 1 ? TPR_PROTO_TCP : TPR_PROTO_UDP;
        p->flags = id == 1 ? p->flags : 0;
    }
    random_ends(t, p, reverse, id);
    p->tci = draw(t, 3) ? -1 : (int) (draw(t, 2) * 0x6000 + 5 + draw(t, 2));
    snprintf(mac, sizeof mac, "%x", 1 + draw(t, 3));
    parse_mac(mac, p->smac);
    if (!draw(t, 20)) {         /* An ICMP error about such a packet. */
        *quote = *p;
        quote->tci = -1;
        quote->frag = NOT_FRAGMENT;
        quote->badcsum = 0;
        quote->src = p->dst;
        quote->dst = p->src;
        quote->sport = p->dport;
        quote->dport = p->sport;
        p->proto = p->is_v6 ? PROTO_ICMP6 : PROTO_ICMP;
        p->type = (uint8_t) (p->is_v6 ? 1 + draw(t, 4) : 3);
        p->frag = NOT_FRAGMENT;
        p->sport = p->dport = 0;
        p->quote = quote;
        if (reverse && draw(t, 2)) {
            p->src = address(t, 9, 1);
        }
    } else if (!draw(t, 100)) {
        p->cut = (p->tci < 0 ? 14 : 18) + (int) draw(t, 20);
    }
    if (!has_ports(p->proto) || p->frag == LATER_FRAGMENT) {
        p->sport = p->dport = 0;
    }
}

/* A switch does not show whether what leaves where it came from is a reply. */
static enum tpr_verdict
visible(const struct round *t, enum tpr_verdict verdict)
{
    return (t->ops->acts_at_once && verdict == TPR_REPLY
            ? TPR_SEND : verdict);
}

static bool
same(const struct round *t, const struct outcome *a, const struct outcome *b)
{
    return (visible(t, a->verdict) == visible(t, b->verdict) && !a->more
            && (a->verdict == TPR_DROP
                || ((a->verdict == TPR_PASS || a->port == b->port)
                    && a->frame.len == b->frame.len
                    && !memcmp(a->frame.data, b->frame.data, a->frame.len))));
}

static int
compare_outcomes(const void *a_, const void *b_)
{
    const struct outcome *a = a_, *b = b_;

    return (a->port != b->port ? (a->port < b->port ? -1 : 1)
            : a->frame.len != b->frame.len
            ? (a->frame.len < b->frame.len ? -1 : 1)
            : memcmp(a->frame.data, b->frame.data, a->frame.len));
}

static bool
differ(const struct round *t, const char *what, unsigned long long host,
       unsigned long long model)
{
    printf("# seed %u, step %d: %s: %s %llu, model %llu\n", t->seed, t->step,
           what, t->ops->name, host, model);
    return false;
}

static bool
compare_state(struct round *t)
{
    for (int i = 0; i < TPR_N_COUNTERS; i++) {
        uint64_t a = t->ops->counter(t->host, i);
        uint64_t b = host_model.counter(t->model, i);

        if (a != b) {
            return differ(t, tpr_counter_name(i), a, b);
        }
    }
    for (uint32_t id = 1; id <= N_IDS; id++) {
        for (uint16_t i = 0; i < t->r[id].r.n_backends; i++) {
            struct tpr_backend_stats a, b;

            if (t->ops->stats(t->host, id, i, &a)
                && host_model.stats(t->model, id, i, &b)) {
                if (a.connections != b.connections) {
                    return differ(t, "connections of a backend",
                                  a.connections, b.connections);
                } else if (a.packets != b.packets || a.bytes != b.bytes) {
                    return differ(t, "packets", a.packets, b.packets);
                } else if (a.rev_packets != b.rev_packets
                           || a.rev_bytes != b.rev_bytes) {
                    return differ(t, "packets back", a.rev_packets,
                                  b.rev_packets);
                } else if (a.total_connections != b.total_connections) {
                    return differ(t, "total connections",
                                  a.total_connections, b.total_connections);
                }
            }
        }
    }
    return (t->ops->connections(t->host) == host_model.connections(t->model)
            || differ(t, "connections", t->ops->connections(t->host),
                      host_model.connections(t->model)));
}

static bool
originate(struct round *t)
{
    static struct outcome a[MAX_ORIGINATED], b[MAX_ORIGINATED];
    struct originated host = { 0, a }, model = { 0, b };

    t->ops->originate(t->host, &host);
    host_model.originate(t->model, &model);
    if (host.n != model.n) {
        return differ(t, "packets of the sender", host.n, model.n);
    }
    qsort(a, host.n, sizeof *a, compare_outcomes);
    qsort(b, model.n, sizeof *b, compare_outcomes);
    for (size_t i = 0; i < host.n; i++) {
        if (compare_outcomes(&a[i], &b[i])) {
            return differ(t, "what the sender sent, number", i, i);
        }
    }
    return true;
}

static void
print_outcome(const char *name, const struct outcome *o)
{
    printf("# %s: verdict %d port %u ", name, o->verdict, o->port);
    for (size_t i = 0; o->verdict != TPR_DROP && i < o->frame.len; i++) {
        printf("%02x", o->frame.data[i]);
    }
    printf("\n");
}

static bool
one_packet(struct round *t)
{
    static struct outcome a, b;
    uint32_t kind = draw(t, 10), id = 1 + draw(t, N_IDS);
    enum tpr_mode mode = (kind < 6 ? TPR_MODE_FORWARD
                          : kind < 9 ? TPR_MODE_REVERSE : TPR_MODE_ANY);
    uint32_t in_port = 1 + draw(t, 2);
    struct pkt p, quote;
    struct frame f;

    random_packet(t, &p, &quote, mode == TPR_MODE_REVERSE, id);
    if (t->ops->acts_at_once && mode == TPR_MODE_FORWARD && !t->exists[id]) {
        return true;            /* A switch refuses such a flow. */
    }
    t->ops->process(t->host, mode, id, in_port, &p, &a);
    host_model.process(t->model, mode, id, in_port, &p, &b);
    if (same(t, &a, &b)) {
        return true;
    }
    pkt_build(&p, &f);
    printf("# policy %d, on_down %d\n", t->r[id].r.policy,
           t->r[id].r.on_down);
    differ(t, "verdict of a packet", a.verdict, b.verdict);
    printf("# mode %d, redirect %u, port %u: ", mode, id, in_port);
    for (size_t i = 0; i < f.len; i++) {
        printf("%02x", f.data[i]);
    }
    printf("\n");
    print_outcome(t->ops->name, &a);
    print_outcome("model", &b);
    return false;
}

/* Is it the sender's turn?  In a small table it would matter in which order it
 * finds connections. */
static bool
originates(struct round *t)
{
    return t->ops->acts_at_once || (!t->small && !draw(t, 2));
}

static bool
one_step(struct round *t)
{
    uint32_t what = draw(t, 400);

    if (what < 8) {
        random_word(t);
        return !originates(t) || originate(t);
    } else if (what < 10) {
        static const uint32_t steps[] = { 100, 1000, 5000, 31000, 200000 };
        uint32_t ms = steps[draw(t, 5)];

        t->ops->time(t->host, ms);
        host_model.time(t->model, ms);
    } else if (what == 10) {
        random_redirect(t, 1 + draw(t, N_IDS));
        return !t->ops->acts_at_once || originate(t);
    } else if (what == 11 && !draw(t, 4)) {
        uint32_t id = 1 + draw(t, N_IDS);

        t->ops->del(t->host, id);
        host_model.del(t->model, id);
        t->exists[id] = false;
        return !t->ops->acts_at_once || originate(t);
    } else if (what == 12 && !t->ops->acts_at_once && !draw(t, 4)) {
        /* A real port does not come again at once. */
        uint32_t port = 1 + draw(t, 5);

        t->ops->withdraw(t->host, port);
        host_model.withdraw(t->model, port);
    }
    return one_packet(t);
}

static bool
one_round(const struct host_ops *ops, uint32_t seed)
{
    struct round t = { .ops = ops, .seed = seed,
                       .state = seed * 2654435761u | 1 };
    const int every = ops->acts_at_once ? 100 : 10;     /* It takes its time. */
    struct host_options o;
    bool ok = true;

    for (int i = 0; i < 10; i++) {
        draw(&t, 2);
    }
    t.is_v6 = draw(&t, 2);
    t.small = !draw(&t, 4) && !ops->acts_at_once;
    o = (struct host_options) { t.small ? 8 : 8192, 512,
                                ops->seed ? ops->seed : seed ? seed : 1,
                                true };
    t.host = ops->create(&o);
    t.model = host_model.create(&o);
    for (uint32_t id = 1; id <= N_IDS; id++) {
        random_redirect(&t, id);
    }
    for (uint32_t i = 0; i < 11; i++) {
        struct tpr_liveness_mod mod = { i < 3 ? i : i - 3, i < 3,
                                        TPR_LIVENESS_UP };

        ops->word(t.host, &mod);
        host_model.word(t.model, &mod);
    }
    for (t.step = 0; ok && t.step < ROUND; t.step++) {
        ok = one_step(&t) && (t.step % every || compare_state(&t));
    }
    ok = ok && compare_state(&t);
    ops->destroy(t.host);
    host_model.destroy(t.model);
    return ok;
}

/* Compares 'ops' with the model over at least 'packets' packets.  Returns 0 if
 * they do the same; otherwise says with which seed (--packets 1 --seed N shows
 * it again) they do not. */
int
random_run(const struct host_ops *ops, uint64_t packets, uint32_t seed)
{
    for (uint64_t n = 0; n < packets; n += ROUND) {
        if (!one_round(ops, seed++)) {
            return 1;
        }
    }
    return 0;
}
