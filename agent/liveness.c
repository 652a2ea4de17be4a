/* SPDX-License-Identifier: Apache-2.0 */

/* The liveness page as the agent sees it: see liveness.h. */

#include <config.h>
#include "liveness.h"

#include <stdlib.h>
#include <string.h>
#include "page.h"
#include "util.h"

/* Nobody here has stored this word. */
#define NOT_OURS 0xff

struct liveness {
    struct tpr_page *page;      /* Shared mapping of the file. */

    /* What we stored last, enum tpr_liveness or NOT_OURS.  Accessed
     * atomically: the heartbeat thread writes 'region', the main thread
     * 'backend'. */
    uint8_t region[TPR_MAX_REGIONS];
    uint8_t backend[TPR_MAX_BACKENDS];
    unsigned int n_backends;    /* Those beyond are NOT_OURS. */
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
        *livenessp = xmalloc(sizeof **livenessp);
        (*livenessp)->page = page;
        (*livenessp)->n_backends = 0;
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
        free(liveness);
    }
}

/* Gives region 'index' the state 'state'; its generation grows if that is a
 * change.  Returns true if it was.  Of the agent only the heartbeat thread
 * calls this. */
bool
liveness_set_region(struct liveness *liveness, unsigned int index,
                    enum tpr_liveness state)
{
    ovs_assert(index < TPR_MAX_REGIONS);
    __atomic_store_n(&liveness->region[index], state, __ATOMIC_SEQ_CST);
    return tpr_page_set(liveness->page, true, index, state);
}

/* The same for backend 'index'.  Of the agent only the main thread calls
 * this. */
bool
liveness_set_backend(struct liveness *liveness, unsigned int index,
                     enum tpr_liveness state)
{
    ovs_assert(index < TPR_MAX_BACKENDS);
    __atomic_store_n(&liveness->backend[index], state, __ATOMIC_SEQ_CST);
    liveness->n_backends = MAX(liveness->n_backends, index + 1);
    return tpr_page_set(liveness->page, false, index, state);
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

/* Stores words again that are not as we stored them last; returns how many.
 * A writer that stores meanwhile wins: what it wants is read anew after each
 * attempt. */
static unsigned int
repair(struct liveness *liveness, bool is_region, const uint8_t *ours,
       const tpr_word *words, unsigned int n)
{
    unsigned int n_repaired = 0;

    for (unsigned int i = 0; i < n; i++) {
        for (bool first = true; ; first = false) {
            tpr_word word = __atomic_load_n(&words[i], __ATOMIC_SEQ_CST);
            uint8_t want = __atomic_load_n(&ours[i], __ATOMIC_SEQ_CST);

            if (want == NOT_OURS || want == tpr_word_state(word)) {
                break;
            }
            tpr_page_set(liveness->page, is_region, i,
                         (enum tpr_liveness) want);
            n_repaired += first;
        }
    }
    return n_repaired;
}

/* Somebody else may store words, too ("ovs-ofctl set-liveness"): puts those
 * back that we have stored, and returns how many were not so.  The main thread
 * calls this now and then. */
unsigned int
liveness_repair(struct liveness *liveness)
{
    return (repair(liveness, true, liveness->region, liveness->page->region,
                   TPR_MAX_REGIONS)
            + repair(liveness, false, liveness->backend,
                     liveness->page->backend, liveness->n_backends));
}
