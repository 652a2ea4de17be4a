/* SPDX-License-Identifier: Apache-2.0 */

/* Random rounds as cases: see random.h, case.h. */

#include <config.h>
#include "random.h"

#include <arpa/inet.h>
#include <string.h>
#include "redirect-check.h"
#include "util.h"

void
text_begin(FILE *f, const struct round *r)
{
    fprintf(f, "families %d\n\ncase random, seed %u\n", r->is_v6 ? 6 : 4,
            r->seed);
    fprintf(f, "table %u\npool %u\nseed %u\n", r->options.connections,
            r->options.half_open, r->options.seed);
}

static void
put_hex(FILE *f, const struct frame *frame)
{
    fprintf(f, " hex ");
    for (size_t i = 0; i < frame->len; i++) {
        fprintf(f, "%02x", frame->data[i]);
    }
    fprintf(f, "\n");
}

/* What the model made of the packet before. */
void
text_outcome(FILE *f, const struct outcome *o)
{
    if (o->verdict == TPR_PASS || o->verdict == TPR_DROP) {
        fprintf(f, "%s\n", o->verdict == TPR_PASS ? "pass" : "drop");
    } else if (o->verdict == TPR_REPLY) {
        fprintf(f, "reply");
        put_hex(f, &o->frame);
    } else {
        fprintf(f, "out %u", o->port);
        put_hex(f, &o->frame);
    }
}

void
text_sent(FILE *f, const struct originated *o)
{
    fprintf(f, "sender %"PRIuSIZE"\n", o->n);
    for (size_t i = 0; i < o->n; i++) {
        fprintf(f, "sent %u", o->out[i].port);
        put_hex(f, &o->out[i].frame);
    }
}

void
text_state(FILE *f, const struct host_ops *ops, void *host)
{
    for (int i = 0; i < TPR_N_COUNTERS; i++) {
        fprintf(f, "counter %s %llu\n", tpr_counter_name(i),
                (unsigned long long) ops->counter(host, i));
    }
    for (uint32_t id = 1; id <= N_IDS; id++) {
        struct tpr_backend_stats s;

        for (uint16_t i = 0; ops->stats(host, id, i, &s); i++) {
            fprintf(f, "stats %u %u %llu %llu %u\n", id, i,
                    (unsigned long long) s.packets,
                    (unsigned long long) s.rev_packets, s.connections);
        }
    }
    fprintf(f, "connections %u\n", ops->connections(host));
}

static void
put_addr(FILE *f, const struct tpr_addr *a)
{
    char text[INET6_ADDRSTRLEN];

    if (tpr_addr_is_ip4(a)) {
        inet_ntop(AF_INET, &a->w[3], text, sizeof text);
    } else {
        inet_ntop(AF_INET6, a, text, sizeof text);
    }
    fprintf(f, "[%s]", text);
}

static void
put_backend(FILE *f, const struct tpr_redirect_backend *b)
{
    fprintf(f, " backend=");
    put_addr(f, &b->addr);
    fprintf(f, " mac=%x output=%u weight=%u priority=%u", b->mac[5],
            b->output, b->weight, b->priority);
    if (b->src_mac[5]) {
        fprintf(f, " src_mac=%x", b->src_mac[5]);
    }
    if (b->vlan != TPR_VLAN_KEEP) {
        fprintf(f, " vlan=%u", b->vlan);
    }
    if (b->l4_port) {
        fprintf(f, " l4_port=%u", b->l4_port);
    }
    if (b->max_connections) {
        fprintf(f, " max=%u", b->max_connections);
    }
    if (b->max_pps) {
        fprintf(f, " pps=%u", b->max_pps);
    }
    if (b->region != TPR_NO_WORD) {
        fprintf(f, " region=%u", b->region);
    }
    if (b->word != TPR_NO_WORD) {
        fprintf(f, " word=%u", b->word);
    }
}

static void
put_redirect(FILE *f, const struct tpr_redirect *r)
{
    static const char *const downs[] = { "default", "reset", "reselect",
                                         "keep" };
    static const char *const nones[] = { "drop", "reset", "pass" };

    fprintf(f, " id=%u vip=", r->id);
    put_addr(f, &r->vip);
    if (r->proto) {
        fprintf(f, " proto=%u", r->proto);
    }
    for (int i = 0; i < r->n_ports; i++) {
        fprintf(f, " port=%u-%u", r->ports[i].first, r->ports[i].last);
    }
    fprintf(f, " policy=%s on_down=%s on_none=%s",
            tpr_policy_name(r->policy), downs[r->on_down],
            nones[r->on_none]);
    if (r->stateless) {
        fprintf(f, " stateless=1");
    }
    if (r->affinity_ms) {
        fprintf(f, " affinity=%u", r->affinity_ms);
    }
    for (int i = 0; i < r->n_backends; i++) {
        put_backend(f, &r->backends[i]);
    }
    fprintf(f, "\n");
}

static void
put_end(FILE *f, const struct tpr_addr *a, uint16_t port)
{
    put_addr(f, a);
    if (port) {
        fprintf(f, ":%u", port);
    }
}

static void
put_flags(FILE *f, uint8_t flags)
{
    fprintf(f, flags ? " " : "");
    for (int i = 0; i < 5; i++) {
        if (flags & 1 << i) {
            fprintf(f, "%c", "FSRPA"[i]);
        }
    }
}

static void
put_number(FILE *f, const char *key, uint32_t value, uint32_t usual)
{
    if (value != usual) {
        fprintf(f, " %s=%u", key, value);
    }
}

/* Writes what pkt_parse() reads, as far as random packets go. */
void
pkt_format(FILE *f, const struct pkt *p)
{
    static const struct { uint8_t proto; const char *name; } names[] = {
        { TPR_PROTO_TCP, "tcp" }, { TPR_PROTO_UDP, "udp" },
        { TPR_PROTO_SCTP, "sctp" }, { PROTO_ICMP, "icmp" },
        { PROTO_ICMP6, "icmp6" }, { 47, "gre" },
    };
    struct pkt usual;

    pkt_init(&usual);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (p->proto == names[i].proto) {
            fprintf(f, " %s ", names[i].name);
        }
    }
    put_end(f, &p->src, p->sport);
    fprintf(f, ">");
    put_end(f, &p->dst, p->dport);
    put_flags(f, p->flags);
    put_number(f, "seq", p->seq, usual.seq);
    put_number(f, "ack", p->ack, usual.ack);
    put_number(f, "chunk", (uint32_t) p->chunk, (uint32_t) usual.chunk);
    put_number(f, "len", p->payload, usual.payload);
    put_number(f, "id", p->id, usual.id);
    put_number(f, "badcsum", p->badcsum, usual.badcsum);
    put_number(f, "type", p->type, usual.type);
    if (p->tci >= 0) {
        fprintf(f, " vlan=%d pcp=%d", p->tci & 0xfff, p->tci >> 13);
    }
    if (p->smac[5] != usual.smac[5]) {
        fprintf(f, " smac=%x", p->smac[5]);
    }
    put_number(f, "cut", (uint32_t) p->cut, (uint32_t) usual.cut);
    fprintf(f, "%s%s%s", p->nocsum ? " nocsum" : "", p->tbit ? " tbit" : "",
            p->frag == FIRST_FRAGMENT ? " frag=first"
            : p->frag == LATER_FRAGMENT ? " frag=later" : "");
    if (p->quote) {
        fprintf(f, " quote");
        pkt_format(f, p->quote);
    }
}

/* An event as a line; 'ok' is false for a redirect that is refused. */
void
text_event(FILE *f, const struct event *e, bool ok)
{
    static const char *const states[] = { "unknown", "up", "down", "drain" };

    switch (e->kind) {
    case EVENT_SET:
        fprintf(f, ok ? "redirect" : "refused");
        put_redirect(f, &e->redirect->r);
        break;
    case EVENT_DEL:
        fprintf(f, "del %u\n", e->number);
        break;
    case EVENT_WORD:
        fprintf(f, "%s %u %s\n", e->mod.is_region ? "region" : "word",
                e->mod.index, states[e->mod.state]);
        break;
    case EVENT_WITHDRAW:
        fprintf(f, "withdraw %u\n", e->number);
        break;
    case EVENT_TIME:
        fprintf(f, "time %u\n", e->number);
        break;
    case EVENT_PACKET:
        fprintf(f, "in %u ", e->in_port);
        if (e->mode == TPR_MODE_FORWARD) {
            fprintf(f, "%u", e->number);
        } else {
            fprintf(f, e->mode == TPR_MODE_ANY ? "any" : "reverse");
        }
        pkt_format(f, &e->packet);
        fprintf(f, "\n");
        break;
    case EVENT_SENDER:
        break;
    }
}
