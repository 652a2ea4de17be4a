/* SPDX-License-Identifier: Apache-2.0 */

/* The liveness page as the agent sees it: creates or opens the shared file,
 * maps it, stores words.
 *
 * The page outlives the agent: a restarted agent finds the words as they were
 * and goes on from them.  datapath-ext/redirect.h has the layout.
 *
 * Mirrors: BPF programs have pages of their own, in the kernel's memory.
 * liveness_set_*() store there, too, what they store here.  Others may do so
 * meanwhile: detection in the kernel sees a death first.
 *
 * Threads: liveness_set_*() may be called by the heartbeat thread and the main
 * thread at once, each for words of its own.  They neither block nor
 * allocate. */

#ifndef TPR_LIVENESS_H
#define TPR_LIVENESS_H 1

#include <stdbool.h>
#include "redirect.h"

enum { LIVENESS_MAX_MIRRORS = 16 };

struct liveness;

char *liveness_open(const char *path, struct liveness **)
    __attribute__((warn_unused_result));
void liveness_close(struct liveness *);

bool liveness_set_region(struct liveness *, unsigned int index,
                         enum tpr_liveness);
bool liveness_set_backend(struct liveness *, unsigned int index,
                          enum tpr_liveness);
unsigned int liveness_repair(struct liveness *);
bool liveness_add_mirror(struct liveness *, struct tpr_page *, bool used);
void liveness_remove_mirror(struct liveness *, struct tpr_page *);
tpr_word liveness_get_region(const struct liveness *, unsigned int index);
tpr_word liveness_get_backend(const struct liveness *, unsigned int index);

#endif /* liveness.h */
