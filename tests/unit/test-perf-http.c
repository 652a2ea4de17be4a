/* SPDX-License-Identifier: Apache-2.0 */

/* Tests tpr-perf's parser of HTTP replies.  Each reply is fed whole and in
 * pieces of each length; the outcome must be the same. */

#include <config.h>
#include <string.h>
#include "perf-http.h"
#include "unit.h"

/* Feeds 'n' bytes in pieces of 'piece' bytes, then the connection's end if
 * 'eof'.  Returns how many bytes belonged to the reply. */
static size_t
feed(struct perf_http *http, const char *reply, size_t n, size_t piece,
     bool eof, enum perf_http_result *result)
{
    size_t used = 0;

    perf_http_init(http, "x-served-by", true);
    *result = PERF_HTTP_MORE;
    while (used < n && *result == PERF_HTTP_MORE) {
        size_t take = MIN(piece, n - used), took;

        *result = perf_http_feed(http, reply + used, take, &took);
        ck_assert_uint_le(took, take);
        used += took;
    }
    if (eof && *result == PERF_HTTP_MORE) {
        *result = perf_http_eof(http);
    }
    return used;
}

struct expected {
    const char *reply;
    int status;                 /* 0: the reply is BAD. */
    const char *server;         /* Or, if it is BAD, a part of why. */
    bool keepalive;
    size_t surplus;             /* Bytes at the end that aren't its own. */
};

static void
check_reply(const struct expected *e)
{
    size_t n = strlen(e->reply);

    for (size_t piece = 1; piece <= n; piece++) {
        struct perf_http http;
        enum perf_http_result result;
        size_t used = feed(&http, e->reply, n, piece, true, &result);

        if (!e->status) {
            ck_assert_msg(result == PERF_HTTP_BAD, "accepted: %s", e->reply);
            ck_assert_msg(strstr(http.error, e->server), "'%s' in '%s'",
                          http.error, e->reply);
            continue;
        }
        ck_assert_msg(result == PERF_HTTP_DONE, "%s: %s", http.error,
                      e->reply);
        ck_assert_int_eq(http.status, e->status);
        ck_assert_str_eq(http.server, e->server);
        ck_assert_int_eq(http.keepalive, e->keepalive);
        ck_assert_uint_eq(used, n - e->surplus);
    }
}

#define OK "HTTP/1.1 200 OK\r\n"

START_TEST(good_replies)
{
    static const struct expected replies[] = {
        /* Content-Length. */
        { OK "Content-Length: 3\r\n\r\nabc", 200, "abc", true, 0 },
        { OK "Content-Length: 3\r\n\r\nabcSURPLUS", 200, "abc", true, 7 },
        { OK "content-length:3 \r\n\r\na\nb", 200, "a", true, 0 },
        { OK "Content-Length: 0\r\n\r\n", 200, "", true, 0 },
        { OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 200, "x",
          true, 0 },

        /* Who answered. */
        { OK "X-Served-By: r1\r\nContent-Length: 1\r\n\r\nx", 200, "r1",
          true, 0 },
        { OK "x-served-by:\t r 1 \t\r\nContent-Length: 1\r\n\r\nx", 200,
          "r 1", true, 0 },
        { OK "X-Served-By: a\r\nX-Served-By: b\r\nContent-Length: 0\r\n\r\n",
          200, "a", true, 0 },
        { OK "X-Served-By: r\xc3\xa4\r\nContent-Length: 0\r\n\r\n", 200,
          "r??", true, 0 },
        { OK "X-Served-By: a\r\n b\r\nContent-Length: 0\r\n\r\n", 200, "a b",
          true, 0 },

        /* Until the end. */
        { OK "\r\nfirst \r\nsecond", 200, "first", false, 0 },
        { "HTTP/1.0 200 OK\n\nx", 200, "x", false, 0 },
        { OK "\r\n", 200, "", false, 0 },

        /* Chunked. */
        { OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200,
          "abc", true, 0 },
        { OK "Transfer-Encoding: Chunked\r\n\r\n"
          "1;x=y\r\na\r\n2 \r\nbc\r\n00\r\nT: r\r\n\r\nXX", 200, "abc", true,
          2 },
        { OK "Transfer-Encoding: chunked\n\n0\n\n", 200, "", true, 0 },
        { OK "Transfer-Encoding: chunked\r\n\r\n"
          "A\r\n0123456789\r\n0\r\n\r\n", 200, "0123456789", true, 0 },

        /* The connection. */
        { OK "Connection: close\r\nContent-Length: 0\r\n\r\n", 200, "",
          false, 0 },
        { OK "Connection: foo , CLOSE\r\nContent-Length: 0\r\n\r\n", 200, "",
          false, 0 },
        { "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
          "Content-Length: 0\r\n\r\n", 200, "", true, 0 },
        { "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", false, 0 },

        /* Status. */
        { "HTTP/1.1 204 No Content\r\n\r\nX", 204, "", true, 1 },
        { "HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n", 304, "", true, 0 },
        { "HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n", 500, "", true, 0 },
        { "HTTP/1.1 100 Continue\r\nX-Served-By: no\r\n\r\n"
          "HTTP/1.1 103 Hints\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", 200,
          "x", true, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        check_reply(&replies[i]);
    }
}
END_TEST

START_TEST(bad_replies)
{
    static const struct expected replies[] = {
        { .reply = "SSH-2.0-OpenSSH\r\n", .server = "no HTTP/1" },
        { .reply = "HTTP/2 200 OK\r\n\r\n", .server = "no HTTP/1" },
        { .reply = "HTTP/1.10 200 OK\r\n\r\n", .server = "no HTTP/1" },
        { .reply = "\r\n", .server = "no HTTP/1" },
        { .reply = "HTTP/1.1 20 OK\r\n\r\n", .server = "three digits" },
        { .reply = "HTTP/1.1 2000\r\n\r\n", .server = "three digits" },
        { .reply = "HTTP/1.1 099 x\r\n\r\n", .server = "three digits" },
        { .reply = "HTTP/1.1 101 Switch\r\n\r\n", .server = "protocols" },
        { .reply = OK "no colon\r\n\r\n", .server = "header field" },
        { .reply = OK "A : b\r\n\r\n", .server = "header field" },
        { .reply = OK ": b\r\n\r\n", .server = "header field" },
        { .reply = OK " folded: nothing\r\n\r\n", .server = "header field" },
        { .reply = OK "A: b\rc\r\n\r\n", .server = "carriage return" },
        { .reply = OK "A: \x01\r\n\r\n", .server = "control" },
        { .reply = OK "Content-Length: -1\r\n\r\n", .server = "not a num" },
        { .reply = OK "Content-Length: 1, 1\r\n\r\n", .server = "not a num" },
        { .reply = OK "Content-Length:\r\n\r\n", .server = "not a num" },
        { .reply = OK "Content-Length: 9999999999999999999\r\n\r\n",
          .server = "not a num" },
        { .reply = OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
          .server = "contradicting" },
        { .reply = OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"
          "\r\n", .server = "both" },
        { .reply = OK "Transfer-Encoding: gzip, chunked\r\n\r\n",
          .server = "transfer coding" },
        { .reply = OK "Transfer-Encoding: chunked\r\n\r\nx\r\n",
          .server = "chunk size" },
        { .reply = OK "Transfer-Encoding: chunked\r\n\r\n\r\n",
          .server = "chunk size" },
        { .reply = OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
          .server = "chunk size" },
        { .reply = OK "Transfer-Encoding: chunked\r\n\r\n"
          "1000000000000000\r\n", .server = "overlong chunk" },
        { .reply = OK "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
          .server = "longer than announced" },

        /* Cut. */
        { .reply = "H", .server = "within the reply" },
        { .reply = OK, .server = "within the reply" },
        { .reply = OK "Content-Length: 3\r\n\r\nab",
          .server = "within the reply" },
        { .reply = OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
          .server = "within the reply" },
        { .reply = OK "Transfer-Encoding: chunked\r\n\r\n0\r\n",
          .server = "within the reply" },
        { .reply = "HTTP/1.1 100 Continue\r\n\r\n",
          .server = "within the reply" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        check_reply(&replies[i]);
    }
}
END_TEST

START_TEST(closed_without_reply)
{
    struct perf_http http;

    perf_http_init(&http, NULL, false);
    ck_assert_int_eq(perf_http_eof(&http), PERF_HTTP_BAD);
    ck_assert_str_eq(http.error, "closed without a reply");

    /* It stays so. */
    size_t used;
    ck_assert_int_eq(perf_http_feed(&http, OK, 5, &used), PERF_HTTP_BAD);
    ck_assert_uint_eq(used, 0);
}
END_TEST

/* Names are taken only where they were asked for, and cut where too long. */
START_TEST(server_names)
{
    static const char reply[]
        = OK "X-Served-By: r1\r\nContent-Length: 3\r\n\r\nabc";
    struct perf_http http;
    size_t used;

    perf_http_init(&http, NULL, false);
    ck_assert_int_eq(perf_http_feed(&http, reply, strlen(reply), &used),
                     PERF_HTTP_DONE);
    ck_assert_str_eq(http.server, "");

    char many[1000];
    memset(many, 'n', sizeof many);
    perf_http_init(&http, "X-Served-By", true);
    perf_http_feed(&http, OK "\r\n", strlen(OK) + 2, &used);
    perf_http_feed(&http, many, sizeof many, &used);
    ck_assert_int_eq(perf_http_eof(&http), PERF_HTTP_DONE);
    ck_assert_uint_eq(strlen(http.server), PERF_HTTP_NAME_MAX - 1);
}
END_TEST

/* Sends 'n' times 'part' after 'begin' and tells the outcome. */
static enum perf_http_result
feed_many(struct perf_http *http, const char *begin, const char *part, int n)
{
    size_t used;
    enum perf_http_result result;

    perf_http_init(http, NULL, false);
    result = perf_http_feed(http, begin, strlen(begin), &used);
    while (n-- && result == PERF_HTTP_MORE) {
        result = perf_http_feed(http, part, strlen(part), &used);
    }
    return result;
}

START_TEST(limits)
{
    struct perf_http http;

    /* Long lines that nobody needs are fine, endless heads are not. */
    ck_assert_int_eq(feed_many(&http, OK "A: ", "aaaaaaaaaa", 6000),
                     PERF_HTTP_MORE);
    ck_assert_int_eq(feed_many(&http, OK "A: ", "aaaaaaaaaa", 7000),
                     PERF_HTTP_BAD);
    ck_assert_int_eq(feed_many(&http, OK, "aaaaaaaaaa", 7000),
                     PERF_HTTP_BAD);
    ck_assert_int_eq(feed_many(&http, OK, "A: b\r\n", 20000), PERF_HTTP_BAD);
    ck_assert_int_eq(feed_many(&http, "", "HTTP/1.1 100 \r\n\r\n", 20000),
                     PERF_HTTP_BAD);
    ck_assert_int_eq(feed_many(&http, OK "Content-Length: ", "0", 600),
                     PERF_HTTP_MORE);
    ck_assert_int_eq(feed_many(&http, OK "A: b\r\nContent-Length: 5", " ",
                               600), PERF_HTTP_MORE);
    size_t used;
    ck_assert_int_eq(perf_http_feed(&http, "\r\n\r\n", 4, &used),
                     PERF_HTTP_BAD);
    ck_assert_str_eq(http.error, "overlong header field");

    /* Many small chunks are a body, not a head. */
    ck_assert_int_eq(feed_many(&http, OK "Transfer-Encoding: chunked\r\n\r\n",
                               "1\r\na\r\n", 100000), PERF_HTTP_MORE);
    ck_assert_int_eq(feed_many(&http, OK "Transfer-Encoding: chunked\r\n\r\n"
                               "1;", "x", 100000), PERF_HTTP_BAD);
    ck_assert_int_eq(feed_many(&http, OK "Transfer-Encoding: chunked\r\n\r\n"
                               "0\r\n", "A: b\r\n", 20000), PERF_HTTP_BAD);
}
END_TEST

UNIT_MAIN("perf-http", good_replies, bad_replies, closed_without_reply,
          server_names, limits)
