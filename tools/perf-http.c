/* SPDX-License-Identifier: Apache-2.0 */

/* Parser of HTTP/1.x replies; see perf-http.h. */

#include <config.h>
#include "perf-http.h"
#include <string.h>
#include <strings.h>

void
perf_http_init(struct perf_http *http, const char *server_field,
               bool want_body_line)
{
    memset(http, 0, offsetof(struct perf_http, line));
    http->server_field = server_field;
    http->want_body_line = want_body_line;
    http->status = 0;
    http->minor = 0;
    http->keepalive = false;
    http->server[0] = '\0';
    http->error = NULL;
}

static enum perf_http_result
bad(struct perf_http *http, const char *error)
{
    http->state = PERF_HTTP_INVALID;
    http->error = error;
    return PERF_HTTP_BAD;
}

/* RFC 9110 5.6.2. */
static bool
is_tchar(unsigned char c)
{
    return ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || (c && strchr("!#$%&'*+-.^_`|~", c)));
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Appends 'c' to the server's name, unless that is full.  Foreign bytes end up
 * in terminals, JSON and SVG: only printable ASCII passes. */
static void
append_server(struct perf_http *http, unsigned char c)
{
    size_t len = strlen(http->server);
    if (len + 1 < sizeof http->server) {
        http->server[len] = c >= 0x20 && c < 0x7f ? c : '?';
        http->server[len + 1] = '\0';
    }
}

static void
trim_server(struct perf_http *http)
{
    size_t len = strlen(http->server);
    while (len && is_blank(http->server[len - 1])) {
        http->server[--len] = '\0';
    }
}

/* The current line as a string, or NULL if it is longer than what was kept. */
static char *
whole_line(struct perf_http *http)
{
    if (http->line_len >= sizeof http->line) {
        return NULL;
    }
    http->line[http->line_len] = '\0';
    return http->line;
}

/* "HTTP/1." DIGIT SP 3DIGIT [SP reason]; RFC 9112 4. */
static enum perf_http_result
take_status_line(struct perf_http *http)
{
    const char *s = http->line;

    http->line[http->line_len < sizeof http->line
               ? http->line_len : sizeof http->line - 1] = '\0';
    http->line_len = 0;
    if (strncmp(s, "HTTP/1.", 7) || s[7] < '0' || s[7] > '9' || s[8] != ' ') {
        return bad(http, "no HTTP/1 status line");
    }
    http->minor = s[7] - '0';

    int status = 0;
    for (int i = 9; i < 12; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return bad(http, "status is not a number of three digits");
        }
        status = status * 10 + (s[i] - '0');
    }
    if ((s[12] && s[12] != ' ') || status < 100) {
        return bad(http, "status is not a number of three digits");
    }
    if (status == 101) {
        return bad(http, "switch of protocols that nobody asked for");
    }
    http->status = status;
    http->keepalive = http->minor >= 1;
    http->state = PERF_HTTP_HEADER;
    return PERF_HTTP_MORE;
}

static enum perf_http_result
take_content_length(struct perf_http *http, const char *value)
{
    uint64_t length = 0;
    size_t n_digits = strspn(value, "0123456789");

    if (!n_digits || value[n_digits] || n_digits > 18) {
        return bad(http, "Content-Length is not a number");
    }
    for (size_t i = 0; i < n_digits; i++) {
        length = length * 10 + (value[i] - '0');
    }
    if (http->has_length && http->length != length) {
        return bad(http, "contradicting Content-Length");
    }
    http->has_length = true;
    http->length = length;
    return PERF_HTTP_MORE;
}

/* Looks for "close" and "keep-alive" in a list of options; RFC 9112 9.3. */
static void
take_connection(struct perf_http *http, const char *value)
{
    while (*value) {
        size_t len = strcspn(value, ",");
        size_t end = len;

        while (end && is_blank(value[end - 1])) {
            end--;
        }
        if (end == 5 && !strncasecmp(value, "close", 5)) {
            http->keepalive = false;
            return;
        } else if (end == 10 && !strncasecmp(value, "keep-alive", 10)) {
            http->keepalive = true;
        }
        value += len;
        value += strspn(value, ", \t");
    }
}

/* A whole field line, folds joined, in http->line.  Fields that nobody needs
 * may be longer than what is kept. */
static enum perf_http_result
take_field(struct perf_http *http)
{
    bool cut = !whole_line(http);
    char *line = http->line;
    if (cut) {
        line[sizeof http->line - 1] = '\0';
    }
    http->line_len = 0;

    size_t name_len = 0;
    while (is_tchar(line[name_len])) {
        name_len++;
    }
    if (!name_len || (line[name_len] != ':' && !(cut && !line[name_len]))) {
        return bad(http, "malformed header field");
    }
    if (!line[name_len]) {
        return PERF_HTTP_MORE;          /* A very long name. */
    }
    line[name_len] = '\0';

    char *value = line + name_len + 1;
    value += strspn(value, " \t");
    size_t value_len = strlen(value);
    while (value_len && is_blank(value[value_len - 1])) {
        value[--value_len] = '\0';
    }

    bool is_length = !strcasecmp(line, "Content-Length");
    bool is_coding = !strcasecmp(line, "Transfer-Encoding");
    if ((is_length || is_coding) && cut) {
        return bad(http, "overlong header field");
    } else if (is_length) {
        return take_content_length(http, value);
    } else if (is_coding) {
        if (strcasecmp(value, "chunked") || http->chunked) {
            return bad(http, "unknown transfer coding");
        }
        http->chunked = true;
    } else if (!strcasecmp(line, "Connection")) {
        take_connection(http, value);
    }
    if (http->server_field && !http->server[0]
        && !strcasecmp(line, http->server_field)) {
        for (; *value; value++) {
            append_server(http, *value);
        }
        trim_server(http);
    }
    return PERF_HTTP_MORE;
}

/* The empty line after the header fields: what follows?  RFC 9112 6.3. */
static enum perf_http_result
take_head_end(struct perf_http *http)
{
    if (http->status < 200) {
        /* An interim reply; the final one follows. */
        http->state = PERF_HTTP_STATUS_LINE;
        http->has_length = http->chunked = false;
        http->server[0] = '\0';
        return PERF_HTTP_MORE;
    }
    http->body_line_ended = !http->want_body_line || http->server[0];
    if (http->chunked && http->has_length) {
        return bad(http, "both Content-Length and Transfer-Encoding");
    }

    bool no_body = http->status == 204 || http->status == 304;
    if (no_body || (http->has_length && !http->length)) {
        http->state = PERF_HTTP_COMPLETE;
        return PERF_HTTP_DONE;
    } else if (http->chunked) {
        http->state = PERF_HTTP_CHUNK_SIZE;
    } else if (http->has_length) {
        http->left = http->length;
        http->state = PERF_HTTP_BODY_LENGTH;
    } else {
        http->keepalive = false;
        http->state = PERF_HTTP_BODY_CLOSE;
    }
    return PERF_HTTP_MORE;
}

/* 1*HEXDIG [";" extensions]; RFC 9112 7.1. */
static enum perf_http_result
take_chunk_size(struct perf_http *http)
{
    size_t kept = http->line_len;
    uint64_t size = 0;
    size_t i;

    if (kept >= sizeof http->line) {
        kept = sizeof http->line - 1;
    }
    http->line[kept] = '\0';
    http->line_len = 0;
    for (i = 0; http->line[i]; i++) {
        char c = http->line[i] | 0x20;
        int digit = (c >= 'a' && c <= 'f' ? c - 'a' + 10
                     : http->line[i] >= '0' && http->line[i] <= '9' ? c - '0'
                     : -1);
        if (digit < 0) {
            break;
        } else if (i >= 15) {
            return bad(http, "overlong chunk size");
        }
        size = size * 16 + digit;
    }

    const char *rest = http->line + i;
    rest += strspn(rest, " \t");
    if (!i || (*rest && *rest != ';')) {
        return bad(http, "malformed chunk size");
    }
    http->left = size;
    http->state = size ? PERF_HTTP_CHUNK_DATA : PERF_HTTP_TRAILER;
    return PERF_HTTP_MORE;
}

/* A line feed was read.  The lines that make a head are judged here. */
static enum perf_http_result
take_line(struct perf_http *http)
{
    switch (http->state) {
    case PERF_HTTP_STATUS_LINE:
        return take_status_line(http);
    case PERF_HTTP_HEADER:
        if (!http->line_len) {
            return take_head_end(http);
        }
        http->state = PERF_HTTP_FOLD;
        return PERF_HTTP_MORE;
    case PERF_HTTP_CHUNK_SIZE:
        return take_chunk_size(http);
    case PERF_HTTP_CHUNK_END:
        http->state = PERF_HTTP_CHUNK_SIZE;
        return PERF_HTTP_MORE;
    case PERF_HTTP_TRAILER:
        if (!http->line_len) {
            http->state = PERF_HTTP_COMPLETE;
            return PERF_HTTP_DONE;
        }
        http->line_len = 0;             /* Nobody needs trailers. */
        return PERF_HTTP_MORE;
    case PERF_HTTP_FOLD:
    case PERF_HTTP_BODY_LENGTH:
    case PERF_HTTP_BODY_CLOSE:
    case PERF_HTTP_CHUNK_DATA:
    case PERF_HTTP_COMPLETE:
    case PERF_HTTP_INVALID:
    default:
        return bad(http, "not reachable");
    }
}

static void
append_line(struct perf_http *http, unsigned char c)
{
    if (http->line_len < sizeof http->line) {
        http->line[http->line_len] = c;
    }
    http->line_len++;
}

/* Takes one byte of a head, a chunk's size, its end or a trailer. */
static enum perf_http_result
take_line_byte(struct perf_http *http, unsigned char c)
{
    if (http->state == PERF_HTTP_FOLD) {
        http->state = PERF_HTTP_HEADER;
        if (!is_blank(c)) {
            enum perf_http_result result = take_field(http);
            if (result != PERF_HTTP_MORE) {
                return result;
            }
        }
    }

    /* Chunk sizes, extensions apart, are part of the body and may be many. */
    if (http->state == PERF_HTTP_CHUNK_SIZE ? http->line_len > 16
        : http->state != PERF_HTTP_CHUNK_END) {
        if (++http->head_bytes > PERF_HTTP_HEAD_MAX) {
            return bad(http, "endless header");
        }
    }

    if (c == '\n') {
        http->cr = false;
        return take_line(http);
    } else if (http->cr) {
        return bad(http, "carriage return without line feed");
    } else if (c == '\r') {
        http->cr = true;
    } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
        return bad(http, "control character in header");
    } else if (http->state == PERF_HTTP_CHUNK_END) {
        return bad(http, "chunk is longer than announced");
    } else {
        append_line(http, c);
    }
    return PERF_HTTP_MORE;
}

/* Takes 'n' bytes of the body's content, of which only the beginning
 * matters. */
static void
take_content(struct perf_http *http, const char *data, size_t n)
{
    for (size_t i = 0; i < n && !http->body_line_ended; i++) {
        if (data[i] == '\n' || data[i] == '\r'
            || strlen(http->server) + 1 >= sizeof http->server) {
            http->body_line_ended = true;
            trim_server(http);
        } else {
            append_server(http, data[i]);
        }
    }
}

/* The content's end. */
static enum perf_http_result
finish(struct perf_http *http)
{
    trim_server(http);
    http->state = PERF_HTTP_COMPLETE;
    return PERF_HTTP_DONE;
}

enum perf_http_result
perf_http_feed(struct perf_http *http, const void *data_, size_t n,
               size_t *used)
{
    const char *data = data_;
    enum perf_http_result result = PERF_HTTP_MORE;
    size_t i = 0;

    if (http->state == PERF_HTTP_COMPLETE) {
        result = PERF_HTTP_DONE;
    } else if (http->state == PERF_HTTP_INVALID) {
        result = PERF_HTTP_BAD;
    }
    while (i < n && result == PERF_HTTP_MORE) {
        if (http->state == PERF_HTTP_BODY_CLOSE) {
            take_content(http, data + i, n - i);
            i = n;
        } else if (http->state == PERF_HTTP_BODY_LENGTH
                   || http->state == PERF_HTTP_CHUNK_DATA) {
            size_t take = http->left < n - i ? http->left : n - i;

            take_content(http, data + i, take);
            i += take;
            http->left -= take;
            if (!http->left) {
                if (http->state == PERF_HTTP_BODY_LENGTH) {
                    result = finish(http);
                } else {
                    http->state = PERF_HTTP_CHUNK_END;
                }
            }
        } else {
            result = take_line_byte(http, data[i++]);
        }
    }
    if (result == PERF_HTTP_DONE) {
        trim_server(http);
    }
    *used = i;
    return result;
}

enum perf_http_result
perf_http_eof(struct perf_http *http)
{
    switch (http->state) {
    case PERF_HTTP_COMPLETE:
        return PERF_HTTP_DONE;
    case PERF_HTTP_BODY_CLOSE:
        return finish(http);
    case PERF_HTTP_INVALID:
        return PERF_HTTP_BAD;
    case PERF_HTTP_STATUS_LINE:
        return bad(http, http->head_bytes ? "closed within the reply"
                   : "closed without a reply");
    case PERF_HTTP_HEADER:
    case PERF_HTTP_FOLD:
    case PERF_HTTP_BODY_LENGTH:
    case PERF_HTTP_CHUNK_SIZE:
    case PERF_HTTP_CHUNK_DATA:
    case PERF_HTTP_CHUNK_END:
    case PERF_HTTP_TRAILER:
    default:
        return bad(http, "closed within the reply");
    }
}
