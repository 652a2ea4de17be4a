/* SPDX-License-Identifier: Apache-2.0 */

/* Runs the named cases: see case.h. */

#include <config.h>
#include "case.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "redirect-check.h"
#include "util.h"

enum { LINE_MAX_ = 2048 };

struct run {
    const struct host_ops *ops;
    void *host;                 /* NULL: not yet made. */
    struct host_options options;
    int family;
    struct outcome out;
    bool checked;               /* 'out' was. */
    struct originated sent;
    bool *seen;                 /* Of 'sent'. */
    const char *path;
    int line;
    char error[512];            /* The first. */
};

static void fail(struct run *, const char *, ...) OVS_PRINTF_FORMAT(2, 3);

static void
fail(struct run *t, const char *format, ...)
{
    va_list args;
    int n;

    if (!*t->error) {
        n = snprintf(t->error, sizeof t->error, "%s:%d: ", t->path, t->line);
        va_start(args, format);
        vsnprintf(t->error + n, sizeof t->error - n, format, args);
        va_end(args);
    }
}

static void *
host(struct run *t)
{
    if (!t->host) {
        t->host = t->ops->create(&t->options);
    }
    return t->host;
}

/* '@c' and so on become addresses. */
static void
substitute(const char *in, int family, char *out)
{
    static const struct { char name; const char *v4, *v6; } names[] = {
        { 'c', "10.0.0.9", "2001:db8::9" },
        { 'd', "10.0.0.10", "2001:db8::10" },
        { 'v', "172.20.126.50", "2001:db8:1::50" },
        { 'w', "172.20.126.51", "2001:db8:1::51" },
        { 'a', "172.20.126.60", "2001:db8:1::60" },
        { 'b', "172.20.126.61", "2001:db8:1::61" },
        { 'e', "172.20.126.62", "2001:db8:1::62" },
        { 'r', "172.20.126.1", "2001:db8:1::1" },
    };
    char *end = out + LINE_MAX_ - 64;

    for (; *in && *in != '#' && *in != '\n' && out < end; in++) {
        *out++ = *in;
        for (size_t i = 0; *in == '@' && i < ARRAY_SIZE(names); i++) {
            if (in[1] == names[i].name) {
                out--;
                out += snprintf(out, 64, "[%s]", (family == 4 ? names[i].v4
                                             : names[i].v6));
                in++;
                break;
            }
        }
    }
    *out = '\0';
}

static void
packet_in(struct run *t, char *text)
{
    struct pkt p, quote;
    char mode[16];
    unsigned int port;
    int n = 0;
    const char *error;

    if (sscanf(text, "%u %15s %n", &port, mode, &n) < 2) {
        fail(t, "in PORT MODE PACKET expected");
        return;
    }
    error = pkt_parse(text + n, &p, &quote);
    if (error) {
        fail(t, "%s", error);
        return;
    }
    if (p.proto == PROTO_ICMP && p.is_v6) {
        p.proto = PROTO_ICMP6;
    }
    t->out.frame.len = 0;
    t->ops->process(host(t), (!strcmp(mode, "any") ? TPR_MODE_ANY
                              : !strcmp(mode, "reverse") ? TPR_MODE_REVERSE
                              : TPR_MODE_FORWARD),
                    (uint32_t) number(mode), port, &p, &t->out);
    t->checked = false;
    if (t->out.more) {
        fail(t, "more than one packet came of it");
    }
    if (t->out.verdict == TPR_PASS) {
        struct frame f;

        pkt_build(&p, &f);
        if (f.len != t->out.frame.len
            || memcmp(f.data, t->out.frame.data, f.len)) {
            fail(t, "a packet that passes was changed");
        }
    }
}

static void
print_frame(char *to, size_t room, const struct frame *f)
{
    for (size_t i = 0; i < f->len && 2 * i + 3 < room; i++) {
        snprintf(to + 2 * i, 3, "%02x", f->data[i]);
    }
}

static bool
frame_of(struct run *t, char *text, struct frame *f)
{
    struct pkt p, quote;
    const char *error;

    text += strspn(text, " ");
    if (!strncmp(text, "hex ", 4)) {
        bool ok = true;

        for (f->len = 0, text += 4; *text && f->len < FRAME_MAX; text += 2) {
            f->data[f->len++] = (uint8_t) hexits_value(text, 2, &ok);
        }
        if (!ok) {
            fail(t, "bad hex");
        }
        return ok;
    }
    error = pkt_parse(text, &p, &quote);

    if (error) {
        fail(t, "%s", error);
        return false;
    }
    if (p.proto == PROTO_ICMP && p.is_v6) {
        p.proto = PROTO_ICMP6;
    }
    pkt_build(&p, f);
    return true;
}

static void
expect_verdict(struct run *t, enum tpr_verdict verdict)
{
    if (t->out.verdict != verdict) {
        fail(t, "verdict %d, expected %d", t->out.verdict, verdict);
    }
}

static void
expect_frame(struct run *t, enum tpr_verdict verdict, char *text)
{
    struct frame f;

    expect_verdict(t, verdict);
    if (*t->error) {
        return;
    }
    if (verdict == TPR_SEND) {
        uint32_t port = (uint32_t) strtoul(text, &text, 10);

        if (port != t->out.port) {
            fail(t, "left by port %u, expected %u", t->out.port, port);
        }
    }
    if (frame_of(t, text, &f)
        && (f.len != t->out.frame.len
            || memcmp(f.data, t->out.frame.data, f.len))) {
        char is[200] = "", want[200] = "";

        print_frame(is, sizeof is, &t->out.frame);
        print_frame(want, sizeof want, &f);
        fail(t, "frame %s, expected %s", is, want);
    }
}

static void
sent(struct run *t, char *text)
{
    uint32_t port = (uint32_t) strtoul(text, &text, 10);
    struct frame f;

    if (!frame_of(t, text, &f)) {
        return;
    }
    for (size_t i = 0; i < t->sent.n; i++) {
        const struct outcome *o = &t->sent.out[i];

        if (!t->seen[i] && o->port == port && o->frame.len == f.len
            && !memcmp(o->frame.data, f.data, f.len)) {
            t->seen[i] = true;
            return;
        }
    }
    fail(t, "the sender sent no such packet");
}

static void
set_redirect(struct run *t, char *text, bool refused)
{
    struct redirect_text r;
    const char *error = redirect_parse(text, &r);

    if (error) {
        fail(t, "%s", error);
    } else if (t->ops->set(host(t), &r.r) == refused) {
        fail(t, refused ? "should have been refused" : "was refused");
    }
}

static void
set_word(struct run *t, const char *text, bool is_region)
{
    static const char *const states[] = { "unknown", "up", "down", "drain" };
    struct tpr_liveness_mod mod = { .is_region = is_region };
    char state[16];

    if (sscanf(text, "%u %15s", &mod.index, state) != 2) {
        fail(t, "N STATE expected");
        return;
    }
    for (mod.state = 0; mod.state < 4; mod.state++) {
        if (!strcmp(states[mod.state], state)) {
            t->ops->word(host(t), &mod);
            return;
        }
    }
    fail(t, "no such state");
}

static void
expect_counter(struct run *t, const char *text)
{
    unsigned int want;
    char name[32];

    if (sscanf(text, "%31s %u", name, &want) == 2) {
        for (int i = 0; i < TPR_N_COUNTERS; i++) {
            if (!strcmp(name, tpr_counter_name(i))) {
                uint64_t is = t->ops->counter(host(t), i);

                if (is != want) {
                    fail(t, "counter %s is %llu", name,
                         (unsigned long long) is);
                }
                return;
            }
        }
    }
    fail(t, "no such counter");
}

static void
expect_stats(struct run *t, const char *text)
{
    unsigned int id, i, packets, reverse, connections;
    struct tpr_backend_stats s;

    if (sscanf(text, "%u %u %u %u %u", &id, &i, &packets, &reverse,
               &connections) != 5
        || !t->ops->stats(host(t), id, (uint16_t) i, &s)) {
        fail(t, "no such backend");
    } else if (s.packets != packets || s.rev_packets != reverse
               || s.connections != connections) {
        fail(t, "backend has %llu packets, %llu back, %u connections",
             (unsigned long long) s.packets,
             (unsigned long long) s.rev_packets, s.connections);
    }
}

/* Does the host have what this line is about? */
static bool
is_possible(const struct host_ops *ops, const char *line)
{
    return (!strcmp(line, "sender") ? ops->originate != NULL
            : !strcmp(line, "time") ? ops->time != NULL
            : !strcmp(line, "withdraw") ? ops->withdraw != NULL
            : true);
}

/* Can the host show what this line expects? */
static bool
is_visible(const struct host_ops *ops, const char *line)
{
    return (!strcmp(line, "connections") ? ops->connections != NULL
            : !strcmp(line, "counter") ? ops->counter != NULL
            : !strcmp(line, "stats") ? ops->stats != NULL
            : true);
}

static void
step(struct run *t, char *line)
{
    char *args = strchr(line, ' ');
    unsigned long n;

    if (args) {
        *args++ = '\0';
        args += strspn(args, " ");
    } else {
        args = line + strlen(line);
    }
    n = strtoul(args, NULL, 10);
    if (!is_possible(t->ops, line)) {
        fail(t, "nothing that %s has", t->ops->name);
    } else if (!is_visible(t->ops, line)) {
        return;
    } else if (!strcmp(line, "redirect") || !strcmp(line, "refused")) {
        set_redirect(t, args, line[2] == 'f');
    } else if (!strcmp(line, "region") || !strcmp(line, "word")) {
        set_word(t, args, *line == 'r');
    } else if (!strcmp(line, "in")) {
        packet_in(t, args);
    } else if (!strcmp(line, "out")) {
        expect_frame(t, TPR_SEND, args);
    } else if (!strcmp(line, "reply")) {
        expect_frame(t, TPR_REPLY, args);
    } else if (!strcmp(line, "pass")) {
        expect_verdict(t, TPR_PASS);
    } else if (!strcmp(line, "drop")) {
        expect_verdict(t, TPR_DROP);
    } else if (!strcmp(line, "not")) {
        /* For another host. */
    } else if (!strcmp(line, "sender")) {
        memset(t->seen, 0, MAX_ORIGINATED * sizeof *t->seen);
        t->ops->originate(host(t), &t->sent);
        if (t->sent.n != n) {
            fail(t, "the sender sent %"PRIuSIZE" packets", t->sent.n);
        }
    } else if (!strcmp(line, "sent")) {
        sent(t, args);
    } else if (!strcmp(line, "table")) {
        t->options.connections = (uint32_t) n;
        t->options.is_special = true;
    } else if (!strcmp(line, "pool")) {
        t->options.half_open = (uint32_t) n;
        t->options.is_special = true;
    } else if (!strcmp(line, "seed")) {
        t->options.seed = (uint32_t) n;
    } else if (!strcmp(line, "time")) {
        t->ops->time(host(t), (uint32_t) n);
    } else if (!strcmp(line, "del")) {
        if (!t->ops->del(host(t), (uint32_t) n)) {
            fail(t, "no such redirect");
        }
    } else if (!strcmp(line, "withdraw")) {
        t->ops->withdraw(host(t), (uint32_t) n);
    } else if (!strcmp(line, "connections")) {
        if (t->ops->connections(host(t)) != n) {
            fail(t, "%u connections", t->ops->connections(host(t)));
        }
    } else if (!strcmp(line, "counter")) {
        expect_counter(t, args);
    } else if (!strcmp(line, "stats")) {
        expect_stats(t, args);
    } else {
        fail(t, "unknown word '%s'", line);
    }
}

static int
end_of_case(char **lines, int n_lines, int start)
{
    int i = start + 1;

    while (i < n_lines && strncmp(lines[i], "case ", 5)
           && strncmp(lines[i], "families ", 9)) {
        i++;
    }
    return i;
}

/* Why the host cannot do what the case wants, or NULL: what "not HOST" says,
 * without the new-line, '*length' characters. */
static const char *
why_not(const struct host_ops *ops, char **lines, int n_lines, int start,
        int *length)
{
    for (int i = start + 1; i < end_of_case(lines, n_lines, start); i++) {
        size_t n = strlen(ops->name);

        if (!strncmp(lines[i], "not ", 4)
            && !strncmp(lines[i] + 4, ops->name, n)
            && lines[i][4 + n] == ' ') {
            const char *why = lines[i] + 5 + n;

            *length = (int) strcspn(why, "\n");
            return why;
        }
    }
    return NULL;
}

/* One case, the lines after 'start', up to the next. */
static void
run_case(struct run *t, char **lines, int n_lines, int start)
{
    char line[LINE_MAX_];

    t->host = NULL;
    t->options = (struct host_options) { 256, 16, 12345, false };
    *t->error = '\0';
    for (int i = start + 1; i < end_of_case(lines, n_lines, start); i++) {
        size_t length;

        t->line = i + 1;
        substitute(lines[i], t->family, line);
        length = strlen(line);
        while (length && line[length - 1] == ' ') {
            line[--length] = '\0';
        }
        if (length) {
            step(t, line);
        }
    }
    if (t->host) {
        t->ops->destroy(t->host);
    }
}

static char **
read_lines(const char *path, int *n)
{
    char buffer[LINE_MAX_];
    FILE *file = fopen(path, "r");
    char **lines = NULL;

    *n = 0;
    while (file && fgets(buffer, sizeof buffer, file)) {
        lines = xrealloc(lines, (*n + 1) * sizeof *lines);
        lines[(*n)++] = xstrdup(buffer);
    }
    if (file) {
        fclose(file);
    }
    return lines;
}

/* Runs the cases of file 'path' against 'ops'; a line of TAP each. */
void
case_run_file(const char *path, const struct host_ops *ops,
              unsigned int *n_tests, unsigned int *n_failed)
{
    static struct outcome out[MAX_ORIGINATED];
    static bool seen[MAX_ORIGINATED];
    struct run t = { .ops = ops, .path = path, .seen = seen,
                     .sent.out = out };
    bool families[7] = { [4] = true };
    int n_lines;
    char **lines = read_lines(path, &n_lines);

    for (int i = 0; i < n_lines; i++) {
        if (!strncmp(lines[i], "families ", 9)) {
            families[4] = strchr(lines[i], '4') != NULL;
            families[6] = strchr(lines[i], '6') != NULL;
        }
        for (int family = 4; family <= 6; family += 2) {
            const char *why;
            int length = 0;

            if (strncmp(lines[i], "case ", 5) || !families[family]) {
                continue;
            }
            t.family = family;
            *t.error = '\0';
            why = why_not(ops, lines, n_lines, i, &length);
            if (!why) {
                run_case(&t, lines, n_lines, i);
            }
            printf("%sok %u - %s: %.*s, IPv%d%s%.*s\n",
                   *t.error ? "not " : "", ++*n_tests, ops->name,
                   (int) strcspn(lines[i] + 5, "\n"), lines[i] + 5, family,
                   why ? " # SKIP " : "", length, why ? why : "");
            if (*t.error) {
                printf("# %s\n", t.error);
                ++*n_failed;
            }
        }
    }
    for (int i = 0; i < n_lines; i++) {
        free(lines[i]);
    }
    free(lines);
}
