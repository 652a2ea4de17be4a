/* SPDX-License-Identifier: Apache-2.0 */

/* Answers to ovs-appctl that somebody must be asked for first:
 *
 *   tpr/connections   who was given what: the datapath provider asks the
 *                     switch
 *   tpr/trace         where would this go, and why: likewise
 *   tpr/simulate      what if a region died: the policy, tried out on a copy;
 *                     the providers tell how many connections that would cost
 *   tpr/top           who has how much to do: the providers count, twice
 *
 * The agent goes on while the switch thinks: a command's reply is sent when
 * the last answer is there.  As in show.h, there is JSON first, and text is
 * made of it.  Nothing is changed by asking.
 *
 * ask.c has arguments, connections and traces, ask-simulate.c and ask-top.c
 * the rest.
 *
 * Threads: main thread. */

#ifndef TPR_ASK_H
#define TPR_ASK_H 1

#include <stdbool.h>

struct agent;
struct agent_view;
struct json;
struct shash;
struct tpr_service;
struct unixctl_conn;

void ask_init(struct agent *);

/* ask.c, for both. */
void ask_reply(struct unixctl_conn *, struct json *, bool json,
               char *(*to_text)(const struct json *));
void ask_error(struct unixctl_conn *, char *error);
char *ask_unknown(const char *what, const char *name, const struct shash *all)
    __attribute__((warn_unused_result));
bool ask_ready(struct unixctl_conn *, const struct agent_view *);

/* ask-simulate.c */
void ask_simulate_init(struct agent *);

/* ask-top.c */
void ask_top_init(struct agent *);
void ask_top_run(void);
void ask_top_wait(void);

#endif /* ask.h */
