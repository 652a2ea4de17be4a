/* SPDX-License-Identifier: Apache-2.0 */

/* A random round as a list of events, which can be played again without some
 * of them.
 *
 * random.c draws rounds, random-play.c plays them on a host and the model,
 * compares and shrinks, random-text.c writes them down as a case of case.h's
 * language.  One thread. */

#ifndef CONFORMANCE_RANDOM_H
#define CONFORMANCE_RANDOM_H 1

#include <stdio.h>
#include "case.h"

enum { ROUND = 2000, N_IDS = 3, MAX_EVENTS = 4 * ROUND };

enum event_kind {
    EVENT_SET,                  /* 'redirect'. */
    EVENT_DEL,                  /* 'number' is its id. */
    EVENT_WORD,                 /* 'mod'. */
    EVENT_WITHDRAW,             /* 'number' is the port. */
    EVENT_TIME,                 /* 'number' milliseconds. */
    EVENT_SENDER,
    EVENT_PACKET,               /* The others, 'number' is the redirect. */
};

struct event {
    enum event_kind kind;
    bool dropped;               /* Not to be played. */
    uint32_t number;
    struct redirect_text *redirect;     /* Owned. */
    struct tpr_liveness_mod mod;
    enum tpr_mode mode;
    uint32_t in_port;
    struct pkt packet;          /* Quotes 'quote' if 'has_quote'. */
    struct pkt quote;
    bool has_quote;
};

struct round {
    const struct host_ops *ops;
    struct host_options options;
    uint32_t seed, state;
    bool is_v6, small;          /* 'small': a table that gets full. */
    bool paced;                 /* Backends have limits of packets/s. */
    struct event *events;
    size_t n;
};

/* random-play.c */
bool round_play(struct round *, FILE *text, char *why, size_t why_size);
void round_shrink(struct round *);

/* random-text.c */
void text_begin(FILE *, const struct round *);
void text_event(FILE *, const struct event *, bool ok);
void text_outcome(FILE *, const struct outcome *);
void text_sent(FILE *, const struct originated *);
void text_state(FILE *, const struct host_ops *, void *host);
void pkt_format(FILE *, const struct pkt *);

#endif /* random.h */
