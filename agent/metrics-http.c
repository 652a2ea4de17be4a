/* SPDX-License-Identifier: Apache-2.0 */

/* Metrics over HTTP; metrics-http.h says what and why. */

#include <config.h>
#include "metrics-http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "counts.h"
#include "coverage.h"
#include "metrics.h"
#include "model.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "show.h"
#include "tpr-time.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(metrics);

COVERAGE_DEFINE(metrics_scrape);
COVERAGE_DEFINE(metrics_render);
COVERAGE_DEFINE(metrics_overdue);
COVERAGE_DEFINE(metrics_shortage);

enum {
    SPACING_US = 1000 * 1000,   /* Between two renderings, at least... */
    SPACING_COSTS = 20,         /* ...and so many times what one took. */
    PATIENCE_US = 1000 * 1000,  /* With providers that shall count. */
    RETRY_US = 1000 * 1000,     /* Of listening. */
    SHORTAGE_US = 200 * 1000,   /* Pause where descriptors or memory lack:
                                 * those who connect stay in the queue, and
                                 * would wake us for ever. */
    MAX_CONNECTIONS = 32,
    IDLE_S = 15,                /* Idle connections are closed. */
    MEMORY = 16 * 1024,         /* Of a connection, for its headers. */
};

struct listener {
    struct MHD_Daemon *daemon;  /* NULL: none. */
    struct in6_addr addr;
    uint16_t port;
    int fd;                     /* An epoll's: readable if there is work. */
    int listen_fd;              /* Ours: libmicrohttpd would spin where there
                                 * is no descriptor for who connects. */
    long long int again_us;     /* Nobody is accepted before. */
};

struct metrics_http {
    struct listener listener;
    char *complaint;            /* Why it is not the wanted one, or NULL. */
    long long int retry_us;

    struct MHD_Connection *waiting[MAX_CONNECTIONS];    /* For the text. */
    size_t n_waiting;
    bool asking;                /* Providers count. */
    long long int asked_us;
    struct counts *counts;      /* What they have answered, or NULL. */
    struct ds text;
    long long int text_us;      /* When it was made; 0: never. */
    long long int spacing_us;   /* Until the next one. */
};

struct metrics_http *
metrics_http_create(void)
{
    struct metrics_http *m = xzalloc(sizeof *m);

    ds_init(&m->text);
    return m;
}

/* Requests. */

static enum MHD_Result
respond(struct MHD_Connection *conn, unsigned int status, const char *type,
        const char *text, size_t n)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        n, CONST_CAST(char *, text), MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (!r) {
        return MHD_NO;
    }
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    result = MHD_queue_response(conn, status, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result
refuse(struct MHD_Connection *conn, unsigned int status, const char *text)
{
    return respond(conn, status, "text/plain; charset=utf-8", text,
                   strlen(text));
}

static enum MHD_Result
respond_text(const struct metrics_http *m, struct MHD_Connection *conn)
{
    COVERAGE_INC(metrics_scrape);
    return respond(conn, MHD_HTTP_OK, METRICS_CONTENT_TYPE,
                   ds_cstr_ro(&m->text), m->text.length);
}

/* libmicrohttpd calls this when a request's head is there, again when all of
 * the request is, and once more after it was made to wait.  '*stage' is the
 * request's own memory. */
static enum MHD_Result
answer(void *m_, struct MHD_Connection *conn, const char *url,
       const char *method, const char *version OVS_UNUSED,
       const char *data OVS_UNUSED, size_t *data_size, void **stage)
{
    static char head, waited;
    struct metrics_http *m = m_;

    if (!*stage) {
        *stage = &head;
        return MHD_YES;
    } else if (*data_size) {
        *data_size = 0;         /* Nobody reads it. */
        return MHD_YES;
    } else if (strcmp(method, MHD_HTTP_METHOD_GET)
               && strcmp(method, MHD_HTTP_METHOD_HEAD)) {
        return refuse(conn, MHD_HTTP_METHOD_NOT_ALLOWED,
                      "Metrics are read by GET.\n");
    } else if (strcmp(url, "/metrics")) {
        return refuse(conn, MHD_HTTP_NOT_FOUND, "There is /metrics only.\n");
    } else if (*stage == &waited
               || (m->text_us && tpr_now_us() - m->text_us < m->spacing_us)) {
        return respond_text(m, conn);
    } else if (m->n_waiting >= MAX_CONNECTIONS) {
        return refuse(conn, MHD_HTTP_SERVICE_UNAVAILABLE, "Too many ask.\n");
    }
    *stage = &waited;
    MHD_suspend_connection(conn);
    m->waiting[m->n_waiting++] = conn;
    return MHD_YES;
}

static void
resume_all(struct metrics_http *m)
{
    for (size_t i = 0; i < m->n_waiting; i++) {
        MHD_resume_connection(m->waiting[i]);
    }
    m->n_waiting = 0;
}

/* The text. */

static void
counted(void *m_, struct counts *counts)
{
    struct metrics_http *m = m_;

    m->asking = false;
    if (m->n_waiting) {
        m->counts = counts;
    } else {
        counts_destroy(counts);         /* Too late for who has asked. */
    }
}

static void
render(struct metrics_http *m, const struct agent_view *v)
{
    const long long int began_us = tpr_now_us();
    struct json *show = show_to_json(v);

    COVERAGE_INC(metrics_render);
    ds_clear(&m->text);
    metrics_render(show, m->counts, &m->text);
    m->text_us = tpr_now_us();
    m->spacing_us = MAX(SPACING_US, SPACING_COSTS * (m->text_us - began_us));
    json_destroy(show);
    counts_destroy(m->counts);
    m->counts = NULL;
}

/* Asks for those that wait, and lets them go on when the text is there. */
static void
serve(struct metrics_http *m, const struct agent_view *v)
{
    if (!m->n_waiting) {
        return;
    }
    if (!m->asking && !m->counts) {
        m->asking = true;
        m->asked_us = tpr_now_us();
        counts_ask(v, counted, m);
    }
    if (m->asking && tpr_now_us() - m->asked_us < PATIENCE_US) {
        return;
    } else if (m->asking) {
        COVERAGE_INC(metrics_overdue);
    }
    render(m, v);
    resume_all(m);
    MHD_run(m->listener.daemon);
}

/* Listening. */

/* Peers can provoke these. */
static void
log_error(void *aux OVS_UNUSED, const char *format, va_list args)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    char *s;

    if (!VLOG_DROP_DBG(&rl)) {
        s = xvasprintf(format, args);
        s[strcspn(s, "\n")] = '\0';
        VLOG_DBG("%s", s);
        free(s);
    }
}

/* Returns a listening socket, or a negative errno. */
static int
listen_at(const struct in6_addr *addr, uint16_t port)
{
    const bool ipv4 = IN6_IS_ADDR_V4MAPPED(addr);
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(port),
    };
    struct sockaddr_in6 sin6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port),
        .sin6_addr = *addr,
    };
    const int on = 1;
    int fd, error;

    fd = socket(ipv4 ? AF_INET : AF_INET6,
                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (ipv4) {
        sin.sin_addr.s_addr = in6_addr_get_mapped_ipv4(addr);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)
        || (!ipv4 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on,
                                sizeof on))
        || bind(fd, ipv4 ? (const void *) &sin : (const void *) &sin6,
                ipv4 ? sizeof sin : sizeof sin6)
        || listen(fd, MAX_CONNECTIONS)) {
        error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

/* Opens '*l' at 'addr' and 'port'.  Returns 0 or an errno. */
static int
listener_open(struct metrics_http *m, struct listener *l,
              const struct in6_addr *addr, uint16_t port)
{
    int fd = listen_at(addr, port);
    const union MHD_DaemonInfo *info;

    if (fd < 0) {
        return -fd;
    }
    *l = (struct listener) { .addr = *addr, .port = port };
    l->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME
        | MHD_USE_ERROR_LOG,
        0, NULL, NULL, answer, m,
        MHD_OPTION_EXTERNAL_LOGGER, log_error, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned int) MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int) IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) MEMORY,
        MHD_OPTION_END);
    info = (l->daemon ? MHD_get_daemon_info(l->daemon,
                                            MHD_DAEMON_INFO_EPOLL_FD)
            : NULL);
    if (!info) {
        if (l->daemon) {
            MHD_stop_daemon(l->daemon);
        }
        close(fd);
        l->daemon = NULL;
        return ENOMEM;
    }
    l->fd = info->epoll_fd;
    l->listen_fd = fd;
    return 0;
}

static void
listener_close(struct metrics_http *m, struct listener *l)
{
    if (l->daemon) {
        resume_all(m);
        MHD_stop_daemon(l->daemon);
        close(l->listen_fd);
    }
    *l = (struct listener) { .daemon = NULL };
}

/* Is there room for one connection more?  Others wait in the queue. */
static bool
has_room(const struct listener *l)
{
    const union MHD_DaemonInfo *info
        = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info && info->num_connections < MAX_CONNECTIONS;
}

/* Accepts who has connected. */
static void
listener_run(struct listener *l)
{
    while (tpr_now_us() >= l->again_us && has_room(l)) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof ss;
        int fd = accept4(l->listen_fd, (struct sockaddr *) &ss, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            /* Closes 'fd' if it cannot have it. */
            ignore(MHD_add_connection(l->daemon, fd, (struct sockaddr *) &ss,
                                      len));
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            COVERAGE_INC(metrics_shortage);
            l->again_us = tpr_now_us() + SHORTAGE_US;
        }
    }
}

static void
listener_wait(const struct listener *l)
{
    if (tpr_now_us() < l->again_us) {
        poll_timer_wait_until(l->again_us / 1000 + 1);
    } else if (has_room(l)) {
        poll_fd_wait(l->listen_fd, POLLIN);
    }
}

static char *
format_listener(const struct in6_addr *addr, uint16_t port)
{
    char *s = tpr_format_address(addr);
    char *all = xasprintf(IN6_IS_ADDR_V4MAPPED(addr) ? "%s:%d" : "[%s]:%d",
                          s, (int) port);

    free(s);
    return all;
}

/* Puts a listener at 'addr' and 'port' in the place of the one that is there.
 * Two of them cannot have the same port, so that the old one goes first and
 * comes back if need be. */
static int
replace_listener(struct metrics_http *m, const struct in6_addr *addr,
                 uint16_t port)
{
    struct listener old = m->listener, new;
    const bool same_port = old.daemon && old.port == port;
    int error;

    if (same_port) {
        listener_close(m, &m->listener);
    }
    error = listener_open(m, &new, addr, port);
    if (!error) {
        listener_close(m, &m->listener);
        m->listener = new;
    } else if (same_port) {
        listener_open(m, &m->listener, &old.addr, old.port);
    }
    return error;
}

static void
clear_complaint(struct metrics_http *m)
{
    free(m->complaint);
    m->complaint = NULL;
}

static void
complain(struct metrics_http *m, const char *where, int error)
{
    char *old = (m->listener.daemon
                 ? format_listener(&m->listener.addr, m->listener.port)
                 : NULL);

    clear_complaint(m);
    m->complaint = xasprintf(
        "TPR .: metrics: cannot listen at %s (%s)%s%s", where,
        ovs_strerror(error), old ? "; they stay at " : "", old ? old : "");
    free(old);
}

/* Listens where 'config' says. */
static void
configure(struct metrics_http *m, const struct tpr_config *config)
{
    const struct listener *l = &m->listener;
    char *where;
    int error;

    if (!config->metrics_port) {
        if (l->daemon) {
            VLOG_INFO("no metrics over HTTP any more");
        }
        listener_close(m, &m->listener);
        clear_complaint(m);
        return;
    } else if (l->daemon && l->port == config->metrics_port
               && ipv6_addr_equals(&l->addr, &config->metrics_addr)) {
        clear_complaint(m);
        return;
    } else if (m->complaint && tpr_now_us() < m->retry_us) {
        return;
    }
    where = format_listener(&config->metrics_addr, config->metrics_port);
    error = replace_listener(m, &config->metrics_addr, config->metrics_port);
    if (error) {
        complain(m, where, error);
        m->retry_us = tpr_now_us() + RETRY_US;
    } else {
        clear_complaint(m);
        VLOG_INFO("metrics at http://%s/metrics", where);
    }
    free(where);
}

/* Returns why metrics are not where they shall be, a sentence, or NULL. */
const char *
metrics_http_complaint(const struct metrics_http *m)
{
    return m->complaint;
}

/* Must not be called while providers may still answer. */
void
metrics_http_destroy(struct metrics_http *m)
{
    listener_close(m, &m->listener);
    clear_complaint(m);
    counts_destroy(m->counts);
    ds_destroy(&m->text);
    free(m);
}

/* Should be called in each turn of the main loop. */
void
metrics_http_run(struct metrics_http *m, const struct agent_view *v)
{
    if (v->config) {
        configure(m, v->config);
    }
    if (m->listener.daemon) {
        listener_run(&m->listener);
        MHD_run(m->listener.daemon);
        serve(m, v);
    }
}

void
metrics_http_wait(struct metrics_http *m)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (m->complaint) {
        poll_timer_wait_until(m->retry_us / 1000 + 1);
    }
    if (!m->listener.daemon) {
        return;
    }
    listener_wait(&m->listener);
    poll_fd_wait(m->listener.fd, POLLIN);
    if (MHD_get_timeout(m->listener.daemon, &ms) == MHD_YES) {
        poll_timer_wait(MIN(ms, 60 * 1000));
    }
    if (m->n_waiting) {
        poll_timer_wait_until((m->asked_us + PATIENCE_US) / 1000 + 1);
    }
}
