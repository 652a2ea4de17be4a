/* SPDX-License-Identifier: Apache-2.0 */

/* Health checks: periodic proof that a backend serves.
 *
 * check.c holds the set of all checks; check-logic.[ch], pure, when the next
 * one starts and how many consecutive verdicts make a transition;
 * check-talk.[ch] the socket that checks from the reserved source ports;
 * check-http.c and check-tcp.c one conversation each, behind struct
 * check_class.
 *
 * A backend whose server dies is "down" after interval * fall + timeout at the
 * latest.  A new backend is "up" with its first good check, that is after one
 * interval and one answer at the latest; one that was down, after 'rise' good
 * checks in a row.  What the database remembers from before a restart stays in
 * force until checks prove something else.
 *
 * A failure of our own (no route, no free port, out of memory) is never a
 * miss: the state stays and check_set_complaint() says why.
 *
 * Threads: main thread; driven by check_run() and check_wait() in the poll
 * loop, thousands of checks by one heap of deadlines. */

#ifndef TPR_CHECK_H
#define TPR_CHECK_H 1

#include <stdbool.h>
#include <stdint.h>
#include "model.h"

enum {
    /* Source ports of checks: flows exempt them from redirection.  Outside
     * Linux's default range for ephemeral ports. */
    CHECK_SRC_PORT = 0xf000,
    CHECK_SRC_PORT_MASK = 0xfe00,
};

enum check_state { CHECK_UNKNOWN, CHECK_UP, CHECK_DOWN };

/* A transition.  'cause' is one clause ("HTTP status 500", "connection
 * refused", "no answer in 100 ms"), owned by the check set until the next
 * call. */
struct check_change {
    const struct tpr_backend *backend;
    bool up;
    const char *cause;
    long long int last_good_us;         /* 0: never. */
    long long int now_us;
};

struct check_stats {
    enum check_state state;
    uint64_t n_ok, n_failed, n_own_errors;
    long long int latency_us;           /* Of the last good check. */
    long long int late_us;              /* Worst lateness of a start. */
    char last[128];                     /* The last verdict, for people. */
};

struct check_set;

struct check_set *check_set_create(void);
void check_set_destroy(struct check_set *);
void check_set_configure(struct check_set *, const struct tpr_config *,
                         long long int now_us);
void check_set_run(struct check_set *, long long int now_us);
void check_set_wait(struct check_set *);
bool check_set_next_change(struct check_set *, struct check_change *);
bool check_set_stats(const struct check_set *, const struct tpr_backend *,
                     struct check_stats *);
const char *check_set_complaint(const struct check_set *,
                                const struct tpr_backend *);

#endif /* check.h */
