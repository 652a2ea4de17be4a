/* SPDX-License-Identifier: Apache-2.0 */

/* Parser of HTTP/1.x replies to GET, for tpr-perf.
 *
 * Incremental: bytes in, in pieces of any size; out comes whether the reply is
 * complete, needs more, or is none.  Of its content it keeps the status and
 * one name, that of the server that answered: the value of a header field or
 * the body's first line.
 *
 *     perf_http_init(&http, "X-Served-By", false);
 *     result = perf_http_feed(&http, data, n, &used);
 *     ... until it isn't PERF_HTTP_MORE; at the connection's end ...
 *     result = perf_http_eof(&http);
 *
 *              +---------- 1xx ----------+
 *              v                         |
 *      STATUS_LINE --> HEADER <-> FOLD --+--> BODY_LENGTH ----+
 *                                        +--> BODY_CLOSE -----+
 *                                        +--> CHUNK_SIZE ...  +--> DONE
 *                                        +--------------------+
 *      FOLD: a line is complete unless the next one begins with a blank.
 *      BAD from anywhere.
 *
 * What is refused: see perf_http_feed().  Pure: no socket, no clock, no
 * allocation.  Threads: an instance belongs to one thread. */

#ifndef TPR_PERF_HTTP_H
#define TPR_PERF_HTTP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PERF_HTTP_NAME_MAX = 64,        /* Server's name with its null byte. */
    PERF_HTTP_LINE_KEPT = 512,      /* Bytes kept of a line; the rest is only
                                     * counted and checked. */
    PERF_HTTP_HEAD_MAX = 64 * 1024, /* Bytes of all heads (1xx included),
                                     * chunk size lines' and trailers, not
                                     * counting chunk sizes themselves. */
};

enum perf_http_result {
    PERF_HTTP_MORE,             /* Not complete yet. */
    PERF_HTTP_DONE,             /* Complete. */
    PERF_HTTP_BAD               /* Not a reply; see 'error'. */
};

enum perf_http_state {
    PERF_HTTP_STATUS_LINE,
    PERF_HTTP_HEADER,           /* In a field line or at its beginning. */
    PERF_HTTP_FOLD,             /* After the line feed of a field line. */
    PERF_HTTP_BODY_LENGTH,      /* Content-Length, 'left' bytes to go. */
    PERF_HTTP_BODY_CLOSE,       /* Until the connection is closed. */
    PERF_HTTP_CHUNK_SIZE,
    PERF_HTTP_CHUNK_DATA,       /* 'left' bytes to go. */
    PERF_HTTP_CHUNK_END,        /* The line end after a chunk's data. */
    PERF_HTTP_TRAILER,
    PERF_HTTP_COMPLETE,
    PERF_HTTP_INVALID
};

struct perf_http {
    /* Configuration. */
    const char *server_field;   /* Field that names the server, or NULL. */
    bool want_body_line;        /* Without it: take the body's first line. */

    /* State. */
    enum perf_http_state state;
    bool cr;                    /* The last byte was a carriage return. */
    bool has_length;            /* A Content-Length was seen: 'length'. */
    bool chunked;               /* Transfer-Encoding: chunked. */
    bool body_line_ended;
    size_t head_bytes;          /* Counts up to PERF_HTTP_HEAD_MAX. */
    size_t line_len;            /* Of the current line, all of it. */
    uint64_t length;            /* Content-Length. */
    uint64_t left;              /* Bytes to go in the body or chunk. */
    char line[PERF_HTTP_LINE_KEPT];

    /* Result.  Valid with PERF_HTTP_DONE. */
    int status;                 /* 200...999; 0 before it is known. */
    int minor;                  /* Of the version HTTP/1.minor. */
    bool keepalive;             /* The connection may serve again. */
    char server[PERF_HTTP_NAME_MAX]; /* Printable ASCII; "" if unknown. */
    const char *error;          /* With PERF_HTTP_BAD: why, in a few words. */
};

/* Prepares 'http' for one reply.  'server_field', a field name in any case or
 * NULL, must live as long as 'http'. */
void perf_http_init(struct perf_http *http, const char *server_field,
                    bool want_body_line);

/* Takes up to 'n' bytes at 'data' and stores in '*used' how many belong to
 * this reply; fewer than 'n' only with DONE or BAD.
 *
 * Follows RFC 9112: a bare LF ends a line (2.2), folded fields are joined
 * (5.2), 1xx replies are skipped, 204 and 304 have no body (6.3).  BAD are:
 * a version other than HTTP/1.x, a status that is no number from 100 to 999,
 * 101 (nobody asked for it), a CR without LF, control characters, a field
 * line without a token and colon, contradicting or malformed Content-Length,
 * Content-Length beside Transfer-Encoding, a transfer coding other than
 * "chunked" (nobody asked for it, RFC 9112 7.4), malformed chunks, and heads
 * beyond PERF_HTTP_HEAD_MAX. */
enum perf_http_result perf_http_feed(struct perf_http *http, const void *data,
                                     size_t n, size_t *used);

/* The connection ended in order (FIN): DONE if that ends the body or the reply
 * was complete before, else BAD. */
enum perf_http_result perf_http_eof(struct perf_http *http);

#endif /* tools/perf-http.h */
