/* SPDX-License-Identifier: Apache-2.0 */

/* Random redirects and packets: a host must do what the model does.
 *
 * Addresses and ports are few, so that connections meet, ports are used again
 * and reverse keys collide.  Each round has a seed of its own, which is all it
 * takes to see it again. */

#include <config.h>
#include "random.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "redirect-check.h"
#include "util.h"

static struct event *
add_event(struct round *t, enum event_kind kind)
{
    struct event *e = &t->events[t->n++];

    ovs_assert(t->n <= MAX_EVENTS);
    e->kind = kind;
    return e;
}

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
    b->max_pps = t->paced && draw(t, 2) ? 1 + draw(t, 12) : 0;
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
    struct redirect_text *x = xzalloc(sizeof *x);
    struct tpr_redirect *r = &x->r;
    bool tcp = id == 1, udp = id == 2;

    tpr_redirect_init(r, id);
    r->vip = address(t, 1, id);
    r->proto = tcp ? TPR_PROTO_TCP : udp ? TPR_PROTO_UDP : TPR_PROTO_ANY;
    r->policy = (uint8_t) draw(t, 6);
    r->on_down = (uint8_t) draw(t, 4);
    if (r->on_down == TPR_ON_DOWN_RESET && !tcp) {
        r->on_down = TPR_ON_DOWN_KEEP;
    }
    r->on_none = (uint8_t) draw(t, 3);
    if (!draw(t, 6)) {
        r->stateless = true;
        r->policy = draw(t, 2) ? TPR_POLICY_FAILOVER : TPR_POLICY_MAGLEV;
        r->on_down = draw(t, 2) ? TPR_ON_DOWN_DEFAULT : TPR_ON_DOWN_RESELECT;
    }
    if (!r->stateless && !draw(t, 3)) {
        r->affinity_ms = 1000 * (1 + draw(t, 60));
    }
    if (id != 3) {
        r->n_ports = 2;
        r->ports[0] = (struct tpr_port_range) { 80, 81 };
        r->ports[1] = (struct tpr_port_range) { 443, 443 };
    }
    r->backends = x->backends;
    r->n_backends = 0;
    for (uint32_t i = 1; i <= 5; i++) {
        if (draw(t, 4)) {
            struct tpr_redirect_backend *b = &x->backends[r->n_backends++];

            random_backend(t, b, i, id != 3);
            if (r->stateless) {
                b->l4_port = 0;
                b->max_connections = 0;
            }
        }
    }
    add_event(t, EVENT_SET)->redirect = x;
}

static void
random_word(struct round *t)
{
    struct tpr_liveness_mod mod = {
        .is_region = draw(t, 3) == 0,
        .state = (uint8_t) (draw(t, 2) ? TPR_LIVENESS_UP : draw(t, 4)),
    };

    mod.index = draw(t, mod.is_region ? 3 : 8);
    add_event(t, EVENT_WORD)->mod = mod;
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

/* What an SCTP packet does; tags meet often. */
static void
random_chunk(struct round *t, struct pkt *p)
{
    static const int chunks[] = { -1, 0, 1, 1, 2, 2, 6, 10, 11, 14 };

    p->chunk = chunks[draw(t, ARRAY_SIZE(chunks))];
    p->tbit = !draw(t, 4);
    p->seq = draw(t, 3);
    p->ack = draw(t, 3);
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
    if (p->proto == TPR_PROTO_SCTP) {
        random_chunk(t, p);
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

static void
one_packet(struct round *t)
{
    uint32_t kind = draw(t, 10), id = 1 + draw(t, N_IDS);
    struct event *e = add_event(t, EVENT_PACKET);

    e->number = id;
    e->mode = (kind < 6 ? TPR_MODE_FORWARD
               : kind < 9 ? TPR_MODE_REVERSE : TPR_MODE_ANY);
    e->in_port = 1 + draw(t, 2);
    random_packet(t, &e->packet, &e->quote, e->mode == TPR_MODE_REVERSE, id);
    e->has_quote = e->packet.quote != NULL;
}

static void
one_step(struct round *t)
{
    uint32_t what = draw(t, 400);

    if (what < 8) {
        random_word(t);
        /* In a small table it would matter in which order the sender finds
         * connections. */
        if (!t->small && draw(t, 2)) {
            add_event(t, EVENT_SENDER);
        }
        return;
    } else if (t->paced && what < 20) {
        add_event(t, EVENT_TIME)->number = 1000;
    } else if (what < 10) {
        static const uint32_t steps[] = { 100, 1000, 5000, 31000, 200000 };

        add_event(t, EVENT_TIME)->number = steps[draw(t, 5)];
    } else if (what == 20) {
        random_redirect(t, 1 + draw(t, N_IDS));
    } else if (what == 21 && !draw(t, 4)) {
        add_event(t, EVENT_DEL)->number = 1 + draw(t, N_IDS);
    } else if (what == 22 && !t->ops->acts_at_once && !draw(t, 4)) {
        /* A real port does not come again at once. */
        add_event(t, EVENT_WITHDRAW)->number = 1 + draw(t, 5);
    }
    one_packet(t);
}

static void
draw_round(struct round *t)
{
    uint32_t seed = t->seed ? t->seed : 1;

    t->state = t->seed * 2654435761u | 1;
    for (int i = 0; i < 10; i++) {
        draw(t, 2);
    }
    t->is_v6 = draw(t, 2);
    t->small = !draw(t, 4) && !t->ops->acts_at_once;
    t->paced = !draw(t, 4) && t->ops->paces;
    t->options = (struct host_options) {
        .connections = t->small ? 8 : 8192,
        /* A real switch has witnesses there; see host-ovs.c. */
        .half_open = (t->ops->pool_of_newest ? 2 * ROUND
                      : t->ops->acts_at_once ? 512 : 64),
        .seed = t->ops->seed ? t->ops->seed : seed,
        .is_special = true,
    };
    for (uint32_t id = 1; id <= N_IDS; id++) {
        random_redirect(t, id);
    }
    for (uint32_t i = 0; i < 11; i++) {
        add_event(t, EVENT_WORD)->mod = (struct tpr_liveness_mod) {
            i < 3 ? i : i - 3, i < 3, TPR_LIVENESS_UP,
        };
    }
    for (int i = 0; i < ROUND; i++) {
        one_step(t);
    }
}

/* Shows a mismatch as a case that is as short as it gets. */
static void
show(struct round *t, const char *why)
{
    char shrunk[512];

    printf("# seed %u: %s\n# shrinking\n", t->seed, why);
    round_shrink(t);
    printf("# ---- a case for tests/conformance/cases, as the model has it\n");
    round_play(t, stdout, shrunk, sizeof shrunk);
    printf("# ---- %s: %s\n", t->ops->name, shrunk);
}

static bool
one_round(const struct host_ops *ops, uint32_t seed)
{
    struct round t = { .ops = ops, .seed = seed };
    char why[512];
    bool ok;

    t.events = xcalloc(MAX_EVENTS, sizeof *t.events);
    draw_round(&t);
    ok = round_play(&t, NULL, why, sizeof why);
    if (!ok) {
        show(&t, why);
    }
    for (size_t i = 0; i < t.n; i++) {
        free(t.events[i].redirect);
    }
    free(t.events);
    return ok;
}

/* Compares 'ops' with the model over at least 'packets' packets.  Returns 0 if
 * they do the same; otherwise says with which seed (--packets 1 --seed N shows
 * it again) they do not, and prints a case that shows it. */
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
