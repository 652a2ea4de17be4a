/* SPDX-License-Identifier: Apache-2.0 */

/* tpr/top for ovs-appctl: counts twice, some time apart; ask.h says how
 * answers are made, top.h what of.
 *
 * Threads: main thread. */

#include <config.h>
#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "counts.h"
#include "model.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "show.h"
#include "top.h"
#include "tpr-time.h"
#include "unixctl.h"
#include "util.h"

#define USAGE "[--json] [--interval=TIME] [--sort=new|connections|packets|" \
    "bytes|cpu|name]"

enum {
    INTERVAL_US = 1000 * 1000,          /* If nothing else is said; */
    INTERVAL_MIN_US = 50 * 1000,
    INTERVAL_MAX_US = 60 * 1000 * 1000,
};

/* A question on its way. */
struct top {
    struct ovs_list node;       /* In 'waiting', once 'before' is there. */
    struct unixctl_conn *conn;
    struct agent *agent;
    bool json;
    enum top_key key;
    long long int interval_us;
    struct counts *before;
};

/* Those whose interval runs. */
static struct ovs_list waiting = OVS_LIST_INITIALIZER(&waiting);

static void
counted_again(void *top_, struct counts *after)
{
    struct top *top = top_;
    struct agent_view v;
    struct json *show;

    agent_view(top->agent, &v);
    if (ask_ready(top->conn, &v)) {
        show = show_to_json(&v);
        ask_reply(top->conn, top_make(show, top->before, after, top->key),
                  top->json, top_text);
        json_destroy(show);
    }
    counts_destroy(top->before);
    counts_destroy(after);
    free(top);
}

static void
counted(void *top_, struct counts *before)
{
    struct top *top = top_;

    top->before = before;
    ovs_list_push_back(&waiting, &top->node);
}

static long long int
deadline_us(const struct top *top)
{
    return top->before->when_us + top->interval_us;
}

/* Counts again for those whose interval is over.  Should be called in each
 * turn of the main loop. */
void
ask_top_run(void)
{
    struct top *top;

    LIST_FOR_EACH_SAFE (top, node, &waiting) {
        if (tpr_now_us() >= deadline_us(top)) {
            struct agent_view v;

            ovs_list_remove(&top->node);
            agent_view(top->agent, &v);
            counts_ask(&v, counted_again, top);
        }
    }
}

void
ask_top_wait(void)
{
    const struct top *top;

    LIST_FOR_EACH (top, node, &waiting) {
        poll_timer_wait_until(deadline_us(top) / 1000 + 1);
    }
}

/* Takes an argument.  Returns NULL or a sentence. */
static char *
parse_arg(struct top *top, const char *arg)
{
    if (!strcmp(arg, "--json")) {
        top->json = true;
        return NULL;
    } else if (!strncmp(arg, "--interval=", 11)) {
        return tpr_parse_duration_range(arg + 11, INTERVAL_MIN_US,
                                        INTERVAL_MAX_US, &top->interval_us);
    } else if (!strncmp(arg, "--sort=", 7)
               && top_key_from_string(arg + 7, &top->key)) {
        return NULL;
    }
    return xasprintf("%s: unknown argument; the command takes " USAGE, arg);
}

static void
ask_top(struct unixctl_conn *conn, int argc, const char *argv[], void *agent)
{
    struct top *top = xmalloc(sizeof *top);
    struct agent_view v;

    *top = (struct top) {
        .conn = conn, .agent = agent, .interval_us = INTERVAL_US,
    };
    for (int i = 1; i < argc; i++) {
        char *error = parse_arg(top, argv[i]);

        if (error) {
            ask_error(conn, error);
            free(top);
            return;
        }
    }
    agent_view(agent, &v);
    if (ask_ready(conn, &v)) {
        counts_ask(&v, counted, top);
    } else {
        free(top);
    }
}

/* Registers the command, which ask_init() does. */
void
ask_top_init(struct agent *agent)
{
    unixctl_command_register("tpr/top", USAGE, 0, 3, ask_top, agent);
}
