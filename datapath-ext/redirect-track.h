/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */

/* What a connection's packets say about its life: which timeout applies, and
 * whether it ended.
 *
 *                SYN                 SYN-ACK               ACK
 *     (nothing) -----> half open ---------------> answered ---> established
 *                          |                                      | FIN of
 *                          |  RST of either side                  v both
 *                          +-----------------------------------> ended
 *
 * One that only one side has closed is established: the other may go on for
 * as long as it likes (RFC 9293 3.6).
 *
 * A connection that is met in the middle (no SYN) is established as soon as
 * the backend says anything.  Until it does, whatever the client sent, a
 * connection is half open: anybody can make such ones, so that they have a
 * short time and are the first to go.
 *
 * All packets are forwarded: which are good, the ends judge.  Remembered is
 * what a reset will need, the highest sequence number that the client was sent
 * and the client's last acknowledgment (RFC 5961 3.2), and by these it is
 * judged whose word counts here, so that somebody who can send with a
 * client's address, but does not see its packets, ends nothing:
 *
 *   - The client's ACKs, FINs and numbers count, and replies follow it when it
 *     moves, if it acknowledges what it can have been sent: between a little
 *     before its last ACK and the highest end sent (RFC 5961 5).  While the
 *     backend is silent, if it goes on at the number where it was.  A SYN
 *     moves only what is half open.
 *   - A reset ends a connection if it has exactly the number that the other
 *     side expects (RFC 5961 3): the client's, its own next one or the
 *     backend's last ACK; the backend's, the end of what it has sent, the
 *     client's last ACK, or the ACK of the client's SYN.  Where packets were
 *     lost on the way, the other side may expect another: it answers with an
 *     ACK, and the reset that follows has that one's number.  One that is
 *     never believed leaves a connection to its timeout: its place counts for
 *     limits until then, which is better than a limit that anybody can
 *     overrun.
 *
 *
 * SCTP: an association has the timeout of a SYN until the backend has sent
 * more than an INIT ACK, or the client the tag that this announced; then that
 * of an established connection.  Tags say who somebody is (RFC 9260
 * 8.5), and which they are is the backend's word: the server's is that of its
 * INIT ACK to the client, the client's that of what it sends then.  Replies
 * follow the client when it moves if its packets carry the server's tag; where
 * that is not known, of an association that was met in the middle, always.  An
 * INIT moves them until the client has used its tag, and again once another
 * INIT was answered and the client said nothing since: one that begins anew
 * elsewhere needs two, and of one that lives the next packet puts it right.
 *
 * An ABORT or SHUTDOWN COMPLETE, as first chunk, ends an association if its
 * tag is the one that the other side expects (8.5.1), and moves nothing.
 *
 * UDP and everything else: new until the backend has answered.
 *
 * A connection that ended is still to be remembered for its timeout, closing:
 * the last ACK and repeated FINs must find their way.
 *
 * Inline, pure.  Threads: both directions' packets may be tracked at once by
 * two threads; the flags are added atomically, every other field has one
 * direction that writes it (but for the backend's first word, which sets the
 * client's numbers right: the client waits for it; and SCTP's tags, all of
 * which are the backend's once it has sent something).  'cli_ack' is not after
 * 'rev_end' once that is known. */

#ifndef TPR_REDIRECT_TRACK_H
#define TPR_REDIRECT_TRACK_H 1

#include "redirect-parse.h"

enum {
    TPR_TRACK_SYN = 1,          /* Began with a SYN. */
    TPR_TRACK_ANSWERED = 2,     /* The backend sent something. */
    TPR_TRACK_ACKED = 4,        /* The client sent an ACK; SCTP: the server's
                                 * tag, since the last INIT ACK. */
    TPR_TRACK_FIN_FORWARD = 8,
    TPR_TRACK_FIN_REVERSE = 16,
    TPR_TRACK_RST = 32,         /* A reset of either side passed. */
    TPR_TRACK_RESET = 64,       /* We reset it: answer the client. */
    TPR_TRACK_SEEN = 128,       /* 'rev_end' means something. */
};

struct tpr_track {
    uint8_t flags;              /* TPR_TRACK_*. */
    uint32_t rev_end;           /* Highest sequence end sent to the client. */
    uint32_t rev_ack;           /* The backend's last ACK. */
    uint32_t cli_end;           /* Highest sequence end that it sent. */
    uint32_t cli_ack;           /* The client's last ACK. */

    /* SCTP has tags there, 0 where one is not known.  With TPR_TRACK_SEEN,
     * 'rev_end' and 'cli_end' are what the backend's and the client's packets
     * carry.  'cli_ack' and 'rev_ack' are those that an INIT ACK carried and
     * announced, before there is one 'cli_ack' is what the INIT announced. */
};

/* Adds 'BITS' to the flags at 'P', or takes them away.  BPF has no atomic
 * operations on bytes: the two directions may then lose one of each other's,
 * once. */
#ifndef TPR_ADD_FLAGS
#ifdef __bpf__
#define TPR_ADD_FLAGS(P, BITS) (*(P) |= (BITS))
#else
#define TPR_ADD_FLAGS(P, BITS) \
    ((void) __atomic_fetch_or(P, BITS, __ATOMIC_RELAXED))
#endif
#endif

#ifndef TPR_CLEAR_FLAGS
#ifdef __bpf__
#define TPR_CLEAR_FLAGS(P, BITS) (*(P) &= (uint8_t) ~(BITS))
#else
#define TPR_CLEAR_FLAGS(P, BITS) \
    ((void) __atomic_fetch_and(P, (uint8_t) ~(BITS), __ATOMIC_RELAXED))
#endif
#endif

/* Adds 'bits' to the flags of 't', without a store where they are there. */
TPR_INLINE void
tpr_track_add(struct tpr_track *t, uint8_t bits)
{
    if (bits & ~t->flags) {
        TPR_ADD_FLAGS(&t->flags, bits);
    }
}

/* Is sequence number 'a' after 'b' (RFC 9293 3.4)? */
TPR_INLINE bool
tpr_seq_after(uint32_t a, uint32_t b)
{
    return (int32_t) (a - b) > 0;
}

/* The backend has not said anything yet: there may be no client at all. */
TPR_INLINE bool
tpr_track_half_open(uint8_t flags)
{
    return !(flags & TPR_TRACK_ANSWERED);
}

/* Only a SYN was seen: the client has no connection yet. */
TPR_INLINE bool
tpr_track_only_syn(uint8_t flags)
{
    return (flags & (TPR_TRACK_SYN | TPR_TRACK_ANSWERED | TPR_TRACK_ACKED))
           == TPR_TRACK_SYN;
}

/* Both sides have closed, or one has torn it down. */
TPR_INLINE bool
tpr_track_ended(uint8_t flags)
{
    return (flags & TPR_TRACK_RST)
           || (flags & (TPR_TRACK_FIN_FORWARD | TPR_TRACK_FIN_REVERSE))
              == (TPR_TRACK_FIN_FORWARD | TPR_TRACK_FIN_REVERSE);
}

/* Which timeout a connection of protocol 'proto' with 'flags' has now. */
TPR_INLINE enum tpr_timeout
tpr_track_timeout(uint8_t flags, uint8_t proto)
{
    if (proto == TPR_PROTO_TCP) {
        return (tpr_track_ended(flags) || (flags & TPR_TRACK_RESET)
                ? TPR_TIMEOUT_CLOSING
                : tpr_track_half_open(flags)
                  || ((flags & TPR_TRACK_SYN) && !(flags & TPR_TRACK_ACKED))
                ? TPR_TIMEOUT_SYN : TPR_TIMEOUT_ESTABLISHED);
    } else if (proto == TPR_PROTO_SCTP) {
        return (tpr_track_ended(flags) || (flags & TPR_TRACK_RESET)
                ? TPR_TIMEOUT_CLOSING
                : flags & (TPR_TRACK_SEEN | TPR_TRACK_ACKED)
                ? TPR_TIMEOUT_ESTABLISHED : TPR_TIMEOUT_SYN);
    }
    return (flags & TPR_TRACK_ANSWERED
            ? TPR_TIMEOUT_ANSWERED : TPR_TIMEOUT_NEW);
}

enum {
    /* How far a segment may be from where one is expected: reordering. */
    TPR_TRACK_SLACK = 0xffff,
    TPR_TRACK_WINDOW = 1 << 30, /* TCP's largest (RFC 7323 2.3). */
};

/* Is 'p', which is neither SYN nor RST, the client's?  Of those who do not see
 * the connection's packets, one in tens of thousands guesses right. */
TPR_INLINE bool
tpr_track_believes(const struct tpr_track *t, const struct tpr_packet *p)
{
    return (t->flags & TPR_TRACK_SEEN
            ? (p->tcp_flags & TPR_TCP_ACK)
              && (t->rev_end - p->ack
                  <= t->rev_end - t->cli_ack + TPR_TRACK_SLACK)
            : p->seq - t->cli_end + TPR_TRACK_SLACK <= 2 * TPR_TRACK_SLACK);
}

/* The tag that the client's SCTP packets carry, or 0. */
TPR_INLINE uint32_t
tpr_track_server_tag(const struct tpr_track *t)
{
    return t->flags & TPR_TRACK_SEEN ? t->cli_end : t->rev_ack;
}

/* The tag that the backend's SCTP packets carry, or 0. */
TPR_INLINE uint32_t
tpr_track_client_tag(const struct tpr_track *t)
{
    return t->flags & TPR_TRACK_SEEN ? t->rev_end : t->cli_ack;
}

/* Is the SCTP packet 'p', neither INIT nor an end, the client's? */
TPR_INLINE bool
tpr_track_believes_sctp(const struct tpr_track *t, const struct tpr_packet *p)
{
    const uint32_t tag = tpr_track_server_tag(t);

    return !tag || p->seq == tag;
}

/* May replies go where the client's packet 'p' came from from now on?  Should
 * be asked before tpr_track_forward(). */
TPR_INLINE bool
tpr_track_moves(const struct tpr_track *t, const struct tpr_packet *p)
{
    const bool is_sctp = p->tuple.proto == TPR_PROTO_SCTP;

    if (p->tuple.proto != TPR_PROTO_TCP && !is_sctp) {
        return true;
    }
    return !(p->tcp_flags & TPR_TCP_RST)
           && (p->tcp_flags & TPR_TCP_SYN
               ? tpr_track_half_open(t->flags)
                 || (is_sctp && !(t->flags & TPR_TRACK_ACKED))
               : is_sctp ? tpr_track_believes_sctp(t, p)
               : tpr_track_believes(t, p));
}

/* Does the end 'p' of an SCTP association have the tag 'own', of its sender's
 * packets; or, as its T bit says, 'other', of the packets that it answers? */
TPR_INLINE bool
tpr_track_believes_end(const struct tpr_packet *p, uint32_t own,
                       uint32_t other)
{
    return p->seq && p->seq == (p->tcp_flags & TPR_TCP_URG ? other : own);
}

/* Notes an SCTP packet of the client. */
TPR_INLINE void
tpr_track_forward_sctp(struct tpr_track *t, const struct tpr_packet *p)
{
    if (p->tcp_flags & TPR_TCP_RST) {
        if (tpr_track_believes_end(p, tpr_track_server_tag(t), t->rev_end)) {
            tpr_track_add(t, TPR_TRACK_RST);
        }
    } else if (p->tcp_flags & TPR_TCP_SYN) {
        if (!(p->tcp_flags & TPR_TCP_ACK) && tpr_track_half_open(t->flags)) {
            t->cli_ack = p->ack;
        }
    } else if (p->seq && (p->seq == tpr_track_server_tag(t)
                          || p->seq == t->rev_ack)) {
        tpr_track_add(t, TPR_TRACK_ACKED);
    }
}

/* Notes an INIT ACK.  Anybody's INIT gets one.  Which client has opened shows
 * when the backend goes on; until then, the first one that it has answered. */
TPR_INLINE void
tpr_track_init_ack(struct tpr_track *t, const struct tpr_packet *p)
{
    if ((t->flags & TPR_TRACK_SEEN) || !t->rev_ack || p->seq == t->cli_ack) {
        if ((t->flags & TPR_TRACK_ACKED)
            && (p->seq != tpr_track_client_tag(t)
                || p->ack != tpr_track_server_tag(t))) {
            TPR_CLEAR_FLAGS(&t->flags, TPR_TRACK_ACKED);
        }
        t->cli_ack = p->seq;
        t->rev_ack = p->ack;
    }
}

/* Notes an SCTP packet of the backend.  With another tag than before, there is
 * another association. */
TPR_INLINE void
tpr_track_reverse_sctp(struct tpr_track *t, const struct tpr_packet *p)
{
    if (p->tcp_flags & TPR_TCP_RST) {
        if (tpr_track_believes_end(p, tpr_track_client_tag(t), t->cli_end)) {
            tpr_track_add(t, TPR_TRACK_RST);
        }
    } else if (p->tcp_flags & TPR_TCP_SYN) {
        if (p->tcp_flags & TPR_TCP_ACK) {
            tpr_track_init_ack(t, p);
        }
    } else {
        if (!(t->flags & TPR_TRACK_SEEN) || p->seq != t->rev_end) {
            t->rev_end = p->seq;
            t->cli_end = p->seq == t->cli_ack ? t->rev_ack : 0;
        }
        tpr_track_add(t, TPR_TRACK_SEEN);
    }
    tpr_track_add(t, TPR_TRACK_ANSWERED);
}

/* Notes a packet of the client.  Should be called for the first packet too,
 * with '*t' zero. */
TPR_INLINE void
tpr_track_forward(struct tpr_track *t, const struct tpr_packet *p)
{
    bool first = !(t->flags & (TPR_TRACK_SYN | TPR_TRACK_ACKED
                               | TPR_TRACK_ANSWERED));

    if (p->tuple.proto == TPR_PROTO_SCTP && p->frag != TPR_FRAG_LATER) {
        tpr_track_forward_sctp(t, p);
        return;
    } else if (p->tuple.proto != TPR_PROTO_TCP || p->frag == TPR_FRAG_LATER) {
        return;
    } else if (p->tcp_flags & TPR_TCP_RST) {
        if (p->seq == t->cli_end
            || ((t->flags & TPR_TRACK_ANSWERED) && p->seq == t->rev_ack)) {
            tpr_track_add(t, TPR_TRACK_RST);
        }
        return;
    } else if (p->tcp_flags & TPR_TCP_SYN) {
        if (tpr_track_half_open(t->flags)) {
            t->cli_end = p->seq_end;
        }
        tpr_track_add(t, TPR_TRACK_SYN);
        return;
    } else if (!first && !tpr_track_believes(t, p)) {
        return;
    }
    if (p->tcp_flags & TPR_TCP_ACK) {
        t->cli_ack = p->ack;
    }
    if (first || tpr_seq_after(p->seq_end, t->cli_end)) {
        t->cli_end = p->seq_end;
    }
    tpr_track_add(t, ((p->tcp_flags & TPR_TCP_ACK ? TPR_TRACK_ACKED : 0)
                      | (p->tcp_flags & TPR_TCP_FIN
                         ? TPR_TRACK_FIN_FORWARD : 0)));
}

/* The backend opens: what is remembered of a connection with the same ports
 * before, which nobody closed, is over, and the numbers begin anew.  It is the
 * backend's SYN that says so and not the client's, which anybody can send: a
 * backend that has the connection still answers that with an ACK (RFC 5961
 * 4.2), and all stays as it is. */
TPR_INLINE void
tpr_track_opened(struct tpr_track *t, const struct tpr_packet *p)
{
    /* Not if this is the one that the client has acknowledged, again. */
    if (!(t->flags & TPR_TRACK_ACKED) || t->cli_ack != p->seq_end) {
        if (t->flags & TPR_TRACK_ACKED) {
            TPR_CLEAR_FLAGS(&t->flags, TPR_TRACK_ACKED
                                       | TPR_TRACK_FIN_FORWARD
                                       | TPR_TRACK_FIN_REVERSE);
        }
        t->cli_ack = p->seq;            /* It has acknowledged nothing. */
        if (p->tcp_flags & TPR_TCP_ACK) {
            t->cli_end = p->ack;
        }
    }
    t->rev_end = p->seq_end;
}

/* Is the backend's reset 'p' one that the client would take?  At the end of
 * what it was sent; as the answer to its last ACK; or to its SYN (RFC 9293
 * 3.10.7.3). */
TPR_INLINE bool
tpr_track_believes_rst(const struct tpr_track *t, const struct tpr_packet *p)
{
    return ((t->flags & TPR_TRACK_SEEN) && p->seq == t->rev_end)
           || ((t->flags & TPR_TRACK_ACKED) && p->seq == t->cli_ack)
           || (tpr_track_half_open(t->flags)
               && (p->tcp_flags & TPR_TCP_ACK) && p->ack == t->cli_end);
}

/* Notes a packet of the backend. */
TPR_INLINE void
tpr_track_reverse(struct tpr_track *t, const struct tpr_packet *p)
{
    if (p->tuple.proto == TPR_PROTO_SCTP && p->frag != TPR_FRAG_LATER) {
        tpr_track_reverse_sctp(t, p);
        return;
    } else if (p->tuple.proto != TPR_PROTO_TCP) {
        tpr_track_add(t, TPR_TRACK_ANSWERED);
        return;
    } else if (p->frag == TPR_FRAG_LATER) {
        return;
    }
    if (p->tcp_flags & TPR_TCP_RST) {
        if (tpr_track_believes_rst(t, p)) {
            tpr_track_add(t, TPR_TRACK_RST);
        }
        return;
    }
    if (p->tcp_flags & TPR_TCP_SYN) {
        tpr_track_opened(t, p);
    } else if (!(t->flags & TPR_TRACK_SEEN)) {
        t->rev_end = p->seq_end;
        if (t->rev_end - t->cli_ack > TPR_TRACK_WINDOW) {
            t->cli_ack = p->seq;        /* What it said cannot be true. */
        }
    } else if (tpr_seq_after(p->seq_end, t->rev_end)) {
        t->rev_end = p->seq_end;
    }
    if (p->tcp_flags & TPR_TCP_ACK) {
        t->rev_ack = p->ack;
    }
    tpr_track_add(t, (TPR_TRACK_ANSWERED | TPR_TRACK_SEEN
                      | (p->tcp_flags & TPR_TCP_FIN
                         ? TPR_TRACK_FIN_REVERSE : 0)));
}

/* Do the TCP flags of 'p' mean anything? */
TPR_INLINE bool
tpr_track_has_flags(const struct tpr_packet *p)
{
    return p->tuple.proto == TPR_PROTO_TCP
           || p->tuple.proto == TPR_PROTO_SCTP;
}

/* A client's SYN on a connection that ended opens a new one (RFC 9293
 * 3.6.1): the old one is to be forgotten first. */
TPR_INLINE bool
tpr_track_reopens(uint8_t flags, const struct tpr_packet *p)
{
    return tpr_track_has_flags(p)
           && (p->tcp_flags & (TPR_TCP_SYN | TPR_TCP_ACK | TPR_TCP_RST))
              == TPR_TCP_SYN
           && (tpr_track_ended(flags) || (flags & TPR_TRACK_RESET));
}

/* The backend's SYN-ACK on a connection that ended, whose client sent no SYN
 * here, answers the same client port's SYN to the backend's own address: the
 * packet is none of ours, and the old connection is to be forgotten, which the
 * backend has forgotten, too. */
TPR_INLINE bool
tpr_track_yields(uint8_t flags, const struct tpr_packet *p)
{
    return tpr_track_has_flags(p)
           && (p->tcp_flags & (TPR_TCP_SYN | TPR_TCP_ACK | TPR_TCP_RST))
              == (TPR_TCP_SYN | TPR_TCP_ACK)
           && (tpr_track_ended(flags) || (flags & TPR_TRACK_RESET));
}

/* ## What people see. ## */

/* A connection.  Ports in host byte order. */
struct tpr_conn_view {
    uint32_t redirect;          /* Object's number in the datapath. */
    uint8_t proto;
    struct tpr_addr client, vip, backend;
    uint16_t client_port, vip_port, backend_port;
    uint32_t in_port;           /* The client's; 0: gone. */
    uint32_t region, word;      /* The backend's. */
    const char *state;          /* tpr_track_state(). */
    uint32_t idle_ms;           /* Since its last packet, more or less... */
    uint32_t expires_ms;        /* ...and until it is forgotten. */
};

/* What a connection of protocol 'proto' with 'flags' is, in one or two
 * words. */
TPR_INLINE const char *
tpr_track_state(uint8_t flags, uint8_t proto)
{
    const bool fin = flags & (TPR_TRACK_FIN_FORWARD | TPR_TRACK_FIN_REVERSE);

    switch (tpr_track_timeout(flags, proto)) {
    case TPR_TIMEOUT_SYN: return "half open";
    case TPR_TIMEOUT_ESTABLISHED: return fin ? "half closed" : "established";
    case TPR_TIMEOUT_CLOSING:
        return flags & TPR_TRACK_RESET ? "reset" : "closing";
    case TPR_TIMEOUT_NEW: return "unanswered";
    case TPR_TIMEOUT_ANSWERED: return "answered";
    case TPR_N_TIMEOUTS: break;
    }
    return "";
}

#endif /* redirect-track.h */
