/* SPDX-License-Identifier: Apache-2.0 */

/* What tpr-perf is told on its command line; see perf-args.h. */

#include <config.h>
#include "perf-args.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static char *sentence(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static char *
sentence(const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    if (vasprintf(&s, format, args) < 0) {
        abort();
    }
    va_end(args);
    return s;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads "12", "12.5" or ".5" at 's'; returns its end, or NULL.  Neither sign
 * nor exponent nor locale. */
static const char *
scan_decimal(const char *s, double *value)
{
    double v = 0, scale = 1;
    int n_digits = 0;

    for (; is_digit(*s); s++, n_digits++) {
        v = v * 10 + (*s - '0');
    }
    if (*s == '.') {
        for (s++; is_digit(*s); s++, n_digits++) {
            v = v * 10 + (*s - '0');
            scale *= 10;
        }
    }
    if (!n_digits || n_digits > 15) {
        return NULL;
    }
    *value = v / scale;
    return s;
}

char *
perf_parse_time(const char *word, int64_t *ns)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {
        { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 },
        { "min", 60e9 }, { "h", 3600e9 },
    };
    double value;
    const char *unit = scan_decimal(word, &value);

    if (!unit) {
        return sentence("'%s' is not a time; a time is a number and its unit, "
                        "such as 5ms", word);
    }
    if (!*unit) {
        return sentence("the time '%s' has no unit; say %sns, %sus, %sms, %ss "
                        "or %smin", word, word, word, word, word, word);
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!strcmp(unit, units[i].name)) {
            value = value * units[i].ns + 0.5;
            if (value >= 1e18) {
                return sentence("the time '%s' is too long", word);
            }
            *ns = value;
            return NULL;
        }
    }
    return sentence("'%s' is not a unit of time (in '%s'); units are ns, us, "
                    "ms, s, min and h", unit, word);
}

char *
perf_parse_number(const char *what, const char *word, uint64_t min,
                  uint64_t max, uint64_t *number)
{
    size_t n_digits = strspn(word, "0123456789");
    uint64_t value = 0;

    if (n_digits && n_digits <= 18 && !word[n_digits]) {
        value = strtoull(word, NULL, 10);
        if (value >= min && value <= max) {
            *number = value;
            return NULL;
        }
    }
    return sentence("%s is a whole number from %llu to %llu, not '%s'", what,
                    (unsigned long long) min, (unsigned long long) max, word);
}

char *
perf_parse_rate(const char *word, double *rate)
{
    double value;
    const char *end = scan_decimal(word, &value);

    if (!end || (*end && strcmp(end, "/s")) || value < 0.001 || value > 1e7) {
        return sentence("a rate is a number of requests a second from 0.001 "
                        "to 10000000, not '%s'", word);
    }
    *rate = value;
    return NULL;
}

char *
perf_check_header(const char *word)
{
    const char *colon = strchr(word, ':');
    size_t name_len = strspn(word, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             "!#$%&'*+-.^_`|~");

    if (!colon || !name_len || colon != word + name_len) {
        return sentence("'%s' is not a header; a header is 'Name: value'",
                        word);
    }
    for (const char *p = colon; *p; p++) {
        if (((unsigned char) *p < 0x20 && *p != '\t') || *p == 0x7f) {
            return sentence("the value of header '%.*s' contains control "
                            "characters", (int) name_len, word);
        }
    }
    if (name_len == 10 && !strncasecmp(word, "Connection", 10)) {
        return sentence("the header 'Connection' is this program's own; see "
                        "--keepalive");
    }
    return NULL;
}

/* Where the host in the authority 's' of 'len' bytes ends, and where its port
 * begins, if it has one.  False if it is neither host nor host:port. */
static bool
split_authority(const char *s, size_t len, size_t *host_len,
                const char **port)
{
    const char *end = s + len;
    const char *host_end;

    if (*s == '[') {
        const char *bracket = memchr(s, ']', len);
        if (!bracket) {
            return false;
        }
        host_end = bracket + 1;
    } else {
        const char *colon = memchr(s, ':', len);
        host_end = colon ? colon : end;
    }
    *host_len = host_end - s;
    *port = NULL;
    if (host_end < end) {
        if (*host_end != ':') {
            return false;
        }
        *port = host_end + 1;
    }
    return *host_len > 0;
}

char *
perf_parse_url(const char *word, struct perf_url *url)
{
    static const char scheme[] = "http://";
    struct perf_url u = { .port = "80", .path = "/" };

    if (!strncasecmp(word, "https://", 8)) {
        return sentence("'%s': https is not supported, only http", word);
    }
    if (strncasecmp(word, scheme, strlen(scheme))) {
        return sentence("'%s' is not a URL; say http://HOST[:PORT]/PATH",
                        word);
    }
    for (const char *p = word; *p; p++) {
        if ((unsigned char) *p <= 0x20 || *p == 0x7f) {
            return sentence("'%s' contains blanks or control characters",
                            word);
        }
    }

    const char *authority = word + strlen(scheme);
    size_t len = strcspn(authority, "/?#");
    size_t host_len;
    const char *port;

    if (memchr(authority, '@', len)
        || !split_authority(authority, len, &host_len, &port)
        || host_len >= sizeof u.host) {
        return sentence("'%s' has no host; say http://HOST[:PORT]/PATH, an "
                        "IPv6 address in brackets", word);
    }
    if (authority[len] == '/') {
        u.path = authority + len;
    } else if (authority[len]) {
        return sentence("'%s' has no path before its query; say "
                        "http://HOST/?...", word);
    }
    if (strchr(u.path, '#')) {
        return sentence("'%s' has a fragment ('#'), which is never sent",
                        word);
    }

    bool v6 = *authority == '[';
    memcpy(u.host, authority + v6, host_len - 2 * v6);
    u.host[host_len - 2 * v6] = '\0';
    if (!u.host[0] || (v6 && !strchr(u.host, ':'))) {
        return sentence("'%s' has no IPv6 address in its brackets", word);
    }
    if (port) {
        size_t port_len = authority + len - port;
        char digits[6];
        uint64_t number;

        snprintf(digits, sizeof digits, "%.*s", (int) port_len, port);
        char *error = (port_len > 5 ? strdup("")
                       : perf_parse_number("", digits, 1, 65535, &number));
        if (error) {
            free(error);
            return sentence("'%s': the port is a number from 1 to 65535",
                            word);
        }
        snprintf(u.port, sizeof u.port, "%u", (unsigned int) number);
    }

    /* RFC 6874: a zone is this host's own business. */
    int bare_len = strcspn(u.host, v6 ? "%" : "");
    bool std_port = !strcmp(u.port, "80");
    snprintf(u.authority, sizeof u.authority, "%s%.*s%s%s%s", v6 ? "[" : "",
             bare_len, u.host, v6 ? "]" : "", std_port ? "" : ":",
             std_port ? "" : u.port);
    *url = u;
    return NULL;
}
