/* SPDX-License-Identifier: Apache-2.0 */

/* The http and https health checks: one GET, and the status must be an
 * expected one.  http.c knows the protocol, check-tls.c TLS.
 *
 * A connection that is kept is looked at before each GET: what nobody asked
 * for, an end among it, makes it useless.  A server may end it in the very
 * moment of the GET; a reply without one byte is then no miss, but stale. */

#include <config.h>
#include "check-talk.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "check-tls.h"
#include "http.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

struct talk_http {
    struct check_tls *tls;      /* NULL: none. */
    char *request;
    size_t n_request, n_sent;
    unsigned int n_uses;        /* Requests, the present one included. */
    struct http_reply reply;
};

/* Appends 'addr' and 'port' as a Host header has them. */
static void
put_host(struct ds *s, enum tpr_check_type type, const struct in6_addr *addr,
         uint16_t port)
{
    bool v6 = !IN6_IS_ADDR_V4MAPPED(addr);

    ds_put_cstr(s, v6 ? "[" : "");
    ipv6_format_mapped(addr, s);
    ds_put_cstr(s, v6 ? "]" : "");
    if (port != (type == TPR_CHECK_HTTPS ? 443 : 80)) {
        ds_put_format(s, ":%"PRIu16, port);
    }
}

static enum check_verdict
check_http_start(struct check_talk *talk, const struct tpr_check *check,
                 const struct in6_addr *addr, uint16_t port)
{
    struct talk_http *t = xzalloc(sizeof *t);
    struct ds host = DS_EMPTY_INITIALIZER;

    talk->aux = t;
    if (check->type == TPR_CHECK_HTTPS) {
        char *error = check_tls_open(talk->fd, check, addr, &t->tls);

        if (error) {
            check_talk_own_error(talk, "%s", error);
            free(error);
            return CHECK_OWN_ERROR;
        }
    }
    if (check->host) {
        ds_put_cstr(&host, check->host);
    } else {
        put_host(&host, check->type, addr, port);
    }
    t->request = http_request(check->path ? check->path : "/",
                              ds_cstr(&host), check->keepalive);
    t->n_request = strlen(t->request);
    t->n_uses = 1;
    http_reply_init(&t->reply);
    ds_destroy(&host);
    return CHECK_TALKING;
}

/* Like send() and recv(), but for the error, which is returned. */
static int
stream_send(int fd, struct talk_http *t, const void *data, size_t size,
            size_t *n)
{
    ssize_t retval;

    if (t->tls) {
        return check_tls_send(t->tls, data, size, n);
    }
    retval = send(fd, data, size, MSG_NOSIGNAL);
    *n = MAX(retval, 0);
    return retval < 0 ? errno : 0;
}

static int
stream_recv(int fd, struct talk_http *t, void *data, size_t size, size_t *n)
{
    ssize_t retval;

    if (t->tls) {
        return check_tls_recv(t->tls, data, size, n);
    }
    retval = recv(fd, data, size, 0);
    *n = MAX(retval, 0);
    return retval < 0 ? errno : 0;
}

/* Sends what is left of the request.  Returns 0, EAGAIN or another errno.
 *
 * A server with TLS that has just sent its session tickets may hold back the
 * reply, by Nagle's algorithm, until they are acknowledged: at once, then. */
static int
send_request(int fd, struct talk_http *t)
{
    const int on = 1;

    if (t->n_sent == t->n_request) {
        return 0;
    }
    while (t->n_sent < t->n_request) {
        size_t n;
        int error = stream_send(fd, t, t->request + t->n_sent,
                                t->n_request - t->n_sent, &n);

        if (error) {
            return error;
        }
        t->n_sent += n;
    }
    if (t->tls) {
        ignore(setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on));
    }
    return 0;
}

/* Reads what has come of the reply.  Returns 0 when all that matters has been
 * read, EAGAIN or another errno. */
static int
receive_reply(int fd, struct talk_http *t)
{
    char buf[4096];

    while (t->reply.result == HTTP_REPLY_MORE) {
        size_t n;
        int error = stream_recv(fd, t, buf, sizeof buf, &n);

        if (error) {
            return error;
        } else if (n) {
            http_reply_feed(&t->reply, buf, n);
        } else {
            http_reply_eof(&t->reply);
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

static enum check_verdict
http_error(struct check_talk *talk, int error)
{
    const struct talk_http *t = talk->aux;

    if (error == EPROTO && t->tls) {
        ovs_strlcpy(talk->clause, check_tls_clause(t->tls),
                    sizeof talk->clause);
        return CHECK_MISS;
    }
    return check_talk_error(talk, error);
}

static bool
is_wait(int error)
{
    return error == EAGAIN || error == EINTR;
}

/* A server may answer and close before it has read the request: what it said
 * counts, hence a failed send does not end the conversation by itself. */
static enum check_verdict
talk_http(struct check_talk *talk, const struct tpr_check *check)
{
    struct talk_http *t = talk->aux;
    int error = t->tls ? check_tls_handshake(t->tls) : 0;
    int send_error;

    if (error) {
        return is_wait(error) ? CHECK_TALKING : http_error(talk, error);
    }
    send_error = send_request(talk->fd, t);
    error = receive_reply(talk->fd, t);
    if (!error) {
        return judge(talk, check, &t->reply);
    } else if (!is_wait(error)) {
        return http_error(talk, error);
    } else if (send_error && !is_wait(send_error)) {
        return http_error(talk, send_error);
    }
    return CHECK_TALKING;
}

static enum check_verdict
check_http_run(struct check_talk *talk, const struct tpr_check *check)
{
    const struct talk_http *t = talk->aux;
    enum check_verdict verdict = talk_http(talk, check);

    talk->stale = (talk->again && !t->reply.head_len
                   && verdict != CHECK_TALKING);
    return verdict;
}

/* Reads what has come behind the reply's head.  Returns false if the
 * connection is of no more use. */
static bool
read_rest(struct check_talk *talk)
{
    struct talk_http *t = talk->aux;
    char buf[4096];

    while (http_reply_rest(&t->reply) != HTTP_REST_CLOSE) {
        size_t n;
        int error = stream_recv(talk->fd, t, buf, sizeof buf, &n);

        if (error || !n) {
            return is_wait(error);
        }
        http_reply_feed(&t->reply, buf, n);
    }
    return false;
}

static bool
check_http_keep(struct check_talk *talk, bool look)
{
    struct talk_http *t = talk->aux;
    enum http_rest rest = http_reply_rest(&t->reply);

    return (rest != HTTP_REST_CLOSE && t->n_uses < CHECK_MAX_USES
            && ((!look && rest == HTTP_REST_DONE) || read_rest(talk)));
}

static bool
check_http_again(struct check_talk *talk)
{
    struct talk_http *t = talk->aux;

    if (!read_rest(talk) || http_reply_rest(&t->reply) != HTTP_REST_DONE) {
        return false;
    }
    http_reply_init(&t->reply);
    t->n_sent = 0;
    t->n_uses++;
    return true;
}

static void
check_http_finish(struct check_talk *talk)
{
    struct talk_http *t = talk->aux;

    if (t) {
        check_tls_close(t->tls);
        free(t->request);
        free(t);
        talk->aux = NULL;
    }
}

const struct check_class check_http_class = {
    .type = TPR_CHECK_HTTP,
    .start = check_http_start,
    .run = check_http_run,
    .keep = check_http_keep,
    .again = check_http_again,
    .finish = check_http_finish,
};

const struct check_class check_https_class = {
    .type = TPR_CHECK_HTTPS,
    .start = check_http_start,
    .run = check_http_run,
    .keep = check_http_keep,
    .again = check_http_again,
    .finish = check_http_finish,
};
