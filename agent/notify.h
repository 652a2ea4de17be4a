/* SPDX-License-Identifier: Apache-2.0 */

/* Notify hooks: executables that are run at every transition.
 *
 * A hook is started without a shell, in a process group of its own, with
 * /dev/null as its standard files and TPR_EVENT, TPR_OBJECT, TPR_FROM, TPR_TO,
 * TPR_REASON and TPR_T_US added to its environment.  After its timeout it
 * is ended: by SIGTERM to its process group, a second later by SIGKILL.  At
 * most NOTIFY_MAX_RUNNING run at once; the rest waits in a queue of
 * NOTIFY_MAX_QUEUE, and what does not fit is counted and lost.  Hooks of
 * several transitions run side by side and may end in any order.  Processes
 * that a hook leaves in its group are its own affair, unless its time was
 * over.
 *
 * Started by posix_spawn(), never fork(): the process has threads and locked
 * memory.
 *
 * Threads: main thread. */

#ifndef TPR_NOTIFY_H
#define TPR_NOTIFY_H 1

#include <stddef.h>
#include <stdint.h>

enum {
    NOTIFY_MAX_RUNNING = 8,
    NOTIFY_MAX_QUEUE = 256,
    NOTIFY_KILL_MS = 1000,      /* From SIGTERM to SIGKILL. */
};

/* What became of hooks. */
struct notify_stats {
    uint64_t n_started;
    uint64_t n_failed;          /* Not started, or ended badly. */
    uint64_t n_dropped;         /* Did not fit into the queue. */
    size_t n_waiting, n_running;
};

struct notify;

struct notify *notify_create(void);
void notify_destroy(struct notify *);
void notify_configure(struct notify *, char *const *hooks, size_t n_hooks,
                      long long int timeout_ms);
void notify_send(struct notify *, const char *event, const char *object,
                 const char *from, const char *to, const char *reason,
                 long long int t_us);
void notify_run(struct notify *);
void notify_wait(struct notify *);
void notify_get_stats(const struct notify *, struct notify_stats *);

#endif /* notify.h */
