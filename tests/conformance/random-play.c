/* SPDX-License-Identifier: Apache-2.0 */

/* Plays a random round on a host and the model: see random.h. */

#include <config.h>
#include "random.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "redirect-check.h"
#include "util.h"

enum { SHRINK_S = 30 };         /* At most, then what is left is shown. */

struct play {
    const struct round *r;
    const struct host_ops *ops;
    void *host, *model;
    struct redirect_text *redirects[N_IDS + 1]; /* NULL: none. */
    FILE *text;                 /* NULL: silent. */
    size_t at;                  /* Event's number. */
    char *why;
    size_t why_size;
};

static bool differ(struct play *, const char *, ...) OVS_PRINTF_FORMAT(2, 3);

static bool
differ(struct play *p, const char *format, ...)
{
    va_list args;
    int n;

    n = snprintf(p->why, p->why_size, "event %"PRIuSIZE": ", p->at);
    va_start(args, format);
    vsnprintf(p->why + n, p->why_size - n, format, args);
    va_end(args);
    return false;
}

static bool
differ_number(struct play *p, const char *what, uint64_t host, uint64_t model)
{
    return (host == model
            || differ(p, "%s: %llu, model %llu", what,
                      (unsigned long long) host,
                      (unsigned long long) model));
}

/* A switch does not show whether what leaves where it came from is a reply. */
static enum tpr_verdict
visible(const struct play *p, enum tpr_verdict verdict)
{
    return (p->ops->acts_at_once && verdict == TPR_REPLY
            ? TPR_SEND : verdict);
}

static bool
same(const struct play *p, const struct outcome *a, const struct outcome *b)
{
    return (visible(p, a->verdict) == visible(p, b->verdict) && !a->more
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
compare_stats(struct play *p, uint32_t id)
{
    for (uint16_t i = 0; i < p->redirects[id]->r.n_backends; i++) {
        struct tpr_backend_stats a, b;

        if (p->ops->stats(p->host, id, i, &a)
            && host_model.stats(p->model, id, i, &b)
            && !(differ_number(p, "connections of a backend", a.connections,
                               b.connections)
                 && differ_number(p, "packets", a.packets, b.packets)
                 && differ_number(p, "bytes", a.bytes, b.bytes)
                 && differ_number(p, "packets back", a.rev_packets,
                                  b.rev_packets)
                 && differ_number(p, "bytes back", a.rev_bytes, b.rev_bytes)
                 && differ_number(p, "total connections",
                                  a.total_connections,
                                  b.total_connections))) {
            return false;
        }
    }
    return true;
}

static bool
compare_state(struct play *p)
{
    for (int i = 0; i < TPR_N_COUNTERS; i++) {
        if (!differ_number(p, tpr_counter_name(i),
                           p->ops->counter(p->host, i),
                           host_model.counter(p->model, i))) {
            return false;
        }
    }
    for (uint32_t id = 1; id <= N_IDS; id++) {
        if (p->redirects[id] && !compare_stats(p, id)) {
            return false;
        }
    }
    return differ_number(p, "connections", p->ops->connections(p->host),
                         host_model.connections(p->model));
}

static bool
originate(struct play *p)
{
    static struct outcome a[MAX_ORIGINATED], b[MAX_ORIGINATED];
    struct originated host = { 0, a }, model = { 0, b };

    p->ops->originate(p->host, &host);
    host_model.originate(p->model, &model);
    if (p->text) {
        text_sent(p->text, &model);
    }
    if (!differ_number(p, "packets of the sender", host.n, model.n)) {
        return false;
    }
    qsort(a, host.n, sizeof *a, compare_outcomes);
    qsort(b, model.n, sizeof *b, compare_outcomes);
    for (size_t i = 0; i < host.n; i++) {
        if (compare_outcomes(&a[i], &b[i])) {
            return differ(p, "what the sender sent");
        }
    }
    return true;
}

static bool
play_packet(struct play *p, struct event *e)
{
    static struct outcome a, b;

    if (p->ops->acts_at_once && e->mode == TPR_MODE_FORWARD
        && !p->redirects[e->number]) {
        return true;            /* A switch refuses such a flow. */
    }
    e->packet.quote = e->has_quote ? &e->quote : NULL;
    p->ops->process(p->host, e->mode, e->number, e->in_port, &e->packet, &a);
    host_model.process(p->model, e->mode, e->number, e->in_port, &e->packet,
                       &b);
    if (p->text) {
        text_event(p->text, e, true);
        text_outcome(p->text, &b);
    }
    return (same(p, &a, &b)
            || differ(p, "a packet: verdict %d, port %u, %"PRIuSIZE" bytes;"
                      " model %d, port %u, %"PRIuSIZE" bytes%s", a.verdict,
                      a.port, a.frame.len, b.verdict, b.port, b.frame.len,
                      a.more ? "; more than one packet" : ""));
}

static bool
play_set(struct play *p, struct event *e)
{
    const struct tpr_redirect *r = &e->redirect->r;
    bool host = p->ops->set(p->host, r);
    bool model = host_model.set(p->model, r);

    if (model) {
        p->redirects[r->id] = e->redirect;
    }
    if (p->text) {
        text_event(p->text, e, model);
    }
    return differ_number(p, "a redirect is taken", host, model);
}

/* Everything but packets and redirects. */
static void
play_other(struct play *p, struct event *e)
{
    if (p->text && (e->kind != EVENT_DEL || p->redirects[e->number])) {
        text_event(p->text, e, true);
    }
    if (e->kind == EVENT_DEL) {
        p->ops->del(p->host, e->number);
        host_model.del(p->model, e->number);
        p->redirects[e->number] = NULL;
    } else if (e->kind == EVENT_WORD) {
        p->ops->word(p->host, &e->mod);
        host_model.word(p->model, &e->mod);
    } else if (e->kind == EVENT_WITHDRAW) {
        p->ops->withdraw(p->host, e->number);
        host_model.withdraw(p->model, e->number);
    } else if (e->kind == EVENT_TIME) {
        p->ops->time(p->host, e->number);
        host_model.time(p->model, e->number);
    }
}

static bool
play_event(struct play *p, struct event *e)
{
    if (e->kind == EVENT_PACKET) {
        return play_packet(p, e);
    } else if (e->kind == EVENT_SENDER) {
        return p->ops->acts_at_once || originate(p);
    } else if (e->kind == EVENT_SET) {
        if (!play_set(p, e)) {
            return false;
        }
    } else {
        play_other(p, e);
    }
    return (!p->ops->acts_at_once || e->kind == EVENT_TIME || originate(p));
}

/* Plays what has not been dropped.  Returns true if host and model do the
 * same, otherwise says in 'why' what they do not, and cuts the round off behind
 * it.  'text', if not NULL, gets a case with what the model does. */
bool
round_play(struct round *r, FILE *text, char *why, size_t why_size)
{
    const size_t every = r->ops->acts_at_once ? 100 : 10;
    struct play p = {
        .r = r, .ops = r->ops, .text = text, .why = why,
        .why_size = why_size,
    };
    bool ok = true;

    p.host = r->ops->create(&r->options);
    p.model = host_model.create(&r->options);
    if (text) {
        text_begin(text, r);
    }
    *why = '\0';
    for (p.at = 0; ok && p.at < r->n; p.at++) {
        struct event *e = &r->events[p.at];

        ok = e->dropped || (play_event(&p, e)
                            && (p.at % every || compare_state(&p)));
    }
    if (!ok) {
        r->n = p.at;
    } else {
        ok = compare_state(&p);
    }
    if (text) {
        text_state(text, &host_model, p.model);
    }
    r->ops->destroy(p.host);
    host_model.destroy(p.model);
    return ok;
}

static void
drop(struct round *r, size_t from, size_t n, const bool *was)
{
    for (size_t i = from; i < MIN(from + n, r->n); i++) {
        r->events[i].dropped = was ? was[i] : true;
    }
}

/* Drops parts of 'size' events while the mismatch stays.  Returns true if one
 * could be dropped. */
static bool
drop_parts(struct round *r, size_t size, time_t end)
{
    bool *was = xmalloc(MAX_EVENTS * sizeof *was);
    bool any = false;
    char why[512];

    /* From the end: it is what came last that needs the least. */
    for (size_t from = (r->n - 1) / size * size; time(NULL) < end;
         from -= size) {
        size_t kept = 0, n = r->n;

        for (size_t i = 0; i < r->n; i++) {
            was[i] = r->events[i].dropped;
            kept += i >= from && i < from + size && !was[i];
        }
        if (kept) {
            drop(r, from, size, NULL);
            if (round_play(r, NULL, why, sizeof why)) {
                r->n = n;
                drop(r, from, size, was);
            } else {
                any = true;
            }
        }
        if (from < size) {
            break;
        }
    }
    free(was);
    return any;
}

/* Drops events from a round that shows a mismatch, any mismatch, until none is
 * too many or the time is up. */
void
round_shrink(struct round *r)
{
    time_t end = time(NULL) + SHRINK_S;

    for (size_t size = MAX(1, r->n / 2); size > 1; size /= 2) {
        drop_parts(r, size, end);
    }
    while (drop_parts(r, 1, end)) {
        continue;
    }
}
