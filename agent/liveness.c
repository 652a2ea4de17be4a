/* SPDX-License-Identifier: Apache-2.0 */

/* The liveness page as the agent sees it: see liveness.h. */

#include <config.h>
#include "liveness.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "openvswitch/vlog.h"
#include "page.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(liveness);

/* Nobody here has stored this word. */
#define NOT_OURS 0xff

struct liveness {
    struct tpr_page *page;      /* Shared mapping of the file. */
    char *path;
    struct tpr_page_id id;      /* Main thread. */

    /* What we stored last, enum tpr_liveness or NOT_OURS.  Accessed
     * atomically: the heartbeat thread writes 'region', the main thread
     * 'backend'. */
    uint8_t region[TPR_MAX_REGIONS];
    uint8_t backend[TPR_MAX_BACKENDS];
    unsigned int n_backends;    /* Those beyond are NOT_OURS. */

    /* Accessed atomically: the main thread writes 'mirrors'. */
    struct tpr_page *mirrors[LIVENESS_MAX_MIRRORS];     /* Or NULL. */
    unsigned int n_storing;     /* Threads that look at 'mirrors' now. */
    unsigned int n_changing;    /* Threads that store a word now. */
};

/* Opens the liveness page at 'path', or creates it: see tpr_page_open().
 *
 * Returns NULL and stores the page in '*livenessp', which the caller must
 * liveness_close(), or returns a sentence to free() and stores NULL. */
char *
liveness_open(const char *path, struct liveness **livenessp)
{
    struct tpr_page *page;
    char *error = tpr_page_open(path, &page);

    *livenessp = NULL;
    if (!error) {
        *livenessp = xzalloc(sizeof **livenessp);
        (*livenessp)->page = page;
        (*livenessp)->path = xstrdup(path);
        memset((*livenessp)->region, NOT_OURS, sizeof (*livenessp)->region);
        memset((*livenessp)->backend, NOT_OURS, sizeof (*livenessp)->backend);
    }
    return error;
}

/* Unmaps the page; the file and its words stay.  NULL is allowed. */
void
liveness_close(struct liveness *liveness)
{
    if (liveness) {
        tpr_page_close(liveness->page);
        free(liveness->path);
        free(liveness);
    }
}

static void
store_mirrors(struct liveness *liveness, bool is_region, unsigned int index,
              enum tpr_liveness state)
{
    __atomic_fetch_add(&liveness->n_storing, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < LIVENESS_MAX_MIRRORS; i++) {
        struct tpr_page *mirror = __atomic_load_n(&liveness->mirrors[i],
                                                  __ATOMIC_SEQ_CST);

        if (mirror) {
            tpr_page_set(mirror, is_region, index, state);
        }
    }
    __atomic_fetch_sub(&liveness->n_storing, 1, __ATOMIC_SEQ_CST);
}

/* Stores 'state' as ours, in the mirrors and in the page; returns true if it
 * is another in the page. */
static bool
store(struct liveness *liveness, bool is_region, unsigned int index,
      enum tpr_liveness state)
{
    uint8_t *ours = (is_region ? &liveness->region[index]
                     : &liveness->backend[index]);
    bool changed;

    __atomic_fetch_add(&liveness->n_changing, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(ours, state, __ATOMIC_SEQ_CST);
    store_mirrors(liveness, is_region, index, state);
    changed = tpr_page_set(liveness->page, is_region, index, state);
    __atomic_fetch_sub(&liveness->n_changing, 1, __ATOMIC_SEQ_CST);
    return changed;
}

/* Gives region 'index' the state 'state'; its generation grows if that is a
 * change.  Returns true if it was.  Of the agent only the heartbeat thread
 * calls this. */
bool
liveness_set_region(struct liveness *liveness, unsigned int index,
                    enum tpr_liveness state)
{
    ovs_assert(index < TPR_MAX_REGIONS);
    return store(liveness, true, index, state);
}

/* The same for backend 'index'.  Of the agent only the main thread calls
 * this. */
bool
liveness_set_backend(struct liveness *liveness, unsigned int index,
                     enum tpr_liveness state)
{
    ovs_assert(index < TPR_MAX_BACKENDS);
    liveness->n_backends = MAX(liveness->n_backends, index + 1);
    return store(liveness, false, index, state);
}

/* Returns the word of region 'index'.  Any thread. */
tpr_word
liveness_get_region(const struct liveness *liveness, unsigned int index)
{
    ovs_assert(index < TPR_MAX_REGIONS);
    return __atomic_load_n(&liveness->page->region[index], __ATOMIC_ACQUIRE);
}

/* Returns the word of backend 'index'.  Any thread. */
tpr_word
liveness_get_backend(const struct liveness *liveness, unsigned int index)
{
    ovs_assert(index < TPR_MAX_BACKENDS);
    return __atomic_load_n(&liveness->page->backend[index], __ATOMIC_ACQUIRE);
}

enum { MAX_TRIES = 100 };       /* Then a word has to wait for the next look:
                                 * others change it all the time. */

static bool
is_storing(const struct liveness *liveness)
{
    return __atomic_load_n(&liveness->n_changing, __ATOMIC_SEQ_CST);
}

/* Stores words again that are not as we stored them last; returns how many.
 * A writer that stores meanwhile wins: what it wants is read anew after each
 * attempt. */
static unsigned int
repair(struct liveness *liveness, bool is_region, const uint8_t *ours,
       const tpr_word *words, unsigned int n)
{
    unsigned int n_repaired = 0;

    for (unsigned int i = 0; i < n; i++) {
        bool first = true;

        for (int tries = 0; tries < MAX_TRIES; tries++) {
            tpr_word word = __atomic_load_n(&words[i], __ATOMIC_SEQ_CST);
            uint8_t want = __atomic_load_n(&ours[i], __ATOMIC_SEQ_CST);

            if (want == NOT_OURS || want == tpr_word_state(word)) {
                break;
            } else if (is_storing(liveness)
                       || word != __atomic_load_n(&words[i],
                                                  __ATOMIC_SEQ_CST)) {
                /* Perhaps it is just being stored, by us. */
                sched_yield();
                continue;
            }
            tpr_page_set(liveness->page, is_region, i,
                         (enum tpr_liveness) want);
            n_repaired += first;
            first = false;
        }
    }
    return n_repaired;
}

/* The switch may have been started when the page's file was gone: goes on with
 * the one that it has made.  Or somebody has cut it short. */
static void
follow(struct liveness *liveness)
{
    static struct vlog_rate_limit wrong_rl = VLOG_RATE_LIMIT_INIT(1, 1);
    static struct vlog_rate_limit cut_rl = VLOG_RATE_LIMIT_INIT(1, 1);
    static struct vlog_rate_limit other_rl = VLOG_RATE_LIMIT_INIT(1, 1);
    enum tpr_page_news news;
    char *error = tpr_page_follow(liveness->page, liveness->path,
                                  &liveness->id, &news);

    if (error) {
        VLOG_WARN_RL(&wrong_rl, "%s; others may not see what is stored",
                     error);
        free(error);
    } else if (news == TPR_PAGE_FOLLOWED) {
        VLOG_INFO_RL(&other_rl, "%s: the liveness page is another file now",
                     liveness->path);
    } else if (news == TPR_PAGE_RESTORED) {
        VLOG_WARN_RL(&cut_rl, "%s: somebody has cut the liveness page short; "
                     "it was made anew", liveness->path);
    }
}

/* Somebody else may store words, too ("ovs-ofctl set-liveness"), or have made
 * another page: puts those back that we have stored, and returns how many were
 * not so.  The main thread calls this now and then. */
unsigned int
liveness_repair(struct liveness *liveness)
{
    follow(liveness);
    return (repair(liveness, true, liveness->region, liveness->page->region,
                   TPR_MAX_REGIONS)
            + repair(liveness, false, liveness->backend,
                     liveness->page->backend, liveness->n_backends));
}

/* Mirrors. */

/* Gives 'mirror' the state that word 'index' has here.  Whoever stores
 * meanwhile stores there, too, but perhaps before us: look again. */
static void
copy_word(struct liveness *liveness, struct tpr_page *mirror, bool is_region,
          unsigned int index)
{
    const tpr_word *word = (is_region ? &liveness->page->region[index]
                            : &liveness->page->backend[index]);
    const uint8_t *ours = (is_region ? &liveness->region[index]
                           : &liveness->backend[index]);
    uint8_t seen, state;

    do {
        seen = __atomic_load_n(ours, __ATOMIC_SEQ_CST);
        state = (seen != NOT_OURS ? seen
                 : tpr_word_state(__atomic_load_n(word, __ATOMIC_SEQ_CST)));
        tpr_page_set(mirror, is_region, index, (enum tpr_liveness) state);
    } while (__atomic_load_n(ours, __ATOMIC_SEQ_CST) != seen);
}

/* A region that the kernel found dead while there was no agent is dead until
 * this agent has stored its word. */
static bool
knows_better(struct liveness *liveness, const struct tpr_page *mirror,
             unsigned int region)
{
    const tpr_word word = __atomic_load_n(&mirror->region[region],
                                          __ATOMIC_SEQ_CST);

    if (tpr_word_state(word) != TPR_LIVENESS_DOWN
        || __atomic_load_n(&liveness->region[region], __ATOMIC_SEQ_CST)
           != NOT_OURS) {
        return false;
    }
    tpr_page_set(liveness->page, true, region, TPR_LIVENESS_DOWN);
    return true;
}

/* Stores all words in 'mirror', too, now and from now on, until
 * liveness_remove_mirror().  'used': it has words from before.  Returns false
 * if there are too many mirrors.  The main thread calls this. */
bool
liveness_add_mirror(struct liveness *liveness, struct tpr_page *mirror,
                    bool used)
{
    int i = 0;

    while (liveness->mirrors[i]) {
        if (++i >= LIVENESS_MAX_MIRRORS) {
            return false;
        }
    }
    __atomic_store_n(&liveness->mirrors[i], mirror, __ATOMIC_SEQ_CST);
    for (unsigned int r = 0; r < TPR_MAX_REGIONS; r++) {
        if (!used || !knows_better(liveness, mirror, r)) {
            copy_word(liveness, mirror, true, r);
        }
    }
    for (unsigned int b = 0; b < TPR_MAX_BACKENDS; b++) {
        copy_word(liveness, mirror, false, b);
    }
    return true;
}

/* Stores no more words in 'mirror'; when this returns, nobody looks at it.
 * The main thread calls this. */
void
liveness_remove_mirror(struct liveness *liveness, struct tpr_page *mirror)
{
    for (int i = 0; i < LIVENESS_MAX_MIRRORS; i++) {
        if (liveness->mirrors[i] == mirror) {
            __atomic_store_n(&liveness->mirrors[i], NULL, __ATOMIC_SEQ_CST);
        }
    }
    while (__atomic_load_n(&liveness->n_storing, __ATOMIC_SEQ_CST)) {
        sched_yield();
    }
}
