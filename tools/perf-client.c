/* SPDX-License-Identifier: Apache-2.0 */

/* The engine of tpr-perf; see perf-client.h. */

#include <config.h>
#include "perf-client.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "perf-http.h"

#define NO_DEADLINE INT64_MAX

enum {
    MAX_EVENTS = 64,            /* Taken from epoll at once. */
    READ_SIZE = 64 * 1024,      /* Taken from a socket at once. */
};

struct list {
    struct slot *first, *last;
};

/* One of 'concurrency' clients.  Always in one of the two lists. */
struct slot {
    struct slot *prev, *next;   /* In 'waiting' or 'busy'. */
    int fd;                     /* Connection, or -1. */
    bool busy;                  /* In 'busy'. */
    bool reused;                /* This request is not the connection's
                                 * first. */
    int64_t due_ns;             /* Busy: its timeout; else: next start. */
    int64_t start_ns;           /* Of the current request. */
    size_t sent;                /* Bytes of it. */
    struct perf_http http;      /* Its reply. */
};

struct client {
    const struct perf_client_config *config;
    struct perf_run *run;
    int epoll_fd;
    int timer_fd;
    struct slot *slots;
    struct list waiting;        /* By 'due_ns'. */
    struct list busy;           /* By 'due_ns'. */
    int64_t origin_ns;          /* The run's start. */
    int64_t armed_ns;           /* The timer's deadline, or NO_DEADLINE. */
    int64_t next_progress_ns;   /* Or NO_DEADLINE. */
    int64_t last_late_ns;       /* Last time we noticed that we're late. */
    uint64_t started;           /* Requests. */
    uint64_t rate_slot;         /* Starts by rate, the skipped included. */
    bool out_of_memory;
    bool stop;                  /* 'stop_fd' became readable. */
    char buffer[READ_SIZE];
};

int64_t
perf_client_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void
list_remove(struct list *list, struct slot *slot)
{
    *(slot->prev ? &slot->prev->next : &list->first) = slot->next;
    *(slot->next ? &slot->next->prev : &list->last) = slot->prev;
}

/* Inserts by 'due_ns'; nearly always at the end. */
static void
list_insert(struct list *list, struct slot *slot)
{
    struct slot *before = list->last;

    while (before && before->due_ns > slot->due_ns) {
        before = before->prev;
    }
    slot->prev = before;
    slot->next = before ? before->next : list->first;
    *(slot->prev ? &slot->prev->next : &list->first) = slot;
    *(slot->next ? &slot->next->prev : &list->last) = slot;
}

static void
slot_close(struct slot *slot)
{
    if (slot->fd >= 0) {
        close(slot->fd);        /* RST: SO_LINGER 0. */
        slot->fd = -1;
    }
}

/* The request in 'slot' is over. */
static void
slot_end(struct client *client, struct slot *slot, enum perf_kind kind,
         int error)
{
    const struct perf_client_config *config = client->config;
    int64_t now_ns = perf_client_now();
    bool answered = kind == PERF_OK || kind == PERF_STATUS;
    struct perf_record record = {
        .start_ns = slot->start_ns - client->origin_ns,
        .end_ns = now_ns - client->origin_ns,
        .status = answered ? slot->http.status : 0,
        .error = error,
        .server = (answered
                   ? perf_run_server(client->run, slot->http.server)
                   : PERF_NO_SERVER),
        .kind = kind,
        .reused = slot->reused,
        .own_stall = client->last_late_ns > slot->start_ns,
    };

    if (!perf_run_add(client->run, &record)) {
        client->out_of_memory = true;
    }
    if (!answered || !config->keepalive || !slot->http.keepalive) {
        slot_close(slot);
    }

    list_remove(&client->busy, slot);
    slot->busy = false;
    slot->due_ns = now_ns + config->interval_ns;
    if (kind != PERF_OK
        && slot->due_ns < slot->start_ns + PERF_FAILURE_PACE_NS) {
        slot->due_ns = slot->start_ns + PERF_FAILURE_PACE_NS;
    }
    list_insert(&client->waiting, slot);
}

static void
slot_fail(struct client *client, struct slot *slot, int error)
{
    slot_end(client, slot, perf_kind_from_errno(error), error);
}

/* The reply is complete, followed by 'surplus' bytes. */
static void
slot_done(struct client *client, struct slot *slot, size_t surplus)
{
    if (surplus) {
        slot->http.keepalive = false;
    }
    slot_end(client, slot,
             (slot->http.status == client->config->expect
              ? PERF_OK : PERF_STATUS), 0);
}

/* Sends what can be sent; true if that is all. */
static bool
slot_send(struct client *client, struct slot *slot)
{
    const struct perf_client_config *config = client->config;

    while (slot->sent < config->request_len) {
        ssize_t n = send(slot->fd, config->request + slot->sent,
                         config->request_len - slot->sent, MSG_NOSIGNAL);
        if (n >= 0) {
            slot->sent += n;
        } else if (errno == EAGAIN) {
            return false;
        } else if (errno != EINTR) {
            slot_fail(client, slot, errno);
            return false;
        }
    }
    return true;
}

/* Goes on with the request in 'slot' as far as possible. */
static void
slot_run(struct client *client, struct slot *slot)
{
    if (!slot_send(client, slot)) {
        return;
    }
    for (;;) {
        ssize_t n = recv(slot->fd, client->buffer, sizeof client->buffer, 0);
        enum perf_http_result result;
        size_t used = 0;

        if (n > 0) {
            result = perf_http_feed(&slot->http, client->buffer, n, &used);
        } else if (!n) {
            result = perf_http_eof(&slot->http);
        } else if (errno == EINTR) {
            continue;
        } else if (errno == EAGAIN) {
            return;
        } else {
            slot_fail(client, slot, errno);
            return;
        }

        switch (result) {
        case PERF_HTTP_MORE:
            break;
        case PERF_HTTP_DONE:
            slot_done(client, slot, n - used);
            return;
        case PERF_HTTP_BAD:
        default:
            slot_end(client, slot, PERF_REPLY, 0);
            return;
        }
    }
}

/* Opens a connection for 'slot'; returns 0 or an errno. */
static int
slot_connect(struct client *client, struct slot *slot)
{
    const struct perf_client_config *config = client->config;
    const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    const int one = 1;

    slot->fd = socket(config->peer.ss_family,
                      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (slot->fd < 0
        || setsockopt(slot->fd, SOL_SOCKET, SO_LINGER, &linger,
                      sizeof linger)) {
        return errno;
    }
    if (config->local_len) {
        /* Leaves the port to connect(), which knows the peer, too: ports are
         * unique per pair of addresses, not per source address. */
        setsockopt(slot->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
                   sizeof one);
        if (bind(slot->fd, (const struct sockaddr *) &config->local,
                 config->local_len)) {
            return errno;
        }
    }
    if (connect(slot->fd, (const struct sockaddr *) &config->peer,
                config->peer_len) && errno != EINPROGRESS) {
        return errno;
    }

    /* Edges only: each slot reads and writes until EAGAIN. */
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = slot,
    };
    return epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, slot->fd, &event)
           ? errno : 0;
}

/* Starts a request in 'slot', which is waiting. */
static void
slot_start(struct client *client, struct slot *slot)
{
    const struct perf_client_config *config = client->config;

    list_remove(&client->waiting, slot);
    client->started++;
    slot->busy = true;
    slot->reused = slot->fd >= 0;
    slot->start_ns = perf_client_now();
    slot->due_ns = slot->start_ns + config->timeout_ns;
    slot->sent = 0;
    perf_http_init(&slot->http, config->server_header, config->server_body);
    list_insert(&client->busy, slot);

    int error = slot->reused ? 0 : slot_connect(client, slot);
    if (error) {
        slot_fail(client, slot, error);
    } else {
        slot_send(client, slot);
    }
}

/* Something happened on the connection of 'slot'. */
static void
slot_event(struct client *client, struct slot *slot)
{
    if (slot->busy) {
        slot_run(client, slot);
    } else if (slot->fd >= 0) {
        char byte;

        /* An idle connection: it ended, or the server talks unasked.  Or it
         * is the echo of an event that was dealt with. */
        if (recv(slot->fd, &byte, 1, MSG_PEEK) >= 0 || errno != EAGAIN) {
            slot_close(slot);
        }
    }
}

/* May another request start, as far as limits go? */
static bool
may_start(const struct client *client, int64_t now_ns)
{
    const struct perf_client_config *config = client->config;

    return (!client->out_of_memory
            && (!config->max_requests
                || client->started < config->max_requests)
            && (!config->duration_ns
                || now_ns - client->origin_ns < config->duration_ns));
}

static bool
slot_is_ready(const struct client *client, int64_t now_ns)
{
    return client->waiting.first && client->waiting.first->due_ns <= now_ns;
}

/* When the start number 'client->rate_slot' is due. */
static int64_t
rate_due(const struct client *client)
{
    return client->origin_ns
           + (int64_t) (client->rate_slot * 1e9 / client->config->rate);
}

/* Starts what is due at 'now_ns'; returns when the next one will be, if time
 * alone decides. */
static int64_t
start_due(struct client *client, int64_t now_ns)
{
    bool by_rate = client->config->rate > 0;

    /* At most one round, so that events get their turn. */
    for (unsigned int i = 0; i < client->config->concurrency; i++) {
        if (!may_start(client, now_ns)) {
            return NO_DEADLINE;
        }
        if (!slot_is_ready(client, now_ns)
            || (by_rate && rate_due(client) > now_ns)) {
            break;
        }
        client->rate_slot++;
        slot_start(client, client->waiting.first);
    }

    if (!may_start(client, now_ns) || !client->waiting.first) {
        /* Starts that nobody is free for are lost, but for the last. */
        if (by_rate && !client->waiting.first) {
            uint64_t due = ((now_ns - client->origin_ns) / 1e9
                            * client->config->rate);
            if (due > client->rate_slot) {
                client->run->skipped += due - client->rate_slot;
                client->rate_slot = due;
            }
        }
        return NO_DEADLINE;
    }

    int64_t next = client->waiting.first->due_ns;
    if (by_rate && rate_due(client) > next) {
        next = rate_due(client);
    }
    return next;
}

static void
expire(struct client *client, int64_t now_ns)
{
    struct slot *slot;

    while ((slot = client->busy.first) != NULL && slot->due_ns <= now_ns) {
        /* If we are late, the reply may be here already. */
        slot_run(client, slot);
        if (client->busy.first == slot) {
            slot_end(client, slot, PERF_TIMEOUT, 0);
        }
    }
}

static void
arm_timer(struct client *client, int64_t deadline_ns)
{
    struct itimerspec when = { .it_value.tv_sec = 0 };

    /* Ringing too early costs less than setting it for each request: requests
     * end long before their timeouts. */
    if (client->armed_ns <= deadline_ns) {
        return;
    }
    client->armed_ns = deadline_ns;
    when.it_value.tv_sec = deadline_ns / 1000000000;
    when.it_value.tv_nsec = deadline_ns % 1000000000;
    timerfd_settime(client->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* The timer rang.  How late are we? */
static void
timer_event(struct client *client)
{
    uint64_t count;

    if (read(client->timer_fd, &count, sizeof count) != sizeof count) {
        return;                 /* Was set anew meanwhile. */
    }

    int64_t late_ns = perf_client_now() - client->armed_ns;
    if (late_ns > client->run->late_max_ns) {
        client->run->late_max_ns = late_ns;
    }
    if (late_ns >= PERF_LATE_NS) {
        client->run->late++;
        client->last_late_ns = client->armed_ns + late_ns;
    }
    client->armed_ns = NO_DEADLINE;
}

static int64_t
min_ns(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Waits until 'deadline_ns' or an event and deals with all events.  Returns 0
 * or an errno. */
static int
wait_events(struct client *client, int64_t deadline_ns)
{
    struct epoll_event events[MAX_EVENTS];
    bool now = deadline_ns <= perf_client_now();

    if (!now && deadline_ns != NO_DEADLINE) {
        arm_timer(client, deadline_ns);
    }
    int n = epoll_wait(client->epoll_fd, events, MAX_EVENTS, now ? 0 : -1);
    if (n < 0) {
        return errno == EINTR ? 0 : errno;
    }
    for (int i = 0; i < n; i++) {
        void *source = events[i].data.ptr;

        if (source == &client->timer_fd) {
            timer_event(client);
        } else if (source == &client->stop) {
            client->stop = true;
        } else {
            slot_event(client, source);
        }
    }
    return 0;
}

/* The loop.  Returns 0 or an errno. */
static int
run_loop(struct client *client)
{
    const struct perf_client_config *config = client->config;

    while (!client->stop) {
        int64_t now_ns = perf_client_now();
        expire(client, now_ns);

        int64_t next_start = start_due(client, now_ns);
        bool ending = !may_start(client, now_ns);
        if (ending && !client->busy.first) {
            return client->out_of_memory ? ENOMEM : 0;
        }
        if (now_ns >= client->next_progress_ns) {
            config->progress(client->run, now_ns - client->origin_ns);
            client->next_progress_ns += config->progress_ns;
        }

        int64_t deadline = min_ns(next_start, client->next_progress_ns);
        if (client->busy.first) {
            deadline = min_ns(deadline, client->busy.first->due_ns);
        }
        if (config->duration_ns && !ending) {
            deadline = min_ns(deadline,
                              client->origin_ns + config->duration_ns);
        }
        int error = wait_events(client, deadline);
        if (error) {
            return error;
        }
    }
    return 0;
}

static char *
client_init(struct client *client)
{
    struct epoll_event timer = {
        .events = EPOLLIN, .data.ptr = &client->timer_fd
    };
    struct epoll_event stop = {
        .events = EPOLLIN, .data.ptr = &client->stop
    };
    int stop_fd = client->config->stop_fd;
    char *error = NULL;

    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    client->timer_fd = timerfd_create(CLOCK_MONOTONIC,
                                      TFD_NONBLOCK | TFD_CLOEXEC);
    client->slots = calloc(client->config->concurrency,
                           sizeof *client->slots);
    if (client->epoll_fd < 0 || client->timer_fd < 0 || !client->slots
        || epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->timer_fd,
                     &timer)
        || (stop_fd >= 0
            && epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, stop_fd, &stop))) {
        if (asprintf(&error, "cannot set up %u connections: %s",
                     client->config->concurrency, strerror(errno)) < 0) {
            abort();
        }
        return error;
    }

    client->origin_ns = perf_client_now();
    client->armed_ns = NO_DEADLINE;
    client->next_progress_ns = (client->config->progress
                                ? client->origin_ns
                                  + client->config->progress_ns
                                : NO_DEADLINE);
    for (unsigned int i = 0; i < client->config->concurrency; i++) {
        client->slots[i].fd = -1;
        client->slots[i].due_ns = client->origin_ns;
        list_insert(&client->waiting, &client->slots[i]);
    }
    return NULL;
}

static void
client_destroy(struct client *client)
{
    for (struct slot *slot = client->busy.first; slot; slot = slot->next) {
        slot_close(slot);
        client->run->abandoned++;
    }
    for (struct slot *slot = client->waiting.first; slot; slot = slot->next) {
        slot_close(slot);
    }
    if (client->timer_fd >= 0) {
        close(client->timer_fd);
    }
    if (client->epoll_fd >= 0) {
        close(client->epoll_fd);
    }
    free(client->slots);
    free(client);
}

char *
perf_client_run(const struct perf_client_config *config,
                struct perf_run *run, int64_t *start_ns)
{
    struct client *client = calloc(1, sizeof *client);
    if (!client) {
        return strdup("out of memory");
    }
    client->config = config;
    client->run = run;

    char *error = client_init(client);
    if (!error) {
        int err = run_loop(client);

        *start_ns = client->origin_ns;
        run->end_ns = perf_client_now() - client->origin_ns;
        if (err && asprintf(&error, "ended early after %zu requests: %s",
                            run->n, strerror(err)) < 0) {
            abort();
        }
    }
    client_destroy(client);
    return error;
}
