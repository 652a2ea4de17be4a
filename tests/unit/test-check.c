/* SPDX-License-Identifier: Apache-2.0 */

/* Tests health checks on real sockets: servers with all kinds of manners live
 * in this process, on 127.0.0.0/8 and ::1, and in its poll loop.
 *
 *     check set ---connect---> server[0], server[1], ...
 *
 * Everything waits for conditions; LIMIT_US is how long before a test gives
 * up. */

#include <config.h>
#include "check.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "openvswitch/poll-loop.h"
#include "tpr-time.h"
#include "unit.h"

enum { MAX_CLIENTS = 32, MAX_BACKENDS = 4 };
enum { LIMIT_US = 20 * 1000 * 1000 };

enum manner {
    ANSWER,                     /* Sends 'reply' to a whole request. */
    HANG,                       /* Accepts, reads, never answers. */
    RESET,                      /* Accepts and resets. */
    EARLY,                      /* Sends 'reply' before it reads, closes. */
    REFUSE,                     /* Does not listen. */
    FULL,                       /* Accepts nobody: SYNs stay unanswered. */
};

struct server {
    int fd;
    struct sockaddr_storage ss;
    uint16_t port;
    enum manner manner;
    const char *reply;

    struct client {
        int fd;                 /* -1: free. */
        char request[1024];
        size_t n;
    } clients[MAX_CLIENTS];
    unsigned int n_accepted;
    char last_request[1024];
    uint16_t last_src_port;
};

static const char OK[] = "HTTP/1.1 200 OK\r\n\r\nfine";

/* The world: what a test sets up. */
static struct server servers[2];
static struct check_set *set;
static struct tpr_config config;
static struct tpr_service service;
static struct tpr_region region = { .name = (char *) "r1" };
static struct tpr_backend backends[MAX_BACKENDS];
static struct tpr_check checks[MAX_BACKENDS];
static struct tpr_backend *backend_list[MAX_BACKENDS];

/* Servers. */

static void
server_listen(struct server *s)
{
    const int on = 1;

    s->fd = socket(s->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(s->fd, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ck_assert_msg(!bind(s->fd, (struct sockaddr *) &s->ss, sizeof s->ss),
                  "bind: %s", ovs_strerror(errno));
    if (s->manner != REFUSE) {
        ck_assert_int_eq(listen(s->fd, s->manner == FULL ? 0 : 64), 0);
    }
}

static void
server_open(struct server *s, bool v6, enum manner manner, const char *reply)
{
    socklen_t len = sizeof s->ss;

    memset(s, 0, sizeof *s);
    s->manner = manner;
    s->reply = reply;
    for (size_t i = 0; i < MAX_CLIENTS; i++) {
        s->clients[i].fd = -1;
    }
    if (v6) {
        struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *) &s->ss;
        sin6->sin6_family = AF_INET6;
        sin6->sin6_addr = in6addr_loopback;
    } else {
        struct sockaddr_in *sin = (struct sockaddr_in *) &s->ss;
        sin->sin_family = AF_INET;
        sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    server_listen(s);
    getsockname(s->fd, (struct sockaddr *) &s->ss, &len);
    s->port = ntohs(((struct sockaddr_in *) &s->ss)->sin_port);
}

static void
client_close(struct client *c, bool reset)
{
    const struct linger linger = { .l_onoff = reset, .l_linger = 0 };

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(c->fd);
    c->fd = -1;
}

static void
client_answer(const struct server *s, struct client *c)
{
    ck_assert_int_eq(send(c->fd, s->reply, strlen(s->reply), MSG_NOSIGNAL),
                     strlen(s->reply));
    client_close(c, false);
}

static void
server_accept(struct server *s)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    struct client *c = s->clients;
    int fd = accept4(s->fd, (struct sockaddr *) &ss, &len, SOCK_NONBLOCK);

    if (fd < 0) {
        return;
    }
    while (c->fd >= 0) {
        c++;
        ck_assert(c < &s->clients[MAX_CLIENTS]);
    }
    c->fd = fd;
    c->n = 0;
    s->n_accepted++;
    s->last_src_port = ntohs(((struct sockaddr_in *) &ss)->sin_port);
    if (s->manner == RESET) {
        client_close(c, true);
    } else if (s->manner == EARLY) {
        client_answer(s, c);
    }
}

static void
client_run(struct server *s, struct client *c)
{
    ssize_t n = recv(c->fd, c->request + c->n, sizeof c->request - 1 - c->n,
                     0);

    if (n > 0) {
        c->n += n;
        c->request[c->n] = '\0';
        if (s->manner == ANSWER && strstr(c->request, "\r\n\r\n")) {
            memcpy(s->last_request, c->request, sizeof s->last_request);
            client_answer(s, c);
        }
    } else if (!n || errno != EAGAIN) {
        client_close(c, false);
    }
}

static void
server_run(struct server *s)
{
    if (s->fd > 0 && s->manner != REFUSE && s->manner != FULL) {
        server_accept(s);
        poll_fd_wait(s->fd, POLLIN);
    }
    for (size_t i = 0; s->fd > 0 && i < MAX_CLIENTS; i++) {
        if (s->clients[i].fd >= 0) {
            client_run(s, &s->clients[i]);
        }
        if (s->clients[i].fd >= 0) {
            poll_fd_wait(s->clients[i].fd, POLLIN);
        }
    }
}

/* The world. */

/* Sets up the check of backend 'i': 'type' against 'server'. */
static void
set_backend(size_t i, enum tpr_check_type type, const struct server *server,
            int last_up)
{
    static char *names[MAX_BACKENDS] = { (char *) "web/r1", (char *) "web/r2",
                                         (char *) "app/r1", (char *) "db/r1" };

    checks[i] = (struct tpr_check) {
        .type = type, .interval_us = 20 * 1000, .timeout_us = 20 * 1000,
        .fall = 3, .rise = 2, .path = (char *) "/health",
        .expect_min = 200, .expect_max = 399,
    };
    backends[i] = (struct tpr_backend) {
        .name = names[i], .region = &region, .port = server->port,
        .check = &checks[i], .last_up = last_up,
    };
    if (server->ss.ss_family == AF_INET6) {
        backends[i].addr = in6addr_loopback;
    } else {
        in6_addr_set_mapped_ipv4(&backends[i].addr, htonl(INADDR_LOOPBACK));
    }
}

static void
configure(size_t n_backends)
{
    for (size_t i = 0; i < n_backends; i++) {
        backend_list[i] = &backends[i];
    }
    service.backends = backend_list;
    service.n_backends = n_backends;
    check_set_configure(set, &config, tpr_now_us());
}

static void
setup(void)
{
    memset(servers, 0, sizeof servers);
    shash_init(&config.regions);
    shash_init(&config.services);
    shash_add(&config.services, "web", &service);
    set = check_set_create();
}

static void
teardown(void)
{
    check_set_destroy(set);
    shash_destroy(&config.regions);
    shash_destroy(&config.services);
}

/* One turn of the poll loop.  Returns true if there was a change. */
static bool
turn(struct check_change *change)
{
    bool changed;

    check_set_run(set, tpr_now_us());
    changed = check_set_next_change(set, change);
    for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
        server_run(&servers[i]);
    }
    if (changed) {
        poll_immediate_wake();
    }
    check_set_wait(set);
    poll_block();
    return changed;
}

/* Waits for the next change and checks it. */
static void
expect_change(const struct tpr_backend *backend, bool up, const char *cause)
{
    long long int end_us = tpr_now_us() + LIMIT_US;
    struct check_change change;

    while (!turn(&change)) {
        ck_assert_int_lt(tpr_now_us(), end_us);
    }
    ck_assert_ptr_eq(change.backend, backend);
    ck_assert_str_eq(change.cause, cause);
    ck_assert_int_eq(change.up, up);
    ck_assert_int_gt(change.now_us, 0);
    ck_assert_int_le(change.now_us, tpr_now_us());
}

static struct check_stats
stats_of(const struct tpr_backend *backend)
{
    struct check_stats stats;

    ck_assert(check_set_stats(set, backend, &stats));
    return stats;
}

/* Runs until 'n' more checks of 'backend' have ended; nothing may change. */
static void
expect_quiet(const struct tpr_backend *backend, unsigned int n)
{
    long long int end_us = tpr_now_us() + LIMIT_US;
    struct check_stats st = stats_of(backend);
    uint64_t last = st.n_ok + st.n_failed + st.n_own_errors + n;

    do {
        struct check_change change;

        ck_assert(!turn(&change));
        ck_assert_int_lt(tpr_now_us(), end_us);
        st = stats_of(backend);
    } while (st.n_ok + st.n_failed + st.n_own_errors < last);
}

/* Tests. */

/* Everything that a server may do wrongly, and what is said about it. */
static const struct {
    enum tpr_check_type type;
    enum manner manner;
    const char *reply, *cause;
} wrongs[] = {
    { TPR_CHECK_HTTP, ANSWER, "HTTP/1.1 500 Oops\r\n\r\n",
      "HTTP status 500" },
    { TPR_CHECK_HTTP, ANSWER, "HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 404 -\n\n",
      "HTTP status 404" },
    { TPR_CHECK_HTTP, ANSWER, "HTTP/1.1 200 OK\r\n",
      "malformed HTTP reply: it ends within its head" },
    { TPR_CHECK_HTTP, ANSWER, "220 smtp ESMTP\r\n",
      "malformed HTTP reply: it does not begin with \"HTTP/1.\"" },
    { TPR_CHECK_HTTP, ANSWER, "", "connection closed without a reply" },
    { TPR_CHECK_HTTP, HANG, NULL, "connected, but no answer in 20 ms" },
    { TPR_CHECK_HTTP, RESET, NULL, "connection reset" },
    { TPR_CHECK_HTTP, REFUSE, NULL, "connection refused" },
    { TPR_CHECK_TCP, REFUSE, NULL, "connection refused" },
};

START_TEST(wrong_manners_are_found_out)
{
    setup();
    server_open(&servers[0], false, wrongs[_i].manner, wrongs[_i].reply);
    set_backend(0, wrongs[_i].type, &servers[0], 1);
    configure(1);
    expect_change(&backends[0], false, wrongs[_i].cause);

    struct check_stats st = stats_of(&backends[0]);
    ck_assert_int_eq(st.state, CHECK_DOWN);
    ck_assert_uint_eq(st.n_ok, 0);
    ck_assert_uint_eq(st.n_failed, 3);
    ck_assert_uint_eq(st.n_own_errors, 0);
    ck_assert_str_eq(st.last, wrongs[_i].cause);
    ck_assert_ptr_null(check_set_complaint(set, &backends[0]));
    teardown();
}
END_TEST

/* A server that answers before it has read the request has answered. */
START_TEST(early_answer_counts)
{
    setup();
    server_open(&servers[0], false, EARLY, OK);
    set_backend(0, TPR_CHECK_HTTP, &servers[0], -1);
    configure(1);
    expect_change(&backends[0], true, "HTTP status 200");
    teardown();
}
END_TEST

/* UNKNOWN -> up at the first good check, down after three misses, up again
 * after two good ones. */
START_TEST(server_fails_and_heals)
{
    setup();
    server_open(&servers[0], false, ANSWER, OK);
    set_backend(0, TPR_CHECK_HTTP, &servers[0], -1);
    configure(1);
    expect_change(&backends[0], true, "HTTP status 200");
    ck_assert_uint_eq(stats_of(&backends[0]).n_ok, 1);
    ck_assert_int_gt(stats_of(&backends[0]).latency_us, 0);

    servers[0].reply = "HTTP/1.1 503 Busy\r\n\r\n";
    expect_change(&backends[0], false, "HTTP status 503");
    ck_assert_uint_eq(stats_of(&backends[0]).n_failed, 3);

    servers[0].reply = OK;
    uint64_t n_ok = stats_of(&backends[0]).n_ok;
    expect_change(&backends[0], true, "HTTP status 200");
    ck_assert_uint_eq(stats_of(&backends[0]).n_ok, n_ok + 2);
    teardown();
}
END_TEST

START_TEST(tcp_check_connects)
{
    setup();
    server_open(&servers[0], false, HANG, NULL);
    set_backend(0, TPR_CHECK_TCP, &servers[0], -1);
    configure(1);
    expect_change(&backends[0], true, "connected");
    expect_quiet(&backends[0], 3);
    teardown();
}
END_TEST

START_TEST(request_is_as_configured)
{
    setup();
    server_open(&servers[0], false, ANSWER, OK);
    set_backend(0, TPR_CHECK_HTTP, &servers[0], -1);
    configure(1);
    expect_change(&backends[0], true, "HTTP status 200");

    char *expected = xasprintf("GET /health HTTP/1.1\r\n"
                               "Host: 127.0.0.1:%d\r\n", servers[0].port);
    ck_assert_msg(!strncmp(servers[0].last_request, expected,
                           strlen(expected)), "%s", servers[0].last_request);
    free(expected);

    /* Flows exempt these ports from redirection. */
    ck_assert_int_eq(servers[0].last_src_port & CHECK_SRC_PORT_MASK,
                     CHECK_SRC_PORT);
    uint16_t src_port = servers[0].last_src_port;
    expect_quiet(&backends[0], 1);
    ck_assert_int_ne(servers[0].last_src_port, src_port);

    checks[0].host = (char *) "www.example.org";
    checks[0].path = (char *) "/?a=b";
    configure(1);
    expect_quiet(&backends[0], 1);
    expected = xstrdup("GET /?a=b HTTP/1.1\r\nHost: www.example.org\r\n");
    ck_assert_msg(!strncmp(servers[0].last_request, expected,
                           strlen(expected)), "%s", servers[0].last_request);
    free(expected);
    teardown();
}
END_TEST

START_TEST(ipv6_is_checked)
{
    setup();
    server_open(&servers[0], true, ANSWER, OK);
    set_backend(0, TPR_CHECK_HTTP, &servers[0], -1);
    configure(1);
    expect_change(&backends[0], true, "HTTP status 200");

    char *host = xasprintf("\r\nHost: [::1]:%d\r\n", servers[0].port);
    ck_assert_ptr_nonnull(strstr(servers[0].last_request, host));
    ck_assert_int_eq(servers[0].last_src_port & CHECK_SRC_PORT_MASK,
                     CHECK_SRC_PORT);
    free(host);
    teardown();
}
END_TEST

/* Nobody can connect to a multicast address: the kernel says "no route". */
START_TEST(own_errors_are_no_misses)
{
    setup();
    server_open(&servers[0], false, ANSWER, OK);
    set_backend(0, TPR_CHECK_TCP, &servers[0], 1);
    in6_addr_set_mapped_ipv4(&backends[0].addr, htonl(0xe0000001));
    configure(1);
    expect_quiet(&backends[0], 5);

    struct check_stats st = stats_of(&backends[0]);
    ck_assert_int_eq(st.state, CHECK_UP);
    ck_assert_uint_ge(st.n_own_errors, 5);
    ck_assert_uint_eq(st.n_failed, 0);
    ck_assert_str_eq(check_set_complaint(set, &backends[0]),
                     "backend \"web/r1\" cannot be checked: "
                     "no route to it (Network is unreachable)");

    /* The complaint goes with its cause. */
    in6_addr_set_mapped_ipv4(&backends[0].addr, htonl(INADDR_LOOPBACK));
    configure(1);
    expect_quiet(&backends[0], 1);
    ck_assert_ptr_null(check_set_complaint(set, &backends[0]));
    teardown();
}
END_TEST

/* What the database remembers stays until checks prove something else. */
START_TEST(memory_stays_in_force)
{
    setup();
    server_open(&servers[0], false, ANSWER, OK);
    server_open(&servers[1], false, REFUSE, NULL);
    set_backend(0, TPR_CHECK_HTTP, &servers[0], 1);
    set_backend(1, TPR_CHECK_HTTP, &servers[1], 0);
    configure(2);
    ck_assert_int_eq(stats_of(&backends[0]).state, CHECK_UP);
    ck_assert_int_eq(stats_of(&backends[1]).state, CHECK_DOWN);
    expect_quiet(&backends[0], 5);
    expect_quiet(&backends[1], 5);
    ck_assert_int_eq(stats_of(&backends[0]).state, CHECK_UP);
    ck_assert_int_eq(stats_of(&backends[1]).state, CHECK_DOWN);
    teardown();
}
END_TEST

/* One server behind three services is asked once an interval. */
START_TEST(equal_checks_share_a_conversation)
{
    setup();
    server_open(&servers[0], false, ANSWER, OK);
    for (size_t i = 0; i < 3; i++) {
        set_backend(i, TPR_CHECK_HTTP, &servers[0], -1);
    }
    configure(3);
    for (size_t i = 0; i < 3; i++) {
        expect_change(&backends[i], true, "HTTP status 200");
    }
    expect_quiet(&backends[0], 4);
    ck_assert_uint_eq(stats_of(&backends[2]).n_ok,
                      stats_of(&backends[0]).n_ok);
    ck_assert_uint_le(servers[0].n_accepted, stats_of(&backends[0]).n_ok + 1);

    /* Another opinion about what is good is another check. */
    checks[1].expect_min = checks[1].expect_max = 204;
    configure(3);
    expect_change(&backends[1], false, "HTTP status 200");

    /* Who joins later learns what is known, not more. */
    set_backend(3, TPR_CHECK_HTTP, &servers[0], -1);
    configure(4);
    expect_change(&backends[3], true, "HTTP status 200");
    teardown();
}
END_TEST

/* A new configuration keeps states, also where the check changes, and ends
 * conversations that nobody wants any more. */
START_TEST(configuration_keeps_state)
{
    setup();
    server_open(&servers[0], false, ANSWER, OK);
    set_backend(0, TPR_CHECK_HTTP, &servers[0], -1);
    configure(1);
    expect_change(&backends[0], true, "HTTP status 200");

    checks[0].fall = 2;
    configure(1);
    ck_assert_int_eq(stats_of(&backends[0]).state, CHECK_UP);
    servers[0].manner = HANG;
    expect_change(&backends[0], false, "connected, but no answer in 20 ms");
    ck_assert_uint_eq(stats_of(&backends[0]).n_failed, 2);

    backends[0].check = NULL;
    configure(1);
    struct check_stats st;
    ck_assert(!check_set_stats(set, &backends[0], &st));
    ck_assert_ptr_null(check_set_complaint(set, &backends[0]));
    struct check_change change;
    ck_assert(!check_set_next_change(set, &change));
    teardown();
}
END_TEST

/* While we do not look, time is not the server's: a process that stops between
 * a check's start and its timeout gives the server its time once more. */
START_TEST(own_stall_is_excused)
{
    struct check_change change;

    setup();
    server_open(&servers[0], false, ANSWER, OK);
    set_backend(0, TPR_CHECK_HTTP, &servers[0], 1);
    checks[0].fall = 1;
    configure(1);
    for (int i = 0; i < 5; i++) {
        unsigned int n = servers[0].n_accepted;

        while (servers[0].n_accepted == n) {
            ck_assert(!turn(&change));
        }
        /* The request may be under way: now nobody looks for longer than
         * the timeout. */
        long long int end_us = tpr_now_us() + 25 * 1000;
        check_set_run(set, tpr_now_us());
        while (tpr_now_us() < end_us) {
            continue;
        }
        expect_quiet(&backends[0], 1);
    }
    ck_assert_uint_eq(stats_of(&backends[0]).n_failed, 0);
    teardown();
}
END_TEST

static bool there_is_a_way;

static bool
has_way(void *aux OVS_UNUSED, const struct tpr_backend *backend,
        long long int since_us)
{
    ck_assert_ptr_eq(backend, &backends[0]);
    ck_assert_int_gt(since_us, 0);
    return there_is_a_way;
}

/* While the switch is away, nobody can answer. */
START_TEST(no_way_is_no_miss)
{
    struct check_change change;

    setup();
    check_set_way(set, has_way, NULL);
    there_is_a_way = false;
    server_open(&servers[0], false, HANG, NULL);
    set_backend(0, TPR_CHECK_HTTP, &servers[0], 1);
    checks[0].fall = 1;
    configure(1);
    while (stats_of(&backends[0]).n_own_errors < 3) {
        ck_assert(!turn(&change));
    }
    ck_assert_uint_eq(stats_of(&backends[0]).n_failed, 0);
    ck_assert_ptr_eq(check_set_complaint(set, &backends[0]), NULL);
    there_is_a_way = true;
    expect_change(&backends[0], false, "connected, but no answer in 20 ms");
    teardown();
}
END_TEST

/* Real traffic speaks against a backend whose next check is far away. */

/* A check that comes every 10 minutes only, and has that long. */
static void
set_slow_backend(enum tpr_check_type type)
{
    set_backend(0, type, &servers[0], 1);
    checks[0].interval_us = checks[0].timeout_us = 600 * 1000 * 1000;
    configure(1);
}

static bool
suspect(unsigned int refused, unsigned int silent)
{
    return check_set_suspect(set, &backends[0], refused, silent, 50 * 1000,
                             tpr_now_us());
}

START_TEST(suspect_that_refuses_is_down_at_once)
{
    setup();
    server_open(&servers[0], false, REFUSE, NULL);
    set_slow_backend(TPR_CHECK_TCP);
    ck_assert(suspect(1, 0));
    expect_change(&backends[0], false,
                  "connection refused, after clients met the same");
    ck_assert(!stats_of(&backends[0]).suspicion.suspect);
    /* Nobody asks for more. */
    ck_assert(!suspect(1, 0));
    ck_assert_uint_eq(stats_of(&backends[0]).n_failed, 1);
    teardown();
}
END_TEST

/* Fills the queue of servers[0], so that SYNs stay unanswered. */
static int crowd[4];

static void
crowd_in(void)
{
    const struct sockaddr *sa = (const struct sockaddr *) &servers[0].ss;

    for (size_t i = 0; i < ARRAY_SIZE(crowd); i++) {
        crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(crowd[i], sa, sizeof(struct sockaddr_in));
    }
}

static void
crowd_out(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(crowd); i++) {
        close(crowd[i]);
    }
}

/* The check's connection may take as long as clients' might, twice. */
START_TEST(suspect_that_is_silent_is_down_soon)
{
    long long int start_us;

    setup();
    server_open(&servers[0], false, FULL, NULL);
    crowd_in();
    set_slow_backend(TPR_CHECK_HTTP);
    start_us = tpr_now_us();
    ck_assert(suspect(0, 1));
    expect_change(&backends[0], false,
                  "no answer in 50 ms, after clients met the same");
    ck_assert_int_ge(tpr_now_us() - start_us, 100 * 1000);
    ck_assert_uint_eq(stats_of(&backends[0]).n_failed, 2);
    crowd_out();
    teardown();
}
END_TEST

/* One lost packet is not the server's death. */
START_TEST(suspect_that_answers_the_second_time_stays)
{
    struct check_change change;

    setup();
    server_open(&servers[0], false, FULL, NULL);
    crowd_in();
    set_slow_backend(TPR_CHECK_TCP);
    ck_assert(suspect(0, 1));
    for (;;) {
        check_set_run(set, tpr_now_us());
        ck_assert(!check_set_next_change(set, &change));
        if (stats_of(&backends[0]).n_failed) {
            break;
        }
        check_set_wait(set);
        poll_block();
    }
    crowd_out();
    servers[0].manner = HANG;
    ck_assert_int_eq(listen(servers[0].fd, 64), 0);
    expect_quiet(&backends[0], 1);
    ck_assert_uint_eq(stats_of(&backends[0]).n_ok, 1);
    ck_assert_uint_eq(stats_of(&backends[0]).n_failed, 1);
    ck_assert_int_eq(stats_of(&backends[0]).state, CHECK_UP);
    teardown();
}
END_TEST

/* Once connected, the check has its own time. */
START_TEST(suspect_that_answers_stays)
{
    struct check_change change;
    long long int end_us;

    setup();
    server_open(&servers[0], false, HANG, OK);
    set_slow_backend(TPR_CHECK_HTTP);
    ck_assert(suspect(2, 3));
    ck_assert(!suspect(0, 1));
    while (!servers[0].clients[0].n) {
        poll_timer_wait(5);
        ck_assert(!turn(&change));
    }
    for (end_us = tpr_now_us() + 100 * 1000; tpr_now_us() < end_us; ) {
        poll_timer_wait(5);
        ck_assert(!turn(&change));
    }
    client_answer(&servers[0], &servers[0].clients[0]);
    while (!stats_of(&backends[0]).n_ok) {
        poll_timer_wait(5);
        ck_assert(!turn(&change));
    }
    ck_assert_uint_eq(stats_of(&backends[0]).n_ok, 1);
    ck_assert(stats_of(&backends[0]).suspicion.suspect);
    ck_assert_ptr_null(check_set_trusted(set, tpr_now_us()));
    ck_assert_ptr_eq(check_set_trusted(set, tpr_now_us()
                                            + SUSPICION_QUIET_US + 1),
                     &backends[0]);
    ck_assert_ptr_null(check_set_trusted(set, tpr_now_us()
                                              + SUSPICION_QUIET_US + 1));
    ck_assert(!stats_of(&backends[0]).suspicion.suspect);
    teardown();
}
END_TEST

/* However often they are suspect, good backends are not flooded with
 * checks. */
START_TEST(early_checks_are_spaced)
{
    long long int start_us;
    struct check_change change;
    uint64_t n;

    setup();
    server_open(&servers[0], false, HANG, NULL);
    set_slow_backend(TPR_CHECK_TCP);
    start_us = tpr_now_us();
    do {
        suspect(1, 0);
        poll_timer_wait(1);
        ck_assert(!turn(&change));
        n = stats_of(&backends[0]).n_ok;
        ck_assert_uint_le(n, 1 + (tpr_now_us() - start_us)
                             / CHECK_EARLY_SPACING_US);
    } while (n < 4);
    teardown();
}
END_TEST

static Suite *
check_suite(void)
{
    Suite *suite = suite_create("check");
    TCase *tcase = tcase_create("check");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, wrong_manners_are_found_out, 0,
                        ARRAY_SIZE(wrongs));
    tcase_add_test(tcase, early_answer_counts);
    tcase_add_test(tcase, server_fails_and_heals);
    tcase_add_test(tcase, tcp_check_connects);
    tcase_add_test(tcase, request_is_as_configured);
    tcase_add_test(tcase, ipv6_is_checked);
    tcase_add_test(tcase, own_errors_are_no_misses);
    tcase_add_test(tcase, memory_stays_in_force);
    tcase_add_test(tcase, equal_checks_share_a_conversation);
    tcase_add_test(tcase, configuration_keeps_state);
    tcase_add_test(tcase, own_stall_is_excused);
    tcase_add_test(tcase, no_way_is_no_miss);
    tcase_add_test(tcase, suspect_that_refuses_is_down_at_once);
    tcase_add_test(tcase, suspect_that_is_silent_is_down_soon);
    tcase_add_test(tcase, suspect_that_answers_the_second_time_stays);
    tcase_add_test(tcase, suspect_that_answers_stays);
    tcase_add_test(tcase, early_checks_are_spaced);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(check_suite)
