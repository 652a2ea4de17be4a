/* SPDX-License-Identifier: Apache-2.0 */

/* tpr-states: TCP clients in all states when their region dies, for
 * tools/bench clients.
 *
 * A quarter of the clients each is, when the region dies,
 *
 *   half-open  about to connect: its SYN leaves within --within of the death
 *   idle       on a keep-alive connection that has had an answer; its next
 *              request leaves within --within of the death
 *   sending    in a chunked POST, a piece each PIECE_NS; its last piece leaves
 *              within --within of the death, so that an answer is due then
 *   receiving  in a response that is slower than the whole run
 *
 *     ASLEEP --connect()--> PREPARING --> READY --death--> ASKING --> DONE
 *                                           |                ^
 *                                           +--- broken -----+
 *
 * Once all are in their state, the program writes a line to a descriptor,
 * behind which somebody waits to cut the region off.  Time counts from just
 * before.  A client whose connection breaks (reset, closed, an answer other
 * than 200) opens a new one and asks with a small GET, at once, but no sooner
 * than RETRY_NS after its last attempt.  It is done with its first complete
 * answer of status 200 from anybody but the dead region: what that one still
 * got out does not count, the client asks again.  No client has a timeout of
 * its own: only TCP's count.
 *
 * With --told, nobody needs to redirect anything: --within after the death all
 * clients know of it and turn to that address.  What they take then is what
 * the machine takes for so many connections at once.
 *
 * Standard output has a line for each client, "STATE TIME BREAKS": time in
 * microseconds or "never", and how often its connection broke; then "late
 * TIME", the most that this program was late itself.
 *
 * Needs nothing but libc.  One thread, one loop on epoll and a timerfd. */

#include <config.h>
#include "tpr-config.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "perf-client.h"
#include "perf-http.h"

#define MSEC INT64_C(1000000)           /* In nanoseconds. */
#define NEVER INT64_MAX
#define STAGGER_NS (1 * MSEC)           /* Between clients, at the start. */
#define PREPARE_NS (20000 * MSEC)       /* Until all must be ready. */
#define SETTLE_NS (1500 * MSEC)         /* From then to the death: longer than
                                         * a slow response pauses; and up... */
#define JITTER_NS (1000 * MSEC)         /* ...to that much more. */
#define PIECE_NS (50 * MSEC)            /* Between pieces of an upload. */
#define RETRY_NS (1 * MSEC)             /* Between attempts, at least. */

enum {
    MAX_CLIENTS = 10000,
    MAX_EVENTS = 64,
    READ_SIZE = 64 * 1024,
    SPARE_FDS = 32,
};

enum state { HALF_OPEN, IDLE, SENDING, RECEIVING, N_STATES };

static const char *const state_names[N_STATES] = {
    "half-open", "idle", "sending", "receiving",
};

enum phase {
    ASLEEP,                     /* No connection yet. */
    PREPARING,                  /* On the way to its state. */
    READY,                      /* In its state. */
    ASKING,                     /* After the death: a GET is under way. */
    DONE,
};

#define GET(PATH) "GET " PATH " HTTP/1.1\r\nHost: states\r\n\r\n"
#define GET_ROOT GET("/")

/* What the first request of a client in each state is. */
static const char *const first_requests[N_STATES] = {
    [HALF_OPEN] = GET_ROOT,
    [IDLE] = GET_ROOT,
    [SENDING] = "POST /upload HTTP/1.1\r\nHost: states\r\n"
                "Transfer-Encoding: chunked\r\n\r\n",
    [RECEIVING] = GET("/slow"),
};
static const char piece[] = "10\r\n0123456789abcdef\r\n";
static const char last_piece[] = "0\r\n\r\n";

struct client {
    enum state state;
    enum phase phase;
    int fd;                     /* Connection, or -1. */
    int64_t due_ns;             /* When to do something, or NEVER. */
    int64_t last_try_ns;        /* Of the last connect(). */
    int64_t act_ns;             /* When it acts, after the death. */
    int64_t done_ns;            /* First answer, after the death. */
    unsigned int breaks;        /* Of its connection, after the death. */
    bool waiting;               /* For an answer. */
    const char *out;            /* What is still to be sent. */
    size_t out_len;
    struct perf_http http;      /* The answer. */
};

struct options {
    unsigned int n_clients;
    int64_t within_ns;          /* Clients act that soon after the death. */
    int64_t limit_ns;           /* After the death, for each client. */
    unsigned int seed;
    const char *dead;           /* Name of the region that dies. */
    int kill_fd;                /* Where to write... */
    const char *kill_line;      /* ...this. */
    struct sockaddr_storage peer;
    socklen_t peer_len;
    const char *told;           /* Address where all turn to, or NULL. */
};

static struct options options = {
    .n_clients = 1000,
    .within_ns = 30 * MSEC,
    .limit_ns = 10000 * MSEC,
    .seed = 1,
    .dead = "r1",
    .kill_fd = STDOUT_FILENO,
    .kill_line = "",
};
static struct client clients[MAX_CLIENTS];
static int epoll_fd, timer_fd;
static unsigned int n_ready, n_done;
static int64_t death_ns;        /* 0: it has not come yet. */
static int64_t late_ns;         /* Worst lateness after the death. */

static void fatal(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

static void
fatal(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "tpr-states: ");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    putc('\n', stderr);
    exit(EXIT_FAILURE);
}

/* A moment within 'range_ns' from now on, 0 included. */
static int64_t
random_ns(int64_t range_ns)
{
    return (int64_t) (drand48() * range_ns);
}

/* Connections --------------------------------------------------------------*/

static void client_break(struct client *, const char *why);

static void
client_close(struct client *c)
{
    if (c->fd >= 0) {
        close(c->fd);           /* RST: SO_LINGER 0. */
        c->fd = -1;
    }
    c->waiting = false;
    c->out_len = 0;
}

/* Sends what can be sent.  False if the connection broke. */
static bool
client_flush(struct client *c)
{
    while (c->out_len) {
        ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);

        if (n >= 0) {
            c->out += n;
            c->out_len -= n;
        } else if (errno == EAGAIN || errno == ENOTCONN) {
            return true;
        } else if (errno != EINTR) {
            client_break(c, strerror(errno));
            return false;
        }
    }
    return true;
}

static void
client_send(struct client *c, const char *text)
{
    c->out = text;
    c->out_len = strlen(text);
    client_flush(c);
}

static void
client_request(struct client *c, const char *request)
{
    perf_http_init(&c->http, "X-Served-By", false);
    c->waiting = true;
    client_send(c, request);
}

/* Opens a connection and sends 'request' as soon as it is there. */
static void
client_connect(struct client *c, const char *request)
{
    const struct linger linger = { .l_onoff = 1, .l_linger = 0 };
    const int one = 1;
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = c,
    };

    client_close(c);
    c->last_try_ns = perf_client_now();
    c->fd = socket(options.peer.ss_family,
                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0
        || setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger)
        || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)) {
        fatal("cannot make a socket: %s.", strerror(errno));
    }
    if (connect(c->fd, (const struct sockaddr *) &options.peer,
                options.peer_len) && errno != EINPROGRESS) {
        client_break(c, strerror(errno));
        return;
    }
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event)) {
        fatal("epoll_ctl: %s.", strerror(errno));
    }
    perf_http_init(&c->http, "X-Served-By", false);
    c->waiting = true;
    c->out = request;
    c->out_len = strlen(request);
}

/* Clients ------------------------------------------------------------------*/

/* The client's connection is of no use any more. */
static void
client_break(struct client *c, const char *why)
{
    client_close(c);
    if (!death_ns) {
        fatal("a client (%s) lost its connection before the region died: %s.",
              state_names[c->state], why);
    }

    int64_t now_ns = perf_client_now();
    bool at_once = now_ns - c->last_try_ns >= RETRY_NS;

    c->breaks++;
    c->phase = ASKING;
    c->due_ns = at_once ? now_ns : c->last_try_ns + RETRY_NS;
}

static void
client_ready(struct client *c, int64_t now_ns)
{
    c->phase = READY;
    c->due_ns = c->state == SENDING ? now_ns + random_ns(PIECE_NS) : NEVER;
    n_ready++;
}

/* A complete answer has come.  'surplus' bytes follow it. */
static void
client_answered(struct client *c, int64_t now_ns, size_t surplus)
{
    c->waiting = false;
    if (!death_ns) {
        if (c->phase != PREPARING || c->state != IDLE || surplus
            || c->http.status != 200 || !c->http.keepalive) {
            fatal("a client (%s) got an unfit answer before the region died: "
                  "status %d from \"%s\".", state_names[c->state],
                  c->http.status, c->http.server);
        } else if (strcmp(c->http.server, options.dead)) {
            fatal("\"%s\" answers instead of %s, which is to die.",
                  c->http.server, options.dead);
        }
        client_ready(c, now_ns);
    } else if (c->state == RECEIVING && !c->breaks) {
        fatal("a slow response came to its end.");
    } else if (c->http.status != 200) {
        client_break(c, "status");
    } else if (strcmp(c->http.server, options.dead)) {
        c->phase = DONE;
        c->due_ns = NEVER;
        c->done_ns = now_ns;
        n_done++;
    } else if (c->http.keepalive && !surplus) {
        c->phase = ASKING;
        client_request(c, GET_ROOT);
    } else {
        client_break(c, "closed");
    }
}

/* Takes 'n' bytes that have come, 0 at the connection's end.  Returns true if
 * there may be more. */
static bool
client_take(struct client *c, const char *data, ssize_t n)
{
    enum perf_http_result result;
    size_t used = 0;

    if (!c->waiting) {
        client_break(c, n ? "unasked data" : "closed");
        return false;
    }
    result = (n ? perf_http_feed(&c->http, data, n, &used)
              : perf_http_eof(&c->http));
    if (result == PERF_HTTP_DONE) {
        client_answered(c, perf_client_now(), n - used);
        return n && c->fd >= 0 && c->phase != DONE;
    } else if (result == PERF_HTTP_BAD) {
        client_break(c, n ? "not HTTP" : "closed");
        return false;
    } else if (c->state == RECEIVING && c->phase == PREPARING
               && c->http.state == PERF_HTTP_BODY_LENGTH) {
        client_ready(c, perf_client_now());
    }
    return true;
}

static void
client_event(struct client *c)
{
    static char buffer[READ_SIZE];
    bool more = c->phase != DONE && c->fd >= 0 && client_flush(c);

    while (more) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);

        if (n >= 0) {
            more = client_take(c, buffer, n) && n;
        } else if (errno != EINTR) {
            if (errno != EAGAIN) {
                client_break(c, strerror(errno));
            }
            more = false;
        }
    }
    if (c->state == SENDING && c->phase == PREPARING && !c->out_len) {
        client_ready(c, perf_client_now());
    }
}

/* The next piece of an upload, the last one when its time has come.  A piece
 * that TCP did not take yet is waited for. */
static void
client_upload(struct client *c, int64_t now_ns)
{
    bool last = death_ns && now_ns >= c->act_ns;

    if (c->out_len) {
        c->due_ns = now_ns + MSEC;
        return;
    }
    c->due_ns = last ? NEVER : now_ns + PIECE_NS;
    if (death_ns && !last && c->due_ns > c->act_ns) {
        c->due_ns = c->act_ns;
    }
    client_send(c, last ? last_piece : piece);
}

/* The client's time has come. */
static void
client_act(struct client *c, int64_t now_ns)
{
    c->due_ns = NEVER;
    if (death_ns && options.told) {
        c->breaks++;
        c->phase = ASKING;
        client_connect(c, GET_ROOT);
    } else if (c->phase == ASLEEP) {
        c->phase = death_ns ? ASKING : PREPARING;
        client_connect(c, first_requests[c->state]);
    } else if (c->phase == ASKING) {
        client_connect(c, GET_ROOT);
    } else if (c->phase == READY && c->state == SENDING) {
        client_upload(c, now_ns);
    } else if (c->phase == READY && c->state == IDLE) {
        c->phase = ASKING;
        client_request(c, GET_ROOT);
    }
}

/* The run ------------------------------------------------------------------*/

/* Clients turn to 'address' from now on. */
static void
resolve(const char *address)
{
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *info;
    int error = getaddrinfo(address, "80", &hints, &info);

    if (error) {
        fatal("\"%s\" is not an address: %s.", address, gai_strerror(error));
    }
    memcpy(&options.peer, info->ai_addr, info->ai_addrlen);
    options.peer_len = info->ai_addrlen;
    freeaddrinfo(info);
}

/* The region dies now. */
static void
kill_region(void)
{
    char line[256];
    int len = snprintf(line, sizeof line, "%s\n", options.kill_line);
    unsigned int i;

    death_ns = perf_client_now();
    if (write(options.kill_fd, line, len) != len) {
        fatal("cannot kill the region: %s.", strerror(errno));
    }
    if (options.told) {
        resolve(options.told);
    }
    for (i = 0; i < options.n_clients; i++) {
        struct client *c = &clients[i];

        c->act_ns = death_ns + random_ns(options.within_ns);
        if (options.told) {
            c->due_ns = death_ns + options.within_ns;
        } else if (c->state == SENDING) {
            c->due_ns = c->due_ns < c->act_ns ? c->due_ns : c->act_ns;
        } else if (c->state != RECEIVING) {
            c->due_ns = c->act_ns;
        }
    }
}

/* Does what is due; returns when the next client's turn is. */
static int64_t
run_due(void)
{
    int64_t now_ns = perf_client_now(), next_ns = NEVER;
    unsigned int i;

    for (i = 0; i < options.n_clients; i++) {
        struct client *c = &clients[i];

        if (c->due_ns <= now_ns) {
            if (death_ns && now_ns - c->due_ns > late_ns) {
                late_ns = now_ns - c->due_ns;
            }
            client_act(c, now_ns);
        }
        if (c->due_ns < next_ns) {
            next_ns = c->due_ns;
        }
    }
    return next_ns;
}

static void
wait_for_events(int64_t until_ns)
{
    struct epoll_event events[MAX_EVENTS];
    struct itimerspec spec = {
        .it_value = { .tv_sec = until_ns / (1000 * MSEC),
                      .tv_nsec = until_ns % (1000 * MSEC) },
    };
    int i, n;

    if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &spec, NULL)) {
        fatal("timerfd_settime: %s.", strerror(errno));
    }
    n = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
    if (n < 0 && errno != EINTR) {
        fatal("epoll_wait: %s.", strerror(errno));
    }
    for (i = 0; i < n; i++) {
        if (events[i].data.ptr) {
            client_event(events[i].data.ptr);
        }
    }
}

/* Brings all clients into their state, lets the region die, and waits until
 * everybody has an answer or the time is over. */
static void
run(void)
{
    int64_t start_ns = perf_client_now();
    int64_t prepared_by_ns = start_ns + PREPARE_NS;
    int64_t kill_at_ns = NEVER;
    unsigned int i, n_to_be_ready = 0;

    for (i = 0; i < options.n_clients; i++) {
        struct client *c = &clients[i];

        c->state = i % N_STATES;
        c->fd = -1;
        c->due_ns = c->state == HALF_OPEN ? NEVER : start_ns + i * STAGGER_NS;
        n_to_be_ready += c->state != HALF_OPEN;
    }
    while (n_done < options.n_clients) {
        int64_t next_ns = run_due();
        int64_t now_ns = perf_client_now();

        if (!death_ns && n_ready < n_to_be_ready) {
            if (now_ns >= prepared_by_ns) {
                fatal("only %u of %u clients got into their state.",
                      n_ready, n_to_be_ready);
            }
            next_ns = next_ns < prepared_by_ns ? next_ns : prepared_by_ns;
        } else if (!death_ns) {
            if (kill_at_ns == NEVER) {
                kill_at_ns = now_ns + SETTLE_NS + random_ns(JITTER_NS);
            } else if (now_ns >= kill_at_ns) {
                kill_region();
                continue;
            }
            next_ns = next_ns < kill_at_ns ? next_ns : kill_at_ns;
        } else if (now_ns >= death_ns + options.limit_ns) {
            break;
        } else if (next_ns > death_ns + options.limit_ns) {
            next_ns = death_ns + options.limit_ns;
        }
        wait_for_events(next_ns);
    }
}

static void
report(void)
{
    unsigned int i;

    for (i = 0; i < options.n_clients; i++) {
        const struct client *c = &clients[i];

        if (c->phase == DONE) {
            printf("%s %"PRId64" %u\n", state_names[c->state],
                   (c->done_ns - death_ns) / 1000, c->breaks);
        } else {
            printf("%s never %u\n", state_names[c->state], c->breaks);
        }
    }
    printf("late %"PRId64"\n", late_ns / 1000);
}

/* Options ------------------------------------------------------------------*/

static void
usage(void)
{
    printf("\
tpr-states: TCP clients in all states when their region dies\n\
usage: tpr-states [OPTIONS] ADDRESS\n\
\n\
  --clients N      how many (default: 1000), a quarter in each state\n\
  --within US      they act that soon after the death (default: 30000)\n\
  --limit MS       the time for a client's next answer (default: 10000)\n\
  --seed N         of the random moments (default: 1)\n\
  --told ADDRESS   where all turn to, that long after the death\n\
  --dead NAME      X-Served-By of the region that dies (default: r1)\n\
  --kill-fd FD     what lets the region die reads this descriptor...\n\
  --kill-line TEXT ...until it gets this line\n\
\n\
A part of \"tools/bench clients\", which says more.\n");
    exit(EXIT_SUCCESS);
}

static long long int
number(const char *option, const char *text, long long int min,
       long long int max)
{
    char *end;
    long long int value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max) {
        fatal("--%s: \"%s\" is not a whole number from %lld to %lld.",
              option, text, min, max);
    }
    return value;
}

static void
parse_options(int argc, char **argv)
{
    static const struct option names[] = {
        { "clients", required_argument, NULL, 'n' },
        { "within", required_argument, NULL, 'w' },
        { "limit", required_argument, NULL, 'l' },
        { "seed", required_argument, NULL, 's' },
        { "told", required_argument, NULL, 't' },
        { "dead", required_argument, NULL, 'd' },
        { "kill-fd", required_argument, NULL, 'f' },
        { "kill-line", required_argument, NULL, 'k' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c, index = 0;

    while ((c = getopt_long(argc, argv, "h", names, &index)) != -1) {
        const char *name = names[index].name;

        switch (c) {
        case 'n':
            options.n_clients = number(name, optarg, N_STATES, MAX_CLIENTS);
            break;
        case 'w':
            options.within_ns = number(name, optarg, 1, 60000000) * 1000;
            break;
        case 'l':
            options.limit_ns = number(name, optarg, 1, 600000) * MSEC;
            break;
        case 's': options.seed = number(name, optarg, 0, UINT32_MAX); break;
        case 't': options.told = optarg; break;
        case 'd': options.dead = optarg; break;
        case 'f': options.kill_fd = number(name, optarg, 0, 65535); break;
        case 'k': options.kill_line = optarg; break;
        case 'h': usage(); break;
        default: exit(EXIT_FAILURE);
        }
    }
    if (optind != argc - 1) {
        fatal("one address is needed; see: tpr-states --help");
    }
}

static void
allow_files(void)
{
    const rlim_t need = options.n_clients + SPARE_FDS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit)) {
        fatal("getrlimit: %s.", strerror(errno));
    }
    if (limit.rlim_cur < need) {
        limit.rlim_cur = need;
        if (setrlimit(RLIMIT_NOFILE, &limit)) {
            fatal("%u clients need more open files than are allowed.",
                  options.n_clients);
        }
    }
}

int
main(int argc, char **argv)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };

    parse_options(argc, argv);
    resolve(argv[optind]);
    allow_files();
    signal(SIGPIPE, SIG_IGN);
    srand48(options.seed);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (epoll_fd < 0 || timer_fd < 0
        || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event)) {
        fatal("cannot make epoll and a timer: %s.", strerror(errno));
    }
    run();
    report();
    return EXIT_SUCCESS;
}
