/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the HTTP/1.x request and the parser of replies. */

#include <config.h>
#include "http.h"

#include <string.h>
#include "openvswitch/dynamic-string.h"
#include "unit.h"

/* Replies and what is made of them: a status, or a clause. */
static const struct {
    const char *reply;
    int status;
    enum http_error error;
} replies[] = {
    /* Good ones. */
    { "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", 200, 0 },
    { "HTTP/1.0 404 Not Found\r\n\r\nbody\001\r", 404, 0 },
    { "HTTP/1.1 500 \r\n\r\n", 500, 0 },
    { "HTTP/1.1 204\r\n\r\n", 204, 0 },
    { "HTTP/1.1 200 OK\nA: b\n\n", 200, 0 },
    { "HTTP/1.1 200 OK\r\nA:\r\nB:  \t c d\r\n\r\n", 200, 0 },
    { "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\tagain\r\n\r\n", 200, 0 },
    { "HTTP/1.1 200 \xc3\xb6k\r\nA: \xff\r\n\r\n", 200, 0 },
    { "HTTP/1.1 999 ?\r\n\r\n", 999, 0 },
    { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 503 Busy\r\n\r\n", 503, 0 },
    { "HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, 0 },

    /* Bad ones. */
    { "", 0, HTTP_ERR_EMPTY },
    { "H", 0, HTTP_ERR_CUT },
    { "HTTP/1.1 200 OK\r\n", 0, HTTP_ERR_CUT },
    { "HTTP/1.1 200 OK\r\nA: b\r\n\r", 0, HTTP_ERR_CUT },
    { "HTTP/1.1 100 Continue\r\n\r\n", 0, HTTP_ERR_CUT },
    { "SSH-2.0-OpenSSH\r\n", 0, HTTP_ERR_NOT_HTTP },
    { "http/1.1 200 OK\r\n\r\n", 0, HTTP_ERR_NOT_HTTP },
    { "HTTP/2 200\r\n\r\n", 0, HTTP_ERR_NOT_HTTP },
    { "\r\nHTTP/1.1 200 OK\r\n\r\n", 0, HTTP_ERR_NOT_HTTP },
    { "HTTP/1.x 200 OK\r\n\r\n", 0, HTTP_ERR_VERSION },
    { "HTTP/1.12 200 OK\r\n\r\n", 0, HTTP_ERR_VERSION },
    { "HTTP/1.1  200 OK\r\n\r\n", 0, HTTP_ERR_STATUS },
    { "HTTP/1.1 20\r\n\r\n", 0, HTTP_ERR_STATUS },
    { "HTTP/1.1 2000 OK\r\n\r\n", 0, HTTP_ERR_STATUS },
    { "HTTP/1.1 099 OK\r\n\r\n", 0, HTTP_ERR_STATUS },
    { "HTTP/1.1 abc OK\r\n\r\n", 0, HTTP_ERR_STATUS },
    { "HTTP/1.1 200-OK\r\n\r\n", 0, HTTP_ERR_STATUS },
    { "HTTP/1.1 200 O\001K\r\n\r\n", 0, HTTP_ERR_CONTROL },
    { "HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n", 0, HTTP_ERR_CONTROL },
    { "HTTP/1.1 200 OK\rA: b\r\n\r\n", 0, HTTP_ERR_BARE_CR },
    { "HTTP/1.1 200 OK\r\r\n\r\n", 0, HTTP_ERR_BARE_CR },
    { "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 0, HTTP_ERR_FIELD_NAME },
    { "HTTP/1.1 200 OK\r\nnocolon\r\n\r\n", 0, HTTP_ERR_FIELD_NAME },
    { "HTTP/1.1 200 OK\r\n: empty\r\n\r\n", 0, HTTP_ERR_FIELD_NAME },
    { "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", 0, HTTP_ERR_FIELD_NAME },
    { "HTTP/1.1 200 OK\r\n folded\r\n\r\n", 0, HTTP_ERR_FOLD },
};

static void
check_reply(const char *s, size_t n, size_t portion, int status,
            enum http_error error)
{
    struct http_reply reply;

    http_reply_init(&reply);
    for (size_t i = 0; i < n; i += portion) {
        http_reply_feed(&reply, s + i, MIN(portion, n - i));
    }
    http_reply_eof(&reply);
    ck_assert_msg(reply.error == error, "\"%s\" in portions of %"PRIuSIZE": "
                  "expected \"%s\", got \"%s\"", s, portion,
                  http_error_to_string(error),
                  http_error_to_string(reply.error));
    ck_assert_int_eq(reply.result,
                     error ? HTTP_REPLY_BAD : HTTP_REPLY_DONE);
    if (!error) {
        ck_assert_int_eq(reply.status, status);
    }
}

START_TEST(replies_are_told_apart)
{
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        size_t n = strlen(replies[i].reply);

        for (size_t portion = 1; portion <= n + 1; portion++) {
            check_reply(replies[i].reply, n, portion, replies[i].status,
                        replies[i].error);
        }
    }
}
END_TEST

/* A byte 0 is a control character, not an end. */
START_TEST(nul_is_refused)
{
    static const char s[] = "HTTP/1.1 200 OK\r\nA\0B: c\r\n\r\n";

    check_reply(s, sizeof s - 1, sizeof s, 0, HTTP_ERR_CONTROL);
}
END_TEST

/* Nothing of a reply is taken for done before its empty line has come. */
START_TEST(whole_head_is_waited_for)
{
    static const char s[] = "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n";
    struct http_reply reply;

    http_reply_init(&reply);
    for (size_t i = 0; i < sizeof s - 2; i++) {
        ck_assert_int_eq(http_reply_feed(&reply, s + i, 1),
                         HTTP_REPLY_MORE);
    }
    ck_assert_int_eq(http_reply_feed(&reply, s + sizeof s - 2, 1),
                     HTTP_REPLY_DONE);
    ck_assert_int_eq(http_reply_feed(&reply, "\001", 1), HTTP_REPLY_DONE);
    ck_assert_int_eq(http_reply_eof(&reply), HTTP_REPLY_DONE);
}
END_TEST

START_TEST(limits_hold)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    /* One line of exactly the limit, CR LF included, and one more. */
    for (int more = 0; more < 2; more++) {
        ds_put_cstr(&s, "HTTP/1.1 200 OK\r\nA:");
        ds_put_char_multiple(&s, 'x', HTTP_MAX_LINE - 4 + more);
        ds_put_cstr(&s, "\r\n\r\n");
        check_reply(s.string, s.length, s.length, 200,
                    more ? HTTP_ERR_LINE : HTTP_ERR_NONE);
        ds_clear(&s);
    }

    /* A head without end. */
    ds_put_cstr(&s, "HTTP/1.1 200 OK\r\n");
    while (s.length <= HTTP_MAX_HEAD) {
        ds_put_cstr(&s, "A: b\r\n");
    }
    check_reply(s.string, s.length, 1000, 0, HTTP_ERR_HEAD);
    ds_clear(&s);

    /* Interim replies without end. */
    for (int i = 0; i <= HTTP_MAX_INTERIM; i++) {
        ds_put_cstr(&s, "HTTP/1.1 102 Processing\r\n\r\n");
    }
    check_reply(s.string, s.length, 7, 0, HTTP_ERR_INTERIM);
    ds_destroy(&s);
}
END_TEST

/* Replies with 200, and what may follow: N(othing), M(ore of it), another
 * R(equest). */
static const struct {
    const char *reply;
    char rest;
} rests[] = {
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 'R' },
    { "HTTP/1.1 200 OK\r\ncontent-LENGTH:2 \t\r\n\r\nok", 'R' },
    { "HTTP/1.1 200 OK\nContent-Length:\n 2\n\nok", 'R' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 'M' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", 'M' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n", 'M' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", 'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok",
      'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 'R' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\n", 'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
      'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", 'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n 0\r\n\r\n", 'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok", 'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", 'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", 'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length: "
      "0000000000000000000000000000000002\r\n\r\nok", 'N' },
    { "HTTP/1.1 200 OK\r\nX-Content-Length: 2\r\n\r\nok", 'N' },
    { "HTTP/1.1 200 OK\r\nContent-Length-of-a-long-name-0123456: 2\r\n\r\nok",
      'N' },
    { "HTTP/1.1 200 OK\r\n\r\n", 'N' },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
      "Content-Length: 2\r\n\r\nok", 'N' },
    { "HTTP/1.1 204 No Content\r\n\r\n", 'R' },
    { "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 'R' },
    { "HTTP/1.1 101 Switching\r\nContent-Length: 0\r\n\r\n", 'N' },
    { "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", 'N' },
    { "HTTP/1.1 204 No Content\r\nCONNECTION: foo , Close\r\n\r\n", 'N' },
    { "HTTP/1.1 204 No Content\r\nConnection: closed\r\n\r\n", 'R' },
    { "HTTP/1.1 204 No Content\r\nConnection: upgrade,\tkeep-alive\r\n\r\n",
      'R' },
    { "HTTP/1.1 204 No Content\r\nConnection: keep-alive, "
      "something-of-great-length, close\r\n\r\n", 'N' },
    { "HTTP/1.0 204 No Content\r\n\r\n", 'N' },
    { "HTTP/1.0 204 No Content\r\nConnection: Keep-Alive\r\n\r\n", 'R' },
    { "HTTP/1.0 204 No Content\r\nConnection: Keep-Alive\r\n"
      "Connection: close\r\n\r\n", 'N' },
    { "HTTP/1.0 100 Go on\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 'R' },
    { "HTTP/1.1 204 No Content\r\n", 'N' },
};

START_TEST(what_may_follow)
{
    for (size_t i = 0; i < ARRAY_SIZE(rests); i++) {
        const char *s = rests[i].reply;

        for (size_t portion = 1; portion <= strlen(s); portion++) {
            struct http_reply reply;

            http_reply_init(&reply);
            for (size_t j = 0; j < strlen(s); j += portion) {
                http_reply_feed(&reply, s + j, MIN(portion, strlen(s) - j));
            }
            ck_assert_msg("NMR"[http_reply_rest(&reply)] == rests[i].rest,
                          "after \"%s\" in portions of %"PRIuSIZE": %c", s,
                          portion, "NMR"[http_reply_rest(&reply)]);
        }
    }
}
END_TEST

START_TEST(request_is_complete)
{
    char *s = http_request("/health?x=1", "[fd00::1]:8080", false);

    ck_assert_str_eq(s, "GET /health?x=1 HTTP/1.1\r\n"
                     "Host: [fd00::1]:8080\r\n"
                     "User-Agent: ovs-tpr\r\n"
                     "Accept: */*\r\n"
                     "Connection: close\r\n"
                     "\r\n");
    free(s);
    s = http_request("/", "a", true);
    ck_assert(strstr(s, "\r\nConnection: keep-alive\r\n"));
    free(s);
}
END_TEST

START_TEST(nothing_can_be_smuggled_into_a_request)
{
    ck_assert(http_path_is_valid("/"));
    ck_assert(http_path_is_valid("/a/b?c=d&e=%20"));
    ck_assert(!http_path_is_valid(""));
    ck_assert(!http_path_is_valid("a"));
    ck_assert(!http_path_is_valid("/a b"));
    ck_assert(!http_path_is_valid("/a\r\nX: y"));
    ck_assert(!http_path_is_valid("/a#b"));
    ck_assert(!http_path_is_valid("/\xc3\xb6"));
    ck_assert(http_host_is_valid("www.example.org:81"));
    ck_assert(http_host_is_valid("[fd00::1]"));
    ck_assert(!http_host_is_valid(""));
    ck_assert(!http_host_is_valid("a b"));
    ck_assert(!http_host_is_valid("a\nb"));
    ck_assert(!http_host_is_valid("a/b"));
}
END_TEST

UNIT_MAIN("http", replies_are_told_apart, nul_is_refused,
          whole_head_is_waited_for, limits_hold, what_may_follow, request_is_complete,
          nothing_can_be_smuggled_into_a_request)
