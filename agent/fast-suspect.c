/* SPDX-License-Identifier: Apache-2.0 */

/* Passive detection by the BPF programs before a bridge: backends that real
 * traffic speaks against (datapath-ext/redirect-suspect.h).
 *
 * Nothing in the kernel wakes the agent for that, so it looks: at refusals,
 * which the programs count, and at connections that wait.  It does so four
 * times in the shortest bound that a service has.  Counts from before this
 * process, or from before a service asked, say nothing.
 *
 * Threads: main thread. */

#include <config.h>
#include "fast-private.h"

#include <stdlib.h>
#include "openvswitch/poll-loop.h"
#include "timeval.h"
#include "util.h"

enum {
    LOOK_MIN_MS = 5,            /* Between two looks, at least... */
    LOOK_MAX_MS = 50,           /* ...and at most, for refusals' sake. */
};

/* Should be called when services have changed. */
void
fast_suspect_set(struct fast *f)
{
    struct shash_node *node;
    unsigned int every_ms = 0;

    SHASH_FOR_EACH (node, &f->services) {
        const struct fast_service *s = node->data;
        unsigned int ms = s->service.passive_ms;

        if (ms) {
            ms = MIN(MAX(ms / 4, LOOK_MIN_MS), LOOK_MAX_MS);
            every_ms = every_ms ? MIN(every_ms, ms) : ms;
        }
    }
    f->look_every_ms = every_ms;
}

/* What was counted of the backend with 'word', likely the one at 'guess'. */
static const struct dp_suspect *
find_counted(const struct fast_service *s, uint32_t word, size_t guess)
{
    if (guess < s->n_counted && s->counted[guess].word == word) {
        return &s->counted[guess];
    }
    for (size_t i = 0; i < s->n_counted; i++) {
        if (s->counted[i].word == word) {
            return &s->counted[i];
        }
    }
    return NULL;
}

static void
tell(struct fast *f, const struct dp_suspect *suspect)
{
    if (f->n_suspects >= f->allocated_suspects) {
        f->suspects = x2nrealloc(f->suspects, &f->allocated_suspects,
                                 sizeof *f->suspects);
    }
    f->suspects[f->n_suspects++] = *suspect;
}

/* Tells what is new since 'old', if anything. */
static void
compare(struct fast *f, const struct dp_suspect *old,
        const struct dp_suspect *new)
{
    struct dp_suspect more = {
        .word = new->word,
        .refused = new->refused - old->refused,
        .silent = new->silent - old->silent,
    };

    /* A backend that went and came back counts from 0. */
    more.refused = more.refused > INT32_MAX ? new->refused : more.refused;
    more.silent = more.silent > INT32_MAX ? new->silent : more.silent;
    if (more.refused || more.silent) {
        tell(f, &more);
    }
}

/* Counts of the backends of the object 'found', compared with the last ones of
 * 's', whose place they take. */
static void
count(struct fast *f, struct fast_service *s, const struct fast_found *found)
{
    struct dp_suspect *counted = xmalloc(MAX(1, found->r->n_backends)
                                         * sizeof *counted);
    size_t n = 0;

    for (size_t i = 0; i < found->r->n_backends; i++) {
        struct dp_suspect *new = &counted[n];
        const struct dp_suspect *old;
        struct tpr_bpf_suspicion c;

        if (!tpr_bpf_get_suspicion(found->bpf, found->id, i, &c)) {
            new->word = found->r->backends[i].word;
            new->refused = c.refused;
            new->silent = c.silent;
            old = find_counted(s, new->word, n);
            if (old) {
                compare(f, old, new);
            }
            n++;
        }
    }
    free(s->counted);
    s->counted = counted;
    s->n_counted = n;
}

static void
look_at(struct fast *f, struct fast_service *s)
{
    struct fast_found found;

    if (!s->service.passive_ms && !s->n_counted) {
        return;
    }
    if (!fast_find(f, s->service.name, &found)
        || tpr_bpf_suspect_after(found.bpf, found.id, s->service.passive_ms)
        || !s->service.passive_ms) {
        s->n_counted = 0;
        return;
    }
    count(f, s, &found);
}

/* Looks, if it is time to. */
void
fast_suspect_run(struct fast *f, uint32_t now_bpf_ms)
{
    struct shash_node *node;

    if (!f->look_every_ms || !f->bpf || time_msec() < f->look_ms) {
        return;
    }
    f->look_ms = time_msec() + f->look_every_ms;
    tpr_bpf_look_for_silence(f->bpf, now_bpf_ms);
    SHASH_FOR_EACH (node, &f->services) {
        look_at(f, node->data);
    }
}

/* Wakes the poll loop when it is time to look. */
void
fast_suspect_wait(const struct fast *f)
{
    if (f->look_every_ms && f->bpf) {
        poll_timer_wait_until(f->look_ms);
    }
    if (f->n_suspects) {
        poll_immediate_wake();
    }
}

/* Stores a backend that real traffic speaks against in '*suspect' and returns
 * true, or returns false. */
bool
fast_next_suspect(struct fast *f, struct dp_suspect *suspect)
{
    if (!f || !f->n_suspects) {
        return false;
    }
    *suspect = f->suspects[--f->n_suspects];
    return true;
}
