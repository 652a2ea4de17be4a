/* SPDX-License-Identifier: Apache-2.0 */

/* Questions to ovs-vswitchd: see switch-ctl.h. */

#include <config.h>
#include "switch-ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>

#include "daemon.h"
#include "dirs.h"
#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/list.h"
#include "openvswitch/poll-loop.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"

enum { ANSWER_MS = 10 * 1000 };     /* Longest wait for an answer. */

struct question {
    struct ovs_list node;       /* In struct switch_ctl's 'questions'. */
    struct stream *stream;      /* While connecting. */
    struct jsonrpc *rpc;        /* Afterwards. */
    struct jsonrpc_msg *request;        /* Not sent yet, or NULL. */
    char *error;                /* Why it cannot be asked, or NULL. */
    long long int end_ms;
    switch_ctl_cb *cb;
    void *aux;
};

struct switch_ctl {
    struct ovs_list questions;  /* struct question, oldest first. */
};

struct switch_ctl *
switch_ctl_create(void)
{
    struct switch_ctl *ctl = xzalloc(sizeof *ctl);

    ovs_list_init(&ctl->questions);
    return ctl;
}

/* Answers 'q', which is gone then. */
static void
finish(struct question *q, bool ok, const char *text)
{
    ovs_list_remove(&q->node);
    stream_close(q->stream);
    jsonrpc_close(q->rpc);
    jsonrpc_msg_destroy(q->request);
    q->cb(q->aux, ok, text);
    free(q->error);
    free(q);
}

/* Ends all questions with an error. */
void
switch_ctl_destroy(struct switch_ctl *ctl)
{
    struct question *q;

    if (ctl) {
        LIST_FOR_EACH_SAFE (q, node, &ctl->questions) {
            finish(q, false, "the agent no longer acts on this bridge");
        }
        free(ctl);
    }
}

/* Opens a stream to ovs-vswitchd of this run directory. */
static void
open_stream(struct question *q)
{
    char *pidfile = xasprintf("%s/ovs-vswitchd.pid", ovs_rundir());
    pid_t pid = read_pidfile(pidfile);
    int error;

    if (pid < 0) {
        q->error = xasprintf("cannot find ovs-vswitchd's control socket by "
                             "%s (%s)", pidfile, ovs_strerror((int) -pid));
    } else {
        char *name = xasprintf("unix:%s/ovs-vswitchd.%ld.ctl", ovs_rundir(),
                               (long int) pid);

        error = stream_open(name, &q->stream, 0);
        if (error && error != EAGAIN) {
            q->error = xasprintf("cannot connect to %s (%s)", name,
                                 ovs_strerror(error));
        }
        free(name);
    }
    free(pidfile);
}

/* Asks ovs-vswitchd 'command' with 'args'; 'cb' gets the answer, with
 * 'aux'. */
void
switch_ctl_ask(struct switch_ctl *ctl, const char *command,
               const char *const args[], size_t n_args, switch_ctl_cb *cb,
               void *aux)
{
    struct question *q = xzalloc(sizeof *q);
    struct json *params = json_array_create_empty();

    for (size_t i = 0; i < n_args; i++) {
        json_array_add(params, json_string_create(args[i]));
    }
    q->request = jsonrpc_create_request(command, params, NULL);
    q->end_ms = time_msec() + ANSWER_MS;
    q->cb = cb;
    q->aux = aux;
    open_stream(q);
    ovs_list_push_back(&ctl->questions, &q->node);
}

/* Sends the request once the stream is connected. */
static void
run_connect(struct question *q)
{
    int error;

    stream_run(q->stream);
    error = stream_connect(q->stream);
    if (!error) {
        q->rpc = jsonrpc_open(q->stream);
        q->stream = NULL;
        jsonrpc_send(q->rpc, q->request);
        q->request = NULL;
    } else if (error != EAGAIN) {
        q->error = xasprintf("cannot connect to ovs-vswitchd (%s)",
                             ovs_strerror(error));
    }
}

/* Gives 'reply' to whoever asked 'q'. */
static void
take_reply(struct question *q, struct jsonrpc_msg *reply)
{
    const struct json *answer = reply->error ? reply->error : reply->result;

    if (answer && answer->type == JSON_STRING) {
        finish(q, !reply->error, json_string(answer));
    } else {
        finish(q, false, "ovs-vswitchd sent no answer but something else");
    }
    jsonrpc_msg_destroy(reply);
}

static void
run_question(struct question *q)
{
    struct jsonrpc_msg *reply;
    int error = EAGAIN;

    if (q->stream) {
        run_connect(q);
    }
    if (q->rpc) {
        jsonrpc_run(q->rpc);
        error = jsonrpc_recv(q->rpc, &reply);
    }
    if (!error) {
        take_reply(q, reply);
    } else if (q->error) {
        finish(q, false, q->error);
    } else if (error != EAGAIN) {
        finish(q, false, "ovs-vswitchd hung up");
    } else if (time_msec() >= q->end_ms) {
        finish(q, false, "ovs-vswitchd does not answer");
    }
}

void
switch_ctl_run(struct switch_ctl *ctl)
{
    struct question *q;

    LIST_FOR_EACH_SAFE (q, node, &ctl->questions) {
        run_question(q);
    }
}

void
switch_ctl_wait(struct switch_ctl *ctl)
{
    struct question *q;

    LIST_FOR_EACH (q, node, &ctl->questions) {
        poll_timer_wait_until(q->end_ms);
        if (q->error) {
            poll_immediate_wake();
        } else if (q->stream) {
            stream_run_wait(q->stream);
            stream_connect_wait(q->stream);
        } else {
            jsonrpc_wait(q->rpc);
            jsonrpc_recv_wait(q->rpc);
        }
    }
}
