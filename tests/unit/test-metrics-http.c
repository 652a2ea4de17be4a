/* SPDX-License-Identifier: Apache-2.0 */

/* Tests the HTTP server of metrics on real sockets of 127.0.0.1; what it
 * serves, test-metrics does. */

#include <config.h>
#include "metrics-http.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent.h"
#include "model.h"
#include "openvswitch/poll-loop.h"
#include "packets.h"
#include "tpr-time.h"
#include "unit.h"

enum { LIMIT_US = 20 * 1000 * 1000, LOOK_MS = 20 };

static struct tpr_config config;
static struct agent_view view = { .config = &config };
static struct metrics_http *http;

/* Returns a port that is free. */
static uint16_t
free_port(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert(!bind(fd, (struct sockaddr *) &sin, sizeof sin));
    getsockname(fd, (struct sockaddr *) &sin, &len);
    close(fd);
    return ntohs(sin.sin_port);
}

/* One turn of the main loop, of LOOK_MS at most. */
static void
turn(void)
{
    metrics_http_run(http, &view);
    metrics_http_wait(http);
    poll_timer_wait(LOOK_MS);
    poll_block();
}

static void
setup(void)
{
    in6_addr_set_mapped_ipv4(&config.metrics_addr, htonl(INADDR_LOOPBACK));
    config.metrics_port = free_port();
    http = metrics_http_create();
    turn();
    ck_assert_ptr_null(metrics_http_complaint(http));
}

static int
ask(void)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(config.metrics_port),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    ck_assert(!connect(fd, (struct sockaddr *) &sin, sizeof sin));
    ck_assert_int_eq(send(fd, request, strlen(request), 0), strlen(request));
    return fd;
}

static void
expect_answer(int fd)
{
    long long int end_us = tpr_now_us() + LIMIT_US;
    char buf[512];
    ssize_t n;

    while ((n = recv(fd, buf, sizeof buf - 1, MSG_DONTWAIT)) < 0) {
        ck_assert_int_lt(tpr_now_us(), end_us);
        turn();
    }
    buf[n] = '\0';
    ck_assert_msg(strstr(buf, " 404 "), "%s", buf);
    close(fd);
}

START_TEST(who_asks_has_an_answer)
{
    setup();
    expect_answer(ask());
    metrics_http_destroy(http);
}
END_TEST

/* More than it serves at a time: some wait, none is turned away. */
START_TEST(many_ask_at_once)
{
    enum { N = 60 };
    int fds[N];

    setup();
    for (int i = 0; i < N; i++) {
        fds[i] = ask();
        turn();
    }
    for (int i = 0; i < N; i++) {
        expect_answer(fds[i]);
    }
    metrics_http_destroy(http);
}
END_TEST

/* While there is no descriptor, it does not spin; whoever has asked has an
 * answer afterwards. */
START_TEST(shortage_is_waited_for)
{
    struct rlimit old, none;
    long long int us;
    int fd;

    setup();
    fd = ask();
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = fd + 1;
    ck_assert(!setrlimit(RLIMIT_NOFILE, &none));
    turn();
    us = tpr_now_us();
    turn();
    ck_assert_int_ge(tpr_now_us() - us, (LOOK_MS - 1) * 1000);
    ck_assert(!setrlimit(RLIMIT_NOFILE, &old));
    expect_answer(fd);
    metrics_http_destroy(http);
}
END_TEST

UNIT_MAIN("metrics-http", who_asks_has_an_answer, many_ask_at_once,
          shortage_is_waited_for)
