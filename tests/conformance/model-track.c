/* SPDX-License-Identifier: Apache-2.0 */

/* The naive model's view of what packets say about a connection: see
 * model.c. */

#include <config.h>
#include "model-private.h"

#include <string.h>

bool
m_ended(const struct m_conn *c)
{
    return c->rst || (c->fin_forward && c->fin_reverse);
}

bool
m_half_open(const struct m_conn *c)
{
    return !c->answered;
}

bool
m_only_syn(const struct m_conn *c)
{
    return c->syn && !c->answered && !c->acked;
}

uint32_t
m_seq_end(const struct pkt *p)
{
    return (p->seq + p->payload + !!(p->flags & F_SYN)
            + !!(p->flags & F_FIN));
}

void
m_learn_client(struct m_conn *c, const struct pkt *p, uint32_t in_port)
{
    c->in_port = in_port;
    c->tci = p->tci;
    memcpy(c->client_mac, p->smac, 6);
    memcpy(c->vip_mac, p->dmac, 6);
}

/* Is 'x' one of the numbers from 'first' to 'last'? */
static bool
among(uint32_t x, uint32_t first, uint32_t last)
{
    return x - first <= last - first;
}

/* Is a segment, no SYN or RST, the client's, as far as can be known? */
static bool
is_clients(const struct m_conn *c, const struct pkt *p)
{
    return (c->answered
            ? p->flags & F_ACK && among(p->ack, c->cli_ack - 65535,
                                        c->rev_end)
            : among(p->seq, c->cli_end - 65535, c->cli_end + 65535));
}

/* The type of the packet's first chunk that can be seen whole, or -1. */
static int
chunk_of(const struct pkt *p)
{
    return (p->proto != TPR_PROTO_SCTP || p->frag == LATER_FRAGMENT
            || (p->l4_cut >= 0 && p->l4_cut < (p->chunk < 3 ? 20 : 16))
            ? -1 : p->chunk);
}

bool
m_opens(const struct pkt *p)
{
    return (p->proto == TPR_PROTO_TCP
            ? (p->flags & (F_SYN | F_ACK | F_RST)) == F_SYN
            : chunk_of(p) == 1);
}

bool
m_answers(const struct pkt *p)
{
    return (p->proto == TPR_PROTO_TCP
            ? (p->flags & (F_SYN | F_ACK | F_RST)) == (F_SYN | F_ACK)
            : chunk_of(p) == 2);
}

bool
m_tears_down(const struct pkt *p)
{
    return (p->proto == TPR_PROTO_TCP ? p->flags & F_RST
            : chunk_of(p) == 6 || chunk_of(p) == 14);
}

/* The tags that the client's and the backend's packets should have, 0: it is
 * not known. */
static uint32_t
servers_tag(const struct m_conn *c)
{
    return c->seen ? c->servers_tag : c->init_ack_tag;
}

static uint32_t
clients_tag(const struct m_conn *c)
{
    return c->seen ? c->clients_tag : c->init_tag;
}

static void
sctp_from_client(struct m_conn *c, const struct pkt *p)
{
    if (m_tears_down(p)) {
        c->rst |= p->seq && p->seq == (p->tbit ? c->clients_tag
                                       : servers_tag(c));
    } else if (m_opens(p) && !c->answered) {
        c->init_tag = p->ack;
    } else if (!m_opens(p) && !m_answers(p)) {
        c->acked |= p->seq && (p->seq == servers_tag(c)
                               || p->seq == c->init_ack_tag);
    }
}

static void
sctp_from_backend(struct m_conn *c, const struct pkt *p)
{
    c->answered = true;
    if (p->frag == LATER_FRAGMENT) {
        return;
    } else if (m_tears_down(p)) {
        c->rst |= p->seq && p->seq == (p->tbit ? c->servers_tag
                                       : clients_tag(c));
    } else if (m_answers(p)) {
        /* Of several clients that ask, the first, until it is seen which. */
        if (c->seen || !c->init_ack_tag || p->seq == c->init_tag) {
            c->acked &= (p->seq == clients_tag(c)
                         && p->ack == servers_tag(c));
            c->init_tag = p->seq;
            c->init_ack_tag = p->ack;
        }
    } else if (!m_opens(p) && (!c->seen || p->seq != c->clients_tag)) {
        c->seen = true;
        c->clients_tag = p->seq;
        c->servers_tag = p->seq == c->init_tag ? c->init_ack_tag : 0;
    }
}

void
m_from_client(struct m_conn *c, const struct pkt *p)
{
    bool first = !c->syn && !c->acked && !c->answered;

    if (p->proto == TPR_PROTO_SCTP) {
        sctp_from_client(c, p);
    } else if (p->proto != TPR_PROTO_TCP) {
        return;
    } else if (p->flags & F_RST) {
        c->rst |= (p->seq == c->cli_end
                   || (c->answered && p->seq == c->rev_ack));
    } else if (p->flags & F_SYN) {
        c->cli_end = c->answered ? c->cli_end : m_seq_end(p);
        c->syn = true;
    } else if (first || is_clients(c, p)) {
        c->cli_ack = p->flags & F_ACK ? p->ack : c->cli_ack;
        if (first || (int32_t) (m_seq_end(p) - c->cli_end) > 0) {
            c->cli_end = m_seq_end(p);
        }
        c->acked |= p->flags & F_ACK;
        c->fin_forward |= p->flags & F_FIN;
    }
}

/* Replies go where the client is: does this packet say where? */
bool
m_says_where(const struct m_conn *c, const struct pkt *p)
{
    return (p->proto == TPR_PROTO_SCTP
            ? (m_tears_down(p) ? false
               : m_opens(p) || m_answers(p) ? !c->answered || !c->acked
               : !servers_tag(c) || p->seq == servers_tag(c))
            : p->proto != TPR_PROTO_TCP ? true
            : p->flags & F_RST ? false
            : p->flags & F_SYN ? !c->answered : is_clients(c, p));
}

static void
opened(struct m_conn *c, const struct pkt *p)
{
    if (!c->acked || c->cli_ack != m_seq_end(p)) {
        if (c->acked) {
            c->acked = c->fin_forward = c->fin_reverse = false;
        }
        c->cli_ack = p->seq;
        c->cli_end = p->flags & F_ACK ? p->ack : c->cli_end;
    }
    c->rev_end = m_seq_end(p);
}

void
m_from_backend(struct m_conn *c, const struct pkt *p)
{
    if (p->proto == TPR_PROTO_SCTP) {
        sctp_from_backend(c, p);
    } else if (p->proto != TPR_PROTO_TCP) {
        c->answered = true;
    } else if (p->frag == LATER_FRAGMENT) {
        return;
    } else if (p->flags & F_RST) {
        c->rst |= ((c->answered && p->seq == c->rev_end)
                   || (c->acked && p->seq == c->cli_ack)
                   || (!c->answered && p->flags & F_ACK
                       && p->ack == c->cli_end));
    } else {
        if (p->flags & F_SYN) {
            opened(c, p);
        } else if (!c->answered) {
            c->rev_end = m_seq_end(p);
            if (!among(c->cli_ack, c->rev_end - (1 << 30), c->rev_end)) {
                c->cli_ack = p->seq;    /* That cannot have been it. */
            }
        } else if ((int32_t) (m_seq_end(p) - c->rev_end) > 0) {
            c->rev_end = m_seq_end(p);
        }
        c->rev_ack = p->flags & F_ACK ? p->ack : c->rev_ack;
        c->seen = c->answered = true;
        c->fin_reverse |= p->flags & F_FIN;
    }
}
