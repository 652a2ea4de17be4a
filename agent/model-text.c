/* SPDX-License-Identifier: Apache-2.0 */

/* The textual forms of the configuration's words, for the agent and
 * ovs-tprctl alike.
 *
 * Every parser returns NULL where the text makes sense, else a sentence that
 * names the offending text and says what is expected; the caller frees it.
 * Every formatter returns a string that its parser accepts and reads as the
 * same value; the caller frees it.
 *
 * Pure: no socket, clock or OVSDB header.  Threads: any; no state. */

#include <config.h>
#include "model.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Returns 's' in quotes, fit for a sentence, a log and a database: bytes that
 * are not printable ASCII are escaped, and a long text is cut. */
char *
tpr_quote(const char *s)
{
    enum { MAX = 80 };
    struct ds ds = DS_EMPTY_INITIALIZER;

    ds_put_char(&ds, '"');
    for (size_t i = 0; s[i]; i++) {
        unsigned char c = s[i];

        if (i >= MAX) {
            ds_put_cstr(&ds, "...");
            break;
        } else if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
            ds_put_format(&ds, "\\x%02x", c);
        } else {
            ds_put_char(&ds, c);
        }
    }
    ds_put_char(&ds, '"');
    return ds_steal_cstr(&ds);
}

/* Returns the sentence "QUOTED TEXT PROBLEM". */
static char *
complain(const char *text, const char *problem)
{
    char *quoted = tpr_quote(text);
    char *sentence = xasprintf("%s %s", quoted, problem);

    free(quoted);
    return sentence;
}

/* Numbers. */

/* Reads the decimal digits at '*sp' and moves '*sp' behind them.  Returns
 * false if there are none or the number exceeds 'max'. */
static bool
scan_digits(const char **sp, unsigned long long int max,
            unsigned long long int *value)
{
    const char *s = *sp;
    unsigned long long int v = 0;

    if (!isdigit((unsigned char) *s)) {
        return false;
    }
    for (; isdigit((unsigned char) *s); s++) {
        unsigned int digit = *s - '0';

        if (v > (max - digit) / 10) {
            return false;
        }
        v = v * 10 + digit;
    }
    *sp = s;
    *value = v;
    return true;
}

/* Parses 's' as a decimal number from 'min' to 'max'. */
char *
tpr_parse_unsigned(const char *s, unsigned long long int min,
                   unsigned long long int max,
                   unsigned long long int *value)
{
    const char *p = s;

    *value = 0;
    if (!scan_digits(&p, max, value) || *p || *value < min) {
        char *problem = xasprintf("is not a number from %llu to %llu",
                                  min, max);
        char *sentence = complain(s, problem);

        free(problem);
        return sentence;
    }
    return NULL;
}

/* Durations. */

/* Longer than anything; sums of some of them do not overflow. */
#define MAX_US (1000 * 1000 * TPR_HOUR_US)

static const struct unit {
    const char *name;
    long long int us;
} units[] = {                   /* Longest first: for formatting. */
    { "h", 3600LL * 1000 * 1000 },
    { "m", 60LL * 1000 * 1000 },
    { "s", 1000LL * 1000 },
    { "ms", 1000LL },
    { "us", 1LL },
};

static const struct unit *
find_unit(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (!strcmp(units[i].name, name)) {
            return &units[i];
        }
    }
    return NULL;
}

/* Parses 's', such as "10ms", "0.5s" or "2h", into microseconds.  The unit is
 * mandatory: us, ms, s, m or h.  The value must be a whole number of
 * microseconds. */
char *
tpr_parse_duration(const char *s, long long int *us)
{
        unsigned long long int whole, fraction = 0, scale = 1;
    const struct unit *unit;
    const char *p = s;

    *us = 0;
    if (!scan_digits(&p, LLONG_MAX, &whole)) {
        return complain(s, "is not a duration: "
                        "write a number with a unit, such as 10ms or 2s");
    }
    if (*p == '.') {
        const char *start = ++p;

        if (!scan_digits(&p, 999999, &fraction) || p - start > 6) {
            return complain(s, "is not a duration: "
                            "one to six digits may follow the point");
        }
        for (ptrdiff_t i = 0; i < p - start; i++) {
            scale *= 10;
        }
    }
    if (!*p) {
        return complain(s, "has no unit: add us, ms, s, m or h");
    }
    unit = find_unit(p);
    if (!unit) {
        return complain(s, "has an unknown unit: use us, ms, s, m or h");
    }
    if (fraction * unit->us % scale) {
        return complain(s, "is not a whole number of microseconds");
    }
    if (whole >= MAX_US / unit->us) {
        return complain(s, "is too long");
    }
    *us = whole * unit->us + fraction * unit->us / scale;
    return NULL;
}

/* Parses 's' as tpr_parse_duration() does; it must be in 'min_us'...'max_us'
 * microseconds. */
char *
tpr_parse_duration_range(const char *s, long long int min_us,
                         long long int max_us, long long int *us)
{
    char *error = tpr_parse_duration(s, us);

    if (!error && (*us < min_us || *us > max_us)) {
        char *min = tpr_format_duration(min_us);
        char *max = tpr_format_duration(max_us);
        char *problem = xasprintf("is out of range: use %s to %s", min, max);

        error = complain(s, problem);
        free(problem);
        free(min);
        free(max);
    }
    return error;
}

/* Returns 'us' microseconds, not negative, in the longest unit that divides
 * them: "2h", "1500ms".  Zero is "0s". */
char *
tpr_format_duration(long long int us)
{
    if (!us) {
        return xstrdup("0s");
    }
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (us % units[i].us == 0) {
            return xasprintf("%lld%s", us / units[i].us, units[i].name);
        }
    }
    OVS_NOT_REACHED();
}

/* Appends a measured time as people read it: "410 us", "31.2 ms", "1.250 s",
 * from 100 s on "00:03:12". */
void
tpr_put_us(struct ds *s, long long int us)
{
    if (us < 1000) {
        ds_put_format(s, "%lld us", us);
    } else if (us < 1000 * 1000) {
        ds_put_format(s, "%lld.%lld ms", us / 1000, us / 100 % 10);
    } else if (us < 100LL * 1000 * 1000) {
        ds_put_format(s, "%lld.%03lld s", us / 1000000, us / 1000 % 1000);
    } else {
        long long int sec = us / 1000000;

        ds_put_format(s, "%02lld:%02lld:%02lld", sec / 3600, sec / 60 % 60,
                      sec % 60);
    }
}

/* Addresses. */

/* Parses 's' as an IPv4 address (stored IPv4-mapped) or IPv6 address, without
 * brackets, port, prefix length or zone. */
char *
tpr_parse_address(const char *s, struct in6_addr *addr)
{
    struct in_addr ip4;

    memset(addr, 0, sizeof *addr);
    if (inet_pton(AF_INET, s, &ip4) == 1) {
        in6_addr_set_mapped_ipv4(addr, ip4.s_addr);
        return NULL;
    }
    if (inet_pton(AF_INET6, s, addr) != 1) {
        return complain(s, "is not an IPv4 or IPv6 address");
    }
    if (IN6_IS_ADDR_V4MAPPED(addr)) {
        return complain(s, "is an IPv4-mapped IPv6 address: "
                        "write it as an IPv4 address");
    }
    return NULL;
}

/* Parses 's' as tpr_parse_address() does; it must be one that a single host
 * can have and that a switch can forward to: not unspecified, loopback,
 * multicast or broadcast. */
char *
tpr_parse_host_address(const char *s, struct in6_addr *addr)
{
    char *error = tpr_parse_address(s, addr);
    const char *what = NULL;

    if (error) {
        return error;
    }
    if (IN6_IS_ADDR_V4MAPPED(addr)) {
        uint32_t ip = ntohl(in6_addr_get_mapped_ipv4(addr));

        what = (ip >> 24 == 0 ? "unspecified"
                : ip >> 24 == 127 ? "loopback"
                : ip >> 28 == 14 ? "multicast"
                : ip == UINT32_MAX ? "broadcast"
                : ip >> 28 == 15 ? "reserved"
                : NULL);
    } else {
        what = (IN6_IS_ADDR_UNSPECIFIED(addr) ? "unspecified"
                : IN6_IS_ADDR_LOOPBACK(addr) ? "loopback"
                : IN6_IS_ADDR_MULTICAST(addr) ? "multicast"
                : NULL);
    }
    if (what) {
        char *problem = xasprintf("is an address that no host can have (%s)",
                                  what);

        error = complain(s, problem);
        free(problem);
    }
    return error;
}

/* Returns 'addr' as text, IPv4-mapped ones as IPv4, without brackets. */
char *
tpr_format_address(const struct in6_addr *addr)
{
    char buf[INET6_ADDRSTRLEN];

    if (IN6_IS_ADDR_V4MAPPED(addr)) {
        struct in_addr ip4 = { .s_addr = in6_addr_get_mapped_ipv4(addr) };

        inet_ntop(AF_INET, &ip4, buf, sizeof buf);
    } else {
        inet_ntop(AF_INET6, addr, buf, sizeof buf);
    }
    return xstrdup(buf);
}

/* Returns true if 'a' and 'b' are both IPv4 or both IPv6. */
bool
tpr_same_family(const struct in6_addr *a, const struct in6_addr *b)
{
    return !IN6_IS_ADDR_V4MAPPED(a) == !IN6_IS_ADDR_V4MAPPED(b);
}

/* Parses the address at the start of 's': "10.0.0.1" or "[2001:db8::1]", up to
 * a colon, slash or the end.  Stores where it ends in '*end'. */
static char *
parse_leading_address(const char *s, struct in6_addr *addr, const char **end)
{
    const char *start = s, *stop;
    char *text, *error;

    if (*s == '[') {
        start = s + 1;
        stop = strchr(start, ']');
        if (!stop) {
            return complain(s, "has an opening bracket without a closing one");
        }
        *end = stop + 1;
    } else {
        stop = s + strcspn(s, ":/");
        if (*stop == ':' && strchr(stop + 1, ':')) {
            return complain(s, "is ambiguous: "
                            "write an IPv6 address in brackets");
        }
        *end = stop;
    }
    text = xmemdup0(start, stop - start);
    error = tpr_parse_host_address(text, addr);
    if (!error && *s == '[' && IN6_IS_ADDR_V4MAPPED(addr)) {
        error = complain(s, "has an IPv4 address in brackets: "
                         "brackets are for IPv6");
    }
    free(text);
    return error;
}

/* Parses 's', "ADDRESS", "ADDRESS:PORT", "IPV6" or "[IPV6]:PORT".  Without a
 * port, '*port' is 0. */
char *
tpr_parse_address_port(const char *s, struct in6_addr *addr, uint16_t *port)
{
    unsigned long long int value;
    struct in6_addr dummy;
    const char *p;
    char *error;

    *port = 0;
    if (inet_pton(AF_INET6, s, &dummy) == 1) {
        return tpr_parse_host_address(s, addr);
    }
    error = parse_leading_address(s, addr, &p);
    if (error || !*p) {
        return error;
    }
    if (*p != ':') {
        return complain(s, "is not ADDRESS or ADDRESS:PORT");
    }
    error = tpr_parse_unsigned(p + 1, 1, UINT16_MAX, &value);
    if (!error) {
        *port = value;
    }
    return error;
}

/* Parses 's' as where to listen: "PORT", on the loopback interface then,
 * "ADDRESS:PORT" or "[IPV6]:PORT"; 0.0.0.0 and :: are all addresses. */
char *
tpr_parse_listener(const char *s, struct in6_addr *addr, uint16_t *port)
{
    const char *colon = strrchr(s, ':');
    unsigned long long int value;
    char *error, *text;
    size_t n;

    error = tpr_parse_unsigned(colon ? colon + 1 : s, 1, UINT16_MAX, &value);
    if (error) {
        free(error);
        return complain(s, "is not PORT, ADDRESS:PORT or [IPV6]:PORT");
    }
    *port = value;
    if (!colon) {
        in6_addr_set_mapped_ipv4(addr, htonl(INADDR_LOOPBACK));
        return NULL;
    }
    n = colon - s;
    if (n >= 2 && *s == '[' && s[n - 1] == ']') {
        text = xmemdup0(s + 1, n - 2);
    } else if (memchr(s, ':', n)) {
        return complain(s, "is ambiguous: write an IPv6 address in brackets");
    } else {
        text = xmemdup0(s, n);
    }
    error = tpr_parse_address(text, addr);
    if (!error && *s == '[' && IN6_IS_ADDR_V4MAPPED(addr)) {
        error = complain(s, "has an IPv4 address in brackets: "
                         "brackets are for IPv6");
    }
    free(text);
    return error;
}

/* Parses 's' as the Ethernet address of one host, "xx:xx:xx:xx:xx:xx". */
char *
tpr_parse_mac(const char *s, struct eth_addr *mac)
{
    if (!eth_addr_from_string(s, mac)) {
        return complain(s, "is not an Ethernet address");
    }
    if (eth_addr_is_multicast(*mac) || eth_addr_is_zero(*mac)) {
        return complain(s, "is not the Ethernet address of one host");
    }
    return NULL;
}

/* VIPs. */

static char *
parse_proto(const char *vip, const char *s, enum tpr_proto *proto)
{
    static const enum tpr_proto all[] = {
        TPR_PROTO_TCP, TPR_PROTO_UDP, TPR_PROTO_SCTP, TPR_PROTO_ANY,
    };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (!strcmp(s, tpr_proto_to_string(all[i]))) {
            *proto = all[i];
            return NULL;
        }
    }
    return complain(vip, "has an unknown protocol: "
                    "use /tcp, /udp, /sctp or /any");
}

static int
compare_ranges(const void *a_, const void *b_)
{
    const struct tpr_port_range *a = a_;
    const struct tpr_port_range *b = b_;

    return a->first < b->first ? -1 : a->first > b->first;
}

/* Parses the ports at '*sp', "80,443,8000-8010", up to a slash or the end. */
static char *
parse_ports(const char *vip, const char **sp, struct tpr_vip *out)
{
    const char *s = *sp;

    for (;;) {
        unsigned long long int first, last;

        if (!scan_digits(&s, UINT16_MAX, &first) || !first) {
            return complain(vip, "has a bad port: use 1 to 65535");
        }
        last = first;
        if (*s == '-') {
            s++;
            if (!scan_digits(&s, UINT16_MAX, &last) || !last) {
                return complain(vip, "has a bad port: use 1 to 65535");
            }
            if (last < first) {
                return complain(vip, "has a range of ports that ends before "
                                "it starts");
            }
        }
        if (out->n_ports >= TPR_MAX_PORT_RANGES) {
            return complain(vip, "has too many ports: "
                            "32 ports and ranges are the limit");
        }
        out->ports[out->n_ports].first = first;
        out->ports[out->n_ports++].last = last;
        if (*s != ',') {
            break;
        }
        s++;
    }
    qsort(out->ports, out->n_ports, sizeof *out->ports, compare_ranges);
    for (size_t i = 1; i < out->n_ports; i++) {
        if (out->ports[i].first <= out->ports[i - 1].last) {
            return complain(vip, "names a port twice");
        }
    }
    *sp = s;
    return NULL;
}

/* Parses 's', "ADDRESS[:PORTS]/PROTOCOL" as in
 * "[2001:db8::1]:80,443,8000-8010/tcp".  Without ports, all ports.  The ports
 * come out in ascending order. */
char *
tpr_parse_vip(const char *s, struct tpr_vip *vip)
{
    const char *p;
    char *error;

    memset(vip, 0, sizeof *vip);
    error = parse_leading_address(s, &vip->addr, &p);
    if (error) {
        return error;
    }
    if (*p == ':') {
        p++;
        error = parse_ports(s, &p, vip);
        if (error) {
            return error;
        }
    }
    if (!*p) {
        return complain(s, "has no protocol: add /tcp, /udp, /sctp or /any");
    }
    if (*p != '/') {
        return complain(s, "is not ADDRESS:PORTS/PROTOCOL, such as "
                        "192.0.2.1:80,443/tcp or [2001:db8::1]:80/tcp");
    }
    error = parse_proto(s, p + 1, &vip->proto);
    if (!error && vip->proto == TPR_PROTO_ANY && vip->n_ports) {
        error = complain(s, "has ports, but protocol any has none");
    }
    return error;
}

/* Returns the canonical text of 'vip'. */
char *
tpr_format_vip(const struct tpr_vip *vip)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    char *addr = tpr_format_address(&vip->addr);

    ds_put_format(&ds, IN6_IS_ADDR_V4MAPPED(&vip->addr) ? "%s" : "[%s]",
                  addr);
    free(addr);
    for (size_t i = 0; i < vip->n_ports; i++) {
        const struct tpr_port_range *r = &vip->ports[i];

        ds_put_format(&ds, "%c%"PRIu16, i ? ',' : ':', r->first);
        if (r->last != r->first) {
            ds_put_format(&ds, "-%"PRIu16, r->last);
        }
    }
    ds_put_format(&ds, "/%s", tpr_proto_to_string(vip->proto));
    return ds_steal_cstr(&ds);
}

/* Returns true if one packet can belong to both 'a' and 'b'. */
bool
tpr_vip_overlaps(const struct tpr_vip *a, const struct tpr_vip *b)
{
    if (memcmp(&a->addr, &b->addr, sizeof a->addr)) {
        return false;
    }
    if (a->proto == TPR_PROTO_ANY || b->proto == TPR_PROTO_ANY) {
        return true;
    }
    if (a->proto != b->proto) {
        return false;
    }
    if (!a->n_ports || !b->n_ports) {
        return true;
    }
    for (size_t i = 0; i < a->n_ports; i++) {
        for (size_t j = 0; j < b->n_ports; j++) {
            if (a->ports[i].first <= b->ports[j].last
                && b->ports[j].first <= a->ports[i].last) {
                return true;
            }
        }
    }
    return false;
}

/* Bytes. */

static int
hex_value(char c)
{
    return (c >= '0' && c <= '9' ? c - '0'
            : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

/* Parses the rest of an escape behind its backslash, at '*p', and moves '*p'
 * behind it.  Returns the byte, or -1. */
static int
scan_escape(const char **p)
{
    static const char letters[] = "rnt0\\", bytes[] = "\r\n\t\0\\";
    const char *s = *p;
    const char *letter = *s ? strchr(letters, *s) : NULL;

    if (letter) {
        *p = s + 1;
        return (uint8_t) bytes[letter - letters];
    } else if (*s == 'x' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
        *p = s + 3;
        return hex_value(s[1]) * 16 + hex_value(s[2]);
    }
    return -1;
}

/* Parses 's', what a check sends or expects, at most TPR_CHECK_BYTES_MAX
 * bytes: characters stand for themselves, but for "\r", "\n", "\t", "\0",
 * "\\" and "\xHH".  The caller frees 'bytes->data'. */
char *
tpr_parse_bytes(const char *s, struct tpr_bytes *bytes)
{
    const char *p = s;

    bytes->n = 0;
    bytes->data = xmalloc(TPR_CHECK_BYTES_MAX);
    while (*p) {
        int c = (uint8_t) *p++;

        if (c == '\\') {
            c = scan_escape(&p);
        }
        if (c < 0 || bytes->n >= TPR_CHECK_BYTES_MAX) {
            free(bytes->data);
            bytes->data = NULL;
            bytes->n = 0;
            return complain(s, (c < 0
                                ? "has a backslash before something else than "
                                "r, n, t, 0, a backslash or xHH"
                                : "has more than 255 bytes"));
        }
        bytes->data[bytes->n++] = c;
    }
    return NULL;
}

/* Appends the 'n' bytes at 'data' as tpr_parse_bytes() would take them. */
void
tpr_put_escaped(struct ds *s, const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (data[i]) {
        case '\r': ds_put_cstr(s, "\\r"); break;
        case '\n': ds_put_cstr(s, "\\n"); break;
        case '\t': ds_put_cstr(s, "\\t"); break;
        case '\\': ds_put_cstr(s, "\\\\"); break;
        default:
            if (data[i] >= 0x20 && data[i] < 0x7f) {
                ds_put_char(s, data[i]);
            } else {
                ds_put_format(s, "\\x%02x", data[i]);
            }
        }
    }
}

/* Names and HTTP. */

/* Parses 's', "200" or "200-399", HTTP status codes from 100 to 599. */
char *
tpr_parse_status_range(const char *s, uint16_t *min, uint16_t *max)
{
    unsigned long long int first, last;
    const char *p = s;

    *min = *max = 0;
    if (scan_digits(&p, 599, &first) && first >= 100) {
        last = first;
        if (!*p || (*p++ == '-' && scan_digits(&p, 599, &last)
                    && last >= first && !*p)) {
            *min = first;
            *max = last;
            return NULL;
        }
    }
    return complain(s, "is not an HTTP status or range of them, "
                    "such as 200 or 200-399");
}

/* Returns NULL if 's' can be the name of a region, service or backend: 1 to
 * TPR_NAME_MAX letters, digits, '.', '_' and '-', the first a letter or digit.
 * (A slash separates service and backend, a colon address and port.) */
char *
tpr_check_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    if (!n || s[n] || n > TPR_NAME_MAX || !isalnum((unsigned char) s[0])) {
        return complain(s, "is not a name: use 1 to 63 letters, digits, "
                        "'.', '_' and '-', the first a letter or digit");
    }
    return NULL;
}

/* Returns true if 's' is printable ASCII without spaces, from 1 to 'max'
 * bytes: it goes into an HTTP request as it is. */
static bool
is_http_token(const char *s, size_t max)
{
    size_t i;

    for (i = 0; s[i]; i++) {
        if (i >= max || s[i] <= 0x20 || s[i] >= 0x7f) {
            return false;
        }
    }
    return i > 0;
}

/* Returns NULL if 's' can be the path of an HTTP request. */
char *
tpr_check_path(const char *s)
{
    return (*s == '/' && is_http_token(s, 1024) ? NULL
            : complain(s, "is not a path: start it with a slash and use at "
                       "most 1024 printable characters without spaces"));
}

/* Returns NULL if 's' can be the value of an HTTP Host header. */
char *
tpr_check_host(const char *s)
{
    return (is_http_token(s, 255) && !strpbrk(s, "/?#@\\") ? NULL
            : complain(s, "is not a host name"));
}
