/* SPDX-License-Identifier: Apache-2.0 */

/* The liveness page as the agent sees it: see liveness.h. */

#include <config.h>
#include "liveness.h"

#include <stdlib.h>
#include "page.h"
#include "util.h"

struct liveness {
    struct tpr_page *page;      /* Shared mapping of the file. */
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
    return tpr_page_set(liveness->page, true, index, state);
}

/* The same for backend 'index'.  Of the agent only the main thread calls
 * this. */
bool
liveness_set_backend(struct liveness *liveness, unsigned int index,
                     enum tpr_liveness state)
{
    ovs_assert(index < TPR_MAX_BACKENDS);
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
