/* SPDX-License-Identifier: Apache-2.0 */

/* Questions to ovs-vswitchd's control socket, as ovs-appctl asks them, without
 * waiting: the answer comes later, through a callback.
 *
 *   switch_ctl_ask() --> connecting --> waiting --> callback
 *                             \            |
 *                              `- error, ANSWER_MS too late, or the end of
 *                                 the switch_ctl: callback with a sentence
 *
 * The callback is called exactly once for each question, never from within
 * switch_ctl_ask().
 *
 * Threads: main thread; run and wait from its poll loop. */

#ifndef TPR_SWITCH_CTL_H
#define TPR_SWITCH_CTL_H 1

#include <stdbool.h>
#include <stddef.h>

struct switch_ctl;

/* 'ok': 'text' is the answer; else a clause about why there is none. */
typedef void switch_ctl_cb(void *aux, bool ok, const char *text);

struct switch_ctl *switch_ctl_create(void);
void switch_ctl_destroy(struct switch_ctl *);

void switch_ctl_ask(struct switch_ctl *, const char *command,
                    const char *const args[], size_t n_args,
                    switch_ctl_cb *, void *aux);
void switch_ctl_run(struct switch_ctl *);
void switch_ctl_wait(struct switch_ctl *);

#endif /* switch-ctl.h */
