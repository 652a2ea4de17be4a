/* SPDX-License-Identifier: Apache-2.0 */

/* The liveness page as a file that processes share: creates or opens it, maps
 * it, stores words and wakes who waits for changes.
 *
 * The page outlives its users: one that restarts finds the words as they were
 * and goes on from them.  redirect.h has the layout.  Where the file was
 * removed meanwhile, the first that restarts makes another one: who is still
 * there has to tpr_page_follow().  That also makes a file anew that somebody
 * has cut short; until then, words stay as they were (page-guard.h).
 *
 * Waking: page->wakeup is a futex.  It grows after each change; whoever must
 * act on a change waits on it, in any process that maps the file.
 *
 * Threads: any, in all processes that map the file; words change atomically.
 * Nothing here but opening blocks or allocates, except tpr_page_wait(). */

#ifndef TPR_PAGE_H
#define TPR_PAGE_H 1

#include "openvswitch/compiler.h"
#include "redirect.h"

char *tpr_page_open(const char *path, struct tpr_page **)
    OVS_WARN_UNUSED_RESULT;
void tpr_page_close(struct tpr_page *);

/* Which file is mapped; all zero: not known. */
struct tpr_page_id {
    uint64_t dev, ino;
};

enum tpr_page_news {
    TPR_PAGE_SAME,              /* Nothing has changed. */
    TPR_PAGE_FOLLOWED,          /* It is another file now, with its words. */
    TPR_PAGE_RESTORED,          /* It was cut short: it is a new file now. */
};

char *tpr_page_follow(struct tpr_page *, const char *path,
                      struct tpr_page_id *, enum tpr_page_news *)
    OVS_WARN_UNUSED_RESULT;

bool tpr_page_set(struct tpr_page *, bool is_region, uint32_t index,
                  enum tpr_liveness);
void tpr_page_wake(struct tpr_page *);
void tpr_page_wait(struct tpr_page *, uint32_t seen, unsigned int timeout_ms);

#endif /* page.h */
