/* SPDX-License-Identifier: Apache-2.0 */

/* The agent-check server of tpr-regiond: whoever connects gets one line in the
 * words of HAProxy's agent-check (agent-words.h), and then the end.
 *
 *     "75% ready up\n"
 *     "75% ready down # check http://127.0.0.1/: connection refused\n"
 *     "75% maint up\n"              the operator has taken the region down
 *
 * Only an agent takes back what it has said, hence each line says everything.
 * Line and end leave in one segment, at once: nobody waits for anybody's
 * delayed ACK.  What the peer sends (HAProxy's agent-send) is read and
 * ignored, for a socket that is closed with something unread resets the
 * connection, and the line might be lost.
 *
 * Connections are bounded in number and time: of more than MAX_CLIENTS the
 * oldest goes. */

#include <config.h>
#include "regiond.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "check.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "socket-util.h"
#include "tpr-time.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(regiond_agent);

enum {
    MAX_CLIENTS = 64,
    BACKLOG = 256,              /* Who asks meanwhile: inet_open_passive() has
                                 * 10, and who finds no place asks again a
                                 * second later. */
    CLIENT_US = 1000 * 1000,    /* How long a peer may take to close. */
    SHORTAGE_US = 200 * 1000,   /* Pause where descriptors or memory lack:
                                 * those who ask stay in the queue, and would
                                 * wake us for ever. */
};

struct regiond_agent {
    int fd;                     /* Listens. */
    struct regiond_client {
        int fd;
        long long int until_us;
    } clients[MAX_CLIENTS];     /* Oldest first. */
    size_t n_clients;
    long long int again_us;     /* Nobody is accepted before. */
    bool short_of;              /* And that is in the log. */
    long long int measure_us;   /* Next measurement. */
    unsigned long long int n_asked;
};

/* Returns a socket that listens at 'addr', or a negative errno. */
static int
listen_at(const struct in6_addr *addr, uint16_t port)
{
    char *s = tpr_format_address(addr);
    bool v4 = IN6_IS_ADDR_V4MAPPED(addr);
    char *target = xasprintf("%"PRIu16":%s%s%s", port, v4 ? "" : "[", s,
                             v4 ? "" : "]");
    int fd = inet_open_passive(SOCK_STREAM, target, -1, NULL, 0, false);

    free(target);
    free(s);
    if (fd >= 0 && listen(fd, BACKLOG)) {
        int error = errno;

        close(fd);
        return -error;
    }
    return fd;
}

/* Opens the server that 'o' asks for; ends the program if that is
 * impossible. */
struct regiond_agent *
regiond_agent_create(const struct regiond_options *o)
{
    struct regiond_agent *a;
    bool any = IN6_IS_ADDR_UNSPECIFIED(&o->agent_addr);
    int fd = listen_at(&o->agent_addr, o->agent_port);

    if (fd < 0 && any) {
        struct in6_addr any4;   /* A host without IPv6. */

        in6_addr_set_mapped_ipv4(&any4, htonl(INADDR_ANY));
        fd = listen_at(&any4, o->agent_port);
    }
    if (fd < 0) {
        VLOG_FATAL("--agent-check: cannot listen at port %"PRIu16" (%s)",
                   o->agent_port, ovs_strerror(-fd));
    }
    a = xzalloc(sizeof *a);
    a->fd = fd;
    a->measure_us = tpr_now_us();
    return a;
}

static void
close_client(struct regiond_agent *a, size_t i)
{
    close(a->clients[i].fd);
    a->n_clients--;
    memmove(&a->clients[i], &a->clients[i + 1],
            (a->n_clients - i) * sizeof a->clients[0]);
}

/* Closes the server; 'a' may be NULL. */
void
regiond_agent_destroy(struct regiond_agent *a)
{
    if (a) {
        while (a->n_clients) {
            close_client(a, 0);
        }
        close(a->fd);
        free(a);
    }
}

/* What is said. */

/* Says in 'reason' which check fails, if any.  Returns true if none does. */
static bool
find_failure(const struct regiond *r, char *reason, size_t size)
{
    const struct tpr_service *svc = r->options.service;

    for (size_t i = 0; i < svc->n_backends; i++) {
        const struct tpr_backend *b = svc->backends[i];
        struct check_stats st;

        if (!check_set_stats(r->checks, b, &st) || st.state != CHECK_UP) {
            snprintf(reason, size, "check %s: %s", b->name,
                     st.last[0] ? st.last : "not yet");
            return false;
        }
    }
    return true;
}

/* Returns the least weight that a metric is worth.  One that cannot be
 * measured counts for nothing: it is said in the log. */
static unsigned int
least_weight(const struct regiond *r)
{
    const struct regiond_options *o = &r->options;
    unsigned int weight = LOAD_MAX_WEIGHT;
    bool known = false;

    for (size_t i = 0; i < o->n_metrics; i++) {
        if (o->metrics[i].known) {
            weight = MIN(weight, o->metrics[i].weight);
            known = true;
        }
    }
    return known ? weight : 100;
}

/* Stores in 'words' how busy the processors are, by the busiest of those that
 * are looked at, if any.  That none can be measured is said, too: nobody shall
 * believe in an old load. */
static void
put_load(const struct regiond *r, struct agent_words *words)
{
    const struct regiond_options *o = &r->options;

    for (size_t i = 0; i < o->n_metrics; i++) {
        const struct regiond_metric *m = &o->metrics[i];

        if (m->type != REGIOND_CPU && m->type != REGIOND_CGROUP) {
            continue;
        } else if (m->known) {
            uint32_t cpu = MIN(m->load + 0.5, AGENT_CPU_MAX);

            words->cpu = words->has_cpu ? MAX(words->cpu, cpu) : cpu;
            words->has_cpu = true;
        } else if (m->trouble[0]) {
            words->no_cpu = true;
        }
    }
    words->no_cpu &= !words->has_cpu;
}

/* Stores in 'words' what is said of the region now. */
void
regiond_agent_words(const struct regiond *r, struct agent_words *words)
{
    char reason[AGENT_LINE_MAX];
    char *line;

    agent_words_init(words);
    if (r->options.n_metrics) {
        words->has_percent = true;
        words->percent = least_weight(r);
    }
    put_load(r, words);
    words->admin = r->admin_down ? AGENT_ADMIN_MAINT : AGENT_ADMIN_READY;
    words->health = AGENT_HEALTH_UP;
    if (!find_failure(r, reason, sizeof reason)) {
        struct agent_words down;

        /* As a peer would read it. */
        line = xasprintf("down # %s", reason);
        free(agent_words_parse(line, &down));
        free(line);
        agent_words_merge(words, &down);
    }
}

/* How often the line was asked for. */
unsigned long long int
regiond_agent_asked(const struct regiond_agent *a)
{
    return a->n_asked;
}

/* Connections. */

static void
answer(struct regiond_agent *a, const struct regiond *r, int fd)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct agent_words words;

    if (a->n_clients >= MAX_CLIENTS) {
        close_client(a, 0);
    }
    a->clients[a->n_clients++] = (struct regiond_client) {
        .fd = fd, .until_us = tpr_now_us() + CLIENT_US,
    };
    a->n_asked++;
    regiond_agent_words(r, &words);
    agent_words_put(&words, &s);
    ds_put_char(&s, '\n');
    /* A fresh connection has room for a line; who does not take it does not
     * get it. */
    ignore(send(fd, ds_cstr(&s), s.length, MSG_NOSIGNAL | MSG_MORE));
    shutdown(fd, SHUT_WR);
    ds_destroy(&s);
}

/* Accepting has failed with 'error'. */
static void
not_accepted(struct regiond_agent *a, int error)
{
    switch (error) {
    case EAGAIN:
        a->short_of = false;    /* All were accepted. */
        break;
    case ECONNABORTED:
    case EINTR:
        break;
    default:
        a->again_us = tpr_now_us() + SHORTAGE_US;
        if (!a->short_of) {
            VLOG_WARN("agent-check: accept failed (%s): tried again every %d "
                      "ms", ovs_strerror(error), SHORTAGE_US / 1000);
            a->short_of = true;
        }
        break;
    }
}

static void
accept_clients(struct regiond_agent *a, const struct regiond *r)
{
    if (tpr_now_us() < a->again_us) {
        return;
    }
    for (int i = 0; i < MAX_CLIENTS; i++) {
        int fd = accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            not_accepted(a, errno);
            return;
        }
        answer(a, r, fd);
    }
}

/* Reads what the peer sends.  Returns true when it has closed, or its time is
 * over. */
static bool
client_is_done(const struct regiond_client *c)
{
    char buf[512];
    int n_reads = 0;
    ssize_t n;

    /* One that sends without end has to wait for others. */
    do {
        n = recv(c->fd, buf, sizeof buf, 0);
    } while (n > 0 && ++n_reads < 8);
    return (!n || (n < 0 && errno != EAGAIN && errno != EINTR)
            || tpr_now_us() >= c->until_us);
}

static void
measure(struct regiond_agent *a, struct regiond_options *o)
{
    long long int now_us = tpr_now_us();

    if (!o->n_metrics || now_us < a->measure_us) {
        return;
    }
    for (size_t i = 0; i < o->n_metrics; i++) {
        struct regiond_metric *m = &o->metrics[i];
        bool known = m->known;

        regiond_measure(m);
        if (m->trouble[0] && (known || !m->said)) {
            VLOG_WARN("agent-check: %s does not count: %s", m->text,
                      m->trouble);
        }
        m->said = m->trouble[0] != '\0';
    }
    a->measure_us = MAX(a->measure_us + o->agent_interval_us, now_us);
}

/* Measures, and answers who has asked. */
void
regiond_agent_run(struct regiond_agent *a, struct regiond *r)
{
    measure(a, &r->options);
    accept_clients(a, r);
    for (size_t i = a->n_clients; i-- > 0;) {
        if (client_is_done(&a->clients[i])) {
            close_client(a, i);
        }
    }
}

/* Makes the poll loop wake up when regiond_agent_run() has something to do. */
void
regiond_agent_wait(struct regiond_agent *a, const struct regiond *r)
{
    if (tpr_now_us() < a->again_us) {
        poll_timer_wait_until(a->again_us / 1000 + 1);
    } else {
        poll_fd_wait(a->fd, POLLIN);
    }
    for (size_t i = 0; i < a->n_clients; i++) {
        poll_fd_wait(a->clients[i].fd, POLLIN);
        poll_timer_wait_until(a->clients[i].until_us / 1000 + 1);
    }
    if (r->options.n_metrics) {
        poll_timer_wait_until(a->measure_us / 1000 + 1);
    }
}
