/* SPDX-License-Identifier: Apache-2.0 */

/* Notify hooks: executables that are run at every transition.
 *
 * A hook is started without a shell, in a process group of its own, with
 * /dev/null as its standard files and TPR_EVENT, TPR_OBJECT, TPR_FROM, TPR_TO,
 * TPR_REASON and TPR_T_US added to its environment.  It is ended after
 * NOTIFY_TIMEOUT_MS.  At most NOTIFY_MAX_RUNNING run at once; the rest waits
 * in a queue of NOTIFY_MAX_QUEUE, and what does not fit is counted and lost.
 *
 * Started by posix_spawn(), never fork(): the process has threads and locked
 * memory.
 *
 * Threads: main thread. */

#ifndef TPR_NOTIFY_H
#define TPR_NOTIFY_H 1

#include <stddef.h>

enum {
    NOTIFY_MAX_RUNNING = 8,
    NOTIFY_MAX_QUEUE = 256,
    NOTIFY_TIMEOUT_MS = 10 * 1000,
};

struct notify;

struct notify *notify_create(void);
void notify_destroy(struct notify *);
void notify_configure(struct notify *, char *const *hooks, size_t n_hooks);
void notify_send(struct notify *, const char *event, const char *object,
                 const char *from, const char *to, const char *reason,
                 long long int t_us);
void notify_run(struct notify *);
void notify_wait(struct notify *);

#endif /* notify.h */
