/* SPDX-License-Identifier: Apache-2.0 */

/* The udp health check: one datagram, and what comes back.
 *
 *     ICMP "port unreachable"           a miss
 *     an answer that contains 'expect'  good; another one is a miss
 *     silence                           a miss if there is an 'expect', else
 *                                       good, for many servers answer only
 *                                       what they understand
 *
 * A host that is dead is silent: without 'expect' only its heartbeat finds
 * that out. */

#include <config.h>
#include "check-talk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "check-answer.h"
#include "util.h"

static enum check_verdict
udp_error(struct check_talk *talk, int error)
{
    if (error == ECONNREFUSED) {
        ovs_strlcpy(talk->clause, "port unreachable", sizeof talk->clause);
        return CHECK_MISS;
    }
    return check_talk_error(talk, error);
}

static enum check_verdict
check_udp_start(struct check_talk *talk, const struct tpr_check *check,
                const struct in6_addr *addr OVS_UNUSED,
                uint16_t port OVS_UNUSED)
{
    return (send(talk->fd, check->send.n ? (void *) check->send.data : "",
                 check->send.n, MSG_NOSIGNAL) < 0
            ? udp_error(talk, errno) : CHECK_TALKING);
}

/* The first datagram decides. */
static enum check_verdict
check_udp_run(struct check_talk *talk, const struct tpr_check *check)
{
    struct check_answer answer;
    uint8_t buf[CHECK_ANSWER_MAX];
    ssize_t n = recv(talk->fd, buf, sizeof buf, 0);

    if (n < 0) {
        return (errno == EAGAIN || errno == EINTR ? CHECK_TALKING
                : udp_error(talk, errno));
    } else if (!check->expect.data) {
        ovs_strlcpy(talk->clause, "answered", sizeof talk->clause);
        return CHECK_GOOD;
    }
    check_answer_init(&answer, &check->expect);
    if (check_answer_feed(&answer, &check->expect, buf, n)
        == CHECK_ANSWER_FOUND) {
        ovs_strlcpy(talk->clause, "expected answer", sizeof talk->clause);
        return CHECK_GOOD;
    }
    check_answer_show(&answer, "answer without what is expected",
                      talk->clause, sizeof talk->clause);
    return CHECK_MISS;
}

/* What has come meanwhile counts. */
static enum check_verdict
check_udp_timeout(struct check_talk *talk, const struct tpr_check *check,
                  long long int us)
{
    enum check_verdict verdict;

    if (!talk->connected) {
        return check_talk_own_error(talk, "we were too late to send");
    }
    verdict = check_udp_run(talk, check);
    if (verdict != CHECK_TALKING) {
        return verdict;
    }
    check_talk_no_answer(talk, check, us);
    return check->expect.data ? CHECK_SILENCE : CHECK_GOOD;
}

const struct check_class check_udp_class = {
    .type = TPR_CHECK_UDP,
    .start = check_udp_start,
    .run = check_udp_run,
    .timeout = check_udp_timeout,
};
