/* SPDX-License-Identifier: Apache-2.0 */

/* The HTTP/1.x request and reply parser: see http.h.
 *
 *                      "HTTP/1."       digit        SP
 *      (start) PROTOCOL -------> VERSION ---> SPACE ---> CODE
 *                                                         | three digits
 *       final reply: DONE                                 V
 *       interim:  PROTOCOL <--+        +-- LF -------- AFTER_CODE
 *                             | LF     |                  | SP
 *      +--------+ LF, CR LF   |        V      LF, CR LF   V
 *      | NAME   | <---- FIELD_START <------------------ REASON
 *      +--------+        ^    |
 *          | ":"         |    | SP, HT: continuation
 *          V     LF      |    V
 *        VALUE ----------+  VALUE
 *
 * A line ends with CR LF or, RFC 9112 section 2.2, with LF alone. */

#include <config.h>
#include "http.h"

#include <string.h>
#include "util.h"

enum state {
    S_PROTOCOL,                 /* Within "HTTP/1.". */
    S_VERSION,                  /* Minor version. */
    S_SPACE,                    /* Between version and status. */
    S_CODE,                     /* Within the status' three digits. */
    S_AFTER_CODE,
    S_REASON,
    S_FIELD_START,
    S_NAME,
    S_VALUE,
};

/* In any state but the first ones, a CR must be followed by LF. */
enum { S_CR = 0x100 };          /* Flag beside the state. */

static const char protocol[] = "HTTP/1.";

/* Returns 'error' as a clause. */
const char *
http_error_to_string(enum http_error error)
{
    switch (error) {
#define HTTP_ERROR(ENUM, CLAUSE) case HTTP_ERR_##ENUM: return CLAUSE;
        HTTP_ERRORS
#undef HTTP_ERROR
    case HTTP_N_ERRORS:
        break;
    }
    return "invalid";
}

/* Makes 'reply' expect the first byte of a reply. */
void
http_reply_init(struct http_reply *reply)
{
    memset(reply, 0, sizeof *reply);
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* RFC 9110 section 5.6.2, "tchar". */
static bool
is_token(uint8_t c)
{
    return (is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c && strchr("!#$%&'*+-.^_`|~", c)));
}

static char
to_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool
is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

static void
fail(struct http_reply *reply, enum http_error error)
{
    reply->result = HTTP_REPLY_BAD;
    reply->error = error;
}

/* ## Fields. ## */

static void
put_field(char *s, unsigned int *n, char c)
{
    if (*n < HTTP_MAX_FIELD - 1) {
        s[*n] = c;
        s[*n + 1] = '\0';
    }
    (*n)++;
}

/* Takes 'c' of the present field's value, but for leading spaces. */
static void
put_value(struct http_field *field, uint8_t c)
{
    if (field->n_value || (c != ' ' && c != '\t')) {
        put_field(field->value, &field->n_value, c == '\t' ? ' ' : c);
    }
}

/* Is 'word' one of those in 'list', between commas? */
static bool
has_word(const char *list, const char *word)
{
    const size_t n = strlen(word);

    for (list += strspn(list, ", "); *list; list += strspn(list, ", ")) {
        size_t len = strcspn(list, ", ");

        if (len == n && !strncasecmp(list, word, n)) {
            return true;
        }
        list += len;
    }
    return false;
}

/* Takes Content-Length, which must be there once (RFC 9112 section 6.3). */
static void
take_length(struct http_reply *reply, const char *value)
{
    const char *end = value + strlen(value);

    while (end > value && end[-1] == ' ') {
        end--;
    }
    reply->close |= reply->has_length || value == end;
    reply->has_length = true;
    reply->length = 0;
    for (; value < end; value++) {
        reply->close |= !is_digit(*value);
        reply->length = reply->length * 10 + (*value - '0');
        reply->close |= reply->length > HTTP_MAX_BODY;
    }
}

/* Should be called at the end of a field, that is when no continuation
 * follows. */
static void
end_of_field(struct http_reply *reply)
{
    struct http_field *field = &reply->field;

    if (field->n_name < HTTP_MAX_FIELD) {
        bool cut = field->n_value >= HTTP_MAX_FIELD;

        if (!strcmp(field->name, "connection")) {
            reply->close |= cut || has_word(field->value, "close");
            reply->keep |= has_word(field->value, "keep-alive");
        } else if (!strcmp(field->name, "content-length")) {
            reply->close |= cut;
            take_length(reply, field->value);
        } else if (!strcmp(field->name, "transfer-encoding")) {
            reply->close = true;
        }
    }
    memset(field, 0, sizeof *field);
}

/* Should be called at the empty line that ends a head. */
static void
end_of_head(struct http_reply *reply)
{
    end_of_field(reply);
    if (reply->status >= 200 || reply->status == 101) {
        reply->result = HTTP_REPLY_DONE;
    } else if (++reply->n_interim > HTTP_MAX_INTERIM) {
        fail(reply, HTTP_ERR_INTERIM);
    } else {
        reply->state = S_PROTOCOL;
        reply->pos = 0;
        reply->status = 0;
        reply->n_fields = 0;
        reply->version_0 = reply->keep = reply->close = false;
        reply->has_length = false;
    }
}

static void
end_of_line(struct http_reply *reply)
{
    switch ((enum state) reply->state) {
    case S_AFTER_CODE:
    case S_REASON:
    case S_VALUE:
        reply->state = S_FIELD_START;
        break;
    case S_FIELD_START:
        end_of_head(reply);
        break;
    case S_NAME:
        fail(reply, HTTP_ERR_FIELD_NAME);
        break;
    case S_PROTOCOL:
    case S_VERSION:
    case S_SPACE:
    case S_CODE:
        OVS_NOT_REACHED();
    }
    reply->line_len = 0;
    reply->pos = 0;
}

/* Takes 'c' within "HTTP/1.1 200". */
static void
feed_start(struct http_reply *reply, uint8_t c)
{
    switch (reply->state) {
    case S_PROTOCOL:
        if (c != protocol[reply->pos]) {
            fail(reply, HTTP_ERR_NOT_HTTP);
        } else if (++reply->pos == sizeof protocol - 1) {
            reply->state = S_VERSION;
        }
        break;
    case S_VERSION:
        if (is_digit(c)) {
            reply->version_0 = c == '0';
            reply->state = S_SPACE;
        } else {
            fail(reply, HTTP_ERR_VERSION);
        }
        break;
    case S_SPACE:
        if (c == ' ') {
            reply->state = S_CODE;
            reply->pos = 0;
        } else {
            fail(reply, HTTP_ERR_VERSION);
        }
        break;
    case S_CODE:
        if (!is_digit(c) || (!reply->pos && c == '0')) {
            fail(reply, HTTP_ERR_STATUS);
        } else {
            reply->status = reply->status * 10 + (c - '0');
            if (++reply->pos == 3) {
                reply->state = S_AFTER_CODE;
            }
        }
        break;
    }
}

/* Takes 'c', neither control character nor end of line, behind the status. */
static void
feed_line(struct http_reply *reply, uint8_t c)
{
    switch (reply->state) {
    case S_AFTER_CODE:
        if (c == ' ') {
            reply->state = S_REASON;
        } else {
            fail(reply, HTTP_ERR_STATUS);
        }
        break;
    case S_FIELD_START:
        if (c == ' ' || c == '\t') {
            /* Continuation of the line before: RFC 9112 section 5.2. */
            if (reply->n_fields) {
                put_value(&reply->field, c);
                reply->state = S_VALUE;
            } else {
                fail(reply, HTTP_ERR_FOLD);
            }
            break;
        }
        end_of_field(reply);
        reply->n_fields++;
        reply->state = S_NAME;
        reply->pos = 0;
        /* fall through */
    case S_NAME:
        if (is_token(c)) {
            reply->pos++;
            put_field(reply->field.name, &reply->field.n_name, to_lower(c));
        } else if (c == ':' && reply->pos) {
            reply->state = S_VALUE;
        } else {
            fail(reply, HTTP_ERR_FIELD_NAME);
        }
        break;
    case S_VALUE:
        put_value(&reply->field, c);
        break;
    case S_REASON:
        break;
    }
}

static void
feed_byte(struct http_reply *reply, uint8_t c)
{
    if (++reply->head_len > HTTP_MAX_HEAD) {
        fail(reply, HTTP_ERR_HEAD);
    } else if (++reply->line_len > HTTP_MAX_LINE) {
        fail(reply, HTTP_ERR_LINE);
    } else if (reply->state < S_AFTER_CODE) {
        feed_start(reply, c);
    } else if (reply->state & S_CR) {
        reply->state &= ~S_CR;
        if (c == '\n') {
            end_of_line(reply);
        } else {
            fail(reply, HTTP_ERR_BARE_CR);
        }
    } else if (c == '\r') {
        reply->state |= S_CR;
    } else if (c == '\n') {
        end_of_line(reply);
    } else if (is_control(c)) {
        fail(reply, HTTP_ERR_CONTROL);
    } else {
        feed_line(reply, c);
    }
}

/* Should be called for each portion of the stream, 'n' bytes at 'data'.  Bytes
 * behind the head are counted only.  Returns what is known of the reply; once
 * it is other than HTTP_REPLY_MORE it does not change any more. */
enum http_reply_result
http_reply_feed(struct http_reply *reply, const void *data, size_t n)
{
    const uint8_t *p = data;
    size_t i;

    for (i = 0; i < n && reply->result == HTTP_REPLY_MORE; i++) {
        feed_byte(reply, p[i]);
    }
    reply->n_body += n - i;
    return reply->result;
}

/* Should be called at the end of the stream. */
enum http_reply_result
http_reply_eof(struct http_reply *reply)
{
    if (reply->result == HTTP_REPLY_MORE) {
        fail(reply, reply->head_len ? HTTP_ERR_CUT : HTTP_ERR_EMPTY);
    }
    return reply->result;
}

/* Tells whether another request may follow 'reply' on its connection. */
enum http_rest
http_reply_rest(const struct http_reply *reply)
{
    const bool bare = reply->status == 204 || reply->status == 304;

    if (reply->result != HTTP_REPLY_DONE || reply->status == 101
        || reply->close || (reply->version_0 && !reply->keep)
        || !(bare || reply->has_length)) {
        return HTTP_REST_CLOSE;
    } else {
        const uint64_t length = bare ? 0 : reply->length;

        return (reply->n_body < length ? HTTP_REST_MORE
                : reply->n_body > length ? HTTP_REST_CLOSE : HTTP_REST_DONE);
    }
}

/* Returns true if 'path' can stand in a request: "/", then visible ASCII
 * characters (RFC 9112 section 3.2.1, generously). */
bool
http_path_is_valid(const char *path)
{
    if (*path != '/') {
        return false;
    }
    for (; *path; path++) {
        if (*path <= 0x20 || *path >= 0x7f || *path == '#') {
            return false;
        }
    }
    return true;
}

/* Returns true if 'host' can stand in a Host header: visible ASCII characters,
 * at least one (RFC 9112 section 3.2, generously). */
bool
http_host_is_valid(const char *host)
{
    if (!*host) {
        return false;
    }
    for (; *host; host++) {
        if (*host <= 0x20 || *host >= 0x7f || strchr("/?#@", *host)) {
            return false;
        }
    }
    return true;
}

/* Returns the request for 'path' at 'host', which must be valid.  'host' is
 * the value of the Host header: IPv6 addresses in brackets, a port other than
 * 80 behind a colon.  If 'keep', others will follow.  The caller frees it. */
char *
http_request(const char *path, const char *host, bool keep)
{
    ovs_assert(http_path_is_valid(path) && http_host_is_valid(host));
    return xasprintf("GET %s HTTP/1.1\r\n"
                     "Host: %s\r\n"
                     "User-Agent: ovs-tpr\r\n"
                     "Accept: */*\r\n"
                     "Connection: %s\r\n"
                     "\r\n", path, host, keep ? "keep-alive" : "close");
}
