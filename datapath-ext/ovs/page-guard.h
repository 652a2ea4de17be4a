/* SPDX-License-Identifier: Apache-2.0 */

/* Keeps the liveness page readable when somebody cuts its file short.
 *
 * Why: the file is one that others may write.  Where it ends, memory that is
 * mapped from it ends, too: the next load there raises SIGBUS, which would
 * end ovs-vswitchd or the agent, and all forwarding.
 *
 * How: a guarded page has a copy, renewed now and then.  The handler of SIGBUS
 * puts the copy where the page is; the load is repeated and finds the words as
 * they were when they were last saved, in memory of the process's own.  Its
 * owner asks whether that has happened, and makes a new file.  SIGBUS for any
 * other reason does what it did before: a handler that was there already is
 * called, and the page stays guarded.
 *
 * Threads: adding and removing, one at a time, and of one page, whatever
 * changes its copy; the page may be used by any meanwhile, in signal handlers,
 * too. */

#ifndef TPR_PAGE_GUARD_H
#define TPR_PAGE_GUARD_H 1

#include <stdbool.h>
#include "redirect.h"

/* Guards 'page', which is whole, until tpr_guard_remove().  Without memory, or
 * with TPR_GUARD_MAX pages already, it stays as vulnerable as it was. */
enum { TPR_GUARD_MAX = 16 };
void tpr_guard_add(struct tpr_page *page);

/* 'page' is about to be unmapped: nobody uses it any more. */
void tpr_guard_remove(struct tpr_page *page);

/* Remembers the words of 'page' as they are, if 'is_whole' says afterwards
 * that they can be trusted. */
void tpr_guard_save(struct tpr_page *page, bool (*is_whole)(const void *aux),
                    const void *aux);

/* Puts the copy where 'page' is, if that has not happened yet. */
void tpr_guard_rescue(struct tpr_page *page);

/* Is 'page' its copy, that is, memory that nobody shares? */
bool tpr_guard_is_lost(const struct tpr_page *page);

/* 'page', a copy, is about to be mapped from a whole file.  Returns false if
 * there is no memory: then it must stay as it is. */
bool tpr_guard_renew(struct tpr_page *page);

#endif /* page-guard.h */
