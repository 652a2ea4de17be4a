/* SPDX-License-Identifier: Apache-2.0 */

/* The http health check: one GET, and the status must be an expected one.
 * http.c knows the protocol. */

#include <config.h>
#include "check-talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "http.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

struct talk_http {
    char *request;
    size_t n_request, n_sent;
    struct http_reply reply;
};

/* Appends 'addr' and 'port' as a Host header has them. */
static void
put_host(struct ds *s, const struct in6_addr *addr, uint16_t port)
{
    bool v6 = !IN6_IS_ADDR_V4MAPPED(addr);

    ds_put_cstr(s, v6 ? "[" : "");
    ipv6_format_mapped(addr, s);
    ds_put_cstr(s, v6 ? "]" : "");
    if (port != 80) {
        ds_put_format(s, ":%"PRIu16, port);
    }
}

static void
check_http_start(struct check_talk *talk, const struct tpr_check *check,
                 const struct in6_addr *addr, uint16_t port)
{
    struct talk_http *t = xzalloc(sizeof *t);
    struct ds host = DS_EMPTY_INITIALIZER;

    if (check->host) {
        ds_put_cstr(&host, check->host);
    } else {
        put_host(&host, addr, port);
    }
    t->request = http_request(check->path ? check->path : "/",
                              ds_cstr(&host));
    t->n_request = strlen(t->request);
    http_reply_init(&t->reply);
    ds_destroy(&host);
    talk->aux = t;
}

/* Sends what is left of the request.  Returns 0, EAGAIN or another errno. */
static int
send_request(int fd, struct talk_http *t)
{
    while (t->n_sent < t->n_request) {
        ssize_t n = send(fd, t->request + t->n_sent, t->n_request - t->n_sent,
                         MSG_NOSIGNAL);
        if (n < 0) {
            return errno;
        }
        t->n_sent += n;
    }
    return 0;
}

/* Reads what has come of the reply.  Returns 0 when all that matters has been
 * read, EAGAIN or another errno. */
static int
receive_reply(int fd, struct http_reply *reply)
{
    char buf[4096];

    while (reply->result == HTTP_REPLY_MORE) {
        ssize_t n = recv(fd, buf, sizeof buf, 0);

        if (n < 0) {
            return errno;
        } else if (n) {
            http_reply_feed(reply, buf, n);
        } else {
            http_reply_eof(reply);
        }
    }
    return 0;
}

static enum check_verdict
judge(struct check_talk *talk, const struct tpr_check *check,
      const struct http_reply *reply)
{
    if (reply->result == HTTP_REPLY_BAD) {
        if (reply->error == HTTP_ERR_EMPTY) {
            ovs_strlcpy(talk->clause, "connection closed without a reply",
                        sizeof talk->clause);
        } else {
            snprintf(talk->clause, sizeof talk->clause,
                     "malformed HTTP reply: %s",
                     http_error_to_string(reply->error));
        }
        return CHECK_MISS;
    }
    snprintf(talk->clause, sizeof talk->clause, "HTTP status %d",
             reply->status);
    return (reply->status >= check->expect_min
            && reply->status <= check->expect_max
            ? CHECK_GOOD : CHECK_MISS);
}

/* A server may answer and close before it has read the request: what it said
 * counts, hence a failed send does not end the conversation by itself. */
static enum check_verdict
check_http_run(struct check_talk *talk, const struct tpr_check *check)
{
    struct talk_http *t = talk->aux;
    int send_error = send_request(talk->fd, t);
    int error = receive_reply(talk->fd, &t->reply);

    if (!error) {
        return judge(talk, check, &t->reply);
    } else if (error != EAGAIN && error != EINTR) {
        return check_talk_error(talk, error);
    } else if (send_error && send_error != EAGAIN && send_error != EINTR) {
        return check_talk_error(talk, send_error);
    }
    return CHECK_TALKING;
}

static void
check_http_finish(struct check_talk *talk)
{
    struct talk_http *t = talk->aux;

    if (t) {
        free(t->request);
        free(t);
        talk->aux = NULL;
    }
}

const struct check_class check_http_class = {
    .type = TPR_CHECK_HTTP,
    .start = check_http_start,
    .run = check_http_run,
    .finish = check_http_finish,
};
