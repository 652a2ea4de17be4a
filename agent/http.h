/* SPDX-License-Identifier: Apache-2.0 */

/* HTTP/1.x as far as a health check needs it: one request, the head of one
 * reply.
 *
 * The parser takes bytes as they come, in any portions, and keeps none of
 * them.  A reply counts when its whole head has come: the status line and the
 * header fields up to the empty line (RFC 9112 section 2.1).  Its body is not
 * looked at.  Interim replies (1xx except 101, RFC 9110 section 15.2) are
 * skipped.
 *
 * http_reply_rest() tells whether another request may follow on the same
 * connection.  It may where the end of the reply is known by its
 * Content-Length, or its status has no body, and the server does not want to
 * close (RFC 9112 section 9.3); of other ways to end a body, chunks among
 * them, nothing is known here, and neither is of bodies that are longer than
 * HTTP_MAX_BODY.  Bytes that nobody asked for end it, too.
 *
 * What a server may send wrongly is told in one clause each, HTTP_ERRORS: a
 * reply that breaks the protocol in any of these ways would break a client,
 * too.
 *
 * Use:
 *     struct http_reply reply;
 *
 *     http_reply_init(&reply);
 *     ...for each portion: http_reply_feed(&reply, data, n);
 *     ...at the end of the stream: http_reply_eof(&reply);
 *     until either returns other than HTTP_REPLY_MORE.
 *
 * Pure: no socket, clock or allocation (but for http_request()'s result).
 * Threads: none; an instance belongs to one thread. */

#ifndef TPR_HTTP_H
#define TPR_HTTP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of what a peer may make us read. */
enum {
    HTTP_MAX_LINE = 8192,       /* Bytes of the status line or of one header
                                 * line. */
    HTTP_MAX_HEAD = 65536,      /* Bytes of all, interim replies included. */
    HTTP_MAX_INTERIM = 8,       /* Interim replies before the final one. */
    HTTP_MAX_BODY = 65536,      /* Of a reply that others may follow. */
    HTTP_MAX_FIELD = 32,        /* Bytes of names and values that matter. */
};

/* What can be wrong with a reply; the clauses follow "malformed HTTP
 * reply: ". */
#define HTTP_ERRORS                                                         \
    HTTP_ERROR(NONE, "nothing wrong")                                       \
    HTTP_ERROR(NOT_HTTP, "it does not begin with \"HTTP/1.\"")              \
    HTTP_ERROR(VERSION, "its minor version is not one digit")               \
    HTTP_ERROR(STATUS, "its status is not three digits, 100 or more")       \
    HTTP_ERROR(CONTROL, "control character in its head")                    \
    HTTP_ERROR(BARE_CR, "carriage return without line feed")                \
    HTTP_ERROR(FIELD_NAME, "header line without a name and a colon")        \
    HTTP_ERROR(FOLD, "continuation line before the first header")           \
    HTTP_ERROR(LINE, "a line is longer than 8192 bytes")                    \
    HTTP_ERROR(HEAD, "its head is longer than 65536 bytes")                 \
    HTTP_ERROR(INTERIM, "more than 8 interim replies")                      \
    HTTP_ERROR(CUT, "it ends within its head")                              \
    HTTP_ERROR(EMPTY, "it is empty")
enum http_error {
#define HTTP_ERROR(ENUM, CLAUSE) HTTP_ERR_##ENUM,
    HTTP_ERRORS
#undef HTTP_ERROR
    HTTP_N_ERRORS
};
const char *http_error_to_string(enum http_error);

enum http_reply_result {
    HTTP_REPLY_MORE,            /* More bytes are needed. */
    HTTP_REPLY_DONE,            /* reply->status is valid. */
    HTTP_REPLY_BAD,             /* reply->error says why. */
};

/* What is known of the bytes behind a head. */
enum http_rest {
    HTTP_REST_CLOSE,            /* Nothing may follow. */
    HTTP_REST_MORE,             /* The body is not whole yet. */
    HTTP_REST_DONE,             /* Another request may follow. */
};

/* A header field; longer ones are cut. */
struct http_field {
    char name[HTTP_MAX_FIELD];  /* In small letters. */
    char value[HTTP_MAX_FIELD];
    unsigned int n_name, n_value;       /* Before it was cut. */
};

/* A reply as far as it was read. */
struct http_reply {
    /* Results. */
    enum http_reply_result result;
    enum http_error error;      /* HTTP_REPLY_BAD only. */
    int status;                 /* HTTP_REPLY_DONE: 100 to 999. */

    /* State of the parser. */
    int state;                  /* Private to http.c. */
    unsigned int pos;           /* Bytes within the present element. */
    unsigned int line_len;      /* Bytes of the present line. */
    unsigned int head_len;      /* Bytes of all. */
    unsigned int n_fields;      /* Header fields of this reply. */
    unsigned int n_interim;     /* Interim replies skipped. */
    struct http_field field;    /* The present one. */

    /* For http_reply_rest(). */
    bool version_0;             /* It is HTTP/1.0. */
    bool keep, close;           /* What it says itself about the connection;
                                 * 'close' counts more, and is true, too, if
                                 * its end cannot be known. */
    bool has_length;
    uint64_t length;            /* Of the body, by its Content-Length. */
    uint64_t n_body;            /* Bytes behind the head so far. */
};

void http_reply_init(struct http_reply *);
enum http_reply_result http_reply_feed(struct http_reply *, const void *,
                                       size_t);
enum http_reply_result http_reply_eof(struct http_reply *);
enum http_rest http_reply_rest(const struct http_reply *);

bool http_path_is_valid(const char *path);
bool http_host_is_valid(const char *host);
char *http_request(const char *path, const char *host, bool keep)
    __attribute__((warn_unused_result));

#endif /* http.h */
