/* SPDX-License-Identifier: Apache-2.0 */

/* Tests health checks that keep their connection, on real sockets.
 *
 * The server is in the same thread, and does with each request what a letter
 * of a script says.  What has happened is a line: the connection, A being the
 * first one, for each request that came by it; and + or - for each verdict. */

#include <config.h>
#include "check.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "tpr-time.h"
#include "unit.h"

enum {
    INTERVAL_US = 2 * 1000,
    TIMEOUT_US = 200 * 1000,    /* An idle moment does not last so long. */
    LIMIT_US = 50 * 1000 * 1000,
};

#define HEAD(LENGTH) "HTTP/1.1 200 OK\r\nContent-Length: " LENGTH "\r\n\r\n"
#define OK HEAD("2") "ok"

static struct server {
    int listener;
    uint16_t port;
    int fd;                     /* The newest connection, -1: none. */
    unsigned int n;             /* So many there were. */
    const char *script;         /* What is still to be done. */
    char todo;                  /* What follows behind a verdict, or 0. */
    char request[1024];
    size_t n_request;
    struct ds line;
} server;

static struct check_set *set;
static struct tpr_config config;
static struct tpr_service service;
static struct tpr_region region = { .name = (char *) "r1" };
static struct tpr_backend backend, *backends[] = { &backend };
static struct tpr_check check;

/* The server. */

static void
server_open(const char *script)
{
    struct sockaddr_in sin = { .sin_family = AF_INET };
    socklen_t len = sizeof sin;

    memset(&server, 0, sizeof server);
    server.fd = -1;
    server.script = script;
    ds_init(&server.line);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(server.listener, 0);
    ck_assert(!bind(server.listener, (struct sockaddr *) &sin, sizeof sin));
    ck_assert(!listen(server.listener, 16));
    getsockname(server.listener, (struct sockaddr *) &sin, &len);
    server.port = ntohs(sin.sin_port);
}

static void
server_hang_up(void)
{
    if (server.fd >= 0) {
        close(server.fd);
        server.fd = -1;
    }
    server.n_request = 0;
}

static void
server_close(void)
{
    server_hang_up();
    close(server.listener);
    ds_destroy(&server.line);
}

static void
server_send(const char *s)
{
    const int on = 1;

    setsockopt(server.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ck_assert_int_eq(send(server.fd, s, strlen(s), MSG_NOSIGNAL), strlen(s));
}

/* Does with the present request what 'letter' says. */
static void
server_act(char letter)
{
    const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    ds_put_char(&server.line, 'A' + server.n - 1);
    server.n_request = 0;
    switch (letter) {
    case 'a':                   /* Answers. */
        server_send(OK);
        break;
    case 'f':                   /* ...wrongly. */
        server_send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
        break;
    case 'c':                   /* ...and closes. */
        server_send(OK);
        server_hang_up();
        break;
    case 'C':                   /* ...as it says. */
        server_send("HTTP/1.1 204 OK\r\nConnection: close\r\n\r\n");
        server_hang_up();
        break;
    case 'n':                   /* Nobody knows where that ends. */
        server_send("HTTP/1.1 200 OK\r\n\r\nok");
        break;
    case '2':                   /* ...and once more. */
        server_send(OK OK);
        break;
    case 'i':                   /* With an interim reply. */
        server_send("HTTP/1.1 103 Hints\r\n\r\n" OK);
        break;
    case 'b':                   /* The rest of the body comes later, */
        server_send(HEAD("10") "12345");
        server.todo = letter;
        break;
    case 'B':                   /* never, */
        server_send(HEAD("10") "12345");
        break;
    case 'g':                   /* or garbage does. */
        server_send(OK);
        server.todo = letter;
        break;
    case 'G':                   /* ...and the end. */
        server_send(OK);
        server.todo = letter;
        break;
    case 'x':                   /* Closes without a word. */
        server_hang_up();
        break;
    case 'r':                   /* Resets it. */
        setsockopt(server.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
        server_hang_up();
        break;
    case 'h':                   /* Half an answer. */
        server_send("HTTP/1.1 200 OK\r\nContent-Le");
        server_hang_up();
        break;
    case '-':                   /* Silence. */
        break;
    default:
        OVS_NOT_REACHED();
    }
}

static void
server_run(void)
{
    int fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK);
    ssize_t n;

    if (fd >= 0) {
        server_hang_up();
        server.fd = fd;
        server.n++;
    }
    if (server.fd < 0) {
        return;
    }
    n = recv(server.fd, server.request + server.n_request,
             sizeof server.request - 1 - server.n_request, 0);
    if (n > 0) {
        server.n_request += n;
        server.request[server.n_request] = '\0';
        if (strstr(server.request, "\r\n\r\n") && *server.script) {
            ck_assert_ptr_eq(strstr(server.request, "\r\n\r\n") + 4,
                             server.request + server.n_request);
            server_act(*server.script++);
        }
    } else if (!n || errno != EAGAIN) {
        server_hang_up();
    }
}

/* Should be called when the check has its verdict. */
static void
server_follow(void)
{
    switch (server.todo) {
    case 'b':
        server_send("67890");
        break;
    case 'g':
        server_send("H");
        break;
    case 'G':
        server_send(OK);
        server_hang_up();
        break;
    }
    server.todo = 0;
}

/* The world. */

static void
setup(const char *script)
{
    signal(SIGPIPE, SIG_IGN);
    server_open(script);
    shash_init(&config.regions);
    shash_init(&config.services);
    service.backends = backends;
    service.n_backends = 1;
    shash_add(&config.services, "web", &service);
    memset(&backend, 0, sizeof backend);
    check = (struct tpr_check) {
        .type = TPR_CHECK_HTTP, .interval_us = INTERVAL_US,
        .timeout_us = TIMEOUT_US, .fall = 3, .rise = 2, .expect_min = 200,
        .expect_max = 399, .keepalive = true,
    };
    backend.name = CONST_CAST(char *, "web/r1");
    backend.region = &region;
    backend.port = server.port;
    backend.check = &check;
    backend.last_up = true;
    in6_addr_set_mapped_ipv4(&backend.addr, htonl(INADDR_LOOPBACK));
    set = check_set_create();
    check_set_configure(set, &config, tpr_now_us());
}

static void
teardown(void)
{
    check_set_destroy(set);
    shash_destroy(&config.regions);
    shash_destroy(&config.services);
    server_close();
}

static struct check_stats
stats(void)
{
    struct check_stats st;

    ck_assert(check_set_stats(set, &backend, &st));
    return st;
}

/* Goes on until 'n' checks have a verdict, and no other one has begun.
 *
 * Sockets first, by a clock at which nothing is due: then the server has
 * always followed a verdict before the next check begins. */
static void
play(unsigned int n)
{
    const long long int end_us = tpr_now_us() + LIMIT_US;
    struct check_stats before = stats();

    for (;;) {
        struct check_stats st;

        server_run();
        check_set_run(set, tpr_now_us() - LIMIT_US);
        st = stats();
        ck_assert_uint_eq(st.n_own_errors, 0);
        if (st.n_ok + st.n_failed > before.n_ok + before.n_failed) {
            ds_put_char(&server.line, st.n_ok > before.n_ok ? '+' : '-');
            server_follow();
        }
        before = st;
        if (st.n_ok + st.n_failed >= n) {
            return;
        }
        check_set_run(set, tpr_now_us());
        ck_assert_msg(tpr_now_us() < end_us, "stuck after %s",
                      ds_cstr(&server.line));
        check_set_wait(set);
        poll_fd_wait(server.listener, POLLIN);
        if (server.fd >= 0) {
            poll_fd_wait(server.fd, POLLIN);
        }
        poll_block();
    }
}

static const struct {
    const char *script;
    const char *line;
} scripts[] = {
    { "aaaa", "A+A+A+A+" },
    { "aiai", "A+A+A+A+" },
    { "baba", "A+A+A+A+" },

    /* Ended by the server, as it says or not. */
    { "aCaa", "A+A+B+B+" },
    { "caca", "A+B+B+C+" },
    { "nna", "A+B+C+" },

    /* Ended in the moment of the request: that one is repeated. */
    { "axaa", "A+AB+B+" },
    { "araa", "A+AB+B+" },
    { "axra", "A+AB-C+" },      /* A new one's end is a failure. */
    { "xaa", "A-B+B+" },

    /* What proves something is no reason to ask once more. */
    { "ahaa", "A+A-B+B+" },
    { "afaa", "A+A-B+B+" },
    { "a-aa", "A+A-B+B+" },

    /* What nobody asked for. */
    { "2aa", "A+B+B+" },
    { "a2a", "A+A+B+" },
    { "ga", "A+B+" },
    { "gfa", "A+B-C+" },
    { "Gfa", "A+B-C+" },
    { "Baa", "A+B+B+" },

    /* Down and in doubt: each has a connection of its own. */
    { "afffaaaa", "A+A-B-C-D+E+E+E+" },
};

START_TEST(scripts_are_played)
{
    const char *line = scripts[_i].line;
    unsigned int n = 0;

    for (const char *p = line; *p; p++) {
        n += *p == '+' || *p == '-';
    }
    setup(scripts[_i].script);
    play(n);
    ck_assert_str_eq(server.script, "");
    ck_assert_str_eq(ds_cstr(&server.line), line);
    teardown();
}
END_TEST

START_TEST(default_is_a_new_one)
{
    setup("aaa");
    check.keepalive = false;
    check_set_configure(set, &config, tpr_now_us());
    play(3);
    ck_assert_str_eq(ds_cstr(&server.line), "A+B+C+");
    teardown();
}
END_TEST

START_TEST(connection_is_replaced_now_and_then)
{
    struct ds script = DS_EMPTY_INITIALIZER;

    ds_put_char_multiple(&script, 'a', CHECK_MAX_USES + 2);
    setup(ds_cstr(&script));
    play(CHECK_MAX_USES + 2);
    ck_assert_uint_eq(server.n, 2);
    ck_assert(strstr(ds_cstr(&server.line), "A+A+B+B+"));
    teardown();
    ds_destroy(&script);
}
END_TEST

/* What clients have met, a new connection meets. */
START_TEST(suspect_is_asked_anew)
{
    setup("aaaa");
    play(2);
    ck_assert(check_set_suspect(set, &backend, 1, 0, TIMEOUT_US,
                                tpr_now_us()));
    play(4);
    ck_assert_str_eq(ds_cstr(&server.line), "A+A+B+B+");
    teardown();
}
END_TEST

/* Another check is another connection. */
START_TEST(connection_ends_with_its_check)
{
    setup("aaaa");
    play(2);
    check.path = CONST_CAST(char *, "/health");
    check_set_configure(set, &config, tpr_now_us());
    play(2);
    ck_assert_str_eq(ds_cstr(&server.line), "A+A+B+B+");
    teardown();
}
END_TEST

static Suite *
keep_suite(void)
{
    Suite *suite = suite_create("check-keep");
    TCase *tcase = tcase_create("check-keep");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, scripts_are_played, 0, ARRAY_SIZE(scripts));
    tcase_add_test(tcase, default_is_a_new_one);
    tcase_add_test(tcase, connection_is_replaced_now_and_then);
    tcase_add_test(tcase, suspect_is_asked_anew);
    tcase_add_test(tcase, connection_ends_with_its_check);
    suite_add_tcase(suite, tcase);
    return suite;
}
UNIT_MAIN_SUITE(keep_suite)
