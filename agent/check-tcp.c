/* SPDX-License-Identifier: Apache-2.0 */

/* The tcp health check: a connection that is accepted, what is sent there and
 * what comes back.
 *
 * Without 'expect' a connection is good.  The kernel of a host accepts for a
 * server that hangs; only a check that asks for an answer finds that out.
 * With 'expect' the answer must contain it, in its first CHECK_ANSWER_MAX
 * bytes; without 'send', it is the server that speaks first. */

#include <config.h>
#include "check-talk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "check-answer.h"
#include "util.h"

struct talk_tcp {
    size_t n_sent;
    struct check_answer answer;
};

static enum check_verdict
check_tcp_start(struct check_talk *talk, const struct tpr_check *check,
                const struct in6_addr *addr OVS_UNUSED,
                uint16_t port OVS_UNUSED)
{
    struct talk_tcp *t = xzalloc(sizeof *t);

    check_answer_init(&t->answer, &check->expect);
    talk->aux = t;
    return CHECK_TALKING;
}

/* Reads what has come of the answer. */
static enum check_verdict
receive_answer(struct check_talk *talk, const struct tpr_check *check)
{
    struct talk_tcp *t = talk->aux;
    uint8_t buf[4096];

    for (;;) {
        ssize_t n = recv(talk->fd, buf, sizeof buf, 0);

        if (n < 0) {
            return (errno == EAGAIN || errno == EINTR ? CHECK_TALKING
                    : check_talk_error(talk, errno));
        } else if (!n) {
            check_answer_show(&t->answer, (t->answer.n
                                           ? "connection closed before the "
                                           "expected answer"
                                           : "connection closed without an "
                                           "answer"),
                              talk->clause, sizeof talk->clause);
            return CHECK_MISS;
        }
        switch (check_answer_feed(&t->answer, &check->expect, buf, n)) {
        case CHECK_ANSWER_MORE:
            break;
        case CHECK_ANSWER_FOUND:
            ovs_strlcpy(talk->clause, "expected answer", sizeof talk->clause);
            return CHECK_GOOD;
        case CHECK_ANSWER_TOO_LONG:
            check_answer_show(&t->answer, "answer of 16384 bytes without "
                              "what is expected", talk->clause,
                              sizeof talk->clause);
            return CHECK_MISS;
        }
    }
}

/* As with http, a failed send does not end the conversation by itself. */
static enum check_verdict
check_tcp_run(struct check_talk *talk, const struct tpr_check *check)
{
    struct talk_tcp *t = talk->aux;
    int error = check_talk_send(talk, &check->send, &t->n_sent);

    if (check->expect.data) {
        return receive_answer(talk, check);
    } else if (error == EAGAIN || error == EINTR) {
        return CHECK_TALKING;
    } else if (error) {
        return check_talk_error(talk, error);
    }
    ovs_strlcpy(talk->clause, "connected", sizeof talk->clause);
    return CHECK_GOOD;
}

static enum check_verdict
check_tcp_timeout(struct check_talk *talk, const struct tpr_check *check,
                  long long int us)
{
    struct talk_tcp *t = talk->aux;

    check_talk_no_answer(talk, check, us);
    if (t && t->answer.n) {
        check_answer_show(&t->answer, "answer without what is expected",
                          talk->clause, sizeof talk->clause);
    }
    return CHECK_SILENCE;
}

static void
check_tcp_finish(struct check_talk *talk)
{
    free(talk->aux);
    talk->aux = NULL;
}

const struct check_class check_tcp_class = {
    .type = TPR_CHECK_TCP,
    .start = check_tcp_start,
    .run = check_tcp_run,
    .timeout = check_tcp_timeout,
    .finish = check_tcp_finish,
};
